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
