"""Lists of texts in a configuration."""

from __future__ import annotations

from typing import Annotated

import pydantic

# Values of a column are texts; YAML reads 0 as a number. One of them needs no brackets.
Values = Annotated[tuple[str, ...], pydantic.BeforeValidator(lambda value: tuple(
    str(one) if type(one) in (int, float) else one
    for one in (value if isinstance(value, (list, tuple)) else [value])))]
