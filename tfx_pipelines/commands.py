"""`zoo run`, `zoo backfill`, `zoo compile`, `zoo submit`, `zoo training-job`, `zoo flink-cluster` and `zoo demo`."""

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


@click.command("backfill", help=f"""Run the daily pipeline of CONFIG for some spans (days), one after the other.

{_CONFIG_HELP} It needs `daily`, and data by spans: data.log with {{SPAN}}, or {{YYYY}}, {{MM}} and {{DD}}, in its name; or
data.raw. A run of a span learns the one before it, from the model that was pushed last, and is tested on the span itself.

Spans that are done (ROOT/days/SPAN.json is there) are left out; one that was stopped, however that was, goes on from its
finished stages. Exits with 2 where a model was refused: the next span then learns its data, too.""")
@click.argument("config")
@click.option("--spans", required=True, metavar="A..B", help="First and last span: numbers, or dates (2023-11-16..2023-11-29).")
@click.option("--model", metavar="NAME", help=_MODEL_HELP)
@click.option("--log", type=str, help="Folders of the request logs, such as 'runs/shop/days/{YYYY}-{MM}-{DD}'.")
@click.option("--root", type=click.Path(), help="Where artifacts, the reports and pushed models go.")
@click.option("--again", is_flag=True, help="Run spans that are done, too.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=_OVERRIDE_HELP)
def backfill(config: str, spans: str, model: str | None, log: str | None, root: str | None, again: bool,
             overrides: tuple[str, ...]) -> None:
    import sys

    from tfx_pipelines.backfill import backfill as days_of
    from tfx_pipelines.backfill import spans_between
    from tfx_pipelines.config import load_run_config

    loaded = load_run_config(config, overrides, model=model, options={"data.log": log, "pipeline.root": root})
    refused = 0
    for span, report, before in days_of(loaded, spans_between(spans), _run_and_show, again):
        refused += not report["blessed"]
        verdict = f"pushed as version {report['pushed_version']}" if report["blessed"] else "refused"
        click.echo(f"Span {span}: GAUC {report['metrics']['gauc']['value']:.4f}, {verdict}{' (done before)' if before else ''}")
    if refused:
        sys.exit(2)


@click.command("compile", help=f"""Compile the pipeline of CONFIG for Kubeflow Pipelines or Vertex AI, without either.

{_CONFIG_HELP}""")
@click.argument("config")
@click.option("--model", metavar="NAME", help=_MODEL_HELP)
@click.option("--target", type=click.Choice(["kubeflow", "vertex"]), default="kubeflow", show_default=True)
@click.option("--out", type=click.Path(), required=True, help="The file to write: .yaml for Kubeflow, .json for Vertex AI.")
@click.option("--log", type=click.Path(), help="Folder of the request log on this machine; its schema is read.")
@click.option("--cluster-log", type=str, help="The same log as the cluster reaches it (gs://…, s3://…).")
@click.option("--root", type=str, help="The pipeline's root as the cluster reaches it (gs://…, s3://…).")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=_OVERRIDE_HELP)
def compile_(config: str, model: str | None, target: str, out: str, log: str | None, cluster_log: str | None, root: str | None,
             overrides: tuple[str, ...]) -> None:
    loaded = _cluster_config(config, model, log, cluster_log, root, overrides)
    path = _compile(loaded, out, target)
    click.echo("Next:    " + ("zoo submit, with the same configuration and options; or upload the file in Kubeflow's interface"
                              if target == "kubeflow" else
                              f"google.cloud.aiplatform.PipelineJob(display_name=…, template_path={str(path)!r}).submit()"))


@click.command("submit", help=f"""Start the pipeline of CONFIG on Kubeflow Pipelines, and follow it to its report.

{_CONFIG_HELP} Where it names a schedule, the pipeline is started by that.""")
@click.argument("config")
@click.option("--model", metavar="NAME", help=_MODEL_HELP)
@click.option("--log", type=click.Path(), help="Folder of the request log on this machine; its schema is read.")
@click.option("--cluster-log", type=str, help="The same log as the cluster reaches it (gs://…, s3://…).")
@click.option("--root", type=str, help="The pipeline's root as the cluster reaches it (gs://…, s3://…).")
@click.option("--endpoint", type=str, help="URL of the API of Kubeflow Pipelines. [default: cluster.endpoint]")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Wait for the end of the run.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=_OVERRIDE_HELP)
def submit(config: str, model: str | None, log: str | None, cluster_log: str | None, root: str | None, endpoint: str | None,
           follow: bool, overrides: tuple[str, ...]) -> None:
    import sys
    import tempfile

    from tfx_pipelines.runners.submitted import finish, start

    loaded = _cluster_config(config, model, log, cluster_log, root, overrides, {"cluster.endpoint": endpoint})
    with tempfile.TemporaryDirectory() as folder:
        started = start(loaded, _compile(loaded, f"{folder}/pipeline.yaml", "kubeflow", quiet=True), echo=click.echo)
    if started is not None and follow and not finish(started, loaded, echo=click.echo):
        sys.exit(2)


@click.command("training-job", help=f"""Write the Kubernetes objects of a run whose training is divided between pods.

{_CONFIG_HELP} It says between how many: `training.machines`. One pod runs the pipeline and leads the others. Apply the file
with `kubectl apply -f FILE`.""")
@click.argument("config")
@click.option("--kind", type=click.Choice(["tfjob", "jobset", "trainjob"]), default="tfjob", show_default=True,
              help="TFJob of training-operator 1.9; JobSet; or TrainJob of Kubeflow Trainer 2, with its runtime.")
