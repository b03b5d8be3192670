"""`zoo serve` and `zoo rank`; TensorFlow is imported only when a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_EXISTING = click.Path(exists=True, path_type=Path)
_PORT = click.IntRange(0, 65535)
_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option("--model", "models", multiple=True, metavar="NAME=PATH",
              help="A model and its folder of versions (PATH/<number>/saved_model.pb); may be given many times.")
@click.option("--config", type=_EXISTING, help="A ModelServerConfig in text form, as TF Serving reads it.")
@click.option("--port", default=8500, show_default=True, type=_PORT, help="gRPC port; 0 lets the system choose.")
@click.option("--rest-port", default=8501, show_default=True, type=_PORT, help="REST port; 0 lets the system choose.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Interface to bind, IPv4 or IPv6; :: for all.")
@click.option("--version-policy", default="latest:1", show_default=True,
              help="Versions to serve: latest:N, all, or specific:V,V.")
@click.option("--poll-seconds", default=1.0, show_default=True, type=_SECONDS, help="How often the folders are looked at.")
@click.option("--threads", type=click.IntRange(min=1), help="gRPC calls answered at once. [default: 4 a CPU]")
@click.option("--ssl-config-file", type=_EXISTING, help="TLS for gRPC: an SSLConfig in text form, as TF Serving reads it.")
@click.option("--monitoring-config-file", type=_EXISTING,
              help="Metrics for Prometheus: a MonitoringConfig in text form, as TF Serving reads it.")
@click.option("--grpc-channel-arguments", default="", metavar="KEY=VALUE,…",
              help="Of gRPC, such as grpc.max_connection_age_ms=30000: clients connect anew, and find new servers.")
def serve(models: tuple[str, ...], config: Path | None, port: int, rest_port: int, address: str, version_policy: str,
          poll_seconds: float, threads: int | None, ssl_config_file: Path | None,
          monitoring_config_file: Path | None, grpc_channel_arguments: str) -> None:
    """Serve exported models on this machine, by TF Serving's protocol.

    Clients of TF Serving work unchanged. New versions are taken up as they appear, without failing a request.

    \b
    Example:
      zoo serve --model din=runs/demo/serving
    """
    from serving.serve import run_server

    run_server(models, config, port, rest_port, address, version_policy, poll_seconds, threads, ssl_config_file,
               grpc_channel_arguments, monitoring_config_file)


@click.command()
@click.option("--target", default="localhost:8500", show_default=True, metavar="HOST:PORT", help="The gRPC port.")
@click.option("--model", "model_name", metavar="NAME", help="Name of the model on the server.")
@click.option("--version", type=int, help="Ask this version. [default: the newest]")
@click.option("--label", help="Ask the version with this label.")
@click.option("--schema", "schema_file", metavar="FILE", help="The model's schema.yaml.")
@click.option("--model-dir", metavar="DIR", help="The exported model, to read its schema.")
@click.option("--request", "request_file", type=click.File(encoding="utf-8"), help="A JSON request; - reads standard input.")
@click.option("--log", "log_path", metavar="LOG", help="A request log, to take a request of its test split.")
@click.option("--index", default=0, show_default=True, type=click.IntRange(min=0), help="With --log: which request.")
@click.option("--example", is_flag=True, help="With --log: print the request as JSON, and rank nothing.")
@click.option("--task", help="Rank by this task. [default: the only one, or the first]")
@click.option("--top", default=20, show_default=True, type=click.IntRange(min=1), help="Candidates to print.")
@click.option("--tls-ca", metavar="FILE", help="Reach the server by TLS; its certificate is signed by this.")
@click.option("--tls-cert", metavar="FILE", help="Certificate to show, where the server wants one.")
@click.option("--tls-key", metavar="FILE", help="Private key of --tls-cert.")
@click.option("--tls-name", metavar="NAME", help="The name that the server's certificate has. [default: the host]")
@click.option("--deadline", default=5.0, show_default=True, type=_SECONDS, help="Seconds to wait for the answer.")
def rank(**options: Any) -> None:
    """Send a ranking request to a server and print the ranked candidates.

    \b
    Examples:
      zoo rank --model din --log runs/demo/log --index 3
      zoo rank --log runs/demo/log --example > request.json
      zoo rank --model din --model-dir runs/demo/serving --request request.json
    """
    from serving.rank import run_rank

    run_rank(**options)
