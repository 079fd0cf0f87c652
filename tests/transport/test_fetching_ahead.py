"""Pages fetched ahead: how many, and nothing of them left when the reader stops."""

from __future__ import annotations

import asyncio

import pytest

from tests.transport.list_server import ListServer
from tests.transport.reading_ways import Way, by_items, every_way, read


class TestFetchingAhead:
    @pytest.mark.parametrize("prefetch", [1, 2, 5, 40])
    async def test_window(self, prefetch: int) -> None:
        server = ListServer(list(range(300)), delays=[5])
        assert [item async for item in server.pager(prefetch=prefetch)] == list(range(300))
        assert server.most_running == min(prefetch, 29)

    async def test_window_moves_with_the_consumer(self) -> None:
        server = ListServer(list(range(1000)))
        consumed = 0
        async for _ in server.pager(prefetch=4).pages():
            consumed += 1
            for _ in range(20):
                await asyncio.sleep(0)
            assert len(server.requests) <= consumed + 4

    async def test_pages_are_under_way_while_one_is_in_use(self) -> None:
        server = ListServer(list(range(1000)))
        pages = server.pager(prefetch=4).pages()
        await anext(pages)
        for number in range(2, 90):
            page = await anext(pages)
            assert len(server.requests) == number + 4, f"when page {number} is handed out, after {page.offset} items"
        await pages.aclose()

    async def test_nothing_is_asked_before_it_is_wanted(self) -> None:
        server = ListServer(list(range(100)))
        pages = server.pager().pages()
        assert server.requests == []
        await anext(pages)
        assert len(server.requests) == 1
        await pages.aclose()

    @pytest.mark.parametrize("is_by_pages", [True, False])
    async def test_break_leaves_nothing_running(self, is_by_pages: bool) -> None:
        before = asyncio.all_tasks()
        server = ListServer(list(range(1000)), delays=[0, 3, *[500] * 8])
        pager = server.pager(prefetch=8)
        iterator = pager.pages() if is_by_pages else aiter(pager)
        for _ in range(2 if is_by_pages else 11):
            await anext(iterator)
        await iterator.aclose()
        assert asyncio.all_tasks() == before
        assert (server.running, server.completed) == (0, 2)

    async def test_forgotten_iterator_leaves_nothing_running(self) -> None:
        before = asyncio.all_tasks()
        server = ListServer(list(range(1000)), delays=[50])
        async for item in server.pager(prefetch=8):
            if item == 15:
                break
        for _ in range(200):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        assert server.running == 0

    async def test_error_of_the_consumer_leaves_nothing_running(self) -> None:
        before = asyncio.all_tasks()
        server = ListServer(list(range(1000)), delays=[50])
        pages = server.pager(prefetch=8).pages()
        with pytest.raises(ZeroDivisionError):
            try:
                async for page in pages:
                    1 / (page.offset - 10)
            finally:
                await pages.aclose()
        assert asyncio.all_tasks() == before

    async def test_error_of_one_page_leaves_nothing_running(self) -> None:
        def fail(items: list[int]) -> None:
            raise RuntimeError("no page 4")

        before = asyncio.all_tasks()
        server = ListServer(list(range(1000)), {3: fail}, delays=[9, 1, 4])
        with pytest.raises(RuntimeError, match="no page 4"):
            await read(by_items, server.pager(prefetch=8))
        assert asyncio.all_tasks() == before
        assert server.running == 0

    async def test_several_failing_pages_raise_the_first_and_warn_of_none(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(items: list[int]) -> None:
            raise RuntimeError("no such page")

        server = ListServer(list(range(1000)), dict.fromkeys(range(2, 20), fail))
        with pytest.raises(RuntimeError, match="no such page"):
            await read(by_items, server.pager(prefetch=8))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not caplog.records

    @every_way
    async def test_cancelled_consumer_leaves_nothing_running(self, way: Way) -> None:
        server = ListServer(list(range(1000)), delays=[9])
        task = asyncio.create_task(read(way, server.pager(prefetch=8)))
        before = asyncio.all_tasks() - {task}
        while len(server.requests) < 3:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(50):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        assert server.running == 0
