"""A history that also holds the neighbours of what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo.keras import tf
from zoo.layers.behaviours import Behaviours
from zoo.layers.meta_path_neighbours import MetaPathNeighbours
from zoo.layers.role_embeddings import RoleEmbeddings
from zoo.schema import Column

Tensors = Mapping[str, tf.Tensor]


def expanded(behaviours: Behaviours, columns: Sequence[Column], along: MetaPathNeighbours, embeddings: RoleEmbeddings,
             request: Tensors) -> Behaviours:
    """Each event's neighbours along a meta-path as further events, before the history itself, which stays the most recent.

    A neighbour is an event of which one field is known, its id; vectors of the other fields, and all context, are zero.

    Args:
        behaviours: `[R, T, …]`.
        columns: the fields in `behaviours.keys`, in their order; one of them is the path's own.
        along: a path from that field to the same space; with K neighbours an event.
        embeddings: tables.
        request: the request's columns.

    Returns:
        `[R, T·K + T, …]`.

    Example:
        >>> expanded(behaviours, columns, MetaPathNeighbours(schema, "ici", config, embeddings, assets), embeddings, request)
    """
    found = along.of_events(request)
    fields = [embeddings.look_up(column, found.ids) if column.name == along.column.name
              else tf.zeros(tf.concat([tf.shape(found.ids), [embeddings.width(column)]], 0)) for column in columns]
    ids = [found.ids if column.name == along.column.name else tf.zeros_like(found.ids) for column in columns]
    context = tf.zeros(tf.concat([tf.shape(found.ids), tf.shape(behaviours.context)[-1:]], 0))
    more = Behaviours(tf.concat(fields, -1), context, found.mask, tf.stack(ids, -1))
    return Behaviours(*(tf.concat(pair, 1) for pair in zip(more, behaviours, strict=True)))
