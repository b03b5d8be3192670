"""`zoo models`: what the zoo holds."""

from __future__ import annotations

import re

import click


@click.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """List the models of the zoo, or show one of them."""
    if context.invoked_subcommand is not None:
        return
    from rich.table import Table

    from zoo.commands.console import data_console
    from zoo.models import registry

    table = Table(title="Models", title_justify="left")
    table.add_column("name")
    table.add_column("what it is")
    for name in registry.names():
        table.add_row(name, registry.summary(name))
    data_console().print(table)
    click.echo("One of them: zoo models show NAME")


@models.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the card of the model NAME, and its settings with their defaults."""
    from rich.markdown import Markdown

    from zoo.commands.console import data_console
    from zoo.models import registry

    console = data_console()
    console.print(Markdown(narrowed(registry.card(name), console.width)))
    with console.status("loading TensorFlow for the settings"):
        config = registry.get(name).Config
    console.print("\nSettings (model.config in a run's configuration)", style="bold")
    _print_settings(console, config(), "")


@models.command("add-items")
@click.argument("path", type=click.Path())
@click.option("--catalogue", required=True, type=click.Path(), help="A request log, or the Parquet file of a catalogue.")
@click.option("--out", required=True, type=click.Path(), help="Folder of versions; the new one is made there.")
@click.option("--replace", is_flag=True, help="Forget the items that are not in the catalogue.")
def add_items(path: str, catalogue: str, out: str, replace: bool) -> None:
    """Add a catalogue's items to the coarse ranker in PATH, without training: a new version with the same weights.

    PATH is an exported model, or a folder of versions, whose newest is taken. Items that it has already are computed anew; the
    others stay, unless --replace is given.

    \b
    Example:
      zoo models add-items runs/shop-dssm/serving/dssm --catalogue runs/today/log --out runs/shop-dssm/serving/dssm
    """
    from zoo.commands.data import progress_bar
    from zoo.export.new_version import version_with_items

    with progress_bar() as show:
        made, changed = version_with_items(path, catalogue, out, replace,
                                           lambda done, total: show("encoding items", done, total))
    click.echo(f"Wrote version {made.version} to {made.path}: {changed.added:,} new items, {changed.renewed:,} computed anew, "
               f"{changed.kept:,} as they were\n"
               f"Servers that watch {out} take it up by themselves. Next: zoo serve --model NAME={out}")


@models.command()
@click.argument("before", type=click.Path())
@click.argument("after", type=click.Path())
@click.option("--out", required=True, type=click.Path(), help="Folder of the delta to make.")
def delta(before: str, after: str, out: str) -> None:
    """Write what changed from the exported model BEFORE to AFTER: rows of tables, other weights, the graph.

    Where both were trained by daily runs, rows are found by their ids, so that a vocabulary that has grown changes the rows
    of new ids alone.
    """
    from zoo.export.delta import write_delta

    size = write_delta(before, after, out)
    click.echo(f"Wrote {out}: {size.rows:,} of {size.rows_of:,} rows, {size.tensors:,} other tensors; {size.bytes:,} bytes, "
               f"the model has {size.model_bytes:,}\nNext: zoo models apply-delta {before} {out} --out FOLDER")


@models.command("apply-delta")
@click.argument("before", type=click.Path())
@click.argument("delta", type=click.Path())
@click.option("--out", required=True, type=click.Path(), help="Folder of the model to make.")
def apply_delta(before: str, delta: str, out: str) -> None:
    """Make the newer model of the exported model BEFORE and a DELTA, bit for bit."""
    from zoo.export.delta import apply_delta as applied

    applied(before, delta, out)
    click.echo(f"Wrote {out}")


def narrowed(markdown: str, width: int) -> str:
    """The text with every table that is wider than `width` as a list: an item a row, which names the cells that are filled.

    Args:
        markdown: with tables in the form of `| a | b |`.
        width: characters of a line.
    """
    return re.sub(r"(?:^\|.*\n){2,}", lambda table: _as_list(table[0], width), markdown, flags=re.M)


def _as_list(table: str, width: int) -> str:
    if max(map(len, table.splitlines())) <= width:
        return table
    head, _, *rows = ([cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines())
    filled = [[f"{name} {cell}" for name, cell in zip(head, row, strict=True) if cell] for row in rows]
    return "".join(f"* {' · '.join(cells)}\n" for cells in filled)


def _print_settings(console, config, prefix: str) -> None:
    from zoo.config import Config

    for key in type(config).model_fields:
        default = getattr(config, key)
        if isinstance(default, Config):
            _print_settings(console, default, f"{prefix}{key}.")
        else:
            console.print(f"  {prefix}{key} = {default!r}")
