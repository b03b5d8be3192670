"""One run of some tests in a child process that finds TensorFlow imported, but none of our packages."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

PACKAGES = ("zoo", "serving", "tfx_pipelines", "benchmarks", "tests")
# Code that can't be imported says nothing of the tests.
BROKEN = (ImportError, SyntaxError, NameError)


@dataclass
class Outcome:
    """What the tests said.

    Args:
        passed: how many passed.
        failed: the first test that failed, empty where none did.
        error: what it said, in one line.
        broken: whether nothing could be said: code that can't be imported, no test found, a process that died or hung.
    """

    passed: int = 0
    failed: str = ""
    error: str = ""
    broken: bool = False


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Listener:
    """A pytest plugin that keeps the first failure."""

    outcome: Outcome = field(default_factory=Outcome)

    def pytest_runtest_logreport(self, report) -> None:
        self.outcome.passed += report.when == "call" and report.passed

    def pytest_exception_interact(self, node, call, report) -> None:
        if not self.outcome.failed:
            self.outcome.failed = node.nodeid
            self.outcome.error = next(iter(str(call.excinfo.value).strip().splitlines()), call.excinfo.typename)
            self.outcome.broken = issubclass(call.excinfo.type, BROKEN) or report.when == "collect"


def run_tests(root: Path, tests: Sequence[str], log: Path, seconds: float) -> Outcome:
    """Runs tests of a copy of the repository until the first one fails.

    Args:
        root: of the copy.
        tests: files or single tests, from there.
        log: takes what pytest prints.
        seconds: after which they count as hung.

    Returns:
        What they said.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(root, tests, log, sender))
    child.start()
    sender.close()
    try:
        if not receiver.poll(seconds):
            return Outcome(error=f"no answer in {seconds:.0f} s", broken=True)
        return Outcome(**receiver.recv())
    except EOFError:
        return Outcome(error="the process died", broken=True)
    finally:
        child.kill()
        child.join()


def _child(root: Path, tests: Sequence[str], log: Path, sender: Connection) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        del sys.modules[name]
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(root))
    os.chdir(root)
    os.environ["PYTHONPATH"] = str(root)  # of what the tests start
    with log.open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
        import pytest

        listener = Listener()
        code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--rootdir", str(root), *tests], plugins=[listener])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        listener.outcome.broken = True
        listener.outcome.error = listener.outcome.error or f"pytest ended with {code!r}"
    with contextlib.closing(sender):
        # As plain values: the class of this process is not the one that the parent would import.
        sender.send(vars(listener.outcome))
