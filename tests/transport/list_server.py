"""A list that changes while it is read, at the other end of a pager, without a wire between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from aymara_async.models.page import ItemList
from aymara_async.transport.listing import Listing
from aymara_async.transport.pager import AsyncPager


@attrs.define
class ListServer:
    """Give pages of a list of numbers; ``events`` change it before the request of that number, from 0."""

    items: list[int]
    events: Mapping[int, Callable[[list[int]], None]] = attrs.field(factory=dict)
    cap: int | None = None
    """The most items that a page may have, whatever was asked."""
    lengths: list[int] = attrs.field(factory=list)
    """Lengths of the first pages, where the server gives fewer items than asked."""
    delays: list[int] = attrs.field(factory=list)
    """How many turns of the loop each answer takes, over and over."""
    count: Callable[[int], int] = lambda count: count
    """What the server says of how many items there are."""
    start: Callable[[int], int] = lambda offset: offset
    """From where the server gives items, if not from where it was asked."""
    requests: list[tuple[int, int]] = attrs.field(factory=list)
    """Limit and offset of each request."""
    running: int = 0
    most_running: int = 0
    completed: int = 0
    most_requests: int = 10_000

    async def call(self, method: str, path: str, returns: object, options: object, *, query: Mapping[str, Any]) -> Any:
        number, limit, offset = len(self.requests), query["limit"], query["offset"]
        self.requests.append((limit, offset))
        if number >= self.most_requests:
            raise AssertionError("endless")
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            delay = self.delays[number % len(self.delays)] if self.delays else 0
            for _ in range(delay // 2):
                await asyncio.sleep(0)
            if number in self.events:
                self.events[number](self.items)
            limit = min(limit, self.cap or limit)
            if number < len(self.lengths):
                limit = min(limit, self.lengths[number])
            start = self.start(offset)
            answer = ItemList(items=self.items[start : start + limit], count=self.count(len(self.items)))
            for _ in range(delay - delay // 2):
                await asyncio.sleep(0)
            self.completed += 1
            return answer
        finally:
            self.running -= 1

    def pager(
        self, limit: int = 10, offset: int = 0, prefetch: int = 3, key: Callable[[int], object] = lambda item: item
    ) -> AsyncPager[int]:
        listing = Listing(caller=self, path="/v2/items", item_type=int, key=key, query={}, options={})  # type: ignore[arg-type]  # stands in for a Caller
        return AsyncPager(listing, limit=limit, offset=offset, prefetch=prefetch)


def append(*new: int) -> Callable[[list[int]], None]:
    return lambda items: items.extend(new)


def put_in_front(*new: int) -> Callable[[list[int]], None]:
    def change(items: list[int]) -> None:
        items[:0] = new

    return change


def remove(position: int) -> Callable[[list[int]], None]:
    def change(items: list[int]) -> None:
        if items:
            del items[position % len(items)]

    return change
