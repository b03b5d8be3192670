"""A worker of a synchronous training: `python -m zoo.training.machines.member JOB.json PARENT INDEX`."""

from __future__ import annotations

import sys

from zoo.training.machines.job import Job
from zoo.training.machines.synchronous import SynchronousRun, joined


def main() -> None:
    job, index = Job.told(sys.argv[1], int(sys.argv[2])), int(sys.argv[3])
    strategy = joined(job.addresses, index)
    with strategy.scope():
        model = job.begun()
    run = SynchronousRun(strategy, index, model, job.config, job.split(), job.kept,
                         (lambda line: print(line, flush=True)) if not index else (lambda line: None))
    job.complete(run, leads=not index)


if __name__ == "__main__":
    main()
