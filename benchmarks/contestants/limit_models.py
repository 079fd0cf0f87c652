"""aiohttp by hand, and JSON to this SDK's models: what is left over is what the SDK itself costs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aymara_async import Eval
from aymara_async.transport.codec import decoder
from benchmarks.contestants import limit


@asynccontextmanager
async def getting(url: str) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    async with limit.getting(url, decoder(Eval)) as get:
        yield get
