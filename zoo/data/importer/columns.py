"""What stands in the requests of an import: histories cut by time, candidates, labels, as columns of Arrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from zoo.data.columnar import arrow_schema, lists
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.draws import mixed
from zoo.data.importer.items import ItemTable
from zoo.data.importer.negatives import NOBODY, Negatives
from zoo.data.importer.outcomes import Outcome
from zoo.data.importer.past import Past
from zoo.data.importer.plan import Plan, clock_column
from zoo.data.importer.rows import context_column
from zoo.data.importer.shard import Events, Requests, Shard
from zoo.data.request_log import SPLITS

BATCH = 4_096


class RequestColumns:
    """Makes the requests of one shard, in order of time.

    Args:
        config: of the import.
        plan: what is known of the whole log.
        events: of the shard, sorted.

    Attributes:
        notes: counts of what was done otherwise than asked, for the manifest.
        candidate_since: by item, the time of the first request that it is a candidate of.
    """

    def __init__(self, config: ImportConfig, plan: Plan, events: Events):
        self.config, self.plan, self.items, self.events = config, plan, ItemTable(plan), events
        self.schema = config.schema()
        self.pasts = {name: Past(config, events, name) for name in config.histories}
        self.outcomes = {label.name: Outcome(plan, label) for label in config.labels}
        self.counters = list(plan.counters())
        self.shard = Shard(config, events)
        self.requests = self.shard.pages() if config.pages else self._of_clicks()
        self.notes = Counter(self.shard.notes)
        for name, past in self.pasts.items():
            note = "histories_longer_than_kept" if name == "history" else f"{name}_longer_than_kept"
            self.notes[note] = int((past.count(self.requests.past) > past.settings.max_length).sum())
        self.candidate_since = np.full(len(self.items), np.iinfo(np.int64).max)
        np.minimum.at(self.candidate_since, self.requests.items,
                      np.repeat(events.time[self.requests.event], self.requests.lengths))

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """`(split, batch)` of all requests, each split in order of time."""
        for number, split in enumerate(SPLITS):
            places = np.flatnonzero(self.requests.split == number)
            event = self.requests.event[places]
            places = places[np.lexsort((self.events.row[event], self.events.time[event]))]
            for start in range(0, len(places), BATCH):
                yield split, self._batch(self.requests.take(places[start:start + BATCH]))

    def _of_clicks(self) -> Requests:
        """Clicked items among drawn ones, in an order by lot."""
        event, split, past = self.shard.clicked()
        negatives = Negatives(self.items)
        row, clicked = self.events.row[event], self.events.item[event]
        shown = np.column_stack([clicked, negatives.draw(clicked, row, split, self.events.time[event])])
        self.shard.notes.update(negatives.notes)
        lots = np.column_stack([mixed(self.config.negatives.seed, row, -1 - slot) for slot in range(shown.shape[1])])
        order = np.argsort(lots, 1)
        shown, hit = np.take_along_axis(shown, order, 1), order == 0
        there = shown != NOBODY
        return Requests(event, split, past, there.sum(1), shown[there], np.where(hit, event[:, None], -1)[there])

    def _batch(self, requests: Requests) -> pa.RecordBatch:
        events, one = self.events, np.ones(len(requests.event), np.int64)
        time = events.time[requests.event]
        columns = {"request_id": lists(self._names(requests), one), "request_time": lists(pa.array(time), one)}
        columns |= {key: lists(events.names[key].take(pa.array(requests.event)), one) for key in self.schema.keys}
        columns |= {name: lists(values, one) for name, values in self._request(requests, time).items()}
        for past in self.pasts.values():
            columns |= self._past(past, requests, time)
        columns |= {name: lists(values, requests.lengths) for name, values in self._candidates(requests, time).items()}
        columns |= {f"label_{name}": lists(values, requests.lengths) for name, values in self._labels(requests).items()}
        fields = arrow_schema(self.schema)
        return pa.RecordBatch.from_arrays([columns[name].cast(fields.field(name).type) for name in fields.names], schema=fields)

    def _names(self, requests: Requests) -> pa.Array:
        """Of the requests: those of the log, or the row of the click."""
        if self.config.pages:
            return self.events.names["request_id"].take(pa.array(requests.event))
        return pa.array([b"q%d" % row for row in self.events.row[requests.event].tolist()], pa.binary())

    def _request(self, requests: Requests, time: np.ndarray) -> dict[str, pa.Array]:
        """Features of the requests: of tables, of their own rows, of the clock, of the user's counters."""
        events, found = self.events, {}
        for table in self.plan.tables:
            of = table.settings.of
            rows = table.rows(np.zeros_like(time) if of == "time" else events.codes[of][requests.event], time)
            self.notes[f"requests_without_a_row_of_the_{of}_table"] += int((rows < 0).sum())
            found |= {feature.name: table.column(feature, rows) for feature in table.settings.features}
        beside = {one.name: context_column(one) for one in self.config.context}
        beside |= {name: clock_column(name) for name in (self.config.clock.features if self.config.clock else ())}
        found |= {name: events.beside[column].take(pa.array(requests.event)) for name, column in beside.items()}
        for counter, by_key, of_all in self.counters:
            if counter.of_request:
                keys = self.plan.keys(counter, events.codes["user"][requests.event], None)
                found |= counter.values(by_key, of_all, keys, time)
        return {name: pa.array(values) if isinstance(values, np.ndarray) else values for name, values in found.items()}

    def _past(self, past: Past, requests: Requests, time: np.ndarray) -> dict[str, pa.Array]:
        """A sequence of what the user did before."""
        places, lengths = past.of(requests.past)
        at = self.events.time[places]
        found = self.items.described(self.events.item[places], at)
        found |= {"gap": pa.array((np.repeat(time, lengths) - at).astype(np.float32))}
        if past.settings.action:
            found |= {"action": past.types.take(pa.array(self.events.type[places]))}
        return {f"{past.name}_{name}": lists(values, lengths) for name, values in found.items()}

    def _candidates(self, requests: Requests, time: np.ndarray) -> dict[str, pa.Array]:
        codes, time = requests.items, np.repeat(time, requests.lengths)
        found = self.items.described(codes, time)
        for table in self.plan.item_tables:
            self.notes["candidates_without_a_row_of_the_item_table"] += int((table.rows(codes, time) < 0).sum())
        found |= {"popularity": pa.array(self.items.clicked_before(codes, time).astype(np.float32))}
        for counter, by_key, of_all in self.counters:
            if not counter.of_request:
                users = np.repeat(self.events.codes["user"][requests.event], requests.lengths) if "user" in counter.of else None
                values = counter.values(by_key, of_all, self.plan.keys(counter, users, codes), time)
                found |= {name: pa.array(value) for name, value in values.items()}
        return {f"candidate_{name}": values for name, values in found.items()}

    def _labels(self, requests: Requests) -> dict[str, pa.Array]:
        found = {"click": requests.clicks >= 0}
        split = np.repeat(requests.split, requests.lengths)
        for name, outcome in self.outcomes.items():
            found[name] = outcome.values(self.events, requests.clicks, split)
            if outcome.label.events:
                self.notes[f"clicks_whose_{name}_was_not_known_at_the_end_of_the_split"] += outcome.unknown(
                    self.events, requests.clicks, split)
        return {name: pa.array(values.astype(np.float32)) for name, values in found.items()}
