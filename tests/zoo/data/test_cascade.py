"""The simulator's cascade: pools, stages, what was shown and what was not, and the truth of all of it."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.config import ConfigError, parse
from zoo.data.columnar import encode
from zoo.data.layout import POOLS, SPLITS
from zoo.data.request import Request, check_request
from zoo.data.request_log import RequestLog
from zoo.data.simulator import CascadeConfig, SimulatorConfig, simulate, simulator_schema, write_simulated_log
from zoo.data.simulator.simulate import simulate_days
from zoo.metrics import auc, calibration
from zoo.stages import StageTag

CASCADE = CascadeConfig(pool=120, coarse=90, fine=30, fine_samples=3, coarse_samples=2, recalled_samples=1, pools=150,
                        outside=0.5)
SMALL = SimulatorConfig(requests=2_000, users=250, items=600, base=-4.5, labels=("click", "purchase"), cascade=CASCADE)
COUNTS = {StageTag.EXPOSED: 8, StageTag.FINE: 22, StageTag.COARSE: 60, StageTag.RECALLED: 30}


def changed(**settings) -> SimulatorConfig:
    return SMALL.model_copy(update={"cascade": CASCADE.model_copy(update=settings)})


@pytest.fixture(scope="module")
def requests() -> list[tuple[str, Request]]:
    return list(simulate(SMALL))


@pytest.fixture(scope="module")
def pools(requests) -> list[Request]:
    return [request for split, request in requests if split == POOLS]


@pytest.fixture(scope="module")
def sampled(requests) -> list[Request]:
    return [request for split, request in requests if split != POOLS]


def column(requests: list[Request], kind: str, name: str) -> np.ndarray:
    """`[R, N]` labels, truth or marks."""
    return np.array([getattr(request, kind)[name] for request in requests])


def test_every_request_fits_the_schema_and_has_its_own_id(requests):
    schema = simulator_schema(SMALL)
    for _, request in requests:
        check_request(schema, request)
    assert len({request.request_id for _, request in requests}) == SMALL.requests


def test_the_same_seed_gives_the_same_log():
    def log(seed: int) -> list[tuple[str, list[bytes]]]:
        return [(split, encode(batch)) for split, batch in simulate_days(SMALL.model_copy(update={"seed": seed}))]

    assert log(1) == log(1) != log(2)


def test_a_pool_has_every_stage_in_the_order_of_the_cascade(pools):
    assert len(pools) == 150
    for request in pools:
        stages = request.marks["stage"]
        assert stages == sorted(stages, reverse=True)
        assert {tag: stages.count(tag) for tag in StageTag} == COUNTS
        assert len(set(request.candidates["item"])) == CASCADE.pool


def test_a_training_request_has_the_page_and_some_of_every_stage(sampled):
    for request in sampled:
        stages = request.marks["stage"]
        assert [stages.count(tag) for tag in StageTag] == [1, 2, 3, 8]
        assert len(set(request.candidates["item"])) == 14


def test_pools_are_requests_of_the_last_day_that_the_test_split_lacks(requests):
    days = {split: {(r.time - SMALL.start) // 86_400 for s, r in requests if s == split} for split in (*SPLITS, POOLS)}
    assert days["test"] == days[POOLS] == {SMALL.days - 1}
    ids = [{r.request_id for s, r in requests if s == split} for split in ("test", POOLS)]
    assert len(ids[0]) == 100 and len(ids[1]) == 150 and not ids[0] & ids[1]


def test_only_what_was_shown_has_labels(pools, sampled):
    for several in (pools, sampled):
        shown = column(several, "marks", "stage") == StageTag.EXPOSED
        click, purchase = (column(several, "labels", name) for name in ("click", "purchase"))
        np.testing.assert_array_equal(np.isnan(click), ~shown)
        np.testing.assert_array_equal(np.isnan(purchase), ~(click == 1))
        for name in ("click", "purchase"):
            truth = column(several, "truth", name)
            assert ((truth > 0) & (truth < 1)).all()


def test_labels_are_drawn_from_the_truth(sampled):
    shown = column(sampled, "marks", "stage") == StageTag.EXPOSED
    click, truth = column(sampled, "labels", "click")[shown], column(sampled, "truth", "click")[shown]
    measured = calibration(click, truth)
    assert 0.05 < click.mean() < 0.5 and measured.ratio == pytest.approx(1, abs=0.06) and measured.ece < 0.02
    purchase, desire = column(sampled, "labels", "purchase")[shown], column(sampled, "truth", "purchase")[shown]
    bought = ~np.isnan(purchase)
    assert calibration(purchase[bought], desire[bought]).ratio == pytest.approx(1, abs=0.15)


def test_each_stage_is_better_than_the_one_before_and_none_is_perfect(pools):
    stage, truth = column(pools, "marks", "stage"), column(pools, "truth", "click")
    means = [truth[stage == tag].mean() for tag in StageTag]
    # What nobody scored was never cut, so it is better than what coarse ranking cut.
    assert means[StageTag.EXPOSED] > 2 * means[StageTag.FINE] > 4 * means[StageTag.COARSE]
    assert means[StageTag.COARSE] < means[StageTag.RECALLED] < means[StageTag.FINE]
    for tag in (StageTag.COARSE, StageTag.FINE):
        order = auc((stage[stage >= tag] > tag).astype(float), truth[stage >= tag])
        assert 0.7 < order < 0.99


def test_a_perfect_fine_ranker_shows_the_best_of_what_it_scored():
    config = changed(fine_noise=0.0).model_copy(update={"exploration": 0.0, "position_decay": 0.0})
    for split, request in simulate(config):
        if split == POOLS:
            truth = np.array(request.truth["click"])
            assert (np.diff(truth[:30]) <= 0).all()  # the page, and what was scored and not shown, best first
            break


def test_exploration_shows_what_fine_ranking_would_not():
    config = changed(fine_noise=0.0).model_copy(update={"exploration": 0.5, "position_decay": 0.0})
    pages = np.array([r.truth["click"] for s, r in simulate(config) if s == POOLS])
    best_left = pages[:, 8:30].max(1)
    assert 0.2 < (pages[:, :8] < best_left[:, None]).mean() < 0.6
    assert (np.diff(pages[:, :8], axis=1) <= 0).all()


def test_the_truth_of_what_was_not_shown_is_that_of_a_place_drawn_at_random():
    """With the same draws, positions divide what is shown by the place's examination, and all others by the mean of them."""
    def truth(decay: float) -> np.ndarray:
        return np.array(next(r for _, r in simulate(SMALL.model_copy(update={"position_decay": decay}))).truth["click"])

    examined = 1 / (1 + 0.12 * np.arange(8))
    np.testing.assert_allclose(truth(0.12) / truth(0.0), [*examined, *[examined.mean()] * 6], rtol=1e-5)


