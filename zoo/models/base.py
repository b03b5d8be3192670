"""What every ranking model shares: the call, the loss, predictions, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from zoo.assets import Assets
from zoo.config import Config, ConfigError
from zoo.data.batch import Batch, Tensors
from zoo.data.parsing import smallest_inputs
from zoo.keras import keras, tf, tfrs
from zoo.layers.arrival import Arrival
from zoo.layers.behaviours import matched_columns
from zoo.layers.detailed_statistics import DetailedStatistics
from zoo.layers.distillation import Distillation, StudentConfig
from zoo.layers.embeddings import Embeddings
from zoo.layers.outcomes import OutcomesConfig, check_outcomes, final_value, non_negative
from zoo.layers.statistics import ScaledStatistics
from zoo.layers.variables import variable_groups
from zoo.losses import task_losses, weighted_rows
from zoo.model_files import VALUE
from zoo.models.preparation import EVERYTHING, Span, TrainingSplit
from zoo.optimizers import OptimizerConfig
from zoo.schema import CANDIDATE_COUNT, BehaviourSequence, Label, Schema
from zoo.traits import Traits

MIN_PROBABILITY = 1e-6


class NetworkConfig(StudentConfig):
    """What the settings of all networks have.

    Args:
        statistics: also give the model what counting over the history says of each candidate (`ScaledStatistics`); `detailed`
            counts pairs of ids and compares numbers within their category, too.
    """

    statistics: bool | Literal["detailed"] = False


class RankingModel(tfrs.Model):
    """Base of ranking models: two encoders and a score.

    A model defines `Config` and three methods:

    * `encode_request(request)`: nothing here may look at a candidate;
    * `encode_candidates(candidates)`: nothing here may look at the user, nor, with the trait `items="ahead"`, at what is known
      only at the request;
    * `score(request_state, candidate_state)`: `{task: [R, N]}` logits, and whatever else `loss` needs; a model whose config is
      a `NetworkConfig` takes `statistics [R, N, F]` as a third argument, None where they are not asked for.

    Predictions, export and evaluation are the same for all and live here and in `zoo.export`; models don't train themselves,
    `zoo.training` does. A model with a loss of its own (a teacher, sampled softmax, a list-wise one) defines `loss`, and one
    that needs to see the training split first defines `prepare`. Graphs are traced without AutoGraph: control flow over tensors
    is `tf.cond` and `tf.while_loop`.

    Attributes:
        traits: what the rest of the cascade may rely on.
        optimizers: of each group of variables (`zoo.layers.variables`), where a run's settings name no other.

    Args:
        schema: a bound schema.
        config: an instance of the model's `Config`.
        assets: files that the model reads when it is made (vocabularies, pre-trained tables) and that travel with it.

    Raises:
        ConfigError: the schema declares nothing of a request.

    Example:
        >>> model = DIN(schema, DIN.Config())
        >>> model.probabilities(inputs)["click"]      # [R, N] inside (0, 1)
    """

    Config: ClassVar[type[Config]] = Config
    traits: ClassVar[Traits] = Traits()
    optimizers: ClassVar[Mapping[str, OptimizerConfig]] = {
        "dense": OptimizerConfig(name="adam", learning_rate=1e-3),
        "embedding": OptimizerConfig(name="lazy_adam", learning_rate=1e-3),
    }

    def __init__(self, schema: Schema, config: Config, assets: Assets | None = None, name: str | None = None):
        super().__init__(name=name)
        # Keras numbers layers over the whole process, and the graph's optimizer goes by their names where it puts operations in
        # order: without this, the same training gives another last bit the second time.
        keras.backend.reset_uids()
        if not schema.request and not schema.sequences:
            raise ConfigError(f"{type(self).__name__} needs something to know of a request, and the schema {schema.name!r} "
                              "declares neither request features nor sequences; add one of them")
        self.schema, self.config, self.assets = schema, config, assets or Assets()
        self.outcomes = config if isinstance(config, OutcomesConfig) else OutcomesConfig()
        check_outcomes(schema, self.outcomes)
        self.arrivals = {label.name: Arrival(label, name=f"arrival_{label.name}") for label in schema.tasks
                         if label.late and self.outcomes.late}
        counted = isinstance(config, NetworkConfig) and config.statistics
        self.scaled_statistics = ScaledStatistics(schema, counted == "detailed") if counted else None
        taught = config.distillation if isinstance(config, StudentConfig) else None
        stage = schema.mark("stage")
        self.distillation = Distillation(self.soft_labels, taught, stage and stage.name) if taught else None

    # ---- what a model defines ------------------------------------------------------------------------------------

    def encode_request(self, request: Tensors) -> Any:
        """The request's state from its own columns."""
        raise NotImplementedError(f"{type(self).__name__} must define encode_request()")

    def encode_candidates(self, candidates: Tensors) -> Any:
        """The candidates' state from their own columns."""
        raise NotImplementedError(f"{type(self).__name__} must define encode_candidates()")

    def score(self, request: Any, candidates: Any) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}` logits of the candidates for the request; what else stands there is for `loss` alone."""
        raise NotImplementedError(f"{type(self).__name__} must define score()")

    # ---- what a model may change ---------------------------------------------------------------------------------

    def loss(self, outputs: Tensors, batch: Batch) -> tf.Tensor:
        """What training makes small; here the weighted sum of the labels' losses, or what `distillation` says of them.

        Args:
            outputs: of the call, in training: logits by task, and what else `score` gave.
            batch: inputs, labels and weights.

        Returns:
            A scalar, without regularisers and what layers add by `add_loss` (see `penalties`).
        """
        if self.distillation is None:
            return self.task_losses(outputs, batch)
        outcomes = self.task_losses(outputs, batch, soft=False)
        return self.distillation.outcomes() * outcomes + self.distillation(outputs, batch)

    def prepare(self, split: TrainingSplit) -> Span:
        """Looks at the training split before the first step; gives back which part of it to learn from.

        Here: what layers count (`count`), when a teacher is heard, and the whole split.
        """
        self.count(split)
        if self.distillation is not None and self.distillation.changes:
            self.distillation.begin(split.steps())
        return EVERYTHING

    def begins_anew(self) -> str:
        """Why a training of it can't go on from another one's weights; empty where it can."""
        below = self._flatten_layers(include_self=False)
        trees = any(hasattr(layer, "learned_numbers") and not isinstance(layer, RankingModel) for layer in below)
        return "its trees are grown anew of each training split" if trees else ""

    def predictions(self, logits: Tensors) -> dict[str, tf.Tensor]:
        """Served values: probabilities clipped inside (0, 1) for binary tasks, the value itself for regression, not below 0
        where it never is; and the final `value`, where the settings ask for it."""
        labels = {label.name: label for label in self.schema.tasks}
        served = {
            task: non_negative(labels[task], values) if labels[task].kind == "regression"
            else tf.clip_by_value(tf.sigmoid(values), MIN_PROBABILITY, 1 - MIN_PROBABILITY)
            for task, values in logits.items() if task in labels
        }
        return served | ({VALUE: final_value(self.schema, self.outcomes.value, served)} if self.outcomes.value else {})

    @property
    def soft_labels(self) -> list[Label]:
        """What a teacher says, for `distillation`; here the soft labels of the log."""
        return [label for label in self.schema.labels if label.soft]

    # ---- what all share ------------------------------------------------------------------------------------------

    def task_losses(self, outputs: Tensors, batch: Batch, soft: bool = True) -> tf.Tensor:
        """The weighted sum of the labels' losses as the settings of outcomes have it (`zoo.losses.task_losses`), a scalar."""
        return task_losses(self.schema, outputs, batch.labels, self.weights_of(batch), soft, self.outstanding(batch))

    def weights_of(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Weights of a batch's rows, those of the first label by what else came of them (`row_weights`)."""
        first, by = self.schema.labels[0].name, self.outcomes.row_weights
        rows = {first: weighted_rows(batch.weights[first], by, batch.labels, batch.weights)} if by else {}
        return {**batch.weights, **rows}

    def outstanding(self, batch: Batch) -> dict[str, tf.Tensor]:
        """By task whose outcomes come late, the logarithm of the chance that one has not come yet (`Arrival`)."""
        return {task: arrival(batch.marks) for task, arrival in self.arrivals.items()}

    def count(self, split: TrainingSplit) -> None:
        """What layers count in the training split: how often each id occurs, what is usual of each category, how late outcomes
        come."""
        for arrival in self.arrivals.values():
            arrival.learn(split.batches())
        for layer in self.embedding_layers():
            if layer.config.regularization:
                layer.count_frequencies(batch.inputs for batch in split.batches())
        for layer in self._flatten_layers():
            if isinstance(layer, DetailedStatistics):
                layer.learn(batch.inputs for batch in split.batches())

    @property
    def encoded_schema(self) -> Schema:
        """The schema with the candidate columns that `encode_candidates` is given: all, or the item's (`Traits.items`)."""
        return self.schema.of_items() if self.traits.items == "ahead" else self.schema

    @property
    def unread_columns(self) -> list[str]:
        """Names of candidate columns that the log has and `encode_candidates` is not given: those known only at the request,
        where items are computed ahead of time."""
        read = {column.name for column in self.encoded_schema.columns("candidate")}
        return [column.name for column in self.schema.columns("candidate") if column.name not in read]

    def make_variables(self) -> None:
        """Makes all variables, as a Keras model does when it is called first."""
        self(smallest_inputs(self.schema))

    def call(self, inputs: Tensors, training: bool | None = None) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}` logits from the model's inputs (`zoo.data.parsing.to_dense`)."""
        if training and self.distillation is not None:
            self.distillation.step()
        states = [*self.encoded(inputs)]
        if self.scaled_statistics is not None:
            # Of a request and a candidate together, so they belong to neither state.
            states.append(self.scaled_statistics(*split_inputs(self.schema, inputs)))
        return self.score(*states)

    def encoded(self, inputs: Tensors) -> tuple[Any, Any]:
        """The states of requests and candidates, which layers can be asked about.

        Args:
            inputs: the model's, by column.

        Example:
            >>> request, candidates = din.encoded(batch.inputs)
            >>> din.attention.weights_of(candidates, request.behaviours)        # [R, N, T]
        """
        request, _ = split_inputs(self.schema, inputs)
        return self.encode_request(request), self.encode_candidates(candidates_of(self.encoded_schema, inputs))

    def probabilities(self, inputs: Tensors) -> dict[str, tf.Tensor]:
        """`{task: [R, N]}` predictions for the model's inputs, at inference."""
        return self.predictions(self(inputs, training=False))

    def penalties(self, batch: Batch) -> tf.Tensor:
        """What layers added in the last call (`add_loss`), and what embeddings add for the rows of the batch; a scalar."""
        added = tf.add_n(self.losses) if self.losses else tf.constant(0.0)
        return added + sum((layer.regularization(batch.inputs) for layer in self.embedding_layers()), 0.0)

    def compute_loss(self, batch: Iterable[Tensors], training: bool = False) -> tf.Tensor:
        """TFRS' hook: the loss of a batch, so that Keras' own `fit` and `evaluate` work in a notebook too."""
        known = Batch(*batch)
        return self.loss(self(known.inputs, training=training), known)

    def embedding_layers(self) -> list[Embeddings]:
        """The model's sets of tables."""
        return [layer for layer in self._flatten_layers() if isinstance(layer, Embeddings)]

    def variable_groups(self) -> dict[str, list[tf.Variable]]:
        """Trainable variables by the group of the optimizer that moves them."""
        return variable_groups(self)

    def learned_numbers(self) -> int:
        """How many numbers were learned: those of the trainable variables, and of layers that learn otherwise (trees)."""
        others = [layer for layer in self._flatten_layers(include_self=False) if hasattr(layer, "learned_numbers")]
        return sum(v.shape.num_elements() for v in self.trainable_variables) + sum(o.learned_numbers() for o in others)

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
    candidates = candidates_of(schema, inputs)
    return {name: value for name, value in inputs.items() if name not in candidates}, candidates


def candidates_of(schema: Schema, inputs: Tensors) -> dict[str, tf.Tensor]:
    """Those of the model's inputs that are a schema's candidate columns, with how many candidates there are."""
    ours = {name for column in schema.columns("candidate") for name in column.input_names} | {CANDIDATE_COUNT}
    return {name: value for name, value in inputs.items() if name in ours}
