"""How far a candidate came in the cascade, as a log's mark of the role `stage` says it."""

from __future__ import annotations

import enum


class StageTag(enum.IntEnum):
    """The last stage that saw a candidate; each includes those before it.

    Recall found it and nothing scored it; coarse ranking scored it and cut it; fine ranking scored it and did not show it; it
    was exposed, and its labels were observed.
    """

    RECALLED = 0
    COARSE = 1
    FINE = 2
    EXPOSED = 3
