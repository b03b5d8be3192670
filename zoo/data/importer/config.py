"""What the columns of an event log mean, and how requests are made of its events."""

from __future__ import annotations

import datetime
import zoneinfo
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic

from zoo import files
from zoo.config import Config, ConfigError, load_yaml, parse
from zoo.schema import BehaviourSequence, Feature, IdSpace, Label, Role, Schema

CONFIGS = Path(__file__).parents[2] / "configs"

# Features that the import makes itself, and what `EventStore` and the catalogue have beside the attributes.
_TAKEN = {"item", "gap", "popularity", "prior", "unit", "user_id", "session_id", "request_id", "time", "place", "kind",
          "row", "reason", "valid_from"}


# What stands for a value that is missing, as Hive, MySQL, Spark and pandas write it.
MISSING = ("", "\\N", "NULL", "null", "NA", "N/A", "NaN", "nan", "None", "<NA>")


class Files(Config):
    """How the files are written; most of it is seen by itself.

    Args:
        header: whether the first line of a text file names the columns.
        names: of the columns, where no line names them.
        delimiter: between fields, up to four characters; seen by itself where it is `,`, `;`, `|` or a tab.
        quote: around fields; "" for none.
        line_breaks: whether a field in quotes may hold line breaks. Where it may not, a quote that is never closed swallows
            no row.
        encoding: `utf-8`, `utf-16` or `latin-1`.
        missing: texts that stand for a value that is missing.
    """

    header: bool = True
    names: tuple[str, ...] | None = None
    delimiter: str | None = pydantic.Field(default=None, min_length=1, max_length=4)
    quote: str = pydantic.Field(default='"', max_length=1)
    line_breaks: bool = False
    encoding: Literal["utf-8", "utf-16", "latin-1"] = "utf-8"
    missing: tuple[str, ...] = MISSING

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Files:
        if self.header and self.names:
            raise ValueError("`names` is for files without a header; say `header: false`, or leave the names away")
        if not self.header and not self.names:
            raise ValueError("a file without a header needs `names` for its columns, in their order")
        return self


class Columns(Config):
    """Names of the log's columns.

    Args:
        time: of the event.
        event: its type; without it every row is a click.
        item: what it is about.
        label: of a log of impressions: 1 where the item was clicked, 0 where it was shown alone; stands for `event`.
        user: who; the session where the log has no users, or this row has none.
        session: visit; with `clicks`, the first click of a session has nothing before it and makes no request.
        request: page that was shown; a log of impressions needs it.
        order: breaks ties of time inside a session, rising.
        time_of_day: milliseconds since midnight, where `time` is a date.
    """

    time: str
    event: str | None = None
    item: str
    label: str | None = None
    user: str | None = None
    session: str | None = None
    request: str | None = None
    order: str | None = None
    time_of_day: str | None = None

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Columns:
        if self.user is None and self.session is None:
            raise ValueError("name the column `user`, or `session`, or both")
        if self.label and (self.event or not self.request):
            raise ValueError("`label` says what was clicked of a page: name the column `request`, and no `event`")
        return self


# Event types are texts; YAML reads 1 as a number.
EventType = Annotated[str, pydantic.BeforeValidator(lambda value: str(value) if type(value) in (int, float) else value)]


