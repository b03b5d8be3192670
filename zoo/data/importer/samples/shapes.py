"""What the features of a table turn out to be, where the configuration does not say it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zoo.data.importer.samples.cast import Caster
from zoo.data.importer.samples.config import SamplesConfig
from zoo.data.importer.samples.feature_places import Place, Shape
from zoo.data.importer.samples.features import SampleFeature
from zoo.data.importer.samples.ragged import Ragged, is_list, ragged
from zoo.data.importer.samples.raw import RawTable
from zoo.data.importer.sources import EventLogError

# Rows of the table that are looked at.
LOOKED_AT = 10_000


def find_shapes(config: SamplesConfig, samples: RawTable, items: RawTable | None = None) -> dict[str, Shape]:
    """The shape of each feature, by its column in the log.

    Args:
        config: of the import.
        samples: the first rows of the table.
        items: those of the catalogue, where there is one.

    Raises:
        EventLogError: a column is not what it is said to be, or it can't be told what it is.
    """
    cast = Caster(config)
    return {place.column: _shape(place, _outer(items if place.joined and items else samples, place), cast)
            for place in config.places()}


def _outer(table: RawTable, place: Place) -> Ragged:
    """The feature's values in their outermost lists."""
    if place.joined or place.level == "request":
        return table.request(place.feature, place.several_columns)
    if place.sequence:
        return table.event(place.sequence, place.feature, False)
    return table.candidate(place.feature, place.several_columns)


def _shape(place: Place, found: Ragged, cast: Caster) -> Shape:
    one: SampleFeature = place.feature
    several, values = place.several_columns, found.values
    if is_list(values.type) or (one.separator and not several):
        several = True
        values = ragged(values, [one.separator], cast.missing).values
    kind = place.kind or _kind(one, values, cast)
    if several and (kind == "text" or (kind == "number" and one.width == 1)):
        raise EventLogError(f"column {one.source!r} holds several values for the {kind} {one.name!r}"
                            + ("; say its `width`, or `kind: id`" if kind == "number" else ", which has one"))
    return Shape(kind, kind == "id" and (several or place.shape.multiple))


def _kind(feature: SampleFeature, values: pa.Array, cast: Caster) -> Literal["id", "number"]:
    floats = pa.types.is_floating(values.type) or pa.types.is_decimal(values.type)
    if not floats and not pa.types.is_string(values.type):
        return "id"
    numbers, bad = cast(values, "double")
    found = numbers.to_numpy()
    there = found[~np.isnan(found)]
    if bad is not None or not len(there):
        return "number" if floats else "id"
    if not (there == np.trunc(there)).all():
        return "number"
    if floats or pc.any(pc.match_substring(values, ".")).as_py():
        raise EventLogError(f"column {feature.source!r} holds whole numbers written as floats ({there[0]}), which may be "
                            f"ids or numbers; say `kind: id` or `kind: number` of the feature {feature.name!r}")
    return "id"
