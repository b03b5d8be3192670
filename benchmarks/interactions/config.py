"""How interactions become requests, and the schema of the request log."""

from __future__ import annotations

from collections.abc import Iterable

import pydantic

from benchmarks.interactions.dataset import ItemAttribute
from zoo.config import Config
from zoo.schema import BehaviourSequence, Feature, IdSpace, Label, Schema


class RequestsConfig(Config):
    """What both protocols have in common.

    Args:
        history: most recent interactions that reach the model.
        item_min_count: items seen less often in the training split's requests are unknown.
        user_feature: whether models read the user's id, or it stands beside the request for grouping alone.
        seed: of every draw and order.
    """

    history: int = pydantic.Field(default=50, ge=1)
    item_min_count: int = pydantic.Field(default=1, ge=1)
    user_feature: bool = True
    seed: int = 7


class LeaveOneOutConfig(RequestsConfig):
    """The last interaction of a user is the test split, the last but one the validation split, the rest trains.

    Args:
        negatives: drawn for each training interaction but the user's first.
        held_out_negatives: drawn for the held-out interactions.
    """

    negatives: int = pydantic.Field(default=4, ge=1)
    held_out_negatives: int = pydantic.Field(default=99, ge=1)


class RandomSplitConfig(RequestsConfig):
    """As many drawn negatives as positives, and a random split of them all.

    Args:
        page: at most so many samples of a user make a request.
        validation: share of the samples.
        test: share of the samples.
    """

    page: int = pydantic.Field(default=8, ge=2)
    validation: float = pydantic.Field(default=0.2, gt=0, lt=1)
    test: float = pydantic.Field(default=0.2, gt=0, lt=1)

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> RandomSplitConfig:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test leave nothing to train on; their shares must be below 1 together")
        return self


def interactions_schema(name: str, config: RequestsConfig, attributes: Iterable[ItemAttribute], gap: bool) -> Schema:
    """The schema of the request log: items and their attributes in history and candidates, gaps, popularity.

    Args:
        name: of the data set.
        config: of its protocol.
        attributes: of the items.
        gap: whether the interactions are in order, so that the history knows how long ago each one was.

    Returns:
        The schema.
    """
    attributes = tuple(attributes)
    described = (Feature(name="item", space="item", role="item"),
                 *(Feature(name=a.name, space=a.name, role=a.role) for a in attributes))
    gaps = (Feature(name="gap", kind="number", role="time_gap", transform="log_zscore", buckets=12),) if gap else ()
    popularity = Feature(name="popularity", kind="number", role="popularity", transform="log_zscore", buckets=12)
    user = (Feature(name="user_id", space="user", role="user"),) if config.user_feature else ()
    return Schema(
        name=name,
        spaces={"item": IdSpace(min_count=config.item_min_count), **({"user": IdSpace()} if user else {}),
                **{a.name: IdSpace() for a in attributes}},
        request=user,
        sequences=(BehaviourSequence(name="history", role="behaviours", max_length=config.history,
                                     fields=(*described, *gaps)),),
        candidates=(*(feature.model_copy(update={"owner": "item"}) for feature in described), popularity),
        labels=(Label(name="click"),),
        group_key="user_id",
        keys=() if user else ("user_id",),
    )
