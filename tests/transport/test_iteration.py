"""A list that is iterated over by hand does not seem to end where it broke off."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from aymara_async import PaginationError
from aymara_async.transport.pager import AsyncPager
from tests.transport.list_server import ListServer


def fail(items: list[int]) -> None:
    raise RuntimeError("no page 4")


async def items_after_the_first_page(pager: AsyncPager[int]) -> AsyncIterator[int]:
    return aiter(await pager)


async def items(pager: AsyncPager[int]) -> AsyncIterator[int]:
    return aiter(pager)


async def pages(pager: AsyncPager[int]) -> AsyncIterator[Any]:
    return pager.pages()


WAYS = pytest.mark.parametrize("begin", [items, items_after_the_first_page, pages], ids=lambda way: way.__name__)
Begin = Callable[[AsyncPager[int]], Any]


async def take_all(iterator: AsyncIterator[object]) -> int:
    taken = 0
    async for _ in iterator:
        taken += 1
    return taken


@WAYS
async def test_after_an_error_it_says_that_it_broke_off(begin: Begin) -> None:
    iterator = await begin(ListServer(list(range(100)), {3: fail}).pager(prefetch=1))
    with pytest.raises(RuntimeError, match="no page 4"):
        await take_all(iterator)
    for _ in range(2):
        with pytest.raises(PaginationError, match=r"GET /v2/items: .*broke off before \(RuntimeError\).*iterate again"):
            await anext(iterator)


@WAYS
async def test_after_a_timeout_of_the_readers_own_it_says_that_it_broke_off(begin: Begin) -> None:
    iterator = await begin(ListServer(list(range(100)), delays=[0, 10**6]).pager(prefetch=1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await take_all(iterator)
    with pytest.raises(PaginationError, match="CancelledError"):
        await anext(iterator)


@WAYS
async def test_at_its_end_and_when_it_was_closed_it_ends(begin: Begin) -> None:
    whole = await begin(ListServer(list(range(30))).pager())
    assert await take_all(whole)
    closed = await begin(ListServer(list(range(100)), {3: fail}).pager(prefetch=1))
    with pytest.raises(RuntimeError):
        await take_all(closed)
    await closed.aclose()
    for iterator in (whole, closed):
        for _ in range(2):
            with pytest.raises(StopAsyncIteration):
                await anext(iterator)


def test_what_only_a_list_that_is_there_can_do_says_what_to_do_instead() -> None:
    pager: Any = ListServer(list(range(30))).pager()
    for misuse in (lambda: pager[0], lambda: len(pager), lambda: list(pager), lambda: iter(pager)):
        with pytest.raises(TypeError, match=r"page = await pager.*async for item in pager"):
            misuse()
    assert pager, "it is there, whatever it will give"


@pytest.mark.parametrize("prefetch", [1, 3])
async def test_two_readers_of_one_iteration_do_not_share_its_pages(prefetch: int) -> None:
    iterator = ListServer(list(range(40)), delays=[6]).pager(prefetch=prefetch).pages()
    first, second = await asyncio.gather(anext(iterator), anext(iterator), return_exceptions=True)
    assert isinstance(second, RuntimeError)
    assert not isinstance(first, BaseException)
    assert first.items == list(range(10))
    assert [item async for page in iterator for item in page] == list(range(10, 40)), "the first reader goes on"


async def test_an_iteration_that_is_forgotten_leaves_nothing_running() -> None:
    server = ListServer(list(range(100)), delays=[0, 0, 10**6])
    iterator = server.pager(prefetch=3).pages()
    for _ in range(2):
        await anext(iterator)
    assert server.running > 0
    del iterator
    gc.collect()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert others
    await asyncio.wait(others, timeout=30)
    assert all(task.cancelled() for task in others)
    assert server.running == 0
