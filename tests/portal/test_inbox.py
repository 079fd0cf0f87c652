"""The way onto a loop's thread, with the system's event counter and without."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from io import FileIO

import pytest

from aymara_async.portal import inbox as inboxes
from aymara_async.portal.inbox import Inbox

THREADS, ITEMS = 4, 500


@pytest.fixture(params=["event counter", "call_soon_threadsafe"])
async def open_inbox(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[Callable[[tuple[int, int]], None]], Inbox[tuple[int, int]]]]:
    if request.param != "event counter":
        monkeypatch.setattr(inboxes, "_make_bell", lambda: None)
    elif sys.platform != "linux":
        pytest.skip("the system has no event counters")
    opened: list[Inbox[tuple[int, int]]] = []

    def make(take: Callable[[tuple[int, int]], None]) -> Inbox[tuple[int, int]]:
        opened.append(Inbox(asyncio.get_running_loop(), take))
        return opened[-1]

    yield make
    for inbox in opened:
        inbox.close()


async def test_all_items_of_many_threads_come_each_in_the_order_of_its_thread(
    open_inbox: Callable[..., Inbox[tuple[int, int]]],
) -> None:
    taken: list[tuple[int, int]] = []
    is_over = asyncio.Event()
    threads_of_takes: set[int] = set()

    def take(item: tuple[int, int]) -> None:
        taken.append(item)
        threads_of_takes.add(threading.get_ident())
        if len(taken) == THREADS * ITEMS:
            is_over.set()

    inbox = open_inbox(take)

    def put_all(thread: int) -> None:
        for number in range(ITEMS):
            inbox.put((thread, number))

    puts: list[Awaitable[None]] = [asyncio.to_thread(put_all, thread) for thread in range(THREADS)]
    await asyncio.gather(*puts)
    await asyncio.wait_for(is_over.wait(), 30)
    for thread in range(THREADS):
        assert [number for at, number in taken if at == thread] == list(range(ITEMS))
    assert threads_of_takes == {threading.get_ident()}


async def test_what_is_put_in_while_something_is_taken_is_not_left_lying(
    open_inbox: Callable[..., Inbox[tuple[int, int]]],
) -> None:
    is_over = asyncio.Event()

    def take(item: tuple[int, int]) -> None:
        if item[1] == 3:
            is_over.set()
        else:
            inbox.put((0, item[1] + 1))

    inbox = open_inbox(take)
    inbox.put((0, 0))
    await asyncio.wait_for(is_over.wait(), 30)


def test_nothing_can_be_put_into_one_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    for make_bell in (inboxes._make_bell, lambda: None):
        monkeypatch.setattr(inboxes, "_make_bell", make_bell)
        loop = asyncio.SelectorEventLoop()
        inbox = Inbox[int](loop, lambda item: None)
        loop.close()
        inbox.close()
        with pytest.raises(RuntimeError, match="closed"):
            inbox.put(1)


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no event counters")
def test_one_whose_bell_is_closed_in_the_midst_of_a_put_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    class LateBell(FileIO):
        def write(self, b: object, /) -> int:
            os.close(self.fileno())
            return super().write(b)  # type: ignore[arg-type]  # any bytes

    monkeypatch.setattr(inboxes, "_make_bell", lambda: LateBell(os.eventfd(0, os.EFD_CLOEXEC), "r+", closefd=False))
    loop = asyncio.SelectorEventLoop()
    inbox = Inbox[int](loop, lambda item: None)
    with pytest.raises(RuntimeError, match="closed"):
        inbox.put(1)
    loop.close()
