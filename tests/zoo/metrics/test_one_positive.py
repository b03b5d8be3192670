"""HR and NDCG of one positive: by hand, against sorting, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.metrics import MetricError, hit_rate, ndcg, positive_ranks
from zoo.training import Scored

# For each request: the scores of its candidates, and which of them is the positive one.
pages = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=12).flatmap(
    lambda scores: st.tuples(st.just(scores), st.integers(0, len(scores) - 1))), min_size=1, max_size=8)


def flat(requests) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ids = np.concatenate([[number] * len(scores) for number, (scores, _) in enumerate(requests)])
    labels = np.concatenate([[float(k == positive) for k in range(len(scores))] for scores, positive in requests])
    return ids, labels, np.concatenate([scores for scores, _ in requests]).astype(float)


def test_by_hand():
    # a: 1 above it, 1 beside it: 1 + 1 + 1/2. b: the best. c: 5 above it.
    ids = ["a"] * 3 + ["b"] * 2 + ["c"] * 6
    labels = [0, 1, 0] + [1, 0] + [0, 0, 0, 0, 0, 1]
    scores = [0.9, 0.5, 0.5] + [0.8, 0.1] + [0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    ranks = positive_ranks(ids, labels, scores)
    assert ranks.tolist() == [2.5, 1.0, 6.0]
    assert [hit_rate(ranks, k) for k in (2, 5, 6)] == pytest.approx([1 / 3, 2 / 3, 1])
    assert ndcg(ranks, 5) == pytest.approx((1 / np.log2(3.5) + 1) / 3)
    assert ndcg([1, 3, 7], 5) == 0.5 and ndcg([1, 3, 7], 7) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


@settings(max_examples=100, deadline=None)
@given(pages)
def test_the_rank_is_the_mean_place_over_all_orders_of_ties(requests):
    for rank, (scores, positive) in zip(positive_ranks(*flat(requests)), requests, strict=True):
        own = scores[positive]
        places = [1 + sum(s > own for s in scores) + before for before in range(sum(s == own for s in scores))]
        assert rank == pytest.approx(np.mean(places))


@settings(max_examples=100, deadline=None)
@given(pages, st.randoms(use_true_random=False), st.integers(1, 12))
def test_order_and_monotone_changes_do_not_matter(requests, random, k):
    ids, labels, scores = flat(requests)
    ranks = positive_ranks(ids, labels, scores)
    order = random.sample(range(len(ids)), len(ids))
    np.testing.assert_array_equal(positive_ranks(ids[order], labels[order], np.exp(scores / 3 + ids)[order]), ranks)
    assert 0 <= ndcg(ranks, k) <= hit_rate(ranks, k) <= hit_rate(ranks, k + 1) <= 1


def test_equal_scores_are_neither_a_hit_nor_free():
    ids, labels = np.repeat(np.arange(3), 100), np.tile(np.eye(1, 100).ravel(), 3)
    ranks = positive_ranks(ids, labels, np.zeros(300))
    assert ranks.tolist() == [50.5] * 3 and hit_rate(ranks, 10) == ndcg(ranks, 10) == 0.0


def test_what_is_not_one_positive_is_refused_and_no_weight_is_no_candidate():
    assert positive_ranks(["a", "a", "a"], [1, 0, 1], [0.1, 0.9, 0.5], [1, 1, 0]).tolist() == [2.0]
    with pytest.raises(MetricError, match="2 of 3 requests have not exactly one positive"):
        positive_ranks(["a", "a", "b", "c"], [1, 1, 0, 1], [0.1, 0.2, 0.3, 0.4])
    with pytest.raises(MetricError, match="equally long"):
        positive_ranks(["a"], [1, 0], [0.1, 0.2])
    with pytest.raises(MetricError, match="NaN"):
        positive_ranks(["a", "a"], [1, 0], [np.nan, 0.2])
    assert np.isnan(hit_rate([], 5)) and np.isnan(ndcg([], 5))


def scored(pages_of: int, candidates: int, positives: int = 1) -> Scored:
    labels = np.tile([1.0] * positives + [0.0] * (candidates - positives), pages_of)
    ids = np.repeat([f"q{k}".encode() for k in range(pages_of)], candidates)
    scores = np.tile(np.linspace(0.1, 0.9, candidates), pages_of)
    return Scored({"click": labels}, {"click": scores}, {"click": np.ones_like(labels)}, keys={"request_id": ids, "user": ids})


def test_evaluation_reports_them_of_leave_one_out_alone():
    metrics = scored(4, 12).metrics("user", "click")
    assert {name: metrics[name] for name in ("hr_at_5", "ndcg_at_5", "hr_at_10", "ndcg_at_10")} == dict.fromkeys(
        ("hr_at_5", "ndcg_at_5", "hr_at_10", "ndcg_at_10"), 0.0)
    # Among three candidates every positive is in the first five, and of two positives the metrics are not defined.
    for other in (scored(4, 3), scored(4, 40, positives=2)):
        assert not any(name.startswith(("hr_", "ndcg_")) for name in other.metrics("user", "click"))