class Attribute(Config):
    """A column that describes the item: its category, brand, price.

    Args:
        name: of the feature.
        column: of the log; the name by default.
        kind: `id` or `number`.
        role: what it means (`category`, `brand`, `price`, …).
        transform, buckets: of a number, as in `zoo.schema.Feature`.
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")
    column: str | None = None
    kind: Literal["id", "number"] = "id"
    role: Role | None = None
    transform: Literal["zscore", "log_zscore", "none"] = "zscore"
    buckets: int = 0

    @property
    def source(self) -> str:
        return self.column or self.name


class Splits(Config):
    """Times that divide the log, by the start of the session (or of the request); ISO 8601, UTC.

    Args:
        validation_from: first moment of the validation split; all before it is training.
        test_from: first moment of the test split.
        until: events at or after it are dropped, and counted.
    """

    validation_from: datetime.datetime
    test_from: datetime.datetime
    until: datetime.datetime

    @pydantic.field_validator("*")
    @classmethod
    def _utc(cls, value: datetime.datetime) -> datetime.datetime:
        return value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Splits:
        if not self.validation_from < self.test_from < self.until:
            raise ValueError("validation_from must be before test_from, and test_from before until")
        return self


class Negatives(Config):
    """Candidates that were not clicked, drawn for each click of a log without impressions.

    Args:
        popularity: drawn from the training split's clicks.
        same_category: drawn uniformly from other items of the clicked item's category.
        same_category_from: `training`, items clicked in the training split: an item that is new later is then never
            drawn, only clicked, and a model can learn that unknown means clicked; or `split`, items clicked until the
            end of the request's own split, new ones among them.
        seed: of the draws.
    """

    popularity: int = pydantic.Field(default=1, ge=0)
    same_category: int = pydantic.Field(default=1, ge=0)
    same_category_from: Literal["training", "split"] = "training"
    seed: int = 7


class ImportConfig(Config):
    """How an event log becomes a request log.

    Args:
        name: of the data set.
        files: how they are written.
        columns: what the log's columns are called.
        time_unit: of numeric times: seconds, milli- or microseconds since 1970; other times are ISO 8601, with or without a
            zone.
        time_format: of other times, as strptime has it (`%m/%d/%Y %I:%M:%S %p`).
        time_zone: of times that name none.
        clicks: event types that are clicks; none where the log has no event types.
        impressions: event types that show an item; empty for a log of clicks alone.
        other: event types that are known and make neither history nor candidates.
        attributes: of the item.
        splits: times that divide the log.
        negatives: for a log of clicks alone.
        history: most recent clicks kept.
        history_scope: whose clicks: of the `user`, or of the `session` alone (and the prior file).
        item_min_count: items seen less often in the training split are unknown.
        max_rejected_share: above it the import fails.
        floors: what counting alone reaches on this protocol, by metric and name; reports compare with it.
    """

    name: str
    files: Files = Files()
    columns: Columns
    time_unit: Literal["s", "ms", "us"] = "s"
    time_format: str | None = None
    time_zone: str = "UTC"
    clicks: tuple[EventType, ...] = ()
    impressions: tuple[EventType, ...] = ()
    other: tuple[EventType, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    splits: Splits
    negatives: Negatives = Negatives()
    history: int = pydantic.Field(default=50, ge=1)
    history_scope: Literal["user", "session"] = "user"
    item_min_count: int = pydantic.Field(default=2, ge=1)
    max_rejected_share: float = pydantic.Field(default=0.05, ge=0, le=1)
    floors: dict[str, dict[str, float]] = {}

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> ImportConfig:
        if self.impressions and self.columns.request is None:
            raise ValueError("a log with impressions needs columns.request, which says what was shown together")
        names = [attribute.name for attribute in self.attributes]
        # The columns that a number with buckets, or a sequence, has beside its own.
        beside = {"length", "count", *(f"{attribute.name}_bucket" for attribute in self.attributes if attribute.buckets)}
        for name in names:
            if name in _TAKEN | beside or names.count(name) > 1:
                raise ValueError(f"the attribute name {name!r} is {'there twice' if names.count(name) > 1 else 'taken'}; "
                                 "choose another one (`column` may stay)")
        types = [*self.clicks, *self.impressions, *self.other]
        if types and self.columns.event is None:
            raise ValueError("clicks, impressions and other are values of columns.event, which is not named")
        if self.columns.event and not self.clicks:
            raise ValueError("say which values of columns.event are `clicks`")
        try:
            zoneinfo.ZoneInfo(self.time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"time_zone: {self.time_zone!r} is no time zone; such as Europe/Berlin") from None
        twice = sorted({name for name in types if types.count(name) > 1})
        if twice:
            raise ValueError(f"event type {twice[0]!r} stands more than once in clicks, impressions and other")
        if self.history_scope == "session" and self.columns.session is None:
            raise ValueError("history_scope is session, but columns.session is not named")
        if self.negatives.same_category and not self.pages and self.category is None:
            raise ValueError("negatives of the same category need an attribute with the role category; set "
                             "negatives.same_category to 0 or name one")
        return self

    @property
    def pages(self) -> bool:
        """Whether the log says what was shown."""
        return bool(self.impressions or self.columns.label)

    @property
    def category(self) -> Attribute | None:
        """The attribute with the role `category`."""
        return next((a for a in self.attributes if a.role == "category"), None)

    def schema(self) -> Schema:  # pyright: ignore[reportIncompatibleMethodOverride]  (pydantic's, which is deprecated)
        """The schema of the request log: items and their attributes in history and candidates, gaps, popularity."""
        described = tuple(
            Feature(name=a.name, space=a.name, role=a.role) if a.kind == "id"
            else Feature(name=a.name, kind="number", role=a.role, transform=a.transform, buckets=a.buckets)
            for a in self.attributes)
        item = Feature(name="item", space="item", role="item")
        gap = Feature(name="gap", kind="number", role="time_gap", transform="log_zscore", buckets=12)
        popularity = Feature(name="popularity", kind="number", role="popularity", transform="log_zscore", buckets=12)
        keys = ("user_id", "session_id") if self.columns.session else ("user_id",)
        return Schema(
            name=self.name,
            spaces={"item": IdSpace(min_count=self.item_min_count),
                    **{a.name: IdSpace() for a in self.attributes if a.kind == "id"}},
            sequences=(BehaviourSequence(name="history", max_length=self.history, fields=(item, *described, gap)),),
            candidates=(*(feature.model_copy(update={"owner": "item"}) for feature in (item, *described)), popularity),
            labels=(Label(name="click"),),
            group_key="user_id",
            keys=keys,
        )


def load_import_config(path: files.PathLike) -> ImportConfig:
    """Reads an import configuration: a YAML file or its URI, or the name of one that comes with the package (`rees46`).

    Raises:
        ConfigError: no such configuration, or a wrong key or value.
    """
    shipped = CONFIGS / f"{path}_import.yaml"
    file = path if files.is_file(path) else shipped
    if not files.is_file(file):
        names = ", ".join(sorted(f.name.removesuffix("_import.yaml") for f in CONFIGS.glob("*_import.yaml")))
        raise ConfigError(f"{path}: no such file, and no import configuration of that name comes with the package "
                          f"({names})")
    values: dict[str, Any] = load_yaml(file)
    return parse(ImportConfig, values, where=str(path))
