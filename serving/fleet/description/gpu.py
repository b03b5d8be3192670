"""The GPUs of the nodes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from serving.fleet.description.fields import Positive
from zoo.config import Config

# Of a GPU's memory; the rest is the driver's and the libraries'.
MOST_OF_GPU = 0.9


class Gpu(Config):
    """The GPUs of the nodes.

    Args:
        memory_gib: of a whole GPU.
        mig_profile: the slice that the MIG overlay asks for, as `nvidia-smi mig -lgip` calls it.
        shared_by: servers on one GPU in the overlays for time slicing and MPS.
    """

    memory_gib: Positive = 80
    mig_profile: Annotated[str, Field(pattern=r"^[1-7]g\.[1-9]\d*gb$")] = "2g.20gb"
    shared_by: Annotated[int, Field(ge=2, le=48)] = 2

    @property
    def slice_gib(self) -> float:
        """Memory of the MIG slice."""
        return float(self.mig_profile.split(".")[1].removesuffix("gb"))
