"""What the benchmark of live rooms makes of its runs, by hand; and its settings."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import live, live_differences
from benchmarks.settings import settings
from benchmarks.tables import table
from zoo.assets import Assets
from zoo.data.simulator import SimulatorConfig
from zoo.data.simulator.schema import simulator_schema
from zoo.models import registry
from zoo.training import Scored

NAN = np.nan


def scored() -> Scored:
    """Two users of three rooms each; the first room of each is entered, and of the first user something ordered."""
    click = np.array([1.0, 0, 0, 1, 0, 0])
    seen = {"click": np.ones(6), "stay": click, "order": click}
    return Scored(
        labels={"click": click, "stay": np.array([3.0, 0, 0, 1, 0, 0]), "order": np.array([1.0, 0, 0, 0, 0, 0])}, weights=seen,
        scores={"click": np.array([.5, .2, .6, .9, .1, .2]), "stay": np.array([2.0, 1, 1, 2, 1, 1]),
                "order": np.array([.4, .1, .1, .2, .1, .1])},
        truth={"click": np.array([.5, .2, .5, .9, .1, .2]), "order": np.array([.5, .1, .1, .2, .1, .1])},
        marks={"stay_truth": np.array([2.0, 1, 1, 2, 1, 4])}, keys={"user_id": np.repeat([b"a", b"b"], 3)})


def test_the_three_tasks_by_hand():
    found = live.measures(scored(), "user_id")
    # The first user's entered room is above one of two others, the second's above both.
    assert found["gauc_click"] == pytest.approx((0.5 + 1) / 2)
    # .2 against .02 and .06: the order's room is first; the second user ordered nothing.
    assert found["gauc_order"] == 1.0 and found["auc_order_of_clicks"] == 1.0
    assert found["stay_error"] == pytest.approx(1.0)
    assert found["click_gap"] == pytest.approx(0.1 / 6) and found["order_gap"] == pytest.approx(0.1 / 6)
    assert found["stay_gap"] == pytest.approx(3 / 6)
    assert found["order_bias"] == pytest.approx(0.3 / 0.5 - 1)
    assert live.measures(live.of_truth(scored()), "user_id")["click_gap"] == 0.0


@pytest.fixture
def assets(tmp_path) -> Assets:
    """Of seven ids in each space: their names, vectors and neighbours."""
    ids = pa.array(map(str, range(7)))
    for space in ("user", "host", "item", "category"):
        (tmp_path / f"vocabulary_{space}").write_text("".join(f"{one}\n" for one in ids.to_pylist()))
        pq.write_table(pa.table({"id": ids, "vector": [[1.0] * 32] * 7}), tmp_path / f"vectors_{space}.parquet")
    for path in live.NETWORK.neighbours.paths:
        pq.write_table(pa.table({"id": ids, "neighbours": [["3"]] * 7, "shares": [[1.0]] * 7}),
                       tmp_path / f"neighbours_{path}.parquet")
    return Assets.from_folder(tmp_path)


def test_every_row_has_settings_that_its_model_takes(assets):
    schema = simulator_schema(SimulatorConfig(live={"user_ids": True}))
    schema = schema.bind(dict.fromkeys(schema.spaces, 7))
    for name in live.MODELS:
        model, config, _ = settings(live.LOG, name)
        built = registry.build(model, schema, config | ({"trees": 1} if model == "gbdt" else {}), Assets(assets))
        assert bool(built.outcomes.value) == (model not in ("lr", "gbdt")), name
        if model == "hin":
            assert ("vectors_item" in built.assets.read()) == (name not in ("hin-random-start", "hin-dedicated")), name
            assert bool(built.along) == (name != "hin-no-paths"), name


def test_a_row_has_the_mean_of_its_runs():
    runs = [{"test": {"gauc_click": value}, "best_epoch": 1, "parameters": 5} for value in (0.5, 0.7)]
    row = live.row("live", "mmoe", runs, "command")
    assert row["metrics"]["gauc_click"] == {"mean": 0.6, "std": pytest.approx(0.1414)} and row["seeds"] == 2


def test_what_is_kept_of_a_run_tells_models_apart(tmp_path):
    one, file = scored(), live.kept(tmp_path, "hin", 1)
    live.keep(file, {"test": {}}, one, "user_id")
    # Another model puts the first user's entered room last, and says the same of the second user.
    other = dataclasses.replace(one, scores=one.scores | {"click": np.array([.1, .2, .6, .9, .1, .2])})
    live.keep(live.kept(tmp_path, "double_sequence", 1), {"test": {}}, other, "user_id")
    assert json.loads(file.read_text()) == {"test": {}}
    run, against = (np.load(live.kept(tmp_path, name, 1).with_suffix(".npz")) for name in ("hin", "double_sequence"))
    found = live_differences.intervals(run, against)
    assert found["click"].value == pytest.approx(live.measures(one, "user_id")["gauc_click"]
                                                 - live.measures(other, "user_id")["gauc_click"]) == 0.25
    assert found["click"].low == 0.0 and found["click"].high == 0.5, "draws of either user alone"
    # .1·.4 is below .6·.1: the order's room is second of three.
    assert found["order"].value == pytest.approx(0.5)
    row = live_differences.row("live", "hin over double_sequence", [found],
                               'python -m benchmarks.live_differences --pairs "hin over double_sequence" --seeds 1')
    assert table([row]).endswith("Measured by `python -m benchmarks.live_differences --pairs PAIR --seeds 1`.\n")
    assert row["metrics"]["click"]["mean"] == 250.0 and row["metrics"]["high_click"]["mean"] == 500.0
    with pytest.raises(ValueError, match="groups differ: .* measure again"):
        live_differences.intervals(run, {**against, "groups": against["groups"] + 1})
