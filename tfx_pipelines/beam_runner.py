"""Where Beam pipelines run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions


def on_this_machine(beam_arguments: Sequence[Any]) -> bool:
    """Whether Beam pipelines with these arguments run in the process that makes them."""
    options = PipelineOptions([str(argument) for argument in beam_arguments]).view_as(StandardOptions)
    return (options.runner or "DirectRunner").rpartition(".")[2] == "DirectRunner"
