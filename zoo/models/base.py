"""What every ranking model shares: the call, losses, predictions, and which optimizer moves which variable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.config import Config, ConfigError
from zoo.keras import keras, tf, tfrs
from zoo.layers.embeddings import Embeddings, EmbeddingTable, matched_columns
from zoo.layers.forest import Forest
from zoo.losses import task_loss
from zoo.models.steps import several_steps
from zoo.schema import CANDIDATE_COUNT, BehaviourSequence, Schema

if TYPE_CHECKING:
    from zoo.training.context import TrainingContext

Tensors = Mapping[str, tf.Tensor]
MIN_PROBABILITY = 1e-6


class RankingModel(tfrs.Model):
    """Base of ranking models: two encoders and a score.

    A model defines `Config` and three methods:

    * `encode_request(request)`: nothing here may look at a candidate;
    * `encode_candidates(candidates)`: nothing here may look at the user;
    * `score(request_state, candidate_state)`: `{task: [R, N]}` logits.

    Losses, predictions, export and evaluation are the same for all and live here and in `zoo.export`. A model with heads that
    are only trained names them in `heads`, and one that needs to see the training split first defines `prepare`. Graphs are
    traced without AutoGraph: control flow over tensors is `tf.cond` and `tf.while_loop`.

    Args:
        schema: a bound schema.
        config: an instance of the model's `Config`.

    Raises:
        ConfigError: the schema declares nothing of a request.

    Example:
        >>> model = DIN(schema, DIN.Config())
        >>> model.probabilities(inputs)["click"]      # [R, N] inside (0, 1)
    """

    Config: ClassVar[type[Config]] = Config

    def __init__(self, schema: Schema, config: Config, name: str | None = None):
        super().__init__(name=name)
        if not schema.request and not schema.sequences:
            raise ConfigError(f"{type(self).__name__} needs something to know of a request, and the schema {schema.name!r} "
                              "declares neither request features nor sequences; add one of them")
        self.schema, self.config = schema, config
        self.unknown_size = False  # of the data that `fit` was given
        # Means over the epoch; given back as they are, Keras would report the last batch's.
        self.means = {name: keras.metrics.Mean(name) for name in ("loss", "extra_loss")}

    @property
    def heads(self) -> dict[str, float]:
        """Weights of the heads that are trained beside the tasks and never served; their logits are `{task}/{head}`."""
        return {}

    # ---- what a model defines ------------------------------------------------------------------------------------

    def encode_request(self, request: Tensors) -> Any:
        """The request's state from its own columns."""
        raise NotImplementedError(f"{type(self).__name__} must define encode_request()")

    def encode_candidates(self, candidates: Tensors) -> Any:
        """The candidates' state from their own columns."""
        raise NotImplementedError(f"{type(self).__name__} must define encode_candidates()")

    def score(self, request: Any, candidates: Any) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}` logits of the candidates for the request; those of `heads` as `{task}/{head}` beside them."""
        raise NotImplementedError(f"{type(self).__name__} must define score()")

    # ---- what all share ------------------------------------------------------------------------------------------

    def call(self, inputs: Tensors, training: bool | None = None) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}` logits from the model's inputs (`zoo.data.parsing.to_dense`)."""
        request, candidates = split_inputs(self.schema, inputs)
        return self.score(self.encode_request(request), self.encode_candidates(candidates))

    def predictions(self, logits: Tensors) -> dict[str, tf.Tensor]:
        """Served values: probabilities clipped inside (0, 1) for binary tasks, the value itself for regression."""
        kinds = {label.name: label.kind for label in self.schema.labels}
        return {
            task: values if kinds[task] == "regression"
            else tf.clip_by_value(tf.sigmoid(values), MIN_PROBABILITY, 1 - MIN_PROBABILITY)
            for task, values in logits.items() if task in kinds
        }

    def probabilities(self, inputs: Tensors) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}` predictions for the model's inputs, at inference."""
        return self.predictions(self(inputs, training=False))

    def compute_loss(self, batch: tuple[Tensors, Tensors, Tensors], training: bool = False) -> tf.Tensor:
        """Sum of the tasks' and the heads' weighted mean losses; the train step adds regularisers and auxiliary losses.

        Args:
            batch: inputs, labels by task, weights by task.
            training: whether dropout, Dice and auxiliary losses are active.
        """
        inputs, labels, weights = batch
        logits = self(inputs, training=training)
        return tf.add_n([
            weight * label.weight * task_loss(label.kind, labels[label.name], logits[name], weights[label.name])
            for label in self.schema.labels
            for name, weight in [(label.name, 1.0), *((f"{label.name}/{head}", w) for head, w in self.heads.items())]
        ])

    def prepare(self, context: TrainingContext) -> tf.data.Dataset:
        """What has to be known of the training split before the first step; gives back the batches to learn from.

        Here: how often each id occurs, for mini-batch-aware regularisation.
        """
        for layer in self.embedding_layers():
            if layer.config.regularization:
                layer.count_frequencies(inputs for inputs, _, _ in context.batches())
        return context.batches()

    def fit(self, x: tf.data.Dataset, **kwargs: Any) -> keras.callbacks.History:
        """Keras' fit. Batches whose number nobody knows, as those read from files, take several steps in one call of the
        graph (`zoo.models.steps`); for others, `compile(steps_per_execution=...)` says how many."""
        unknown = int(x.cardinality()) == tf.data.UNKNOWN_CARDINALITY
        if unknown != self.unknown_size:
            self.unknown_size, self.train_function = unknown, None
        return super().fit(x, **kwargs)

    def make_train_function(self, force: bool = False) -> Callable:
        """Keras' hook."""
        if not self.unknown_size:
            return super().make_train_function(force)
        if force or self.train_function is None:
            self.train_function = several_steps(self)
        return self.train_function

    # AutoGraph would rewrite every function below this one for Python loops over tensors, which no model has: 20 s a training.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, batch: tuple[Tensors, Tensors, Tensors]) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = self.compute_loss(batch, training=True)
            extra = tf.add_n(self.losses) if self.losses else tf.constant(0.0)
            extra += sum((e.regularization(batch[0]) for e in self.embedding_layers() if e.config.regularization), 0.0)
            total = loss + extra
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))
        for name, value in (("loss", loss), ("extra_loss", extra)):
            self.means[name].update_state(value)
        return {name: mean.result() for name, mean in self.means.items()}

    def embedding_layers(self) -> list[Embeddings]:
        """The model's sets of tables."""
        return [layer for layer in self._flatten_layers() if isinstance(layer, Embeddings)]

    def variable_groups(self) -> dict[str, list[tf.Variable]]:
        """Trainable variables by the optimizer that moves them: `embedding` tables, and `dense` for the rest."""
        tables = [layer.table for layer in self._flatten_layers() if isinstance(layer, EmbeddingTable)]
        refs = {table.ref() for table in tables}
        return {"embedding": tables, "dense": [v for v in self.trainable_variables if v.ref() not in refs]}

    def with_wide_group(self, *layers: tf.Module) -> dict[str, list[tf.Variable]]:
        """The base's groups, with the variables of these layers apart as `wide`, which FTRL moves."""
        wide = [variable for layer in layers for variable in layer.trainable_variables]
        refs = {variable.ref() for variable in wide}
        groups = RankingModel.variable_groups(self)
        return {"wide": wide} | {name: [v for v in group if v.ref() not in refs] for name, group in groups.items()}

    def learned_numbers(self) -> int:
        """How many numbers were learned: those of the trainable variables, and of grown trees."""
        forests = [layer for layer in self._flatten_layers() if isinstance(layer, Forest)]
        return sum(v.shape.num_elements() for v in self.trainable_variables) + sum(f.learned_numbers() for f in forests)

    def required_sequence(self, role: str) -> BehaviourSequence:
        """The schema's sequence with this role, which the model can't do without, to compare with candidates.

        Raises:
            ConfigError: the log has none, or one that shares no id space with the candidates.
        """
        sequence = self.schema.sequence(role)
        if sequence is None:
            raise ConfigError(f"{type(self).__name__} needs a sequence with the role {role!r}, and the schema "
                              f"{self.schema.name!r} has none; choose a model without behaviours, or add the sequence")
        if not matched_columns(self.schema, sequence):
            raise ConfigError(f"{type(self).__name__} compares candidates with past events, and in the schema "
                              f"{self.schema.name!r} no field of the sequence {sequence.name!r} has the id space of a "
                              "candidate feature; declare the item (or category) of both over one space")
        return sequence


def split_inputs(schema: Schema, inputs: Tensors) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """The model's inputs as the request's and the candidates' columns."""
    ours = {name for column in schema.columns("candidate") for name in column.input_names} | {CANDIDATE_COUNT}
    return ({name: value for name, value in inputs.items() if name not in ours},
            {name: value for name, value in inputs.items() if name in ours})
