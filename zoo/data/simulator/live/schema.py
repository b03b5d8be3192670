"""The schema of the live scenario's request logs."""

from __future__ import annotations

from zoo.data.simulator.live.config import LiveConfig
from zoo.schema import BehaviourSequence, Feature, IdSpace, Label, Mark, Schema

WINDOWS = (3, 7, 15)  # days
COUNTED = ("impressions", "clicks", "orders")


def live_schema(config: LiveConfig, history: int) -> Schema:
    """Declares what the simulator writes of live rooms: what a platform would know, never communities or excitement.

    Args:
        config: of the scenario.
        history: most recent products kept for a user.
    """
    def number(name: str, **more: object) -> Feature:
        return Feature.model_validate({"name": name, "kind": "number", "transform": "log_zscore"} | more)

    return Schema(
        name="live",
        spaces={"host": IdSpace(), "item": IdSpace(min_count=2), "category": IdSpace(), "brand": IdSpace(), "level": IdSpace(),
                "action": IdSpace(), "gender": IdSpace(), "age_group": IdSpace(), "city": IdSpace(), "hour": IdSpace()},
        request=(Feature(name="gender", space="gender"), Feature(name="age_group", space="age_group"),
                 Feature(name="city", space="city"), Feature(name="hour", space="hour"),
                 # Recency, frequency and money of the user's life on the platform.
                 number("hours_away"), number("watched_week"), number("ordered_fortnight")),
        sequences=(
            BehaviourSequence(name="rooms", max_length=config.watched, role="behaviours", fields=(
                Feature(name="host", space="host", role="item"),
                Feature(name="category", space="category", role="category"),
                Feature(name="stay", kind="number", transform="zscore"),
                Feature(name="gap", kind="number", role="time_gap", transform="log_zscore", buckets=16))),
            BehaviourSequence(name="products", max_length=history, role="other", fields=(
                Feature(name="item", space="item", role="item"),
                Feature(name="category", space="category", role="category"),
                Feature(name="brand", space="brand", role="brand"),
                Feature(name="action", space="action", role="action"),
                Feature(name="gap", kind="number", role="time_gap", transform="log_zscore", buckets=16)))),
        candidates=(
            Feature(name="host", space="host", role="item", owner="item"),
            Feature(name="category", space="category", role="category", owner="item"),
            Feature(name="level", space="level", owner="item"),
            Feature(name="shelf", space="item", multiple=True, max_values=config.shelf),
            Feature(name="shelf_category", space="category", multiple=True, max_values=config.shelf),
            Feature(name="sold", space="item", multiple=True, max_values=config.sold),
            number("minutes_open"),
            *(number(f"{what}_30m") for what in COUNTED),
            *(number(f"recent_{what}", width=config.recent, transform="none") for what in COUNTED),
            *(number(f"{what}_{days}d") for days in WINDOWS for what in COUNTED)),
        labels=(Label(name="click", truth=True),
                # log(1 + seconds), where the room was entered.
                Label(name="stay", kind="regression", weight=0.5),
                Label(name="order", truth=True, given="click")),
        group_key="user_id", keys=("user_id",),
        # The expected log(1 + seconds); hours from the click to the end of what the log of its split has seen; whether the
        # order of a click came at all, then or later.
        marks=(Mark(name="stay_truth"), Mark(name="waited"), Mark(name="ordered_ever")))
