"""What the SDK may cost, in numbers that do not depend on the machine: opcodes, and memory that is held."""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest

from aymara_async import AsyncAymaraAI, AymaraAI
from benchmarks.answers import a_run, a_scored_response, encoded
from benchmarks.contestants import limit_models, ours
from tests.benchmarks.frames import FrameCount
from tests.benchmarks.opcodes import opcodes, opcodes_awaited


async def test_a_get_executes_hardly_more_than_aiohttp_by_hand(canned_url: str) -> None:
    async with ours.getting(canned_url) as get, limit_models.getting(canned_url) as get_by_hand:
        count, least = await opcodes_awaited(get), await opcodes_awaited(get_by_hand)
    assert least > 500, "the count itself is broken"
    assert count <= 1.15 * least


@pytest.mark.parametrize(
    ("work", "make"),
    [("page of 100 scored responses", a_scored_response), ("page of 100 runs with their evals", a_run)],
)
def test_decoding_runs_no_python_for_each_item(work: str, make: object) -> None:
    assert callable(make)
    decode = ours.decoding(work)
    short, long = (encoded({"items": [make(one) for one in range(n)], "count": n}) for n in (100, 200))
    more = opcodes(lambda: decode(long)) - opcodes(lambda: decode(short))
    assert more < 100, "one opcode for each item would be that much"


@pytest.mark.parametrize("encoding", [ours.encoding, ours.encoding_objects])
def test_encoding_runs_no_python_for_each_response(encoding: type) -> None:
    short, long = encoding(100), encoding(1100)
    assert opcodes(long) - opcodes(short) < 1000, "one opcode for each of 1,000 responses would be that much"


async def test_a_blocking_list_of_one_page_passes_few_frames_more_than_a_get(canned_url: str) -> None:
    def count() -> tuple[int, int]:
        with FrameCount() as frames, AymaraAI(base_url=canned_url, api_key="key") as client:
            get = frames.least(lambda: client.evals.get("e"))
            return get, frames.least(lambda: list(client.evals.runs.list_responses("list-1-0")))

    get, listed = await asyncio.to_thread(count)  # the server is on this thread
    assert get > 10, "the count itself is broken"
    assert listed <= get + 40, "a list that is iterated over in two ways, one within the other, takes 90"


async def test_iterating_holds_no_more_of_a_long_list_than_of_a_short_one(canned_url: str) -> None:
    async def peak(items: int) -> int:
        async with AsyncAymaraAI(base_url=canned_url, api_key="key") as client:
            tracemalloc.start()
            try:
                assert sum([1 async for _ in client.evals.runs.list_responses(f"list-{items}-0")]) == items
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    await peak(2_000)
    assert await peak(20_000) < 2 * await peak(2_000)
