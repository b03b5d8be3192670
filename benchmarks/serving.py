"""What a ranking call of 600 candidates and 50 events costs, beside what a user would have otherwise.

    make bench-serving

DIN, DMR and DIEN answer one request through `rank`, and the same request as 600 point-wise tf.Examples through
`serving_default`; DeepCTR's DIN with the same widths answers it as 600 rows of dense ids. All are served by one local model
server on one core; the client has another, sends bytes that were made before and does not read the answer. DIN's SavedModel is
also called in process on one core, beside the matrix products of its graph alone. All take turns, a round each; p50 is over all
rounds. The last line is a JSON object: point-wise over `rank` (`…_p50_ratio`, `…_bytes_ratio`), DeepCTR over ours, DIN in
process over its products, and DIN over gRPC over DIN in process. docs/results/serving.json gets the table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from benchmarks.peers.environments import ROOT, python_of
from benchmarks.peers.zoo_worker import schema
from benchmarks.pinned_model import PinnedModel
from benchmarks.pinned_server import PinnedServer, pin_client
from benchmarks.results import write_rows
from benchmarks.serving_models import SHAPE, deepctr_call, logged_request, pointwise_call, rank_call, write_model
from serving.encoding import encode_requests

MODELS = ("din", "dmr", "dien")
PROTOCOL = ("one request of 600 candidates and 50 events, item and category, 100,000 items, tables 16 wide, tower 200-80; one "
            "local server on one core, one client on another, a call without the client's encoding; all take turns")


def export(root: Path) -> dict[str, Path]:
    """Folders of versions by name; what is there is taken as it is."""
    for name in MODELS:
        if not (root / name / "1").is_dir():
            write_model(name, root / name / "1")
    deepctr = root / "deepctr" / "1"
    if not deepctr.is_dir():
        subprocess.run([python_of("deepctr"), "-W", "ignore", "-m", "benchmarks.peers.deepctr_export", deepctr.absolute()],
                       check=True, cwd=ROOT)
    return {name: root / name for name in (*MODELS, "deepctr")}


def measured(root: Path, rounds: int, seconds: float) -> tuple[dict[str, list[float]], dict[str, int], float]:
    """Milliseconds of all calls by case, bytes of a call by case, and the MFLOP of DIN's products."""
    request = logged_request()
    models = export(root)
    cases = {f"{name}, rank": rank_call(name, request) for name in MODELS}
    cases |= {f"{name}, 600 tf.Examples": pointwise_call(name, request) for name in MODELS}
    cases["deepctr din, 600 rows of ids"] = deepctr_call("deepctr", request)
    took: dict[str, list[float]] = {name: [] for name in (*cases, "din, in process", "din, its products alone")}
    inputs = dict(encode_requests(schema(SHAPE), [request]).inputs)
    pin_client()
    with PinnedServer(models) as server, PinnedModel(models["din"] / "1", inputs) as model:
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.enable_http_proxy", 0)]
        with grpc.insecure_channel(server.target, options) as channel:
            send = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
            for content in cases.values():
                for _ in range(3):
                    send(content, timeout=120)
            for number in range(rounds):
                for name, content in cases.items():
                    took[name] += _calls(send, content, seconds)
                for name, what in (("din, in process", "call"), ("din, its products alone", "products")):
                    took[name] += model.milliseconds(what, seconds)
                print(f"round {number + 1}/{rounds}", flush=True)
        return took, {name: len(content) for name, content in cases.items()}, model.mflop


def _calls(send: Any, content: bytes, seconds: float) -> list[float]:
    took, end = [], time.perf_counter() + seconds
    while (started := time.perf_counter()) < end or len(took) < 5:
        send(content, timeout=120)
        took.append(1e3 * (time.perf_counter() - started))
    return took


def ratios(p50: dict[str, float], size: dict[str, int]) -> dict[str, float]:
    """What is claimed."""
    found = {f"{name}_p50_ratio": p50[f"{name}, 600 tf.Examples"] / p50[f"{name}, rank"] for name in MODELS}
    found["din_bytes_ratio"] = size["din, 600 tf.Examples"] / size["din, rank"]
    found["din_over_deepctr"] = p50["deepctr din, 600 rows of ids"] / p50["din, rank"]
    found["din_over_matmul_floor"] = p50["din, in process"] / p50["din, its products alone"]
    found["local_server_over_in_process"] = p50["din, rank"] / p50["din, in process"]
    return {name: round(value, 2) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each case in a round")
    parser.add_argument("--root", type=Path, default=Path("runs/bench_serving"), help="for the models")
    parser.add_argument("--out", default="docs/results/serving.json")
    options = parser.parse_args()
    took, size, mflop = measured(options.root, options.rounds, options.seconds)
    rows: list[dict[str, Any]] = []
    for name, values in took.items():
        p50, p99 = np.percentile(values, (50, 99))
        metrics = {"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3), "calls": len(values)}
        metrics |= {"bytes": size[name]} if name in size else {}
        metrics |= {"mflop": round(mflop, 1)} if "products" in name else {}
        rows.append({"dataset": "600 candidates, 50 events", "protocol": PROTOCOL, "model": name, "seeds": 1,
                     "command": "make bench-serving",
                     "metrics": {metric: {"mean": value, "std": 0.0} for metric, value in metrics.items()}})
        print(f"{name:32} {metrics}")
    write_rows(options.out, rows)
    print(json.dumps(ratios({name: float(np.median(values)) for name, values in took.items()}, size)))


if __name__ == "__main__":
    main()
