"""Answers that are too large, however they are packed, and answers that never end."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from aymara_async import (
    APIResponseValidationError,
    APITimeoutError,
    OutcomeUnknownError,
)
from tests.answers import EVAL
from tests.faulty_server import (
    Exchange,
    FaultyServer,
    Step,
    client_of,
    message,
    reply,
    send_and_stall,
)

CONTENT = json.dumps(EVAL).encode()
GZIP = {"Content-Encoding": "gzip"}
MEGABYTES_300 = 300_000_000


async def too_large(step: Step, **options: object) -> APIResponseValidationError:
    async with FaultyServer(step) as server, client_of(server, **options) as client:
        with pytest.raises(APIResponseValidationError, match="raise max_response_bytes") as caught:
            await client.evals.get("test.1")
    assert len(server.requests) == 1
    return caught.value


def streamed(size: int, head: str) -> Step:
    """Send so many bytes, as long as the other side takes them."""

    async def step(exchange: Exchange) -> None:
        await exchange.send(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode())
        chunk = b" " * 1_000_000
        for _ in range(size // len(chunk)):
            await exchange.send(chunk)
        exchange.close()

    return step


def chunked(chunks: int, chunk: bytes, head: str = "") -> Step:
    """Send the same chunk so many times, as long as the other side takes them."""

    async def step(exchange: Exchange) -> None:
        await exchange.send(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{head}\r\n".encode())
        for _ in range(chunks):
            await exchange.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await exchange.send(b"0\r\n\r\n")

    return step


async def test_300_megabytes_are_not_read_where_they_are_announced() -> None:
    await too_large(streamed(MEGABYTES_300, f"Content-Length: {MEGABYTES_300}\r\n"))


async def test_300_megabytes_are_not_kept_where_they_are_not_announced() -> None:
    await too_large(chunked(300, b" " * 1_000_000))


@pytest.mark.parametrize("size", [1_000, 100_000, 10_000_000])
async def test_small_bound_where_the_length_is_announced(size: int) -> None:
    await too_large(streamed(10_000_000, "Content-Length: 10000000\r\n"), max_response_bytes=size - 1)


async def test_small_bound_where_the_length_is_not_announced() -> None:
    await too_large(chunked(20, b" " * 1_000), max_response_bytes=10_000)


async def test_small_bound_where_the_body_ends_with_the_connection() -> None:
    await too_large(streamed(10_000_000, ""), max_response_bytes=10_000)


async def test_gzip_bomb() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 60_000
    error = await too_large(reply(200, bomb, GZIP), max_response_bytes=1_000_000)
    assert error.response.content == b""


@pytest.mark.parametrize("packing", ["none", "chunks", "gzip"])
async def test_bound_is_for_exactly_so_many_bytes(packing: str) -> None:
    content = json.dumps({**EVAL, "ai_description": "x" * 1000}).encode()
    step = chunked(1, content) if packing == "chunks" else reply(200, content)
    if packing == "gzip":
        step = reply(200, gzip.compress(content), GZIP)
    async with FaultyServer(step) as server, client_of(server, max_response_bytes=len(content)) as client:
        assert (await client.evals.get("test.1")).eval_uuid == "test.1"
    await too_large(step, max_response_bytes=len(content) - 1)


async def test_connection_serves_on_after_an_answer_that_was_too_large() -> None:
    steps = [streamed(10_000_000, "Content-Length: 10000000\r\n"), reply(200, EVAL)]
    async with FaultyServer(*steps) as server, client_of(server, max_response_bytes=9_999) as client:
        with pytest.raises(APIResponseValidationError):
            await client.evals.get("test.1")
        assert (await client.evals.get("test.1")).eval_uuid == "test.1"


async def drip(exchange: Exchange) -> None:
    """Answer a byte at a time, slower than anybody waits."""
    await exchange.send(message(200, b"", {"Content-Length": str(len(CONTENT))}))
    for byte in CONTENT:
        await exchange.send(bytes([byte]))
        await asyncio.sleep(0.05)


async def test_a_byte_at_a_time_ends_with_the_timeout() -> None:
    async with FaultyServer(drip) as server, client_of(server, timeout=0.3, max_retries=0) as client:
        with pytest.raises(APITimeoutError):
            await client.evals.get("test.1")
        with pytest.raises(OutcomeUnknownError):
            await client.evals.runs.score_responses(eval_uuid="test.1", responses=[])


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        message(200, b"", {"Content-Length": "100"}),
        message(200, b"{", {"Content-Length": "100"}),
    ],
    ids=["nothing", "half the head", "the head", "half the body"],
)
async def test_silence_ends_with_the_timeout(sent: bytes) -> None:
    async with FaultyServer(send_and_stall(sent)) as server, client_of(server, timeout=0.1, max_retries=0) as client:
        with pytest.raises(APITimeoutError, match=r"within 0\.1 s"):
            await client.evals.get("test.1")
