"""Where the parts of an exported model lie in its folder; apart from what writes them, so that a client needs no TensorFlow."""

from __future__ import annotations

EXTRA_ASSETS = "assets.extra"
SCHEMA_FILE = f"{EXTRA_ASSETS}/schema.yaml"
MODEL_FILE = f"{EXTRA_ASSETS}/model.yaml"
WEIGHTS = f"{EXTRA_ASSETS}/weights/weights"
ASSETS = f"{EXTRA_ASSETS}/assets"
WARMUP_FILE = f"{EXTRA_ASSETS}/tf_serving_warmup_requests"

# An output of `rank` where candidates are named alone: how many of each request the model does not know.
UNKNOWN_CANDIDATES = "unknown_candidates"
