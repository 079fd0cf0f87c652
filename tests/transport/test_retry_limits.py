"""Where retries end: Retry-After, the budget of a client, deadlines, and waits as numbers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from aymara_async import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    InternalServerError,
    RateLimitError,
)
from aymara_async.transport.retry import RetryPolicy
from aymara_async.transport.wire import retry_after
from tests.answers import EVAL, RUN
from tests.faulty_server import (
    AT_ONCE,
    FaultyServer,
    client_of,
    error,
    reply,
    stall,
)


@pytest.mark.parametrize("value", ["0", " 0 ", "0.0", format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True)])
async def test_retry_after_that_is_over_is_sent_again_at_once(value: str) -> None:
    async with FaultyServer(error(429, Retry_After=value), reply(200, RUN)) as server, client_of(server) as client:
        await client.evals.runs.create(eval_uuid="test.1", responses=[])
    assert len(server.requests) == 2


async def test_retry_after_is_waited_for() -> None:
    async with FaultyServer(error(429, Retry_After="60"), reply(200, RUN)) as server:
        async with client_of(server, deadline=30) as client:
            with pytest.raises(RateLimitError, match="asks to wait 60 s") as caught:
                await client.evals.runs.create(eval_uuid="test.1", responses=[])
    assert len(server.requests) == 1, "a wait that ends after the deadline is not begun"
    assert caught.value.retry_after == 60


def test_milliseconds_go_before_seconds() -> None:
    assert retry_after({"retry-after-ms": "1500", "Retry-After": "9"}) == 1.5
    assert retry_after({"retry-after-ms": "soon", "Retry-After": "9"}) == 9.0


@pytest.mark.parametrize("value", ["soon", "-5", "1e3", "12 parsecs", "", "Fri, 99 Foo 2026", "NaN", "inf", "\u0663"])
async def test_retry_after_that_is_garbage_falls_back_to_backoff(value: str) -> None:
    headers = {"Retry-After": value or " "}
    async with FaultyServer(reply(429, {}, _latin(headers)), reply(200, EVAL)) as server, client_of(server) as client:
        await client.evals.get("test.1")
    assert len(server.requests) == 2


def _latin(headers: dict[str, str]) -> dict[str, str]:
    return {name: value.encode().decode("latin-1") for name, value in headers.items()}


@pytest.mark.parametrize("value", ["121", "3600", "999999999"])
async def test_retry_after_beyond_two_minutes_is_raised_at_once(value: str) -> None:
    async with FaultyServer(error(429, Retry_After=value), reply(200, EVAL)) as server, client_of(server) as client:
        with pytest.raises(RateLimitError) as caught:
            await client.evals.get("test.1")
    assert len(server.requests) == 1
    assert caught.value.retry_after == float(value)


async def test_retry_after_as_a_far_date_is_raised_at_once() -> None:
    date = datetime.now(UTC) + timedelta(hours=1)
    step = error(503, Retry_After=format_datetime(date, usegmt=True))
    async with FaultyServer(step, reply(200, EVAL)) as server, client_of(server) as client:
        with pytest.raises(InternalServerError) as caught:
            await client.evals.get("test.1")
    assert len(server.requests) == 1
    assert caught.value.retry_after is not None
    assert 3000 < caught.value.retry_after <= 3600


async def test_budget_bounds_the_traffic_of_a_total_outage() -> None:
    async with FaultyServer(error(503)) as server, client_of(server) as client:
        failures = await asyncio.gather(*(client.evals.get("test.1") for _ in range(200)), return_exceptions=True)
    assert all(isinstance(failure, InternalServerError) for failure in failures)
    assert len(server.requests) == 200 + 100


async def test_rate_limit_that_says_when_to_come_again_is_no_outage() -> None:
    steps = [error(429, Retry_After="0")] * 250
    async with FaultyServer(*steps, reply(200, EVAL)) as server, client_of(server, max_retries=250) as client:
        await asyncio.gather(*(client.evals.get("test.1") for _ in range(200)))
        assert client._session.budget.tokens == client._session.budget.capacity
    assert len(server.requests) == 200 + 250


async def test_budget_comes_back_with_success() -> None:
    async with FaultyServer(error(503), reply(200, EVAL)) as server, client_of(server) as client:
        budget = client._session.budget
        budget.tokens = 1.0
        await client.evals.get("test.1")
        assert budget.tokens == pytest.approx(1.1)
        await client.evals.get("test.1")
        assert budget.tokens == pytest.approx(1.2)


async def test_views_share_the_budget() -> None:
    async with FaultyServer(error(503)) as server, client_of(server, max_retries=100) as client:
        for _ in range(3):
            with pytest.raises(InternalServerError):
                await client.with_options(timeout=9).evals.get("test.1")
    assert len(server.requests) == 3 + 100


@pytest.mark.parametrize("options", [{"max_retries": 0}, {"retry": RetryPolicy(max_retries=0)}])
async def test_no_retries_if_asked_for_none(options: dict[str, object]) -> None:
    async with FaultyServer(error(503)) as server, client_of(server, **options) as client:
        with pytest.raises(InternalServerError):
            await client.evals.get("test.1")
    assert len(server.requests) == 1


async def test_deadline_ends_a_call_while_each_attempt_is_within_its_timeout() -> None:
    async with FaultyServer(stall) as server:
        async with client_of(server, timeout=0.2, deadline=0.5, max_retries=50) as client:
            with pytest.raises(APITimeoutError):
                await client.evals.get("test.1")
    assert 2 <= len(server.requests) <= 4


async def test_deadline_bounds_an_attempt_without_a_timeout() -> None:
    async with FaultyServer(stall) as server, client_of(server, timeout=None, deadline=0.1) as client:
        with pytest.raises(APITimeoutError, match=r"within 0\.1 s"):
            await client.evals.get("test.1")
    assert len(server.requests) == 1


async def test_timeout_of_one_call_goes_before_the_clients() -> None:
    async with FaultyServer(stall) as server, client_of(server, timeout=None, max_retries=0) as client:
        with pytest.raises(APITimeoutError, match=r"within 0\.1 s"):
            await client.evals.get("test.1", timeout=0.1)


class TestPolicy:
    """The waits, as numbers."""

    @pytest.mark.parametrize("attempt", range(1, 12))
    def test_jitter_is_between_zero_and_a_bound_that_doubles(self, attempt: int) -> None:
        policy = RetryPolicy(max_retries=100)
        bound = min(20.0, 0.5 * 2 ** (attempt - 1))
        waits = [self.delay(policy, APIConnectionError("broken"), attempt) for _ in range(300)]
        assert all(0 <= wait <= bound for wait in waits)
        assert max(waits) > 0.8 * bound
        assert min(waits) < 0.2 * bound

    @pytest.mark.parametrize("asked", [0.0, 1.0, 119.0, 120.0])
    async def test_retry_after_is_honoured_with_jitter_on_top(self, asked: float) -> None:
        async with FaultyServer(error(429, Retry_After=f"{asked:g}")) as server:
            async with client_of(server, max_retries=0) as client:
                with pytest.raises(RateLimitError) as caught:
                    await client.evals.get("test.1")
        waits = [self.delay(RetryPolicy(), caught.value, 1) for _ in range(100)]
        assert all(asked <= wait <= asked + 0.5 for wait in waits)
        assert len(set(waits)) > 50

    @staticmethod
    def delay(policy: RetryPolicy, failure: APIConnectionError | APIStatusError, attempt: int) -> float:
        wait = policy.delay(failure, attempt=attempt, is_idempotent=True)
        assert wait is not None
        return wait

    def test_at_once_never_waits(self) -> None:
        assert self.delay(AT_ONCE, APIConnectionError("broken"), 4) == 0
