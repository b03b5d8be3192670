"""The process that leads a training by parameter servers: `python -m zoo.training.machines.coordinator JOB.json PARENT`."""

from __future__ import annotations

import sys

from zoo.training.machines.job import Job
from zoo.training.machines.parameter_servers import ParameterServerRun, connected


def main() -> None:
    job = Job.told(sys.argv[1], int(sys.argv[2]))
    strategy = connected(job.addresses, job.machines)
    run = ParameterServerRun(strategy, job.build, job.begun(), job.config, job.split(), job.kept,
                             lambda line: print(line, flush=True))
    job.complete(run)


if __name__ == "__main__":
    main()
