"""`zoo serve` and `zoo rank` as a user runs them."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from serving.commands import rank, serve
from serving.errors import ServingError
from serving.model_dir import exported_model, schema_of_model
from serving.rank import _table
from serving.ranking import Ranking
from serving.server import LocalModelServer
from tests.locales import latin_1
from tests.serving.models import write_version
from tests.toy import toy_bound, toy_requests, toy_schema
from zoo.config import ConfigError
from zoo.data.request import Request, RequestError
from zoo.data.request_json import request_to_json
from zoo.data.request_log import RequestLogWriter
from zoo.schema import Feature, IdSpace, Schema
from zoo.traits import Traits
from zoo.versions import newest_version


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "log"
    with RequestLogWriter(path, toy_schema(), source={"kind": "toy"}) as writer:
        for split in ("train", "validation", "test"):
            for request in toy_requests(3, candidates=4):
                writer.write(split, request)
    return path


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    base = tmp_path_factory.mktemp("models") / "scorer"
    write_version(base, 1)
    return base


@pytest.fixture(scope="module")
def target(scorer):
    with LocalModelServer({"scorer": scorer}, rest_port=None) as server:
        yield server.target


def run(command, *arguments, **options):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], **options)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_help_needs_no_tensorflow():
    code = ("import sys; from tfx_pipelines.cli import zoo\n"
            "for name in ('serve', 'rank'):\n    zoo([name, '--help'], standalone_mode=False)\n"
            "sys.exit('tensorflow' in sys.modules or 'grpc' in sys.modules)")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "--version-policy" in result.stdout and "--request" in result.stdout


def test_rank_a_request_of_a_log(target, log):
    output = run(rank, "--target", target, "--model", "scorer", "--log", log, "--index", 1).output
    request = toy_requests(3, candidates=4)[1]
    best = max(range(4), key=lambda i: request.candidates["price"][i])
    first = next(line for line in output.splitlines() if re.match(r"\W*1\b", line))
    assert request.candidates["item"][best] in first
    assert "4 candidates ranked by version 1 of scorer" in output and "ms" in output
    assert "happened" in output


def test_every_score_is_shown_and_of_many_values_the_first():
    candidates = (Feature(name="item", space="item", role="item"),
                  Feature(name="tags", space="tag", multiple=True, max_values=9), Feature(name="color", space="tag"))
    schema = Schema(name="shop", spaces={"item": IdSpace(), "tag": IdSpace()}, candidates=candidates,
                    request=(Feature(name="city", space="tag"),), group_key="city")
    request = Request("q", 0, {"city": "c"}, {}, {"item": ["i1", "i2"], "tags": [["a", "b", "c", "d", "e"], ["f"]],
                                                  "color": ["red", "blue"]})
    scores = {"click": [0.25, 0.5], "stay": [3.0, 2.0], "order": [0.125, 0.75], "value": [0.0625, 1.5]}
    ranking = Ranking(request, {name: np.float32(values) for name, values in scores.items()}, 1)
    console = Console(file=io.StringIO(), width=80)
    console.print(_table(schema, ranking, "value", 20))
    shown = [[cell.strip() for cell in re.split("[┃│]", line)[1:-1]] for line in console.file.getvalue().splitlines()
             if line[:1] in "┃│"]
    assert shown == [["rank", "value", "click", "stay", "order", "item", "tags"],
                     ["1", "1.5000", "0.5000", "2.0000", "0.7500", "i2", "f"],
                     ["2", "0.0625", "0.2500", "3.0000", "0.1250", "i1", "a, b, c and 2 more"]]
    console.print(_table(schema, Ranking(request, {"click": np.float32([0.25, 0.5])}, 1), "click", 20))
    assert "color" in console.file.getvalue(), "with one score there is room for more of the candidate"


def test_the_example_of_a_log_can_be_ranked(target, log, scorer, tmp_path):
    example = run(rank, "--log", log, "--example").output
    file = tmp_path / "request.json"
    file.write_text(example)
    output = run(rank, "--target", target, "--model", "scorer", "--model-dir", scorer, "--request", file).output
    assert "4 candidates ranked" in output and "happened" not in output
    output = run(rank, "--target", target, "--model", "scorer", "--schema", log / "schema.yaml", "--request", "-",
                 "--top", 2, input=example).output
    assert "2 more" in output


def request_with(*items: str) -> str:
    count = len(items)
    request = dataclasses.replace(toy_requests(1, candidates=count)[0], features={"user_id": "[u] :car:", "hour": 3.0})
    return request_to_json(toy_schema(), dataclasses.replace(
        request, request_id="[/r]", candidates={**request.candidates, "item": items, "category": ["[c]"] * count}))


@pytest.mark.parametrize("items", [
    ("[NEW] lamp", "[sale]", "chair [red]", "sofa"), ("[/b] desk", "[/]", "[link=x]y[/link]"),
    (":smile:", "back\\slash\\[", "long" * 30)])
def test_ids_are_printed_as_they_are(target, scorer, items):
    output = run(rank, "--target", target, "--model", "scorer", "--model-dir", scorer, "--request", "-",
                 input=request_with(*items)).output
    # A long id goes on in the next line of its cell.
    cells = "".join(line.split("│")[3].strip() for line in output.splitlines() if line.count("│") > 3)
    for item in items:
        assert item.replace(" ", "") in cells.replace(" ", "")
    assert "Request [/r]" in output and "[u] :car:" in output and output.count("[c]") == len(items)


def test_files_are_utf_8_in_any_locale(target, log, tmp_path):
    request, schema = tmp_path / "request.json", tmp_path / "schema.yaml"
    request.write_text(request_with("椅子", "łóżko"), encoding="utf-8")
    schema.write_text("# 椅子\n" + (log / "schema.yaml").read_text(), encoding="utf-8")
    command = [sys.executable, "-m", "tfx_pipelines.cli", "rank", "--request", str(request), "--schema", str(schema)]
    environment = latin_1(tmp_path)
    example = subprocess.run([*command, "--example"], capture_output=True, env=environment)
    assert json.loads(example.stdout.decode())["candidates"][1]["item"] == "łóżko", example.stderr
    ranked = subprocess.run([*command, "--target", target, "--model", "scorer"], capture_output=True, env=environment)
    # What Latin-1 lacks is shown by its code.
    assert "\\u6905\\u5b50" in ranked.stdout.decode("latin-1") and "ó" in ranked.stdout.decode("latin-1"), ranked.stderr


def test_a_request_that_is_not_utf_8_is_refused(log, tmp_path):
    file = tmp_path / "request.json"
    file.write_bytes("łóżko".encode("utf-16"))
    with pytest.raises(RequestError, match="request.json: not UTF-8 text"):
        run(rank, "--schema", log / "schema.yaml", "--request", file, "--model", "scorer")


@pytest.mark.parametrize("arguments, error, message", [
    (["--model", "m"], ServingError, "which request.*--request FILE.json or --log LOG"),
    (["--log", "LOG"], ServingError, "which model"),
    (["--log", "LOG", "--model", "scorer", "--index", "3"], ServingError, "has 3 requests, 0 to 2"),
    (["--log", "LOG", "--model", "scorer", "--target", "127.0.0.1:1", "--deadline", "1"], ServingError,
     "127.0.0.1:1.*is the server running"),
    (["--request", "-", "--model", "scorer"], ServingError, "--model-dir"),
    (["--request", "-", "--schema", "LOG/schema.yaml", "--model", "scorer"], RequestError, "not valid JSON"),
    (["--request", "-", "--schema", "LOG/schema.yaml", "--model-dir", "LOG"], ServingError, "not both"),
])
def test_rank_says_what_is_wrong(log, arguments, error, message):
    with pytest.raises(error, match=message):
        run(rank, *[argument.replace("LOG", str(log)) for argument in arguments], input="{")


@pytest.mark.parametrize("arguments, message", [
    ([], "nothing to serve"), (["--model", "din"], "expected NAME=PATH"), (["--model", "a/b=."], "without '/'"),
    (["--model", "din=nowhere"], "not a folder"), (["--model", "din=BASE", "--model", "din=BASE"], "given already"),
    (["--model", "din=BASE/1"], "is one version; name the folder above it"),
    (["--model", "din=BASE", "--version-policy", "newest"], "latest:N"),
    (["--model", "din=BASE", "--address", "203.0.113.1"], "203.0.113.1:8500: Cannot assign.*--address"),
    (["--config", "BASE/1/saved_model.pb"], "not a ModelServerConfig"),
])
def test_serve_says_what_is_wrong(scorer, arguments, message):
    with pytest.raises(ValueError, match=message):
        run(serve, *[argument.replace("BASE", str(scorer)) for argument in arguments])


def test_serve_refuses_a_taken_port(scorer, target):
    with pytest.raises(ServingError, match=f"{target}.*--port"):
        run(serve, "--model", f"scorer={scorer}", "--port", target.rsplit(":")[1], "--rest-port", 0)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_until_it_is_told_to_stop(scorer, log, tmp_path, number):
    config = tmp_path / "models.config"
    config.write_text(f'model_config_list {{ config {{ name: "other" base_path: "{scorer}" '
                      'model_platform: "tensorflow" }}')
    process = subprocess.Popen(
        [sys.executable, "-m", "tfx_pipelines.cli", "serve", "--model", f"scorer={scorer}", "--config", str(config),
         "--port", "0", "--rest-port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        started = [process.stdout.readline() for _ in range(3)]
        address = started[0].split()[1]
        for name in ("scorer", "other"):
            assert "4 candidates ranked" in run(rank, "--target", address, "--model", name, "--log", log).output
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "/v1/models/scorer" in started[1] and f"Next: zoo rank --target {address}" in started[2]
    assert "Stopping" in output
    assert "model=scorer version=1 event=available" in errors and "Traceback" not in errors


def test_the_schema_is_read_from_the_newest_version(tmp_path):
    write_version(tmp_path / "scorer", 9)
    write_version(tmp_path / "scorer", 10)
    assert newest_version(tmp_path / "scorer") == (10, f"{tmp_path}/scorer/10")
    assert schema_of_model(tmp_path / "scorer") == toy_schema()
    assert schema_of_model(tmp_path / "scorer" / "9") == toy_schema()
    (tmp_path / "scorer" / "10" / "assets.extra" / "schema.yaml").unlink()
    with pytest.raises(ServingError, match="assets.extra/schema.yaml"):
        schema_of_model(tmp_path / "scorer")
    with pytest.raises(ServingError, match="no SavedModel here"):
        schema_of_model(tmp_path)


def test_traits_are_read_beside_the_schema_and_checked(tmp_path):
    extra = write_version(tmp_path / "scorer", 1) / "assets.extra"
    assert exported_model(tmp_path / "scorer").traits == Traits(stage="fine", scores="pointwise")
    (extra / "model.yaml").write_text("name: coarse\nconfig: {}\nversion: 0.2.0\ntraits: {stage: coarse}\n")
    assert exported_model(tmp_path / "scorer").traits == Traits(stage="coarse")
    (extra / "model.yaml").write_text("traits: {scores: list}\n")
    with pytest.raises(ConfigError, match="assets.extra/model.yaml: traits.scores"):
        exported_model(tmp_path / "scorer")


def test_the_exported_schema_is_bound(din_path):
    assert schema_of_model(din_path) == toy_bound()
