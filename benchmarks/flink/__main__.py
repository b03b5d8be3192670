"""The import by this machine's processes and on Apache Flink: the same log, and what Flink costs.

    python -m benchmarks.flink

Events are imported by 1, 2 and 4 processes and on Flink with 1, 2 and 4 slots, in turn; samples by 2 processes and with 2
slots; the starts of workers count. Every log must hold the same examples, byte for byte when they are sorted. Then the pipeline
from the raw log to transformed examples, on the DirectRunner and on Flink. What is read and sorted before the shards are made
takes one process on either. docs/results/flink.json gets the table; the last line is a JSON object.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.flink.cluster import flink, missing
from benchmarks.flink.work import prepare
from benchmarks.results import write_rows

SLOTS = (1, 2, 4)
# TFX packs itself up for remote workers where no image is said to hold it.
DIRECT = ["--runner=DirectRunner", "--sdk_container_image=none"]


class Table:
    """The measured rows, and that all ways of one kind made the same.

    Args:
        protocol: of the rows.
    """

    def __init__(self, protocol: str):
        self.protocol = protocol
        self.rows: list[dict[str, Any]] = []
        self.seconds: dict[tuple[str, str], float] = {}
        self._made: dict[str, Any] = {}

    def add(self, kind: str, way: str, seconds: float, requests: int, made: Any) -> None:
        """Notes a measurement; ends the program where what was made is not what another way made."""
        if self._made.setdefault(kind, made) != made:
            sys.exit(f"{kind}, {way}: not what another way made: {made} instead of {self._made[kind]}")
        self.seconds[kind, way] = seconds
        self.rows.append({"dataset": kind, "protocol": self.protocol, "model": way, "seeds": 1, "command": "make flink-data",
                          "metrics": {"seconds": {"mean": round(seconds, 1), "std": 0.0},
                                      "requests_per_second": {"mean": round(requests / seconds), "std": 0.0}}})
        print(f"{kind:16} {way:14} {seconds:7.1f} s  {requests / seconds:8.0f} requests/s", flush=True)

    def over(self, kind: str, way: str, other: str) -> float:
        """How many times as long one way took as another."""
        return round(self.seconds[kind, way] / self.seconds[kind, other], 2)


def local(processes: int) -> str:
    return f"{processes} process{'es' * (processes > 1)}"


def on_flink(slots: int) -> str:
    return f"Flink, {slots} slot{'s' * (slots > 1)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=500_000, help="of the imported log; the data pipeline has a fifth")
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--out", default="docs/results/flink.json")
    options = parser.parse_args()
    lacking = missing()
    if lacking:
        sys.exit(f"Flink is not measured: {lacking}. It needs Java 11 or 17, and Maven once.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that Flink ends, too
    table = Table(f"{options.events:,} events (the data pipeline: {options.events // 5:,}) in {options.shards} shards")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        events = options.events
        prepare(place, events)

        def one(kind: str, way: str, how: int | list[str]) -> None:
            asked = {"kind": kind, "folder": folder, "how": how, "events": events, "shards": options.shards}
            done = subprocess.run([sys.executable, "-m", "benchmarks.flink.work", json.dumps(asked)], check=True,
                                  encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            table.add(kind, way, **json.loads(done.stdout.strip().splitlines()[-1]))

        for kind, some in (("import", SLOTS), ("samples", (2,))):
            for slots in some:
                one(kind, local(slots), slots)
                with flink(slots, place / "flink") as arguments:
                    one(kind, on_flink(slots), arguments)
        write_rows(options.out, table.rows)
        events //= 5
        prepare(place, events)
        one("data pipeline", "DirectRunner", DIRECT)
        with flink(2, place / "flink") as arguments:
            one("data pipeline", on_flink(2), arguments)
    write_rows(options.out, table.rows)
    print(json.dumps({
        "flink_over_processes": {slots: table.over("import", on_flink(slots), local(slots)) for slots in SLOTS},
        "flink_over_processes_samples": table.over("samples", on_flink(2), local(2)),
        "flink_over_direct_pipeline": table.over("data pipeline", on_flink(2), "DirectRunner"), "equal": True}))


if __name__ == "__main__":
    main()
