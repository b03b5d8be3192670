"""Values as JSON that every reader takes."""

from __future__ import annotations

import json
import math
from typing import Any


def json_text(value: Any) -> str:
    """JSON with null for NaN and infinity, which JSON does not know.

    Args:
        value: of dictionaries, lists, texts and numbers.

    Example:
        >>> print(json_text({"auc": float("nan")}))
        {
          "auc": null
        }
        <BLANKLINE>
    """
    return json.dumps(_plain(value), indent=2) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
