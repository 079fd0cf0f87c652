"""A list of numbers behind a real ``AsyncPager``, without a server."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

from aymara_async.models.page import ItemList
from aymara_async.response import APIResponse
from aymara_async.transport.caller import Caller
from aymara_async.transport.listing import Listing
from aymara_async.transport.options import RequestOptions
from aymara_async.transport.pager import AsyncPager


class Numbers:
    """Answers calls for a list as the API would, and notes them."""

    def __init__(self, count: int, *, broken_from: int | None = None, hanging_from: int | None = None) -> None:
        self.first = 0
        self.count = count
        self.broken_from = broken_from
        self.hanging_from = hanging_from
        self.offsets: list[int] = []
        self.threads: set[int] = set()
        self.running = 0
        self.all_asked = threading.Event()

    async def call(
        self, method: str, path: str, returns: type[Any], options: RequestOptions, *, query: dict[str, int]
    ) -> ItemList[int]:
        offset, limit = query["offset"], query["limit"]
        self.offsets.append(offset)
        self.threads.add(threading.get_ident())
        self.running += 1
        try:
            await asyncio.sleep(0)
            if self.broken_from is not None and offset >= self.broken_from:
                raise ValueError(f"broken at {offset}")
            if offset + limit >= self.count:
                self.all_asked.set()
            if self.hanging_from is not None and offset >= self.hanging_from:
                await asyncio.Event().wait()
            items = range(offset, min(offset + limit, self.count))
            return ItemList(items=[self.first + item for item in items], count=self.count)
        finally:
            self.running -= 1

    def pager(self, limit: int, prefetch: int = 4) -> AsyncPager[int]:
        listing = Listing(caller=cast(Caller, self), path="/numbers", item_type=int, key=int, query={}, options={})
        return AsyncPager(listing, limit=limit, offset=0, prefetch=prefetch)


class AsyncToys:
    """Toys of all kinds."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self.boxes = AsyncBoxes()

    async def get(self, toy_uuid: str, *, colour: str = "red", **options: object) -> tuple[str, int]:
        """Fetch a toy."""
        await asyncio.sleep(0)
        return f"{colour} {toy_uuid} {options}", threading.get_ident()

    def list_parts(self, toy_uuid: str, *, limit: int = 10) -> AsyncPager[int]:
        """List the parts of a toy."""
        return self.numbers.pager(limit)

    async def get_raw(self, *, is_page: bool) -> APIResponse[Any]:
        """Fetch a whole response."""
        page = await self.numbers.pager(2)
        return APIResponse(
            status_code=200, headers={}, content=b"", method="GET", url="", decode=lambda _: page if is_page else 5
        )


class AsyncBoxes:
    """Boxes for toys."""

    async def count(self) -> int:
        """Count the boxes."""
        return 3
