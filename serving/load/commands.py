"""`zoo fleet load` and `zoo fleet tune`."""

from __future__ import annotations

from typing import Any

import click

_SECONDS = click.FloatRange(min=0, min_open=True)
_MODEL_DIR = click.option("--model-dir", required=True, metavar="DIR", help="The exported model, or its folder of versions.")
_LOG = click.option("--log", required=True, metavar="LOG", help="Request log whose test split the calls are drawn from.")
_CANDIDATES = click.option("--candidates", type=click.IntRange(min=1),
                           help="Candidates of every call. [default: the log's own]")
_REQUESTS = click.option("--requests", default=200, show_default=True, type=click.IntRange(min=1),
                         help="How many requests of the log are drawn from.")


@click.command("load")
@click.option("--target", "target", multiple=True, default=("localhost:8500",), show_default=True, metavar="HOST:PORT",
              help="gRPC address; given many times, or a name with several addresses, calls take turns.")
@click.option("--model", "name", required=True, metavar="NAME", help="Name of the model on the servers.")
@_MODEL_DIR
@_LOG
@click.option("--rate", "rates", multiple=True, required=True, type=_SECONDS, metavar="CALLS",
              help="Calls a second; may be given many times.")
@click.option("--seconds", default=30.0, show_default=True, type=_SECONDS, help="For each rate.")
@_CANDIDATES
@click.option("--label", help="Ask the version with this label.")
@_REQUESTS
@click.option("--deadline", default=5.0, show_default=True, type=_SECONDS, help="Seconds a call may take.")
@click.option("--seed", default=0, show_default=True, help="Of the arrivals and the draw.")
@click.option("--out", type=click.Path(), metavar="FILE", help="Write the figures as JSON.")
@click.option("--plot", "picture", type=click.Path(), metavar="FILE", help="Draw latency over time and its distribution.")
@click.option("--tls-ca", metavar="FILE", help="Reach the servers by TLS; their certificates are signed by this.")
@click.option("--tls-cert", metavar="FILE", help="Certificate to show, where servers want one.")
@click.option("--tls-key", metavar="FILE", help="Private key of --tls-cert.")
@click.option("--tls-name", metavar="NAME", help="The name that the servers' certificates have.")
def load_command(tls_ca: str | None, tls_cert: str | None, tls_key: str | None, tls_name: str | None, **options: Any) -> None:
    """Load servers with calls at a set rate, and print latency, throughput and errors.

    The load is open: calls leave when they are due, at random times with the given mean, whatever became of those before.
    Latency counts from when a call was due, so what waits in a queue, here or there, has waited. Candidates and events are the
    log's.

    \b
    Example:
      zoo fleet load --model din --model-dir runs/demo/serving/din --log runs/demo/log --rate 20 --rate 40 --plot load.png
    """
    from serving.load.run import run_load
    from serving.tls import client_tls

    run_load(**options, tls=client_tls(tls_ca, tls_cert, tls_key, tls_name))


@click.command()
@_MODEL_DIR
@_LOG
@click.option("--model-server", type=click.Path(exists=True), metavar="FILE", envvar="TF_MODEL_SERVER",
              help="tensorflow_model_server; without it the local model server is tuned, which does not batch. "
                   "[default: the variable TF_MODEL_SERVER]")
@click.option("--p99", "p99_ms", default=100.0, show_default=True, type=_SECONDS, metavar="MS",
              help="What 99 % of the calls may take.")
@click.option("--seconds", default=5.0, show_default=True, type=_SECONDS, help="Of each load.")
@click.option("--threads", "threads", multiple=True, type=click.IntRange(min=1),
              help="Batch threads, or threads of TensorFlow, to try. [default: half the CPUs, and all]")
@click.option("--batch-size", "sizes", multiple=True, type=click.IntRange(min=1),
              help="max_batch_size to try. [default: 4, 16]")
@click.option("--timeout-us", "timeouts", multiple=True, type=click.IntRange(min=0),
              help="Batch timeouts to try. [default: 0, 1000]")
@click.option("--no-xla", is_flag=True, help="Do not try XLA.")
@_CANDIDATES
@_REQUESTS
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=click.Path(), metavar="FILE", help="Write what was measured as JSON.")
def tune(**options: Any) -> None:
    """Try server settings on this machine under load, and propose those that answer most calls within --p99.

    For each setting a server is started, and the rate is doubled until the target is missed, then narrowed down. Run it on a
    machine of the fleet's kind; what is printed goes into the fleet's description.

    \b
    Example:
      zoo fleet tune --model-dir runs/demo/serving/din --log runs/demo/log --p99 80
    """
    from serving.load.tune import run_tune

    run_tune(**options)


COMMANDS = (load_command, tune)
