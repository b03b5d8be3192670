"""Spans of time in settings: `30m`, `24h`, `7d`, or a number of seconds."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import pydantic

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def seconds(value: Any) -> Any:
    """Seconds of a span as it is written in a setting.

    Example:
        >>> seconds("24h")
        86400
    """
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+)\s*([smhdw])\s*", value)
        if not found:
            raise ValueError("expected a span of time such as 30m, 24h or 7d")
        return int(found[1]) * _SECONDS[found[2]]
    return value


def short(span: int | Literal["all"]) -> str:
    """How a span is written in the name of a feature: in the largest of d, h, m and s that it is a multiple of.

    Example:
        >>> short(86_400), short(5_400), short("all")
        ('1d', '90m', 'all')
    """
    if isinstance(span, str):
        return span
    unit = next(unit for unit in "dhms" if span % _SECONDS[unit] == 0)
    return f"{span // _SECONDS[unit]}{unit}"


def _window(value: Any) -> Any:
    return value if value == "all" else seconds(value)


Duration = Annotated[int, pydantic.Field(ge=1), pydantic.BeforeValidator(seconds)]
Delay = Annotated[int, pydantic.Field(ge=0), pydantic.BeforeValidator(seconds)]
Window = Annotated[Annotated[int, pydantic.Field(ge=1)] | Literal["all"], pydantic.BeforeValidator(_window)]
