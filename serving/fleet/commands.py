"""`zoo fleet`: TF Serving on many machines."""

from __future__ import annotations

import click

from serving.fleet.rollout import commands as rollout
from serving.load import commands as load

_PORT = click.IntRange(0, 65535)


@click.group()
def fleet() -> None:
    """Run the models on a fleet of TF Serving: manifests, configuration, alerts, and what runs beside each server."""


@fleet.command()
@click.argument("config", type=click.Path())
@click.option(
    "--out", required=True, type=click.Path(), metavar="DIR", help="Folder for the files; an earlier render is replaced."
)
def render(config: str, out: str) -> None:
    """Write everything that a fleet needs from the description in CONFIG.

    That is ModelServer's configuration, a kustomize base with overlays for CPUs, whole GPUs, MIG slices, time slicing and MPS,
    monitoring with alerts and a dashboard, and, where CONFIG asks for them, KServe, KEDA and Argo Rollouts. Every value that is
    not obvious has its reason beside it. The same CONFIG gives the same bytes.

    \b
    Example:
      zoo fleet render fleet.yaml --out deploy
      kubectl apply -k deploy/overlays/cpu
    """
    from serving.fleet import render as rendering
    from serving.fleet.description import read_fleet

    described = read_fleet(config)
    texts = rendering.render(described)
    rendering.write(texts, out)
    overlays = sorted({path.split("/")[1] for path in texts if path.startswith("overlays/")})
    click.echo(
        f"{len(texts)} files in {out}: {', '.join(sorted({path.split('/')[0] for path in texts}))}; "
        f"overlays {', '.join(overlays)}"
    )
    for line in rendering.left_out(described):
        click.echo(f"Left out: {line}")
    best = "gpu" if "gpu" in overlays else "cpu"
    click.echo(f"A server: {described.memory_gib:g} GiB, {described.server.cores} CPUs, {described.image.on_cpu}")
    click.echo(f"Next: kubectl diff -k {out}/overlays/{best}; kubectl apply -k {out}/overlays/{best}")


@fleet.command()
@click.option(
    "--sources", required=True, type=click.Path(), metavar="FILE", help="What to copy, as `zoo fleet render` writes it."
)
@click.option("--models", required=True, type=click.Path(), metavar="DIR", help="Folder of the models' folders.")
@click.option("--once", is_flag=True, help="Copy, and end; fail where a model has no version.")
@click.option(
    "--every",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How often the store is looked at.",
)
@click.option("--ready-port", type=_PORT, help="Answer probes of the server beside it there: /started and /ready.")
@click.option("--server", default="http://127.0.0.1:8501", show_default=True, metavar="URL", help="Its REST API.")
@click.option("--model-config", type=click.Path(), metavar="FILE", help="Its model configuration; needed with --ready-port.")
@click.option("--grpc", metavar="HOST:PORT", help="Its gRPC address, where FILE names a state file: labels follow that.")
@click.option("--ssl-config", type=click.Path(), metavar="FILE",
              help="Before anything else, write the server's SSLConfig there, from --tls-cert and --tls-key.")
@click.option("--verify-clients", is_flag=True, help="In FILE: callers must show a certificate that --tls-ca signed.")
@click.option("--tls-ca", metavar="FILE", help="Reach the server beside it by TLS; its certificate is signed by this.")
@click.option("--tls-cert", metavar="FILE", help="Certificate to show, where the server wants one.")
@click.option("--tls-key", metavar="FILE", help="Private key of --tls-cert.")
@click.option("--tls-name", metavar="NAME", help="The name that the server's certificate has.")
def sync(
    sources: str, models: str, once: bool, every: float, ready_port: int | None, server: str, model_config: str | None,
    grpc: str | None, ssl_config: str | None, verify_clients: bool, **tls: str | None,
) -> None:
    """Keep a server's models those of the store; runs beside each server.

    A version is copied under another name, written through and renamed, so the server sees it whole or not at all. A store that
    can't be read takes nothing away.

    \b
    Example:
      zoo fleet sync --sources deploy/base/config/sources.yaml --models /models --once
    """
    from serving.fleet.watch import run_sync, write_ssl_config
    from serving.tls import client_tls

    if (ssl_config or verify_clients) and not (ssl_config and tls["tls_cert"] and tls["tls_key"]):
        raise click.UsageError("--ssl-config needs --tls-cert and --tls-key, and --verify-clients needs all three")
    if verify_clients and not tls["tls_ca"]:
        raise click.UsageError("--verify-clients needs --tls-ca, the authority that signs callers' certificates")
    if ready_port is not None and model_config is None:
        raise click.UsageError("--ready-port needs --model-config, to know which models must answer")
    if ssl_config:
        write_ssl_config(ssl_config, tls, verify_clients)
    run_sync(sources, models, once, every, ready_port, server, model_config, grpc, client_tls(**tls))


for _command in (*rollout.COMMANDS, *load.COMMANDS):
    fleet.add_command(_command)
