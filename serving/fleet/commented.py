"""YAML and text protos whose values carry the reason why they are what they are, written as comments above them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import yaml
from google.protobuf import text_format

_WIDTH = 110


@dataclass(frozen=True)
class Why:
    """A value and its reason.

    Args:
        value: anything that YAML takes, with further reasons inside.
        reason: a sentence; it stands above the key, or above the item of a list.
    """

    value: Any
    reason: str


def plain(value: Any) -> Any:
    """The value without its reasons.

    Example:
        >>> plain({"replicas": Why(3, "one may go")})
        {'replicas': 3}
    """
    if isinstance(value, Why):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in cast(Mapping[str, Any], value).items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in cast(list[Any], value)]
    return value


def to_yaml(*documents: Any) -> str:
    """YAML of one document or several, reasons as comments. Scalars are PyYAML's, so `yaml.safe_load` gives `plain` back.

    Example:
        >>> print(to_yaml({"replicas": Why(3, "one may go"), "args": [Why("--a", "b")]}), end="")
        # one may go
        replicas: 3
        args:
          # b
          - --a
    """
    return "---\n".join("\n".join(_block(document, 0)) + "\n" for document in documents)


def to_text_proto(message: Any, reasons: Mapping[str, str], head: str = "") -> str:
    """A message in text form; the first line of every field with a reason has it above.

    Args:
        message: a protocol buffer.
        reasons: by name of the field.
        head: comment at the top.
    """
    lines = _comment(head, 0) if head else []
    told: set[str] = set()
    for line in text_format.MessageToString(message).splitlines():
        field = line.strip().split(":")[0].split(" ")[0]
        if field in reasons and field not in told:
            told.add(field)
            lines += _comment(reasons[field], len(line) - len(line.lstrip()))
        lines.append(line)
    return "\n".join(lines) + "\n"


def _comment(reason: str, indent: int) -> list[str]:
    return [" " * indent + "# " + line for line in textwrap.wrap(reason, max(40, _WIDTH - indent), break_on_hyphens=False)]


def _block(value: Any, indent: int) -> Iterator[str]:
    value, reason = (value.value, value.reason) if isinstance(value, Why) else (value, "")
    if reason:
        yield from _comment(reason, indent)
    pad = " " * indent
    if isinstance(value, Mapping) and value:
        for key, one in cast(Mapping[str, Any], value).items():
            if isinstance(one, Why):
                yield from _comment(one.reason, indent)
                one = one.value
            if isinstance(one, Mapping | list | tuple) and one:
                yield f"{pad}{_scalar(key)}:"
                yield from _block(one, indent + 2)
            else:
                yield from (pad + line if line else "" for line in _lines({key: one}))
    elif isinstance(value, list | tuple) and value:
        for one in cast(list[Any], value):
            if isinstance(one, Why):
                yield from _comment(one.reason, indent)
                one = one.value
            inner = list(_block(one, indent + 2))
            first = next(at for at, line in enumerate(inner) if not line.lstrip().startswith("#"))
            # Comments of an item's first key stand above the dash.
            yield from (pad + line.lstrip() for line in inner[:first])
            yield f"{pad}- {inner[first].lstrip()}"
            yield from inner[first + 1 :]
    else:
        yield pad + _scalar(value)


def _scalar(value: Any) -> str:
    """One line; text of several lines is quoted."""
    return _dump(value, _Quoted).removesuffix("\n...")


def _lines(value: Mapping[str, Any]) -> list[str]:
    """A key and its scalar; text of several lines as a block that can be read."""
    return _dump(value, _Literal).split("\n")


def _dump(value: Any, dumper: type[yaml.SafeDumper]) -> str:
    return yaml.dump(
        plain(value),
        Dumper=dumper,
        width=float("inf"),
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=dumper is _Quoted,
    ).removesuffix("\n")


class _Quoted(yaml.SafeDumper):
    """Line breaks and what can't be seen as escapes."""


class _Literal(_Quoted):
    """Text of several lines as it stands, where that is exact."""


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return _node(dumper, text, None if text.isprintable() else '"')


def _literal(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    lines = text.removesuffix("\n").split("\n")
    exact = len(lines) > 1 and all(line and line.isprintable() for line in lines) and not text.startswith(" ")
    return _node(dumper, text, "|") if exact else _quoted(dumper, text)


def _node(dumper: Any, text: str, style: str | None) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Quoted.add_representer(str, _quoted)
_Literal.add_representer(str, _literal)
