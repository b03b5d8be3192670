"""Starts Apache Flink on this machine's loopback, and says what a run's configuration needs to send its Beam work there.

    python -m benchmarks.flink.start --slots 2

It serves until Ctrl-C. Java and Maven are needed as by `make flink-data`.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from pathlib import Path

import yaml

from benchmarks.flink.cluster import flink, missing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=2, help="of the TaskManager; as many Python workers")
    parser.add_argument("--logs", type=Path, default=Path("runs/flink/logs"), help="folder for what the processes say")
    options = parser.parse_args()
    if lacking := missing():
        sys.exit(f"Flink can't start here: {lacking}. It needs Java 11 or 17, and Maven once.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.suppress(KeyboardInterrupt), flink(options.slots, options.logs.absolute()) as arguments:
        said = {"beam": {"runner": "PortableRunner", "arguments": arguments[1:]}}
        print(f"Flink has started; in a run's configuration:\n\n{yaml.safe_dump(said, sort_keys=False)}\nCtrl-C ends it.",
              flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
