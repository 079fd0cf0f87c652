"""Lists: the first page for who awaits, all items in order for who iterates."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Hashable, Iterator, Mapping
from contextlib import aclosing
from typing import Any, Generic, TypeVar, cast

import attrs

from aymara_async.errors import RequestValidationError
from aymara_async.models.page import ItemList
from aymara_async.response import APIResponse
from aymara_async.transport.caller import Caller, RawCaller
from aymara_async.transport.iteration import Items, Pages
from aymara_async.transport.options import RequestOptions
from aymara_async.transport.reading import Reading

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
        async with aclosing(self._pager.pages_after(self, prefetch=1)) as pages:
            return await anext(pages)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __aiter__(self) -> Items[T]:
        return Items(self._pager.pages_after(self), self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"<Page of {len(self.items)} items at {self.offset} of {self.count}>"


@attrs.frozen(kw_only=True, repr=False)
class Listing(Generic[T]):
    """What a list operation asks for, page after page."""

    caller: Caller
    path: str
    item_type: type[T]
    key: Callable[[T], Hashable]
    """Identifies an item, so that none is taken twice; None where it cannot."""
    query: Mapping[str, object]
    options: RequestOptions

    async def fetch(self, limit: int, offset: int) -> ItemList[T]:
        """Fetch one page."""
        query = {**self.query, "limit": limit, "offset": offset}
        return await self.caller.call("GET", self.path, self._page_type, self.options, query=query)

    async def fetch_raw(self, limit: int, offset: int) -> APIResponse[ItemList[T]]:
        """Fetch one page, undecoded."""
        raw = RawCaller(self.caller.session, self.caller.options)
        query = {**self.query, "limit": limit, "offset": offset}
        page = await raw.call("GET", self.path, self._page_type, self.options, query=query)
        return cast("APIResponse[ItemList[T]]", page)

    @property
    def _page_type(self) -> type[ItemList[T]]:
        return ItemList[self.item_type]  # type: ignore[name-defined]  # made at runtime, for the decoder


class AsyncPager(Generic[T]):
    """A list that is not fetched yet.

    ``await`` it for the first ``Page``; iterate over it with ``async for`` for all items, in order and each once, while
    up to ``prefetch`` pages are fetched ahead. Raises ``PaginationError`` where the pages do not add up.
    """

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

    @property
    def path(self) -> str:
        """Where the list is on the server."""
        return self._listing.path

    def starting_at(self, offset: int) -> AsyncPager[T]:
        """Return a pager over the same list from another offset on."""
        return AsyncPager(self._listing, limit=self.limit, offset=offset, prefetch=self.prefetch)

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self._first().__await__()

    async def _first(self) -> Page[T]:
        return self._page(await self._listing.fetch(self.limit, self.offset), self.offset)

    async def raw(self) -> APIResponse[Page[T]]:
        """Fetch the first page and return the whole response, undecoded."""
        response = await self._listing.fetch_raw(self.limit, self.offset)
        decode = response.decode

        def parse(whole: APIResponse[object]) -> Page[T]:
            return self._page(decode(whole), self.offset)

        page_response = cast("APIResponse[Page[T]]", response)
        page_response.decode = parse
        return page_response

    def _page(self, fetched: ItemList[T], offset: int) -> Page[T]:
        reading = Reading(self._listing.path, self._listing.key, self.limit)
        items = reading.begin(offset, fetched)
        return self._page_of(reading, items, offset + len(items))

    def _page_of(self, reading: Reading[T], items: list[T], end: int) -> Page[T]:
        offset = end - len(items)  # items that were seen before are left out at the front
        return Page(items=items, count=reading.count, offset=offset, pager=self, page_starts=reading.page_starts)

    def __aiter__(self) -> Items[T]:
        return Items(self.pages())

    def pages(self) -> Pages[Page[T]]:
        """Iterate over the pages, fetched ahead."""
        return Pages(self._all(), self._listing.path)

    def pages_after(self, page: Page[T], prefetch: int | None = None) -> Pages[Page[T]]:
        """Iterate over the pages that follow one, fetched ahead."""
        return Pages(self._after(page, prefetch), self._listing.path)

    async def _all(self) -> AsyncGenerator[Page[T], None]:
        first = await self
        yield first
        async with aclosing(self._after(first, None)) as pages:
            async for page in pages:
                yield page

    async def _after(self, page: Page[T], prefetch: int | None) -> AsyncGenerator[Page[T], None]:
        listing = self._listing
        reading = Reading(listing.path, listing.key, self.limit, page._page_starts)
        reading.begin(page.offset, ItemList(items=page.items, count=page.count))
        ahead: deque[tuple[int, asyncio.Task[ItemList[T]]]] = deque()

        async def fetch_ahead() -> None:
            while len(ahead) < (prefetch or self.prefetch) and (planned := reading.plan()) is not None:
                ahead.append((planned, asyncio.create_task(listing.fetch(reading.stride, planned))))
            await asyncio.sleep(0)  # the requests go out now, not when the page in use has been used up

        try:
            await fetch_ahead()
            while True:
                if not ahead:
                    if prefetch is not None or not reading.is_end_open:
                        return
                    reading.confirm_end(await listing.fetch(1, reading.count))
                    await fetch_ahead()
                    continue
                offset, task = ahead.popleft()
                try:
                    fetched = await task
                finally:
                    task.cancel()
                items = await self._complete(reading, offset, fetched)
                reading.is_end_open = reading.end(offset) == offset + reading.stride
                if prefetch is None:
                    await fetch_ahead()
                yield self._page_of(reading, items, reading.end(offset))
        finally:
            for _, task in ahead:
                task.cancel()
            await asyncio.gather(*(task for _, task in ahead), return_exceptions=True)

    async def _complete(self, reading: Reading[T], start: int, page: ItemList[T]) -> list[T]:
        """Take a planned page, and ask for what it left out."""
        offset, items = start, list[T]()
        while True:
            wanted = reading.end(start) - offset
            if reading.is_outdated(page):
                page = await self._listing.fetch(wanted, offset)
            items += reading.take(offset, wanted, page)
            offset += min(wanted, len(page.items))
            if offset >= reading.end(start):
                return items
            page = await self._listing.fetch(reading.end(start) - offset, offset)
