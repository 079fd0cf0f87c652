"""What every model shares: the attrs decorator, and the way back to JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar, dataclass_transform

import attrs
import msgspec

T = TypeVar("T")

Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
"""A datetime that carries its time zone; one without is refused, in an answer and in a request."""


class Model:
    """Give a model its way back to JSON."""

    def to_dict(self) -> dict[str, object]:
        """Convert to builtins, as in the JSON: datetimes as RFC 3339 strings, fields left out of a request omitted."""
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]  # an attrs class always becomes a dict

    def to_json(self) -> str:
        """Convert to a JSON string."""
        return msgspec.json.encode(self).decode()


@dataclass_transform(kw_only_default=True, field_specifiers=(attrs.field,))
def model(cls: type[T]) -> type[T]:
    """Make an attrs class with keyword-only arguments; without slots, which decode at two thirds of the speed."""
    return attrs.define(cls, kw_only=True, slots=False)
