"""What the columns of a table of samples mean: one row an impression, or one row a request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import pydantic

from zoo import files
from zoo.config import Config, nearest
from zoo.data.importer.files_config import Files
from zoo.data.importer.joins import Join
from zoo.data.importer.samples.feature_places import OF_ITEMS, Place, Shape
from zoo.data.importer.samples.features import Page, SampleFeature, SampleLabel, SampleSequence
from zoo.data.importer.samples.splits import SampleSplits
from zoo.data.importer.sql import check_times
from zoo.data.importer.values import Values
from zoo.schema import BehaviourSequence, Feature, IdSpace, Schema

USER_KEY = "user_id"


class SampleColumns(Config):
    """Names of the columns that say what a row is.

    Args:
        user: who; GAUC groups by it. Where the table has no users, what candidates may be compared inside of.
        time: of the request.
        time_of_day: milliseconds since midnight, where `time` is a date.
        request: rows with the same value (and user) are candidates of one request; without it each row is a request.
        weight: of the sample: a number that is at least 0.
    """

    user: str
    time: str | None = None
    time_of_day: str | None = None
    request: str | None = None
    weight: str | None = None


class CatalogueTable(Config):
    """A table of items beside the samples; what it says of a candidate is joined by id.

    Args:
        paths: of its files; seen from the folder of the configuration.
        files: how they are written.
        key: column with the item's id.
        features: of the item; they become candidate features.
        time: column from when a row holds; without it a row holds for all times.
    """

    paths: Values
    files: Files = Files()
    key: str
    features: tuple[SampleFeature, ...] = pydantic.Field(min_length=1)
    time: str | None = None


class SamplesConfig(Config):
    """How a table of samples becomes a request log.

    Args:
        kind: `samples`.
        name: of the data set.
        files: how they are written.
        joins: files that say more of each row, by a key.
        rows: what a row is: one of the `impressions` of a request, or one of the `requests`, whose candidates are lists.
        columns: which columns say who, when and which request.
        time_unit, time_format, time_year, time_zone: of times, as in `zoo.data.importer.config.ImportConfig`.
        request: features of the user and the context.
        candidates: features of each candidate; one has the role `item`, if there is to be a catalogue.
        sequences: behaviour sequences.
        labels: what is learned; the first one is binary.
        page: how the candidates stand in the row of a request.
        catalogue: a table of items beside the samples.
        spaces: settings of id spaces by name (`{item: {min_count: 2}}`).
        splits: how the table is divided.
        max_rejected_share: above it the import fails.
        floors: what counting alone reaches on this log, by metric and name; reports compare with it.
    """

    kind: Literal["samples"] = "samples"
    name: str
    files: Files = Files()
    joins: tuple[Join, ...] = ()
    rows: Literal["impressions", "requests"] = "impressions"
    columns: SampleColumns
    time_unit: Literal["s", "ms", "us"] = "s"
    time_format: str | None = None
    time_year: int | None = None
    time_zone: str = "UTC"
    request: tuple[SampleFeature, ...] = ()
    candidates: tuple[SampleFeature, ...] = pydantic.Field(min_length=1)
    sequences: tuple[SampleSequence, ...] = ()
    labels: tuple[SampleLabel, ...] = pydantic.Field(default=(SampleLabel(name="click"),), min_length=1)
    page: Page = Page()
    catalogue: CatalogueTable | None = None
    spaces: dict[str, IdSpace] = {}
    splits: SampleSplits
    max_rejected_share: float = pydantic.Field(default=0.05, ge=0, le=1)
    floors: dict[str, dict[str, float]] = {}

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> SamplesConfig:
        check_times(self)
        if self.labels[0].kind != "binary" or self.labels[0].soft:
            raise ValueError(f"AUC and GAUC look at the first label, {self.labels[0].name!r}: it must be binary and not soft")
        if self.splits.times and not self.columns.time:
            raise ValueError("a split by time needs columns.time")
        if self.columns.time_of_day and not self.columns.time:
            raise ValueError("columns.time_of_day needs columns.time, the date")
        if self.rows == "impressions" and self.page != Page():
            raise ValueError("`page` is for `rows: requests`, where a row holds several candidates")
        parts = [one.name for one in (*self.candidates, *self.labels)]
        for name in self.page.fields:
            if name not in parts:
                raise ValueError(f"page.fields: {name!r} is neither a candidate feature nor a label{nearest(name, parts)}")
        self._check_catalogue()
        try:
            spaces = {place.feature.space or place.feature.name for place in self.places()}
            for name in self.spaces.keys() - spaces:
                raise ValueError(f"spaces: no feature has the space {name!r}{nearest(name, spaces)}")
            self.schema()
        except pydantic.ValidationError as error:
            raise ValueError("; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())) from None
        return self

    def _check_catalogue(self) -> None:
        """What is said of items is said in one place."""
        items = [feature for feature in self.candidates if feature.role == "item"]
        described = [feature.name for feature in self.catalogue.features] if self.catalogue else []
        if self.catalogue and len(items) != 1:
            raise ValueError("a catalogue is joined by the candidate feature with the role item; give one that role")
        for feature in self.candidates if self.catalogue else ():
            if feature.owner == "item" and feature.role != "item":
                raise ValueError(f"candidate feature {feature.name!r} is said to be the item's, but what belongs to items "
                                 "stands in the catalogue here; name it there, or say `owner: request`")
        for sequence in self.sequences:
            for name in sequence.attributes:
                if name not in described:
                    raise ValueError(f"sequence {sequence.name!r}: the catalogue has no feature {name!r}"
                                     f"{nearest(name, described)}")

    def places(self) -> Iterator[Place]:
        """The features of the log, those from the catalogue among them."""
        for feature in self.request:
            yield Place("request", None, feature)
        described = {feature.name: feature for feature in self.catalogue.features} if self.catalogue else {}
        for sequence in self.sequences:
            yield from (Place("sequence", sequence, feature, listed=True) for feature in sequence.fields)
            yield from (Place("sequence", sequence, described[name], joined=True) for name in sequence.attributes)
        listed = self.rows == "requests"
        yield from (Place("candidate", None, feature, listed) for feature in self.candidates)
        yield from (Place("candidate", None, feature, joined=True) for feature in described.values())

    def schema(self, shapes: Mapping[str, Shape] | None = None) -> Schema:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The schema of the request log.

        Args:
            shapes: what the features turned out to be, by the name of their column in the log; where one is not there, what
                the configuration alone says of it.
        """
        # The name is that of pydantic's own method, which is deprecated.
        shapes = {place.column: place.shape for place in self.places()} | dict(shapes or {})

        def features(prefix: str, those: Iterable[SampleFeature], **settings: Any) -> tuple[Feature, ...]:
            return tuple(one.feature(*shapes[prefix + one.name], **settings) for one in those)

        described = {feature.name: feature for feature in self.catalogue.features} if self.catalogue else {}
        candidates = tuple(feature for one in self.candidates
                           for feature in features("candidate_", [one], owner=self.owner(one)))
        sequences = tuple(
            BehaviourSequence(name=one.name, max_length=one.max_length, role=one.role, fields=features(
                f"{one.name}_", (*one.fields, *(described[name] for name in one.attributes)))) for one in self.sequences)
        request = features("", self.request)
        spaces = {feature.space: self.spaces.get(feature.space, IdSpace())
                  for level in (request, *(one.fields for one in sequences), candidates,
                                features("candidate_", described.values())) for feature in level if feature.space}
        return Schema(
            name=self.name, spaces=spaces, request=request, sequences=sequences,
            candidates=candidates + features("candidate_", described.values(), owner="item"),
            labels=tuple(label.label() for label in self.labels), group_key=USER_KEY,
            keys=() if any(feature.name == USER_KEY for feature in request) else (USER_KEY,),
            sample_weight=self.columns.weight is not None)

    def located(self, folder: str) -> SamplesConfig:
        """With the paths of further files as they are from here, where the configuration lies in another folder."""
        here: dict[str, Any] = {"joins": tuple(join.located(folder) for join in self.joins)}
        if self.catalogue:
            paths = tuple(files.seen_from(folder, path) for path in self.catalogue.paths)
            here["catalogue"] = self.catalogue.model_copy(update={"paths": paths})
        return self.model_copy(update=here)

    @property
    def beside(self) -> tuple[str, ...]:
        """The files that are read beside the table's own."""
        return (*(join.file for join in self.joins), *(self.catalogue.paths if self.catalogue else ()))

    def owner(self, feature: SampleFeature) -> Literal["item", "request"]:
        """Whose a candidate feature is."""
        of_items = ("item",) if self.catalogue else OF_ITEMS
        return feature.owner or ("item" if feature.role in of_items else "request")
