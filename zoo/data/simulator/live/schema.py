"""The schema of the live scenario's request logs."""

from __future__ import annotations

from zoo.data.simulator.live.config import LiveConfig
from zoo.schema import BehaviourSequence, Feature, IdSpace, Label, Late, Mark, Schema

WINDOWS = (3, 7, 15)  # days
COUNTED = ("impressions", "clicks", "orders")
# What is counted of each tick of the recent past: besides, the users that were in the room.
RECENT = (*COUNTED, "watching")


def live_schema(config: LiveConfig, history: int) -> Schema:
    """Declares what the simulator writes of live rooms: what a platform would know, never communities or excitement.

    Args:
        config: of the scenario.
        history: most recent products kept for a user.
    """
    def number(name: str, **more: object) -> Feature:
        return Feature.model_validate({"name": name, "kind": "number", "transform": "log_zscore"} | more)

    user = (Feature(name="user_id", space="user", role="user"),) if config.user_ids else ()
    return Schema(
        name="live",
        spaces=({"user": IdSpace()} if user else {}) | {
            "host": IdSpace(), "item": IdSpace(min_count=2), "category": IdSpace(), "brand": IdSpace(), "level": IdSpace(),
            "action": IdSpace(), "gender": IdSpace(), "age_group": IdSpace(), "city": IdSpace(), "hour": IdSpace()},
        request=(*user, Feature(name="gender", space="gender"), Feature(name="age_group", space="age_group"),
                 Feature(name="city", space="city"), Feature(name="hour", space="hour"),
                 # Recency, frequency and money of the user's life on the platform.
                 number("hours_away"), number("watched_week"), number("ordered_fortnight")),
        sequences=(
            BehaviourSequence(name="rooms", max_length=config.watched, role="behaviours", fields=(
                Feature(name="host", space="host", role="item"),
                Feature(name="category", space="category", role="category"),
                Feature(name="stay", kind="number", transform="zscore"),
                Feature(name="gap", kind="number", role="time_gap", transform="log_zscore", buckets=16))),
            BehaviourSequence(name="products", max_length=history, role="products", fields=(
                Feature(name="item", space="item", role="item"),
                Feature(name="category", space="category", role="category"),
                Feature(name="brand", space="brand", role="brand"),
                Feature(name="action", space="action", role="action"),
                Feature(name="gap", kind="number", role="time_gap", transform="log_zscore", buckets=16)))),
        candidates=(
            Feature(name="host", space="host", role="item", owner="item"),
            Feature(name="category", space="category", role="category", owner="item"),
            Feature(name="level", space="level", owner="item"),
            Feature(name="shelf", space="item", role="shelf", multiple=True, max_values=config.shelf),
            Feature(name="shelf_category", space="category", role="shelf", multiple=True, max_values=config.shelf),
            Feature(name="sold", space="item", role="sold", multiple=True, max_values=config.sold),
            number("minutes_open"),
            *(number(f"{what}_30m") for what in COUNTED),
            *(number(f"recent_{what}", width=config.recent, role="recent") for what in RECENT),
            *(number(f"{what}_{days}d") for days in WINDOWS for what in COUNTED)),
        labels=(Label(name="click", truth=True),
                # log(1 + seconds), where the room was entered.
                Label(name="stay", kind="regression", scale="log1p", weight=0.5),
                Label(name="order", truth=True, given="click", late=Late(waited="waited", after="order_after"))),
        group_key="user_id", keys=() if user else ("user_id",),
        # The expected log(1 + seconds); hours from the request to the end of what the log of its split has seen; hours to the
        # order, where it was seen; whether the order of a click came at all, then or later.
        marks=(Mark(name="stay_truth"), Mark(name="waited"), Mark(name="order_after"), Mark(name="ordered_ever")))
