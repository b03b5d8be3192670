"""What `zoo fleet tune` does: the settings of a server that answers most calls within a target, measured."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml

from serving.errors import ServingError
from serving.load.load import LoadResult, load
from serving.load.run import logged_messages
from serving.load.settings import NAME, Settings, grid, serving
from serving.model_dir import exported_model
from zoo import files

_FIRST_RATE, _HIGHEST_RATE, _CLOSE = 4.0, 65536.0, 1.15


@dataclass(frozen=True)
class Trial:
    """What a setting bears: the highest rate that was within the target, and what the load at that rate saw."""

    settings: Settings
    rate: float
    figures: dict[str, Any]


def highest_rate(measured: Callable[[float], LoadResult], p99_ms: float) -> tuple[float, dict[str, Any]]:
    """The highest rate that is within a target, to 15 %: doubled until it is missed, then halved between the two.

    Args:
        measured: loads a server with a rate.
        p99_ms: what 99 % of the calls may take; and none may fail.

    Returns:
        The rate and its figures; rate 0 with the figures of the lowest rate where even that misses.
    """
    best, good, bad = {}, 0.0, 0.0
    rate = _FIRST_RATE
    while True:
        figures = measured(rate).summary()
        if figures["errors"] == 0 and figures["p99_ms"] is not None and figures["p99_ms"] <= p99_ms:
            best, good = figures, rate
        else:
            bad = rate
            best = best or figures
        if bad and (not good or bad / good <= _CLOSE) or good >= _HIGHEST_RATE:
            return good, best
        rate = float((good * bad) ** 0.5) if bad else 2 * good


def best_of(trials: Sequence[Trial]) -> Trial:
    """The trial with the highest rate; of those within 5 % of it the simplest: without XLA, without batching.

    Raises:
        ServingError: none is within the target.
    """
    highest = max(trial.rate for trial in trials)
    if not highest:
        fastest = min(trials, key=lambda one: one.figures.get("p99_ms") or float("inf"))
        raise ServingError(f"no setting is within the target at {_FIRST_RATE:g} calls a second; the best p99 was "
                           f"{fastest.figures.get('p99_ms')} ms ({fastest.settings}); raise --p99, or send fewer candidates")
    close = [trial for trial in trials if trial.rate >= 0.95 * highest]
    return min(close, key=lambda one: (one.settings.xla, one.settings.batching is not None, -one.rate))


def proposal(best: Trial, name: str, p99_ms: float) -> dict[str, Any]:
    """The part of a fleet's description that the best trial says."""
    batching = best.settings.batching
    model: dict[str, Any] = {}
    if batching:
        model["batching"] = batching.model_dump(mode="json", exclude={"allowed_batch_sizes", "inputs"})
    if best.settings.xla:
        model["tried_with_xla"] = True
    server: dict[str, Any] = {"xla": best.settings.xla}
    server |= {"batch_threads": best.settings.threads} if batching else {"cores": best.settings.threads}
    # A fifth is kept for what the load did not have: other models, reloads, a bad minute.
    traffic = {"calls_per_second_a_replica": round(0.8 * best.rate, 1), "p99_ms": p99_ms}
    return ({"models": {name: model}} if model else {}) | {"server": server, "traffic": traffic}


def run_tune(model_dir: str, log: str, model_server: str | None, p99_ms: float, seconds: float, threads: Sequence[int],
             sizes: Sequence[int], timeouts: Sequence[int], no_xla: bool, candidates: int | None, requests: int, seed: int,
             out: str | None) -> None:
    """Tries the grid, and prints what each setting bears and the proposal; see `zoo fleet tune --help`.

    Raises:
        ServingError: a server did not come up without XLA, or no setting is within the target.
    """
    base = Path(exported_model(model_dir).path).parent
    cores = os.cpu_count() or 1
    tried = grid(threads or sorted({max(1, cores // 2), cores}), (sizes or (4, 16)) if model_server else (),
                 timeouts or (0, 1000), not no_xla)
    if model_server is None:
        click.echo("Without --model-server the local model server is tuned; it does not batch, so batching is not tried.")
    sent = logged_messages(model_dir, NAME, log, requests, candidates=candidates, seed=seed)
    trials: list[Trial] = []
    for number, settings in enumerate(tried, start=1):
        try:
            with serving(base, settings, model_server) as target:
                rate, figures = highest_rate(lambda rate, at=target: load(at, sent, rate, seconds, seed=seed), p99_ms)
        except ServingError as error:
            if not settings.xla:
                raise
            # Some models fail at their first compilation.
            rate, figures = 0.0, {"failed": str(error)}
        trials.append(Trial(settings, rate, figures))
        told = figures.get("failed") or f"{rate:.0f} calls/s, p99 {figures.get('p99_ms')} ms"
        click.echo(f"[{number}/{len(tried)}] {settings}: {told}")
    if out:
        rows = [{"settings": str(one.settings), "rate": one.rate, **one.figures} for one in trials]
        files.write_text(out, json.dumps(rows, indent=1) + "\n")
        click.echo(f"wrote {out}")
    best = best_of(trials)
    click.echo(f"\nBest: {best.settings}: {best.rate:.0f} calls/s within {p99_ms:g} ms. For the fleet's description:\n")
    click.echo(yaml.safe_dump(proposal(best, "NAME", p99_ms), sort_keys=False).rstrip())
