"""What a row of an event log says, as SQL over the log's own columns, and what makes it unusable."""

from __future__ import annotations

import time

from zoo.config import nearest
from zoo.data.importer.config import Attribute, ImportConfig
from zoo.data.importer.sources import EventLogError, Source, literal, quote

# What the user did, in the column `kind`.
OTHER, CLICK, IMPRESSION = 0, 1, 2


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
        self._check_columns()
        columns = config.columns
        self.item, self.event, self.clock = (self._text(name) for name in (columns.item, columns.event, columns.time))
        self.session, self.request = self._text(columns.session), self._text(columns.request)
        self.user = self._text(columns.user) if columns.user in source.columns else self.session
        # Whose clicks make a history.
        self.unit = self.session if prior or config.history_scope == "session" else self.user
        factor = {"s": 1, "ms": 1000}[config.time_unit]
        self.moment = (f"coalesce(TRY_CAST({self.clock} AS DOUBLE) / {factor}, "
                       f"epoch(TRY_CAST({self.clock} AS TIMESTAMP)))")
        kinds = ((config.clicks, CLICK), (config.impressions, IMPRESSION), (config.other, OTHER))
        cases = " ".join(f"WHEN {self.event} = {literal(name)} THEN {kind}" for names, kind in kinds for name in names)
        self.kind = f"(CASE {cases} END)"

    def select(self) -> str:
        """SQL of the rows as the event store has them, with `reason`: why a row can't be used, NULL where it can."""
        order = self.config.columns.order
        place = f"TRY_CAST({self._text(order)} AS DOUBLE)" if order in self.source.columns else "NULL"
        values = {
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
            **{attribute.name: self._value(attribute) for attribute in self.config.attributes},
        }
        named = ", ".join(f"{value} AS {quote(name)}" for name, value in values.items())
        return f"SELECT {named} FROM {self.source.relation}"

    def _reason(self) -> str:
        """The first check that a row fails."""
        return f"CASE {' '.join(f'WHEN {condition} THEN {reason}' for condition, reason in self._checks())} END"

    def _checks(self) -> list[tuple[str, str]]:
        """`(condition, reason)`: a row for which a condition holds is rejected for the reason, by the first that holds."""
        checks = [
            *self.source.surplus_checks(),
            (f"{self.item} IS NULL", literal("no item")),
            (f"{self.unit} IS NULL", literal("no user or session")),
            (f"{self.moment} IS NULL OR isnan({self.moment})", literal("time can not be read")),
            (f"{self.moment} > {time.time():.0f}", literal("time lies in the future")),
            (f"{self.moment} < 0", literal("time lies before 1970")),
        ]
        if self.config.columns.request and not self.prior:
            checks.append((f"{self.request} IS NULL", literal("no request")))
        checks.append((f"{self.kind} IS NULL", f"{literal('unknown event type ')} || coalesce({self.event}, '(none)')"))
        numbers = [a for a in self.config.attributes if a.kind == "number" and a.source in self.source.columns]
        return checks + [(self._no_number(a), literal(f"{a.source} is not a number")) for a in numbers]

    def _no_number(self, attribute: Attribute) -> str:
        """A number that is there must be finite; NaN means that it is missing."""
        text, number = self._text(attribute.source), self._value(attribute)
        return (f"{text} IS NOT NULL AND NOT coalesce({number} < 'inf' AND {number} > '-inf' OR isnan({number}), false)")

    def _value(self, attribute: Attribute) -> str:
        text = self._text(attribute.source)
        return text if attribute.kind == "id" else f"TRY_CAST({text} AS FLOAT)"

    def _text(self, column: str | None) -> str:
        """A column's trimmed text; NULL where it is empty or the file has no such column."""
        if column is None or column not in self.source.columns:
            return "NULL"
        return f"nullif(trim(CAST({quote(column)} AS VARCHAR)), '')"

    def _check_columns(self) -> None:
        columns, name = self.config.columns, self.source.name
        named = ("session",) if self.prior else ("user", "session", "request")
        needed = {"time": columns.time, "event": columns.event, "item": columns.item}
        needed |= {key: value for key in named if (value := getattr(columns, key))}
        if self.prior:
            if self.config.history_scope != "session":
                raise EventLogError(f"{name}: prior events belong to the session that they precede; they need "
                                    "history_scope: session (or give the file among the events, if it has users)")
        else:
            needed |= {attribute.name: attribute.source for attribute in self.config.attributes}
        for meaning, column in needed.items():
            if column not in self.source.columns:
                raise EventLogError(f"{name}: no column {column!r} (for {meaning}){nearest(column, self.source.columns)}")
