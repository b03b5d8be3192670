"""A request as JSON: what a person writes, and what `zoo rank` reads."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from zoo.config import nearest
from zoo.data.request import Request, RequestError
from zoo.schema import Column, Schema

_KEYS = ("request_id", "time", "features", "sequences", "candidates")


def request_from_json(schema: Schema, text: str, where: str = "request", by_id: bool = False) -> Request:
    """Reads a serving request.

    The form, with the columns of the schema:

        {"request_id": "r1", "time": 1569888122,
         "features": {"user_id": "u7"},
         "sequences": {"history": [{"item": "3"}, {"item": "9"}]},      oldest event first
         "candidates": [{"item": "4"}, {"item": "5"}]}

    `null` stands for a missing value. `request_id`, `time`, and empty parts may be left out. An id may be written
    as an integer. Several values are a list (`"tags": ["a", "b"]`), their weights one beside it (`"tags_weight": [1, 0.5]`).
    Columns that no model reads (`schema.keys`) may be left out.

    Args:
        schema: declares the columns.
        text: the JSON.
        where: what to call it in messages, such as the file's name.
        by_id: for a model that keeps the items itself: of the candidates' features only the item must stand there.

    Returns:
        The request, without labels; `zoo.data.request.check_request` checks it further.

    Raises:
        RequestError: not JSON, or not of this form; names the place.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{where}: not valid JSON: {error}") from None
    _object(value, where)
    for key in value:
        if key not in _KEYS:
            raise RequestError(f"{where}: unknown key {key!r}{nearest(key, _KEYS)}")
    features = dict.fromkeys(schema.keys, "") | {
        name: _read(schema.columns("request"), name)(item, f"{where}: features.{name}")
        for name, item in _object(value.get("features", {}), f"{where}: features").items()}
    sequences = _object(value.get("sequences", {}), f"{where}: sequences")
    for name in sequences:
        if name not in {s.name for s in schema.sequences}:
            raise RequestError(f"{where}: unknown sequence {name!r}{nearest(name, [s.name for s in schema.sequences])}")
    time = value.get("time", 0)
    if isinstance(time, bool) or not isinstance(time, int):
        raise RequestError(f"{where}: time is {time!r}; expected whole seconds since 1970")
    rows = value.get("candidates", [])
    columns = schema.columns("candidate")
    if by_id and isinstance(rows, list):
        said = {name for row in rows if isinstance(row, dict) for name in row}
        names = [column.feature.name for column in schema.by_id().columns("candidate")]
        known = {name for column in columns for name in (column.feature.name, column.feature.weight)}
        columns = [column for column in columns if column.feature.name in {*names, *said} or said - known]
    return Request(
        request_id=str(value.get("request_id", where)),
        time=time,
        features=features,
        sequences={s.name: _columns(schema.sequence_columns(s), sequences.get(s.name, []), f"{where}: sequences.{s.name}")
                   for s in schema.sequences},
        candidates=_columns(columns, rows, f"{where}: candidates"),
    )


def request_to_json(schema: Schema, request: Request) -> str:
    """Writes a request in the form that `request_from_json` reads; labels are left out."""
    return json.dumps({
        "request_id": request.request_id,
        "time": request.time,
        "features": {name: _plain(value) for name, value in request.features.items()},
        "sequences": {s.name: _rows(request.sequences[s.name]) for s in schema.sequences},
        "candidates": _rows(request.candidates),
    }, indent=2, ensure_ascii=False) + "\n"


def _columns(columns: list[Column], rows: Any, where: str) -> dict[str, list[Any]]:
    if not isinstance(rows, list):
        raise RequestError(f"{where}: expected a list of objects, got {json.dumps(rows)[:80]}")
    names = [name for column in columns
             for name in [column.feature.name] + [column.feature.weight] * column.feature.weighted]
    readers = {name: _read(columns, name) for name in names}
    values: dict[str, list[Any]] = {name: [] for name in names}
    for number, row in enumerate(rows):
        place = f"{where}[{number}]"
        _object(row, place)
        for name in row:
            if name not in values:
                raise RequestError(f"{place}: unknown feature {name!r}{nearest(name, values)}")
        for name, read in readers.items():
            if name not in row:
                raise RequestError(f"{place}: {name!r} is missing; write null where the value is not known")
            values[name].append(read(row[name], f"{place}.{name}"))
    return values


def _read(columns: list[Column], name: str) -> Callable[[Any, str], Any]:
    """What reads the value of this name; a name that no column has is left to `check_request`."""
    for feature in (column.feature for column in columns):
        if feature.weighted and name == feature.weight:
            return _list(_number)
        if name == feature.name:
            one = _number if feature.kind == "number" else _id
            if feature.width > 1:
                return _list(one, feature.width)
            return _list(one) if feature.multiple else one
    return _id


def _list(one: Callable[[Any, str], Any], count: int | None = None) -> Callable[[Any, str], list[Any]]:
    def read(value: Any, where: str) -> list[Any]:
        if value is None and count is None:
            return []
        if not isinstance(value, list) or count not in (None, len(value)):
            expected = "a list" if count is None else f"{count} numbers"
            raise RequestError(f"{where}: expected {expected}, got {json.dumps(value)[:80]}")
        return [one(item, where) for item in value]
    return read


def _id(value: Any, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise RequestError(f"{where}: an id is a string; got {json.dumps(value)[:80]}")


def _number(value: Any, where: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RequestError(f"{where}: expected a number, got {json.dumps(value)[:80]}")
    return float(value)


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RequestError(f"{where}: expected a JSON object, got {json.dumps(value)[:80]}")
    return value


def _rows(columns: Any) -> list[dict[str, Any]]:
    return [dict(zip(columns, map(_plain, values), strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain(value: Any) -> Any:
    """A JSON value; a missing number is null."""
    if isinstance(value, str):
        return value
    if hasattr(value, "__len__"):
        return [_plain(item) for item in value]
    number = float(value)
    return None if math.isnan(number) else number
