"""What a candidate costs a coarse ranker that keeps its items, over gRPC, beside the fine ranker that could teach it.

    make bench-coarse

DSSM and DIN as `zoo run coarse` trains them learn from one simulated log and are served by local model servers, which may use
one core alone; the client has another. What is compared is called in turns, in short blocks. `p50_ms` is the server's median
time from a request's message to its answer's, reading of the tensors included, `rpc_p50_ms` the client's from the first byte
sent to the last one received. `p50_ms_5000` is the server's time for 5,000 candidates, `per_candidate_ratio` what a further
candidate costs DIN over what it costs DSSM (from 500 to 5,000), `whole_call_ratio` the same of whole calls with 5,000, the
request's own part included, `growth_10x` the time for 5,000 over that for 500, `history_50_over_1` what a further candidate
costs with 50 events over one. Then the same for a catalogue of a million items, and what less precision costs. The last line is
a JSON object; docs/results/coarse_latency.json gets the table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import grpc
import numpy as np

from benchmarks.coarse_models import Prepared, evaluate, million, prepare
from benchmarks.pinned_server import PinnedServer, pin_client
from benchmarks.results import write_rows
from benchmarks.variants import TAUGHT
from serving.asked import asked_columns
from serving.client import RankingClient
from serving.encoding import encode_requests
from serving.model_dir import exported_model
from serving.protocol import messages
from serving.tensors import write_tensor
from zoo import files
from zoo.data.request import Request

COMMAND = "make bench-coarse"
CANDIDATES = (500, 5000)
PRECISIONS = ("float32", "float16", "int8")
Key = TypeVar("Key")
STUDENT = f"dssm-recent{TAUGHT}-further"  # what the benchmark of quality calls it


class Caller:
    """Calls `rank` with bytes that were made before, and does not read the answer.

    Args:
        server: a running one.
        path: of the served model.
    """

    def __init__(self, server: PinnedServer, path: Path):
        self.server, self.model = server, exported_model(path)
        with RankingClient.of_model(server.target, "model", path) as client:
            client.wait_until_ready(300)
        options = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
        self.send = grpc.insecure_channel(server.target, options).unary_unary("/tensorflow.serving.PredictionService/Predict")

    def message(self, request: Request, signature: str = "rank", **more: int) -> bytes:
        """A call's bytes, with what the model asks of the request."""
        columns = asked_columns(self.model.schema, self.model.by_id)
        candidates = {f.name: request.candidates[f.name] for f in columns.candidates}
        inputs = dict(encode_requests(columns, [Request(request.request_id, request.time, request.features, request.sequences,
                                                        candidates)]).inputs)
        sent = messages.PredictRequest(model_spec=messages.ModelSpec(name="model", signature_name=signature))
        for name, array in {**inputs, **{name: np.array([value]) for name, value in more.items()}}.items():
            write_tensor(np.asarray(array), sent.inputs[name])
        return sent.SerializeToString()

    def block(self, message: bytes, seconds: float) -> dict[str, float]:
        """Milliseconds of a call, one after the other for a while: in the server, for the client, and of its processor."""
        for _ in range(3):
            self.send(message, timeout=120)
        self.server.call_milliseconds()
        found, before, end = [], self.server.processor_seconds(), time.perf_counter() + seconds
        while (started := time.perf_counter()) < end or len(found) < 5:
            self.send(message, timeout=120)
            found.append(time.perf_counter() - started)
        used = self.server.processor_seconds() - before
        p50, p90 = np.percentile(self.server.call_milliseconds(), (50, 90))
        return {"p50_ms": float(p50), "p90_ms": float(p90), "rpc_p50_ms": 1e3 * float(np.median(found)),
                "processor_ms": 1e3 * used / len(found)}


