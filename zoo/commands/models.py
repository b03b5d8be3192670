"""`zoo models`: what the zoo holds."""

from __future__ import annotations

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
    console.print(Markdown(registry.card(name)))
    with console.status("loading TensorFlow for the settings"):
        config = registry.get(name).Config
    console.print("\nSettings (model.config in a run's configuration)", style="bold")
    _print_settings(console, config(), "")


def _print_settings(console, config, prefix: str) -> None:
    from zoo.config import Config

    for key in type(config).model_fields:
        default = getattr(config, key)
        if isinstance(default, Config):
            _print_settings(console, default, f"{prefix}{key}.")
        else:
            console.print(f"  {prefix}{key} = {default!r}")
