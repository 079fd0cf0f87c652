"""Lists for blocking callers: the first page for who reads, all items in order for who iterates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from aymara_async.portal.portal import Portal
from aymara_async.transport.iteration import broken_off

if TYPE_CHECKING:
    from aymara_async.transport.pager import AsyncPager, Page

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


class Pager(Generic[T]):
    """A list that is fetched when it is needed.

    Iterate over it for all items, in order and each once, while the pages after the one in use are fetched ahead;
    raises ``PaginationError`` where the pages do not add up. It also reads as its first page, which is fetched once.
    """

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
        return BlockingPages(self._all(), self._pager.path)

    def _all(self) -> Generator[BlockingPage[T], None, None]:
        source: Callable[[], AsyncIterator[Page[T]]] = self._pager.pages
        if self._first is not None:
            yield self._first
            source = partial(self._pager.pages_after, self._first._page)
        for page in self._portal.iterate(source):
            blocking_page = BlockingPage(page, self._portal)
            if self._first is None:
                self._first = blocking_page
            yield blocking_page

    def _first_page(self) -> BlockingPage[T]:
        if self._first is None:
            self._first = BlockingPage(self._portal.call(_first(self._pager)), self._portal)
        return self._first

    def __repr__(self) -> str:
        return f"<Pager, {'not fetched yet' if self._first is None else f'first page: {self._first!r}'}>"


class BlockingPages(Iterator[BlockingPage[T]]):
    """Pages in order; once it has broken off, it does not look as if it had come to its end."""

    def __init__(self, pages: Generator[BlockingPage[T], None, None], path: str) -> None:
        self._pages = pages
        self._path = path
        self._broken_by: str | None = None

    def __next__(self) -> BlockingPage[T]:
        if self._broken_by is not None:
            raise broken_off(self._path, self._broken_by)
        try:
            return next(self._pages)
        except StopIteration:
            raise
        except BaseException as error:  # Ctrl-C as well
            self._broken_by = type(error).__name__
            raise

    def close(self) -> None:
        """End the iteration, and give up the pages that are fetched ahead."""
        self._broken_by = None
        self._pages.close()


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


async def _first(pager: AsyncPager[T]) -> Page[T]:
    return await pager
