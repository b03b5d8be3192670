"""What becomes of the rows of an import that can't be used."""

from __future__ import annotations

from collections.abc import Callable

from zoo import files
from zoo.data.importer.sources import EventLogError
from zoo.data.request_log import RequestLogWriter

REJECTED = "rejected.csv"


def keep_rejected(log: RequestLogWriter, reasons: dict[str, int], rows: int, most: float, write: Callable[[str], None]) -> None:
    """Writes the rejected rows into the log; where they are too many, beside the log that there will not be.

    Args:
        log: that is being written.
        reasons: how many were rejected, by reason, the most frequent first.
        rows: that were read.
        most: share of them that may be rejected.
        write: writes all of them to a path.

    Raises:
        EventLogError: more were rejected.
    """
    share = sum(reasons.values()) / rows
    if share > most:
        report = f"{log.path}.{REJECTED}"
        write(report)
        top = "; ".join(f"{reason}: {count}" for reason, count in list(reasons.items())[:3])
        raise EventLogError(f"{share:.1%} of {rows} rows were rejected, above max_rejected_share {most:.1%}; most often "
                            f"{top}. All of them: {report}")
    if reasons:
        write(files.join(log.partial, REJECTED))
