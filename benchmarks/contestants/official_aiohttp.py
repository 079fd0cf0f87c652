"""The official SDK with its aiohttp backend, which is an extra."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aymara_ai import AsyncAymaraAI, DefaultAioHttpClient

from benchmarks.answers import EVAL_UUID


@asynccontextmanager
async def getting(url: str) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    async with AsyncAymaraAI(base_url=url, api_key="key", http_client=DefaultAioHttpClient()) as client:
        yield lambda: client.evals.get(EVAL_UUID)
