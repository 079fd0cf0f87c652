"""The blocking pager: what it fetches, when, and what it leaves behind."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aymara_async.errors import ClientClosedError, PaginationError
from aymara_async.portal.loop_thread import LoopThread
from aymara_async.portal.pager import Pager
from aymara_async.portal.portal import Portal
from tests.portal.listing import Numbers


async def nothing() -> None:
    """Close nothing."""


async def other_tasks() -> int:
    return len(asyncio.all_tasks()) - 2  # the loop's own, and this


@pytest.fixture
def portal() -> Iterator[Portal]:
    portal = Portal(nothing)
    yield portal
    portal.close()


@pytest.fixture
def hops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every call into the loop."""
    hops: list[str] = []
    call = LoopThread.call
    monkeypatch.setattr(LoopThread, "call", lambda thread, coroutine: (hops.append("hop"), call(thread, coroutine))[1])
    return hops


def test_nothing_is_fetched_until_it_is_needed(portal: Portal) -> None:
    numbers = Numbers(10)
    pager = Pager(numbers.pager(4), portal)
    assert repr(pager) == "<Pager, not fetched yet>"
    assert numbers.offsets == []
    assert iter(pager)
    assert pager.pages()
    assert numbers.offsets == []


def test_it_reads_as_its_first_page_fetched_once(portal: Portal) -> None:
    numbers = Numbers(10)
    pager = Pager(numbers.pager(4), portal)
    assert pager.items == [0, 1, 2, 3]
    assert (pager.count, pager.offset, pager.has_next_page()) == (10, 0, True)
    assert pager.next_page_info() == {"offset": 4, "limit": 4}
    assert numbers.offsets == [0]
    assert repr(pager) == "<Pager, first page: <Page of 4 items at 0 of 10>>"


def test_iteration_gives_all_items_and_fetches_each_page_once(portal: Portal, hops: list[str]) -> None:
    numbers = Numbers(23)
    assert list(Pager(numbers.pager(5), portal)) == list(range(23))
    assert numbers.offsets == [0, 5, 10, 15, 20]
    assert len(hops) == len(numbers.offsets)
    assert len(numbers.threads) == 1


def test_iteration_begins_with_the_page_that_was_read(portal: Portal) -> None:
    numbers = Numbers(23)
    pager = Pager(numbers.pager(5), portal)
    assert pager.count == 23
    assert list(pager) == list(range(23))
    assert numbers.offsets == [0, 5, 10, 15, 20]


def test_a_list_that_grows_after_its_first_page_was_read_is_given_once(portal: Portal) -> None:
    numbers = Numbers(23)
    pager = Pager(numbers.pager(5), portal)
    assert pager.items == [0, 1, 2, 3, 4]
    numbers.first, numbers.count = -1, 24  # a new one in front
    assert list(pager) == list(range(23))


def test_the_first_page_of_an_iteration_is_kept(portal: Portal) -> None:
    numbers = Numbers(4)
    pager = Pager(numbers.pager(5), portal)
    assert list(pager) == [0, 1, 2, 3]
    assert pager.items == [0, 1, 2, 3]
    assert list(pager) == [0, 1, 2, 3]
    assert numbers.offsets == [0]


def test_an_empty_list_is_empty(portal: Portal) -> None:
    pager = Pager(Numbers(0).pager(5), portal)
    assert list(pager) == []
    assert (pager.items, pager.count, pager.has_next_page(), pager.next_page_info()) == ([], 0, False, None)


def test_pages_hold_their_own_items_only(portal: Portal) -> None:
    numbers = Numbers(8)
    pages = list(Pager(numbers.pager(3), portal).pages())
    assert [list(page) for page in pages] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert [(page.offset, len(page), page.count) for page in pages] == [(0, 3, 8), (3, 3, 8), (6, 2, 8)]
    assert [page.has_next_page() for page in pages] == [True, True, False]
    assert repr(pages[2]) == "<Page of 2 items at 6 of 8>"


def test_pages_can_be_turned_one_by_one(portal: Portal) -> None:
    page = Pager(Numbers(5).pager(2), portal).get_next_page()
    assert page.items == [2, 3]
    assert page.next_page_info() == {"offset": 4, "limit": 2}
    page = page.get_next_page()
    assert page.items == [4]
    with pytest.raises(ValueError, match="last page"):
        page.get_next_page()


def test_pages_are_fetched_ahead_while_the_caller_works(portal: Portal) -> None:
    numbers = Numbers(10)
    items = iter(Pager(numbers.pager(2, prefetch=4), portal))
    assert list(itertools.islice(items, 3)) == [0, 1, 2]
    assert numbers.all_asked.wait(30)  # though nobody has asked for the third page
    assert list(items) == list(range(3, 10))


