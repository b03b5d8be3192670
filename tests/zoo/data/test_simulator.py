"""The marketplace simulator: seeded, in order of time, calibrated to its own truth."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from tests.zoo.data.catalogues import assert_candidates_stand_in_the_catalogue
from zoo.commands.data import data
from zoo.config import ConfigError, parse
from zoo.data.request import check_request
from zoo.data.request_log import RequestLog
from zoo.data.simulator import (
    SimulatorConfig,
    TrendsConfig,
    simulate,
    simulator_schema,
    write_simulated_days,
    write_simulated_log,
)
from zoo.data.simulator.market import Assortment
from zoo.data.simulator.simulate import simulate_days
from zoo.metrics import auc, calibration

SMALL = SimulatorConfig(requests=6_000, users=300, items=500)


@pytest.fixture(scope="module")
def requests():
    return list(simulate(SMALL))


def flat(requests, kind: str) -> np.ndarray:
    return np.concatenate([getattr(request, kind)["click"] for _, request in requests])


def test_the_same_seed_gives_the_same_log(requests):
    again = [pair for pair, _ in zip(simulate(SMALL), range(500), strict=False)]
    assert again == requests[:500]
    other = next(simulate(SMALL.model_copy(update={"seed": 2})))
    assert other != requests[0]


def test_every_request_fits_the_schema_and_has_its_own_id(requests):
    schema = simulator_schema(SMALL)
    for _, request in requests:
        check_request(schema, request)
    assert len({request.request_id for _, request in requests}) == SMALL.requests


def test_no_page_shows_an_item_twice(requests):
    for _, request in requests:
        assert len(set(request.candidates["item"])) == SMALL.page


def test_a_leaf_with_few_items_is_filled_up_from_the_assortment_and_a_small_assortment_refused():
    few = SimulatorConfig(requests=400, users=100, items=50, roots=8, leaves=8, page=20)
    for _, request in simulate(few):
        assert len(set(request.candidates["item"])) == 20
    with pytest.raises(ConfigError, match=r"a page shows 60 different items, and only \d\d of the 50"):
        next(simulate(few.model_copy(update={"page": 60})))


def test_days_follow_each_other_and_the_last_two_are_held_out(requests):
    times = np.array([request.time for _, request in requests])
    assert (np.diff(times) >= 0).all()
    days = (times - SMALL.start) // 86_400
    splits = np.array([split for split, _ in requests])
    assert set(days[splits == "test"]) == {SMALL.days - 1} and set(days[splits == "validation"]) == {SMALL.days - 2}


@pytest.mark.parametrize("scenario", [
    {}, {"trends": {"lifetime": 3.0}}, {"cascade": {"pool": 100, "coarse": 40, "fine": 20, "pools": 5}},
    {"live": {"hosts": 20}, "base": -3.0}], ids=["shop", "trends", "cascade", "live"])
def test_a_longer_test_split_leaves_the_days_before_it_as_they_are(scenario):
    def days(requests: int, **more: int) -> list[tuple[str, str]]:
        config = parse(SimulatorConfig, {"users": 100, "items": 300, "requests": requests} | scenario | more)
        return [(split, str(batch.to_pylist())) for split, batch in simulate_days(config)]

    short, long = days(400), days(600, test_days=3)
    assert [split for split, _ in short if split != "pools"] == ["train", "train", "validation", "test"]
    assert [split for split, _ in long if split != "pools"] == ["train", "train", "validation", "test", "test", "test"]
    assert short[:3] == long[:3]


def test_labels_are_drawn_from_the_truth(requests):
    labels, truth = flat(requests, "labels"), flat(requests, "truth")
    measured = calibration(labels, truth, bins=10)
    assert measured.ratio == pytest.approx(1, abs=0.03) and measured.ece < 0.01
    assert 0.03 < labels.mean() < 0.2
    assert auc(labels, truth) > 0.75


def test_later_positions_are_clicked_less(requests):
    rates = np.array([request.labels["click"] for _, request in requests]).mean(0)
    assert rates[0] > 1.5 * rates[-1]
    examined = SMALL.model_copy(update={"position_decay": 0.0})
    flatter = np.array([r.labels["click"] for _, r in simulate(examined)]).mean(0)
    assert flatter[-1] / flatter[0] > rates[-1] / rates[0]


def test_history_is_what_the_user_clicked_before(requests):
    clicked: dict[str, list[str]] = {}
    for _, request in sorted(requests, key=lambda pair: pair[1].time):
        user = request.features["user_id"]
        assert request.sequences["history"]["item"] == clicked.setdefault(user, [])[-SMALL.history:]
        gaps = request.sequences["history"]["gap"]
        assert all(a >= b >= 0 for a, b in zip(gaps, gaps[1:], strict=False))
        clicked[user] += [item for item, label in zip(request.candidates["item"], request.labels["click"], strict=True)
                          if label]


@pytest.mark.slow
def test_users_have_several_interests_that_drift():
    def favourites(drift: float) -> float:
        """Share of a user's late clicks in the leaf categories of the early ones."""
        early, late = {}, {}
        config = SimulatorConfig(requests=9_000, users=100, items=500, drift=drift, exploration=0.0)
        for number, (_, request) in enumerate(simulate(config)):
            clicks = [c for c, label in zip(request.candidates["category"], request.labels["click"], strict=True) if label]
            (early if number < 3_000 else late if number > 6_000 else {}).setdefault(
                request.features["user_id"], []).extend(clicks)
        shares = [np.mean([c in set(early[u]) for c in late[u]]) for u in late if u in early and late[u] and early[u]]
        return float(np.mean(shares))

    assert favourites(0.0) > favourites(0.3) + 0.1


