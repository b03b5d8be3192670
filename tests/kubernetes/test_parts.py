"""What the proof brings along fits what is rendered, without a cluster."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile

import pytest
from click.testing import CliRunner

from serving.commands import serve
from serving.fleet.deployment import server
from serving.fleet.description import Fleet
from tests.kubernetes import fleet, images, model_server
from tests.kubernetes.archive import Image, layer, write
from tests.kubernetes.checks.gpus import DESCRIPTION, GPUS, NODES, REPLICAS
from zoo.config import merged, parse


@pytest.mark.parametrize("change", [{}, {"tls": {"secret": "ranking-tls"}}], ids=["clear", "tls"])
def test_the_stand_in_takes_every_flag_that_is_rendered(change, monkeypatch):
    described = parse(Fleet, merged(fleet.DESCRIPTION, change), where="fleet.yaml")
    arguments = [getattr(argument, "value", argument) for argument in server(described)["args"]]
    called = []
    monkeypatch.setattr(os, "execvp", lambda program, words: called.append((program, words)))
    monkeypatch.setattr("sys.argv", ["tensorflow_model_server", *arguments])
    model_server.main()
    (program, words), = called
    options = {word.split("=")[0] for word in words if word.startswith("--")}
    assert (program, words[:2]) == ("zoo", ["zoo", "serve"])
    assert options <= {option for parameter in serve.params for option in parameter.opts}, "zoo serve knows them"
    age = f"grpc.max_connection_age_ms={1000 * fleet.AGE_S},grpc.max_connection_age_grace_ms=10000"
    assert f"--grpc-channel-arguments={age}" in words
    assert ("--ssl-config-file=/ssl/ssl.config" in words) == bool(change)
    monkeypatch.setattr("sys.argv", ["tensorflow_model_server", *arguments, "--enable_batching=true"])
    with pytest.raises(SystemExit):
        model_server.main()
    assert CliRunner().invoke(serve, ["--help"]).exit_code == 0


def test_every_replica_of_the_plan_has_a_gpu():
    assert parse(Fleet, DESCRIPTION, where="fleet.yaml").replicas.min == REPLICAS == NODES * GPUS


def test_an_image_is_named_by_its_content_and_layers_that_are_there_are_left_out(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    first, second = (layer(tmp_path / name, tmp_path / f"{name}.tar") for name in ("a", "b"))
    os.utime(tmp_path / "a" / "file", (0, 0))
    assert layer(tmp_path / "a", tmp_path / "again.tar").digest == first.digest, "no dates, no owners"
    image = Image(images.ZOO, [first, second], {"User": "10001"})
    write([image], tmp_path / "all.tar", there=[first.digest])
    with tarfile.open(tmp_path / "all.tar") as archive:
        blobs = {name.rpartition("/")[2]: archive.extractfile(name).read() for name in archive.getnames() if "sha256" in name}
        index = json.load(archive.extractfile("index.json"))
    assert all(hashlib.sha256(content).hexdigest() == name for name, content in blobs.items())
    assert second.digest in blobs and first.digest not in blobs
    manifest = json.loads(blobs[index["manifests"][0]["digest"].removeprefix("sha256:")])
    assert [one["digest"] for one in manifest["layers"]] == [f"sha256:{first.digest}", f"sha256:{second.digest}"]
    assert json.loads(blobs[image.digest])["rootfs"]["diff_ids"] == [one["digest"] for one in manifest["layers"]]