def test_purchases_outside_are_bound_to_requests_and_always_logged(pools, sampled):
    for several in (pools, sampled):
        bought = column(several, "marks", "bought_outside")
        assert set(np.unique(bought)) == {0, 1} and (bought.sum(1) <= 1).all()
        assert bought.sum(1).mean() == pytest.approx(0.5, abs=0.1)
    # They know nothing of the cascade: what it cut is bought as well, and what appeals more, more often.
    bought, stage = column(pools, "marks", "bought_outside") > 0, column(pools, "marks", "stage")
    assert (stage[bought] < StageTag.EXPOSED).mean() > 0.3
    assert column(pools, "truth", "click")[bought].mean() > 3 * column(pools, "truth", "click").mean()


def test_recall_finds_by_interest_by_popularity_and_at_random():
    def found(interest: float, popular: float) -> tuple[float, float]:
        """Share of the pools in the categories that the user clicked, and of the 60 most frequent items."""
        pools = [r for s, r in simulate(changed(interest=interest, popular=popular)) if s == POOLS]
        liked = [np.isin(r.candidates["category"], r.sequences["history"]["category"]).mean() for r in pools]
        counts = np.unique(np.concatenate([r.candidates["item"] for r in pools]), return_counts=True)[1]
        return float(np.mean(liked)), float(np.sort(counts)[-60:].sum() / counts.sum())

    by_interest, popular, at_random = found(1.0, 0.0), found(0.0, 1.0), found(0.0, 0.0)
    assert by_interest[0] > 1.5 * at_random[0] and popular[1] > 1.5 * at_random[1]


def test_a_pool_of_nearly_everything_is_filled():
    config = changed(pool=380, coarse=200)
    for split, request in simulate(config):
        if split == POOLS:
            assert len(set(request.candidates["item"])) == 380


def test_settings_that_no_cascade_can_have_are_refused():
    with pytest.raises(ConfigError, match="each stage passes fewer on"):
        parse(SimulatorConfig, {"cascade": {"fine": 500, "coarse": 400}})
    with pytest.raises(ConfigError, match=r"a page of 8 is chosen from what fine ranking scores; got cascade.fine 7"):
        parse(SimulatorConfig, {"cascade": {"fine": 7}})
    with pytest.raises(ConfigError, match=r"the last day has 1000 requests.*got cascade.pools 1000"):
        parse(SimulatorConfig, {"cascade": {"pools": 1_000}})
    with pytest.raises(ConfigError, match="sum up to 1 at most"):
        parse(SimulatorConfig, {"cascade": {"interest": 0.8, "popular": 0.3}})
    with pytest.raises(ConfigError, match=r"a pool has 2000 different items, and only \d+ of the 2000"):
        next(simulate(SimulatorConfig(cascade=CascadeConfig())))


def test_written_log_has_its_pools_beside_the_splits(tmp_path, pools):
    log = write_simulated_log(SMALL, tmp_path / "log")
    assert log.splits == [*SPLITS, POOLS] and RequestLog(log.path).manifest["splits"][POOLS]["candidates"] == 150 * 120
    written = list(log.requests(POOLS))
    assert [r.request_id for r in written] == [r.request_id for r in pools]
    np.testing.assert_array_equal(column(written, "marks", "stage"), column(pools, "marks", "stage"))
    plain = write_simulated_log(SimulatorConfig(requests=300, users=100), tmp_path / "plain")
    assert plain.splits == list(SPLITS) and not (tmp_path / "plain" / POOLS).exists() and not plain.schema.marks
