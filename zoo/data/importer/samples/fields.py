"""The values of a feature for many places (requests, events, candidates) as the log has them, and which can't be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.data.columnar import offsets, ranges
from zoo.data.importer.samples.cast import Caster
from zoo.data.importer.samples.feature_places import Shape
from zoo.data.importer.samples.features import SampleFeature
from zoo.data.importer.samples.places import RowError, RowPlace
from zoo.data.importer.samples.ragged import Ragged, split


@dataclass(frozen=True)
class Field:
    """Values of a feature, place by place.

    Args:
        values: flat: binary, missing ids "", or float32, missing numbers NaN.
        counts: `[P]` how many values each place has, where there may be several or none.
        weights: of the values, float32.
        width: values of each place, of a wider number.
    """

    values: pa.Array
    counts: np.ndarray | None = None
    weights: pa.Array | None = None
    width: int = 1

    def __len__(self) -> int:
        return len(self.values) // self.width if self.counts is None else len(self.counts)

    def take(self, places: np.ndarray) -> Field:
        """Some of the places, in any order."""
        if self.counts is None:
            flat = places if self.width == 1 else ranges(places * self.width, np.full(len(places), self.width, np.int64))
            return Field(self.values.take(pa.array(flat)), width=self.width)
        counts = self.counts[places]
        flat = pa.array(ranges(offsets(self.counts)[places], counts))
        return Field(self.values.take(flat), counts, None if self.weights is None else self.weights.take(flat))


class Bad(NamedTuple):
    """Places with a value that can't be used.

    Args:
        places: `[P]` which ones.
        reason: why.
    """

    places: np.ndarray
    reason: str


class Read(NamedTuple):
    """A field that was read, and its places that can't be used."""

    field: Field
    bad: list[Bad]


# Gives the raw values (`inner`: whether a place has several), or those of the column named instead.
Get = Callable[[bool, str | None], Ragged]


class FieldReader:
    """Reads fields.

    Args:
        cast: reads values.
        where: names the row of a place in errors.
    """

    def __init__(self, cast: Caster, where: Callable[[int], RowPlace]):
        self.cast, self.where = cast, where

    def single(self, wanted: Mapping[str, tuple[SampleFeature, Shape, pa.Array]]) -> dict[str, Read]:
        """Fields with one value a place, in one go."""
        found = self.cast.all({name: (values, "number" if shape.kind == "number" else "text")
                               for name, (_, shape, values) in wanted.items()})
        return {name: Read(Field(one.values), _no_numbers(wanted[name][0], one.bad)) for name, one in found.items()}

    def read(self, feature: SampleFeature, shape: Shape, get: Get) -> tuple[Ragged, Read]:
        """A field of any shape; beside it the raw values, whose lengths say how many places a row has."""
        inner = shape.multiple or feature.width > 1
        raw = get(inner, None)
        if not inner:
            return raw, self.single({"it": (feature, shape, raw.values)})["it"]
        places = Ragged(raw.values, raw.lengths[-1:])
        return raw, self._several(feature, places, get) if shape.multiple else self._wide(feature, places)

    def _several(self, feature: SampleFeature, raw: Ragged, get: Get) -> Read:
        """Ids with several values: without padding and missing ones, the first `max_values`."""
        values, weights = raw.values, None
        if feature.weight_separator:
            raw = raw.keep(pc.not_equal(self.cast(raw.values, "text").values, b"").to_numpy(zero_copy_only=False))
            values, weights = self._paired(feature, raw)
        elif feature.weights:
            weights = self._beside(feature, raw, get)
        texts = self.cast(values, "text").values
        nothing = pa.array([b"", *(text.encode() for text in feature.padding)], pa.binary())
        good = ~pc.is_in(texts, value_set=nothing).to_numpy(zero_copy_only=False)
        kept = np.bincount(raw.rows[good], minlength=len(raw))
        place = np.arange(int(kept.sum())) - np.repeat(offsets(kept)[:-1], kept)
        chosen = np.flatnonzero(good)[place < feature.max_values]
        field = Field(texts.take(pa.array(chosen)), np.minimum(kept, feature.max_values))
        if weights is None:
            return Read(field, [])
        numbers = self.cast(weights, "number").values.take(pa.array(chosen))
        wrong = ~(np.nan_to_num(numbers.to_numpy(), nan=-1.0) >= 0)
        bad = Bad(np.bincount(raw.rows[chosen[wrong]], minlength=len(raw)) > 0,
                  f"a weight of {feature.source} is no number that is at least 0")
        return Read(Field(field.values, field.counts, numbers), [bad] if wrong.any() else [])

    def _paired(self, feature: SampleFeature, raw: Ragged) -> tuple[pa.Array, pa.Array]:
        """Values and weights that stand in the same texts."""
        assert feature.weight_separator is not None
        parts = split(raw.values, feature.weight_separator, ())
        counts = pc.fill_null(pc.list_value_length(parts), 0).to_numpy(zero_copy_only=False)
        if (counts != 2).any():
            place = int(np.argmax(counts != 2))
            raise RowError(self.where(int(raw.rows[place])), f", column {feature.source!r}: {raw.values[place].as_py()!r} "
                           f"is no value and weight with {feature.weight_separator!r} between them")
        flat = parts.flatten()
        return tuple(flat.take(pa.array(np.arange(first, len(flat), 2))) for first in (0, 1))

    def _beside(self, feature: SampleFeature, raw: Ragged, get: Get) -> pa.Array:
        """Weights that stand in a column of their own."""
        weights = get(True, feature.weights)
        wrong = weights.lengths[-1] != raw.lengths[-1]
        if wrong.any():
            place = int(np.argmax(wrong))
            raise RowError(self.where(place), f": {feature.source!r} has {raw.lengths[-1][place]} values and "
                           f"{feature.weights!r} {weights.lengths[-1][place]} weights")
        return weights.values

    def _wide(self, feature: SampleFeature, raw: Ragged) -> Read:
        """A number of some width; where there is none, all of it is missing."""
        width, lengths = feature.width, raw.lengths[0]
        numbers, wrong = self.cast(raw.values, "number")
        full = np.full((len(lengths), width), np.nan, np.float32)
        fits = lengths == width
        full[fits] = numbers.to_numpy()[np.repeat(fits, lengths)].reshape(-1, width)
        bad = []
        if wrong is not None:
            bad.append(Bad(np.bincount(raw.rows[wrong], minlength=len(raw)) > 0, f"{feature.source} is not a number"))
        other = ~fits & (lengths != 0)
        if other.any():
            bad.append(Bad(other, f"{feature.source} has not {width} values"))
        return Read(Field(pa.array(full.ravel()), width=width), bad)


def _no_numbers(feature: SampleFeature, bad: np.ndarray | None) -> list[Bad]:
    return [] if bad is None else [Bad(bad, f"{feature.source} is not a number")]

