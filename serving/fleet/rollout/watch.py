"""What `zoo fleet watch` does: looks at the canary until its time is up, and takes it back when it leaves its bounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from serving.errors import ServingError
from serving.fleet.rollout.changes import rollback
from serving.fleet.rollout.judge import Bounds, Verdict, judge
from serving.fleet.rollout.scrape import Reading, between, read, seen
from serving.fleet.rollout.servers import FleetServer
from serving.fleet.rollout.state import CANARY, STABLE, read_state
from zoo import files


def watch(
    path: files.PathLike,
    model: str,
    servers: Sequence[FleetServer],
    metrics: Sequence[str],
    bounds: Bounds,
    every_s: float = 15.0,
    for_s: float = 600.0,
    say: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """Compares canary and stable by what clients saw since the start, again and again.

    Args:
        path: of the state file.
        model: its name.
        servers: all of the fleet; the canary is taken back on them.
        metrics: addresses of the clients' metrics.
        bounds: what the canary must keep.
        every_s: seconds between two looks.
        for_s: seconds until the canary has passed.
        say: told what is seen.

    Returns:
        The last verdict. Where it is bad the canary was taken back.

    Raises:
        ServingError: there is no canary beside a stable version, clients could not be read for three looks in a row, or the
            rollback failed.
    """
    known = read_state(path).model(model)
    if known.labels.get(CANARY) in (None, known.labels.get(STABLE)):
        raise ServingError(f"{model}: no canary: the label {CANARY} must point to another version than {STABLE}; "
                           f"zoo fleet promote {path} {model} --label {CANARY}")
    first: Reading | None = None
    end, silent, verdict = time.monotonic() + for_s, 0, Verdict(enough=False)
    while True:
        try:
            now = read(metrics)
            silent = 0
        except ServingError as error:
            silent += 1
            say(str(error))
            if silent == 3:
                raise
        else:
            first = now if first is None else first
            happened = between(first, now)
            stable, canary = seen(happened, model, STABLE), seen(happened, model, CANARY)
            verdict = judge(stable, canary, bounds)
            say(f"canary {canary.count:.0f} calls, {canary.failed:.0f} failed; stable {stable.count:.0f}, {stable.failed:.0f}: "
                + ("; ".join(verdict.reasons) or ("within bounds" if verdict.enough else "too few to say")))
            if verdict.bad:
                _, bad, good = rollback(path, model, servers, CANARY)
                say(f"version {bad} is taken back, {CANARY} points to version {good}")
                return verdict
        if time.monotonic() >= end:
            return verdict
        time.sleep(min(every_s, max(0.0, end - time.monotonic())))
