"""A meta-path: the types that a walk goes through, one after the other."""

from __future__ import annotations

import re
from typing import NamedTuple

from zoo.graph.graph import Graph, GraphError

_STEP = re.compile(r"-(?:\(([^()]+)\)-)?")


class MetaPath(NamedTuple):
    """Types `t_0 … t_k` and the relations between them.

    Args:
        types: k + 1 types of nodes.
        relations: k names of relations, the i-th from type i to type i + 1.
    """

    types: tuple[str, ...]
    relations: tuple[str, ...]

    @classmethod
    def of(cls, text: str, graph: Graph) -> MetaPath:
        """Reads `user-item-user`, or `item-(also_viewed)-item` where there are several relations between two types.

        Args:
            text: types, and names of relations in brackets.
            graph: that is walked.

        Raises:
            GraphError: no such type or relation, or more than one that is not said; fewer than two types.
        """
        parts = _STEP.split(text)
        types, said = parts[::2], parts[1::2]
        if len(types) < 2:
            raise GraphError(f"meta-path {text!r}: a walk goes from a type to another one; such as user-item-user")
        for kind in types:
            graph.check_type(kind)
        steps = [_relation(text, graph, source, target, name)
                 for source, target, name in zip(types[:-1], types[1:], said, strict=True)]
        return cls(tuple(types), tuple(steps))

    @property
    def closed(self) -> bool:
        """Whether a walk that came to its end can begin anew there."""
        return self.types[0] == self.types[-1]

    def relation(self, step: int) -> str:
        """The relation of the walk's step, from 0 on; a closed path begins anew."""
        return self.relations[step % len(self.relations)]

    def type(self, place: int) -> str:
        """The type of the walk's node at a place, from 0 on."""
        return self.types[place % len(self.relations)] if place < len(self.relations) or self.closed else self.types[-1]


def _relation(text: str, graph: Graph, source: str, target: str, said: str | None) -> str:
    found = [name for name, one in graph.relations.items() if (one.source, one.target) == (source, target)]
    if said is not None:
        if said not in found:
            raise GraphError(f"meta-path {text!r}: no relation {said!r} leads from {source} to {target}; "
                             f"there is {', '.join(found) or 'none'}")
        return said
    forward = [name for name in found if not name.startswith("^")] if source == target else found
    if len(forward) != 1:
        raise GraphError(f"meta-path {text!r}: " + (
            f"no relation leads from {source} to {target}" if not forward else
            f"several relations lead from {source} to {target}; say which: {source}-({forward[0]})-{target}"))
    return forward[0]
