"""A run's configuration: files, parts of models, overrides, gates, and errors that help."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pytest

from benchmarks.settings import logs, settings
from tfx_pipelines.config import load_run_config, shipped, with_floors
from tfx_pipelines.config_optimizers import own_optimizers
from zoo.config import ConfigError, load_yaml
from zoo.models import registry

# What every model was measured with on every log that has a configuration. Where another setting is chosen on purpose, it
# changes here too.
SETTINGS = json.loads(Path(__file__).with_name("shipped_settings.json").read_text())
REPOSITORY = Path(__file__).parents[2]
MINIMAL = "model: {name: din}\n"


@pytest.fixture
def write(tmp_path):
    """Writes a file and gives back its path."""
    def write(text: str, name: str = "run.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def optimizer(config, group: str) -> dict:
    return {key: value for key, value in config.training.model_dump()["optimizers"][group].items() if value}


# ---- files ---------------------------------------------------------------------------------------------------------------


def test_a_first_run_names_only_data_and_model(write):
    config = load_run_config(write("data: {log: runs/shop/log}\nmodel: {name: wdl}\n"))
    assert (config.name, config.root, config.served_name) == ("shop-wdl", "runs/shop-wdl", "wdl")


@pytest.mark.parametrize("log", SETTINGS)
def test_every_model_has_the_settings_that_it_was_measured_with(log):
    for model, expected in SETTINGS[log].items():
        _, config, training = settings(log, model)
        config = registry.get(model).Config.model_validate(config).model_dump(mode="json", exclude_defaults=True)
        found = training.model_dump(mode="json")
        groups = {group: {key: found["optimizers"][group][key] for key in values}
                  for group, values in expected["optimizers"].items()}
        found |= {"config": config, "optimizers": groups}
        assert {key: found[key] for key in expected} == expected, model


@pytest.mark.parametrize("log", logs())
def test_those_settings_are_of_all_models_that_a_log_says_something_of(log):
    """A new model needs a line there when a log changes its settings."""
    file, = [*REPOSITORY.glob(f"benchmarks/configs/{log}.yaml"), *REPOSITORY.glob(f"tfx_pipelines/configs/{log}.yaml")]
    assert set(load_yaml(file).get("models", {})) <= set(SETTINGS.get(log, {}))


@pytest.mark.parametrize("name", shipped())
def test_every_model_may_be_tried_with_every_shipped_configuration(name):
    for model in registry.names():
        assert load_run_config(name, model=model).model.name == model


def test_the_part_of_the_chosen_model_changes_what_is_for_all(write):
    path = write("""
        model: {name: din, config: {attention: {softmax: true}}}
        training: {epochs: 5, optimizers: {dense: {learning_rate: 0.5}, wide: {learning_rate: 7}}}
        models:
          wdl: {config: {tower: {units: [8]}}, training: {optimizers: {dense: {name: sgd, learning_rate: 0.1}}}, gate: {auc: 1}}
          lr:
    """)
    din, wdl, lr = (load_run_config(path, model=model) for model in (None, "wdl", "lr"))
    assert din.model.config == {"attention": {"softmax": True}} and optimizer(din, "dense")["learning_rate"] == 0.5
    assert wdl.model.config == {"tower": {"units": [8]}} and wdl.gate.auc == 1 and wdl.training.epochs == 5
    assert optimizer(wdl, "dense") == {"name": "sgd", "learning_rate": 0.1}
    assert optimizer(wdl, "wide") == {"name": "ftrl", "learning_rate": 7}
    assert lr.model.config == {} and optimizer(lr, "wide")["learning_rate"] == 7
    assert load_run_config(path, ["model.name=wdl"]) == wdl


def test_a_section_without_a_setting_says_nothing(write):
    assert load_run_config(write(MINIMAL + "training:\n  # epochs: 7\nmodels:\n")) == load_run_config(write(MINIMAL, "m.yaml"))


def test_a_file_extends_another_and_parts_come_last(write):
    write("training: {epochs: 4, batch_size: 32}\nmodels: {lr: {training: {epochs: 9}}, din: {gate: {auc: 0.7}}}\n", "log.yaml")
    path = write("extends: log.yaml\nmodel: {name: lr}\ntraining: {epochs: 2}\nmodels: {din: {gate: {gauc: 0.8}}}\n")
    lr, din = load_run_config(path), load_run_config(path, model="din")
    assert (lr.training.epochs, lr.training.batch_size) == (9, 32)
    assert (din.training.epochs, din.gate.auc, din.gate.gauc) == (2, 0.7, 0.8)
    assert load_run_config(write("extends: rees46\n"), model="dmr").model.config == {"output": "category"}


def test_the_example_of_the_docs_is_one(write):
    text = (Path(__file__).parents[2] / "docs/pipeline.md").read_text(encoding="utf-8")
    path = write(textwrap.dedent(re.search(r"^    data: .*?(?=\n\n)", text, re.S | re.M)[0]))
    assert load_run_config(path).model.config == {"attention": {"softmax": True}}
    assert optimizer(load_run_config(path, model="lr"), "wide")["learning_rate"] == 2.0


# ---- overrides -----------------------------------------------------------------------------------------------------------


def test_overrides_reach_nested_settings():
    config = load_run_config("rees46", ["training.epochs=7", "model.config.attention.softmax=true", "training.seed=3"])
    assert config.training.epochs == 7
    assert config.model.config == {"attention": {"activation": "dice", "softmax": True}}


def test_one_setting_of_an_optimizer_may_be_changed_in_a_minimal_configuration(write):
    config = load_run_config(write(MINIMAL), ["training.optimizers.dense.learning_rate=0.01"])
    own = own_optimizers("din")
    assert optimizer(config, "dense") == {"name": "adam", "learning_rate": 0.01}
    assert optimizer(config, "embedding") == own["embedding"].model_dump(exclude_unset=True)


def test_another_optimizer_or_model_keeps_nothing_of_the_one_before(write):
    path = write("model: {name: mlr, config: {regions: 3}}\npipeline: {name: a, root: r}\n")
    config = load_run_config(path, ["training.optimizers.proximal={name: adagrad, learning_rate: 0.1}", "pipeline.name=b"])
    assert optimizer(config, "proximal") == {"name": "adagrad", "learning_rate": 0.1} and config.model.config == {"regions": 3}
    assert (config.pipeline.name, config.pipeline.root) == ("b", "r")
    assert load_run_config(path, model="lr").model.config == {}


def test_options_are_values_as_they_are(write):
    config = load_run_config(write(MINIMAL), ["data.log=a"], options={"data.log": "[1]: b", "training.seed": None})
    assert config.data.log == "[1]: b" and config.training.seed == 1


# ---- errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("overrides", "message"), [
    (["training.epoch=1"], "^--set training.epoch: unknown key; did you mean 'epochs'"),
    (["trainin.epochs=1"], "^--set trainin: unknown key; did you mean 'training'"),
    (["training=3"], "^--set training: expected a mapping of settings, got 3"),
    (["training=3", "training.epochs=1"], "^--set training.epochs: training was given a value before"),
    (["training.optimizers.dense.learning_rat=1"], "^--set training.optimizers.dense.learning_rat: .*'learning_rate'"),
    (["training.optimizers.dense.l1=1"], "^--set training.optimizers.dense: the optimizer adam has no l1"),
    (["training.optimizers.dens.l1=1"], "^--set training.optimizers.dens: the model din has no .*did you mean 'dense'"),
    (["training.optimizers.wide.l1=1"], "^--set training.optimizers.wide: the model din has no .*valid: dense, embedding"),
    (["model.name=dinn"], "^--set model.name: there is no model 'dinn' in the zoo; did you mean 'din'"),
    (["model.config.atention.softmax=true"], "^--set model.config.atention: unknown key; did you mean 'attention'"),
    (["training.batch_size=0"], "^--set training.batch_size: Input should be greater"),
    (["gate.auc=null"], "^--set gate.auc: Input should be a valid number"),
    (["training.epochs"], "^--set 'training.epochs': expected KEY=VALUE"),
    (["training..epochs=1"], "expected KEY=VALUE"),
    (["data.log=[1"], "^--set 'data.log=\\[1': the value is not valid YAML"),
])
def test_a_wrong_override_is_named_with_the_nearest_valid_key(overrides, message):
    with pytest.raises(ConfigError, match=message):
        load_run_config("demo", overrides)


@pytest.mark.parametrize(("text", "message"), [
    ("modles: {}", "run.yaml.modles: unknown key; did you mean 'models'"),
    ("training: {epoch: 1}", "run.yaml.training.epoch: unknown key; did you mean 'epochs'"),
    ("training: 3", "run.yaml.training: expected a mapping"),
    ("models: [lr]", "run.yaml.models: expected settings by the name of a model"),
    ("models: {lr: 3}", "run.yaml.models.lr: expected a mapping"),
    ("models: {dinn: {}}", "run.yaml.models.dinn: there is no such model in the zoo; did you mean 'din'"),
    ("models: {lr: {trainig: {}}}", "run.yaml.models.lr.trainig: unknown key; did you mean 'training'"),
    ("models: {lr: {model: {}}}", "run.yaml.models.lr.model: unknown key; valid: beam, cluster, config,"),
    ("models: {din: {config: {atention: {}}}}", "run.yaml.models.din.config.atention: unknown key; did you mean 'attention'"),
    ("models: {din: {training: {epochs: 0}}}\ntraining: {epochs: 1}", "run.yaml.models.din.training.epochs: Input should be"),
    ("training: {epochs: 0}\nmodels: {din: {training: {seed: 1}}}", "run.yaml.training.epochs: Input should be greater"),
    ("training: {optimizers: {wide: {l1: 1}}}", "run.yaml.training.optimizers.wide: the model din has no variables of this"),
    ("models: {din: {training: {optimizers: {wide: {l1: 1}}}}}", "run.yaml.models.din.training.optimizers.wide: the model din"),
    ("models: {}\ntraining: {optimizers: {dens: {}}}", "training.optimizers.dens: no model of the zoo .*did you mean 'dense'"),
    ("extends: ree46", "run.yaml.extends: ree46: no such file, .*; did you mean 'rees46'"),
    ("extends: run.yaml", "run.yaml.extends: run.yaml extends this file itself"),
])
def test_a_wrong_setting_of_a_file_is_named_with_its_place(write, text, message):
    with pytest.raises(ConfigError, match=message):
        load_run_config(write(MINIMAL + text))


@pytest.mark.parametrize(("text", "message"), [
    ("training: {}", "run.yaml.model: required, and not given"),
    ("model: {config: {}}", "run.yaml.model.name: required, and not given"),
    ("model: {name: dinn}", "run.yaml.model.name: there is no model 'dinn' in the zoo; did you mean 'din'"),
    ("model: {name: [din]}", "run.yaml.model.name: Input should be a valid string"),
])
def test_a_file_that_names_no_model_is_told_so(write, text, message):
    with pytest.raises(ConfigError, match=message):
        load_run_config(write(text))


def test_what_is_said_for_all_models_is_left_out_where_one_has_no_use_for_it(write):
    path = write(MINIMAL + "models: {}\ntraining: {optimizers: {wide: {learning_rate: 3}}}\n")
    assert load_run_config(path).training == load_run_config(write(MINIMAL, "minimal.yaml")).training
    assert optimizer(load_run_config(path, model="wdl"), "wide")["learning_rate"] == 3


def test_an_absent_configuration_and_log_are_named():
    with pytest.raises(ConfigError, match="nowhere: no such file.*demo"):
        load_run_config("nowhere")
    with pytest.raises(ConfigError, match="--log"):
        _ = load_run_config("demo").log


# ---- gates ---------------------------------------------------------------------------------------------------------------


def gate(overrides: list[str], floors: dict) -> tuple[float, float]:
    raised = with_floors(load_run_config("demo", ["gate={}", *overrides]), floors).gate
    return raised.auc, raised.gauc


def test_a_model_must_pass_the_floors_of_the_log_unless_its_gate_says_otherwise():
    floors = {"auc": {"popularity": 0.6, "counts": 0.7}, "hr_at_5": {"popularity": 0.9}}
    absolute = ["gate.auc=0.6", "gate.gauc=0.6"]
    assert gate(absolute, floors) == (0.7, 0.6)
    assert gate([*absolute, "gate.above_floors=0.05"], floors) == (pytest.approx(0.75), 0.6)
    assert gate([*absolute, "gate.auc=0.9"], floors) == (0.9, 0.6)
    assert gate([*absolute, "gate.above_floors=null"], floors) == (0.6, 0.6)
    assert gate(absolute, {}) == (0.6, 0.6)


def test_no_model_is_pushed_on_rees46_that_counting_alone_would_beat():
    """NAIS reaches 0.68; a model of which another gate is wanted must say so in its part, with the reason."""
    floors = load_yaml(Path(registry.__file__).parents[1] / "configs/rees46_import.yaml")["floors"]
    for model in registry.names():
        assert with_floors(load_run_config("rees46", model=model), floors).gate.auc == 0.789, model
