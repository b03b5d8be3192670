"""What `zoo fleet sync` does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping

import click

from serving.errors import ServingError
from serving.fleet.readiness import Readiness
from serving.fleet.rollout.bring import bring
from serving.fleet.rollout.servers import FleetServer
from serving.fleet.rollout.state import read_state
from serving.fleet.rollout.status import status
from serving.fleet.sync import read_sources, sync
from serving.tls import ClientTls, ServerTls, pem
from zoo import files
from zoo.config import ConfigError


def follow(rollout: str, grpc: str, tls: ClientTls | None = None) -> None:
    """Brings the server beside this to the state file, where it differs; it was away, or the file was changed by hand.

    While the file announces versions that are about to be loaded, somebody brings them to every server, this one too: two who
    send it configurations would undo each other's, so then nothing is done.

    Raises:
        ServingError: it does not answer, or a version can't be loaded.
    """
    state = read_state(rollout)
    if any(model.incoming for model in state.models.values()):
        return
    with FleetServer(grpc, tls, deadline_s=5.0) as server:
        # Read again: what differs may be what has just been changed.
        if any(row.behind for row in status(state, [server])) and read_state(rollout) == state:
            bring([server], state)
            click.echo(f"the server is as {rollout} says, generation {state.generation}")


def write_ssl_config(path: str, tls: Mapping[str, str | None], verify_clients: bool) -> None:
    """Writes what ModelServer reads of a certificate, its key and an authority.

    Args:
        path: of the file.
        tls: `tls_cert`, `tls_key` and `tls_ca`, files of PEM texts.
        verify_clients: whether callers must show a certificate of that authority.

    Raises:
        ServingError: one of them can't be read, or is no PEM file.
    """
    certificate, key = pem(tls["tls_cert"]), pem(tls["tls_key"])
    assert certificate and key
    files.replace_text(path, ServerTls(certificate, key, pem(tls["tls_ca"]) if verify_clients else None).text)


def run_sync(
    sources: str, models: str, once: bool, every: float, ready_port: int | None, server: str, model_config: str | None,
    grpc: str | None = None, tls: ClientTls | None = None,
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
        grpc: its gRPC address, to be brought to what the state file says; None: it is not.
        tls: how that is reached; None: in the clear.

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
            if grpc and wanted.rollout:
                follow(wanted.rollout, grpc, tls)
        except (ServingError, ConfigError) as error:
            # The versions that are here still serve; the store may come back.
            click.echo(f"Error: {error}", err=True)
        stop.wait(every)
    if probes:
        probes.shutdown()
