"""`zoo models` and `zoo models show`."""

from __future__ import annotations

import io

import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from rich.console import Console
from rich.markdown import Markdown

from tfx_pipelines.cli import zoo
from zoo.commands.models import narrowed
from zoo.models import registry


def test_lists_every_model_with_its_sentence():
    result = CliRunner().invoke(zoo, ["models"])
    assert result.exit_code == 0
    for name in registry.names():
        assert f" {name} " in result.output


def test_shows_the_card_and_the_settings_with_defaults():
    result = CliRunner().invoke(zoo, ["models", "show", "din"])
    assert result.exit_code == 0
    assert "Deep Interest Network" in result.output and "attention.softmax = False" in result.output


def test_a_wide_table_is_a_list_of_what_is_filled():
    head = "| dataset | seeds | auc | gauc |\n| --- | --- | --- | --- |\n"
    text = f"Before\n\n{head}| rees46 | 3 | 0.84 ± 0.01 |  |\n| sim | 1 |  | 0.67 |\n\nafter | all\n"
    assert narrowed(text, 80) == text
    rows = "* dataset rees46 · seeds 3 · auc 0.84 ± 0.01\n* dataset sim · seeds 1 · gauc 0.67\n"
    assert narrowed(text, 30) == f"Before\n\n{rows}\nafter | all\n"


@pytest.mark.parametrize("name", registry.names())
def test_a_card_is_readable_at_80_columns(name):
    """Every figure of the card's tables stands there whole, and no line is longer."""
    text = Console(width=80, file=io.StringIO())
    text.print(Markdown(narrowed(registry.card(name), 80)))
    shown = text.file.getvalue()
    assert max(map(cell_len, shown.splitlines())) <= 80
    cells = [cell.strip() for line in registry.card(name).splitlines() if line.startswith("| ") for cell in line.split("|")]
    assert all(cell in " ".join(shown.split()) for cell in cells if cell and set(cell) != {"-"})


def test_a_name_that_is_not_there_gets_the_nearest_one():
    result = CliRunner().invoke(zoo, ["models", "show", "dinn"])
    assert result.exit_code != 0 and "did you mean 'din'" in str(result.exception)


@pytest.mark.parametrize("name", registry.names())
def test_every_setting_is_explained(name):
    """`zoo models show` gives names and defaults; what they mean stands in the docstrings, which must not lag behind."""
    def missing(cls) -> list[str]:
        found = []
        for key, field in cls.model_fields.items():
            if not any(f"{key}:" in (base.__doc__ or "") for base in cls.__mro__):  # what models share is explained once
                found.append(f"{cls.__name__}.{key}")
            if hasattr(field.annotation, "model_fields"):
                found += missing(field.annotation)
        return found

    assert missing(registry.get(name).Config) == []
