"""docs/fleet.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from serving.fleet import alerts, flags, images, overlays
from serving.fleet.description import Fleet
from tests.serving.fleet.descriptions import FULL, described
from zoo.config import parse

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs/fleet.md").read_text(encoding="utf-8")


def rows(head: str) -> list[list[str]]:
    """The table with this first line."""
    table = DOCS.split(head + "\n", 1)[1].split("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table]


def test_tables_are_those_of_the_code():
    assert rows("| lane | TensorFlow | images | tried |") == images.matrix()
    assert rows("| flag | set when | why |") == flags.table()
    assert rows("| overlay | what a server gets |") == [[f"`{name}`", text] for name, text in overlays.ISOLATION.items()]


def test_the_image_serves_the_lock():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    tensorflow, api = (re.search(rf"^{name}==([\d.]+)", lock, re.M)[1] for name in ("tensorflow", "tensorflow-serving-api"))
    image = images.image_of(images.DEFAULT)
    assert images.minor(tensorflow) == images.minor(image.tensorflow) <= images.minor(image.tag) and image.tag == api


def test_the_example_is_a_description():
    example = re.search(r"\n(    name: ranking\n(?:    .*\n)+)", DOCS)[1]
    fleet = parse(Fleet, yaml.safe_load(re.sub(r"^    ", "", example, flags=re.M)), where="docs")
    assert fleet.models["din"].batching and not fleet.models["dssm"].batching and fleet.gpu


def test_every_alert_is_explained():
    named = {
        rule["alert"] if isinstance(rule, dict) else rule.value["alert"]
        for rule in alerts.groups(described(base=FULL))["groups"][0]["rules"]
    }
    assert set(re.findall(r"`(Serving\w+)`", DOCS)) - {"ServingRuntime"} == named
    runbook = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### (Serving\w+)$", runbook, re.M)) == named, "what to do is in the runbook"
