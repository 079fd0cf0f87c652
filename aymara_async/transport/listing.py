"""A list operation, one page at a time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar, cast

import attrs

from aymara_async.models.page import ItemList
from aymara_async.response import APIResponse
from aymara_async.transport.caller import Caller, RawCaller
from aymara_async.transport.options import RequestOptions

T = TypeVar("T")


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
