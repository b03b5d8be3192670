"""The live scenario: rooms that are open, shelves that change, features as of the tick, orders that come late."""

from __future__ import annotations

import collections

import numpy as np
import pytest

from zoo.config import ConfigError, parse
from zoo.data.columnar import check_batch
from zoo.data.request import Request
from zoo.data.simulator import SimulatorConfig, simulate, write_simulated_log
from zoo.data.simulator.market import DAY
from zoo.data.simulator.schema import simulator_schema
from zoo.data.simulator.simulate import simulate_days

TICK = 300
SETTINGS = {"requests": 1_500, "users": 300, "items": 400, "base": -3.0, "live": {"hosts": 40, "delay_hours": 6.0}}


@pytest.fixture(scope="module")
def config() -> SimulatorConfig:
    return parse(SimulatorConfig, SETTINGS)


@pytest.fixture(scope="module")
def log(config) -> list[tuple[str, Request]]:
    return list(simulate(config))


def moment(config: SimulatorConfig, request: Request) -> tuple[int, int]:
    """Day and tick of a request."""
    day, second = divmod(request.time - config.start, DAY)
    return day, second // TICK


def test_requests_are_in_order_and_divided_by_day(config, log):
    times = [request.time for _, request in log]
    assert times == sorted(times) and len({request.request_id for _, request in log}) == len(log) == 1_500
    assert [split for split, _ in log] == ["train"] * 900 + ["validation"] * 300 + ["test"] * 300
    check_batch(simulator_schema(config), next(batch for _, batch in simulate_days(config)))


def test_counters_know_what_was_published_before_the_request_and_nothing_later(config, log):
    """Counted again from the labels of the log itself."""
    by_tick = {what: collections.Counter() for what in ("impressions", "clicks")}
    for _, request in log:
        day, tick = moment(config, request)
        for host, click in zip(request.candidates["host"], request.labels["click"], strict=True):
            by_tick["impressions"][host, day, tick] += 1
            by_tick["clicks"][host, day, tick] += int(click)
    for what, counted in by_tick.items():
        days = collections.Counter()
        for (host, day, _), count in counted.items():
            days[host, day] += count
        for _, request in log[::40]:
            day, tick = moment(config, request)
            for place, host in enumerate(request.candidates["host"]):
                ago = [counted[host, day, tick - back] for back in range(12, 0, -1)]
                assert request.candidates[f"recent_{what}"][place] == ago
                assert request.candidates[f"{what}_30m"][place] == sum(ago[-6:])
                today = sum(count for (of, on, at), count in counted.items() if (of, on) == (host, day) and at < tick)
                for window in (3, 7, 15):
                    before = sum(days[host, day - back] for back in range(1, window))
                    assert request.candidates[f"{what}_{window}d"][place] == before + today


