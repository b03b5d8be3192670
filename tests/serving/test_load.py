"""An open-loop load on running servers, and settings that are chosen by what was measured."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from serving.errors import ServingError
from serving.fleet.commands import fleet as command
from serving.fleet.description import Batching
from serving.load.load import LoadResult, arrivals, load
from serving.load.messages import messages_of
from serving.load.settings import Settings, grid
from serving.load.tune import Trial, best_of, highest_rate, proposal
from serving.model_dir import exported_model
from serving.protocol import messages
from tests.serving.test_balancing import services
from tests.serving.test_client import CODES
from tests.toy import toy_bound, toy_requests


@pytest.fixture(scope="module")
def din(din_path):
    return exported_model(din_path)


def test_arrivals_are_independent_at_the_rate():
    due = arrivals(200.0, 100.0, np.random.default_rng(0))
    gaps = np.diff(due)
    assert abs(len(due) - 20_000) < 600 and due[-1] < 100 and (gaps > 0).all()
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.03), "as an exponential distribution has it"


def test_calls_are_the_log_s(din):
    requests = [*toy_requests(3, candidates=4), *toy_requests(1, candidates=9, history=0)]
    made = messages_of(din, "din", requests, label="canary")
    assert [one.candidates for one in made] == [4, 4, 4, 9] and made[3].events == 0 < made[0].events
    call = messages.PredictRequest.FromString(made[0].content)
    assert (call.model_spec.name, call.model_spec.version_label, call.model_spec.signature_name) == ("din", "canary", "rank")
    wide = messages_of(din, "din", requests, candidates=50)
    assert [one.candidates for one in wide] == [50] * 4 and wide[0].events == made[0].events
    known = {item for request in requests for item in request.candidates["item"]}
    sent = messages.PredictRequest.FromString(wide[0].content).inputs["candidate_item"].string_val
    assert {item.decode() for item in sent} <= known and len(set(sent)) > 4
    with pytest.raises(ServingError, match="501 candidates a call; the model takes at most 500"):
        messages_of(din, "din", requests, candidates=501)
    with pytest.raises(ServingError, match="no requests"):
        messages_of(din, "din", [])


@pytest.mark.slow
def test_latency_counts_from_when_a_call_was_due(din):
    """Eight threads of 0.2 s answer 40 calls a second; at 80 the queue grows, and only the due time shows it."""
    sent = messages_of(din, "m", toy_requests(4))
    with services((), seconds=(0.2,)) as (found, targets):
        result = load(targets[0], sent, rate=80.0, seconds=2.0, deadline_s=20.0)
    figures = result.summary()
    assert figures["errors"] == 0 and figures["calls"] == len(found[0].requests) - 4
    first, last = result.latency_ms[:8], result.latency_ms[-8:]
    assert np.median(first) < 600 and np.median(last) > 1000 and figures["answered_per_second"] < 60


@pytest.mark.slow
def test_errors_are_counted_and_have_no_latency(din):
    sent = messages_of(din, "m", toy_requests(4))
    with services([None] * 4 + [CODES.INTERNAL] * 5) as (_, targets):
        result = load(targets[0], sent, rate=100.0, seconds=0.5)
    assert result.codes["INTERNAL"] == 5 and np.isnan(result.latency_ms).sum() == 5
    with services((), seconds=(0.3,)) as (_, targets):
        crowded = load(targets[0], sent, rate=200.0, seconds=0.5, most_under_way=8)
    assert crowded.codes["NOT_SENT"] > 20 and sum(crowded.codes.values()) == len(crowded.due_s)
    with pytest.raises(ServingError, match="no call is due"):
        load("127.0.0.1:1", sent, rate=0.001, seconds=0.1)
    with services([CODES.NOT_FOUND]) as (_, targets), pytest.raises(ServingError, match="NOT_FOUND.*not begun"):
        load(targets[0], sent, rate=1.0, seconds=1.0)


def test_calls_are_spread_over_servers(din):
    sent = messages_of(din, "m", toy_requests(4))
    with services((), ()) as (found, targets):
        load(targets, sent, rate=100.0, seconds=0.6)
        assert abs(len(found[0].requests) - len(found[1].requests)) < 12


@pytest.mark.slow
def test_the_command(server, din_path, tmp_path):
    """Against both servers."""
    from zoo.data.request_log import RequestLogWriter

    with RequestLogWriter(tmp_path / "log", toy_bound(), source={"kind": "test"}) as log:
        for split in ("train", "validation", "test"):
            for request in toy_requests(6):
                log.write(split, request)
    done = CliRunner().invoke(command, [
        "load", "--target", server.target, "--model", "din", "--model-dir", str(din_path), "--log", str(tmp_path / "log"),
        "--rate", "20", "--rate", "40", "--seconds", "0.6", "--out", str(tmp_path / "load.json"),
        "--plot", str(tmp_path / "load.png")], catch_exceptions=False)
    assert done.exit_code == 0 and "p99.9" in done.output and "candidates," in done.output
    slow, fast = json.loads((tmp_path / "load.json").read_text())
    assert (slow["rate"], fast["rate"]) == (20, 40) and fast["errors"] == 0 and fast["calls"] > 5
    assert (tmp_path / "load.png").read_bytes()[1:4] == b"PNG"


# ---- tuning --------------------------------------------------------------------------------------------------------


def bears(limit):
    """A server that is quick up to a rate."""
    asked = []

    def measured(rate):
        asked.append(rate)
        ms = np.full(100, 10.0 if rate <= limit else 500.0)
        return LoadResult(rate, np.arange(100.0), ms, ms * 0, {"OK": 100}, 100.0, 1.0, 1.0, 1.0)

    return measured, asked


@pytest.mark.parametrize("limit", [4.5, 37.0, 1000.0])
def test_the_highest_rate_is_found(limit):
    measured, asked = bears(limit)
    rate, figures = highest_rate(measured, 100.0)
    assert limit / 1.16 <= rate <= limit and figures["p99_ms"] == 10.0 and len(asked) < 16


def test_a_server_that_is_too_slow_for_any_rate():
    measured, asked = bears(1.0)
    assert highest_rate(measured, 100.0)[0] == 0 and asked == [4.0]
    with pytest.raises(ServingError, match="no setting is within the target.*best p99 was 500"):
        best_of([Trial(Settings(1), 0.0, {"p99_ms": 500})])


def test_the_simplest_of_the_best_is_proposed():
    batching = Batching(max_batch_size=16, timeout_us=1000)
    trials = [Trial(Settings(2), 97.0, {}), Trial(Settings(1), 80.0, {}), Trial(Settings(2, batching), 100.0, {}),
              Trial(Settings(2, batching, True), 101.0, {})]
    assert best_of(trials) == trials[0]
    best = best_of([trials[1], trials[3]])
    assert proposal(best, "din", 80.0) == {
        "models": {"din": {"batching": {"max_batch_size": 16, "timeout_us": 1000, "max_enqueued_batches": 64},
                           "tried_with_xla": True}},
        "server": {"xla": True, "batch_threads": 2}, "traffic": {"calls_per_second_a_replica": 80.8, "p99_ms": 80.0}}
    assert [str(one) for one in grid([1, 2], [4], [0], True)][2:4] == [
        "batches of 4, 0 us, 1 threads, XLA off", "batches of 4, 0 us, 2 threads, XLA off"]
    assert len(grid([1, 2], [4, 16], [0, 9], True)) == 20 and len(grid([2], [], [0], False)) == 1
