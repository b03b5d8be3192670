"""A wrong description is refused with what is wrong, where, and what to do."""

from __future__ import annotations

import pytest

from serving.fleet.description import pinned, read_fleet
from tests.serving.fleet.descriptions import FULL, described
from zoo.config import ConfigError

LABEL = {"versions": {"specific": [3]}, "labels": {"stable": 4}}
WRONG = {
    "typo": ({"replica": {}}, "fleet.yaml.replica: unknown key; did you mean 'replicas'?"),
    "typo in a model": (
        {"models": {"din": {"verions": {}}}},
        "fleet.yaml.models.din.verions: unknown key; did you mean 'versions'?",
    ),
    "name": ({"name": "Ranking_1"}, "fleet.yaml.name"),
    "model's name": ({"models": {"a/b": {"source": "s3://a", "size_gib": 1}}}, "'a/b' can't be a folder"),
    "relative source": ({"models": {"din": {"source": "models/din"}}}, "models.din.source: expected a URI"),
    "path without volume": ({"models": {"din": {"source": "/source/din"}}}, "set storage.volume"),
    "path beside the volume": ({"models": {"din": {"source": "/mnt/din"}}, "storage": {"volume": "v"}}, "is not below /source"),
    "label without version": ({"models": {"din": LABEL}}, "points to version 4, which versions.specific does not name"),
    "label of the newest": ({"models": {"din": {"labels": {"stable": 4}}}}, "versions.specific does not name"),
    "latest and specific": (
        {"models": {"din": {"versions": {"latest": 2, "specific": [1]}}}},
        "give latest or specific, not both",
    ),
    "version twice": ({"models": {"din": {"versions": {"specific": [1, 1]}}}}, "names a version twice"),
    "sizes": ({"models": {"din": {"batching": {"max_batch_size": 16, "allowed_batch_sizes": [8, 4, 16]}}}}, "must ascend"),
    "last size": (
        {"models": {"din": {"batching": {"max_batch_size": 16, "allowed_batch_sizes": [4, 8]}}}},
        "end with max_batch_size 16",
    ),
    "one replica": ({"replicas": {"min": 1}}, "min must be 2 or more"),
    "fewer than min": ({"replicas": {"min": 5, "max": 4}}, "max 4 is below min 5"),
    "too much traffic": ({"traffic": {"peak_calls_per_second": 9000}}, "needs 75 servers, replicas.max allows 12"),
    "too little memory": ({"server": {"memory_gib": 4}}, "the models need 6 GiB while a new version loads"),
    "too small a GPU": ({"gpu": {"memory_gib": 5}}, "gpu.memory_gib 5 is too little"),
    "slice": ({"gpu": {"mig_profile": "big"}}, "fleet.yaml.gpu.mig_profile"),
    "XLA untried": ({"server": {"xla": True}}, "server.xla: not tried with din"),
    "unpinned sync": ({"storage": {"image": "shop/zoo"}}, "storage.image: expected an image pinned"),
    "moving tag": ({"storage": {"image": "shop/zoo:latest"}}, "storage.image: expected an image pinned"),
    "unpinned server": ({"image": {"gpu": "mirror/serving"}}, "image.gpu: expected an image pinned"),
    "old server": ({"image": {"cpu": "mirror/serving:2.15.1"}}, "is older than TensorFlow 2.16"),
    "unknown TensorFlow": ({"image": {"tensorflow": "2.17"}}, "no server was chosen for that TensorFlow"),
    "KServe without version": ({"kserve": {"versions": {}}}, "kserve.versions: which version of 'din'?"),
    "KServe's typo": ({"kserve": {"versions": {"dim": 1}}}, "kserve: no model 'dim'; did you mean 'din'?"),
    "TLS and KServe": ({"tls": {"secret": "s"}, "kserve": {"versions": {"din": 1}}}, "tls: KServe's own gateway ends TLS"),
    "TLS without a secret": ({"tls": {"mutual": True}}, "fleet.yaml.tls.secret"),
    "canary is stable": (
        {"kserve": {"versions": {"din": 1}, "canaries": {"din": {"version": 1}}}},
        "is the stable one already",
    ),
}


@pytest.mark.parametrize("change, message", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(change, message):
    with pytest.raises(ConfigError) as refused:
        described(change)
    assert message in str(refused.value) and str(refused.value).startswith("fleet.yaml")


def test_models_with_one_name_for_kubernetes_are_refused():
    model = {"source": "s3://a", "size_gib": 1}
    with pytest.raises(ConfigError, match="'a_b' and 'a.b'"):
        described({"models": {"a_b": model, "a.b": model}, "kserve": {"versions": {"din": 1, "a_b": 1, "a.b": 1}}})


def test_a_fleet_needs_a_model(tmp_path):
    with pytest.raises(ConfigError, match="name at least one model"):
        described(base={**FULL, "models": {}, "kserve": None})
    with pytest.raises(ConfigError, match="no such file"):
        read_fleet(tmp_path / "fleet.yaml")


@pytest.mark.parametrize("image", ["a:1", "a/b:1.2", "host:5000/a:1", "a@sha256:" + 64 * "0", "a:latest@sha256:" + 64 * "0"])
def test_pinned_images(image):
    assert pinned(image) == image


@pytest.mark.parametrize("image", ["a", "a:", "a:latest", "host:5000/a", "a@sha256:0", "", "a b:1"])
def test_images_that_move(image):
    with pytest.raises(ValueError, match="pinned"):
        pinned(image)
