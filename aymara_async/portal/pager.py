"""Lists for blocking callers: the first page for who reads, all items in order for who iterates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from aymara_async.portal.portal import Portal
from aymara_async.transport.pager import AsyncPager, NotFetched, Page, Pages

T = TypeVar("T")


class BlockingPage(Generic[T]):
    """One page of a list; iterating over it gives its own items."""

    def __init__(self, page: Page[T], portal: Portal) -> None:
        self._page = page
        self._portal = portal

    @property
    def items(self) -> list[T]:
        """The items of this page."""
        return self._page.items

    @property
    def count(self) -> int:
        """How many items the whole list has."""
        return self._page.count

    @property
    def offset(self) -> int:
        """How many items come before this page."""
        return self._page.offset

    def has_next_page(self) -> bool:
        """Tell whether there are items after this page."""
        return self._page.has_next_page()

    def next_page_info(self) -> dict[str, int] | None:
        """Return the offset and limit of the next page, or None after the last."""
        return self._page.next_page_info()

    def get_next_page(self) -> BlockingPage[T]:
        """Fetch the next page; raises ``ValueError`` after the last."""
        return BlockingPage(self._portal.call(self._page.get_next_page()), self._portal)

    def __iter__(self) -> Iterator[T]:
        return iter(self._page.items)

    def __len__(self) -> int:
        return len(self._page.items)

    def __repr__(self) -> str:
        return repr(self._page)


class Pager(NotFetched, Generic[T]):
    """A list that is fetched when it is needed.

    Iterate over it for all items, in order and each once, while the pages after the one in use are fetched ahead;
    raises ``PaginationError`` where the pages do not add up. It also reads as its first page, which is fetched once.
    """

    _INSTEAD = (
        "pager.items has those of the first page, pager.count says how many the whole list has, and list(pager) gives "
        "all items"
    )

    def __init__(self, pager: AsyncPager[T], portal: Portal) -> None:
        self._pager = pager
        self._portal = portal
        self._first: BlockingPage[T] | None = None

    @property
    def items(self) -> list[T]:
        """The items of the first page."""
        return self._first_page().items

    @property
    def count(self) -> int:
        """How many items the whole list has."""
        return self._first_page().count

    @property
    def offset(self) -> int:
        """How many items come before the first page."""
        return self._first_page().offset

    def has_next_page(self) -> bool:
        """Tell whether there are items after the first page."""
        return self._first_page().has_next_page()

    def next_page_info(self) -> dict[str, int] | None:
        """Return the offset and limit of the second page, or None if there is none."""
        return self._first_page().next_page_info()

    def get_next_page(self) -> BlockingPage[T]:
        """Fetch the second page; raises ``ValueError`` if there is none."""
        return self._first_page().get_next_page()

    def pages(self) -> Iterator[BlockingPage[T]]:
        """Iterate over the pages, fetched ahead."""
        return self._pages()

    def __iter__(self) -> Iterator[T]:
        return BlockingItems(self._pages())

    def _pages(self) -> BlockingPages[T]:
        first = self._first
        pages = self._pager.pages() if first is None else self._pager.pages_after(first._page)
        return BlockingPages(self, pages, self._portal)

    def _first_page(self) -> BlockingPage[T]:
        if self._first is None:
            self._first = BlockingPage(self._portal.call(anext(self._pager.pages())), self._portal)
        return self._first

    def __repr__(self) -> str:
        return f"<Pager, {'not fetched yet' if self._first is None else f'first page: {self._first!r}'}>"


class BlockingPages(Iterator[BlockingPage[T]]):
    """Pages in order, turned on the loop one by one; those of an iteration that is left early are given up."""

    def __init__(self, pager: Pager[T], pages: Pages[T], portal: Portal) -> None:
        """``pages`` come after the first one of the pager, where that has been fetched; else it is kept there."""
        self._pager = pager
        self._pages = pages
        self._portal = portal
        self._first = pager._first
        self._thread = portal.thread()

    def __next__(self) -> BlockingPage[T]:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        if self._pages.is_over:
            raise StopIteration
        try:
            page = BlockingPage(self._thread.call(self._pages.__anext__()), self._portal)
        except StopAsyncIteration:
            raise StopIteration from None
        if self._pager._first is None:
            self._pager._first = page
        return page

    def close(self) -> None:
        """End the iteration, and give up the pages that are fetched ahead."""
        self._first = None
        if self._pages.has_begun and not self._pages.is_over:
            self._thread.finish(self._pages)
        self._pages.is_over = True

    __del__ = close


class BlockingItems(Iterator[T]):
    """Items of pages in order, one after another."""

    def __init__(self, pages: BlockingPages[T]) -> None:
        self._pages = pages
        self._items: Iterator[T] = iter(())

    def __next__(self) -> T:
        while True:
            for item in self._items:
                return item
            self._items = iter(next(self._pages).items)

    def close(self) -> None:
        """End the iteration, and give up what is fetched ahead."""
        self._items = iter(())
        self._pages.close()
