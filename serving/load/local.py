"""The local model server as a process of a trial: python -m serving.load.local BASE PORT"""

from __future__ import annotations

import sys

from serving.load.settings import NAME
from serving.serve import run_server


def main() -> None:
    base, port = sys.argv[1:]
    run_server([f"{NAME}={base}"], None, int(port), 0, "127.0.0.1", "latest:1", 60.0, 256)


if __name__ == "__main__":
    main()
