"""How a table of samples is divided into splits."""

from __future__ import annotations

import datetime

import pydantic

from zoo.config import Config
from zoo.data.importer.protocol import Splits
from zoo.data.importer.values import Values


class SplitNames(Config):
    """What each split is called: values of a column, or names of files.

    Args:
        train, validation, test: one or several names each.
    """

    train: Values
    validation: Values = ()
    test: Values = ()


_NAMES = SplitNames(train=("train",), validation=("validation", "valid", "val"), test=("test",))


class Shares(Config):
    """How much of the users goes to the later splits, by a hash of the user.

    Args:
        validation, test: shares between 0 and 1.
        seed: of the hash.
    """

    validation: float = pydantic.Field(default=0.1, gt=0, lt=1)
    test: float = pydantic.Field(default=0.1, gt=0, lt=1)
    seed: int = 7


class SampleSplits(Config):
    """How the table is divided: by times, by a column, by files, or by shares of the users.

    Args:
        validation_from, test_from, until: times, as in `zoo.data.importer.protocol.Splits`.
        column: that says the split of each row; its values stand in `names`.
        names: values of `column`; `train`, `validation` (or `valid`, `val`) and `test` by default.
        paths: names of the files of each split; `*` and `?` are patterns.
        shares: of users. With `column` or `paths`, of the training split's users, for splits that are not named there.
    """

    validation_from: datetime.datetime | None = None
    test_from: datetime.datetime | None = None
    until: datetime.datetime | None = None
    column: str | None = None
    names: SplitNames | None = None
    paths: SplitNames | None = None
    shares: Shares | None = None

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> SampleSplits:
        times = (self.validation_from, self.test_from, self.until)
        ways = {"times (validation_from, test_from, until)": any(times), "`column`": bool(self.column),
                "`paths`": bool(self.paths)}
        said = [way for way, there in ways.items() if there] or ["`shares`"] * bool(self.shares)
        if len(said) != 1 or (any(times) and self.shares):
            raise ValueError(f"say one of {', '.join(ways)} or `shares`; got {' and '.join(said) or 'none'}")
        if any(times) and not all(times):
            raise ValueError("a split by time needs validation_from, test_from and until")
        _ = self.times
        if self.names and not self.column:
            raise ValueError("`names` are values of a `column`; name it")
        for split in ("validation", "test") if self.named and not self.shares else ():
            if not getattr(self.named, split):
                raise ValueError(f"nothing is named for the {split} split; name it, or say `shares: {{{split}: 0.1}}` to take "
                                 "that much of the training split's users")
        return self

    @property
    def named(self) -> SplitNames | None:
        """What the splits are called, where a column or files name them."""
        return self.paths or ((self.names or _NAMES) if self.column else None)

    @property
    def times(self) -> Splits | None:
        """The times that divide the table."""
        if self.validation_from and self.test_from and self.until:
            return Splits(validation_from=self.validation_from, test_from=self.test_from, until=self.until)
        return None
