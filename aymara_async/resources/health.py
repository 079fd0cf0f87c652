"""Is the API there?"""

from __future__ import annotations

from typing import Final, Unpack

from aymara_async.resources.raw import WithRawResponse, raw
from aymara_async.resources.resource import AsyncResource
from aymara_async.transport.options import RequestOptions


class AsyncHealth(AsyncResource):
    """Is the API there?"""

    @property
    def with_raw_response(self) -> AsyncHealthWithRawResponse:
        """The same methods, returning the whole response."""
        return AsyncHealthWithRawResponse(self)

    async def check(self, **options: Unpack[RequestOptions]) -> None:
        """Return if the API answers (``health.check``); raises ``APIError`` if not. Needs no valid key."""
        return await self._call("GET", "/health/", type(None), options)


class AsyncHealthWithRawResponse(WithRawResponse):
    """``health``, with whole responses."""

    check: Final = raw(AsyncHealth.check)
