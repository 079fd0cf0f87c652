"""All items exactly once, in order, or a PaginationError: whatever the list does while it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aymara_async import RequestValidationError
from aymara_async.models.page import ItemList
from aymara_async.transport.page_arithmetic import PageArithmetic
from tests.transport.list_server import ListServer, append, put_in_front, remove
from tests.transport.reading_ways import WAYS, Way, by_items, every_way, read

sizes = st.integers(0, 60)
limits = st.integers(1, 15)
delays = st.lists(st.integers(0, 6), min_size=1, max_size=7)
ways = st.sampled_from(WAYS)


@given(sizes, limits, st.integers(0, 70), st.integers(1, 9), st.none() | limits, delays, ways)
def test_quiet_list_is_read_whole(
    size: int, limit: int, offset: int, prefetch: int, cap: int | None, turns: list[int], way: Way
) -> None:
    server = ListServer(list(range(size)), cap=cap, delays=turns)
    found, error = asyncio.run(read(way, server.pager(limit, offset, prefetch)))
    assert error is None
    assert found == list(range(offset, size))
    stride = min(limit, cap or limit)
    needed = max(1, -(-len(found) // stride))
    is_end_open = len(found) % stride == 0
    assert needed <= len(server.requests) <= needed + is_end_open, "one more only after a last page that is full"


@given(st.integers(1, 60), limits, st.integers(1, 60))
def test_a_server_that_counts_too_low_is_found_out(size: int, limit: int, missing: int) -> None:
    counted = max(0, size - missing)
    server = ListServer(list(range(size)), count=lambda _: counted)
    found, error = asyncio.run(read(by_items, server.pager(limit)))
    assert error is not None or len(found) == size


@given(sizes, limits, st.integers(1, 9), st.lists(st.integers(1, 15), max_size=12), delays, ways)
def test_short_pages_are_filled_up(
    size: int, limit: int, prefetch: int, lengths: list[int], turns: list[int], way: Way
) -> None:
    server = ListServer(list(range(size)), lengths=lengths, delays=turns, most_requests=4 * size + 20)
    found, error = asyncio.run(read(way, server.pager(limit, 0, prefetch)))
    assert (found, error) == (list(range(size)), None)


growth = st.dictionaries(st.integers(0, 12), st.tuples(st.booleans(), st.integers(1, 25)), max_size=4)


@given(sizes, limits, st.integers(1, 9), growth, delays, ways, st.none() | limits)
def test_growing_list_is_read_whole_or_not_at_all(
    size: int,
    limit: int,
    prefetch: int,
    events: dict[int, tuple[bool, int]],
    turns: list[int],
    way: Way,
    cap: int | None,
) -> None:
    fresh = iter(range(1000, 2000))
    changes = {
        number: (put_in_front if is_in_front else append)(*(next(fresh) for _ in range(added)))
        for number, (is_in_front, added) in events.items()
    }
    server = ListServer(list(range(size)), changes, delays=turns, cap=cap, most_requests=1000)
    found, error = asyncio.run(read(way, server.pager(limit, 0, prefetch)))
    if error is None:
        assert len(found) == len(set(found))
        assert [item for item in found if item < 1000] == list(range(size))
        assert found == [item for item in server.items if item in set(found)], "in the order of the list"
    else:
        assert any(is_in_front for is_in_front, _ in events.values()), "growth at the end is no reason to fail"


@given(st.integers(1, 60), limits, st.integers(1, 9), st.integers(0, 12), st.integers(0, 100), delays, ways)
def test_shrinking_list_is_read_whole_or_not_at_all(
    size: int, limit: int, prefetch: int, number: int, position: int, turns: list[int], way: Way
) -> None:
    server = ListServer(list(range(size)), {number: remove(position)}, delays=turns, most_requests=1000)
    found, error = asyncio.run(read(way, server.pager(limit, 0, prefetch)))
    if error is None:
        assert len(found) == len(set(found))
        assert set(found) >= set(server.items)
    else:
        assert "shrank" in str(error)


@given(st.integers(0, 40), limits, st.integers(1, 5), st.integers(-20, 20), delays, ways)
def test_wrong_count_is_found_out_or_harmless(
    size: int, limit: int, prefetch: int, error_of_count: int, turns: list[int], way: Way
) -> None:
    """Too high: the missing items are missed. Too low: only told where a page holds more than there should be."""
    server = ListServer(
        list(range(size)), count=lambda count: max(0, count + error_of_count), delays=turns, most_requests=1000
    )
    found, error = asyncio.run(read(way, server.pager(limit, 0, prefetch)))
    assert found == list(range(len(found)))
    if error is None and error_of_count > 0:
        assert found == list(range(size + error_of_count)) or size + error_of_count == 0
    if error is None and error_of_count < 0:
        told = max(0, size + error_of_count)
        assert len(found) == told
        assert told % limit == 0, "the last page held items beyond the count"


@every_way
@pytest.mark.parametrize(
    "start",
    [lambda offset: 0, lambda offset: offset % 20, lambda offset: max(0, offset - 1), lambda offset: min(offset, 70)],
    ids=["first page for ever", "pages in a ring", "one behind", "last page again"],
)
async def test_pages_that_come_again_are_an_error(way: Way, start: Callable[[int], int]) -> None:
    server = ListServer(list(range(100)), start=start, most_requests=30)
    server.count = lambda count: 100
    found, error = await read(way, server.pager())
    assert error is not None
    assert "twice" in str(error)
    assert found == list(range(len(found)))


@every_way
async def test_list_that_ends_early_is_an_error(way: Way) -> None:
    server = ListServer(list(range(95)), count=lambda count: 1000, most_requests=30)
    found, error = await read(way, server.pager())
    assert found == list(range(len(found)))
    assert error is not None
    assert "counts 1000 items, but gives none from 95 on" in str(error)
    assert (error.method, error.url) == ("GET", "/v2/items")


@every_way
async def test_empty_first_page_of_a_list_that_is_not_empty_is_an_error(way: Way) -> None:
    server = ListServer([], count=lambda count: 5, most_requests=3)
    found, error = await read(way, server.pager())
    assert (found, error is not None) == ([], True)
    assert len(server.requests) == 1


@every_way
async def test_more_items_than_counted_is_an_error(way: Way) -> None:
    server = ListServer(list(range(8)), count=lambda count: 5)
    found, error = await read(way, server.pager())
    assert (found, error is not None) == ([], True)


async def test_list_that_grows_for_ever_is_read_as_fast_as_it_grows_and_can_be_left() -> None:
    class Endless(ListServer):
        async def call(self, *args: object, **kwargs: object) -> ItemList[int]:  # type: ignore[override]
            self.items.extend(range(len(self.items), len(self.items) + 20))
            return await super().call(*args, **kwargs)  # type: ignore[arg-type, no-any-return]

    server = Endless(list(range(10)), most_requests=200)
    found: list[int] = []
    async for item in server.pager():
        found.append(item)
        if len(found) == 1000:
            break
    assert found == list(range(1000))
    assert len(server.requests) <= 110


async def test_items_without_ids_are_taken_as_they_come() -> None:
    server = ListServer(list(range(35)))
    assert (await read(by_items, server.pager(key=lambda item: None))) == (list(range(35)), None)


async def test_items_without_ids_in_a_list_that_grows_are_an_error() -> None:
    server = ListServer(list(range(35)), {2: put_in_front(100)})
    found, error = await read(by_items, server.pager(prefetch=1, key=lambda item: None))
    assert found == list(range(20))
    assert error is not None
    assert "no ids" in str(error)


async def test_growth_in_front_by_more_than_a_page_is_an_error_before_anything_comes_twice() -> None:
    for added in range(1, 60):
        server = ListServer(list(range(60)), {4: put_in_front(*range(100, 100 + added))})
        found, error = await read(by_items, server.pager(prefetch=1))
        assert len(found) == len(set(found)), added
        assert (error is None) == (added <= 10), added
        assert error is not None or found == list(range(60))


class TestFirstPage:
    async def test_await_gives_it_by_a_single_request(self) -> None:
        server = ListServer(list(range(25)))
        page = await server.pager(offset=5)
        assert (page.items, page.count, page.offset, len(page)) == (list(range(5, 15)), 25, 5, 10)
        assert list(page) == page.items
        assert server.requests == [(10, 5)]
        assert page.has_next_page()
        assert page.next_page_info() == {"offset": 15, "limit": 10}

    async def test_next_page(self) -> None:
        server = ListServer(list(range(25)))
        second = await (await server.pager()).get_next_page()
        third = await second.get_next_page()
        assert (third.items, third.offset, third.has_next_page()) == (list(range(20, 25)), 20, False)
        assert third.next_page_info() is None
        with pytest.raises(ValueError, match="last page"):
            await third.get_next_page()
        assert server.requests == [(10, 0), (10, 10), (10, 20)]

    async def test_empty_list(self) -> None:
        page = await ListServer([]).pager()
        assert (page.items, page.count, page.has_next_page()) == ([], 0, False)
        assert [item async for item in page] == []

    async def test_pager_can_be_used_again(self) -> None:
        server = ListServer(list(range(15)))
        pager = server.pager()
        for _ in range(2):
            assert [item async for item in pager] == list(range(15))
            assert (await pager).items == list(range(10))

    async def test_repr(self) -> None:
        assert repr(ListServer([1]).pager()).endswith(": await it for the first page, or use `async for`>")
        assert repr(await ListServer(list(range(15))).pager()) == "<Page of 10 items at 0 of 15>"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", 0),
        ("limit", -1),
        ("limit", 1.5),
        ("limit", "10"),
        ("limit", True),
        ("limit", None),
        ("offset", -1),
        ("offset", 0.0),
        ("offset", None),
        ("prefetch", 0),
        ("prefetch", False),
        ("prefetch", "8"),
    ],
)
def test_argument_that_makes_no_sense(name: str, value: object) -> None:
    with pytest.raises(RequestValidationError, match=f"{name} must be a whole number") as caught:
        ListServer([]).pager(**{name: value})  # type: ignore[arg-type]  # the point of it
    assert caught.value.path == name


class TestArithmetic:
    """The arithmetic alone."""

    @given(st.integers(0, 50), st.integers(0, 60), st.integers(1, 12))
    def test_plan_covers_the_list_without_gap_or_overlap(self, size: int, offset: int, limit: int) -> None:
        sums = self.arithmetic(limit)
        taken = sums.begin(offset, self.page(range(offset, min(size, offset + limit)), max(size, 0)))
        while (start := sums.plan()) is not None:
            end = sums.end(start)
            taken += sums.take(start, end - start, self.page(range(start, end), size))
        assert taken == list(range(offset, size))

    def test_page_cut_to_what_is_wanted(self) -> None:
        sums = self.arithmetic(10)
        sums.begin(0, self.page(range(10), 50))
        assert sums.take(10, 3, self.page(range(10, 20), 50)) == [10, 11, 12]

    @staticmethod
    def arithmetic(limit: int) -> PageArithmetic[int]:
        return PageArithmetic("/v2/items", lambda item: item, limit)

    @staticmethod
    def page(items: range, count: int) -> ItemList[int]:
        return ItemList(items=list(items), count=count)
