"""A configuration for a log of events."""

from __future__ import annotations

from typing import Any

from zoo.data.guess.draft import Draft
from zoo.data.guess.file import File
from zoo.data.guess.look import Column, determines
from zoo.data.guess.names import KNOWN_OTHER, POSITIVE, SHOWN, feature_name, likeness, worded
from zoo.data.guess.roles import Roles
from zoo.data.guess.settings import files_settings, new_names, split_times, time_settings

# Names that the import has for columns of its own.
_TAKEN = {"item", "gap", "popularity", "prior", "unit", "user_id", "session_id", "request_id", "time", "place", "kind", "row",
          "reason", "valid_from", "length", "count"}


def events_config(draft: Draft, name: str, file: File, roles: Roles) -> dict[str, Any]:
    """Writes the configuration of a log of events.

    Args:
        draft: to write to.
        name: of the data set.
        file: the file.
        roles: what its columns mean.

    Returns:
        The same as plain values.
    """
    config: dict[str, Any] = {}
    names = new_names(roles)

    def add(key: str, value: Any, why: str = "") -> None:
        draft.add(key, value, why)
        config[key] = value

    draft.comment("Rows are events: who did what, when, with which item.")
    add("name", name)
    files_settings(add, file, names)
    label = roles.labels[0] if roles.labels and roles.request and not roles.event else None
    columns = {"user": roles.user, "session": roles.session, "request": roles.request if label or _pages(roles) else None,
               "time": roles.time, "time_of_day": roles.time_of_day, "event": roles.event or roles.rating, "item": roles.item,
               "label": label}
    add("columns", {meaning: names.get(column.name, column.name) for meaning, column in columns.items() if column})
    time_settings(add, roles)
    _types(add, draft, file, roles)
    attributes = _attributes(draft, roles, names)
    if attributes:
        add("attributes", attributes)
    add("splits", split_times(draft, file, roles, f"{file.name}"))
    if not (label or _pages(roles)):
        add("negatives", {"popularity": 1, "same_category": 1, "same_category_from": "split"} if roles.category
            else {"popularity": 2, "same_category": 0},
            "no row says what was shown: candidates that were not clicked are drawn, two for each click"
            + ("" if roles.category else "; no column was taken for a category to draw from"))
    return config


def _pages(roles: Roles) -> bool:
    """Whether the log has events that show, and says what was shown together."""
    return bool(roles.event and roles.request and any(worded(value) in SHOWN for value in roles.event.counts))


def _types(add: Any, draft: Draft, file: File, roles: Roles) -> None:
    """Which event types are clicks."""
    if roles.rating:
        column, most = roles.rating, max(roles.rating.numbers())
        values = sorted((value for value, _ in file.values(column)), key=float)
        add("clicks", [value for value in values if float(value) >= 0.8 * most],
            f"ratings of {0.8 * most:g} and more are taken as clicks")
        add("other", [value for value in values if float(value) < 0.8 * most])
        return
    if roles.event is None:
        if not roles.labels:
            draft.comment("No column says what was done: every row is taken as a click.")
        return
    counted = file.values(roles.event)
    told = ", ".join(f"{value} {count:,}" for value, count in counted[:20])
    words = {value: worded(value) for value, _ in counted}
    shown = [value for value, word in words.items() if word in SHOWN]
    clicks = [value for value, word in words.items() if word in POSITIVE]
    unknown = [value for value, word in words.items() if value not in clicks + shown and word not in KNOWN_OTHER]
    if not clicks:
        add("clicks", [value for value in words if value not in shown],
            f"event types and their rows: {told}. What they stand for is not known: all are taken as clicks; move those that "
            "are none to `other`")
        clicks, unknown = list(words), []
    else:
        add("clicks", clicks, f"event types and their rows: {told}")
    impressions = shown if _pages(roles) else []
    if impressions:
        add("impressions", impressions)
    other = [value for value in words if value not in clicks + impressions]
    if other:
        why = f"; not understood: {', '.join(unknown)}" if unknown else ""
        lost = "; what was shown says nothing without a column for the page" if shown and not impressions else ""
        add("other", other, f"known, and no clicks{why}{lost}")


def _attributes(draft: Draft, roles: Roles, names: dict[str, str]) -> list[dict[str, Any]]:
    """What describes the item."""
    found: list[dict[str, Any]] = []
    for role in ("category", "brand", "shop", "price"):
        column: Column | None = getattr(roles, role)
        if column:
            source = names.get(column.name, column.name)
            entry = {"name": role} | ({"column": source} if source != role else {})
            found.append(entry | ({"kind": "number", "role": role, **column.scaling(), "buckets": 10} if role == "price"
                                  else {"role": role}))
    left: list[str] = []
    for column in roles.others:
        code = column.named and likeness(column.name, "category_code")
        if column.is_list or column.missing > 0.95 or column.distinct < 2 or not (
                code or (roles.item and determines(roles.item, column))):
            left.append(column.name)
            continue
        name = feature_name(column.name)
        name = f"item_{name}" if name in _TAKEN | {entry["name"] for entry in found} else name
        entry = {"name": name} | ({"column": column.name} if column.name != name else {})
        found.append(entry | ({"kind": "number"} if column.numeric and not column.whole else {}))
    left += [column.name for column in (*roles.sequences, *roles.labels[1:], *roles.stays)]
    if left:
        draft.comment(f"Not used, as each item has not one value of its own there, or nearly none: {', '.join(left)}.")
    return found
