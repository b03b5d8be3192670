"""What `zoo rank` does."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO, cast

import click
from rich.console import Console
from rich.table import Table

from serving.client import RankingClient
from serving.errors import ServingError
from serving.model_dir import exported_model
from serving.ranking import Ranking
from serving.tls import client_tls
from zoo.data.request import Request, RequestError
from zoo.data.request_json import request_from_json, request_to_json
from zoo.model_files import VALUE
from zoo.schema import Schema
from zoo.traits import Traits

if TYPE_CHECKING:
    from zoo.data.request_log import RequestLog

# What a line shows of a candidate: so many features and scores that it is not ranked by together, so many features at least,
# and so many values of a feature.
_MOST_FEATURES, _FEWEST_FEATURES, _MOST_VALUES = 5, 2, 3


def run_rank(target: str, model_name: str | None, version: int | None, label: str | None, schema_file: str | None,
             model_dir: str | None, request_file: TextIO | None, log_path: str | None, index: int, example: bool,
             task: str | None, top: int, deadline: float, **tls: str | None) -> None:
    """Ranks one request and prints the table; with `example`, prints the request as JSON instead.

    Raises:
        ServingError: options that do not go together, or a call that failed.
        RequestError: the request does not fit the schema.
    """
    log = _log(log_path) if log_path else None
    if log and request_file is None:
        schema, traits, by_id = _schema_and_traits(schema_file, model_dir, log.schema)
        request = _logged(log, index)
    elif request_file and log is None:
        schema, traits, by_id = _schema_and_traits(schema_file, model_dir, None)
        request = _written(schema, request_file, by_id is not False)
    else:
        raise ServingError("which request? give either --request FILE.json or --log LOG (with --index I)")
    if example:
        click.echo(request_to_json(schema, request).encode(), nl=False)
        return
    if not model_name:
        raise ServingError("which model? give its name on the server with --model NAME")
    with RankingClient(target, model_name, schema, traits, version=version, label=label, deadline_s=deadline,
                       tls=client_tls(**tls)) as client:
        # Without the exported model, the server knows what it wants of a candidate.
        client.by_id = client.takes_ids_alone() if by_id is None else by_id
        started = time.perf_counter()
        ranking = client.rank_one(request)
        first_ms = (time.perf_counter() - started) * 1000
        started = time.perf_counter()
        client.rank_one(request)
        again_ms = (time.perf_counter() - started) * 1000
    known = (VALUE, *(label.name for label in schema.tasks))
    task = task or next((name for name in known if name in ranking.scores), None)
    # Ids and names are data: nothing in them is markup or an emoji code.
    console = Console(markup=False, emoji=False)
    console.print(_table(schema, ranking, task, top))
    for name, number in ranking.truncated.items():
        console.print(f"{name}: the {number} oldest events were left out; the model takes no more", style="yellow")
    if ranking.unknown:
        console.print(f"{ranking.unknown} of {request.candidate_count} candidates are no items that the model keeps; each is "
                      "scored as an item of which nothing is known", style="yellow")
    console.print(f"{request.candidate_count} candidates ranked by version {ranking.version} of {model_name} at "
                  f"{target} in {first_ms:.1f} ms with connecting, {again_ms:.1f} ms without")


def _log(path: str) -> RequestLog:
    # It reads with TensorFlow, which a request from a file does not need.
    from zoo.data.request_log import RequestLog

    return RequestLog(path)


def _schema_and_traits(schema_file: str | None, model_dir: str | None,
                       logged: Schema | None) -> tuple[Schema, Traits, bool | None]:
    """And whether the model keeps the items itself, where that is said."""
    if schema_file and model_dir:
        raise ServingError("give --schema or --model-dir, not both")
    if schema_file:
        return Schema.load(schema_file), Traits(), None
    if model_dir:
        model = exported_model(model_dir)
        return model.schema, model.traits, model.by_id
    if logged is None:
        raise ServingError("which columns has the model? give --model-dir (the exported model) or --schema FILE")
    return logged, Traits(), None


def _written(schema: Schema, file: TextIO, by_id: bool) -> Request:
    try:
        return request_from_json(schema, file.read(), file.name, by_id)
    except UnicodeDecodeError as error:
        raise RequestError(f"{file.name}: not UTF-8 text: {error}") from None


def _logged(log: RequestLog, index: int) -> Request:
    request = next(itertools.islice(log.requests("test"), index, None), None)
    if request is None:
        count = log.manifest["splits"]["test"]["requests"]
        raise ServingError(f"--index {index}: the test split of {log.path} has {count} requests, 0 to {count - 1}")
    return request


def _table(schema: Schema, ranking: Ranking, task: str | None, top: int) -> Table:
    request = ranking.request
    about = [f"{name} {value}" for name, value in request.features.items()][:_MOST_FEATURES]
    about += [f"{name} {len(next(iter(fields.values()), ()))} events" for name, fields in request.sequences.items()]
    table = Table(title=f"Request {request.request_id}", caption=", ".join(about))
    labels = request.labels.get(task or "", ())
    others = [name for name in ranking.scores if name != task] if task else []
    shown = [f.name for f in schema.candidates if f.width == 1 and f.name in request.candidates]
    shown = shown[:max(_MOST_FEATURES - len(others), _FEWEST_FEATURES)]
    for name in ("rank", task or "score", *others):
        table.add_column(name, justify="right")
    for name in (*shown, *(["happened"] if len(labels) else [])):
        table.add_column(name, overflow="fold")
    for candidate in ranking.ranked(task)[:top]:
        cells = [f"{ranking.scores[name][candidate.index]:.4f}" for name in others]
        cells += [_cell(candidate.features[name]) for name in shown]
        cells += [_cell(labels[candidate.index])] if len(labels) else []
        table.add_row(str(candidate.rank), f"{candidate.score:.4f}", *cells)
    if request.candidate_count > top:
        table.add_row("…", f"{request.candidate_count - top} more", *[""] * (len(table.columns) - 2))
    return table


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        value = cast("Sequence[Any]", value)
        more = len(value) - _MOST_VALUES
        return ", ".join(_cell(one) for one in value[:_MOST_VALUES]) + (f" and {more} more" if more > 0 else "")
    return f"{value:g}" if isinstance(value, float) else str(value)
