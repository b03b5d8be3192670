"""The rules that hold the house together: imports go one way, one Keras, a quick command line, no foreign names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGES = ("zoo", "serving", "tfx_pipelines")


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)


def test_imports_go_one_way():
    # In a process of its own: it silences all loggers that are there.
    done = subprocess.run([Path(sys.executable).with_name("lint-imports")], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


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
                 if path != ROOT / "zoo/keras.py" and re.search(r"\btf\.keras\b|^import keras\b|^import tensorflow as tf",
                                                                path.read_text(), re.M)]
    assert offenders == []


def opens_text_by_locale(call: ast.Call) -> bool:
    """Whether a call reads or writes text in whatever encoding the locale names."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    of = function.value if isinstance(function, ast.Attribute) else None
    module = getattr(of, "id", getattr(of, "attr", ""))
    # Members of an `archive` (a zip file) are bytes, and so is what a URL's opener gets.
    if module in ("files", "os", "archive", "_opener") or any(keyword.arg == "encoding" for keyword in call.keywords):
        return False
    if name in ("read_text", "write_text", "TextIOWrapper"):
        return True
    text = {"open": "r", "NamedTemporaryFile": "w+b", "TemporaryFile": "w+b"}.get(name)
    if text is None:
        return False
    modes = [argument.value for argument in [*call.args, *(k.value for k in call.keywords if k.arg == "mode")]
             if isinstance(argument, ast.Constant) and re.fullmatch(r"[rwaxbt+]{1,4}", str(argument.value))]
    return "b" not in (modes[0] if modes else text)


@pytest.mark.parametrize(("code", "found"), [
    ("open(path)", True), ("open(path, 'w')", True), ("path.open('a')", True), ("path.read_text()", True),
    ("gzip.open(path, 'rt')", True), ("tempfile.NamedTemporaryFile('w')", True), ("open(path, 'rb')", False),
    ("open(path, encoding='utf-8')", False), ("files.read_text(path)", False), ("tempfile.TemporaryFile()", False)])
def test_text_by_locale_is_found(code, found):
    assert opens_text_by_locale(ast.parse(code).body[0].value) == found


def test_text_files_are_utf8_in_every_locale():
    # zoo.files is where it is done for all: its modes are variables.
    theirs = {ROOT / "zoo/files.py", ROOT / "zoo/stores.py"}
    offenders = [f"{path.relative_to(ROOT)}:{node.lineno}"
                 for path in {*sources(), *(ROOT / "benchmarks").rglob("*.py")} - theirs
                 for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                 if isinstance(node, ast.Call) and opens_text_by_locale(node)]
    assert offenders == [], "give encoding='utf-8', or use zoo.files"


def test_commits_are_checked_as_make_lint_does():
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1]
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert [hook["entry"] for hook in hooks] == [line.strip() for line in lint.splitlines()]


def test_keras_3_loaded_first_is_refused_with_the_remedy():
    done = run("import os; os.environ['TF_USE_LEGACY_KERAS'] = '0'\nimport zoo.keras")
    assert done.returncode != 0 and "TF_USE_LEGACY_KERAS" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("arguments", [["--help"], ["data", "--help"], ["models"], ["run", "--help"], ["serve", "--help"],
                                       ["rank", "--help"], ["data", "import", "--help"], ["fleet", "render", "--help"]])
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
