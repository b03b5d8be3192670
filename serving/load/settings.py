"""A server's settings that are worth a try, and servers that have them."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from serving.errors import ServingError
from serving.fleet.description import Batching
from serving.fleet.rollout.servers import FleetServer
from serving.fleet.server_files import model_batching

NAME = "model"
# Both servers compile by clusters; ModelServer's flag sets the same.
_XLA = "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit"


@dataclass(frozen=True)
class Settings:
    """One point of the grid.

    Args:
        threads: that compute: batches at once with batching, TensorFlow's own without.
        batching: None: calls are not joined.
        xla: whether the graph is compiled.
    """

    threads: int
    batching: Batching | None = None
    xla: bool = False

    def __str__(self) -> str:
        joined = f"batches of {self.batching.max_batch_size}, {self.batching.timeout_us} us" if self.batching else "no batching"
        return f"{joined}, {self.threads} threads, XLA {'on' if self.xla else 'off'}"


def grid(threads: Sequence[int], sizes: Sequence[int], timeouts: Sequence[int], xla: bool) -> list[Settings]:
    """Every combination, the one without batching first; without `sizes` nothing is batched."""
    joined = [Batching(max_batch_size=size, timeout_us=timeout) for size, timeout in itertools.product(sizes, timeouts)]
    compiled = (False, True) if xla else (False,)
    return [Settings(count, batching, one) for one in compiled for batching in (None, *joined) for count in threads]


@contextlib.contextmanager
def serving(base: Path, settings: Settings, model_server: str | None, timeout_s: float = 180.0
            ) -> Generator[str, None, None]:
    """A server of a folder of versions, in a process of its own, for as long as the block runs.

    Args:
        base: folder of versions.
        settings: of the server.
        model_server: the binary; None: the local model server.
        timeout_s: how long it may take to load.

    Yields:
        Its gRPC address.

    Raises:
        ServingError: it did not come up; with what it said last.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder:
        command, port = _command(base, settings, model_server, Path(folder))
        environment = os.environ | ({"TF_XLA_FLAGS": _XLA} if settings.xla else {}) | {
            "TF_NUM_INTRAOP_THREADS": str(settings.threads), "TF_NUM_INTEROP_THREADS": str(settings.threads)}
        said = Path(folder, "said")
        with said.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            _wait(port, process, said, timeout_s)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            process.wait()


def _command(base: Path, settings: Settings, model_server: str | None, folder: Path) -> tuple[list[str], int]:
    port = _free_port()
    if model_server is None:
        return [sys.executable, "-m", "serving.load.local", str(base), str(port)], port
    command = [model_server, f"--model_name={NAME}", f"--model_base_path={base}", f"--port={port}", "--grpc_max_threads=256",
               f"--tensorflow_intra_op_parallelism={settings.threads}", f"--tensorflow_inter_op_parallelism={settings.threads}",
               "--max_num_load_retries=0"]
    if settings.batching:
        file = folder / "batching.config"
        text = model_batching(settings.batching) + f"num_batch_threads {{ value: {settings.threads} }}\n"
        file.write_text(text, encoding="utf-8")
        command += ["--enable_batching", f"--batching_parameters_file={file}"]
    return command, port


def _wait(port: int, process: subprocess.Popen[bytes], said: Path, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    with FleetServer(f"127.0.0.1:{port}", deadline_s=1.0) as server:
        while process.poll() is None and time.monotonic() < end:
            try:
                if server.available(NAME):
                    return
            except ServingError as error:
                if error.code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                    raise
            time.sleep(0.2)
    words = re.sub(r"\s+", " ", said.read_text(encoding="utf-8", errors="replace"))[-500:]
    raise ServingError(f"the server did not come up within {timeout_s:g} s: {words}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
