"""The least that the work can cost: aiohttp by hand, and JSON to dictionaries by orjson, nothing checked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from benchmarks.answers import EVAL_UUID, submitted_responses

PAGE = 100
HEADERS = {"x-api-key": "key", "Accept": "application/json", "User-Agent": "limit"}


@asynccontextmanager
async def getting(
    url: str, decode: Callable[[bytes], object] = orjson.loads
) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    target = f"{url}/v2/evals/{EVAL_UUID}"
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def get() -> object:
            async with session.get(target) as response:
                return decode(await response.read())

        yield get


def decoding(work: str) -> Callable[[bytes], object]:
    return orjson.loads


def encoding(number: int) -> Callable[[], bytes]:
    fields = {"eval_uuid": EVAL_UUID, "responses": submitted_responses(number)}
    return lambda: orjson.dumps(fields)


@asynccontextmanager
async def iterating(url: str) -> AsyncIterator[Callable[[str], AsyncIterator[object]]]:
    """Ask for page after page, one at a time."""
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def iterate(run: str) -> AsyncIterator[object]:
            offset, count = 0, 1
            while offset < count:
                target = f"{url}/v2/eval-runs/{run}/responses?limit={PAGE}&offset={offset}"
                async with session.get(target) as response:
                    page: dict[str, Any] = orjson.loads(await response.read())
                for item in page["items"]:
                    yield item
                offset, count = offset + len(page["items"]), page["count"]

        yield iterate