@click.option("--model", metavar="NAME", help=_MODEL_HELP)
@click.option("--out", type=click.Path(), required=True, help="The file to write.")
@click.option("--log", type=str, help="Folder of the request log as the pods reach it.")
@click.option("--root", type=str, help="The run's root as the pods reach it.")
@click.option("--volume", metavar="CLAIM:/PATH", help="A persistent volume claim that all pods mount, and where.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=_OVERRIDE_HELP)
def training_job(config: str, kind, model: str | None, out: str, log: str | None, root: str | None, volume: str | None,
                 overrides: tuple[str, ...]) -> None:
    from serving.fleet.commented import to_yaml
    from tfx_pipelines.config import load_run_config
    from tfx_pipelines.pod_parts import Volume
    from tfx_pipelines.training_jobs import training_job as objects_of

    loaded = load_run_config(config, overrides, model=model, options={"data.log": log, "pipeline.root": root})
    objects = objects_of(loaded, kind, Volume.parsed(volume) if volume else None)
    Path(out).write_text(to_yaml(*objects), encoding="utf-8")
    click.echo(f"Wrote {out}: {', '.join(one['kind'] for one in objects)} {objects[-1]['metadata']['name']}\n"
               f"Image:   {loaded.pipeline.image} must contain this package (pipeline.image)\n"
               f"Next:    kubectl apply -f {out}")


@click.command("flink-cluster", help=f"""Write the Kubernetes objects of an Apache Flink on which the Beam stages of CONFIG run.

{_CONFIG_HELP} Flink's operator makes a session cluster of them, with workers of this package beside each TaskManager, and a job
server that pipelines are sent to. What the run's configuration needs to go there is printed.""")
@click.argument("config")
@click.option("--model", metavar="NAME", help=_MODEL_HELP)
@click.option("--out", type=click.Path(), required=True, help="The file to write.")
@click.option("--log", type=str, help="Folder of the request log as the pods reach it.")
@click.option("--root", type=str, help="The run's root as the pods reach it.")
@click.option("--volume", metavar="CLAIM:/PATH", required=True,
              help="A persistent volume claim that all pods mount, and where.")
@click.option("--managers", type=click.IntRange(1), default=2, show_default=True, help="TaskManagers.")
@click.option("--slots", type=click.IntRange(1), default=2, show_default=True,
              help="Slots of each, and Python workers beside it.")
@click.option("--memory", default="2g", show_default=True, help="Of each TaskManager's Java.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=_OVERRIDE_HELP)
def flink_cluster(config: str, model: str | None, out: str, log: str | None, root: str | None, volume: str, managers: int,
                  slots: int, memory: str, overrides: tuple[str, ...]) -> None:
    import importlib.metadata

    import yaml

    from serving.fleet.commented import to_yaml
    from tfx_pipelines.config import load_run_config
    from tfx_pipelines.flink_cluster import Size, beam_settings
    from tfx_pipelines.flink_cluster import flink_cluster as objects_of
    from tfx_pipelines.pod_parts import Volume

    loaded = load_run_config(config, overrides, model=model, options={"data.log": log, "pipeline.root": root})
    size = Size(managers, slots, memory)
    objects = objects_of(loaded, size, Volume.parsed(volume), importlib.metadata.version("apache-beam"))
    Path(out).write_text(to_yaml(*objects), encoding="utf-8")
    settings = yaml.safe_dump({"beam": beam_settings(loaded, size)}, sort_keys=False, width=200)
    click.echo(f"Wrote {out}: {', '.join(one['kind'] for one in objects)} of {objects[0]['metadata']['name']}\n"
               f"Image:   {loaded.pipeline.image} must contain this package (pipeline.image)\n"
               f"Next:    kubectl apply -f {out}; then, in the configuration of the run:\n\n{settings}")


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


def _cluster_config(config: str, model: str | None, log: str | None, cluster_log: str | None, root: str | None,
                    overrides: tuple[str, ...], more: dict | None = None):
    from tfx_pipelines.config import load_run_config

    return load_run_config(config, overrides, model=model, options={
        "data.log": log, "data.cluster_log": cluster_log, "pipeline.root": root, **(more or {})})


def _compile(config, out: str, target, quiet: bool = False) -> Path:
    """Compiles a pipeline and says what it needs."""
    from tfx_pipelines.config import with_floors
    from tfx_pipelines.runners.kubeflow import compile_pipeline, legal_name
    from tfx_pipelines.source import log_digest, source_of
    from tfx_pipelines.spans import with_span

    # The newest span that is here says the schema; which one is run, the platform finds out.
    here = with_span(config)
    source, digest = source_of(here.data), ""
    if config.daily is None:
        config, digest = here, log_digest(source)
    path = compile_pipeline(source.allowed(with_floors(config, source.floors)), source.schema, out, target, digest)
    if not quiet:
        click.echo(f"Wrote {path}, plain text.\n"
                   f"Name:    {legal_name(config.name)}\n"
                   f"Image:   {config.pipeline.image} must contain this package (pipeline.image)")
    places = [("raw file", file, "data.raw") for file in config.data.raw] or [
        ("request log", config.data.cluster_log or config.log, "--cluster-log")]
    for what, place, option in places:
        if "://" not in place and not Path(place).is_absolute():
            click.echo(f"Note:    the {what} {place} is a folder of this machine; name it as the cluster sees it: {option}")
    return path
