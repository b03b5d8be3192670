"""`zoo fleet push`, `promote`, `rollback`, `apply`, `status` and `prune`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from serving.fleet.rollout.servers import FleetServer

_STATE = click.argument("state", type=click.Path())
_MODEL = click.argument("model")
_SECONDS = click.FloatRange(min=0, min_open=True)
_TIMEOUT = click.option("--timeout", default=300.0, show_default=True, type=_SECONDS,
                        metavar="SECONDS", help="How long a version may take to load.")


def _servers(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name the servers and how they are reached."""
    for option in (
        click.option("--tls-name", metavar="NAME", help="The name that the servers' certificates have."),
        click.option("--tls-key", metavar="FILE", help="Private key of --tls-cert."),
        click.option("--tls-cert", metavar="FILE", help="Certificate to show, where servers want one."),
        click.option("--tls-ca", metavar="FILE", help="Reach the servers by TLS; their certificates are signed by this."),
        click.option("--server", "servers", multiple=True, required=True, metavar="HOST:PORT",
                     help="gRPC address; every address behind a name of DNS is a server. May be given many times."),
    ):
        command = option(command)
    return command


@contextlib.contextmanager
def _opened(servers: tuple[str, ...], **tls: str | None) -> Generator[list[FleetServer], None, None]:
    from serving.fleet.rollout.servers import FleetServer, addresses
    from serving.tls import client_tls

    reached = client_tls(**tls)
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(FleetServer(target, reached)) for target in addresses(servers)]


@click.command()
@click.argument("model", type=click.Path())
@click.option("--to", "folder", required=True, metavar="DIR", help="Folder of versions, local or a URI.")
def push(model: str, folder: str) -> None:
    """Push MODEL, a SavedModel or the newest of a folder of versions, as a new version.

    It appears whole or not at all, with a manifest of checksums. The pipeline's Pusher does the same.
    """
    from serving.errors import ServingError
    from zoo.versions import has_model, newest_version, publish

    newest = None if has_model(model) else newest_version(model)
    path = model if has_model(model) else newest.path if newest else None
    if path is None:
        raise ServingError(f"{model}: no SavedModel here, neither saved_model.pb nor <version>/saved_model.pb")
    version = publish(path, folder)
    click.echo(f"Pushed {path} as version {version.version}: {version.path}")
    click.echo(f"Next: zoo fleet promote STATE MODEL {version.version} --label canary --server HOST:PORT")


@click.command()
@_STATE
@_MODEL
@click.argument("version", type=click.IntRange(min=0), required=False)
@click.option("--label", default="stable", show_default=True, help="The label that moves.")
@click.option("--unverified", is_flag=True, help="Take a version without looking at its checksums.")
@_TIMEOUT
@_servers
def promote(state: str, model: str, version: int | None, label: str, unverified: bool, timeout: float,
            servers: tuple[str, ...], **tls: str | None) -> None:
    """Point a label of MODEL to VERSION on all servers, and write that into the file STATE.

    VERSION is by default the canary's for the label stable, and the newest one for any other label. It is checked against its
    manifest, loaded beside what serves, waited for on every server, and only then the label moves. Where that fails nothing has
    moved.

    \b
    Example:
      zoo fleet promote rollout.yaml din --label canary --server ranking:8500
      zoo fleet promote rollout.yaml din --server ranking:8500
    """
    from serving.fleet.rollout.changes import promote as change

    with _opened(servers, **tls) as opened:
        _, number = change(state, model, opened, label, version, not unverified, timeout)
    click.echo(f"{model}: {label} points to version {number} on {len(opened)} servers")


@click.command()
@_STATE
@_MODEL
@click.option("--label", default="stable", show_default=True, help="The label that goes back.")
@_TIMEOUT
@_servers
def rollback(state: str, model: str, label: str, timeout: float, servers: tuple[str, ...], **tls: str | None) -> None:
    """Point a label of MODEL back to where it pointed before; a canary goes to where stable points.

    Every other label that points to the same version goes with it.
    """
    from serving.fleet.rollout.changes import rollback as change

    with _opened(servers, **tls) as opened:
        _, bad, good = change(state, model, opened, label, timeout)
    click.echo(f"{model}: version {bad} is taken back, {label} points to version {good} on {len(opened)} servers")


