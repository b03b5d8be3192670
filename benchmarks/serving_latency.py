"""Latency and throughput of ranking calls over gRPC, by candidates and concurrency; one JSON row a line.

Run it as `python benchmarks/serving_latency.py --model-dir runs/demo/serving`. Without `--target` it starts the local
model server in a process of its own, so that client and server do not share an interpreter.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import threading
import time
from pathlib import Path

import click
import numpy as np

from serving.client import RankingClient
from serving.model_dir import exported_model
from zoo.data.request import Request
from zoo.schema import Feature, Schema

MODEL = "model"
HISTORY = 50


@click.command()
@click.option("--model-dir", required=True, type=click.Path(exists=True, path_type=Path), help="An exported model.")
@click.option("--target", help="A running server, which serves the model as `model`. [default: start a local one]")
@click.option("--candidates", default="1,10,100,600,5000", show_default=True, help="Candidates of a request.")
@click.option("--concurrency", default="1,4,16", show_default=True, help="Clients that call at once.")
@click.option("--seconds", default=5.0, show_default=True, help="Length of each measurement.")
@click.option("--seed", default=0, show_default=True)
def main(model_dir: Path, target: str | None, candidates: str, concurrency: str, seconds: float, seed: int) -> None:
    """Measures the latency of `rank` by candidates and concurrency."""
    exported = exported_model(model_dir)
    schema, by_id = exported.schema, exported.by_id
    with contextlib.ExitStack() as stack:
        address = target or stack.enter_context(_server(Path(exported.path).parent))
        with RankingClient(address, MODEL, schema) as client:
            client.wait_until_ready()
        for count in map(int, candidates.split(",")):
            request = random_request(schema, np.random.default_rng(seed), min(count, schema.max_candidates))
            for callers in map(int, concurrency.split(",")):
                click.echo(json.dumps(measure(address, schema, request, callers, seconds, by_id)))


def measure(target: str, schema: Schema, request: Request, callers: int, seconds: float,
            by_id: bool = False) -> dict[str, float]:
    """One row: latencies in milliseconds and calls a second, after a few calls that are not counted."""
    latencies: list[list[float]] = [[] for _ in range(callers)]
    barrier = threading.Barrier(callers)

    def call(own: list[float]) -> None:
        with RankingClient(target, MODEL, schema, deadline_s=60.0, by_id=by_id) as client:
            for _ in range(3):
                client.rank_one(request)
            barrier.wait()
            end = time.perf_counter() + seconds
            while (start := time.perf_counter()) < end:
                client.rank_one(request)
                own.append(time.perf_counter() - start)

    threads = [threading.Thread(target=call, args=(own,)) for own in latencies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = 1000 * np.concatenate(latencies)
    return {"candidates": request.candidate_count, "concurrency": callers, "calls": len(every),
            "calls_per_second": round(len(every) / seconds, 1),
            **{f"p{q}_ms": round(float(np.percentile(every, q)), 2) for q in (50, 90, 99)}}


def random_request(schema: Schema, rng: np.random.Generator, candidates: int) -> Request:
    """A request of the schema with full histories (at most 50 events) and ids that the model mostly does not know."""
    def values(feature: Feature, count: int) -> list:
        if feature.kind == "id":
            return [str(value) for value in rng.integers(0, 100_000, count)]
        shape = (count, feature.width) if feature.width > 1 else count
        return rng.exponential(10.0, shape).tolist()

    return Request(
        "benchmark", 0, {f.name: values(f, 1)[0] for f in schema.request} | dict.fromkeys(schema.keys, "k"),
        {s.name: {f.name: values(f, min(s.max_length, HISTORY)) for f in s.fields} for s in schema.sequences},
        {f.name: values(f, candidates) for f in schema.candidates})


@contextlib.contextmanager
def _server(base_path: Path):
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(str(base_path), there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("stop")
        process.join()


def _serve(base_path: str, pipe) -> None:
    from serving.server import LocalModelServer

    with LocalModelServer({MODEL: base_path}, rest_port=None) as server:
        pipe.send(server.target)
        pipe.recv()


if __name__ == "__main__":
    main()
