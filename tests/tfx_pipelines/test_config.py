"""A run's configuration: defaults, overrides, and errors that help."""

from __future__ import annotations

import pytest

from tfx_pipelines.config import CONFIGS, load_run_config
from zoo.config import ConfigError


def test_a_first_run_names_only_data_and_model(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("data: {log: runs/shop/log}\nmodel: {name: wdl}\n")
    config = load_run_config(path)
    assert (config.name, config.root, config.served_name) == ("shop-wdl", "runs/shop-wdl", "wdl")


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configurations_load(path):
    assert load_run_config(path.stem).model.name


def test_overrides_reach_nested_settings():
    config = load_run_config("demo", ["training.epochs=7", "model.config.attention.softmax=true", "training.seed=3"])
    assert config.training.epochs == 7 and config.model.config == {"attention": {"softmax": True}}


@pytest.mark.parametrize(("overrides", "message"), [
    (["training.epoch=1"], "training.epoch: unknown key; did you mean 'epochs'"),
    (["model.name=dinn"], "no model 'dinn' in the zoo; did you mean 'din'"),
    (["model.config.atention.softmax=true"], "did you mean 'attention'"),
    (["training.batch_size=0"], "training.batch_size: Input should be greater"),
    (["training.epochs"], "expected KEY=VALUE"),
])
def test_a_typo_is_named_with_the_nearest_valid_key(overrides, message):
    with pytest.raises(ConfigError, match=message):
        load_run_config("demo", overrides)


def test_an_absent_configuration_and_log_are_named():
    with pytest.raises(ConfigError, match="no such file.*demo"):
        load_run_config("nowhere")
    with pytest.raises(ConfigError, match="--log"):
        _ = load_run_config("demo").log
