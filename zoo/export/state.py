"""The state that an encoder gives, as tensors by name, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.keras import tf


def flatten(state: Any, prefix: str = "") -> dict[str, tf.Tensor]:
    """A nested state of named tuples and dictionaries as tensors by name: `behaviours.keys` is `behaviours_keys`."""
    if isinstance(state, tf.Tensor):
        return {prefix or "state": state}
    flat: dict[str, tf.Tensor] = {}
    for name, value in _parts(state).items():
        if value is not None:
            flat |= flatten(value, _below(prefix, name))
    return flat


def nested(like: Any, flat: Mapping[str, tf.Tensor], prefix: str = "") -> Any:
    """The inverse of `flatten`: tensors by name in the form of the state `like`."""
    if like is None:
        return None
    if isinstance(like, tf.Tensor):
        return flat[prefix or "state"]
    parts = {name: nested(value, flat, _below(prefix, name)) for name, value in _parts(like).items()}
    return type(like)(**parts) if hasattr(like, "_asdict") else parts


def _parts(state: Any) -> Mapping[str, Any]:
    return state._asdict() if hasattr(state, "_asdict") else state


def _below(prefix: str, name: str) -> str:
    return f"{prefix}_{name}" if prefix else name
