"""Features, sequences and labels of a table of samples, and how they stand in its columns."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from zoo.config import Config
from zoo.data.importer.files_config import numbered
from zoo.data.importer.values import Values
from zoo.schema import Feature, Label, Role

_NAME = r"^[a-z][a-z0-9_]*$"


class SampleFeature(Config):
    """A feature and where it stands.

    Args:
        name: of the feature.
        column: of the table; the name by default. `tag_1..tag_5` are five columns that hold several values, the dimensions of
            a wider number, or the events of a sequence.
        kind: `id`, `number` or `text`; by default, a number where a setting of numbers is given or where the column holds
            numbers that are not whole, else an id.
        space: of an id; the name by default, so that features of the same name share it.
        role: what it means (`item`, `category`, `price`, …).
        transform, buckets, width: of a number, as in `zoo.schema.Feature`.
        separator: between the values of an id with several, or of a wider number, where they stand in one text; list columns
            need none.
        weights: column with the weights of the values, written as they are.
        weight_separator: between each value and its weight, where they stand in the same text (`shoes:0.5|hats:2`).
        padding: values that stand for none, among several.
        max_values: of several, the first ones that reach the model.
        owner: candidates: `item` where it belongs to the item alone, so that the catalogue has it; by default those with the
            role `item`, `category`, `brand` or `shop`.
    """

    name: str = pydantic.Field(pattern=_NAME)
    column: str | None = None
    kind: Literal["id", "number", "text"] | None = None
    space: str | None = None
    role: Role | None = None
    transform: Literal["zscore", "log_zscore", "none"] = "zscore"
    buckets: int = pydantic.Field(default=0, ge=0)
    width: int = pydantic.Field(default=1, ge=1)
    separator: str | None = pydantic.Field(default=None, min_length=1)
    weights: str | None = None
    weight_separator: str | None = pydantic.Field(default=None, min_length=1)
    padding: Values = ()
    max_values: int = pydantic.Field(default=20, ge=1)
    owner: Literal["item", "request"] | None = None

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> SampleFeature:
        several = self.weights or self.weight_separator
        if self.weights and self.weight_separator:
            raise ValueError("the weights stand either in a column (`weights`) or beside each value (`weight_separator`)")
        if several and (self.kind not in (None, "id") or self.width > 1):
            raise ValueError("only an id with several values has weights")
        return self

    @property
    def source(self) -> str:
        """The column, or the range of columns."""
        return self.column or self.name

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it is read from, those of its weights among them."""
        return numbered(self.source) + (numbered(self.weights) if self.weights else ())

    @property
    def weighted(self) -> bool:
        """Whether its values have weights."""
        return bool(self.weights or self.weight_separator)

    def feature(self, kind: str, multiple: bool, **settings: Any) -> Feature:
        """As the schema has it.

        Args:
            kind: what it turned out to be.
            multiple: whether it has several values.
            settings: further ones.
        """
        settings |= {"name": self.name, "kind": kind, "role": self.role, "multiple": multiple, "max_values": self.max_values}
        if kind == "id":
            settings |= {"space": self.space or self.name, "weighted": self.weighted}
        if kind == "number":
            settings |= {"transform": self.transform, "buckets": self.buckets, "width": self.width}
        return Feature(**settings)


class SampleSequence(Config):
    """A behaviour sequence: several columns of the same length that are the fields of its events, or one with all of them.

    Args:
        name: of the sequence.
        fields: of each event; their columns are lists, texts with a separator, or ranges of columns (`hist_1..hist_50`). In
            one `column` of structs they are the structs' fields, in one of texts they stand in this order.
        column: that holds the events with all their fields: texts such as `a|b;c|d`, or lists of structs.
        separator: between events, in texts.
        field_separator: between the fields of an event, in one `column` of texts.
        newest_first: whether the newest event stands first in the table.
        padding: an event is none where its first field is one of these values, or where all its fields are missing.
        length: column with the number of events; what stands after them is padding.
        attributes: features of the catalogue, looked up by the first field of an event.
        max_length: most recent events that are kept.
        role: of the sequence, as in `zoo.schema.BehaviourSequence`.
    """

    name: str = pydantic.Field(default="history", pattern=_NAME)
    fields: tuple[SampleFeature, ...] = pydantic.Field(min_length=1)
    column: str | None = None
    separator: str | None = pydantic.Field(default=None, min_length=1)
    field_separator: str | None = pydantic.Field(default=None, min_length=1)
    newest_first: bool = False
    padding: Values = ()
    length: str | None = None
    attributes: tuple[str, ...] = ()
    max_length: int = pydantic.Field(default=50, ge=1)
    role: Literal["behaviours", "long_behaviours", "other"] = "behaviours"

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> SampleSequence:
        if self.field_separator and not (self.column and self.separator):
            raise ValueError("`field_separator` needs one `column` with all fields, and the `separator` between its events")
        return self


class Page(Config):
    """How the candidates of a request stand in its row; list columns need nothing said.

    Args:
        separator: between candidates, in texts.
        column: a text with all candidates, such as `N1-1 N2-0`.
        field_separator: between the parts of a candidate there.
        fields: the candidate features and labels that stand there, in order.
    """

    separator: str | None = pydantic.Field(default=None, min_length=1)
    column: str | None = None
    field_separator: str | None = pydantic.Field(default=None, min_length=1)
    fields: tuple[str, ...] = ()

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Page:
        if bool(self.column) != bool(self.fields) or (self.column and not self.separator):
            raise ValueError("a `column` with all candidates needs their `fields`, in order, and a `separator`")
        if self.field_separator and len(self.fields) < 2:
            raise ValueError("`field_separator` stands between the `fields` of a candidate; name them")
        return self


class SampleLabel(Config):
    """A label and where it stands; where it is missing it was not observed, and has no weight.

    Args:
        name: of the task.
        column: of the table; the name by default.
        kind: `binary` (1 and 0, or true and false) or `regression`.
        above: binary: the column is a number, and the label is 1 where it is above this one (a rating, a watch time).
        scale: regression: what the number is multiplied by (0.001 makes seconds of milliseconds).
        weight, soft, given, entire_space: as in `zoo.schema.Label`.
    """

    name: str = pydantic.Field(pattern=_NAME)
    column: str | None = None
    kind: Literal["binary", "regression"] = "binary"
    above: float | None = None
    scale: float = 1.0
    weight: float = pydantic.Field(default=1.0, gt=0)
    soft: bool = False
    given: str | None = None
    entire_space: bool = True

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> SampleLabel:
        if self.above is not None and (self.kind != "binary" or self.soft):
            raise ValueError("`above` makes a binary label of a number; a regression or a soft label is the number itself")
        if self.scale != 1 and self.kind != "regression":
            raise ValueError("`scale` is for labels of the kind regression")
        return self

    @property
    def source(self) -> str:
        """The column, or the range of columns."""
        return self.column or self.name

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it is read from."""
        return numbered(self.source)

    def label(self) -> Label:
        """As the schema has it."""
        return Label(name=self.name, kind=self.kind, weight=self.weight, soft=self.soft, given=self.given,
                     entire_space=self.entire_space)
