"""What the copies of an object share instead of having one each."""

from __future__ import annotations

from typing import Self


class Shared:
    """Is itself in every copy of what holds it, of a deep one too."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self
