"""`zoo models` and `zoo models show`."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from tfx_pipelines.cli import zoo
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


def test_a_name_that_is_not_there_gets_the_nearest_one():
    result = CliRunner().invoke(zoo, ["models", "show", "dinn"])
    assert result.exit_code != 0 and "did you mean 'din'" in str(result.exception)


@pytest.mark.parametrize("name", registry.names())
def test_every_setting_is_explained(name):
    """`zoo models show` gives names and defaults; what they mean stands in the docstrings, which must not lag behind."""
    def missing(cls) -> list[str]:
        found = []
        for key, field in cls.model_fields.items():
            if f"{key}:" not in (cls.__doc__ or ""):
                found.append(f"{cls.__name__}.{key}")
            if hasattr(field.annotation, "model_fields"):
                found += missing(field.annotation)
        return found

    assert missing(registry.get(name).Config) == []
