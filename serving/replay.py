"""Replay: real requests against a server, compared with scores that are known, and timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from serving.client import RankingClient
from serving.tensors import Array
from zoo.data.example import to_example
from zoo.data.request import Request


@dataclass(frozen=True)
class Replay:
    """What a replay saw.

    Args:
        requests: requests replayed, each through `rank` and through `serving_default`.
        max_abs_diff: largest difference between a served score and the known one, over both signatures.
        max_abs_diff_by_signature: the same for each.
        candidates: how many there were.
        compared: how many of them were compared through `rank`: all, but where a model keeps the items itself those alone whose
            features in the log are what the model has of them.
        unknown: how many candidates such a model does not know.
        p50_ms: median time of a `rank` call with one request, client included.
        p99_ms: 99th percentile of it.
    """

    requests: int
    max_abs_diff: float
    max_abs_diff_by_signature: dict[str, float]
    candidates: int
    compared: int
    unknown: int
    p50_ms: float
    p99_ms: float


def replay(client: RankingClient, requests: Sequence[Request], expected: Mapping[str, Mapping[str, Array]],
           as_kept: Callable[[Request], Array] | None = None) -> Replay:
    """Sends requests one by one and compares the answers with known scores.

    Args:
        client: of the server.
        requests: what to send.
        expected: by request id, by task, the known scores `[N]`.
        as_kept: of a request, which candidates `[N]` have the features that the model keeps of their items; None where it is
            sent all of them.

    Raises:
        ServingError: a call failed.
        KeyError: a request has no known score.
    """
    worst = {"rank": 0.0, "serving_default": 0.0}
    seconds: list[float] = []
    candidates = compared = unknown = 0
    for request in requests:
        started = time.perf_counter()
        ranking = client.rank_one(request)
        seconds.append(time.perf_counter() - started)
        candidates += request.candidate_count
        unknown += ranking.unknown
        comparable = as_kept(request) if as_kept else np.ones(request.candidate_count, bool)
        compared += int(comparable.sum())
        examples = client.score_examples([to_example(client.schema, request, labelled=False)])
        for task, known in expected[request.request_id].items():
            answers = {"rank": ranking.scores[task], "serving_default": examples[task][0, :request.candidate_count]}
            for signature, scores in answers.items():
                differences = np.abs(scores - known)[comparable if signature == "rank" else slice(None)]
                # NaN must not pass for agreement, and Python's max would drop it.
                worst[signature] = float(np.maximum(worst[signature], differences.max(initial=0.0)))
    p50, p99 = (float(1e3 * np.percentile(seconds, q)) for q in (50, 99))
    return Replay(len(requests), float(np.max([*worst.values()])), worst, candidates, compared, unknown, p50, p99)
