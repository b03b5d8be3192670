"""A configuration for a table of samples."""

from __future__ import annotations

import re
from typing import Any

from zoo.data.guess.draft import Draft
from zoo.data.guess.file import File
from zoo.data.guess.look import Column, determines
from zoo.data.guess.names import feature_name, likeness, worded
from zoo.data.guess.roles import Roles
from zoo.data.guess.sequences import Sequences, lists_of
from zoo.data.guess.settings import Add, files_settings, new_names, split_times, time_settings

_ROLES = ("category", "brand", "shop")


def samples_config(draft: Draft, name: str, file: File, roles: Roles) -> dict[str, Any]:
    """Writes the configuration of a table of samples; as `events_config`."""
    config: dict[str, Any] = {}

    def add(key: str, value: Any, why: str = "") -> None:
        draft.add(key, value, why)
        config[key] = value

    _Samples(draft, add, name, file, roles).write()
    return config


class _Samples:
    def __init__(self, draft: Draft, add: Add, name: str, file: File, roles: Roles):
        self.draft, self.add, self.name, self.file, self.roles = draft, add, name, file, roles
        self.names = new_names(roles)
        self.listed = bool(roles.page) or any(label.is_list for label in roles.labels)
        self.left: list[str] = []

    def source(self, column: Column) -> str:
        return self.names.get(column.name, column.name)

    def write(self) -> None:
        roles, draft, add = self.roles, self.draft, self.add
        draft.comment("Rows are samples: requests with lists of candidates." if self.listed else
                      "Rows are samples: impressions with their labels and features.")
        add("kind", "samples")
        add("name", self.name)
        files_settings(add, self.file, self.names)
        if self.listed:
            add("rows", "requests")
        add("columns", self._columns())
        time_settings(add, roles)
        candidates = self._candidates()
        sequences = Sequences(roles, candidates, self.source, self.listed)
        request, several = self._others(sequences)
        if request:
            add("request", request)
        if sequences.found:
            draft.comment("Events of a sequence are taken to stand oldest first; say `newest_first: true` if they do not.")
            for why in sequences.why:
                draft.comment(why)
            add("sequences", sequences.found)
        add("candidates", [entry for _, entry in candidates] + several)
        self._labels()
        if roles.page and roles.page.cells:
            add("page", {"column": self.source(roles.page), "separator": roles.page.cells.separator,
                         "field_separator": roles.page.cells.within, "fields": ["item", "click"]})
        self._splits()
        if self.left or sequences.left:
            draft.comment(f"Left out: {', '.join([*self.left, *sequences.left])}.")

    def _columns(self) -> dict[str, str]:
        roles = self.roles
        who = roles.user or roles.session or roles.request or self._someone()
        if who is not roles.user:
            self.draft.comment(f"No column was taken for a user: GAUC compares candidates within {who.name}. Name the user's "
                               "column, if there is one.")
        columns = {"user": who, "time": roles.time, "time_of_day": roles.time_of_day, "weight": roles.weight,
                   "request": None if self.listed else roles.request}
        return {meaning: self.source(column) for meaning, column in columns.items() if column}

    def _someone(self) -> Column:
        """A column to group by where nobody is named: of ids that come again, the one with the most."""
        rows = self.file.looked_at
        of_user = [one for one in self.roles.others if likeness(one.name, "of_user") and one.distinct < rows]
        assert self.roles.item is not None or of_user
        return max(of_user, key=lambda one: one.distinct) if of_user else self.roles.item  # pyright: ignore[reportReturnType]

    def _candidates(self) -> list[tuple[Column | None, dict[str, Any]]]:
        """The item and what describes it, as far as its meaning is known."""
        roles = self.roles
        if roles.page:
            return [(roles.page, {"name": "item", "role": "item"})]
        found: list[tuple[Column | None, dict[str, Any]]] = []
        lists = lists_of(roles) if self.listed else {}
        item = lists.get("item") or roles.item
        if item:
            found.append((item, self._entry("item", item) | {"role": "item"}))
        for role in _ROLES:
            column = lists.get(role) or getattr(roles, role)
            if column:
                found.append((column, self._entry(role, column) | {"role": role}))
        price = lists.get("price") or roles.price
        if price:
            found.append((price, self._entry("price", price) | {"kind": "number", "role": "price", **price.scaling()}))
        return found

    def _entry(self, name: str, column: Column) -> dict[str, Any]:
        source = self.source(column)
        return {"name": name} | ({"column": source} if source != name else {})

    def _others(self, sequences: Sequences) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Features of the request and of candidates among the columns whose meaning is not known."""
        request, candidates = [], []
        taken = {"user_id", "item", "price", "click", *_ROLES, *(_label_name(label) for label in self.roles.labels)}
        for column in [*self.roles.others, *sequences.several]:
            entry = self._feature(column, taken)
            if entry is None:
                self.left.append(column.name)
                continue
            taken.add(entry["name"])
            of_candidate = column in sequences.of_candidates if self.listed else self._of_item(column)
            (candidates if of_candidate else request).append(entry)
        return request, candidates

    def _of_item(self, column: Column) -> bool:
        roles = self.roles
        if likeness(column.name, "of_user"):
            return False
        if likeness(column.name, "of_item"):
            return True
        if roles.user and determines(roles.user, column):
            return False
        return bool(roles.item and determines(roles.item, column))

    def _feature(self, column: Column, taken: set[str]) -> dict[str, Any] | None:
        """None for what says nothing: one value alone, hardly any, or another one in every row."""
        rows = len(column.values)
        numbers = column.numeric and (not column.whole or bool(likeness(column.name, "number"))) and column.distinct > 2
        if column.distinct < 2 or column.missing > 0.95 or (not numbers and column.distinct == rows and not column.is_list):
            return None
        name = feature_name(column.name)
        entry = self._entry(f"{name}_feature" if name in taken else name, column)
        if numbers and not column.is_list:
            values = column.numbers()
            wide = values[0] >= 0 and values[-1] > 50 * max(values[len(values) // 2], 1e-9)
            return entry | {"kind": "number"} | ({"transform": "log_zscore"} if wide or values[-1] > 1_000 else {})
        words = sum(" " in text for text in column.counts) > column.distinct / 2
        if words and likeness(column.name, "text") and not column.numeric:
            return entry | {"kind": "text"}
        if column.cells:
            return entry | {"separator": column.cells.separator}
        return entry

    def _labels(self) -> None:
        roles = self.roles
        if roles.page:
            self.add("labels", [{"name": "click"}])
            return
        found, first = [], roles.labels[0]
        for label in roles.labels:
            entry = self._entry(_label_name(label), label)
            if label is not first and not label.is_list and not first.is_list and _within(label, first):
                self.draft.comment(f"{label.name} is 1 only where {first.name} is: it is learned given that.")
                entry["given"] = _label_name(first)
            found.append(entry)
        for stay in roles.stays[:1]:
            milliseconds = worded(stay.name).endswith(("_ms", "_millis"))
            found.append(self._entry(re.sub(r"_(ms|millis|s|secs|seconds)$", "", feature_name(stay.name)), stay)
                         | {"kind": "regression"} | ({"scale": 0.001} if milliseconds else {}))
        self.left += [stay.name for stay in roles.stays[1:]]
        self.add("labels", found)

    def _splits(self) -> None:
        roles = self.roles
        if roles.split:
            names = {value.lower(): value for value in roles.split.counts}
            validation = next((names[one] for one in ("validation", "valid", "val", "dev", "eval") if one in names), None)
            self.add("splits", {"column": self.source(roles.split),
                                "names": {"train": names["train"], "test": names["test"]} | ({"validation": validation}
                                                                                           if validation else {})}
                     | ({} if validation else {"shares": {"validation": 0.1}}))
        elif roles.time:
            self.add("splits", split_times(self.draft, self.file, roles, self.file.name))
        else:
            self.add("splits", {"shares": {"validation": 0.1, "test": 0.1}}, "no times: a tenth of the users each")


def _label_name(label: Column) -> str:
    """Of the task."""
    name = feature_name(label.name)
    return "click" if likeness(label.name, "click") else name.removeprefix("is_").removeprefix("label_")


def _within(label: Column, other: Column) -> bool:
    """Whether a label happens only where another one does, and often enough to tell."""
    happened = [other.values[row] for row, value in enumerate(label.values) if value in ("1", "true")]
    return len(happened) >= 20 and all(value in ("1", "true") for value in happened)
