"""The arithmetic of pages, pure: what to ask for next, and whether the answers add up."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from aymara_async.errors import PaginationError
from aymara_async.models.page import ItemList

T = TypeVar("T")


class PageArithmetic(Generic[T]):
    """How far a list has been read.

    Memory grows by one key a page: enough to see a page that comes again, not enough to matter.
    """

    def __init__(
        self, path: str, key: Callable[[T], Hashable], limit: int, page_starts: dict[Hashable, int] | None = None
    ) -> None:
        """``page_starts`` is what was seen of the same list before, to be added to."""
        self._path = path
        self._key = key
        self.stride: int = limit
        """Items per page, as far as the server goes along."""
        self.count: int = 0
        """Items of the whole list, by the newest answer."""
        self._first_count = 0
        self._planned = 0
        self._skipped = 0
        self.page_starts: dict[Hashable, int] = {} if page_starts is None else page_starts
        """At which offset each page's first item was."""
        self._tail: list[Hashable] = []
        self.is_end_open: bool = False
        """Whether the page that was read last is full, so that a server which counts too low would not show."""

    @property
    def is_at_end(self) -> bool:
        """Whether there is nothing more to ask for."""
        return self._planned >= self.count and not self.is_end_open

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
        self.is_end_open = len(page.items) >= self.stride
        items = self.take(offset, len(page.items) or self.stride, page) if page.count > offset or page.items else []
        if items:
            self.stride = len(items)
        self._planned = offset + len(items)
        return items

    def take(self, offset: int, wanted: int, page: ItemList[T]) -> list[T]:
        """Return the items that have not been seen; raises ``PaginationError`` where the list does not add up."""
        if page.count < self.count:
            raise self._error(
                f"the list shrank from {self.count} to {page.count} items while it was read, so that some may "
                "have been passed over"
            )
        self.count = page.count
        if not page.items:
            raise self._error(f"the server counts {self.count} items, but gives none from {offset} on")
        if offset + len(page.items) > self.count:
            raise self._error(f"the server counts {self.count} items, but gives {len(page.items)} from {offset} on")
        items = page.items[:wanted]
        repeated = self._repeated(list(map(self._key, items)), offset)
        return items[repeated:] if repeated else items

    def _repeated(self, keys: list[Hashable], offset: int) -> int:
        """Tell how many items at the front of a page were the last ones before; nothing else may come again."""
        grown = self.count - self._first_count
        if None in keys:
            if grown:
                raise self._error("the list grew while it was read, and its items have no ids to tell old from new")
            return 0
        # Items that were added in front push those already seen onto the next page.
        seen_from = self._tail.index(keys[0]) if keys[0] in self._tail else len(self._tail)
        repeated = min(len(self._tail) - seen_from, len(keys))
        new = keys[repeated:]
        self._skipped += repeated
        is_pushed = keys[:repeated] == self._tail[seen_from : seen_from + repeated] and self._skipped <= grown
        again = self.page_starts.keys() & new
        has_moved = again and any(self.page_starts[key] != offset + repeated + new.index(key) for key in again)
        if not is_pushed or has_moved or len({*new, *self._tail}) < len(new) + len(self._tail):
            raise self._error(f"the server gave items twice, on the page at {offset} and before")
        if new:
            self.page_starts[new[0]] = offset + repeated
            self._tail = (self._tail + new)[-max(self.stride, len(new)) :]
        return repeated

    def confirm_end(self, page: ItemList[T]) -> None:
        """Take what was found where the list should have ended; raises ``PaginationError`` if it just goes on."""
        self.is_end_open = False
        if page.count > self.count:
            self.count = page.count  # it has grown since
        elif page.items:
            raise self._error(f"the server counts {self.count} items, but has more")

    def _error(self, reason: str) -> PaginationError:
        return PaginationError(
            f"GET {self._path}: {reason}. What came so far is not the whole list; read it again from the start.",
            method="GET",
            url=self._path,
        )
