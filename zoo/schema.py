"""The Schema: the only place where the features of a request log are declared.

Everything else (parsing, TFX preprocessing, model inputs, signatures, the client's encoder) is derived from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import pydantic

from zoo.config import Config, ConfigError, dump_yaml, load_yaml, nearest, parse

PADDING_ID = 0
UNKNOWN_ID = 1
FIRST_ID = 2

CANDIDATE_COUNT = "candidate_count"
REQUEST_ID = "request_id"
REQUEST_TIME = "request_time"

Role = Literal["user", "item", "category", "brand", "shop", "price", "action", "time_gap", "position", "popularity",
               "shelf", "sold", "recent"]


class IdSpace(Config):
    """A vocabulary: a set of ids that several features share (the candidate's item and the history's items).

    Id 0 is padding, 1 is unknown or missing, real ids start at 2. Raw ids are strings.

    Args:
        kind: `learned`, a vocabulary counted on the training split, or `hashed` into `buckets`.
        min_count: learned: ids seen less often than this in the training split are unknown.
        max_size: learned: keep at most this many of the most frequent ids; None keeps all.
        buckets: hashed: number of buckets.
        size: rows that a table over this space needs, padding and unknown included; set by `Schema.bind`.
    """

    kind: Literal["learned", "hashed"] = "learned"
    min_count: int = pydantic.Field(default=1, ge=1)
    max_size: int | None = pydantic.Field(default=None, ge=1)
    buckets: int | None = pydantic.Field(default=None, ge=1)
    size: int | None = pydantic.Field(default=None, ge=FIRST_ID)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> IdSpace:
        if (self.kind == "hashed") != (self.buckets is not None):
            raise ValueError("a hashed space needs `buckets`, and a learned one must not have it")
        return self


class Feature(Config):
    """One value of a request, an event of a sequence, or a candidate.

    Args:
        name: its name, unique among its siblings.
        kind: `id` (a string, looked up in `space`), `number` (a float), or `text` (a string that a model tokenises itself).
        space: id: the name of its IdSpace.
        role: what it means, so that a model can ask for "the candidate's category" and not for a name. Of candidates that are
            rooms: `shelf`, ids of the products that lie there, a column for each thing that is known of them, all in the same
            order; `sold`, the products that were sold last, the last one first; `recent`, a wide number, one value for each
            minute or other step of the recent past, the last one at the end.
        transform: number: `zscore` (training moments), `log_zscore` (log1p first) or `none`.
        buckets: number: if above 0, also give the model the quantile bucket as an id (`<column>_bucket`).
        width: candidate numbers only: how many values each candidate has.
        multiple: id: it has several values (tags, attributes), any number of them, none included; `<column>_count` says how
            many, and models pool them.
        weighted: with `multiple`: each value has a weight, in `<column>_weight`.
        max_values: with `multiple`: at most so many values reach the model, the first ones.
        owner: candidate features only: `item`, a column of the catalogue, which a coarse ranker may compute on ahead of time;
            or `request`, known only when the request comes (past click rate, age, distance).
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["id", "number", "text"] = "id"
    space: str | None = None
    role: Role | None = None
    transform: Literal["zscore", "log_zscore", "none"] = "zscore"
    buckets: int = pydantic.Field(default=0, ge=0)
    width: int = pydantic.Field(default=1, ge=1)
    multiple: bool = False
    weighted: bool = False
    max_values: int = pydantic.Field(default=20, ge=1)
    owner: Literal["item", "request"] = "request"

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Feature:
        if (self.kind == "id") != (self.space is not None):
            raise ValueError(f"feature {self.name!r}: an id needs `space`, and a {self.kind} must not have it"
                             if self.space else f"feature {self.name!r}: an id needs `space`")
        if self.kind != "number" and self.buckets:
            raise ValueError(f"feature {self.name!r}: only numbers can be put in buckets")
        if self.kind != "id" and self.multiple:
            raise ValueError(f"feature {self.name!r}: only ids can have several values; a number has `width`")
        if self.weighted and not self.multiple:
            raise ValueError(f"feature {self.name!r}: `weighted` needs `multiple`: a lone value has no weight")
        if self.width > 1 and self.kind != "number":
            raise ValueError(f"feature {self.name!r}: only numbers can be wider than 1")
        if self.width > 1 and self.buckets:
            raise ValueError(f"feature {self.name!r}: a number wider than 1 can't be put in buckets")
        return self

    @property
    def weight(self) -> str:
        """Name of its values' weights, beside it in a Request."""
        return f"{self.name}_weight"


