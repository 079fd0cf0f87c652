"""Reading a list by pages as pure bookkeeping: what to ask for next, and whether the answers add up."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from aymara_async.errors import PaginationError
from aymara_async.models.page import ItemList

T = TypeVar("T")


class Reading(Generic[T]):
    """How far a list has been read.

    Memory grows by one key a page: enough to see a page that comes again, not enough to matter.
    """

    def __init__(self, path: str, key: Callable[[T], Hashable], limit: int, offset: int) -> None:
        self._path = path
        self._key = key
        self.stride = limit
        """Items per page, as far as the server goes along."""
        self.count = 0
        """Items of the whole list, by the newest answer."""
        self._first_count: int | None = None
        self._planned = offset
        self._skipped = 0
        self._page_starts: set[Hashable] = set()
        self._previous: frozenset[Hashable] = frozenset()

    def plan(self) -> int | None:
        """Return the offset of the next page to ask for, ``stride`` items long; None after the last."""
        if self._planned >= self.count:
            return None
        offset = self._planned
        self._planned += self.stride
        return offset

    def end(self, offset: int) -> int:
        """Return where the planned page that begins at ``offset`` ends."""
        return min(offset + self.stride, self.count)

    def is_outdated(self, page: ItemList[T]) -> bool:
        """Tell whether the page may have been read before the list grew, so that it is worth reading again."""
        return page.count < self.count

    def begin(self, offset: int, page: ItemList[T]) -> list[T]:
        """Take the first page, which shows how many items the server gives at a time."""
        self.count = self._first_count = page.count
        items = self.take(offset, len(page.items) or self.stride, page) if page.count > offset or page.items else []
        if items:
            self.stride = len(items)
        self._planned = offset + len(items)
        return items

    def take(self, offset: int, wanted: int, page: ItemList[T]) -> list[T]:
        """Return the page's items that have not been seen; raises ``PaginationError`` where the list does not add up."""
        if page.count < self.count:
            raise self._error(
                f"the list shrank from {self.count} to {page.count} items while it was read, so that items may have been "
                "passed over. Read it again"
            )
        self.count = page.count
        items = page.items[:wanted]
        if not items:
            raise self._error(f"the server counts {self.count} items, but gives none from {offset} on")
        keys = [self._key(item) for item in items]
        if None in keys:
            return items
        unique = frozenset(keys)
        repeated = self._previous & unique
        self._skipped += len(repeated)
        # Items that were added in front push those already seen onto the next page; nothing else may come again.
        allowed = self.count - (self._first_count or 0)
        if len(unique) < len(keys) or self._skipped > allowed or (keys[0] in self._page_starts and not repeated):
            raise self._error(f"the server gave items twice, on the page at {offset} and before")
        self._page_starts.add(keys[0])
        self._previous = unique
        return [item for item, key in zip(items, keys, strict=True) if key not in repeated] if repeated else items

    def _error(self, reason: str) -> PaginationError:
        return PaginationError(
            f"GET {self._path}: {reason}. What was yielded so far is right, but the list is not complete.",
            method="GET",
            url=self._path,
        )