def in_turns(calls: Mapping[Key, tuple[Caller, bytes]], rounds: int = 30, seconds: float = 0.2) -> dict[Key, dict[str, float]]:
    """What calls take, by their names: of each the median of short blocks, in turns with the others.

    A shared machine's memory is faster in one minute than in the next, which is seen by a student of few instructions alone.

    Args:
        calls: by name, who calls and what.
        rounds: blocks of each.
        seconds: of a block.
    """
    blocks: dict[Key, list[dict[str, float]]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (caller, message) in calls.items():
            blocks[name].append(caller.block(message, seconds))
    return {name: {of: round(float(np.median([block[of] for block in several])), 3) for of in several[0]}
            for name, several in blocks.items()}


def row(dataset: str, model: str, metrics: dict[str, float]) -> dict[str, Any]:
    protocol = "one server on one core, one client on another; a call without the client's encoding"
    return {"dataset": dataset, "protocol": protocol, "model": model, "seeds": 1, "command": COMMAND,
            "metrics": {name: {"mean": value, "std": 0.0} for name, value in metrics.items()}}


def of_one_catalogue(prepared: Prepared, rows: list[dict[str, Any]]) -> dict[tuple[str, int, int], dict[str, float]]:
    """Student and teacher by candidates and history; by model, candidates and events."""
    with PinnedServer(prepared.student("float32").parent) as students, PinnedServer(prepared.teacher.parent) as teachers:
        student, teacher = Caller(students, prepared.student("float32")), Caller(teachers, prepared.teacher)
        cases = [("dssm", student, events, count) for events in (1, 50) for count in CANDIDATES]
        cases += [("din", teacher, 50, count) for count in CANDIDATES]
        best = ("top_k", 5000, 50)
        taken = in_turns({(name, count, events): (caller, caller.message(prepared.request(count, events)))
                          for name, caller, events, count in cases}
                         | {best: (student, student.message(prepared.request(5000, 50), "top_k", k=600))})
    found = {case: seen for case, seen in taken.items() if case != best}
    for (name, count, events), seen in found.items():
        rows.append(row(prepared.dataset, f"{name}, {count:,} candidates, {events} events", seen))
        print(name, count, events, seen, flush=True)
    rows.append(row(prepared.dataset, "dssm, the best 600 of 5,000, 50 events", taken[best]))
    print("dssm", "top 600", taken[best], flush=True)
    return found


def of_precisions(prepared: Prepared, rows: list[dict[str, Any]]) -> None:
    """What less precision costs and saves."""
    with contextlib.ExitStack() as stack:
        callers = {precision: Caller(stack.enter_context(PinnedServer(prepared.student(precision).parent)),
                                     prepared.student(precision)) for precision in PRECISIONS}
        taken = in_turns({name: (one, one.message(prepared.request(5000, 50))) for name, one in callers.items()})
    gaucs = {precision: evaluate(prepared.student(precision), prepared)["gauc"] for precision in PRECISIONS}
    for precision, seen in taken.items():
        metrics = {"gauc": round(gaucs[precision], 5), "gauc_lost": round(gaucs[PRECISIONS[0]] - gaucs[precision], 5),
                   "table_mb": round(prepared.table_bytes(prepared.student(precision)) / 1e6, 2), **seen}
        rows.append(row(prepared.dataset, f"dssm, 5,000 candidates, {precision} table", metrics))
        print(precision, metrics, flush=True)


def of_a_million(prepared: Prepared, rows: list[dict[str, Any]]) -> None:
    """A catalogue of a million items: how long it takes to encode, how large it is, how long to load, how fast then."""
    for precision in ("float32", "int8"):
        path, seconds = million(prepared, precision)
        size = sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
        started = time.perf_counter()
        with PinnedServer(path.parent) as server:
            caller = Caller(server, path)
            loaded, memory = time.perf_counter() - started, server.peak_mib()
            request = prepared.request(5000, 50)
            rng = np.random.default_rng(1)
            request.candidates["item"][:] = [f"m{number}" for number in rng.choice(1_000_000, 5000, replace=False)]
            seen = in_turns({precision: (caller, caller.message(request))})[precision]
        metrics = {"export_seconds": round(seconds, 1), "table_mb": round(prepared.table_bytes(path) / 1e6, 1),
                   "model_mb": round(size / 1e6, 1), "start_seconds": round(loaded, 1), "peak_mib": round(memory), **seen}
        rows.append(row("1,000,000 items", f"dssm, 5,000 candidates, {precision} table", metrics))
        print("million", precision, metrics, flush=True)
        shutil.rmtree(path.parent)


def survivors(path: str) -> float | None:
    """What the benchmark of quality found of this student: the teacher's top 50 among 600 of 5,000; None before it ran."""
    rows = json.loads(files.read_text(path))["rows"] if files.is_file(path) else []
    return next((one["metrics"]["top50_in_600"]["mean"] for one in rows
                 if (one["dataset"], one["model"]) == ("cascade", STUDENT)), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("runs/coarse_latency"), help="for the log and the models")
    parser.add_argument("--out", default="docs/results/coarse_latency.json")
    parser.add_argument("--quality", default="docs/results/coarse.json")
    parser.add_argument("--no-million", action="store_true", help="leave the catalogue of a million items out")
    options = parser.parse_args()
    prepared = prepare(options.root)
    pin_client()
    rows: list[dict[str, Any]] = []
    found = of_one_catalogue(prepared, rows)

    def of(name: str, count: int, events: int = 50) -> float:
        return found[name, count, events]["p50_ms"]

    def further(name: str, events: int = 50) -> float:
        return 1e3 * (of(name, 5000, events) - of(name, 500, events)) / 4500

    summary = {"p50_ms_5000": of("dssm", 5000), "per_candidate_ratio": round(further("din") / further("dssm"), 1),
               "whole_call_ratio": round(of("din", 5000) / of("dssm", 5000), 1),
               "history_50_over_1": round(further("dssm") / further("dssm", 1), 2),
               "growth_10x": round(of("dssm", 5000) / of("dssm", 500), 2)}
    rows.append(row(prepared.dataset, "a further candidate, from 500 to 5,000", {
        "dssm_us": round(further("dssm"), 3), "din_us": round(further("din"), 3), "ratio": summary["per_candidate_ratio"]}))
    of_precisions(prepared, rows)
    if not options.no_million:
        of_a_million(prepared, rows)
    write_rows(options.out, rows)
    print(json.dumps(summary | {"top50_in_600": survivors(options.quality)}))


if __name__ == "__main__":
    main()
