"""The rules that hold the house together: imports go one way, one Keras, a quick command line, no foreign names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]
PACKAGES = ("zoo", "serving", "tfx_pipelines")


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)


def test_imports_go_one_way(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml")) == 0


def test_zoo_needs_no_tfx_and_no_grpc():
    done = run("""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('tfx', 'tensorflow_transform', 'tensorflow_model_analysis', 'apache_beam', 'grpc',
                                  'tensorflow_serving'):
            raise ImportError('blocked: ' + name)
sys.meta_path.insert(0, Block())
import zoo.models.fine.din, zoo.training, zoo.export, zoo.data.simulator, zoo.data.importer
""")
    assert done.returncode == 0, done.stderr[-2000:]


def test_one_keras_for_all():
    offenders = [str(path) for path in sources()
                 if path != ROOT / "zoo/keras.py" and re.search(r"\btf\.keras\b|^import keras|^import tensorflow as tf",
                                                                path.read_text(), re.M)]
    assert offenders == []


def test_text_files_are_utf_8_in_every_locale():
    """Reading or writing text without naming its encoding takes the locale's."""
    offenders = []
    for path in sources():
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and not any(keyword.arg == "encoding" for keyword in call.keywords):
                name = getattr(call.func, "attr", getattr(call.func, "id", ""))
                mode = [a.value for a in call.args if isinstance(a, ast.Constant) and re.fullmatch(r"[rwax]\+?b", str(a.value))]
                if name in ("read_text", "write_text") or (isinstance(call.func, ast.Name) and name == "open" and not mode):
                    offenders.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert offenders == []


def test_commits_are_checked_as_make_lint_does():
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1]
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert [hook["entry"] for hook in hooks] == [line.strip() for line in lint.splitlines()]


def test_keras_3_loaded_first_is_refused_with_the_remedy():
    done = run("import os; os.environ['TF_USE_LEGACY_KERAS'] = '0'\nimport zoo.keras")
    assert done.returncode != 0 and "TF_USE_LEGACY_KERAS" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("arguments", [["--help"], ["data", "--help"], ["models"], ["run", "--help"], ["serve", "--help"],
                                       ["rank", "--help"], ["data", "import", "--help"]])
def test_help_needs_no_tensorflow(arguments):
    done = run(f"""
import sys
from click.testing import CliRunner
from tfx_pipelines.cli import zoo
result = CliRunner().invoke(zoo, {arguments!r})
assert result.exit_code == 0, result.output
assert 'tensorflow' not in sys.modules
""")
    assert done.returncode == 0, done.stderr[-1000:]


def test_every_command_of_the_table_exists():
    import importlib

    from tfx_pipelines.cli import COMMANDS

    for target, help_ in COMMANDS.values():
        module, attribute = target.split(":")
        assert getattr(importlib.import_module(module), attribute).help and help_.endswith(".")
