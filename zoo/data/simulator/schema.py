"""The schema of the simulator's request logs."""

from __future__ import annotations

from zoo.data.simulator.config import SimulatorConfig
from zoo.data.simulator.live.schema import live_schema
from zoo.schema import BehaviourSequence, Feature, IdSpace, Label, Mark, Schema

_LABELS = {
    "click": Label(name="click", truth=True),
    # Drawn, and true, where a click happened: p(purchase | click).
    "purchase": Label(name="purchase", truth=True, given="click", entire_space=False),
}


def simulator_schema(config: SimulatorConfig) -> Schema:
    """Declares what the simulator writes; only what a shop would know, never the latent interests."""
    if config.live is not None:
        return live_schema(config.live, config.history)
    return Schema(
        name="marketplace",
        spaces={"item": IdSpace(min_count=2), "category": IdSpace(), "brand": IdSpace(), "gender": IdSpace(),
                "age_group": IdSpace(), "city": IdSpace(), "hour": IdSpace(), "device": IdSpace()},
        request=(Feature(name="gender", space="gender"), Feature(name="age_group", space="age_group"),
                 Feature(name="city", space="city"), Feature(name="hour", space="hour"),
                 Feature(name="device", space="device")),
        sequences=(BehaviourSequence(name="history", max_length=config.history, fields=(
            Feature(name="item", space="item", role="item"),
            Feature(name="category", space="category", role="category"),
            Feature(name="brand", space="brand", role="brand"),
            Feature(name="price", kind="number", role="price", transform="log_zscore"),
            Feature(name="gap", kind="number", role="time_gap", transform="log_zscore", buckets=16),
        )),),
        candidates=(
            Feature(name="item", space="item", role="item", owner="item"),
            Feature(name="category", space="category", role="category", owner="item"),
            Feature(name="brand", space="brand", role="brand", owner="item"),
            Feature(name="price", kind="number", role="price", transform="log_zscore", buckets=10, owner="item"),
            Feature(name="past_ctr", kind="number"),
            Feature(name="past_impressions", kind="number", role="popularity", transform="log_zscore"),
            Feature(name="age_days", kind="number", transform="log_zscore"),
        ),
        labels=tuple(_LABELS[name] for name in config.labels),
        group_key="user_id",
        keys=("user_id",),
        marks=(Mark(name="stage", role="stage"), Mark(name="bought_outside", role="bought_outside")) if config.cascade else (),
    )
