"""Looks at a file and writes a first import configuration."""

from __future__ import annotations

import os
import re
import tempfile

import duckdb
import yaml

from zoo import files
from zoo.config import parse
from zoo.data.guess.draft import Draft
from zoo.data.guess.events import events_config
from zoo.data.guess.file import File
from zoo.data.guess.look import Column
from zoo.data.guess.meanings import roles_of
from zoo.data.guess.names import feature_name
from zoo.data.guess.roles import Roles
from zoo.data.guess.samples import samples_config
from zoo.data.importer.config import ImportConfig
from zoo.data.importer.inputs import opened
from zoo.data.importer.samples.config import SamplesConfig


class GuessError(ValueError):
    """A file that no configuration can be written for; the message says what was found and what is missing."""


def guess_config(path: files.PathLike) -> str:
    """A first import configuration for a file, as YAML with comments.

    Args:
        path: of a text (CSV and the like), JSON lines or Parquet, packed or not, local or a URI; of a folder or a .zip, the
            first file is looked at.

    Returns:
        The configuration, with what each column was taken for and why.

    Raises:
        GuessError: there is nothing in the file to make requests of.
        EventLogError: it can't be read.
    """
    with tempfile.TemporaryDirectory(prefix="guess-", ignore_cleanup_errors=True) as room, opened([path], room) as inputs:
        db = duckdb.connect(os.path.join(room, "guess.duckdb"))
        try:
            # As the import has it: a time without a zone is UTC.
            db.execute("SET TimeZone='UTC'; SET enable_progress_bar=false; SET memory_limit='512MiB'")
            file = File(db, inputs[0], room)
            roles = roles_of(file.columns)
            return _written(path, file, roles, len(inputs))
        finally:
            db.close()


def _written(path: files.PathLike, file: File, roles: Roles, number: int) -> str:
    draft = Draft()
    name = _name(path)
    _head(draft, path, file, roles, number)
    kind = _kind(path, file, roles)
    config = (events_config if kind is ImportConfig else samples_config)(draft, name, file, roles)
    text = draft.text()
    # What is written must be read as it was meant.
    assert parse(kind, yaml.safe_load(text), where="guess") == parse(kind, config, where="guess")
    return text


def _kind(path: files.PathLike, file: File, roles: Roles) -> type[ImportConfig] | type[SamplesConfig]:
    """Whether rows are events or samples."""
    whole = bool(roles.item or roles.page)
    labelled = bool(roles.labels or roles.page)
    history = bool(roles.sequences) or bool(roles.page) or any(label.is_list for label in roles.labels)
    page = len(roles.labels) == 1 and roles.request is not None and roles.time is not None and not roles.stays
    if roles.event is None and whole and labelled and (history or not page):
        return SamplesConfig
    who = bool(roles.user or roles.session)
    if who and whole and roles.time and not roles.page:
        return ImportConfig
    lacking = {"user or session": who or labelled, "item": whole, "time, and no label of 0 and 1": bool(roles.time) or labelled}
    nothing = ", no ".join(what for what, there in lacking.items() if not there) or "time beside a user and an item"
    columns = "; ".join(f"{column.name}: {roles.why.get(column.name, _looks(column))}" for column in file.columns)
    raise GuessError(f"{path}: found no {nothing}. What the columns look like: {columns}. Write a configuration by hand "
                     "(docs/data.md), or give the file without a header names that say what they are")


def _head(draft: Draft, path: files.PathLike, file: File, roles: Roles, number: int) -> None:
    rows = f"the first {file.looked_at:,} of {file.rows:,} rows" if file.looked_at < file.rows else f"{file.rows:,} rows"
    draft.comment(f"A first configuration by `zoo data guess`, from {rows} of {files.name(path)}. Look through it, then")
    draft.comment(f"zoo data import {files.name(path)} --config THIS_FILE --out runs/{_name(path)}/log", "    ")
    draft.comment()
    if number > 1:
        draft.comment(f"Of {number} files the first one was looked at: {file.name}.")
    if file.why:
        draft.comment(file.why)
    draft.comment("The columns, and what each was taken for:")
    width = max(len(column.name) for column in file.columns)
    for column in file.columns:
        missing = "none missing" if not column.missing else f"{max(column.missing, 0.001):.1%} missing"
        values = f"{column.distinct:,} value{'s' * (column.distinct != 1)}, {missing}"
        taken = roles.why.get(column.name, "not understood; kept as a feature or left out, see below")
        draft.comment(f"{column.name:<{width}}  {values}: {taken}{_example(column)}", "  ")
    draft.comment()


def _example(column: Column) -> str:
    if not column.known:
        return ""
    text = re.sub(r"\s+", " ", str(column.known[0]))
    return f" (such as {text if len(text) <= 40 else text[:39] + '…'})"


def _looks(column: Column) -> str:
    kind = "numbers" if column.numeric else "texts"
    return f"{column.distinct:,} different {kind}"


def _name(path: files.PathLike) -> str:
    """The data set's: that of the file, without what it ends with."""
    return feature_name(re.sub(r"(\.[A-Za-z]\w{0,7})+$", "", files.name(path)) or "log")
