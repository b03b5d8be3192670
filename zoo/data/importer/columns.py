"""What stands in the requests of an import: histories cut by time, candidates, labels, as columns of Arrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from zoo.data.columnar import arrow_schema, lists, ranges
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.draws import mixed
from zoo.data.importer.items import ItemTable
from zoo.data.importer.negatives import NOBODY, Negatives
from zoo.data.importer.shard import Events, Requests, Shard
from zoo.data.request_log import SPLITS

BATCH = 4_096


class RequestColumns:
    """Makes the requests of one shard, in order of time.

    Args:
        config: of the import.
        items: the item table.
        events: of the shard, sorted.

    Attributes:
        notes: counts of what was done otherwise than asked, for the manifest.
        candidate_since: by item, the time of the first request that it is a candidate of.
    """

    def __init__(self, config: ImportConfig, items: ItemTable, events: Events):
        self.config, self.items, self.events = config, items, events
        self.schema = config.schema()
        self.shard = Shard(config, events)
        self.requests = self.shard.pages() if config.pages else self._of_clicks()
        self.notes = Counter(self.shard.notes)
        self.notes["histories_longer_than_kept"] = int((np.diff(self.requests.history)[:, 0] > config.history).sum())
        self.candidate_since = np.full(len(items), np.iinfo(np.int64).max)
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
        event, split, history = self.shard.clicked()
        negatives = Negatives(self.items)
        row, clicked = self.events.row[event], self.events.item[event]
        shown = np.column_stack([clicked, negatives.draw(clicked, row, split)])
        self.shard.notes.update(negatives.notes)
        lots = np.column_stack([mixed(self.config.negatives.seed, row, -1 - slot) for slot in range(shown.shape[1])])
        order = np.argsort(lots, 1)
        shown, hit = np.take_along_axis(shown, order, 1), order == 0
        there = shown != NOBODY
        return Requests(event, split, history, there.sum(1), shown[there], hit[there])

    def _batch(self, requests: Requests) -> pa.RecordBatch:
        events, one = self.events, np.ones(len(requests.event), np.int64)
        time = events.time[requests.event]
        columns = {"request_id": lists(self._names(requests), one), "request_time": lists(pa.array(time), one)}
        columns |= {key: lists(events.names[key].take(pa.array(requests.event)), one) for key in self.schema.keys}
        columns |= self._history(requests, time) | self._candidates(requests, time)
        columns["label_click"] = lists(pa.array(requests.labels.astype(np.float32)), requests.lengths)
        fields = arrow_schema(self.schema)
        return pa.RecordBatch.from_arrays([columns[name].cast(fields.field(name).type) for name in fields.names], schema=fields)

    def _names(self, requests: Requests) -> pa.Array:
        """Of the requests: those of the log, or the row of the click."""
        if self.config.pages:
            return self.events.names["request_id"].take(pa.array(requests.event))
        return pa.array([b"q%d" % row for row in self.events.row[requests.event].tolist()], pa.binary())

    def _history(self, requests: Requests, time: np.ndarray) -> dict[str, pa.Array]:
        end = requests.history[:, 1]
        lengths = np.minimum(end - requests.history[:, 0], self.config.history)
        past = self.shard.clicks[ranges(end - lengths, lengths)]
        gaps = np.repeat(time, lengths) - self.events.time[past]
        described = self._described("history", self.events.item[past], lengths)
        return described | {"history_gap": lists(pa.array(gaps.astype(np.float32)), lengths)}

    def _candidates(self, requests: Requests, time: np.ndarray) -> dict[str, pa.Array]:
        popularity = self.items.clicked_before(requests.items, np.repeat(time, requests.lengths))
        described = self._described("candidate", requests.items, requests.lengths)
        return described | {"candidate_popularity": lists(pa.array(popularity.astype(np.float32)), requests.lengths)}

    def _described(self, prefix: str, codes: np.ndarray, lengths: np.ndarray) -> dict[str, pa.Array]:
        """Items and their attributes."""
        names = ["item", *(attribute.name for attribute in self.config.attributes)]
        return {f"{prefix}_{name}": lists(self.items.column(name).take(pa.array(codes)), lengths) for name in names}


