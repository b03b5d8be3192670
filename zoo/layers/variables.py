"""Which optimizer moves which variable: the layer that makes it says so."""

from __future__ import annotations

from zoo.keras import keras, tf

DENSE = "dense"


def variable_groups(layer: keras.layers.Layer) -> dict[str, list[tf.Variable]]:
    """The trainable variables below a layer by the group of the optimizer that moves them.

    A layer with the attribute `optimizer_group` says it for the variables that it makes, and for those of its sublayers that do
    not say it themselves; what nobody says is `dense`.

    Args:
        layer: whose variables; it must have been built.

    Returns:
        Variables by group, each once; no group is empty.

    Example:
        >>> sorted(variable_groups(model))
        ['dense', 'embedding']
    """
    groups: dict[str, list[tf.Variable]] = {}
    seen: set = set()

    def visit(layer: keras.layers.Layer, group: str) -> None:
        group = getattr(layer, "optimizer_group", None) or group
        children = list(layer._flatten_layers(recursive=False, include_self=False))
        below = {variable.ref() for child in children for variable in child.trainable_variables}
        for variable in layer.trainable_variables:
            if variable.ref() not in below and variable.ref() not in seen:
                seen.add(variable.ref())
                groups.setdefault(group, []).append(variable)
        for child in children:
            visit(child, group)

    visit(layer, DENSE)
    return groups
