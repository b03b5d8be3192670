"""What `zoo run` and `zoo compile` make of a configuration, a model and options."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tfx_pipelines.cli import main, zoo
from tfx_pipelines.config import shipped


@pytest.mark.parametrize("command", ["run", "compile"])
def test_help_lists_the_configurations_that_come_with_the_package(command):
    text = " ".join(CliRunner().invoke(zoo, [command, "--help"]).output.split())
    assert f"comes with the package ({', '.join(shipped())})" in text


@pytest.mark.parametrize(("arguments", "message"), [
    (["rees46", "--model", "dinn"], "Error: model.name: there is no model 'dinn' in the zoo; did you mean 'din'?"),
    (["rees46_din"], "Error: rees46_din: no such file, and no configuration of that name comes with the package; did you mean"
                     " 'rees46'?"),
    (["rees46", "--set", "training.epoch=1"], "Error: --set training.epoch: unknown key; did you mean 'epochs'?"),
    (["rees46", "--model", "lr"], "Error: no request log is named: give data.log in the configuration, or --log on the command"
                                  " line"),
])
def test_what_is_wrong_is_one_message_and_no_stack_trace(monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(sys, "argv", ["zoo", "run", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    assert capsys.readouterr().err == message + "\n"


@pytest.mark.parametrize("name", ["[bold]", "a: b", "007"])
def test_a_folder_is_named_as_it_is_and_never_read_as_yaml(tmp_path, name):
    failed = CliRunner().invoke(zoo, ["run", "rees46", "--log", str(tmp_path / name), "--root", str(tmp_path / "root")])
    assert failed.exit_code == 1 and str(tmp_path / name) in str(failed.exception)


def test_compile_takes_the_models_part_the_options_and_the_floors_of_the_log(tmp_path, log):
    (tmp_path / "log").mkdir()
    (tmp_path / "log/schema.yaml").write_text(Path(log.path, "schema.yaml").read_text())
    (tmp_path / "log/manifest.json").write_text(json.dumps(log.manifest | {"floors": {"auc": {"counts": 0.6789}}}))
    (tmp_path / "run.yaml").write_text("model: {name: din}\nmodels: {wdl: {config: {cross_buckets: 4321}}}\n")
    done = CliRunner().invoke(zoo, [
        "compile", str(tmp_path / "run.yaml"), "--model", "wdl", "--log", str(tmp_path / "log"), "--root", "gs://bucket/root",
        "--cluster-log", "gs://bucket/log", "--out", str(tmp_path / "out.json"), "--target", "vertex",
        "--set", "pipeline.name=shop", "--set", "training.optimizers.wide.learning_rate=0.4321"], catch_exceptions=False)
    assert done.exit_code == 0
    compiled = (tmp_path / "out.json").read_text()
    for part in ('\\"model\\": \\"wdl\\"', '\\"cross_buckets\\": 4321', '\\"learning_rate\\": 0.4321', "0.6789", "gs://bucket/log"):
        assert part in compiled, part
