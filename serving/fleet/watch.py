"""What `zoo fleet sync` does."""

from __future__ import annotations

import signal
import threading

import click

from serving.errors import ServingError
from serving.fleet.readiness import Readiness
from serving.fleet.sync import read_sources, sync


def run_sync(
    sources: str, models: str, once: bool, every: float, ready_port: int | None, server: str, model_config: str | None
) -> None:
    """Copies once, or until SIGTERM or SIGINT.

    Args:
        sources: the file that says what.
        models: folder of the models' folders.
        once: end after the first time.
        every: seconds between two looks at the store.
        ready_port: where probes are answered, or None.
        server: the REST API that they are about.
        model_config: the server's configuration.

    Raises:
        ServingError: with `once`, a model could not be copied.
    """
    wanted = read_sources(sources)
    if once:
        for line in sync(wanted, models):
            click.echo(line)
        click.echo(f"Done: {len(wanted.models)} models in {models}")
        return
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    probes = Readiness(server, model_config, models).serve(ready_port) if ready_port is not None and model_config else None
    while not stop.is_set():
        try:
            for line in sync(wanted, models):
                click.echo(line)
        except ServingError as error:
            # The versions that are here still serve; the store may come back.
            click.echo(f"Error: {error}", err=True)
        stop.wait(every)
    if probes:
        probes.shutdown()
