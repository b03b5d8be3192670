"""What of which span a daily run learns, and what it is tested on."""

from __future__ import annotations

from tfx_pipelines.config_daily import DailyConfig
from zoo.data.layout import SPLITS

# Property of examples: the spans of each split, as JSON.
DAYS = "days"
_TRAIN, _VALIDATION, _TEST = SPLITS


def learned_days(span: int, daily: DailyConfig) -> dict[str, list[tuple[int, str]]]:
    """By split of a run, the parts it is made of: `(span, split of that span's log)`.

    Args:
        span: that is tested.
        daily: how many spans are learned, and how the run is tested.

    Example:
        >>> learned_days(8, DailyConfig())["train"]
        [(7, 'train'), (7, 'validation'), (7, 'test')]
        >>> learned_days(8, DailyConfig())["test"]
        [(8, 'train'), (8, 'test')]
    """
    before = range(span - daily.days, span)
    if daily.test == "next":
        return {_TRAIN: [(day, split) for day in before for split in SPLITS], _VALIDATION: [(span, _VALIDATION)],
                _TEST: [(span, _TRAIN), (span, _TEST)]}
    # What the span before was tested on is learned now, so that each request is learned once.
    whole = [(day, split) for day in before[1:] for split in (_TRAIN, _VALIDATION, _TEST)]
    held_out = [(before[0], split) for split in (_VALIDATION, _TEST)]
    return {_TRAIN: [*held_out, *whole, (span, _TRAIN)], _VALIDATION: [(span, _VALIDATION)], _TEST: [(span, _TEST)]}
