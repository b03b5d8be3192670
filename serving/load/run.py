"""What `zoo fleet load` does."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from serving.load.load import load
from serving.load.messages import Message, messages_of
from serving.model_dir import exported_model
from serving.tls import ClientTls
from zoo import files

_COLUMNS = ("rate", "answered_per_second", "p50_ms", "p95_ms", "p99_ms", "p99.9_ms", "errors", "sender_lag_p99_ms")
_MOST_LAG_MS = 5.0


def run_load(target: Sequence[str], name: str, model_dir: str, log: str, rates: Sequence[float], seconds: float,
             candidates: int | None, label: str | None, requests: int, deadline: float, seed: int, out: str | None,
             picture: str | None, tls: ClientTls | None) -> None:
    """Loads the servers with each rate in turn, and prints a table.

    Args:
        target: the servers.
        name: of the model there.
        model_dir: the exported model, to read its schema.
        log: whose test split the calls are drawn from.
        rates: calls a second.
        seconds: for each rate.
        candidates: of every call; None: the log's own.
        label: that is asked for.
        requests: how many of the log are drawn from.
        deadline: of a call, in seconds.
        seed: of arrivals and draws.
        out: JSON file for the figures, or None.
        picture: file for the plot, or None.
        tls: how servers are reached.

    Raises:
        ServingError: no server answers, or nothing can be sent.
    """
    sent = logged_messages(model_dir, name, log, requests, label, candidates, seed)
    results = [load(list(target), sent, rate, seconds, deadline, seed=seed, tls=tls) for rate in rates]
    table = Table(title=f"{name} at {', '.join(target)}, {seconds:g} s for each rate")
    for column in _COLUMNS:
        table.add_column(column.replace("_", " "), justify="right")
    for result in results:
        figures = result.summary()
        table.add_row(*("–" if figures[column] is None else f"{figures[column]:g}" for column in _COLUMNS))
    console = Console(markup=False, emoji=False)
    console.print(table)
    mean = results[0]
    console.print(f"A call: {mean.candidates:.0f} candidates, {mean.events:.0f} events, {mean.bytes:,.0f} bytes on average")
    for result in results:
        figures = result.summary()
        if figures["errors"]:
            console.print(f"{result.rate:g} calls/s: {figures['by_status']}", style="red")
        if figures["sender_lag_p99_ms"] > _MOST_LAG_MS:
            console.print(f"{result.rate:g} calls/s: the sender itself was late; load from a machine with more to spare",
                          style="yellow")
    if out:
        files.write_text(out, json.dumps([result.summary() for result in results], indent=1) + "\n")
        click.echo(f"wrote {out}")
    if picture:
        from serving.load.plot import plot

        plot(results, picture)
        click.echo(f"wrote {picture}")


def logged_messages(model_dir: str, name: str, log: str, requests: int, label: str | None = None,
                    candidates: int | None = None, seed: int = 0) -> list[Message]:
    """Calls made of the first requests of a log's test split; see `messages_of`."""
    # It reads with TensorFlow.
    from zoo.data.request_log import RequestLog

    drawn = list(itertools.islice(RequestLog(log).requests("test"), requests))
    return messages_of(exported_model(model_dir), name, drawn, label, candidates, seed)
