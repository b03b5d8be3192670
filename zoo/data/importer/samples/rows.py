"""Who, when and which request: the keys of each row, and what makes a row unusable."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import dataset

from zoo.data.importer.samples.cast import Caster
from zoo.data.importer.samples.config import SamplesConfig
from zoo.data.importer.samples.plan import UNSPLIT, Plan, Reasons
from zoo.data.importer.samples.raw import RawTable
from zoo.data.importer.sources import EventLogError
from zoo.data.importer.time_units import FUTURE, misfit
from zoo.data.request_log import SPLITS

_TRAIN, _VALIDATION, _TEST = range(3)


class Keys(NamedTuple):
    """The keys of some rows.

    Args:
        user: binary.
        request: binary; None where each row is a request without a name.
        time: seconds since 1970, 0 where the table has none.
        split: number of the split, `UNSPLIT` where the request's time decides.
    """

    user: pa.Array
    request: pa.Array | None
    time: np.ndarray
    split: np.ndarray


def read_keys(plan: Plan, raw: RawTable, file: np.ndarray, cast: Caster, reasons: Reasons) -> Keys:
    """Reads the keys of some rows.

    Args:
        plan: of the import.
        raw: the rows.
        file: `[R]` the number of each row's file.
        cast: reads values.
        reasons: gets the rows that can't be used.
    """
    columns = plan.config.columns
    user = cast(raw.column(columns.user), "text").values
    reasons.add(_is_empty(user), "no user")
    request = cast(raw.column(columns.request), "text").values if columns.request else None
    if request is not None:
        reasons.add(_is_empty(request), "no request")
    moments = _times(plan, raw, cast, reasons) if columns.time else np.zeros(len(raw), np.int64)
    return Keys(user, request, moments, _splits(plan, raw, user, file, cast, reasons))


def _times(plan: Plan, raw: RawTable, cast: Caster, reasons: Reasons) -> np.ndarray:
    moments = read_moments(plan.config, raw, cast)
    reasons.add(np.isnan(moments), "time can not be read")
    reasons.add(moments > int(time.time()), FUTURE)
    reasons.add(moments < 0, "time lies before 1970")
    return np.floor(np.nan_to_num(moments)).astype(np.int64)


def read_moments(config: SamplesConfig, raw: RawTable, cast: Caster) -> np.ndarray:
    """Seconds since 1970 of some rows; NaN where they can't be read."""
    columns = config.columns
    assert columns.time is not None
    moments = cast(raw.column(columns.time), "moment").values.to_numpy()
    if columns.time_of_day is None:
        return moments
    return moments + np.nan_to_num(cast(raw.column(columns.time_of_day), "double").values.to_numpy() / 1000)


def check_times(config: SamplesConfig, raw: RawTable, cast: Caster, where: str) -> None:
    """Looks whether the times of some rows are what they are said to be.

    Raises:
        EventLogError: most of them lie before 1990, or in the future; it says what would fit.
    """
    if config.columns.time:
        cast.db.register("checked", dataset.dataset(pa.table({
            "time": pa.array(read_moments(config, raw, cast), from_pandas=True)})))
        reason = misfit(config, config.splits.times, cast.db)
        cast.db.unregister("checked")
        if reason:
            raise EventLogError(f"{where}: {reason}")


def _splits(plan: Plan, raw: RawTable, user: pa.Array, file: np.ndarray, cast: Caster, reasons: Reasons) -> np.ndarray:
    splits = plan.config.splits
    if splits.times:
        return np.full(len(raw), UNSPLIT)
    found = np.asarray(plan.splits)[file] if splits.paths else np.zeros(len(raw), np.int64)
    if splits.column:
        texts = cast(raw.column(splits.column), "text").values
        found = np.full(len(raw), UNSPLIT)
        for number, split in enumerate(SPLITS):
            named = pa.array([name.encode() for name in getattr(splits.named, split)], pa.binary())
            found[pc.is_in(texts, value_set=named).to_numpy(zero_copy_only=False)] = number
        reasons.add(found == UNSPLIT, f"{splits.column} names no split")
    if splits.shares is None:
        return found
    named = splits.named
    lot = _shares(user, splits.shares.seed, cast)
    validation = 0.0 if named and named.validation else splits.shares.validation
    test = 0.0 if named and named.test else splits.shares.test
    train = found == _TRAIN
    found = np.where(train & (lot < validation), _VALIDATION, found)
    return np.where(train & (lot >= validation) & (lot < validation + test), _TEST, found)


def splits_of(plan: Plan, split: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Numbers of the splits of some requests, by their times where nothing else says it."""
    divided = plan.config.splits.times
    if divided is None:
        return split
    return np.searchsorted([divided.validation_from.timestamp(), divided.test_from.timestamp()], times, side="right")


def _shares(user: pa.Array, seed: int, cast: Caster) -> np.ndarray:
    """A number from 0 to 1 for each user, the same on every machine."""
    encoded = user.dictionary_encode()
    hashed = cast.hashed(encoded.dictionary.cast(pa.string()), seed)
    return hashed[encoded.indices.to_numpy()]


def _is_empty(texts: pa.Array) -> np.ndarray:
    return pc.equal(texts, b"").to_numpy(zero_copy_only=False)