@click.command()
@_STATE
@_TIMEOUT
@_servers
def apply(state: str, timeout: float, servers: tuple[str, ...], **tls: str | None) -> None:
    """Bring servers to what STATE says: after it was edited, or where a server was away while labels moved."""
    from serving.fleet.rollout.bring import bring
    from serving.fleet.rollout.state import read_state

    wanted = read_state(state)
    with _opened(servers, **tls) as opened:
        bring(opened, wanted, timeout)
    click.echo(f"{len(opened)} servers are as {state} says (generation {wanted.generation})")


@click.command()
@_STATE
@_servers
def status(state: str, servers: tuple[str, ...], **tls: str | None) -> None:
    """Show versions and labels on every server beside what STATE wants; exit with 1 where they differ."""
    from rich.console import Console
    from rich.table import Table

    from serving.fleet.rollout.state import read_state
    from serving.fleet.rollout.status import status as asked

    wanted = read_state(state)
    with _opened(servers, **tls) as opened:
        rows = asked(wanted, opened)
    table = Table(title=f"{state}, generation {wanted.generation}")
    for name in ("model", "server", "versions", "labels", "differs"):
        table.add_column(name, overflow="fold", no_wrap=name == "labels")
    for row in rows:
        table.add_row(row.model, row.server, "\n".join(f"{version} {said}" for version, said in row.versions.items()),
                      "\n".join(f"{label} → {version}" for label, version in row.labels.items()), "\n".join(row.faults))
    # Names and errors are data: nothing in them is markup or an emoji code.
    Console(markup=False, emoji=False).print(table)
    if any(row.faults for row in rows):
        raise SystemExit(1)


@click.command()
@_STATE
@click.option("--keep", default=3, show_default=True, type=click.IntRange(min=1), help="Newest versions that stay in any case.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
def prune(state: str, keep: int, dry_run: bool) -> None:
    """Remove old versions of all models in STATE; what a label points to, or may be taken back to, stays."""
    from serving.fleet.rollout.prune import doomed
    from serving.fleet.rollout.prune import prune as remove
    from serving.fleet.rollout.state import read_state

    for name, model in read_state(state).models.items():
        gone = [f"version {one}" for one in doomed(model, keep)] if dry_run else remove(model, keep)
        click.echo(f"{name}: {'would remove' if dry_run else 'removed'} {', '.join(gone) or 'nothing'} in {model.folder}")


@click.command()
@_STATE
@_MODEL
@click.option("--metrics", multiple=True, required=True, metavar="URL", help="A client's metrics. May be given many times.")
@click.option("--every", default=15.0, show_default=True, type=_SECONDS, metavar="SECONDS", help="Between two looks.")
@click.option("--for", "seconds", default=600.0, show_default=True, type=_SECONDS, metavar="SECONDS",
              help="The canary has passed after that.")
@click.option("--bounds", type=click.Path(), metavar="FILE", help="What the canary must keep, as YAML (docs/fleet.md).")
@_servers
def watch(state: str, model: str, metrics: tuple[str, ...], every: float, seconds: float, bounds: str | None,
          servers: tuple[str, ...], **tls: str | None) -> None:
    """Watch the canary of MODEL by its clients' metrics, and take it back when it leaves its bounds.

    Errors, latency and the distribution of the scores are compared with those of the label stable over the same time. Exits
    with 1 where the canary was taken back, with 2 where there were too few calls to say.

    \b
    Example:
      zoo fleet watch rollout.yaml din --metrics http://ranker:9100/metrics --server ranking:8500
    """
    from serving.fleet.rollout.judge import Bounds
    from serving.fleet.rollout.watch import watch as look
    from zoo.config import load_yaml, parse

    kept = parse(Bounds, load_yaml(bounds), where=bounds) if bounds else Bounds()
    with _opened(servers, **tls) as opened:
        verdict = look(state, model, opened, metrics, kept, every, seconds, click.echo)
    if verdict.bad or not verdict.enough:
        raise SystemExit(1 if verdict.bad else 2)
    click.echo(f"The canary stayed within its bounds. Next: zoo fleet promote {state} {model} --server {servers[0]}")


COMMANDS = (push, promote, rollback, apply, status, prune, watch)
