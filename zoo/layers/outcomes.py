"""Settings of all models that are about outcomes: what a candidate is worth in all, how rows weigh, what comes late."""

from __future__ import annotations

import pydantic

from zoo.config import Config, ConfigError, nearest
from zoo.data.batch import Tensors
from zoo.keras import tf
from zoo.model_files import VALUE
from zoo.schema import Label, Schema


class OutcomesConfig(Config):
    """What the settings of all models that learn have.

    Args:
        value: powers by task. The model then answers `value`, too: the product of what it says of these tasks, each to its
            power (`final_value`); candidates can be ranked by it.
        row_weights: by label, how much more a row of the first label weighs for it: `w·(1 + Σ_k a_k·y_k)`, so that an order, or
            a long stay, counts as several clicks. See `zoo.losses.weighted_rows`.
        late: whether outcomes that come late (`late` of a label) are learned by `zoo.losses.late_cross_entropy`; False takes
            for a negative what has not come yet.
    """

    value: dict[str, float] = {}
    row_weights: dict[str, pydantic.NonNegativeFloat] = {}
    late: bool = True


def check_outcomes(schema: Schema, config: OutcomesConfig) -> None:
    """Looks whether a log has what the settings name.

    Raises:
        ConfigError: no such label, or one that has no place there.
    """
    tasks = {label.name: label for label in schema.tasks}
    if config.value and VALUE in {label.name for label in schema.labels}:
        raise ConfigError(f"schema {schema.name!r}: a label is named {VALUE!r}, as the output of model.config.value is; give "
                          "it another name, or leave model.config.value out")
    for setting, names in (("value", config.value), ("row_weights", config.row_weights)):
        for name in names:
            if name not in tasks:
                raise ConfigError(f"model.config.{setting}: {name!r} is no task of the schema {schema.name!r}"
                                  f"{nearest(name, tasks)}")
    for name in config.value:
        if tasks[name].kind == "regression" and tasks[name].scale == "linear":
            raise ConfigError(f"model.config.value: {name!r} may be below 0, where a power is not defined; say `scale: "
                              "non_negative` (or `log1p`) of the label if it never is, or leave it out")
    first = schema.labels[0].name
    for name in config.row_weights:
        if name == first or tasks[name].kind == "regression" and tasks[name].scale == "linear":
            raise ConfigError(f"model.config.row_weights: {name!r} can't weigh the rows of {first!r}; name other labels, none "
                              "of which may be below 0")


def non_negative(label: Label, values: tf.Tensor) -> tf.Tensor:
    """A regression's prediction: `max(z, 0)` where the quantity is never below 0. The loss has z, whose gradient never dies."""
    return values if label.scale == "linear" else tf.nn.relu(values)


def final_value(schema: Schema, powers: dict[str, float], predictions: Tensors) -> tf.Tensor:
    """`[R, N]` what a candidate is worth in all: `Π_k f_k^power_k`, as in live rooms `p_click^a · (1 + E[stay])^b · p_cvr^c`.

    `f_k` is the probability of a binary task, and 1 + x of a regression. Of one learned as log(1 + x), it is the exponent of
    the prediction: the geometric mean of 1 + x. Where log(1 + x) is spread alike everywhere, that is the mean but for a factor
    which changes no order.

    Args:
        schema: declares the tasks.
        powers: by task; a negative one makes what is likelier worth less.
        predictions: by task, `[R, N]`, as served.

    Example:
        >>> final_value(schema, {"click": 1.0, "stay": 0.5, "order": 1.0}, model.probabilities(inputs))
    """
    logarithm = tf.constant(0.0)
    for label in schema.tasks:
        if label.name in powers:
            served = predictions[label.name]
            if label.scale != "log1p":
                served = tf.math.log(served) if label.kind == "binary" else tf.math.log1p(served)
            logarithm += powers[label.name] * served
    return tf.exp(logarithm)
