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


def floors(log: RequestLog) -> dict[str, dict[str, float]]:
    """AUC on the test split of some counting rules; all counts are of the training days, validation among them.

    `unknown_item` is no rule to use but a check of the log: how far "never seen in training" alone tells the clicked
    item. 0.5 is a sound log.

    Args:
        log: of clicks with drawn candidates, with a `session_id` key and a candidate feature of the role `category`.

    Returns:
        By rule: AUC over all candidates, `against_same_category` and `against_other` ones (of which the popular
        negatives are nearly all).
    """
    together, seen = _counts(log)
    category = log.schema.candidate("category").feature.name
    labels, same, scores = [], [], defaultdict(list)
    for request in log.requests("test"):
        history, kinds = request.sequences["history"], request.candidates[category]
        clicked = kinds[int(np.argmax(request.labels["click"]))]
        labels += request.labels["click"]
        same += [kind == clicked for kind in kinds]
        known = set(history[category]) - {""}
        for item, kind in zip(request.candidates["item"], kinds, strict=True):
            count = sum(together[past][item] for past in history["item"][-5:])
            scores["popularity"].append(seen[item])
            scores["same_subcategory"].append(kind in known)
            scores["co_occurrence"].append(count)
            scores["co_occurrence_then_subcategory"].append(count + 0.5 * (kind in known))
            scores["unknown_item"].append(item not in seen)
    label, same = np.array(labels), np.array(same)
    result = {}
    for name, values in scores.items():
        value = np.array(values, float)
        parts = {"auc": slice(None), "against_same_category": (label > 0) | same, "against_other": (label > 0) | ~same}
        result[name] = {part: round(auc(label[rows], value[rows]), 4) for part, rows in parts.items()}
    return result


def _counts(log: RequestLog) -> tuple[dict[str, Counter[str]], Counter[str]]:
    """Sessions in which two items stand together, and clicks by item."""
    last: dict[str, list[str]] = {}
    for split in ("train", "validation"):
        for request in log.requests(split):
            clicked = request.candidates["item"][int(np.argmax(request.labels["click"]))]
            # A session's requests come in order, each with all clicks before it.
            last[request.features["session_id"]] = [*request.sequences["history"]["item"], clicked]
    together: dict[str, Counter[str]] = defaultdict(Counter)
    seen: Counter[str] = Counter()
    for items in last.values():
        seen.update(items)
        distinct = list(dict.fromkeys(items))[-30:]
        for a in distinct:
            together[a].update(b for b in distinct if a != b)
    return together, seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", help="request log of clicks with a session_id key")
    print(json.dumps(floors(RequestLog(parser.parse_args().log)), indent=1))


if __name__ == "__main__":
    main()
