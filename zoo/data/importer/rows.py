"""What a row of an event log says, as SQL over the log's own columns, and what makes it unusable."""

from __future__ import annotations

import time

from zoo.config import nearest
from zoo.data.importer.config import Attribute, ImportConfig
from zoo.data.importer.sources import EventLogError, Source, literal, quote

# What the user did, in the column `kind`.
OTHER, CLICK, IMPRESSION = 0, 1, 2
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}
_YES, _NO = ("true", "t", "yes", "y"), ("false", "f", "no", "n")


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
        self.item, self.session, self.request = map(self._text, (columns.item, columns.session, columns.request))
        self.what = self._text(columns.label if columns.label and not prior else columns.event)
        user = self._text(columns.user)
        # A row without a user is its session's.
        self.user = f"coalesce({user}, {self.session})"
        # Whose clicks make a history.
        self.unit = self.session if prior or config.history_scope == "session" else self.user
        self.moment, self.kind = self._moment(), self._kind()

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

    def _moment(self) -> str:
        """Seconds since 1970."""
        config, column = self.config, self.config.columns.time
        text = self._text(column)
        if config.time_format:
            zone = literal(config.time_zone)
            return f"epoch(timezone({zone}, try_strptime({text}, {literal(config.time_format)})))"
        number = f"TRY_CAST({text} AS DOUBLE) / {_UNITS[config.time_unit]}"
        # Without a zone of its own a time is of the connection's.
        moment = f"coalesce({number}, epoch(TRY_CAST({text} AS TIMESTAMPTZ)))"
        of_day = config.columns.time_of_day
        return f"({moment} + coalesce(TRY_CAST({self._text(of_day)} AS DOUBLE) / 1000, 0))" if of_day else moment

    def _kind(self) -> str:
        if self.config.columns.label and not self.prior:
            number, words = f"TRY_CAST({self.what} AS DOUBLE)", f"lower({self.what})"
            return (f"(CASE WHEN {number} = 1 OR {words} IN {_texts(_YES)} THEN {CLICK} "
                    f"WHEN {number} = 0 OR {words} IN {_texts(_NO)} THEN {IMPRESSION} END)")
        if not self.config.clicks:
            return str(CLICK)
        kinds = ((self.config.clicks, CLICK), (self.config.impressions, IMPRESSION), (self.config.other, OTHER))
        cases = " ".join(f"WHEN {self.what} = {literal(name)} THEN {kind}" for names, kind in kinds for name in names)
        return f"(CASE {cases} END)"

    def _reason(self) -> str:
        """The first check that a row fails."""
        return f"CASE {' '.join(f'WHEN {condition} THEN {reason}' for condition, reason in self._checks())} END"

    def _checks(self) -> list[tuple[str, str]]:
        """`(condition, reason)`: a row for which a condition holds is rejected for the reason, by the first that holds."""
        what = "label " if self.config.columns.label and not self.prior else "unknown event type "
        checks = [
            (f"{self.item} IS NULL", literal("no item")),
            (f"{self.unit} IS NULL", literal("no user or session")),
            (f"{self.moment} IS NULL OR isnan({self.moment})", literal("time can not be read")),
            (f"{self.moment} > {time.time():.0f}", literal("time lies in the future")),
            (f"{self.moment} < 0", literal("time lies before 1970")),
        ]
        if self.config.columns.request and not self.prior:
            checks.append((f"{self.request} IS NULL", literal("no request")))
        checks.append((f"{self.kind} IS NULL", f"{literal(what)} || coalesce({self.what}, '(none)')"))
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
        """A column's trimmed text; NULL where it is missing or the file has no such column."""
        if column is None or column not in self.source.columns:
            return "NULL"
        value, text = quote(column), f"CAST({quote(column)} AS VARCHAR)"
        if self.source.types[column].startswith(("DOUBLE", "FLOAT", "DECIMAL")):
            # pandas makes floats of whole numbers as soon as one is missing.
            whole = f"{value} = trunc({value}) AND abs({value}) < 1e15"
            text = f"(CASE WHEN {whole} THEN CAST(CAST({value} AS BIGINT) AS VARCHAR) ELSE {text} END)"
        text = f"trim({text})"
        return f"(CASE WHEN {text} IN {_texts(('', *self.config.files.missing))} THEN NULL ELSE {text} END)"

    def _check_columns(self) -> None:
        columns, name = self.config.columns, self.source.name
        named = ("session", "event") if self.prior else ("user", "session", "request", "event", "label", "time_of_day")
        needed = {"time": columns.time, "item": columns.item}
        needed |= {key: value for key in named if (value := getattr(columns, key))}
        if self.prior:
            if self.config.history_scope != "session":
                raise EventLogError(f"{name}: prior events belong to the session that they precede; they need "
                                    "history_scope: session (or give the file among the events, if it has users)")
        else:
            needed |= {attribute.name: attribute.source for attribute in self.config.attributes}
        for meaning, column in needed.items():
            if column not in self.source.columns:
                values = self.source.is_text and self.config.files.header and _look_like_values(self.source.columns)
                hint = ("; its first line looks like values: say `files: {header: false, names: […]}`" if values
                        else nearest(column, self.source.columns))
                raise EventLogError(f"{name}: no column {column!r} (for {meaning}){hint}")


def _texts(values: tuple[str, ...]) -> str:
    return f"({', '.join(map(literal, dict.fromkeys(values)))})"


def _look_like_values(header: list[str]) -> bool:
    """Names of columns are no numbers."""
    return any(name.replace(".", "").replace("-", "").isdigit() for name in header)
