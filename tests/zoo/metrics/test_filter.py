"""Metrics of a coarse ranker as a filter: by hand, by every order of ties, and what must not change them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.metrics import MetricError, PoolMean, pool_hit_rate, pool_ranks, teacher_ndcg, teacher_share

SCORES = st.lists(st.integers(0, 3), min_size=2, max_size=5)


def orders(scores: list[int]) -> list[list[int]]:
    """Every order of candidates that the scores allow, ties in each way."""
    return [list(order) for order in itertools.permutations(range(len(scores)))
            if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))]


def one(scores) -> object:
    return pool_ranks(np.zeros(len(scores)), scores)


def test_ranks_by_hand():
    ranks = pool_ranks(["b", "a", "b", "a", "b"], [.2, .9, .7, .9, .2])
    assert ranks.request.tolist() == [1, 0, 1, 0, 1] and ranks.size.tolist() == [2, 3]
    assert ranks.higher.tolist() == [1, 0, 0, 0, 1] and ranks.same.tolist() == [2, 2, 1, 2, 2]
    assert ranks.chance(1).tolist() == [0, 0.5, 1, 0.5, 0]
    assert ranks.chance(2).tolist() == [0.5, 1, 1, 1, 0.5]
    np.testing.assert_allclose(ranks.discount(2), [0.5 / np.log2(3), (1 + 1 / np.log2(3)) / 2, 1,
                                                   (1 + 1 / np.log2(3)) / 2, 0.5 / np.log2(3)])


def test_share_by_hand():
    requests = [0] * 5 + [1] * 3
    student, teacher = pool_ranks(requests, [5, 4, 3, 2, 1, 3, 2, 1]), pool_ranks(requests, [1, 5, 2, 4, 3, 1, 3, 2])
    # The first: the teacher's two best are the second and the fourth; of the student's first three, the second is there.
    # The second has no more than three candidates and does not count.
    assert teacher_share(student, teacher, k=2, m=3) == PoolMean(0.5, 1)
    # m = 2: of the first, again the second alone; of the second request, of its second and third, the second alone.
    assert teacher_share(student, teacher, k=2, m=2) == PoolMean(1.0, 2)
    assert teacher_share(student, teacher, k=1, m=2).value == 1.0
    assert math.isnan(teacher_share(student, teacher, k=1, m=5).value)


def test_a_request_with_fewer_than_k_candidates_has_all_of_them_chosen():
    ranks = one([3, 2, 1])
    assert teacher_share(ranks, ranks, k=10, m=2).value == pytest.approx(2 / 3)


def test_ndcg_by_hand():
    requests, gains = [0, 0, 0, 1, 1, 2, 2, 2], [.1, .4, .2, .9, .1, 0, 0, 0]
    student, teacher = pool_ranks(requests, [3, 2, 1, 1, 2, 3, 2, 1]), pool_ranks(requests, gains)
    expected = (.1 + .4 / np.log2(3)) / (.4 + .2 / np.log2(3))
    # No more than two candidates, or no gain at all, say nothing.
    assert teacher_ndcg(student, teacher, gains, k=2) == PoolMean(pytest.approx(expected), 1)
    gains, student = gains[:3], pool_ranks([0] * 3, [3, 2, 1])
    teacher = pool_ranks([0] * 3, gains)
    assert teacher_ndcg(student, teacher, gains, k=1).value == pytest.approx(.1 / .4)


def test_hit_rate_by_hand():
    ranks = pool_ranks([0, 0, 0, 1, 1, 1, 1, 2], [3, 2, 1, 4, 3, 2, 1, 1])
    happened = [1, np.nan, 1, 0, 1, 0, 1, 1]
    assert pool_hit_rate(ranks, happened, m=2) == PoolMean(2, 4)  # the third request keeps all, whatever its filter
    assert pool_hit_rate(ranks, happened, m=3) == PoolMean(1, 2)
    assert math.isnan(pool_hit_rate(ranks, np.zeros(8), m=2).value)


def test_means_add_up():
    assert PoolMean(1, 2) + PoolMean(3, 4) == PoolMean(4, 6)
    requests, scores, gains = [0, 0, 0, 1, 1, 1], [1, 2, 3, 2, 1, 3], [.5, .1, .2, .3, .3, .9]
    def metrics(part):
        student, teacher = pool_ranks(requests[part], scores[part]), pool_ranks(requests[part], gains[part])
        return [teacher_share(student, teacher, 1, 2), teacher_ndcg(student, teacher, gains[part], 2),
                pool_hit_rate(student, [1, 0, 1, 0, 1, 1][part], 2)]

    apart = [first + second for first, second in zip(metrics(slice(0, 3)), metrics(slice(3, 6)), strict=True)]
    for together, added in zip(metrics(slice(0, 6)), apart, strict=True):
        assert together.total == pytest.approx(added.total) and together.count == added.count


@settings(max_examples=60, deadline=None)
@given(SCORES, st.data())
def test_ties_are_the_mean_over_all_orders(scores, data):
    k, m = data.draw(st.integers(1, 5)), data.draw(st.integers(1, len(scores) - 1))
    teacher = data.draw(st.lists(st.integers(0, 3), min_size=len(scores), max_size=len(scores)))
    events = data.draw(st.lists(st.integers(0, 1), min_size=len(scores), max_size=len(scores)))
    shares = [len(set(ours[:m]) & set(theirs[:k])) / min(k, len(scores))
              for ours in orders(scores) for theirs in orders(teacher)]
    assert teacher_share(one(scores), one(teacher), k, m).value == pytest.approx(np.mean(shares))
    hits = [sum(events[place] for place in order[:m]) for order in orders(scores)]
    assert pool_hit_rate(one(scores), events, m).total == pytest.approx(np.mean(hits))
    gained = [sum(teacher[place] / np.log2(2 + rank) for rank, place in enumerate(order[:k])) for order in orders(scores)]
    best = sum(gain / np.log2(2 + rank) for rank, gain in enumerate(sorted(teacher, reverse=True)[:k]))
    if best and k < len(scores):
        assert teacher_ndcg(one(scores), one(teacher), teacher, k).value == pytest.approx(np.mean(gained) / best)


@settings(max_examples=40, deadline=None)
@given(SCORES, st.data())
def test_what_must_not_change_them(scores, data):
    """Monotone transforms of a request's scores, and the order of the candidates; more room lets no less through."""
    count = len(scores)
    teacher = np.array(data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)))
    events, order = np.array(data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))), np.arange(count)
    data.draw(st.randoms(use_true_random=False)).shuffle(order)
    scores = np.array(scores)

    def metrics(scores, teacher, events, m=1):
        student, taught = one(scores), one(teacher)
        return [teacher_share(student, taught, 2, m).value, pool_hit_rate(student, events, m).total,
                teacher_ndcg(student, taught, teacher, count - 1).value]

    expected = metrics(scores, teacher, events)
    np.testing.assert_allclose(metrics(np.exp(scores) - 7, teacher, events), expected)
    np.testing.assert_allclose(metrics(scores[order], teacher[order], events[order]), expected)
    if count > 2:
        more = metrics(scores, teacher, events, m=2)
        assert more[0] >= expected[0] - 1e-12 and more[1] >= expected[1] - 1e-12


def test_the_teacher_itself_and_one_who_knows_nothing():
    rng = np.random.default_rng(0)
    requests, teacher = np.repeat(np.arange(20), 100), rng.random(2_000)
    ranks = pool_ranks(requests, teacher)
    assert teacher_share(ranks, ranks, 10, 30).value == 1.0
    assert teacher_ndcg(ranks, ranks, teacher, 50).value == pytest.approx(1.0)
    nothing = pool_ranks(requests, np.ones(2_000))
    assert teacher_share(nothing, ranks, 10, 30).value == pytest.approx(0.3)
    assert pool_hit_rate(nothing, rng.random(2_000) < 0.1, 30).value == pytest.approx(0.3)
    assert teacher_share(pool_ranks(requests, -teacher), ranks, 10, 30).value == 0.0


def test_wrong_input_is_named():
    with pytest.raises(MetricError, match="1 of 2 scores are NaN"):
        pool_ranks([0, 0], [1, float("nan")])
    with pytest.raises(MetricError, match="equally long; got 1, 2"):
        pool_ranks([0], [1, 2])