def test_who_is_in_a_room_is_counted_from_tick_to_tick(config, log):
    """Counted again from when a user came and how long it stayed, in the rooms that are open all day."""
    always, watching = {f"host{number}" for number in range(config.page)}, collections.Counter()
    for _, request in log:
        (day, tick), second = moment(config, request), (request.time - config.start) % DAY
        for host, click, stay in zip(request.candidates["host"], request.labels["click"], request.labels["stay"], strict=True):
            if click and host in always:
                watching.update((host, day, later) for later in range(tick, min(int(second + np.expm1(stay)) // TICK, 287) + 1))
    assert len({key for key, count in watching.items() if count > 1}) > 10
    for _, request in log[::10]:
        day, tick = moment(config, request)
        for host, found in zip(request.candidates["host"], request.candidates["recent_watching"], strict=True):
            if host in always:
                assert found == [watching[host, day, tick - back] for back in range(12, 0, -1)]


def test_a_users_rooms_are_the_ones_that_were_entered_before(config, log):
    entered = collections.defaultdict(list)
    for _, request in log:
        user, past = request.features["user_id"], request.sequences
        expected = entered[user][-30:]
        assert past["rooms"]["host"] == [host for host, _, _ in expected]
        np.testing.assert_allclose(past["rooms"]["stay"], [stay for _, stay, _ in expected], rtol=1e-5)
        assert past["rooms"]["gap"] == [request.time - at for *_, at in expected]
        for place in np.flatnonzero(np.array(request.labels["click"]) == 1):
            entered[user].append((request.candidates["host"][place], request.labels["stay"][place], request.time))


def test_labels_are_there_where_something_could_happen(log):
    for _, request in log:
        click, stay, order = (np.array(request.labels[name]) for name in ("click", "stay", "order"))
        np.testing.assert_array_equal(np.isnan(stay), click == 0)
        np.testing.assert_array_equal(np.isnan(order), click == 0)
        assert (stay[click == 1] >= 0).all()


def test_an_order_that_came_after_the_training_days_is_not_seen(config, log):
    train = [request for split, request in log if split == "train"]
    clicked = np.concatenate([np.array(request.labels["click"]) == 1 for request in train])
    columns = {name: np.concatenate([np.array(getattr(request, kind)[name]) for request in train])[clicked] for kind, name in
               (("labels", "order"), ("marks", "ordered_ever"), ("marks", "waited"), ("marks", "order_after"))}
    seen = columns["order"] == 1
    assert (np.isnan(columns["order_after"]) == ~seen).all() and (columns["order_after"] <= columns["waited"])[seen].all()
    assert columns["order_after"][seen].mean() == pytest.approx(6.0, abs=2.0)
    late = (columns["ordered_ever"] == 1) & (columns["order"] == 0)
    assert not ((columns["ordered_ever"] == 0) & (columns["order"] == 1)).any()
    # With a mean delay of 6 hours, nearly all that are missing were clicked on the last day.
    assert late.any() and columns["waited"][late].mean() < columns["waited"].mean() / 4
    others = [request for split, request in log if split != "train"]
    assert all(np.array_equal(np.array(request.labels["order"]) == 1, np.array(request.marks["ordered_ever"]) == 1)
               for request in others)


def test_shelves_change_during_a_room(config, log):
    shelves = collections.defaultdict(dict)
    for _, request in log:
        day, tick = moment(config, request)
        for host, shelf in zip(request.candidates["host"], request.candidates["shelf"], strict=True):
            assert len(set(shelf)) == 8
            shelves[host, day].setdefault(tick // 6, set(shelf))
            assert shelves[host, day][tick // 6] == set(shelf)  # the same within half an hour
    several = [list(of_room.values()) for of_room in shelves.values() if len(of_room) > 1]
    kept = [len(one & other) / 8 for of_room in several for one, other in zip(of_room, of_room[1:], strict=False)]
    assert 0.2 < np.mean(kept) < 0.95


def test_what_was_sold_lay_on_the_rooms_shelf(log):
    sold = [(item, host) for _, request in log for host, items in
            zip(request.candidates["host"], request.candidates["sold"], strict=True) for item in items]
    offered = collections.defaultdict(set)
    for _, request in log:
        for host, shelf in zip(request.candidates["host"], request.candidates["shelf"], strict=True):
            offered[host] |= set(shelf)
    assert sold and all(item in offered[host] for item, host in sold)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_log_and_the_catalogue_knows_the_hosts(config, log, tmp_path):
    written = write_simulated_log(config, tmp_path / "log")
    again = [*written.requests("train"), *written.requests("validation"), *written.requests("test")]
    assert repr(again) == repr([request for _, request in log])
    other = config.model_copy(update={"seed": 2})
    assert next(simulate(other))[1].candidates != log[0][1].candidates
    known = {row.item: row.values for row in written.catalogue().rows()}
    assert len(known) == 40
    for _, request in log[:100]:
        for place, host in enumerate(request.candidates["host"]):
            assert known[host] == {name: request.candidates[name][place] for name in ("category", "level")}


@pytest.mark.parametrize(("change", "message"), [
    ({"live": {"hosts": 5}, "page": 8}, "a page shows 8 different rooms; got live.hosts 5"),
    ({"live": {"shelf": 50}}, "a shelf holds some of the host's products"),
    ({"live": {"tick": 7}}, "half an hour has a whole number of ticks"),
    ({"live": {"minutes": [0, 10]}}, "minutes are the shortest and the longest time"),
    ({"items": 70}, "a host has different products"),
    ({"labels": ["click", "purchase"]}, "live rooms have their own labels"),
])
def test_settings_that_make_no_scenario_are_told(change, message):
    with pytest.raises(ConfigError, match=message):
        parse(SimulatorConfig, SETTINGS | change)


def test_models_may_read_the_users_id_and_all_else_stays(config):
    """Of the same day, whether the id is a feature or a key alone."""
    named = config.model_copy(update={"live": config.live.model_copy(update={"user_ids": True})})
    (_, plain), (_, found) = next(simulate_days(config)), next(simulate_days(named))
    schema = simulator_schema(named)
    check_batch(schema, found)
    assert [column.name for column in schema.columns("request") if column.feature.role == "user"] == ["user_id"]
    assert set(found.schema.names) == set(plain.schema.names)
    for name in plain.schema.names:
        ours, theirs = (batch.column(name).flatten().to_numpy(zero_copy_only=False) for batch in (found, plain))
        np.testing.assert_array_equal(ours, theirs)
