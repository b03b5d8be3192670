"""Every `zoo`, `python -m` and `make` command of the docs is one that there is, and takes the options that are given."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import click
import pytest

from benchmarks.tables import documents
from tfx_pipelines.cli import zoo
from tfx_pipelines.config_files import CONFIGS

ROOT = Path(__file__).parents[1]
KINDS = r"(?:\.venv/bin/)?(?:zoo|python -m|make) "
# A block is indented or fenced; a command may go on after a backslash, and stands alone or after `NAME=value`.
IN_BLOCK = re.compile(rf"^(?: {{4,}}|)({KINDS}(?:[^\n]*\\\n)*[^\n]*)", re.M)
INLINE = re.compile(rf"`({KINDS}[^`]+)`")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))


def commands(path: Path) -> list[list[str]]:
    """The words of the commands of a document; of what is elided by `…`, those before it."""
    text = path.read_text(encoding="utf-8")
    blocks = "\n".join(block for block in re.findall(r"(?:^ {4,}.*\n)+|^```[^`]*^```", text, re.M))
    found = IN_BLOCK.findall(blocks) + INLINE.findall(text)
    found = [line.replace("\\\n", " ").replace("$SERVERS", "--server ranker:8500") for line in found]
    words = [shlex.split(line, comments=True) for line in found]
    return [line[: next((k for k, word in enumerate(line) if word in ("…", "&", "|", ">", "&&")), len(line))] for line in words]


def check_zoo(words: list[str]) -> None:
    """Raises click's error for what the command would not take. A placeholder in capitals stands for any value."""
    command: click.Command = zoo
    context = click.Context(zoo)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name!r}"
        command = found
    if isinstance(command, click.Group) or not words or "--help" in words:  # named, not called
        return
    context = click.Context(command)
    try:
        values, rest, _ = command.make_parser(context).parse_args(list(words))
    except click.BadOptionUsage:  # the last option is only named
        values, rest, _ = command.make_parser(context).parse_args([*words, "VALUE"])
    assert not rest, f"{rest} are too many"
    for parameter in command.params:
        value = values.get(parameter.name)
        given = isinstance(value, str | bool) or bool(value) and isinstance(value, list | tuple)
        assert given or not parameter.required, f"{parameter.name} is missing"
        placeholder = isinstance(value, str) and value.isupper()
        if given and not placeholder and not isinstance(parameter.type, click.Path | click.File):
            parameter.type_cast_value(context, value)
    config = values.get("config")
    if isinstance(config, str) and not config.isupper() and "." not in config:
        assert (CONFIGS / f"{config}.yaml").is_file() or list((ROOT / "zoo/configs").glob(f"{config}*.yaml")), config


def check_module(words: list[str]) -> None:
    """Fails for a module that there is not, and for options that its package does not have."""
    module = words[0]
    package = ROOT / module.split(".")[0]
    # Of a library only whether it is there: finding its modules would import it.
    assert importlib.util.find_spec(module if package.is_dir() else package.name) is not None, f"there is no module {module}"
    if not package.is_dir():
        return
    near = "".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    for option in (word.split("=")[0] for word in words[1:] if word.startswith("--")):
        assert f'"{option}"' in near, f"{module} has no {option}"


def check(words: list[str]) -> None:
    program = words[0].removeprefix(".venv/bin/")
    if program == "zoo":
        check_zoo(words[1:])
    elif program == "python":
        check_module(words[2:])
    else:
        targets = [word for word in words[1:] if "=" not in word and not word.startswith("<")]
        assert set(targets) <= TARGETS, targets


@pytest.mark.parametrize("path", [*documents(), ROOT / "CONTRIBUTING.md"], ids=lambda path: path.name)
def test_commands_are_those_that_there_are(path):
    for words in commands(path):
        try:
            check(words)
        except (AssertionError, click.ClickException) as error:
            text = error.message if isinstance(error, click.ClickException) else error
            pytest.fail(f"{path.name}: {shlex.join(words)}: {text}")


def test_most_documents_have_commands():
    assert sum(bool(commands(path)) for path in documents()) > 20


@pytest.mark.parametrize("line", ["zoo rum demo", "zoo run demo --modle din", "zoo run --model din", "zoo run demoo",
                                  "zoo rank --index x", "python -m benchmarks.rankings",
                                  "python -m benchmarks.ranking --lggs a", "make demos"])
def test_a_wrong_command_is_seen(line):
    with pytest.raises((AssertionError, click.ClickException)):
        check(shlex.split(line))
