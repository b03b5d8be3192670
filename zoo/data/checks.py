"""What a graph refuses, told by one node each."""

from __future__ import annotations

from zoo.keras import tf


def check(holds: tf.Tensor, message: str, *values: tf.Tensor) -> tf.Operation | None:
    """Ends the call where something does not hold: INVALID_ARGUMENT with the message on any server.

    `tf.debugging.assert_…` does so, too, by a conditional with two graphs of its own around each check, made so that the
    values stay on an accelerator until they are told. Here they are lengths and counts, and there are a hundred checks in a
    model's signatures: a quarter of the time that an export took.

    Args:
        holds: what must hold, everywhere.
        message: what was wrong.
        values: told with it, the first of each.

    Returns:
        To be done before what relies on it; None outside a graph.

    Raises:
        tf.errors.InvalidArgumentError: it does not hold.

    Example:
        >>> with tf.control_dependencies([check(count > 0, "every request needs at least one candidate", count)]):
    """
    return tf.raw_ops.Assert(condition=tf.reduce_all(holds), data=[tf.constant(message), *values], summarize=3)
