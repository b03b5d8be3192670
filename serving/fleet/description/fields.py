"""Kinds of values that several sections have."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

# What a label of DNS may be; Kubernetes names services by it.
Name = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Version = Annotated[int, Field(ge=0, lt=2**63)]
Percent = Annotated[int, Field(ge=1, le=99)]
