"""Lists: the first page for who awaits, all items in order for who iterates."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar, cast

import attrs

from aymara_async.errors import PaginationError, RequestValidationError
from aymara_async.models.page import ItemList
from aymara_async.response import APIResponse
from aymara_async.transport.listing import Listing
from aymara_async.transport.page_arithmetic import PageArithmetic

T = TypeVar("T")


@attrs.define(kw_only=True, eq=False, repr=False)
class Page(Generic[T]):
    """One page of a list; iterating over it gives its own items, ``async for`` those of all later pages too."""

    items: list[T]
    """The items of this page."""
    count: int
    """How many items the whole list has."""
    offset: int
    """How many items come before this page."""
    _pager: AsyncPager[T] = attrs.field(alias="pager")
    _page_starts: dict[Hashable, int] = attrs.field(alias="page_starts")

    def has_next_page(self) -> bool:
        """Tell whether there are items after this page."""
        return self.offset + len(self.items) < self.count

    def next_page_info(self) -> dict[str, int] | None:
        """Return the offset and limit of the next page, or None after the last."""
        if not self.has_next_page():
            return None
        return {"offset": self.offset + len(self.items), "limit": self._pager.limit}

    async def get_next_page(self) -> Page[T]:
        """Fetch the next page; raises ``ValueError`` after the last, ``PaginationError`` where it does not add up."""
        if not self.has_next_page():
            raise ValueError("This is the last page; ask has_next_page() first.")
        return await anext(self._pager.pages_after(self, is_one=True))

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __aiter__(self) -> Items[T]:
        return Items(self._pager.pages_after(self), self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"<Page of {len(self.items)} items at {self.offset} of {self.count}>"


class NotFetched:
    """Say what to do instead of what can only be done with a list that is there."""

    _INSTEAD: str

    if not TYPE_CHECKING:  # a type checker shall find that there are no such methods

        def __getitem__(self, index: object) -> NoReturn:
            raise TypeError(f"A pager has no items of its own before they are fetched; {self._INSTEAD}.")

        def __len__(self) -> NoReturn:
            raise TypeError(f"A pager has no length of its own before it is fetched; {self._INSTEAD}.")

    def __bool__(self) -> bool:
        return True


class AsyncPager(NotFetched, Generic[T]):
    """A list that is not fetched yet.

    ``await`` it for the first ``Page``; iterate over it with ``async for`` for all items, in order and each once, while
    up to ``prefetch`` pages are fetched ahead. Raises ``PaginationError`` where the pages do not add up.
    """

    _INSTEAD = (
        "`page = await pager` gives the first page, with page.items[0], len(page) and the whole list's page.count, and "
        "`[item async for item in pager]` all items"
    )

    def __init__(self, listing: Listing[T], *, limit: int, offset: int, prefetch: int) -> None:
        given: list[tuple[str, object, int]] = [("limit", limit, 1), ("offset", offset, 0), ("prefetch", prefetch, 1)]
        for name, value, least in given:
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise RequestValidationError(
                    f"{name} must be a whole number of at least {least}, not {value!r}. Nothing was sent.", path=name
                )
        self._listing = listing
        self.limit = limit
        """Items wanted per page; the server may give fewer."""
        self.offset = offset
        """Items to pass over at the beginning."""
        self.prefetch = prefetch
        """Pages that are fetched ahead of the one in use."""

    def __repr__(self) -> str:
        return f"<AsyncPager over {self._listing.path}: await it for the first page, or use `async for`>"

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self.pages().__anext__().__await__()

    async def raw(self) -> APIResponse[Page[T]]:
        """Fetch the first page and return the whole response, undecoded."""
        response = await self._listing.fetch_raw(self.limit, self.offset)
        page_response = cast("APIResponse[Page[T]]", response)
        page_response.decode = partial(self._parse, response.decode)
        return page_response

    def _parse(self, decode: Callable[[APIResponse[object]], ItemList[T]], whole: APIResponse[object]) -> Page[T]:
        return self.pages().begin(decode(whole))

    def __aiter__(self) -> Items[T]:
        return Items(self.pages())

    if not TYPE_CHECKING:

        def __iter__(self) -> NoReturn:
            raise TypeError(f"A pager of the async client is iterated over with `async for`; {self._INSTEAD}.")

    def pages(self) -> Pages[T]:
        """Iterate over the pages, fetched ahead."""
        return Pages(self, self._listing)

    def pages_after(self, page: Page[T], *, is_one: bool = False) -> Pages[T]:
        """Iterate over the pages that follow one, fetched ahead unless only one is wanted."""
        return Pages(self, self._listing, after=page, is_one=is_one)


class Pages(Generic[T]):
    """Pages in order; once it has broken off, it does not look as if it had come to its end."""

    def __init__(
        self, pager: AsyncPager[T], listing: Listing[T], *, after: Page[T] | None = None, is_one: bool = False
    ) -> None:
        self._ahead: deque[tuple[int, asyncio.Task[ItemList[T]]]] = deque()
        self._pager = pager
        self._listing = listing
        self._after = after
        self._most_ahead = 1 if is_one else pager.prefetch
        self._is_one = is_one
        starts = None if after is None else after._page_starts
        self._sums = PageArithmetic(listing.path, listing.key, pager.limit, starts)
        self._broken_by: str | None = None
        self._is_turning = False
        self.has_begun: bool = False
        """Whether a page was asked for."""
        self.is_over: bool = False
        """Whether there is no further page, or none is wanted."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Page[T]:
        if self._broken_by is not None:
            raise PaginationError(
                f"GET {self._listing.path}: this iteration broke off before ({self._broken_by}) and cannot go on. What "
                "it gave is not the whole list; iterate again."
            )
        if self._is_turning:
            raise RuntimeError("The next page is being waited for already; let each reader have a list of its own.")
        self._is_turning = True
        try:
            page = None if self.is_over else await self._turn()
        except BaseException as error:  # a timeout of the reader's own as well
            self._broken_by = type(error).__name__
            given_up = self._give_up()
            if given_up and not isinstance(error, GeneratorExit):
                await asyncio.wait(given_up)
            raise
        finally:
            self._is_turning = False
        self.is_over = page is None or (not self._ahead and self._sums.is_at_end)
        if page is None:
            raise StopAsyncIteration
        return page

    async def aclose(self) -> None:
        """End the iteration, and give up the pages that are fetched ahead."""
        self._broken_by = None
        self.is_over = True
        if given_up := self._give_up():
            await asyncio.wait(given_up)

    def __del__(self) -> None:
        for _, task in self._ahead:
            with suppress(RuntimeError):  # the loop is closed
                task.get_loop().call_soon_threadsafe(_drop, task)

    def begin(self, fetched: ItemList[T]) -> Page[T]:
        """Take the list's first page."""
        offset = self._pager.offset
        items = self._sums.begin(offset, fetched)
        return self._page(items, offset + len(items))

    def _page(self, items: list[T], end: int) -> Page[T]:
        offset = end - len(items)  # items that were seen before are left out at the front
        sums = self._sums
        return Page(items=items, count=sums.count, offset=offset, pager=self._pager, page_starts=sums.page_starts)

    async def _turn(self) -> Page[T] | None:
        sums, listing = self._sums, self._listing
        if not self.has_begun:
            self.has_begun = True
            if self._after is None:
                return self.begin(await listing.fetch(self._pager.limit, self._pager.offset))
            sums.begin(self._after.offset, ItemList(items=self._after.items, count=self._after.count))
        while not self._ahead:
            await self._fetch_ahead()
            if not self._ahead:
                if self._is_one or not sums.is_end_open:
                    return None
                sums.confirm_end(await listing.fetch(1, sums.count))
        offset, task = self._ahead[0]
        fetched = await task
        self._ahead.popleft()
        items = await self._complete(offset, fetched)
        sums.is_end_open = sums.end(offset) == offset + sums.stride
        if not self._is_one:
            await self._fetch_ahead()
        return self._page(items, sums.end(offset))

    async def _fetch_ahead(self) -> None:
        while len(self._ahead) < self._most_ahead and (planned := self._sums.plan()) is not None:
            fetching = asyncio.create_task(self._listing.fetch(self._sums.stride, planned))
            self._ahead.append((planned, fetching))
        if self._ahead:
            await asyncio.sleep(0)  # the requests go out now, not when the page in use has been used up

    async def _complete(self, start: int, page: ItemList[T]) -> list[T]:
        """Take a planned page, and ask for what it left out."""
        sums = self._sums
        offset, items = start, list[T]()
        while True:
            wanted = sums.end(start) - offset
            if sums.is_outdated(page):
                page = await self._listing.fetch(wanted, offset)
            items += sums.take(offset, wanted, page)
            offset += min(wanted, len(page.items))
            if offset >= sums.end(start):
                return items
            page = await self._listing.fetch(sums.end(start) - offset, offset)

    def _give_up(self) -> list[asyncio.Task[ItemList[T]]]:
        given_up = [task for _, task in self._ahead]
        self._ahead.clear()
        for task in given_up:
            _drop(task)
        return given_up


def _drop(task: asyncio.Task[Any]) -> None:
    task.cancel()
    task.add_done_callback(lambda task: task.cancelled() or task.exception())  # or it would be logged


class Items(Generic[T]):
    """Items of pages in order, one after another."""

    def __init__(self, pages: Pages[T], first: Iterable[T] = ()) -> None:
        """``first`` are items that come before those of the pages."""
        self._pages = pages
        self._items: Iterator[T] = iter(first)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                return item
            self._items = iter((await anext(self._pages)).items)

    async def aclose(self) -> None:
        """End the iteration, and give up what is fetched ahead."""
        self._items = iter(())
        await self._pages.aclose()
