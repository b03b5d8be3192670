"""What `zoo serve` does."""

from __future__ import annotations

import gc
import logging
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import click
from google.protobuf import text_format

from serving.errors import ServingError
from serving.fleet.messages import MonitoringConfig
from serving.fleet.server_files import METRICS_PATH
from serving.server import LocalModelServer, ModelSpec, VersionPolicy
from serving.server.model_spec import specs_from_proto
from serving.server.protocol import model_server_config_pb2
from serving.tls import ServerTls


def run_server(models: Sequence[str], config: Path | None, port: int, rest_port: int, address: str,
               version_policy: str, poll_seconds: float, threads: int | None, ssl_config: Path | None = None,
               channel_arguments: str = "", monitoring_config: Path | None = None) -> None:
    """Serves until SIGTERM or SIGINT, then lets running calls end.

    Args:
        models: `NAME=PATH` each.
        config: a ModelServerConfig in text form, or None.
        port: gRPC port, 0 for any.
        rest_port: REST port, 0 for any.
        address: interface to bind.
        version_policy: of the models in `models`, as `VersionPolicy.parse` reads it.
        poll_seconds: how often the folders are looked at.
        threads: gRPC calls answered at once; None for the default.
        ssl_config: an SSLConfig in text form, or None.
        channel_arguments: of gRPC, `KEY=VALUE` each with commas between, as ModelServer takes them.
        monitoring_config: a MonitoringConfig in text form, or None: no metrics.

    Raises:
        ServingError: no model, a wrong one, or a port that is taken.
    """
    specs = _specs(models, VersionPolicy.parse(version_policy)) | (_read(config) if config else {})
    if not specs:
        raise ServingError("nothing to serve; name a model: zoo serve --model NAME=PATH")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("absl").setLevel(logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        server = LocalModelServer(specs, port, rest_port, address, poll_seconds=poll_seconds, threads=threads,
                                  tls=ServerTls.read(ssl_config) if ssl_config else None,
                                  channel_arguments=_arguments(channel_arguments),
                                  metrics_path=_metrics_path(monitoring_config) if monitoring_config else None)
    except OSError as error:
        raise ServingError(f"{error} Choose another --address, --port or --rest-port; port 0 takes any free one.") from None
    # What is imported by now stays for good: the collection after each unloaded version need not look through it.
    gc.collect()
    gc.freeze()
    with server:
        click.echo(f"gRPC  {server.target}")
        click.echo(f"REST  {server.rest_url}/v1/models/{next(iter(specs))}")
        click.echo(f"Next: zoo rank --target {server.target} --model {next(iter(specs))} --log LOG   (Ctrl-C stops)")
        stop.wait()
        click.echo("Stopping: running calls may end.")


def _specs(models: Sequence[str], policy: VersionPolicy) -> dict[str, ModelSpec]:
    specs: dict[str, ModelSpec] = {}
    for text in models:
        name, equals, path = text.partition("=")
        if not (name and equals and path) or set(name) & set("/:"):
            raise ServingError(f"--model {text}: expected NAME=PATH, the name without '/' and ':'")
        if name in specs:
            raise ServingError(f"--model {text}: the name {name!r} was given already")
        base = Path(path).absolute()
        if not base.is_dir():
            raise ServingError(f"--model {text}: {base} is not a folder; name the folder that holds the versions")
        if (base / "saved_model.pb").is_file():
            raise ServingError(f"--model {text}: {base} is one version; name the folder above it, "
                               f"{base.parent}, whose subfolders are versions named by numbers")
        specs[name] = ModelSpec(name, base, policy)
    return specs


def _arguments(text: str) -> dict[str, int | str]:
    """Channel arguments by name; a number is one where it looks like one, as in ModelServer."""
    found: dict[str, int | str] = {}
    for word in filter(None, text.split(",")):
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise ServingError(f"--grpc-channel-arguments: {word}: expected KEY=VALUE, with commas between")
        found[key] = int(value) if value.isdigit() else value
    return found


def _metrics_path(config: Path) -> str | None:
    try:
        read = text_format.Parse(config.read_text(encoding="utf-8"), MonitoringConfig()).prometheus_config
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ServingError(f"{config}: not a MonitoringConfig in text form: {error}") from None
    return (read.path or METRICS_PATH) if read.enable else None


def _read(config: Path) -> dict[str, ModelSpec]:
    try:
        text = config.read_text(encoding="utf-8")
        return specs_from_proto(text_format.Parse(text, model_server_config_pb2.ModelServerConfig()))
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ServingError(f"{config}: not a ModelServerConfig in text form: {error}") from None
