"""The operator's commands, as the runbook has them."""

from __future__ import annotations

import subprocess
import sys

from tests.kubernetes.fleet import TARGET


def zoo(*words: str, expected: int = 0) -> str:
    """Calls `zoo fleet …` and gives its output.

    Raises:
        RuntimeError: it ended otherwise than expected.
    """
    done = subprocess.run([sys.executable, "-m", "tfx_pipelines.cli", "fleet", *words], capture_output=True, text=True)
    if done.returncode != expected:
        raise RuntimeError(f"zoo fleet {' '.join(words)} ended with {done.returncode}, not {expected}:\n"
                           f"{done.stdout}{done.stderr}")
    return done.stdout


def on_servers(command: str, *words: str, expected: int = 0) -> str:
    """The same for a command that speaks to the servers, by the fleet's name."""
    return zoo(command, *words, "--server", TARGET, expected=expected)
