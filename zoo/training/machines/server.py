"""A process that does what a training tells it: a worker, or a parameter server.

    python -m zoo.training.machines.server --cluster '{"worker": ["a:4001"], "ps": ["b:4001"]}' --job worker --index 0

Without options, all of it stands in TF_CONFIG, as training operators of Kubernetes set it. It ends when the process that
started it does.
"""

from __future__ import annotations

import argparse
import json
import os

from zoo.config import ConfigError
from zoo.keras import tf
from zoo.machine import cores
from zoo.training.machines.parent import end_with


def serve(cluster: dict[str, list[str]], job: str, index: int, parent: int | None = None) -> None:
    """Serves until it is ended.

    Args:
        cluster: addresses by job.
        job: `worker` or `ps`.
        index: of this process in its job.
        parent: process without which it has nothing to do; None serves for ever.
    """
    config = tf.compat.v1.ConfigProto()
    # A function that asks another machine waits on a thread, and is waited for by others: with the two threads of a small
    # machine, all of them may wait for each other.
    config.inter_op_parallelism_threads = max(8, cores())
    if parent is not None:
        end_with(parent)
    tf.distribute.Server(tf.train.ClusterSpec(cluster), job_name=job, task_index=index, protocol="grpc", config=config,
                         start=True).join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cluster", metavar="JSON", help="addresses by job; those of TF_CONFIG by default")
    parser.add_argument("--job", choices=("worker", "ps"))
    parser.add_argument("--index", type=int)
    parser.add_argument("--parent", type=int, help="process after whose end it ends, too")
    options = parser.parse_args()
    said = json.loads(os.environ.get("TF_CONFIG") or "{}")
    cluster = json.loads(options.cluster) if options.cluster else said.get("cluster")
    task = said.get("task", {})
    job = options.job or task.get("type")
    if not cluster or not job:
        raise ConfigError("neither --cluster and --job nor TF_CONFIG say which process of which cluster this is")
    serve(cluster, job, task.get("index", 0) if options.index is None else options.index, options.parent)


if __name__ == "__main__":
    main()
