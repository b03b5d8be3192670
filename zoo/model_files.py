"""Where the parts of an exported model lie in its folder; apart from what writes them, so that a client needs no TensorFlow."""

from __future__ import annotations

EXTRA_ASSETS = "assets.extra"
SCHEMA_FILE = f"{EXTRA_ASSETS}/schema.yaml"
MODEL_FILE = f"{EXTRA_ASSETS}/model.yaml"
WEIGHTS = f"{EXTRA_ASSETS}/weights/weights"
ASSETS = f"{EXTRA_ASSETS}/assets"
# What a daily training leaves to the next one; a file SPACE.json for each vocabulary has its `ids`, in the order of the rows.
DAY = f"{EXTRA_ASSETS}/day"
WARMUP_FILE = f"{EXTRA_ASSETS}/tf_serving_warmup_requests"
MANIFEST_FILE = f"{EXTRA_ASSETS}/manifest.json"

# Output beside the tasks' where the model's settings say what a candidate is worth in all.
VALUE = "value"
# Outputs where candidates are named alone, beside the scores: how many of each request the model does not know; of `top_k` also
# the best ones, their places in the request, and how many there are.
UNKNOWN_CANDIDATES = "unknown_candidates"
TOP_ITEMS, TOP_PLACES, TOP_COUNT = "top_items", "top_places", "top_count"
