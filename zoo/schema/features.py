"""What a request log has of requests, events and candidates: ids, numbers and texts, and the columns that they are."""

from __future__ import annotations

from typing import Literal, NamedTuple

import pydantic

from zoo.config import Config

PADDING_ID = 0
UNKNOWN_ID = 1
FIRST_ID = 2

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
