"""How requests are made of the events of a log."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo.config import Config, nearest
from zoo.data.importer.clock import Clock
from zoo.data.importer.counters import CLICKS, IMPRESSIONS, RATE, Counter
from zoo.data.importer.durations import Duration, short
from zoo.data.importer.fields import Attribute, Columns, EventType
from zoo.data.importer.files_config import Files
from zoo.data.importer.histories import FurtherHistory, History
from zoo.data.importer.joins import Join
from zoo.data.importer.labels import EventLabel
from zoo.data.importer.protocol import Negatives, Splits
from zoo.data.importer.sql import check_time_zone, check_times
from zoo.data.importer.tables import SideTable
from zoo.schema import BehaviourSequence, Feature, IdSpace, Label, Schema

# Features that the import makes itself, and what `EventStore` and the catalogue have beside the attributes.
_TAKEN = {"item", "gap", "popularity", "prior", "unit", "user_id", "session_id", "request_id", "time", "place", "kind",
          "row", "reason", "valid_from"}


class ImportConfig(Config):
    """How an event log becomes a request log.

    Args:
        kind: `events`; may be left away.
        name: of the data set.
        files: how they are written.
        joins: files that say more of each row, by a key.
        columns: what the log's columns are called.
        time_unit: of numeric times: seconds, milli- or microseconds since 1970; other times are ISO 8601, with or without a
            zone.
        time_format: of other times, as strptime has it (`%m/%d/%Y %I:%M:%S %p`).
        time_year: of times whose format has none.
        time_zone: of times that name none.
        clicks: event types that are clicks; none where the log has no event types.
        impressions: event types that show an item; empty for a log of clicks alone.
        other: event types that are known and make neither history nor candidates; those that histories, labels and counters
            name are known, too.
        attributes: of the item.
        context: columns of the log that become features of the request, from the row of its click, or the first of its page.
        clock: features made from the request's time.
        tables: files beside the events, joined as of the request's time.
        counters: of what had happened before the request.
        labels: beside the click.
        splits: times that divide the log.
        negatives: for a log of clicks alone; `none` for none.
        history: what the user did before; a number is how many clicks are kept.
        sequences: further histories.
        history_scope: whose events: of the `user`, or of the `session` alone (and the prior file).
        session_gap: a user's session ends with a pause that is longer (`30m`), where the log names no sessions.
        item_min_count: items seen less often in the training split are unknown.
        max_rejected_share: above it the import fails.
        floors: what counting alone reaches on this protocol, by metric and name; reports compare with it.
    """

    kind: Literal["events"] = "events"
    name: str
    files: Files = Files()
    joins: tuple[Join, ...] = ()
    columns: Columns
    time_unit: Literal["s", "ms", "us"] = "s"
    time_format: str | None = None
    time_year: int | None = None
    time_zone: str = "UTC"
    clicks: tuple[EventType, ...] = ()
    impressions: tuple[EventType, ...] = ()
    other: tuple[EventType, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    context: tuple[Attribute, ...] = ()
    clock: Clock | None = None
    tables: tuple[SideTable, ...] = ()
    counters: tuple[Counter, ...] = ()
    labels: tuple[EventLabel, ...] = ()
    splits: Splits
    negatives: Negatives = Negatives()
    history: History = History()
    sequences: tuple[FurtherHistory, ...] = ()
    history_scope: Literal["user", "session"] = "user"
    session_gap: Duration | None = None
    item_min_count: int = pydantic.Field(default=2, ge=1)
    max_rejected_share: float = pydantic.Field(default=0.05, ge=0, le=1)
    floors: dict[str, dict[str, float]] = {}

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> ImportConfig:
        if self.impressions and self.columns.request is None:
            raise ValueError("a log with impressions needs columns.request, which says what was shown together")
        self._check_names()
        types = (*self.clicks, *self.impressions, *self.other)
        if types and self.columns.event is None:
            raise ValueError("clicks, impressions and other are values of columns.event, which is not named")
        if self.columns.event and not self.clicks:
            raise ValueError("say which values of columns.event are `clicks`")
        twice = sorted({name for name in types if types.count(name) > 1})
        if twice:
            raise ValueError(f"event type {twice[0]!r} stands more than once in clicks, impressions and other")
        if self.types != types and self.columns.event is None:
            raise ValueError("histories, labels and counters name event types, which are values of columns.event; it is not "
                             "named")
        check_times(self)
        if self.clock and self.clock.time_zone:
            check_time_zone(self.clock.time_zone)
        if self.session_gap and self.columns.session:
            raise ValueError("columns.session says what a session is; leave it away, or session_gap")
        if self.history_scope == "session" and not self.has_sessions:
            raise ValueError("history_scope is session, but columns.session is not named (nor session_gap)")
        if self.negatives.same_category and not self.pages and self.category is None:
            raise ValueError("negatives of the same category need an attribute with the role category; set "
                             "negatives.same_category to 0 or name one")
        self._check_counters()
        self._check_labels()
        try:
            self.schema()
        except pydantic.ValidationError as error:
            raise ValueError("; ".join(detail["msg"].removeprefix("Value error, ") for detail in error.errors())) from None
        return self

    def _check_names(self) -> None:
        """Of the item's attributes, which name columns of the event store and of the catalogue."""
        names = [attribute.name for attribute in self.described]
        # The columns that a number with buckets, or a sequence, has beside its own.
        beside = {"length", "count", *(f"{attribute.name}_bucket" for attribute in self.described if attribute.buckets)}
        if any(history.action for history in self.histories.values()):
            beside.add("action")
        for name in names:
            if name in _TAKEN | beside or names.count(name) > 1:
                raise ValueError(f"the attribute name {name!r} is {'there twice' if names.count(name) > 1 else 'taken'}; "
                                 "choose another one (`column` may stay)")

    def _check_counters(self) -> None:
        keys = {"item", "user", *(attribute.name for attribute in self.described if attribute.kind == "id")}
        for counter in self.counters:
            unknown = next((key for key in counter.of if key not in keys), None)
            if unknown is not None:
                raise ValueError(f"counters: {unknown!r} is neither item, user nor an attribute with ids"
                                 + nearest(unknown, keys))
            if len(set(counter.of)) < len(counter.of):
                raise ValueError(f"counters: {counter.of[0]!r} stands twice in one counter")
            if not self.pages and {IMPRESSIONS, RATE} & set(counter.counts):
                raise ValueError("counters: a log of clicks alone has no impressions, and no rate; count clicks, or name "
                                 "`impressions`")

    def _check_labels(self) -> None:
        edges = {"validation": (self.splits.validation_from, self.splits.test_from),
                 "test": (self.splits.test_from, self.splits.until)}
        for label in self.labels:
            for split, (begin, end) in edges.items():
                if label.within and label.within >= (end - begin).total_seconds():
                    raise ValueError(
                        f"label {label.name!r} looks {short(label.within)} ahead, and the {split} split is no longer than "
                        "that: none of its clicks would have one; make the split longer or `within` shorter")

    # ---- what the settings come to -------------------------------------------------------------------------------

    @property
    def pages(self) -> bool:
        """Whether the log says what was shown."""
        return bool(self.impressions or self.columns.label)

    @property
    def has_sessions(self) -> bool:
        """Whether events are of sessions, named by the log or cut by a pause."""
        return bool(self.columns.session or self.session_gap)

    @property
    def described(self) -> tuple[Attribute, ...]:
        """What is known of an item: from the log, and from tables of items."""
        return (*self.attributes, *(one for table in self.tables if table.of == "item" for one in table.features))

    @property
    def category(self) -> Attribute | None:
        """The attribute with the role `category`."""
        return next((a for a in self.described if a.role == "category"), None)

    @property
    def histories(self) -> dict[str, History | FurtherHistory]:
        """All behaviour sequences by name."""
        return {"history": self.history, **{one.name: one for one in self.sequences}}

    @property
    def counted(self) -> tuple[Counter, ...]:
        """The counters, each with what it counts."""
        usual = (IMPRESSIONS, CLICKS, RATE) if self.pages else (CLICKS,)
        return tuple(counter if counter.counts else counter.model_copy(update={"counts": usual}) for counter in self.counters)

    @property
    def types(self) -> tuple[str, ...]:
        """All event types that are known; an event's number is its place here."""
        named = [*self.clicks, *self.impressions, *self.other]
        named += [name for history in self.histories.values() for name in history.events]
        named += [name for label in self.labels for name in label.events]
        named += [name for counter in self.counters for name in counter.counts if name not in (IMPRESSIONS, CLICKS, RATE)]
        return tuple(dict.fromkeys(named))

    def schema(self) -> Schema:  # pyright: ignore[reportIncompatibleMethodOverride]  (pydantic's, which is deprecated)
        """The schema of the request log: items and their attributes in histories and candidates, gaps, popularity, and what
        tables, clock, context and counters add."""
        item = Feature(name="item", space="item", role="item")
        described = tuple(attribute.feature() for attribute in self.described)
        action = (Feature(name="action", space="action", role="action"),)
        gap = Feature(name="gap", kind="number", role="time_gap", transform="log_zscore", buckets=12)
        popularity = Feature(name="popularity", kind="number", role="popularity", transform="log_zscore", buckets=12)
        sequences = tuple(
            BehaviourSequence(name=name, max_length=one.max_length, role=one.role,
                              fields=(item, *described, *action[:one.action], gap))
            for name, one in self.histories.items())
        request = [attribute.feature() for table in self.tables if table.of != "item" for attribute in table.features]
        request += [attribute.feature() for attribute in self.context] + (self.clock.declared() if self.clock else [])
        request += [feature for counter in self.counted if counter.of_request for feature in counter.features()]
        counts = [feature for counter in self.counted if not counter.of_request for feature in counter.features()]
        fields = [*request, *described, *(field for sequence in sequences for field in sequence.fields)]
        return Schema(
            name=self.name,
            spaces={"item": IdSpace(min_count=self.item_min_count),
                    **{field.space: IdSpace() for field in fields if field.space and field.space != "item"}},
            request=tuple(request),
            sequences=sequences,
            candidates=(*(feature.model_copy(update={"owner": "item"}) for feature in (item, *described)), popularity, *counts),
            labels=(Label(name="click"), *(label.label() for label in self.labels)),
            group_key="user_id",
            keys=("user_id", "session_id") if self.has_sessions else ("user_id",),
        )

    def located(self, folder: str) -> ImportConfig:
        """With the paths of further files as they are from here, where the configuration lies in another folder."""
        return self.model_copy(update={"tables": tuple(table.located(folder) for table in self.tables),
                                       "joins": tuple(join.located(folder) for join in self.joins)})

    @property
    def beside(self) -> tuple[str, ...]:
        """The files that are read beside the log's own."""
        return tuple(one.file for one in (*self.joins, *self.tables))
