"""Processes that have nothing to do without the one that started them."""

from __future__ import annotations

import os
import threading
import time

_SECONDS = 1.0


def end_with(parent: int) -> None:
    """Ends this process soon after the one that started it has ended, however that was.

    Args:
        parent: process id of that one, which may have ended already.
    """
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS)
        os._exit(1)  # its other threads may wait for calls that nobody answers any more

    threading.Thread(target=watch, daemon=True).start()
