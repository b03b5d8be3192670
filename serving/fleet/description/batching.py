"""How requests of several callers are joined."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from serving.fleet.description.fields import Count
from zoo.config import Config


class Batching(Config):
    """How the server joins requests of several callers.

    Args:
        inputs: `[R, N]`, requests have different numbers of candidates or events and are padded to the widest of a batch;
            `[R]`, every request has the same widths, and none is padded.
        max_batch_size: requests in a batch. A call with more is refused, so the client's `max_batch` must not be above it.
        allowed_batch_sizes: sizes that batches are filled up to, ascending, the last one `max_batch_size`; by default the
            powers of two. A lone request is filled up to the first.
        timeout_us: how long a request waits for others. A lone client pays all of it in every call.
        max_enqueued_batches: batches that wait; beyond that calls are refused at once, instead of late.
    """

    inputs: Literal["[R, N]", "[R]"] = "[R, N]"
    max_batch_size: Count = 16
    allowed_batch_sizes: tuple[Count, ...] = ()
    timeout_us: Annotated[int, Field(ge=0)] = 1000
    max_enqueued_batches: Count = 64

    @model_validator(mode="after")
    def _sizes_ascend(self) -> Batching:
        sizes = self.allowed_batch_sizes
        if sizes and (list(sizes) != sorted(set(sizes)) or sizes[-1] != self.max_batch_size):
            raise ValueError(
                f"allowed_batch_sizes {list(sizes)} must ascend and end with max_batch_size {self.max_batch_size}; "
                "the server refuses to start otherwise"
            )
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes as the server gets them."""
        powers = [2**power for power in range(self.max_batch_size.bit_length()) if 2**power < self.max_batch_size]
        return self.allowed_batch_sizes or (*powers, self.max_batch_size)
