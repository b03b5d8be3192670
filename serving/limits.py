"""What a client takes back when servers are in trouble: retries have a budget, and calls that would be refused stay at home."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

Clock = Callable[[], float]
_MOST_KEPT_BACK = 0.9


class RetryBudget:
    """How many calls may be sent a second time, so that retries do not bury servers that are down already.

    The budget holds `most` retries at first; each answered call gives `a_call` of a retry back, and each second `a_second`.

    Args:
        most: retries that it can hold.
        a_call: what an answered call adds; 0.1: one retry on ten calls for as long as the trouble lasts.
        a_second: what a second adds, so that a lone caller still tries.
        clock: seconds.

    Example:
        >>> budget = RetryBudget(most=1, clock=lambda: 0.0)
        >>> budget.spend(), budget.spend()
        (True, False)
    """

    def __init__(self, most: float = 20.0, a_call: float = 0.1, a_second: float = 1.0, clock: Clock = time.monotonic):
        self._most, self._a_call, self._a_second, self._clock = most, a_call, a_second, clock
        self._left, self._at = most, clock()
        self._lock = threading.Lock()

    def spend(self) -> bool:
        """Takes a retry; False where none is left."""
        with self._lock:
            now = self._clock()
            self._left = min(self._most, self._left + self._a_second * (now - self._at))
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def answered(self) -> None:
        """A call was answered."""
        with self._lock:
            self._left = min(self._most, self._left + self._a_call)


class Throttle:
    """Keeps calls at home with the probability that a server would refuse them for want of threads or room.

    p = (seen - twice · taken - spare) / (seen + 1), within 0 and 0.9, over calls that fade with a half-life; seen are those
    that came back and those kept here, so that a call without an answer yet is none that was refused. While servers take every
    second call nothing is kept back, and when they take few, most stay here, where they cost nobody anything. One in ten is
    always sent, so that the end of the trouble is seen within seconds.

    Args:
        twice: how many calls are sent for each that is taken before any is kept back.
        spare: calls that are sent in any case: of a client that calls seldom nothing is kept back.
        half_life_s: after which a call counts half.
        clock: seconds.
        chance: uniform in [0, 1).

    Source: Beyer et al., Site Reliability Engineering (2016), chapter 21, "client-side throttling".
    """

    def __init__(self, twice: float = 2.0, spare: float = 10.0, half_life_s: float = 2.0, clock: Clock = time.monotonic,
                 chance: Callable[[], float] = random.random):
        self._twice, self._spare, self._half_life_s = twice, spare, half_life_s
        self._clock, self._chance = clock, chance
        self._seen = self._taken = 0.0
        self._at = clock()
        self._lock = threading.Lock()

    def admits(self) -> bool:
        """Whether the next call is sent."""
        with self._lock:
            self._fade()
            refused = (self._seen - self._twice * self._taken - self._spare) / (self._seen + 1)
            sent = self._chance() >= min(refused, _MOST_KEPT_BACK)
            self._seen += not sent
            return sent

    def answered(self, taken: bool) -> None:
        """A call came back; `taken`: the server did not refuse it for want of threads or room."""
        with self._lock:
            self._fade()
            self._seen += 1
            self._taken += taken

    def _fade(self) -> None:
        now = self._clock()
        kept = 0.5 ** ((now - self._at) / self._half_life_s)
        self._seen, self._taken, self._at = self._seen * kept, self._taken * kept, now
