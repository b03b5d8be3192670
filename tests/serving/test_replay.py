"""Replay: the largest difference to known scores, by both signatures, and NaN is a difference."""

from __future__ import annotations

import math

import numpy as np
import pytest

from serving.replay import replay
from tests.toy import toy_requests


@pytest.mark.slow
@pytest.mark.parametrize(("place", "off"), [(None, 0.0), (0, 0.25), (2, -0.5), (1, math.nan)])
def test_the_largest_difference_counts_wherever_it_stands(server, place, off):
    requests = toy_requests(4, candidates=3)
    # The server's model says its version, 7, and a thousandth of the price.
    known = {request.request_id: {"click": 7 + np.float32(request.candidates["price"]) / 1000} for request in requests}
    if place is not None:
        known["r2"]["click"][place] -= off
    with server.client() as client:
        found = replay(client, requests, known)
    assert found.requests == 4 and 0 < found.p50_ms <= found.p99_ms
    assert set(found.max_abs_diff_by_signature) == {"rank", "serving_default"}
    for value in (found.max_abs_diff, *found.max_abs_diff_by_signature.values()):
        assert value == pytest.approx(abs(off), abs=1e-5, nan_ok=True)