class BehaviourSequence(Config):
    """A list of events, **oldest first**, every event with the same fields.

    Args:
        name: prefix of its columns: `history` with field `item` is the column `history_item`.
        fields: what each event carries.
        max_length: at most so many events reach the model, the most recent ones.
        role: what the sequence means; a model asks for `behaviours`, what was done with candidates. `products`: what was done
            with products, where candidates are rooms that have them on their shelves.
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")
    fields: tuple[Feature, ...] = pydantic.Field(min_length=1)
    max_length: int = pydantic.Field(default=50, ge=1)
    role: Literal["behaviours", "long_behaviours", "products", "other"] = "behaviours"

    @property
    def length(self) -> str:
        """Name of the column with the number of events."""
        return f"{self.name}_length"


class Late(Config):
    """An outcome that comes some time after the candidate was shown, so that the log may end before it came.

    Args:
        waited: name of the mark that says how long the log went on after the candidate was shown.
        after: name of the mark that says how long after it the outcome came, NaN where none was seen; in the same unit.
    """

    waited: str
    after: str


class Label(Config):
    """What is learned of each candidate; also the name of the task and of its output.

    Args:
        name: the task: `click`. The column is `label_click`; NaN there means "not observed" and has no weight.
        kind: `binary` (0 or 1) or `regression`.
        scale: regression: what the column holds of a quantity x: `linear`, x; `non_negative`, x that is never below 0; `log1p`,
            log(1 + x) of such an x, so that the largest ones do not rule the squared error. The last two are predicted as
            `max(z, 0)`.
        weight: weight of its loss.
        late: binary: the outcome comes later, and marks say when; see `zoo.losses.late_cross_entropy`.
        soft: binary: the log holds a probability (a teacher's) and not an outcome; learned by the same cross entropy.
        of: with `soft`: the task that the teacher speaks of. Its output learns from outcomes and from the teacher, and the
            soft label is no task; without it, the soft label is a task of its own.
        given: binary: the task that this one is conditional on (`purchase` given `click`). Its output is p(this | given).
        entire_space: with `given`: learn `p(given)·p(this | given)` over all candidates (ESMM's CTCVR); False learns
            p(this | given) where `given` happened.
        truth: whether the log keeps the true probability beside the label (column `truth_click`); simulators do.
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["binary", "regression"] = "binary"
    scale: Literal["linear", "non_negative", "log1p"] = "linear"
    weight: float = pydantic.Field(default=1.0, gt=0)
    late: Late | None = None
    soft: bool = False
    of: str | None = None
    given: str | None = None
    entire_space: bool = True
    truth: bool = False

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Label:
        if self.kind != "binary" and (self.soft or self.given):
            raise ValueError(f"label {self.name!r}: only binary labels are soft or conditional on another")
        if self.kind != "regression" and self.scale != "linear":
            raise ValueError(f"label {self.name!r}: `scale` is said of regressions alone")
        if self.late and (self.kind != "binary" or self.soft):
            raise ValueError(f"label {self.name!r}: `late` is said of binary labels with outcomes alone")
        if self.of is not None and (not self.soft or self.given):
            raise ValueError(f"label {self.name!r}: `of` says which task a soft label speaks of; an outcome, or what is "
                             "conditional on another, has none")
        return self

    @property
    def column(self) -> str:
        return f"label_{self.name}"

    @property
    def truth_column(self) -> str:
        return f"truth_{self.name}"


class Mark(Config):
    """A number of each candidate that no model reads and none learns: for losses, metrics and people.

    Args:
        name: the column is `mark_stage`.
        role: what it means: `stage`, how far the candidate came in the cascade (`zoo.stages`); `bought_outside`, 1 where the
            user bought it outside of the scenario, and the purchase is bound to the request; or `other`.
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")
    role: Literal["stage", "bought_outside", "other"] = "other"

    @property
    def column(self) -> str:
        return f"mark_{self.name}"


class Column(NamedTuple):
    """A feature with its name on the wire, the level where it stands, and its sequence where it has one."""

    name: str
    level: Literal["request", "sequence", "candidate"]
    sequence: BehaviourSequence | None
    feature: Feature

    @property
    def space(self) -> str:
        """Name of the id space of its ids.

        Raises:
            TypeError: it has no ids.
        """
        if self.feature.space is None:
            raise TypeError(f"column {self.name!r} is a {self.feature.kind}; only columns of ids have an id space")
        return self.feature.space

    @property
    def bucket(self) -> str:
        """Name of the model input with the quantile bucket of a number."""
        return f"{self.name}_bucket"

    @property
    def count(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]  (of tuple)
        """Name of the column with the number of values, where there are several."""
        return f"{self.name}_count"

    @property
    def weight(self) -> str:
        """Name of the column with the values' weights."""
        return f"{self.name}_weight"

    @property
    def raw_names(self) -> list[str]:
        """Names of its columns in a log and in a serving call: the values, how many there are, their weights."""
        feature = self.feature
        return [self.name] + [self.count] * feature.multiple + [self.weight] * feature.weighted

    @property
    def input_names(self) -> list[str]:
        """Names of the model's inputs that come of it: the raw ones, and the bucket of a number."""
        return self.raw_names + [self.bucket] * bool(self.feature.buckets)


class Schema(Config):
    """Declares a request log: one example is one request with its N candidates.

    Columns on the wire, in tf.Examples as in serving calls: a request feature has its own name, a sequence field
    `<sequence>_<field>`, a candidate feature `candidate_<feature>`; `request_id` (string) and `request_time` (seconds
    since 1970) always stand beside them.

    Args:
        name: name of the data set.
        spaces: the id spaces by name.
        request: features of the user and the context, one value a request.
        sequences: behaviour sequences.
        candidates: features of each candidate; one has the role `item`.
        labels: what is learned.
        group_key: the request column that GAUC groups by (a request feature or one of `keys`).
        keys: string columns of a request that no model reads (user or session id for grouping).
        marks: numbers of each candidate that no model reads: how far it came in the cascade, what was bought elsewhere.
        sample_weight: whether the log has the column `sample_weight`, one float a candidate.
        max_candidates: a serving call with more candidates is refused.

    Example:
        >>> schema = Schema.load("schema.yaml")
        >>> [column.name for column in schema.columns("candidate")]
        ['candidate_item', 'candidate_category', 'candidate_price']
    """

    name: str
    spaces: dict[str, IdSpace]
    request: tuple[Feature, ...] = ()
    sequences: tuple[BehaviourSequence, ...] = ()
    candidates: tuple[Feature, ...] = pydantic.Field(min_length=1)
    labels: tuple[Label, ...] = pydantic.Field(default=(Label(name="click"),), min_length=1)
    group_key: str
    keys: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    sample_weight: bool = False
    max_candidates: int = pydantic.Field(default=10_000, ge=1)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Schema:
        names = [name for column in self.columns() for name in column.input_names]
        names += [s.length for s in self.sequences] + list(self.keys)
        names += [name for label in self.labels for name in (label.column, label.truth_column)]
        names += [mark.column for mark in self.marks]
        names += [CANDIDATE_COUNT, REQUEST_ID, REQUEST_TIME, "sample_weight"]
        names += [] if self.group_key in self.keys else [self.group_column]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"column names must be unique; declared twice: {', '.join(twice)}")
        for column in self.columns():
            space = column.feature.space
            if space is not None and space not in self.spaces:
                raise ValueError(f"column {column.name!r} names the space {space!r}, which is not declared"
                                 + nearest(space, self.spaces))
            if column.feature.width > 1 and column.level != "candidate":
                raise ValueError(f"column {column.name!r}: only candidate features can be wider than 1")
            if column.feature.owner == "item" and column.level != "candidate":
                raise ValueError(f"column {column.name!r}: `owner` is said of candidate features alone")
        tasks = [label.name for label in self.labels]
        for label in self.labels:
            other = next((one for one in self.labels if one.name == label.given), None)
            if label.given is not None and (other is None or other is label or other.kind != "binary" or other.given):
                raise ValueError(f"label {label.name!r} is given {label.given!r}, which is not another binary label that is "
                                 f"given nothing itself{nearest(label.given, [task for task in tasks if task != label.name])}")
            taught = next((one for one in self.labels if one.name == label.of), None)
            if label.of is not None and (taught is None or taught.soft or taught.kind != "binary"):
                raise ValueError(f"label {label.name!r} is of {label.of!r}, which is not a binary label with outcomes"
                                 f"{nearest(label.of, [task for task in tasks if task != label.name])}")
        marks = [mark.name for mark in self.marks]
        for name in (mark for label in self.labels if label.late for mark in (label.late.waited, label.late.after)):
            if name not in marks:
                raise ValueError(f"a label's `late` names the mark {name!r}, which is not declared{nearest(name, marks)}")
        groups = [feature.name for feature in self.request if feature.kind == "id" and not feature.multiple] + list(self.keys)
        if self.group_key not in groups:
            raise ValueError(f"group_key {self.group_key!r} is neither an id feature of the request (with one value) nor one "
                             "of `keys`" + nearest(self.group_key, groups))
        return self

    # ---- columns -------------------------------------------------------------------------------------------------

    def columns(self, level: str | None = None) -> list[Column]:
        """All columns that models read, or those of one level (`request`, `sequence`, `candidate`)."""
        found = [Column(f.name, "request", None, f) for f in self.request]
        found += [Column(f"{s.name}_{f.name}", "sequence", s, f) for s in self.sequences for f in s.fields]
        found += [Column(f"candidate_{f.name}", "candidate", None, f) for f in self.candidates]
        return [column for column in found if level in (None, column.level)]

    def sequence_columns(self, sequence: BehaviourSequence) -> list[Column]:
        """The columns of one sequence."""
        return [column for column in self.columns("sequence") if column.sequence == sequence]

    def sequence(self, role: str) -> BehaviourSequence | None:
        """The sequence with this role, or None where the log has none."""
        return next((sequence for sequence in self.sequences if sequence.role == role), None)

    def candidate(self, role: str) -> Column | None:
        """The candidate column with this role and one value, or None where the log has none."""
        return next((column for column in self.columns("candidate")
                     if column.feature.role == role and not column.feature.multiple), None)

    def candidates_with(self, role: str) -> list[Column]:
        """The candidate columns with this role, with one value or several, in their order."""
        return [column for column in self.columns("candidate") if column.feature.role == role]

    def mark(self, role: str) -> Mark | None:
        """The mark with this role, or None where the log has none."""
        return next((mark for mark in self.marks if mark.role == role), None)

    def item_columns(self) -> list[Column]:
        """The candidate columns that belong to the item alone; the catalogue has them, named by their features."""
        return [column for column in self.columns("candidate") if column.feature.owner == "item"]

    def of_items(self) -> Schema:
        """The same schema with those candidate columns alone that belong to the item: what can be computed on ahead of time.

        Raises:
            ConfigError: no candidate feature is said to be the item's.
        """
        columns = self.item_columns()
        if not columns:
            raise ConfigError(f"schema {self.name!r}: no candidate feature is said to belong to the item; say `owner: item` of "
                              "those that the catalogue has")
        return self.model_copy(update={"candidates": tuple(column.feature for column in columns)})

    def by_id(self) -> Schema:
        """The same schema with the item's id as the candidates' only column: what a ranker that keeps the items is asked.

        Raises:
            ConfigError: no candidate feature names the item.
        """
        column = self.candidate("item")
        if column is None:
            raise ConfigError(f"schema {self.name!r}: no candidate feature has the role item; say which one names it")
        return self.model_copy(update={"candidates": (column.feature,)})

    def only(self, labels: Collection[str]) -> Schema:
        """The same schema with some of its labels, in their order: for a model of fewer tasks.

        A label whose condition is left out is learned where it was observed; a teacher's word on a label that is left out goes
        with it.

        Raises:
            ConfigError: there is no such label, or none is left.
        """
        known = [label.name for label in self.labels]
        for name in labels:
            if name not in known:
                raise ConfigError(f"schema {self.name!r} has no label {name!r}{nearest(name, known)}")
        left = [label.model_copy(update={"given": label.given if label.given in labels else None})
                for label in self.labels if label.name in labels and (label.of is None or label.of in labels)]
        if not left:
            raise ConfigError(f"schema {self.name!r}: no label is left to learn; name some of {', '.join(known)}")
        return self.model_copy(update={"labels": tuple(left)})

    @property
    def tasks(self) -> tuple[Label, ...]:
        """The labels that models have an output for: all but a teacher's opinion of another one."""
        return tuple(label for label in self.labels if label.of is None)

    @property
    def string_keys(self) -> tuple[str, ...]:
        """String columns of a request that are carried along: its id and the declared keys."""
        return (REQUEST_ID, *self.keys)

    @property
    def group_column(self) -> str:
        """The column of transformed examples with the raw group key.

        Where the key is a feature, the feature's own column holds its id, which is 1 for every unknown value: groups
        would be joined.
        """
        return self.group_key if self.group_key in self.keys else f"raw_{self.group_key}"

    # ---- vocabularies --------------------------------------------------------------------------------------------

    def bind(self, sizes: Mapping[str, int]) -> Schema:
        """The same schema with the number of table rows of every space, as counted on the training split.

        Args:
            sizes: real ids in each learned space, without padding and unknown; hashed spaces know theirs.

        Raises:
            ConfigError: a learned space has no size.
        """
        bound = {}
        for name, space in self.spaces.items():
            count = space.buckets if space.kind == "hashed" else sizes.get(name)
            if count is None:
                raise ConfigError(f"schema {self.name!r}: no vocabulary was given for the space {name!r}")
            bound[name] = space.model_copy(update={"size": FIRST_ID + count})
        return self.model_copy(update={"spaces": bound})

    def size(self, space: str) -> int:
        """Rows of a table over `space`.

        Raises:
            ConfigError: the schema was not bound to vocabularies.
        """
        size = self.spaces[space].size
        if size is None:
            raise ConfigError(f"schema {self.name!r}: the space {space!r} has no size yet; call Schema.bind first")
        return size

    # ---- files ---------------------------------------------------------------------------------------------------

    @classmethod
    def load(cls, path: str | Path) -> Schema:
        """Reads a schema from YAML; errors name the file and the key."""
        return parse(cls, load_yaml(path), where=str(path))

    def save(self, path: str | Path) -> None:
        """Writes the schema as YAML."""
        dump_yaml(self, path)
