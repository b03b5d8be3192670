"""What a row of an event log says, as SQL over the log's own columns, and what makes it unusable."""

from __future__ import annotations

import time
from collections.abc import Iterable

from zoo.data.importer.cells import Cells
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.fields import Attribute
from zoo.data.importer.labels import EventLabel
from zoo.data.importer.sources import EventLogError, Source, literal, quote
from zoo.data.importer.sql import truth
from zoo.data.importer.time_units import FUTURE

# What the user did, in the column `kind`.
OTHER, CLICK, IMPRESSION = 0, 1, 2
# Where the event store has the number of the event's type.
TYPE = "_type"


class RowReader:
    """The columns of the event store and the checks of a row, for one file.

    Args:
        config: what the columns mean.
        source: the file.
        prior: it holds earlier events of sessions, named by the session that they precede.

    Raises:
        EventLogError: the file lacks a column, or prior events can't be used.
    """

    def __init__(self, config: ImportConfig, source: Source, prior: bool):
        self.config, self.source, self.prior = config, source, prior
        columns = config.columns
        ids = [columns.user, columns.session, columns.request, columns.item]
        ids += [one.source for one in (*config.attributes, *config.context) if one.kind == "id"]
        self.cells = cells = Cells(source, config, ids)
        self._check_columns()
        self.item, self.session, self.request = map(cells.text, (columns.item, columns.session, columns.request))
        self.what = cells.text(columns.label if columns.label and not prior else columns.event)
        user = cells.text(columns.user)
        # A row without a user is its session's.
        self.user = f"coalesce({user}, {self.session})"
        # Whose clicks make a history; sessions that are cut by a pause are known when all is read.
        by_session = config.history_scope == "session" and not config.session_gap
        self.unit = self.session if prior or by_session else self.user
        self.moment, self.kind = cells.moment(columns.time, columns.time_of_day), self._kind()

    def select(self) -> str:
        """SQL of the rows as the event store has them, with `reason`: why a row can't be used, NULL where it can."""
        order = self.config.columns.order
        place = self.cells.number(order, "DOUBLE") if order in self.source.columns else "NULL"
        values = {
            "wanted": "true",
            "reason": self._reason(),
            "prior": "true" if self.prior else "false",
            "unit": self.unit,
            "user_id": self.user,
            "session_id": self.session,
            "request_id": self.request,
            "time": f"TRY_CAST(floor({self.moment}) AS BIGINT)",
            "place": place,
            "kind": self.kind,
            "item": self.item,
            **{attribute.name: self.cells.value(attribute) for attribute in self.config.attributes},
            TYPE: self._type(),
            **{label_column(label): self._number_of(label) for label in self.config.labels if label.column},
            **{context_column(one): self.cells.value(one) for one in self.config.context},
        }
        named = ", ".join(f"{value} AS {quote(name)}" for name, value in values.items())
        return f"SELECT {named} FROM {self.cells.relation()}"

    def _number_of(self, label: EventLabel) -> str:
        number = self.cells.number(label.column)
        return f"ln(1 + {number})" if label.scale == "log1p" else number

    def _kind(self) -> str:
        if self.config.columns.label and not self.prior:
            return f"(CASE {truth(self.what)} WHEN 1 THEN {CLICK} WHEN 0 THEN {IMPRESSION} END)"
        if not self.config.clicks:
            return str(CLICK)
        kinds = dict.fromkeys(self.config.clicks, CLICK) | dict.fromkeys(self.config.impressions, IMPRESSION)
        return self._cases([kinds.get(name, OTHER) for name in self.config.types])

    def _type(self) -> str:
        """The number of the event's type; NULL in a log without types."""
        return self._cases(range(len(self.config.types))) if self.config.types else "NULL"

    def _cases(self, numbers: Iterable[int]) -> str:
        """A number for each event type."""
        cases = " ".join(f"WHEN {self.what} = {literal(name)} THEN {number}"
                         for name, number in zip(self.config.types, numbers, strict=True))
        return f"(CASE {cases} END)"

    def _reason(self) -> str:
        """The first check that a row fails."""
        return f"CASE {' '.join(f'WHEN {condition} THEN {reason}' for condition, reason in self._checks())} END"

    def _checks(self) -> list[tuple[str, str]]:
        """`(condition, reason)`: a row for which a condition holds is rejected for the reason, by the first that holds."""
        label = self.config.columns.label
        what = f"{label} is neither 1 nor 0: " if label and not self.prior else "unknown event type "
        who = [name for name in ("user", "session") if getattr(self.config.columns, name)]
        checks = [
            (f"{self.item} IS NULL", literal("no item")),
            (f"{self.unit} IS NULL", literal(f"no {' or '.join(who)}")),
            (f"{self.moment} IS NULL OR isnan({self.moment})", literal("time can not be read")),
            (f"{self.moment} > {time.time():.0f}", literal(FUTURE)),
            (f"{self.moment} < 0", literal("time lies before 1970")),
        ]
        for column, passed, reason in ((self.config.columns.opens, ">", "before the item was there"),
                                       (self.config.columns.closes, "<=", "when the item was not there any more")):
            if column and not self.prior:
                checks.append((f"{self.cells.moment(column)} {passed} {self.moment}", literal(reason)))
        if self.config.columns.request and not self.prior:
            # What came of a click, a purchase, need not know on which page it was.
            checks.append((f"{self.request} IS NULL AND {self.kind} IN ({CLICK}, {IMPRESSION})", literal("no request")))
        checks.append((f"{self.kind} IS NULL", f"{literal(what)} || coalesce({self.what}, '(none)')"))
        described = (*self.config.attributes, *self.config.context)
        numbers = [a.source for a in described if a.kind == "number"] + [one.column for one in self.config.labels if one.column]
        checks += [self.cells.no_number(column) for column in numbers if column in self.source.columns]
        return checks + [(f"{self.cells.number(label.column)} < 0", literal(f"{label.column} is below 0"))
                         for label in self.config.labels if label.column and label.scale != "linear"]

    def _check_columns(self) -> None:
        columns, name = self.config.columns, self.source.name
        named = ("session", "event") if self.prior else (
            "user", "session", "request", "event", "label", "time_of_day", "opens", "closes")
        needed = {"time": columns.time, "item": columns.item}
        needed |= {key: value for key in named if (value := getattr(columns, key))}
        if self.prior:
            if self.config.history_scope != "session" or not columns.session:
                raise EventLogError(f"{name}: prior events belong to the session that they precede; they need "
                                    "history_scope: session and columns.session (or give the file among the events, if it has "
                                    "users)")
        else:
            needed |= {attribute.name: attribute.source for attribute in (*self.config.attributes, *self.config.context)}
            needed |= {label.name: label.column for label in self.config.labels if label.column}
        self.cells.check(needed)


def label_column(label: EventLabel) -> str:
    """Where the event store has the number of a label; no attribute has such a name."""
    return f"_label_{label.name}"


def context_column(attribute: Attribute) -> str:
    """Where the event store has a column that describes the request."""
    return f"_context_{attribute.name}"
