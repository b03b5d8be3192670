"""What counting alone reaches on an imported log of clicks: popularity, same category, co-occurrence.

    python -m benchmarks.rees46_floors runs/rees46/log
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict

import numpy as np

from zoo.data.request_log import RequestLog
from zoo.metrics import auc


def floors(log: RequestLog) -> dict[str, float]:
    """AUC on the test split of three counting rules; all counts are of the training days."""
    last: dict[str, list[str]] = {}
    for split in ("train", "validation"):
        for request in log.requests(split):
            clicked = request.candidates["item"][int(np.argmax(request.labels["click"]))]
            session = request.features["session_id"]
            # A session's requests come in order, each with all clicks before it.
            items = request.sequences["history"]["item"]
            last[session] = [*items, clicked]
    together: dict[str, Counter[str]] = defaultdict(Counter)
    seen: Counter[str] = Counter()
    for items in last.values():
        seen.update(items)
        distinct = list(dict.fromkeys(items))[-30:]
        for a in distinct:
            for b in distinct:
                if a != b:
                    together[a][b] += 1
    labels, scores = [], defaultdict(list)
    category = next(f.name for f in log.schema.candidates if f.role == "category")
    for request in log.requests("test"):
        labels += request.labels["click"]
        history = request.sequences["history"]
        known = set(history[category]) - {""}
        for item, kind in zip(request.candidates["item"], request.candidates[category], strict=True):
            scores["popularity"].append(seen[item])
            scores["same_subcategory"].append(float(kind in known))
            scores["co_occurrence"].append(sum(together[past][item] for past in history["item"][-5:]))
    return {name: round(auc(labels, values), 4) for name, values in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", help="request log of clicks with a session_id key")
    print(json.dumps(floors(RequestLog(parser.parse_args().log))))


if __name__ == "__main__":
    main()
