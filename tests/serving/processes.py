"""Local model servers in processes of their own, which can be killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class ServerProcess:
    """`zoo serve` as a process.

    Args:
        arguments: of the command.
        port: gRPC port; 0 takes any.
    """

    def __init__(self, *arguments: str, port: int = 0):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tfx_pipelines.cli", "serve", "--port", str(port), "--rest-port", "0",
             "--poll-seconds", "0.2", *arguments],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "3"})
        self.target = re.match(r"gRPC +(\S+)", self.process.stdout.readline())[1]

    def signal(self, number: int) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, as the kernel does it when memory is short."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *_) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
