"""From a table of samples to the first batch by FuxiCTR's own feature processor, data builder and loader.

    python -m benchmarks.peers.fuxictr_reader samples.parquet
"""

from __future__ import annotations

import json
import sys
import tempfile

from fuxictr.preprocess import FeatureProcessor, build_dataset
from fuxictr.pytorch.dataloaders import RankDataLoader

from benchmarks.peers.table import BATCH, HISTORY, SEPARATOR


def first_batch(path: str, folder: str) -> int:
    """Builds the data set in a folder and takes the first batch of it."""
    def one(name: str, kind: str, dtype: str = "str", **more: object) -> dict[str, object]:
        return {"name": name, "active": True, "dtype": dtype, "type": kind, **more}

    features = [one(name, "categorical") for name in ("user", "age", "city", "item", "category")]
    features.append(one("price", "numeric", "float", normalizer="StandardScaler"))
    features += [one(f"hist_{name}", "sequence", splitter=SEPARATOR, max_len=HISTORY, padding="pre", share_embedding=name)
                 for name in ("item", "category")]
    processor = FeatureProcessor(features, {"name": "click", "dtype": "float"}, "samples", folder)
    train, _, _ = build_dataset(processor, train_data=path, data_format="parquet")
    loader, _ = RankDataLoader(processor.feature_map, "train", train, batch_size=BATCH, data_format="parquet",
                               num_workers=0).make_iterator()
    batch = next(iter(loader))
    assert batch["hist_item"].shape == (BATCH, HISTORY)
    return loader.num_samples


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        print(json.dumps({"count": first_batch(sys.argv[1], made)}))
