"""The list of mutations: each still stands in the code, and each has been tried."""

from __future__ import annotations

import json

import pytest

from benchmarks.tables import RESULTS
from tests.mutation.mutations import ROOT, Mutation, load
from tests.mutation.trial import run_tests
from zoo.config import ConfigError


@pytest.mark.parametrize("mutation", load(), ids=lambda mutation: mutation.name)
def test_can_be_applied_and_changes_the_code(mutation):
    assert mutation.apply(ROOT) != (ROOT / mutation.file).read_text(encoding="utf-8")
    for test in mutation.tests:
        assert (ROOT / test.partition("::")[0]).is_file(), f"{mutation.name} names {test}, which is not there"


def test_all_of_them_were_tried_and_noticed():
    results = RESULTS / "mutations.json"
    if not results.is_file():
        pytest.skip("no result of the mutations is kept yet: `make mutate` writes it")
    tried = json.loads(results.read_text(encoding="utf-8"))["mutations"]
    assert [row["name"] for row in tried] == [mutation.name for mutation in load()], "run `make mutate`"
    assert all(row["killed_by"] for row in tried) and len(tried) >= 40


@pytest.fixture
def code(tmp_path):
    """A repository of one file and two tests, one of which notices little."""
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "__init__.py").write_text("")
    (tmp_path / "zoo" / "double.py").write_text("def double(x):\n    return x + x\n")
    for name, value in (("close", 3), ("loose", 2)):
        (tmp_path / f"test_{name}.py").write_text(
            f"from zoo.double import double\n\ndef test_{name}():\n    assert double({value}) == {2 * value}, 'not twice'\n")
    return tmp_path


def mutation(**changes) -> Mutation:
    return Mutation(**{"name": "squared", "means": "m", "file": "zoo/double.py", "old": "x + x", "new": "x * x",
                       "tests": ("test_close.py",)} | changes)


@pytest.mark.parametrize(("old", "new", "message"), [
    ("x - x", "x", "squared: zoo/double.py has this text 0 times, and it must stand there once"),
    ("x", "y", "3 times"),
    ("x + x", "x +", "squared: what is left is not Python"),
])
def test_what_can_t_be_applied_is_an_error(code, old, new, message):
    with pytest.raises(ConfigError, match=message):
        mutation(old=old, new=new).apply(code)


@pytest.mark.slow
def test_a_change_is_noticed_or_not_and_what_can_t_be_imported_says_nothing(code):
    path, log = code / "zoo" / "double.py", code / "log"
    assert run_tests(code, ["test_close.py", "test_loose.py"], log, 60).passed == 2
    path.write_text(mutation().apply(code))
    noticed = run_tests(code, ["test_close.py"], log, 60)
    assert noticed.failed == "test_close.py::test_close" and "not twice" in noticed.error and not noticed.broken
    assert not run_tests(code, ["test_loose.py"], log, 60).failed, "2 + 2 is 2 * 2"
    for broken in ("import nothing_like_this\n", "def double(x):\n    return undefined\n", "double = \n", "while True: pass\n"):
        path.write_text(broken)
        assert run_tests(code, ["test_close.py"], log, 1 if "while" in broken else 60).broken
    assert run_tests(code, ["test_nobody.py"], log, 60).broken
