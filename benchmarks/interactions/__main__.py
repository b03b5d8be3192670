"""`python -m benchmarks.interactions`: a public log of interactions as a request log."""

from __future__ import annotations

import click

from benchmarks.interactions import KINDS, import_interactions
from zoo.commands.data import made, progress_bar
from zoo.config import load_yaml, parse


@click.command()
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("folder", type=click.Path())
@click.option("--out", type=click.Path(), required=True, help="Folder of the request log to make.")
@click.option("--config", type=click.Path(), help="YAML with settings of the protocol (see docs/data.md).")
@click.option("--overwrite", is_flag=True, help="Replace an existing request log.")
def main(kind: str, folder: str, out: str, config: str | None, overwrite: bool) -> None:
    """Turn a public log of interactions (KIND, its files as published in FOLDER) into a request log.

    Splits and drawn negatives are those of the published protocol; see docs/data.md.
    """
    settings = parse(KINDS[kind].config, load_yaml(config) if config else {}, where=config or kind)
    with progress_bar() as show:
        log = import_interactions(kind, folder, out, settings, overwrite=overwrite, on_progress=show)
    made(log)


if __name__ == "__main__":
    main()
