"""The built package in fresh environments, outside of the repository: each way of installing it works, and brings no more."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from serving.server import LocalModelServer
from tests.serving.models import write_version
from tests.serving.test_protocol import CLIENT, FORBIDDEN
from tests.toy import toy_requests, toy_schema
from zoo.data.request_json import request_to_json

ROOT = Path(__file__).parents[2]
UV = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
TRAIN_AND_EXPORT = """
import sys
from tests.toy import ToyTransform, toy_bound, toy_requests, write_transformed
from zoo.export import export_model
from zoo.keras import tf
from zoo.training import TrainingConfig, train
schema = toy_bound()
files = [write_transformed(f"{sys.argv[1]}/{name}.gz", schema, toy_requests(64, seed, schema))
         for seed, name in enumerate(("train", "validation"))]
result = train("din", schema, files[:1], files[1:], config=TrainingConfig(epochs=1, batch_size=16))
export_model(result.model, ToyTransform(schema), f"{sys.argv[1]}/din/1")
assert "rank" in tf.saved_model.load(f"{sys.argv[1]}/din/1").signatures
print(len(result.history))
"""


def run(*command: str | Path, cwd: Path, **options) -> subprocess.CompletedProcess:
    """Runs a program that does not see this repository nor this environment."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=clean | options.pop("env", {}), text=True,
                          capture_output=True, **options)
    assert done.returncode == options.get("expected", 0), f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for package in ("zoo", "serving", "tfx_pipelines"):
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    run(UV, "build", "--wheel", "--out-dir", out, source, cwd=source)
    return next(out.glob("*.whl"))


def environment(folder: Path, *requirements: str | Path, flags: tuple[str, ...] = ()) -> Path:
    """A fresh environment's Python."""
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv", cwd=folder)
    run(UV, "pip", "install", "--quiet", "--python", python, *flags, *requirements, cwd=folder)
    return python


@pytest.fixture(scope="module")
def core(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("core")
    return environment(folder, wheel), folder


def test_the_core_has_the_command_line_and_the_models(core):
    python, folder = core
    command = python.with_name("zoo")
    assert "zoo data import" in run(command, "--help", cwd=folder).stdout
    assert zoo.__version__ in run(command, "--version", cwd=folder).stdout
    assert re.search(r"\bdin\b", run(command, "models", cwd=folder).stdout)
    assert "DIN" in run(command, "models", "show", "din", cwd=folder).stdout
    for package in ("zoo", "serving", "tfx_pipelines"):
        code = f"import importlib.resources as r; assert (r.files('{package}') / 'py.typed').is_file()"
        run(python, "-c", code, cwd=folder)


def test_the_core_trains_and_exports(core):
    python, folder = core
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "toy.py", folder / "tests")
    done = run(python, "-c", TRAIN_AND_EXPORT, folder, cwd=folder, env={"PYTHONPATH": str(folder)})
    assert done.stdout.split()[-1] == "1"


def test_what_the_core_lacks_is_named_by_its_extra(core):
    python, folder = core
    done = subprocess.run([str(python.with_name("zoo")), "serve", "--model", f"m={folder}"], cwd=folder, text=True,
                          capture_output=True)
    assert done.returncode == 1 and "pip install 'cascade-zoo[serving]'" in done.stderr, done.stderr


def test_a_service_that_only_calls_a_model_stays_small(wheel, tmp_path):
    lines = re.search(r"pip install --no-deps cascade-zoo\n +pip install (.+)\n", (ROOT / "docs" / "serving.md").read_text())
    environment(tmp_path, wheel, flags=("--no-deps",))
    python = environment(tmp_path, *[word.strip("'") for word in lines[1].split()])
    base = tmp_path / "scorer"
    write_version(base, 7)
    request = toy_requests(1, candidates=3)[0]
    with LocalModelServer({"scorer": base}) as server:
        code = CLIENT + f"assert not set({FORBIDDEN}) & set(sys.modules)"
        answer = run(python, "-c", code, server.target, base, cwd=tmp_path, input=request_to_json(toy_schema(), request))
    assert json.loads(answer.stdout) == pytest.approx([7 + price / 1000 for price in request.candidates["price"]], rel=1e-6)
    megabytes = sum(file.stat().st_size for file in (tmp_path / "venv" / "lib").rglob("*") if file.is_file()) / 1e6
    assert megabytes < 200