def test_leaving_early_leaves_nothing_running(portal: Portal) -> None:
    numbers = Numbers(100, hanging_from=8)
    for number in Pager(numbers.pager(4, prefetch=8), portal):
        if number == 5:
            break
    assert numbers.running == 0
    assert portal.call(other_tasks()) == 0


def test_an_iteration_that_is_forgotten_leaves_nothing_running(portal: Portal) -> None:
    numbers = Numbers(100, hanging_from=8)
    cycle: list[object] = []
    items = iter(Pager(numbers.pager(4, prefetch=8), portal))
    assert list(itertools.islice(items, 6)) == list(range(6))
    cycle += [cycle, items]
    del cycle, items
    gc.collect()
    assert numbers.running == 0
    assert portal.call(other_tasks()) == 0


def test_an_error_comes_after_the_items_before_it(portal: Portal) -> None:
    numbers = Numbers(100, broken_from=8)
    seen: list[int] = []
    with pytest.raises(ValueError, match="broken at 8"):
        seen.extend(Pager(numbers.pager(4, prefetch=8), portal))
    assert seen == list(range(8))
    assert numbers.running == 0
    assert portal.call(other_tasks()) == 0


def test_a_first_page_that_failed_is_fetched_anew(portal: Portal) -> None:
    numbers = Numbers(5, broken_from=0)
    pager = Pager(numbers.pager(4), portal)
    with pytest.raises(ValueError, match="broken at 0"):
        assert pager.items
    numbers.broken_from = None
    assert pager.items == [0, 1, 2, 3]


def test_pagers_in_several_threads(portal: Portal) -> None:
    with ThreadPoolExecutor(8) as pool:
        lists = list(pool.map(lambda count: list(Pager(Numbers(count).pager(3), portal)), range(40, 60)))
    assert lists == [list(range(count)) for count in range(40, 60)]


async def test_it_works_inside_a_running_loop(portal: Portal) -> None:
    assert list(Pager(Numbers(7).pager(3), portal)) == list(range(7))


def test_closing_the_client_ends_an_iteration_with_an_error(portal: Portal) -> None:
    numbers = Numbers(100, hanging_from=8)
    items = iter(Pager(numbers.pager(4, prefetch=8), portal))
    assert next(items) == 0
    portal.close()
    assert numbers.running == 0
    assert list(itertools.islice(items, 3)) == [1, 2, 3]  # fetched before
    with pytest.raises(ClientClosedError):
        next(items)


def test_the_pager_keeps_its_client_open() -> None:
    assert list(Pager(Numbers(7).pager(3), Portal(nothing))) == list(range(7))


@pytest.mark.parametrize("is_by_pages", [True, False])
def test_a_list_that_broke_off_does_not_seem_to_end(portal: Portal, is_by_pages: bool) -> None:
    pager = Pager(Numbers(100, broken_from=30).pager(10), portal)
    iterator = pager.pages() if is_by_pages else iter(pager)
    with pytest.raises(ValueError, match="broken at 30"):
        list(iterator)
    for _ in range(2):
        with pytest.raises(PaginationError, match=r"GET /numbers: .*broke off before \(ValueError\)"):
            next(iterator)
    assert hasattr(iterator, "close")
    iterator.close()
    assert next(iterator, "the end") == "the end"


@pytest.mark.parametrize("is_by_pages", [True, False])
def test_a_list_that_was_read_to_its_end_stays_there(portal: Portal, is_by_pages: bool) -> None:
    pager = Pager(Numbers(25).pager(10), portal)
    iterator = pager.pages() if is_by_pages else iter(pager)
    assert len(list(iterator)) == (3 if is_by_pages else 25)
    assert next(iterator, "the end") == "the end"


def test_what_only_a_list_that_is_there_can_do_says_what_to_do_instead(portal: Portal) -> None:
    pager: Any = Pager(Numbers(0).pager(10), portal)
    for misuse in (lambda: pager[0], lambda: len(pager)):
        with pytest.raises(TypeError, match=r"pager\.items.*pager\.count.*list\(pager\)"):
            misuse()
    assert pager, "it is there, whatever it will give"
    assert list(pager) == []


def test_a_list_that_is_never_begun_starts_no_thread() -> None:
    pager = Pager(Numbers(5).pager(10), Portal(nothing))
    before = threading.active_count()
    for iterator in (iter(pager), pager.pages()):
        del iterator
    gc.collect()
    assert threading.active_count() == before
