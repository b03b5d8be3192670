"""The report of `zoo data check` as text, 80 columns wide."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from rich.console import Console
from rich.table import Table

from zoo.commands.console import data_console
from zoo.data.log_shard import SPLITS

_ROWS, _BAR = 20, 16
_WEIGHTS = {3: "WRONG", 2: "look", 1: "note"}
_STEPS = {3_600: "hour", 86_400: "day"}


def print_check(report: dict[str, Any]) -> None:
    """Prints a report of `check_log`: what there is, and last what is wrong with it."""
    text = _Text(data_console(), report)
    for part in (text.head, text.rows, text.splits, text.time, text.positions, text.lengths, text.ids, text.missing, text.alone,
                 text.one_class, text.findings):
        part()


class _Text:
    def __init__(self, console: Console, report: dict[str, Any]):
        self.console, self.report, self.of_splits = console, report, report["splits"]

    def line(self, text: str = "", wrap: bool = True) -> None:
        """A line of words; a path is never broken."""
        self.console.print(text, soft_wrap=not wrap)

    def table(self, title: str, columns: Iterable[str], rows: Iterable[Iterable[str]], left: int = 1) -> None:
        """A table whose first columns are texts, the others numbers."""
        self.line()
        self.line(title)
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for place, column in enumerate(columns):
            table.add_column(column, justify="left" if place < left else "right", overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)

    def head(self) -> None:
        self.line(f"{self.report['name']}: {self.report['log']}", wrap=False)
        read = {split: (count["requests_read"], count["requests"]) for split, count in self.of_splits.items()}
        parts = [f"{some:,} of {every:,} of {split}" for split, (some, every) in read.items() if some < every]
        if parts:
            self.line(f"read evenly: {', '.join(parts)} (--requests 0 reads all)")

    def rows(self) -> None:
        rows = self.report["rows"]
        if rows["read"] is not None:
            rejected = sum(rows["rejected"].values())
            self.line()
            self.line(f"{rows['read']:,} rows came in, {rejected:,} were rejected, {rows['dropped_after_until']:,} lay at or "
                      f"after splits.until; {rows['requests']:,} requests were made")
        for reason, count in rows["rejected"].items():
            self.line(f"  rejected: {count:,}, {reason}")
        for note, count in rows["notes"].items():
            self.line(f"  note: {count:,} {note.replace('_', ' ')}")

    def splits(self) -> None:
        rows = []
        for split, count in self.of_splits.items():
            for label, of in count["labels"].items():
                first = label == next(iter(count["labels"]))
                rows.append([split if first else "", f"{count['requests']:,}" if first else "",
                             f"{count['candidates']:,}" if first else "", label, f"{of['positives']:,}",
                             _percent(of["positives"], of["observed"])])
        self.table("Splits (positives: of what was read)",
                   ["split", "requests", "candidates", "label", "positives", "rate"], rows)
        users = self.report["users"]
        for split in ("validation", "test"):
            self.line(f"{users['group_key']}: {_share(users[split]['seen_in_training'])} of the {users[split]['count']:,} "
                      f"different ones of {split} were seen in training")

    def time(self) -> None:
        axis = self.report["time"]
        if axis is None:
            self.line()
            self.line("The log has no times.")
            return
        steps = axis["steps"]
        together = math.ceil(len(steps) / _ROWS)
        groups = [steps[first:first + together] for first in range(0, len(steps), together)]
        most = max(sum(_sum(group, split, "requests") for split in SPLITS) for group in groups)
        labels = self.report["labels"]
        rows = []
        for group in groups:
            counts = [_sum(group, split, "requests") for split in SPLITS]
            bars = "".join(mark * round(_BAR * count / most) for mark, count in zip("▒▓█", counts, strict=True))
            rates = [_percent(sum(_sum(group, split, f"positives_{label}") for split in SPLITS),
                              sum(_sum(group, split, f"observed_{label}") for split in SPLITS)) for label in labels[:2]]
            rows.append([_moment(group[0]["from"]), bars, *(f"{count:,}" if count else "" for count in counts), *rates])
        unit = _STEPS.get(axis["step"], "week")
        every = f"every {together} {unit}s" if together > 1 else f"every {unit}"
        self.table(f"Requests, and how often candidates were positive, {every} (UTC)",
                   ["from", "▒ train ▓ val █ test", "train", "valid.", "test", *labels[:2]], rows, left=2)

    def positions(self) -> None:
        for label, by_split in self.report["positions"].items():
            rates = {split: {one["position"]: _percent(one["positives"], one["observed"]) for one in places}
                     for split, places in by_split.items()}
            places = sorted({place for several in rates.values() for place in several})
            if len(places) < 2:
                continue
            rows = [[str(place) + ("" if place < 50 else " and after"), *(several.get(place, "") for several in rates.values())]
                    for place in places[:10] + [place for place in places[10:] if place % 10 == 0]]
            self.table(f"{label} by position on the page", ["position", *rates], rows)

    def lengths(self) -> None:
        names = ["min", "median", "mean", "p95", "max"]
        rows = [[f"candidates, {split}", *(_number(count["candidates_per_request"].get(name)) for name in names), "", ""]
                for split, count in self.of_splits.items()]
        rows += [[f"{name}, {split}", *(_number(found.get(one)) for one in names),
                  _share(found["empty"]), _share(found["full"])]
                 for name in next(iter(self.of_splits.values()))["histories"]
                 for split, found in ((split, count["histories"][name]) for split, count in self.of_splits.items())]
        self.table("Candidates and events a request (full: as long as is kept)", ["", *names, "empty", "full"], rows)

    def ids(self) -> None:
        spaces = self.report["unknown"]
        if not spaces:
            return
        seldom = any(found["min_count"] > 1 for found in spaces.values())
        rows = [[space, f"{found['ids_in_training']:,}",
                 *(_share(found.get(split, {}).get("never", math.nan)) for split in ("validation", "test")),
                 *([str(found["min_count"]), *(_share(found.get(split, {}).get("seldom", math.nan))
                                               for split in ("validation", "test"))] if seldom else [])]
                for space, found in spaces.items()]
        columns = ["space", "ids in training", "validation", "test"]
        self.table("Ids that training never had" + ("; and those below min_count, unknown to a model" if seldom else ""),
                   columns + (["min_count", "validation", "test"] if seldom else []), rows)

    def missing(self) -> None:
        rows = [[name, *(_share(found[split]["share"]) for split in SPLITS)] for name, found in self.report["missing"].items()
                if any(one["share"] > 0 for one in found.values())]
        if rows:
            self.table("Missing values", ["column", *SPLITS], rows)
        else:
            self.line()
            self.line("No value is missing.")

    def alone(self) -> None:
        found = self.report["alone"]
        several = len({one["label"] for one in found}) > 1
        rows = [[one["feature"], *([one["label"]] if several else []),
                 *(_auc(one["auc"].get(split, math.nan)) for split in SPLITS)] for one in found[:15]]
        self.table("AUC of each feature alone" + (f" (the first 15 of {len(found)})" if len(found) > 15 else ""),
                   ["feature", *(["label"] if several else []), *SPLITS], rows, left=2 if several else 1)
        self.line("An id is ranked by how often the label happened with it in training, in training by the other half.")

    def one_class(self) -> None:
        rows = [[one["column"], one["label"], _share(one["positives"]), _share(one["positives_by_chance"]),
                 _share(one["negatives"]), _share(one["negatives_by_chance"])]
                for one in self.report["one_class"] if max(one["positives"], one["negatives"]) >= 0.01]
        if rows:
            self.table("Candidates of training whose id stands in one class alone",
                       ["column", "label", "of positives", "by chance", "of negatives", "by chance"], rows, left=2)

    def findings(self) -> None:
        found = self.report["findings"]
        self.line()
        if not found:
            self.line("Nothing to warn of.")
            return
        self.line(f"{len(found)} warning{'s' if len(found) > 1 else ''}, the heaviest first")
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for one in found:
            table.add_row(_WEIGHTS[one["weight"]], one["text"])
            table.add_row("", f"-> {one['remedy']}")
        self.console.print(table)


def _sum(steps: list[dict[str, Any]], split: str, name: str) -> int:
    return sum(step[split].get(name, 0) for step in steps)


def _moment(time: int) -> str:
    return datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d %H:%M")


def _percent(part: float, whole: float) -> str:
    return _share(part / whole if whole else math.nan)


def _share(share: float) -> str:
    """Two digits that tell, also of small shares."""
    if math.isnan(share):
        return ""
    return f"{share:.1%}" if share >= 0.0095 or not share else f"{share:.2%}" if share >= 0.00005 else "<0.01%"


def _auc(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
