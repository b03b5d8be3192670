"""The shards of an import of samples by processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from zoo.data.importer.samples.plan import Plan
from zoo.data.importer.samples.shards import Shard
from zoo.data.importer.samples.work import Made, make_shard

# (what is known of the table, its rows in parts, folder of the log that is being written, how many processes) -> what each
# part gave, in any order.
Shards = Callable[[Plan, Iterator[Shard], str, int], Iterator[Made]]


def process_shards(plan: Plan, shards: Iterator[Shard], log: str, workers: int) -> Iterator[Made]:
    """What the shards give, each made by one of some processes of this machine, or all by this one."""
    if workers == 1:
        yield from (_make(plan, shard, log) for shard in shards)
        return
    # Not forked from this process, whose database has threads; from one that has imported what the work needs, once.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["zoo.data.importer.samples.work"])
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting: set[Future[Made]] = set()
        try:
            for shard in shards:
                waiting.add(pool.submit(_make, plan, shard, log))
                # Rows are read no faster than requests are made of them, as they take room.
                while len(waiting) > workers + 1:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (one.result() for one in done)
            for one in waiting:
                yield one.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _make(plan: Plan, shard: Shard, log: str) -> Made:
    """One shard, whose rows are needed no more."""
    made = make_shard(plan, shard, log)
    for path in shard.paths:
        os.remove(path)
    return made
