"""`zoo demo`: the whole way once, with the simulator's log."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tfx_pipelines.config import load_run_config


def run_demo(root: Path, requests: int, model: str, overrides: list[str]) -> bool:
    """Simulates a log, runs the pipeline, starts the local model server, ranks one request over gRPC.

    Args:
        root: folder of everything it makes.
        requests: how many to simulate.
        model: of the zoo.
        overrides: of the demo's configuration, such as `training.epochs=1`.

    Returns:
        Whether the model was blessed.
    """
    started = time.perf_counter()
    console = Console(emoji=False)
    console.print("[bold]Cascade Zoo[/bold]: from a request log to an answered ranking call\n")
    console.print("[bold]1. A request log[/bold] from the marketplace simulator")
    log = _simulated_log(console, root / "log", requests)

    console.print(f"\n[bold]2. The pipeline[/bold]: {model}, trained, gated, replayed and pushed")
    with console.status("loading TFX (some ten seconds)"):
        from tfx_pipelines.places import serving_dir
        from tfx_pipelines.run import run_pipeline
        from tfx_pipelines.show import show_report
    config = load_run_config("demo", overrides, model=model, options={
        "data.log": str(log.path), "pipeline.name": f"demo-{model}", "pipeline.root": str(root / model)})
    _, report = run_pipeline(config)

    if report["pushed_version"]:
        console.print("\n[bold]3. A ranking call[/bold] over gRPC to the local model server")
        _rank(console, Path(serving_dir(config)), config.served_name, log)
        console.print()
    else:
        console.print("\n[bold]3. No ranking call[/bold]: the model was refused, so nothing was pushed and nothing is ranked\n")
    show_report(console, report, str(root / model), serving_dir(config))
    minutes, seconds = divmod(int(time.perf_counter() - started), 60)
    console.print(f"\nDone in {minutes} min {seconds} s. Your own log: zoo data import --help")
    return report["blessed"]


def _simulated_log(console: Console, path: Path, requests: int):
    from rich.progress import Progress

    from zoo.data.request_log import RequestLog
    from zoo.data.simulator import SimulatorConfig, write_simulated_log

    config = SimulatorConfig(requests=requests)
    if path.exists():
        log = RequestLog(path)
        if log.manifest["source"].get("config") == config.model_dump(mode="json"):
            console.print(f"   {path} is there already ({requests:,} requests)", markup=False)
            return log
    with Progress(console=console, transient=True, disable=not console.is_interactive) as progress:
        bar = progress.add_task("   simulating", total=requests)
        log = write_simulated_log(config, path, overwrite=True,
                                  on_progress=lambda done, total: progress.update(bar, completed=done, total=total))
    console.print(f"   {path}: {requests:,} requests", markup=False)
    return log


def _rank(console: Console, base: Path, name: str, log) -> None:
    from serving.client import RankingClient
    from serving.server import LocalModelServer

    logging.getLogger("serving.server").setLevel(logging.WARNING)  # the demo says it in its own words
    request = next(log.requests("test"))
    with (LocalModelServer({name: base}) as server,
          RankingClient.of_model(server.target, name, base, deadline_s=30.0) as client):
        client.wait_until_ready()
        ranking = client.rank_one(request)
        console.print(f"   {server.target} answers for {base}", markup=False, soft_wrap=True)
    names = list(request.candidates)[:5]
    table = Table(title=escape(f"request {request.request_id}: its candidates, ranked by version {ranking.version}"),
                  title_justify="left")
    for column in ("rank", "score", *names, "clicked"):
        table.add_column(column, justify="right" if column in ("rank", "score") else "left")
    task = next(iter(ranking.scores))
    for candidate in ranking.ranked(task):
        values = [candidate.features[n] for n in names]
        table.add_row(str(candidate.rank), f"{candidate.score:.4f}",
                      *[escape(value) if isinstance(value, str) else f"{value:.3g}" for value in values],
                      "yes" if request.labels[task][candidate.index] > 0 else "")
    console.print(table)
