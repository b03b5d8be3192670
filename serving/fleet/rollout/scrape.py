"""What clients saw, read from their metrics: the difference of two readings is what happened between them."""

from __future__ import annotations

import urllib.request
from collections import defaultdict
from collections.abc import Sequence

from prometheus_client.parser import text_string_to_metric_families

from serving.errors import ServingError
from serving.fleet.rollout.judge import Histogram, Seen

_SECONDS = 5.0
# By name and labels.
Reading = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(urls: Sequence[str]) -> Reading:
    """The counters of some clients, summed.

    Args:
        urls: of their metrics, such as `http://ranker-0:9100/metrics`.

    Raises:
        ServingError: one does not answer.
    """
    total: Reading = defaultdict(float)
    for url in urls:
        try:
            with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
                text = answer.read().decode()
        except (OSError, ValueError) as error:
            raise ServingError(f"{url}: no metrics: {error}; start the clients with ClientMetrics, and export them") from None
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.startswith("zoo_client_") and not sample.name.endswith("_created"):
                    total[sample.name, frozenset(sample.labels.items())] += sample.value
    return total


def between(before: Reading, after: Reading) -> Reading:
    """What was counted between two readings; a client that started anew begins at zero."""
    return {key: value - before.get(key, 0.0) if value >= before.get(key, 0.0) else value for key, value in after.items()}


def seen(reading: Reading, model: str, label: str) -> Seen:
    """What clients saw of a label of a model.

    Args:
        reading: of a while.
        model: its name.
        label: that clients asked for. The version is not looked at: a call that failed has none.
    """
    calls: dict[str, float] = defaultdict(float)
    seconds: dict[float, float] = defaultdict(float)
    scores: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for (name, found), value in reading.items():
        labels = dict(found)
        if labels.get("model") != model or labels.get("label") != label:
            continue
        if name == "zoo_client_calls_total":
            calls[labels["code"]] += value
        elif name == "zoo_client_call_seconds_bucket":
            seconds[float(labels["le"])] += value
        elif name == "zoo_client_score_bucket":
            scores[labels["task"]][float(labels["le"])] += value
    return Seen(dict(calls), _histogram(seconds), {task: _histogram(one) for task, one in scores.items()})


def _histogram(cumulated: dict[float, float]) -> Histogram:
    bounds = sorted(cumulated)
    values = [cumulated[bound] for bound in bounds]
    return Histogram(bounds, [value - before for value, before in zip(values, [0.0, *values], strict=False)])
