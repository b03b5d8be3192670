"""Public logs of interactions: each protocol checked on hand-made files, and every kind of bad input."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.interactions import KINDS, InteractionsError, LeaveOneOutConfig, RandomSplitConfig, import_interactions
from benchmarks.interactions.__main__ import main as data_command
from benchmarks.interactions.beauty import read_beauty
from benchmarks.interactions.dataset import Interaction, Interactions
from benchmarks.interactions.grocery import read_grocery
from benchmarks.interactions.lastfm import read_lastfm
from benchmarks.interactions.leave_one_out import leave_one_out
from benchmarks.interactions.random_split import random_split
from tests.data_paths import shared_data
from tests.zoo.data.catalogues import assert_candidates_stand_in_the_catalogue
from zoo.config import ConfigError, parse
from zoo.data.request_log import SPLITS, RequestLog, RequestLogError
from zoo.metrics import auc, gauc, hit_rate, ndcg, positive_ranks
from zoo.schema import Schema

DAY = 86_400
# User a took 1, 2, 3 in training (2 and 3 on one day, 1 is given last though it is the earliest), then 4, then 5.
GROCERY = {
    "train.csv": [f"a,2,{2 * DAY}", f"b,1,{DAY}", f"a,3,{2 * DAY}", f"b,6,{2 * DAY}", f"c,7,{DAY}", f"c,8,{DAY}",
                  f"a,1,{DAY}", f"c,9,{DAY}", f"d,10,{DAY}"],
    "dev.csv": [f"a,4,{3 * DAY}", f"b,2,{3 * DAY}", f"c,1,{3 * DAY}", f"d,1,{2 * DAY}"],
    "test.csv": [f"a,5,{3 * DAY}", f"b,3,{4 * DAY}", f"c,2,{4 * DAY}", f"d,11,{2 * DAY}"],
}
TAKEN = {"a": {"1", "2", "3", "4", "5"}, "b": {"1", "6", "2", "3"}, "c": {"7", "8", "9", "1", "2"}, "d": {"10", "1", "11"}}
SMALL = {"negatives": 2, "held_out_negatives": 4}


def write_grocery(folder: Path, **changes: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in GROCERY.items():
        rows = changes.get(name.removesuffix(".csv"), rows)
        (folder / name).write_text("\n".join(["user_id,item_id,time", *rows]) + "\n")
    return folder


def write_lastfm(folder: Path, users: int = 30) -> Path:
    folder.mkdir(exist_ok=True)
    artists = [f"{10 + k}" for k in range(40)]
    plays = [f"u{user}\t{artists[(3 * user + 2 * k) % 40]}\t{user + k}" for user in range(users) for k in range(10)]
    (folder / "user_artists.dat").write_text("\n".join(["userID\tartistID\tweight", *plays, "u0\t999\t1"]) + "\n")
    (folder / "item_index2entity_id.txt").write_text("".join(f"{a}\te{a}\n" for a in artists))
    (folder / "kg.txt").write_text("e10\tmusic.artist.origin\tparis\ne10\tmusic.artist.origin\tlyon\n"
                                   "e11\tmusic.artist.album\tsome\n")
    return folder


def write_beauty(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "Beauty.txt").write_text("u 1 2 3 4\nv 5 2 1\nw 6 7 8 5 3\n")
    attributes = {"1": [90, 10, 11], "2": [10, 12], "3": [12], "4": [91, 10]}
    (folder / "Beauty_item2attributes.json").write_text(json.dumps(attributes))
    return folder


def requests_of(log: RequestLog) -> list:
    return [(split, request) for split in SPLITS for request in log.requests(split)]


def grocery(tmp_path: Path, name: str = "log", **settings) -> RequestLog:
    return import_interactions("grocery", write_grocery(tmp_path / "files"), tmp_path / name,
                               parse(LeaveOneOutConfig, SMALL | settings))


# ---- leave-one-out -----------------------------------------------------------------------------------------------


def test_each_interaction_but_the_first_is_a_request_of_its_split(tmp_path):
    log = grocery(tmp_path)
    found = {(split, r.features["user_id"], r.candidates["item"][r.labels["click"].index(1.0)]): r
             for split, r in requests_of(log)}
    trained = {("train", "a", "2"), ("train", "a", "3"), ("train", "b", "6"), ("train", "c", "8"), ("train", "c", "9")}
    assert set(found) == {*trained,
                          *(("validation", user, item) for user, item in zip("abcd", ["4", "2", "1", "1"], strict=True)),
                          *(("test", user, item) for user, item in zip("abcd", ["5", "3", "2", "11"], strict=True))}
    assert log.manifest["users"] == 4 and log.manifest["items"] == 11
    last = found["test", "a", "5"]
    assert last.time == 3 * DAY
    assert last.sequences["history"] == {"item": ["1", "2", "3", "4"], "gap": [2.0 * DAY, DAY, DAY, 0.0]}
    assert found["train", "a", "2"].sequences["history"] == {"item": ["1"], "gap": [float(DAY)]}


def test_negatives_are_distinct_and_never_what_the_user_took(tmp_path):
    for split, request in requests_of(grocery(tmp_path)):
        items, labels = request.candidates["item"], request.labels["click"]
        negatives = {item for item, label in zip(items, labels, strict=True) if not label}
        user = request.features["user_id"]
        assert sum(labels) == 1 and len(negatives) == len(items) - 1 == (2 if split == "train" else 4)
        held_out = {"a": {"4", "5"}, "b": {"2", "3"}, "c": {"1", "2"}, "d": {"1", "11"}}[user]
        assert not negatives & (TAKEN[user] - held_out if split == "train" else TAKEN[user])


def test_what_is_held_out_stands_in_no_earlier_history(tmp_path):
    for _, request in requests_of(grocery(tmp_path)):
        clicked = request.candidates["item"][request.labels["click"].index(1.0)]
        assert clicked not in request.sequences["history"]["item"]


def test_all_items_are_drawn_alike(tmp_path):
    """User d never took eight of the eleven items; each stands among 4 drawn ones in half of the logs."""
    data, config = read_grocery(write_grocery(tmp_path / "files")), parse(LeaveOneOutConfig, SMALL)
    counts: dict[str, int] = {}
    for seed in range(400):
        for split, request in leave_one_out(data, config.model_copy(update={"seed": seed})):
            if (split, request.features["user_id"]) == ("test", "d"):
                for item in request.candidates["item"]:
                    counts[item] = counts.get(item, 0) + 1
    assert counts.pop("11") == 400 and set(counts) == {str(k) for k in range(2, 10)}
    assert all(150 < count < 250 for count in counts.values())


def test_popularity_is_of_what_was_trained_on_strictly_before_the_request(tmp_path):
    trained = [row.split(",") for row in GROCERY["train.csv"]]
    for split, request in requests_of(grocery(tmp_path)):
        expected = Counter(item for _, item, time in trained if int(time) < request.time)
        assert [expected[item] for item in request.candidates["item"]] == request.candidates["popularity"], (split, request)


def noise(users: int, seed: int, **settings) -> Interactions:
    """Users who take items by lot; in every log a popularity that counts itself would tell the label."""
    rng = np.random.default_rng(seed)
    items = [f"i{k}" for k in range(3 * users)]
    taken = {f"u{user}": [Interaction(items[place], DAY * step) for step, place in enumerate(rng.permutation(len(items))[:9])]
             for user in range(users)}
    return Interactions(taken, items, **settings)


@pytest.mark.parametrize(("requests", "config", "timed"), [
    (leave_one_out, LeaveOneOutConfig(negatives=3, held_out_negatives=9), True),
    (leave_one_out, LeaveOneOutConfig(negatives=3, held_out_negatives=9), False),
    (random_split, RandomSplitConfig(), False)])
def test_popularity_ranks_no_noise(requests, config, timed):
    made = list(requests(noise(400, seed=3, timed=timed), config))
    for split in SPLITS:
        some = [request for of, request in made if of == split]
        labels = [label for request in some for label in request.labels["click"]]
        value = auc(labels, [one for request in some for one in request.candidates["popularity"]])
        positives = sum(labels)
        error = ((len(labels) + 1) / (12 * positives * (len(labels) - positives))) ** 0.5
        assert abs(value - 0.5) < 4 * error, (split, value, error)


def test_the_same_seed_gives_the_same_log_and_gzip_reads_alike(tmp_path):
    logs = [grocery(tmp_path, name) for name in ("one", "two")]
    assert requests_of(logs[0]) == requests_of(logs[1]) != requests_of(grocery(tmp_path, "three", seed=8))
    for name in GROCERY:
        plain = tmp_path / "files" / name
        (tmp_path / "files" / f"{name}.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    assert read_grocery(tmp_path / "files").users.keys() == {"a", "b", "c", "d"}


def test_the_catalogue_has_every_candidate_and_times_are_said(tmp_path):
    for kind, write, settings in (("grocery", write_grocery, SMALL), ("lastfm", write_lastfm, {}),
                                  ("beauty", write_beauty, SMALL | {"held_out_negatives": 3})):
        log = import_interactions(kind, write(tmp_path / f"{kind}-files"), tmp_path / kind,
                                  parse(KINDS[kind].config, settings))
        assert_candidates_stand_in_the_catalogue(log)
        assert log.catalogue().item_count == log.manifest["items"]
        assert log.manifest["times"] == (kind == "grocery")


def test_the_schema_has_what_models_ask_for(tmp_path):
    schema = grocery(tmp_path, history=2).schema
    assert schema.sequence("behaviours").max_length == 2 and schema.candidate("item").feature.space == "item"
    assert schema.columns("request")[0].feature.role == "user" and schema.group_key == "user_id"
    beside: Schema = grocery(tmp_path, "beside", user_feature=False).schema
    assert not beside.request and beside.keys == ("user_id",) and beside.group_key == "user_id"
    test = next(RequestLog(tmp_path / "log").requests("test"))
    assert test.sequences["history"]["item"] == ["3", "4"], "the most recent ones are kept"


def test_beauty_counts_positions_and_tells_brands_from_categories(tmp_path):
    log = import_interactions("beauty", write_beauty(tmp_path / "files"), tmp_path / "log", parse(LeaveOneOutConfig, SMALL | {
        "held_out_negatives": 3}))
    test = next(log.requests("test"))
    assert test.sequences["history"] == {"item": ["1", "2", "3"], "category": ["11", "12", "12"], "brand": ["90", "", ""],
                                         "gap": [3.0, 2.0, 1.0]}
    clicked = test.candidates["item"].index("4")
    # 91 is never further down a list, so it is a brand; an item that no list knows has neither.
    assert (test.candidates["category"][clicked], test.candidates["brand"][clicked]) == ("10", "91")
    assert {log.schema.candidate(role).name for role in ("category", "brand")} == {"candidate_category", "candidate_brand"}


# ---- random split ------------------------------------------------------------------------------------------------


def test_lastfm_draws_as_many_negatives_and_splits_at_random(tmp_path):
    log = import_interactions("lastfm", write_lastfm(tmp_path / "files"), tmp_path / "log")
    taken = {user: {event.item for event in events} for user, events in read_lastfm(tmp_path / "files").users.items()}
    samples: dict[tuple[str, str], float] = {}
    for _, request in requests_of(log):
        user, items = request.features["user_id"], request.candidates["item"]
        assert len(items) <= 8 and not set(items) & set(request.sequences["history"]["item"])
        for item, label in zip(items, request.labels["click"], strict=True):
            assert (user, item) not in samples, "a sample stands in one page of one split"
            assert (item in taken[user]) == bool(label)
            samples[user, item] = label
    assert len(samples) == 600 and sum(samples.values()) == 300
    assert {split: count["candidates"] for split, count in log.manifest["splits"].items()} == {
        "train": 360, "validation": 120, "test": 120}


def test_lastfm_histories_are_training_positives_alone(tmp_path):
    log = import_interactions("lastfm", write_lastfm(tmp_path / "files"), tmp_path / "log")
    trained: dict[str, set[str]] = {}
    for request in log.requests("train"):
        chosen = {i for i, label in zip(request.candidates["item"], request.labels["click"], strict=True) if label}
        trained.setdefault(request.features["user_id"], set()).update(chosen)
    for split, request in requests_of(log):
        expected = trained.get(request.features["user_id"], set())
        asked = set(request.candidates["item"]) if split == "train" else set()
        assert sorted(request.sequences["history"]["item"]) == sorted(expected - asked)


def test_lastfm_deals_positives_out_evenly_and_takes_the_first_origin(tmp_path):
    settings = parse(RandomSplitConfig, {"page": 4})
    log = import_interactions("lastfm", write_lastfm(tmp_path / "files"), tmp_path / "log", settings)
    pages: dict[str, list[float]] = {}
    for request in log.requests("train"):
        pages.setdefault(request.features["user_id"], []).append(sum(request.labels["click"]))
        for item, origin in zip(request.candidates["item"], request.candidates["origin"], strict=True):
            assert origin == ("paris" if item == "10" else "")
    assert all(max(counts) - min(counts) <= 1 for counts in pages.values())
    assert max(map(len, pages.values())) > 1


# ---- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "row", "message"), [
    ("train", "a,2", r"train\.csv, line 2: expected user_id, item_id, time, got 'a,2'"),
    ("train", "a,,5", "line 2: expected user_id, item_id, time"),
    ("dev", "a,4,soon", r"dev\.csv, line 2: time is 'soon'; expected a whole number"),
    ("dev", "e,4,5", "user 'e' has no row in train.csv"),
    ("test", f"a,5,{DAY}", "user 'a' has a later row in the files before"),
    ("dev", f"b,4,{9 * DAY}", "user 'b' must have one row in dev.csv and one in test.csv"),
    ("test", f"a,1,{9 * DAY}", "user 'a' has the item '1' more than once"),
])
def test_a_bad_row_is_named_with_its_place(tmp_path, name, row, message):
    folder = write_grocery(tmp_path / "files", **{name: [row, *GROCERY[f"{name}.csv"][1:]]})
    with pytest.raises(InteractionsError, match=message):
        import_interactions("grocery", folder, tmp_path / "log", parse(LeaveOneOutConfig, SMALL))
    assert not list(tmp_path.glob("log*"))


def test_a_user_without_a_held_out_row_is_named(tmp_path):
    folder = write_grocery(tmp_path / "files", dev=GROCERY["dev.csv"][1:], test=GROCERY["test.csv"][1:])
    with pytest.raises(InteractionsError, match="user 'a' of train.csv must have one row in dev.csv"):
        read_grocery(folder)


def test_an_unusable_file_is_named(tmp_path):
    folder = write_grocery(tmp_path / "files")
    (folder / "dev.csv").write_text("user,item,time\na,4,5\n")
    with pytest.raises(InteractionsError, match=r"dev\.csv, line 1: expected the header 'user_id,item_id,time'"):
        read_grocery(folder)
    (folder / "dev.csv").write_text("")
    with pytest.raises(InteractionsError, match=r"dev\.csv: the file is empty"):
        read_grocery(folder)
    (folder / "dev.csv").unlink()
    with pytest.raises(InteractionsError, match=r"dev\.csv: no such file, nor dev\.csv\.gz"):
        read_grocery(folder)
    (folder / "dev.csv.gz").write_bytes(b"not gzip")
    with pytest.raises(InteractionsError, match=r"dev\.csv\.gz, after line 0: the file can not be read"):
        read_grocery(folder)
    beauty = write_beauty(tmp_path / "beauty")
    (beauty / "Beauty_item2attributes.json").write_text("{")
    with pytest.raises(InteractionsError, match="not JSON"):
        read_beauty(beauty)
    (beauty / "Beauty.txt").write_text("u 1 2 3\nu 4 5 6\n")
    with pytest.raises(InteractionsError, match=r"Beauty\.txt, line 2: user 'u' has a line before"):
        read_beauty(beauty)


def test_protocols_that_can_not_be_followed_say_why(tmp_path):
    with pytest.raises(InteractionsError, match="user 'a': 99 negatives were asked for, and only 6 of 11 items"):
        import_interactions("grocery", write_grocery(tmp_path / "files"), tmp_path / "log")
    beauty = write_beauty(tmp_path / "beauty")
    (beauty / "Beauty.txt").write_text("u 1 2\n")
    with pytest.raises(InteractionsError, match="user 'u' has 2 interactions, and leave-one-out needs 3"):
        import_interactions("beauty", beauty, tmp_path / "log")
    with pytest.raises(ConfigError, match="did you mean 'negatives'"):
        parse(LeaveOneOutConfig, {"negative": 3})
    with pytest.raises(ConfigError, match="leave nothing to train on"):
        parse(RandomSplitConfig, {"test": 0.5, "validation": 0.5})
    with pytest.raises(ConfigError, match="did you mean 'grocery'"):
        import_interactions("grocer", beauty, tmp_path / "log")
    with pytest.raises(ConfigError, match="lastfm is made by RandomSplitConfig, got LeaveOneOutConfig"):
        import_interactions("lastfm", beauty, tmp_path / "log", LeaveOneOutConfig())
    grocery(tmp_path)
    with pytest.raises(RequestLogError, match="exists already"):
        grocery(tmp_path)


def test_the_command_knows_every_kind(tmp_path):
    (tmp_path / "small.yaml").write_text("negatives: 2\nheld_out_negatives: 4\n")
    result = CliRunner().invoke(data_command, [
        "grocery", str(write_grocery(tmp_path / "files")), "--out", str(tmp_path / "log"), "--config",
        str(tmp_path / "small.yaml")])
    assert result.exit_code == 0, result.output
    assert RequestLog(tmp_path / "log").manifest["floors"]["hr_at_5"] == {"popularity": 0.203}
    assert set(data_command.params[0].type.choices) == set(KINDS)


# ---- the real logs -----------------------------------------------------------------------------------------------


def ranked_by_the_plain_count(kind: str, folder: str, **settings) -> tuple[list[str], list[float], list[int]]:
    """User and label of each candidate of the test split, and how many users took it in training: what a floor is."""
    known = KINDS[kind]
    requests = list(known.requests(known.read(shared_data(folder)), parse(known.config, settings)))
    # Of a user's first interaction, which makes no request, the first history knows.
    first = {request.features["user_id"]: request.sequences["history"]["item"][:1] for _, request in requests[::-1]}
    taken = Counter(item for split, request in requests if split == "train"
                    for item, label in zip(request.candidates["item"], request.labels["click"], strict=True) if label)
    if known.ordered:
        taken.update(item for items in first.values() for item in items)
    test = [request for split, request in requests if split == "test"]
    return ([request.features["user_id"] for request in test for _ in request.candidates["item"]],
            [label for request in test for label in request.labels["click"]],
            [taken[item] for request in test for item in request.candidates["item"]])


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "folder", "users"), [
    ("grocery", "grocery", 14_681), pytest.param("beauty", "s3rec", 22_363, marks=pytest.mark.slow)])
def test_leave_one_out_has_its_floors(kind, folder, users):
    """Grocery's floors were measured elsewhere: ours being the same speaks for the same protocol."""
    ids, labels, scores = ranked_by_the_plain_count(kind, folder, negatives=1)
    assert len(ids) == users * 100
    ranks = positive_ranks(ids, labels, scores)
    for name, floor in KINDS[kind].floors.items():
        metric, k = name.split("_at_")
        assert {"hr": hit_rate, "ndcg": ndcg}[metric](ranks, int(k)) == pytest.approx(floor["popularity"], abs=0.001)


def test_lastfm_has_its_floors():
    users, labels, scores = ranked_by_the_plain_count("lastfm", "lastfm_kg")
    assert auc(labels, scores) == pytest.approx(KINDS["lastfm"].floors["auc"]["popularity"], abs=0.001)
    assert gauc(users, labels, scores).value == pytest.approx(KINDS["lastfm"].floors["gauc"]["popularity"], abs=0.001)


def test_beauty_and_lastfm_are_as_published():
    beauty = read_beauty(shared_data("s3rec"))
    assert (len(beauty.users), len(beauty.items), sum(map(len, beauty.users.values()))) == (22_363, 12_101, 198_502)
    category, brand = beauty.attributes
    assert (len(category.values), len(brand.values)) == (12_101, 7_492)
    lastfm = read_lastfm(shared_data("lastfm_kg"))
    assert (len(lastfm.users), len(lastfm.items), sum(map(len, lastfm.users.values()))) == (1_872, 3_846, 21_173)
