"""The shards of an import of samples by processes of this machine."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator

from zoo.data.importer.samples.plan import Plan
from zoo.data.importer.samples.shards import Shard
from zoo.data.importer.samples.work import Made, make_shard
from zoo.data.log_shard import PRELOAD
from zoo.processes import divided

# (what is known of the table, its rows in parts, folder of the log that is being written, how many processes) -> what each
# part gave, in any order.
Shards = Callable[[Plan, Iterator[Shard], str, int], Iterator[Made]]


def process_shards(plan: Plan, shards: Iterator[Shard], log: str, workers: int) -> Iterator[Made]:
    """What the shards give, each made by one of some processes of this machine, or all by this one."""
    return divided(functools.partial(_make, plan, log), shards, workers, PRELOAD)


def _make(plan: Plan, log: str, shard: Shard) -> Made:
    """One shard, whose rows are needed no more."""
    made = make_shard(plan, shard, log)
    for path in shard.paths:
        os.remove(path)
    return made
