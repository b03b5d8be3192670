"""`zoo data`: request logs from a simulator, an event log or a table of samples."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import click


@click.group()
def data() -> None:
    """Make request logs: simulate a marketplace, or import events or samples; and look at them."""


@data.command()
@click.option("--out", type=click.Path(), required=True, help="Folder of the request log to make.")
@click.option("--requests", type=int, help="Requests over all splits.  [default: 40000, or the configuration's]")
@click.option("--seed", type=int, help="The same seed gives the same log.  [default: 1, or the configuration's]")
@click.option("--config", type=click.Path(), help="YAML with settings of the marketplace (docs/simulator.md lists them).")
@click.option("--by-day", is_flag=True, help="A log of each day in a folder of its own, OUT/2023-11-15, for daily training.")
@click.option("--overwrite", is_flag=True, help="Replace an existing request log.")
def simulate(out: str, requests: int | None, seed: int | None, config: str | None, by_day: bool, overwrite: bool) -> None:
    """Simulate a marketplace: users whose interests drift, with the true click probability of every impression."""
    from zoo.config import load_yaml, parse
    from zoo.data.simulator import SimulatorConfig, write_simulated_days, write_simulated_log

    given = {name: value for name, value in (("requests", requests), ("seed", seed)) if value is not None}

    def named(path: tuple[object, ...]) -> str:
        return f"--{path[0]}" if path and path[0] in given else ".".join([config or "simulator", *map(str, path)])

    settings = parse(SimulatorConfig, (load_yaml(config) if config else {}) | given, where=named)
    click.echo(f"Simulating {settings.requests:,} requests of {settings.users:,} users over {settings.days} days")
    if by_day:
        with progress_bar() as show:
            days = write_simulated_days(settings, out, overwrite=overwrite,
                                        on_progress=lambda done, total: show("simulating", done, total))
        click.echo(f"{len(days)} logs: {days[0]} to {days[-1]}\n"
                   f"Next: zoo backfill sim --log '{out}/{{YYYY}}-{{MM}}-{{DD}}' --spans {days[1].rpartition('/')[2]}.."
                   f"{days[-1].rpartition('/')[2]} --model din --set 'daily={{}}' (docs/daily.md)")
        return
    with progress_bar() as show:
        log = write_simulated_log(settings, out, overwrite=overwrite,
                                  on_progress=lambda done, total: show("simulating", done, total))
    made(log)


@data.command("import")
@click.argument("rows", nargs=-1, required=True, type=click.Path())
@click.option("--config", required=True, help="What the columns mean: a YAML file, or the name of a known log (rees46).")
@click.option("--out", type=click.Path(), required=True, help="Folder of the request log to make.")
@click.option("--memory", type=click.IntRange(min=64), metavar="MIB",
              help="What sorting may take before it goes to disk; more lets it use more cores.  [default: 256, or a quarter of "
                   "what the machine or the container has]")
@click.option("--prior", multiple=True, type=click.Path(), help="File of earlier events, for histories (repeatable).")
@click.option("--overwrite", is_flag=True, help="Replace an existing request log.")
def import_(rows: tuple[str, ...], config: str, out: str, memory: int | None, prior: tuple[str, ...], overwrite: bool) -> None:
    """Turn ROWS (texts, JSON lines or Parquet; folders, patterns or .zip of them) into a request log.

    They are the events of users, or samples: impressions or requests with their features and labels, where the configuration
    says `kind: samples`. Rows that can't be used go to rejected.csv with the reason.
    """
    from zoo.data.importer import ImportConfig, import_events, import_samples, load_import_config

    settings = load_import_config(config)
    if prior and not isinstance(settings, ImportConfig):
        raise click.UsageError("--prior is for logs of events; a table of samples has its histories in it")
    with progress_bar() as show:
        if isinstance(settings, ImportConfig):
            log = import_events(settings, rows, out, prior=prior, overwrite=overwrite, memory_mib=memory,
                                on_progress=show)
        else:
            log = import_samples(settings, rows, out, overwrite=overwrite, memory_mib=memory, on_progress=show)
    made(log)


@data.command()
@click.argument("log", type=click.Path())
@click.option("--split", type=click.Choice(["train", "validation", "test", "pools"]), default="test", show_default=True)
@click.option("--index", type=int, default=0, show_default=True, help="Which request of the split to print.")
def show(log: str, split: str, index: int) -> None:
    """Print what a request LOG holds, one of its requests, and what the catalogue has of its first candidate."""
    import itertools

    from rich.pretty import Pretty

    from zoo.commands.console import data_console
    from zoo.data.catalogue import item_feature
    from zoo.data.request_log import RequestLog, RequestLogError

    opened = RequestLog(log)
    _summary(opened)
    request = next(itertools.islice(opened.requests(split), index, None), None)
    if request is None:
        raise RequestLogError(f"{log}: the split {split} has no request number {index}")
    data_console().print(Pretty(request, max_length=8))
    catalogue = opened.catalogue()
    if catalogue is not None:
        item = request.candidates[item_feature(opened.schema).name][0]
        data_console().print(Pretty(catalogue.as_of(item, request.time)))


@data.command()
@click.argument("file", type=click.Path())
@click.option("--out", type=click.Path(), help="File for the configuration; without it, it is printed.")
def guess(file: str, out: str | None) -> None:
    """Look at a FILE (CSV, JSON lines or Parquet, packed or not) and write a first configuration for `zoo data import`.

    It says in comments which column looks like what and why, how many values it has, and what was not understood.
    """
    from zoo import files
    from zoo.data.guess import guess_config

    text = guess_config(file)
    if not out:
        click.echo(text, nl=False)
        return
    files.write_text(out, text)
    click.echo(f"wrote {out}; look through it, then: zoo data import {file} --config {out} --out runs/NAME/log")


@data.command()
@click.argument("log", type=click.Path())
@click.option("--json", "json_file", type=click.Path(), help="File for the report as JSON.")
@click.option("--picture", type=click.Path(), help="File for the report as a picture (PNG).")
@click.option("--requests", type=click.IntRange(min=0), default=100_000, show_default=True,
              help="Read at most so many requests of each split, evenly over it; 0 reads all.")
@click.option("--strict", is_flag=True, help="Exit with 1 where there is anything to warn of.")
def check(log: str, json_file: str | None, picture: str | None, requests: int, strict: bool) -> None:
    """Look at a request LOG before anything is trained on it: what there is, what fell and why, and leaks that can be seen.

    Warnings come last, the heaviest first, each with what to do.
    """
    from zoo import files
    from zoo.check import check_log, report_json
    from zoo.commands.check_text import print_check
    from zoo.data.request_log import RequestLog

    opened = RequestLog(log)
    with progress_bar() as show:
        report = check_log(opened, requests, on_progress=show)
    print_check(report)
    if json_file:
        files.write_text(json_file, report_json(report))
    if picture:
        from zoo.check.picture import check_picture

        with files.open_file(picture, "wb") as file:
            file.write(check_picture(report))
    for made in filter(None, (json_file, picture)):
        click.echo(f"wrote {made}")
    if not picture:
        click.echo(f"Next: see it drawn: zoo data check {log} --picture check.png")
    if strict and report["findings"]:
        raise click.exceptions.Exit(1)


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(TextColumn("{task.description:<16}", markup=False), BarColumn(), TextColumn("{task.percentage:3.0f} %"),
                  TimeRemainingColumn(), transient=True) as progress:
        bar = progress.add_task("starting", total=None)
        yield lambda what, done, total: progress.update(bar, description=what, completed=done, total=total)


def made(log) -> None:
    _summary(log)
    click.echo(f"Next: zoo data show {log.path}, or train on it: zoo run CONFIG.yaml --log {log.path}")


def _summary(log) -> None:
    from rich.table import Table

    from zoo.commands.console import data_console

    console, manifest = data_console(), log.manifest
    console.print(f"{manifest['name']}: {log.path}", soft_wrap=True)
    table = Table()
    for column in ("split", "requests", "candidates", "positives", "from (UTC)", "to (UTC)"):
        table.add_column(column, justify="left" if column == "split" else "right")
    for split, count in manifest["splits"].items():
        positives = ", ".join(f"{name} {number:,}" for name, number in count["positives"].items())
        table.add_row(split, f"{count['requests']:,}", f"{count['candidates']:,}", positives, *_times(manifest, count))
    console.print(table)
    if manifest.get("catalogue"):
        console.print(f"catalogue: {manifest['catalogue']['items']:,} items, {manifest['catalogue']['rows']:,} rows")
    for reason, number in manifest.get("rejected", {}).items():
        console.print(f"rejected: {number:,} rows, {reason} (all in {log.path}/rejected.csv)", soft_wrap=True)
    if manifest.get("dropped_after_until"):
        console.print(f"dropped: {manifest['dropped_after_until']:,} events at or after splits.until")
    for note, number in manifest.get("notes", {}).items():
        console.print(f"note: {number:,} {note.replace('_', ' ')}", soft_wrap=True)


def _times(manifest, count) -> list[str]:
    """First and last time of a split; a log without times says so, or has nothing but 0."""
    from datetime import datetime, timezone

    if not manifest.get("times", count["last_time"]):
        return ["none", "none"]
    return [datetime.fromtimestamp(count[key], timezone.utc).strftime("%Y-%m-%d %H:%M")
            for key in ("first_time", "last_time")]