def test_purchases_are_observed_for_clicks_only():
    config = SMALL.model_copy(update={"labels": ("click", "purchase"), "requests": 1_000, "users": 100})
    for _, request in simulate(config):
        for click, bought in zip(request.labels["click"], request.labels["purchase"], strict=True):
            assert np.isnan(bought) == (click == 0)


def test_written_log_can_be_recognised_and_read(tmp_path):
    config = SimulatorConfig(requests=600, users=100)
    seen = []
    write_simulated_log(config, tmp_path / "log", on_progress=lambda done, total: seen.append((done, total)))
    log = RequestLog(tmp_path / "log")
    said = log.manifest["source"]["config"]
    assert parse(SimulatorConfig, said) == config and seen[-1] == (600, 600)
    assert sum(count["requests"] for count in log.manifest["splits"].values()) == 600


def test_the_catalogue_has_every_candidate_since_its_birth(tmp_path):
    config = SimulatorConfig(requests=1_200, users=100, items=100)
    log = write_simulated_log(config, tmp_path / "log")
    assert_candidates_stand_in_the_catalogue(log)
    catalogue = log.catalogue()
    assert catalogue.item_count == len(catalogue) == 100
    for request in log.requests("test"):
        for item, age in zip(request.candidates["item"], request.candidates["age_days"], strict=True):
            day = (request.time - config.start) // 86_400
            assert catalogue.as_of(item, request.time).valid_from == config.start + 86_400 * (day - age)
    born = [row.valid_from for row in catalogue.rows()]
    assert min(born) < config.start < max(born)


def test_purchases_are_given_the_click():
    click, purchase = simulator_schema(SimulatorConfig(labels=("click", "purchase"))).labels
    assert (click.given, purchase.given, purchase.entire_space) == (None, "click", False)


def test_too_short_a_log_is_refused():
    with pytest.raises(ConfigError, match="last 5 days; the splits need at least 6: ask for more requests or fewer users"):
        parse(SimulatorConfig, {"requests": 500, "users": 100, "test_days": 4})
    with pytest.raises(ConfigError, match="need at least 3"):
        parse(SimulatorConfig, {"requests": 200, "users": 1_000})


def test_a_wrong_setting_is_named_where_it_was_given(tmp_path):
    config = tmp_path / "shop.yaml"
    config.write_text("items: 3\n")
    run = CliRunner().invoke(data, ["simulate", "--out", str(tmp_path / "log"), "--config", str(config), "--requests", "10"])
    lines = str(run.exception).splitlines()
    assert lines[0].startswith("--requests: ") and lines[1].startswith(f"{config}.items: ")


def test_a_log_of_each_day_has_the_requests_of_the_whole_log(tmp_path):
    config = SimulatorConfig(requests=300, users=100, items=200)
    paths = write_simulated_days(config, tmp_path / "days")
    assert [path.rpartition("/")[2] for path in paths] == ["2023-11-15", "2023-11-16", "2023-11-17"]
    days = [RequestLog(path) for path in paths]
    assert [request for day in days for split in day.splits for request in day.requests(split)] == [
        request for _, request in simulate(config)]
    for number, day in enumerate(days):
        midnight = config.start + 86_400 * number
        for split, (begin, end) in {"train": (0, 18), "validation": (18, 21), "test": (21, 24)}.items():
            assert all(begin * 3600 <= request.time - midnight < end * 3600 for request in day.requests(split))
        assert_candidates_stand_in_the_catalogue(day)


def test_fashions_turn_over_and_items_go_without_changing_anything_else():
    plain = SimulatorConfig(requests=3_000, users=300, items=500)
    still = plain.model_copy(update={"trends": TrendsConfig(fashion=0.0)})
    assert list(simulate(still)) == list(simulate(plain))

    moved = plain.model_copy(update={"trends": TrendsConfig(fashion=2.0, turnover=0.2, lifetime=3.0)})
    goods = Assortment(moved, np.random.default_rng(1))
    assert goods.trends is not None
    first = goods.trends.fashion
    for _ in range(5):
        goods.trends.night()
    assert np.std(first) == pytest.approx(2.0, abs=0.3) == np.std(goods.trends.fashion)
    assert np.corrcoef(first, goods.trends.fashion)[0, 1] == pytest.approx(0.8 ** 2.5, abs=0.2)
    until = dict(enumerate(goods.trends.sold_until))
    shown = [(int(item[1:]), (request.time - moved.start) // 86_400) for _, request in simulate(moved)
             for item in request.candidates["item"]]
    assert all(day < until[item] for item, day in shown) and np.isfinite(goods.trends.sold_until).all()


def test_trends_of_a_marketplace_that_dies_out_are_refused():
    dying = SimulatorConfig(requests=3_000, users=100, items=60, trends=TrendsConfig(lifetime=0.5))
    with pytest.raises(ConfigError, match="only .* are sold on day .*trends.lifetime"):
        list(simulate(dying))
    with pytest.raises(ConfigError, match="trends"):
        parse(SimulatorConfig, {"trends": {}, "live": {}}, where="settings")
