"""Breaks the code in one place at a time, and says which of these changes no test notices.

    make mutate
    python -m tests.mutation --only gauc-by-groups
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.mutation.mutations import ROOT, Mutation, load
from tests.mutation.trial import PACKAGES, Outcome, run_tests
from zoo.config import ConfigError

RESULTS = ROOT / "docs" / "results" / "mutations.json"
# Imported once, before anything of ours; every child has them from the start.
WARM = ("zoo.keras", "pytest", "hypothesis", "numpy", "sklearn.metrics", "lightgbm")


def copy_of_the_code(target: Path) -> None:
    """The packages, their tests and what these read."""
    for name in (*PACKAGES, "docs"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, target)


def fingerprint(root: Path) -> str:
    """Of all code and all tests: what was found holds for these."""
    digest = hashlib.sha256()
    kinds = (".py", ".yaml", ".md")
    for path in sorted(path for name in PACKAGES for path in (root / name).rglob("*") if path.suffix in kinds):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def try_mutation(mutation: Mutation, root: Path, log: Path, seconds: float) -> Outcome:
    """Changes the copy, runs the tests there, and changes it back."""
    path = root / mutation.file
    before, after = path.read_text(encoding="utf-8"), mutation.apply(root)
    path.write_text(after, encoding="utf-8")
    try:
        return run_tests(root, mutation.tests, log, seconds)
    finally:
        path.write_text(before, encoding="utf-8")


def check_untouched(mutations: Sequence[Mutation], root: Path, log: Path, seconds: float) -> None:
    """Runs every named test on the code as it is.

    Raises:
        ConfigError: one fails, so that its failing would say nothing of a mutation.
    """
    tests = list(dict.fromkeys(test for mutation in mutations for test in mutation.tests))
    outcome = run_tests(root, tests, log, seconds)
    if outcome.failed or outcome.broken:
        raise ConfigError(f"{outcome.failed or 'the tests'} must pass on the code as it is, and said: {outcome.error}; "
                          f"everything it printed is in {log}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="try these alone, and write no results")
    parser.add_argument("--state", type=Path, default=ROOT / "runs" / "mutations", help="where what was found is kept")
    parser.add_argument("--seconds", type=float, default=600, help="after which the tests of a mutation count as hung")
    options = parser.parse_args()
    mutations = load()
    if unknown := set(options.only or ()) - {mutation.name for mutation in mutations}:
        parser.error(f"no mutation is called {', '.join(sorted(unknown))}")
    if options.only:
        mutations = tuple(mutation for mutation in mutations if mutation.name in options.only)
    for mutation in mutations:
        mutation.apply(ROOT)
    for name in WARM:
        importlib.import_module(name)
    options.state.mkdir(parents=True, exist_ok=True)
    found = _found(mutations, options)
    survived = [name for name, outcome in found.items() if not outcome.failed]
    if not options.only:
        _write(mutations, found)
    print(f"{len(found) - len(survived)} of {len(found)} mutations were noticed"
          + "".join(f"\nnot noticed: {name}" for name in survived))
    sys.exit(bool(survived))


def _found(mutations: Sequence[Mutation], options: argparse.Namespace) -> dict[str, Outcome]:
    """What was found for each, taken from a run that was stopped as far as it came."""
    kept = options.state / f"{fingerprint(ROOT)}.json"
    done = {} if options.only or not kept.is_file() else {
        name: Outcome(**values) for name, values in json.loads(kept.read_text()).items()}
    columns = TextColumn("{task.description:40}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with tempfile.TemporaryDirectory() as folder, Progress(*columns) as progress:
        root = Path(folder)
        copy_of_the_code(root)
        task = progress.add_task("the code as it is", total=len(mutations), completed=len(done))
        if len(done) < len(mutations):
            check_untouched(mutations, root, options.state / "untouched.log", 3 * options.seconds)
        for mutation in mutations:
            if mutation.name in done:
                continue
            progress.update(task, description=mutation.name)
            outcome = try_mutation(mutation, root, options.state / f"{mutation.name}.log", options.seconds)
            if outcome.broken:
                raise ConfigError(f"{mutation.name} says nothing of the tests: {outcome.failed} {outcome.error}; everything "
                                  f"that was printed is in {options.state / f'{mutation.name}.log'}")
            done[mutation.name] = outcome
            progress.console.print(f"{mutation.name:40} {outcome.failed or 'NOT NOTICED'}", highlight=False, markup=False)
            progress.advance(task)
            if not options.only:
                kept.write_text(json.dumps({name: asdict(outcome) for name, outcome in done.items()}))
    return done


def _write(mutations: Sequence[Mutation], found: dict[str, Outcome]) -> None:
    rows = [{"name": mutation.name, "file": mutation.file, "means": mutation.means, "killed_by": found[mutation.name].failed}
            for mutation in mutations]
    RESULTS.write_text(json.dumps({"mutations": rows}, indent=1) + "\n")
    print(f"wrote {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    try:
        main()
    except ConfigError as error:
        sys.exit(f"error: {error}")
