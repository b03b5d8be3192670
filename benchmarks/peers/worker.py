"""A contestant's process: builds and warms up its models, then trains for a round whenever it is told to.

The parent writes the name of a contest to standard input and reads the seconds that its round took.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

from benchmarks.peers.samples import Shape

Round = Callable[[], object]


def serve(build: Callable[[Shape], Round]) -> None:
    """Reads the contests from the command line, builds them, and answers until input ends.

    Args:
        build: makes a contest; what it gives back trains once over all batches.
    """
    # Libraries print as they like: only the answers may reach the parent.
    answers, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
    os.dup2(2, 1)
    rounds = {}
    for name, shape in json.loads(sys.argv[1]).items():
        rounds[name] = build(Shape(**shape))
        rounds[name]()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        rounds[line.strip()]()
        print(time.perf_counter() - started, file=answers, flush=True)
