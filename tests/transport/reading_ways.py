"""The ways to read a list, each giving its items."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from aymara_async import PaginationError
from aymara_async.transport.pager import AsyncPager

Way = Callable[[AsyncPager[int]], AsyncIterator[int]]


async def by_items(pager: AsyncPager[int]) -> AsyncIterator[int]:
    async for item in pager:
        yield item


async def by_pages(pager: AsyncPager[int]) -> AsyncIterator[int]:
    async for page in pager.pages():
        for item in page:
            yield item


async def by_hand(pager: AsyncPager[int]) -> AsyncIterator[int]:
    page = await pager
    while True:
        for item in page.items:
            yield item
        if not page.has_next_page():
            return
        page = await page.get_next_page()


async def by_first_page(pager: AsyncPager[int]) -> AsyncIterator[int]:
    async for item in await pager:
        yield item


WAYS: list[Way] = [by_items, by_pages, by_hand, by_first_page]
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


async def read(way: Way, pager: AsyncPager[int]) -> tuple[list[int], PaginationError | None]:
    """Read all that comes, and the error that ends it."""
    found: list[int] = []
    try:
        async for item in way(pager):
            found.append(item)  # noqa: PERF401 - what came before an error counts
    except PaginationError as error:
        return found, error
    return found, None
