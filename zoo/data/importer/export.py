"""What requests are made of, from the event store to files: what is global, computed once, and the events in shards."""

from __future__ import annotations

import json
import os
from collections import Counter as Counts

from zoo.data.importer.clock import PARTS
from zoo.data.importer.counters import CLICKS, IMPRESSIONS, RATE
from zoo.data.importer.events import EventLogError, EventStore
from zoo.data.importer.plan import (
    CLICKS_FILE,
    GLOBAL_FILE,
    ITEMS_FILE,
    clock_column,
    code_column,
    count_file,
    counted_attributes,
    entities,
    key_order,
    label_file,
    shard_file,
    table_file,
)
from zoo.data.importer.rows import CLICK, IMPRESSION, TYPE, context_column, label_column
from zoo.data.importer.shard_files import SHARD, write_shards
from zoo.data.importer.sources import literal, quote
from zoo.data.importer.table_rows import KEY, SINCE, side_table
from zoo.data.importer.tables import SideTable
from zoo.data.importer.timeline import write_timeline

_NAMES = {"user": "user_id", "session": "session_id", "request": "request_id"}


class Export:
    """Writes what requests are made of.

    Args:
        store: with all events, sessions cut and late ones dropped.
        folder: to write into.

    Attributes:
        notes: counts of what was done otherwise than asked.
    """

    def __init__(self, store: EventStore, folder: str):
        self.config, self.db, self.folder = store.config, store.db, folder
        self.notes: Counts[str] = Counts()

    def write(self, shards: int) -> None:
        """Writes the items by their codes, the times of all that is counted and looked up, and the events in shards.

        Attributes are those of when an item was first seen: nothing of the future stands in them, and they are the same for a
        clicked and a drawn candidate. Prior events are not counted. A shard has all events of some units, sorted.
        """
        self._items()
        self._timeline(CLICKS_FILE, "i.code", self._counted(CLICKS))
        for entity in entities(self.config):
            name = _NAMES[entity]
            self.db.execute(f"CREATE TABLE {entity}_codes AS SELECT name, row_number() OVER () - 1 AS code FROM "
                            f"(SELECT DISTINCT {name} AS name FROM events WHERE {name} IS NOT NULL ORDER BY name)")
        self._counters()
        self._labels()
        for number, table in enumerate(self.config.tables):
            self._table(number, table)
        self._globals()
        self._shards(shards)

    # ---- items ---------------------------------------------------------------------------------------------------

    def _items(self) -> None:
        config = self.config
        start = int(config.splits.validation_from.timestamp())
        names = "".join(f", arg_min({quote(a.name)}, (time, row)) FILTER ({quote(a.name)} IS NOT NULL) AS {quote(a.name)}"
                        for a in config.attributes)
        seen = (f"SELECT item, count(*) FILTER (NOT prior AND kind = {CLICK} AND time < {start}) AS clicks, "
                f"min(time) FILTER (NOT prior AND kind = {CLICK}) AS first_click, min(time) AS first_event{names} "
                "FROM events GROUP BY item")
        joins = columns = ""
        for table in (table for table in config.tables if table.of == "item"):
            name = side_table(config, table)
            joins += f" ASOF LEFT JOIN {name} ON seen.item = {name}.{KEY} AND seen.first_event >= {name}.{SINCE}"
            columns += "".join(f", {name}.{quote(feature.name)}" for feature in table.features)
        # Of the attributes that counters have as keys; one that is missing is no key.
        codes = "".join(f", CASE WHEN {quote(name)} IS NOT NULL THEN dense_rank() OVER (ORDER BY {quote(name)}) - 1 END AS "
                        f"{quote(code_column(name))}" for name in counted_attributes(config))
        self.db.execute(f"CREATE TABLE items AS SELECT row_number() OVER (ORDER BY item) - 1 AS code, *{codes} FROM "
                        f"(SELECT seen.*{columns} FROM ({seen}) seen{joins})")
        self._copy("SELECT * EXCLUDE (code) FROM items ORDER BY code", os.path.join(self.folder, ITEMS_FILE))

    # ---- times of what is counted and looked up ------------------------------------------------------------------

    def _counted(self, what: str) -> str:
        """Which events are counted, as a condition."""
        if what == CLICKS:
            return f"NOT e.prior AND e.kind = {CLICK}"
        if what == IMPRESSIONS:
            # A row with a label is of an item that was shown, whether clicked or not.
            kinds = f"({CLICK}, {IMPRESSION})" if self.config.columns.label else f"({IMPRESSION})"
            return f"NOT e.prior AND e.kind IN {kinds}"
        return f"NOT e.prior AND e.{TYPE} = {self.config.types.index(what)}"

    def _counters(self) -> None:
        written = set()
        for counter in self.config.counted:
            for what in counter.counted - {one for of, one in written if of == counter.of}:
                self._timeline(count_file(counter.of, what), self._key(counter.of), self._counted(what))
                written.add((counter.of, what))
        if any(RATE in counter.counts for counter in self.config.counted):
            for what in (CLICKS, IMPRESSIONS):
                self._timeline(count_file((), what), "0", self._counted(what))

    def _labels(self) -> None:
        size = self.db.execute("SELECT count(*) FROM items").fetchall()[0][0]
        for label in self.config.labels:
            if label.events:
                types = ", ".join(str(self.config.types.index(name)) for name in label.events)
                value = f"e.{quote(label_column(label))}" if label.column else ""
                key, condition = f"u.code * {size} + i.code", f"NOT e.prior AND e.{TYPE} IN ({types})"
                self._timeline(label_file(label.name), key, condition, value)

    def _key(self, of: tuple[str, ...]) -> str:
        """The key of a counter; `zoo.data.importer.plan` makes the same of codes."""
        codes = {"user": "u.code", "item": "i.code"}
        first, *second = [codes.get(name, f"i.{quote(code_column(name))}") for name in key_order(of)]
        if not second:
            return first
        size = f"max({second[0].removeprefix('i.')}) + 1"
        return f"{first} * (SELECT {size} FROM items) + {second[0]}"

    def _timeline(self, name: str, key: str, condition: str, value: str = "") -> None:
        """Writes when some events happened, by a key, with a value where one is asked for."""
        path = os.path.join(self.folder, name)
        users = " JOIN user_codes u ON e.user_id = u.name" if "u.code" in key else ""
        more = f", {value} AS value" if value else ""
        self._copy(f"SELECT * FROM (SELECT {key} AS key, e.time{more}, e.row FROM events e JOIN items i USING (item){users} "
                   f"WHERE {condition}) WHERE key IS NOT NULL ORDER BY key, time, row", f"{path}.parquet")
        write_timeline(path, f"{path}.parquet")
        if not value:
            os.remove(f"{path}.parquet")

    def _table(self, number: int, table: SideTable) -> None:
        """Writes a table that stands beside the events, with the codes of its keys and the times from which rows hold."""
        path, name = os.path.join(self.folder, table_file(number)), side_table(self.config, table)
        codes = {"time": "(SELECT '' AS name, 0 AS code)", "item": "(SELECT item AS name, code FROM items)"}
        source = codes.get(table.of, f"{table.of}_codes")
        columns = "".join(f", s.{quote(feature.name)}" for feature in table.features)
        self._copy(f"SELECT c.code AS key, s.{SINCE} AS time{columns} FROM {name} s JOIN {source} c ON s.{KEY} = c.name "
                   "ORDER BY 1, 2", f"{path}.parquet")
        write_timeline(path, f"{path}.parquet")
        count = f"SELECT count(*) FROM {name} s WHERE s.{KEY} NOT IN (SELECT name FROM {source} c)"
        self.notes[f"rows_of_the_{table.of}_table_about_none_of_the_log"] += self.db.execute(count).fetchall()[0][0]

    # ---- events --------------------------------------------------------------------------------------------------

    def _globals(self) -> None:
        """What else is known of the log as a whole: where it ends."""
        until = int(self.config.splits.until.timestamp())
        last = self.db.execute("SELECT max(time) FROM events WHERE NOT prior").fetchall()[0][0] or 0
        with open(os.path.join(self.folder, GLOBAL_FILE), "w", encoding="utf-8") as file:
            json.dump({"last_event": last, "until": until}, file)

    def _shards(self, shards: int) -> None:
        # Pages that are numbered anew for every user need his name, too.
        named = "FROM events WHERE request_id IS NOT NULL)"
        again, prior = self.db.execute(
            f"SELECT (SELECT count(*) FROM (SELECT DISTINCT request_id, unit {named}) > "
            f"(SELECT count(*) FROM (SELECT DISTINCT request_id {named}), "
            "coalesce((SELECT bool_or(prior) FROM events), false)").fetchall()[0]
        if again and any(table.of == "request" for table in self.config.tables):
            raise EventLogError("a table of requests is joined by the request's id, but different users have requests of the "
                                "same id; make ids that are unique, in the log and in the table")
        request = "e.unit || '-' || e.request_id" if again and self.config.pages else "e.request_id"
        columns = f"e.prior, e.unit, e.user_id, e.session_id, {request} AS request_id, e.time, e.kind, i.code, e.row"
        joins = ""
        for entity in entities(self.config):
            columns += f", {entity}_codes.code AS {quote(code_column(entity))}"
            joins += f" LEFT JOIN {entity}_codes ON e.{_NAMES[entity]} = {entity}_codes.name"
        if self.config.types:
            columns += f", e.{TYPE}"
        beside = [label_column(label) for label in self.config.labels if label.column]
        beside += [context_column(one) for one in self.config.context]
        columns += "".join(f", e.{quote(name)}" for name in beside)
        if self.config.clock:
            zone = literal(self.config.clock.time_zone or self.config.time_zone)
            columns += "".join(f", CAST({PARTS[name]}(timezone({zone}, to_timestamp(e.time))) AS VARCHAR) AS "
                               f"{quote(clock_column(name))}" for name in self.config.clock.features)
        # A unit that has nothing but prior events makes no request.
        where = " WHERE e.unit IN (SELECT DISTINCT unit FROM events WHERE NOT prior)" if prior else ""
        write_shards(self.db, f"SELECT {columns}, CAST(hash(e.unit) % {shards} AS INTEGER) AS {SHARD} FROM events e "
                     f"JOIN items i USING (item){joins}{where} ORDER BY {SHARD}, e.unit, e.time, e.prior, e.place, e.row",
                     [os.path.join(self.folder, shard_file(shard)) for shard in range(shards)])

    def _copy(self, query: str, path: str) -> None:
        self.db.execute(f"COPY ({query}) TO {literal(path)} (FORMAT parquet, COMPRESSION snappy)")
