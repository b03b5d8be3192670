"""A vocabulary over days, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.config import ConfigError
from zoo.training.grown_vocabulary import NO_ROW, GrownVocabulary, Growth, carried, grow


def days(*counts: dict[str, int], **options) -> list[Growth]:
    grown, vocabulary = [], GrownVocabulary()
    for day, of_day in enumerate(counts, start=1):
        grown.append(grow(vocabulary, of_day, day, **options))
        vocabulary = grown[-1].vocabulary
    return grown


def test_known_ids_keep_their_rows_and_new_ones_follow_by_frequency():
    first, second = days({"b": 2, "a": 3}, {"d": 1, "c": 5, "e": 1, "a": 1})
    assert first.vocabulary.ids == ("a", "b") and first.rows.tolist() == [0, 1, NO_ROW, NO_ROW]
    assert second.vocabulary.ids == ("a", "b", "c", "d", "e")
    assert second.rows.tolist() == [0, 1, 2, 3, NO_ROW, NO_ROW, NO_ROW]
    assert second.counts() == {"kept": 2, "admitted": 3, "evicted": 0, "waiting": 0, "forgotten": 0}


def test_a_rare_id_waits_until_its_days_add_up():
    first, second, third = days({"a": 3, "b": 1}, {"b": 1}, {"b": 1, "c": 2}, admit_at=3)
    assert first.vocabulary.ids == second.vocabulary.ids == ("a",) and second.vocabulary.waiting == {"b": (2, 2)}
    assert (first.waiting, second.waiting, third.waiting) == (1, 1, 1)
    assert third.vocabulary.ids == ("a", "b") and third.vocabulary.waiting == {"c": (2, 3)}
    assert third.rows.tolist() == [0, 1, 2, NO_ROW]


def test_a_dead_id_goes_and_the_rows_close_up():
    """Seen last on day 1 with `evict_after` 2: there on day 3, gone on day 4."""
    grown = days({"a": 1, "b": 1}, {"b": 1}, {"b": 1}, {"b": 1}, {"a": 1, "b": 1}, evict_after=2)
    assert [one.vocabulary.ids for one in grown] == [("a", "b"), ("a", "b"), ("a", "b"), ("b",), ("b", "a")]
    assert grown[3].rows.tolist() == [0, 1, 3] and grown[3].evicted == 1
    # What comes back begins anew.
    assert grown[4].rows.tolist() == [0, 1, 2, NO_ROW] and grown[4].admitted == 1


def test_who_waits_is_forgotten_too():
    grown = days({"a": 1}, {}, {}, {"a": 1}, admit_at=2, evict_after=1)
    assert [one.waiting for one in grown] == [1, 1, 0, 1] and grown[2].forgotten == 1
    assert grown[3].vocabulary.waiting == {"a": (1, 4)}


def test_a_count_of_zero_is_no_sight():
    grown = days({"a": 1}, {"a": 0, "b": 0}, evict_after=0)
    assert grown[1].vocabulary == GrownVocabulary() and grown[1].evicted == 1


def test_a_day_comes_once():
    vocabulary = days({"a": 1}, {"b": 1}, admit_at=2)[-1].vocabulary
    for day in (1, 2):
        with pytest.raises(ValueError, match=f"day {day} does not come after day 2"):
            grow(vocabulary, {}, day)
    assert grow(vocabulary, {}, 9, admit_at=2).vocabulary.waiting == vocabulary.waiting


def test_rows_of_known_ids_keep_their_weights_and_new_ones_begin_fresh():
    rows = days({"a": 1, "b": 1, "c": 1}, {"b": 1, "c": 1, "d": 1}, evict_after=0)[1].rows
    before = np.array([[0.0, 0.0], [1, 1], [2, 20], [3, 30], [4, 40]])  # padding, unknown, a, b, c
    fresh = np.full((5, 2), -1.0)  # padding, unknown, b, c, d
    assert carried(before, fresh, rows).tolist() == [[0, 0], [1, 1], [3, 30], [4, 40], [-1, -1]]
    assert (fresh == -1).all()
    with pytest.raises(ValueError, match=r"\[4, 2\] can't become one \[5, 2\]"):
        carried(before[:4], fresh, rows)
    with pytest.raises(ValueError, match="can't become"):
        carried(before, fresh[:, :1], rows)


def test_it_is_kept_in_a_file(tmp_path):
    vocabulary = days({"a": 3, "Läden|1": 2, "rare": 1}, admit_at=2)[0].vocabulary
    vocabulary.save(tmp_path / "item.json")
    assert GrownVocabulary.load(tmp_path / "item.json") == vocabulary
    for text in ("{", "[]", '{"ids": ["a"], "last_seen": {}, "waiting": {}}', '{"ids": ["a"]}'):
        (tmp_path / "broken.json").write_text(text)
        with pytest.raises(ConfigError, match="broken.json.*begin anew"):
            GrownVocabulary.load(tmp_path / "broken.json")
