"""Where the features of a table of samples stand in the log, and what their values are."""

from __future__ import annotations

from typing import Literal, NamedTuple

from zoo.data.importer.files_config import numbered
from zoo.data.importer.samples.features import SampleFeature, SampleSequence

# Candidates of these roles describe the item.
OF_ITEMS = ("item", "category", "brand", "shop")
_ROLES_OF_IDS = ("user", "action", *OF_ITEMS)


class Shape(NamedTuple):
    """What the values of a feature are.

    Args:
        kind: `id`, `number` or `text`.
        multiple: whether there are several, of an id.
    """

    kind: Literal["id", "number", "text"]
    multiple: bool = False


class Place(NamedTuple):
    """Where a feature stands in the log.

    Args:
        level: whether it describes the request, an event or a candidate.
        sequence: whose event it describes, where it does.
        feature: what is said of it.
        listed: whether a row has a list of its values, one for each event or candidate.
        joined: whether it comes from the catalogue.
    """

    level: Literal["request", "sequence", "candidate"]
    sequence: SampleSequence | None
    feature: SampleFeature
    listed: bool = False
    joined: bool = False

    @property
    def column(self) -> str:
        """Name of its column in the log."""
        prefix = f"{self.sequence.name}_" if self.sequence else "candidate_" if self.level == "candidate" else ""
        return prefix + self.feature.name

    @property
    def kind(self) -> Literal["id", "number", "text"] | None:
        """What the configuration says of its kind, None where that is left to the table."""
        one = self.feature
        if one.kind is None and (one.transform != "zscore" or one.buckets or one.width > 1):
            return "number"
        said = one.space or one.separator or one.weighted or one.padding or one.role in _ROLES_OF_IDS
        return "id" if one.kind is None and said else one.kind

    @property
    def several_columns(self) -> bool:
        """Whether several values of one place stand in columns of their own."""
        return not self.listed and len(numbered(self.feature.source)) > 1

    @property
    def shape(self) -> Shape:
        """What its values are where the table says nothing else."""
        kind, one = self.kind or "id", self.feature
        return Shape(kind, kind == "id" and bool(one.separator or one.weighted or self.several_columns))
