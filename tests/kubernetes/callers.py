"""Callers of the fleet, a process of its own: open-loop load through the client as a ranker has it, every call written down.

    python -m tests.kubernetes.callers TARGET MODELS OUT METRICS_PORT

The rate is read from `OUT.rate`, so that it can be changed while calls are sent.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import prometheus_client

from serving.async_client import AsyncRankingClient
from serving.client_metrics import ClientMetrics
from serving.errors import ServingError
from serving.split import TrafficSplit
from tests.kubernetes.models import CALL
from tests.toy import toy_requests

SHARES = {"canary": 30, "stable": 70}
DEADLINE_S = 20.0  # a busy machine is no fault of the fleet


async def call_for_ever(target: str, models: Path, out: Path) -> None:
    """Sends calls when they are due, at random times with the mean of the file's rate, whatever became of those before."""
    requests = toy_requests(300, **CALL)
    rng, tasks = np.random.default_rng(0), set[asyncio.Task[None]]()
    with open(out, "a", buffering=1, encoding="utf-8") as file:
        async with AsyncRankingClient.of_model(target, "din", models / "din", split=TrafficSplit(SHARES),
                                               deadline_s=DEADLINE_S, observers=[ClientMetrics()]) as client:
            due = time.monotonic()
            while True:
                due += rng.exponential(1 / float(out.with_suffix(".rate").read_text()))
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                task = asyncio.create_task(_one(client, requests[rng.integers(len(requests))], due, file))
                tasks.add(task)
                task.add_done_callback(tasks.discard)


async def _one(client: AsyncRankingClient, request: Any, due: float, file: Any) -> None:
    said: dict[str, Any] = {"due": time.time() - (time.monotonic() - due)}
    try:
        ranking = await client.rank_one(request)
        said |= {"version": ranking.version}
    except ServingError as error:
        said |= {"error": f"{type(error).__name__}: {error}"}
    file.write(json.dumps(said | {"ms": round(1e3 * (time.monotonic() - due), 2)}) + "\n")


def main() -> None:
    target, models, out, port = sys.argv[1:]
    prometheus_client.start_http_server(int(port), "127.0.0.1")
    asyncio.run(call_for_ever(target, Path(models), Path(out)))


if __name__ == "__main__":
    main()
