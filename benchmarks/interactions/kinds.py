"""The public logs that are known: how each is read, its protocol, its source, and what was reached on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.interactions.beauty import read_beauty
from benchmarks.interactions.config import LeaveOneOutConfig, RandomSplitConfig, RequestsConfig
from benchmarks.interactions.dataset import Interactions
from benchmarks.interactions.grocery import read_grocery
from benchmarks.interactions.lastfm import read_lastfm
from benchmarks.interactions.leave_one_out import leave_one_out
from benchmarks.interactions.random_split import random_split
from zoo.data.request import Request

Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Kind:
    """A public log and its protocol.

    Args:
        read: from a folder to interactions.
        config: class of the protocol's settings.
        requests: the protocol: from interactions and settings to `(split, request)`.
        ordered: whether interactions are in order, so that a history has gaps.
        source: where the log and its protocol come from.
        floors: what counting alone reaches by this protocol, by metric and name.
        published: what models reached, by metric and model, as their authors say.
    """

    read: Callable[[Path], Interactions]
    config: type[RequestsConfig]
    requests: Callable[[Interactions, Any], Iterator[tuple[str, Request]]]
    ordered: bool
    source: str
    floors: Figures = field(default_factory=dict)
    published: Figures = field(default_factory=dict)


KINDS = {
    "grocery": Kind(
        read_grocery, LeaveOneOutConfig, leave_one_out, ordered=True,
        source="Amazon reviews, Grocery and Gourmet Food (McAuley), as ReChorus splits it",
        floors={"hr_at_5": {"popularity": 0.203}, "ndcg_at_5": {"popularity": 0.130}},
        published={"hr_at_5": {"sasrec": 0.392}, "ndcg_at_5": {"sasrec": 0.294}}),
    "beauty": Kind(
        read_beauty, LeaveOneOutConfig, leave_one_out, ordered=True,
        source="Amazon reviews, Beauty (McAuley), as S3-Rec orders it",
        floors={"hr_at_5": {"popularity": 0.174}, "ndcg_at_5": {"popularity": 0.113},
                "hr_at_10": {"popularity": 0.286}, "ndcg_at_10": {"popularity": 0.149}},
        # 99 sampled negatives, SASRec trained from scratch: the logs in S3-Rec's repository.
        published={"hr_at_10": {"sasrec": 0.4651}, "ndcg_at_10": {"sasrec": 0.3142}}),
    "lastfm": Kind(
        read_lastfm, RandomSplitConfig, random_split, ordered=False,
        source="HetRec 2011, Last.FM, with the knowledge graph of KGCN",
        floors={"auc": {"popularity": 0.793}, "gauc": {"popularity": 0.790}},
        # KGCN-concat in the paper of KGCN, as OpenHGNN's page on that model quotes it.
        published={"auc": {"kgcn": 0.796}, "f1": {"kgcn": 0.721}}),
}
