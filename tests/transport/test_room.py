"""Calls beyond the client's connections wait in turn, and none is forgotten."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from aymara_async import APITimeoutError, AsyncAymaraAI, AymaraAIError, ClientClosedError
from tests.answers import EVAL, RUN
from tests.faulty_server import (
    Exchange,
    FaultyServer,
    Step,
    client_of,
    error,
    hang_up,
    redirect,
    reply,
    reset,
    stall,
)


class Gate:
    """A step that answers when it is opened, and tells when somebody stands before it."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, exchange: Exchange) -> None:
        self.reached.set()
        await self.opened.wait()
        await reply(200, EVAL)(exchange)


def get(client: AsyncAymaraAI, **options: float) -> asyncio.Task[object]:
    return asyncio.ensure_future(client.evals.get("test.1", **options))  # type: ignore[arg-type]


async def wait_for_queue(client: AsyncAymaraAI, length: int) -> None:
    """Let the loop go on until so many calls wait for a connection."""
    session = client._session._sessions.current()
    assert session
    while len(session.room._waiters or ()) < length:
        await asyncio.sleep(0)


async def test_callers_are_served_in_turn_however_many_there_are() -> None:
    served: Counter[int] = Counter()

    async def call_again_and_again(client: AsyncAymaraAI, number: int) -> None:
        while served.total() < 300:
            await client.evals.get("test.1")
            served[number] += 1

    async with FaultyServer(reply(200, EVAL)) as server, client_of(server, max_connections=3) as client:
        await asyncio.gather(*(call_again_and_again(client, number) for number in range(30)))
    assert min(served[number] for number in range(30)) >= 9


async def test_waiting_for_a_connection_takes_nothing_from_the_timeout() -> None:
    async with FaultyServer(stall, stall, reply(200, EVAL)) as server:
        async with client_of(server, max_connections=1, max_retries=0, timeout=0.1) as client:
            ends = await asyncio.gather(*(get(client) for _ in range(3)), return_exceptions=True)
    assert [type(end).__name__ for end in ends] == ["APITimeoutError", "APITimeoutError", "Eval"]


async def test_deadline_before_there_was_a_connection_says_so() -> None:
    gate = Gate()
    async with FaultyServer(gate) as server, client_of(server, max_connections=1) as client:
        first = get(client)
        await gate.reached.wait()
        hasty = client.with_options(deadline=0.05)
        with pytest.raises(
            APITimeoutError, match=r"deadline of 0.05 s.*max_connections=1\). Nothing was sent"
        ) as caught:
            await hasty.evals.get("test.1")
        assert not caught.value.is_sent
        with pytest.raises(APITimeoutError, match="Nothing was sent"):
            await hasty.evals.runs.score_responses(eval_uuid="test.1", responses=[])
        gate.opened.set()
        await first
        assert len(server.requests) == 1


async def test_a_call_that_is_sent_again_goes_before_those_that_came_after_it() -> None:
    async with FaultyServer(error(429, Retry_After="0"), error(503), reply(200, EVAL)) as server:
        async with client_of(server, max_connections=1) as client:
            await asyncio.gather(client.evals.get("test.1"), client.evals.get("test.2"))
    assert [request.target[-6:] for request in server.requests] == ["test.1", "test.1", "test.1", "test.2"]


async def test_what_waits_is_sent_once_there_is_a_connection() -> None:
    gate = Gate()
    async with FaultyServer(gate, reply(200, RUN)) as server, client_of(server, max_connections=1) as client:
        first = get(client)
        await gate.reached.wait()
        second = asyncio.ensure_future(client.evals.runs.score_responses(eval_uuid="test.1", responses=[]))
        await wait_for_queue(client, 1)
        assert len(server.requests) == 1
        gate.opened.set()
        await asyncio.gather(first, second)
        assert (len(server.requests), server.connections) == (2, 1)


async def test_client_closed_while_calls_wait() -> None:
    gate = Gate()
    async with FaultyServer(gate) as server:
        client = client_of(server, max_connections=1)
        first = get(client)
        await gate.reached.wait()
        waiting = [get(client) for _ in range(3)]
        await wait_for_queue(client, 3)
        await client.close()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        with pytest.raises(AymaraAIError):
            await first
        gate.opened.set()
    assert [str(end) for end in ends if isinstance(end, ClientClosedError) and "nothing was sent" in str(end)] == [
        "The client is closed, so nothing was sent. Make a new one, or close this one later."
    ] * 3


async def test_who_gives_up_waiting_leaves_the_place_to_the_next() -> None:
    gate = Gate()
    async with FaultyServer(gate, reply(200, EVAL)) as server, client_of(server, max_connections=1) as client:
        first = get(client)
        await gate.reached.wait()
        gives_up, stays = get(client), get(client)
        await wait_for_queue(client, 2)
        gives_up.cancel()
        gate.opened.set()
        await asyncio.gather(first, stays)
        assert gives_up.cancelled()
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "failing",
    [reset, hang_up, stall, reply(500, {}), reply(200, b"<html>"), redirect(307, "/v2/evals/other")],
    ids=["reset", "hang up", "stall", "500", "html", "redirect"],
)
async def test_no_failure_keeps_a_place(failing: Step) -> None:
    async with FaultyServer(failing, reply(200, EVAL)) as server:
        async with client_of(server, max_connections=1, max_retries=0, timeout=0.2) as client:
            await asyncio.gather(client.evals.get("test.1"), return_exceptions=True)
            for _ in range(2):
                await client.evals.get("test.1")


async def test_cancelled_call_keeps_no_place() -> None:
    gate = Gate()
    async with FaultyServer(gate, reply(200, EVAL)) as server, client_of(server, max_connections=1) as client:
        call = get(client)
        await gate.reached.wait()
        call.cancel()
        await client.evals.get("test.1")
        assert call.cancelled()
