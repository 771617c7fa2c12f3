"""What every section of a preset is made of: a frozen structure that takes no unknown keys, and bounds used often."""

from __future__ import annotations

from functools import cache
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, inspect

Count = Annotated[int, Meta(ge=1)]
Width = Annotated[int, Meta(ge=1, le=8192, extra={"size": "width"})]
"""A width of layers. Those of an encoder are what `engine.fit` varies, the first one before the others."""
Depth = Annotated[int, Meta(ge=1, extra={"size": "depth"})]
"""How many layers follow one another; `engine.fit` varies an encoder's where widths alone don't use up a budget."""
Share = Annotated[float, Meta(ge=0.0, lt=1.0)]
Positive = Annotated[float, Meta(gt=0.0)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=False):
    """A section of the TOML file."""


class Size(NamedTuple):
    """A key of a section that says how large something is, and what it may be."""

    key: str
    role: str  # "width" or "depth"
    lowest: int
    highest: int


@cache
def sizes_of(structure: type[Section]) -> tuple[Size, ...]:
    """The keys of a section that are a `Width` or a `Depth`, as declared; a user's own encoder has none known here."""
    described = inspect.type_info(structure)
    assert isinstance(described, inspect.StructType)
    sizes = []
    for item in described.fields:
        role = (item.type.extra or {}).get("size") if isinstance(item.type, inspect.Metadata) else None
        if role is not None:
            whole = item.type.type  # type: ignore[attr-defined]  # a Metadata, as was just seen
            sizes.append(Size(item.name, role, whole.ge, whole.le))
    return tuple(sizes)
