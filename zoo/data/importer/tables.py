"""Tables beside the events: of users, items, sessions, requests, or of the time."""

from __future__ import annotations

from typing import Literal

import pydantic

from zoo import files
from zoo.config import Config
from zoo.data.importer.durations import Delay
from zoo.data.importer.fields import Attribute
from zoo.data.importer.files_config import Files
from zoo.data.importer.values import Values

Entity = Literal["user", "item", "session", "request", "time"]


class SideTable(Config):
    """A file with a row for each user, item, session, request or time, whose columns become features.

    A request has of a table the row of its key with the latest time **at or before** its own (with `delay`, at or before
    `request time - delay`); without `time`, the one row of its key, which should hold nothing that was not known when the log
    began. Events of a history have the item's row as of the event. Of two rows of one key and time the later one in the file
    counts. Where there is no such row, the features are missing.

    Args:
        file: CSV, JSON lines or Parquet; a URI or a path, which is relative to the configuration's file.
        of: whose rows they are. `item` makes columns of candidates and histories (which the catalogue has, with the time from
            which each holds), all others features of the request. `time` needs no key: the latest row is everybody's.
        key: column with the key.
        time: column with the time from which a row holds; in the log's `time_unit`, `time_format` and `time_zone`.
        where: values of columns (`{property: categoryid}`); rows that have others are not read. For a file that says many
            things of an item, one a row.
        delay: after which a row is known: `1d` where the times are dates and a row is made at the end of its day.
        files: how this file is written, as `files` says of the log's.
        features: its columns that are used.
    """

    file: str
    of: Entity
    key: str | None = None
    time: str | None = None
    where: dict[str, Values] = {}
    delay: Delay = 0
    files: Files = Files()
    features: tuple[Attribute, ...] = pydantic.Field(min_length=1)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> SideTable:
        if (self.of == "time") == (self.key is not None):
            raise ValueError(f"a table of {self.of}s has no `key`, only a `time`" if self.of == "time"
                             else f"a table of {self.of}s needs the `key` that names the {self.of}")
        if self.of == "time" and self.time is None:
            raise ValueError("a table of times needs the column `time`")
        if self.delay and self.time is None:
            raise ValueError("a `delay` is added to the times of rows: name the column `time`")
        return self

    def located(self, folder: str) -> SideTable:
        """With the path as it is from here, where the configuration lies in another folder."""
        return self.model_copy(update={"file": files.seen_from(folder, self.file)})
