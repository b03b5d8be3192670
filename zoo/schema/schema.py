"""The Schema of a request log."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pydantic

from zoo.config import Config, ConfigError, dump_yaml, load_yaml, nearest, parse
from zoo.schema.features import FIRST_ID, BehaviourSequence, Column, Feature, IdSpace
from zoo.schema.labels import Label, Mark

CANDIDATE_COUNT = "candidate_count"
REQUEST_ID = "request_id"
REQUEST_TIME = "request_time"


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
