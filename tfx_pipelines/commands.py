"""`zoo run`, `zoo compile` and `zoo demo`."""

from __future__ import annotations

from pathlib import Path

import click

from tfx_pipelines.config_files import shipped

_OVERRIDE_HELP = "Change a setting, such as training.epochs=1 (repeatable)."
_CONFIG_HELP = f"CONFIG is a YAML file, or the name of a configuration that comes with the package ({', '.join(shipped())})."
_MODEL_HELP = "Model of the zoo (`zoo models` lists them). [default: the configuration's]"


@click.command("run", help=f"""Run the pipeline of CONFIG on this machine: from a request log, or raw files, to a pushed model.

{_CONFIG_HELP} Unchanged stages are taken from the cache of an earlier run.""")
@click.argument("config")
@click.option("--model", metavar="NAME", help=_MODEL_HELP)
@click.option("--log", type=click.Path(), help="Folder of the request log (made by `zoo data`).")
@click.option("--root", type=click.Path(), help="Where artifacts, the report and pushed models go.")
@click.option("--seed", type=int, help="Seed of the initial weights and the order of the data.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=_OVERRIDE_HELP)
def run(config: str, model: str | None, log: str | None, root: str | None, seed: int | None,
        overrides: tuple[str, ...]) -> None:
    import sys

    from tfx_pipelines.config import load_run_config

    loaded = load_run_config(config, overrides, model=model,
                             options={"data.log": log, "pipeline.root": root, "training.seed": seed})
    report = _run_and_show(loaded)
    if not report["blessed"]:
        sys.exit(2)


@click.command("compile", help=f"""Compile the pipeline of CONFIG for Kubeflow Pipelines v2, without a cluster.

{_CONFIG_HELP}""")
@click.argument("config")
@click.option("--model", metavar="NAME", help=_MODEL_HELP)
@click.option("--runner", type=click.Choice(["kubeflow"]), default="kubeflow", show_default=True)
@click.option("--out", type=click.Path(), required=True, help="The file to write: .json or .yaml.")
@click.option("--log", type=click.Path(), help="Folder of the request log on this machine; its schema is read.")
@click.option("--cluster-log", type=str, help="The same log as the cluster reaches it (gs://…, s3://…).")
@click.option("--root", type=str, help="The pipeline's root as the cluster reaches it (gs://…, s3://…).")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=_OVERRIDE_HELP)
def compile_(config: str, model: str | None, runner: str, out: str, log: str | None, cluster_log: str | None, root: str | None,
             overrides: tuple[str, ...]) -> None:
    from tfx_pipelines.config import load_run_config, with_floors
    from tfx_pipelines.runners.kubeflow import compile_kubeflow, legal_name, schema_beside
    from tfx_pipelines.schema import schema_file
    from tfx_pipelines.source import source_of

    loaded = load_run_config(config, overrides, model=model,
                             options={"data.log": log, "data.cluster_log": cluster_log, "pipeline.root": root})
    source = source_of(loaded.data)
    path = compile_kubeflow(source.allowed(with_floors(loaded, source.floors)), source.schema, out)
    click.echo(f"Wrote {path}, plain text that the Kubeflow Pipelines client submits.\n"
               f"Name:    {legal_name(loaded.name)}\n"
               f"Before:  copy {schema_beside(path)} to {schema_file(loaded.root, source.schema)}\n"
               f"Image:   {loaded.pipeline.image} must contain this package (pipeline.image)")
    places = [("raw file", file, "data.raw") for file in loaded.data.raw] or [
        ("request log", loaded.data.cluster_log or loaded.log, "--cluster-log")]
    for what, place, option in [*places, ("root", loaded.root, "--root")]:
        if "://" not in place and not Path(place).is_absolute():
            click.echo(f"Note:    the {what} {place} is a folder of this machine; name it as the cluster sees it: {option}")


@click.command("demo")
@click.option("--root", type=click.Path(path_type=Path), default=Path("runs/demo"), show_default=True,
              help="Where the simulated log, the artifacts and the pushed model go.")
@click.option("--requests", type=int, default=40_000, show_default=True, help="Requests to simulate.")
@click.option("--model", default="din", show_default=True, help="Model of the zoo to train.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=_OVERRIDE_HELP)
def demo(root: Path, requests: int, model: str, overrides: tuple[str, ...]) -> None:
    """The whole way once: simulate a log, run the pipeline, serve the model, rank a request over gRPC.

    Exits with 2 where the model was not blessed, and so not pushed.
    """
    import sys

    from tfx_pipelines.demo import run_demo

    if not run_demo(root, requests, model, list(overrides)):
        sys.exit(2)


def _run_and_show(config) -> dict:
    from rich.console import Console
    from rich.markup import escape

    console = Console(emoji=False)
    data = ", ".join(config.data.raw) or config.log
    console.print(f"[bold]{escape(config.model.name)}[/bold] on [bold]{escape(data)}[/bold]; "
                  f"everything goes to {escape(config.root)}")
    with console.status("loading TFX (some ten seconds)"):
        from tfx_pipelines.places import serving_dir
        from tfx_pipelines.run import run_pipeline
        from tfx_pipelines.show import show_report

    _, report = run_pipeline(config)
    show_report(console, report, config.root, serving_dir(config))
    return report
