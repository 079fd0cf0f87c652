"""What is sent again, how often, and what the caller hears: DESIGN's retry table, counted at the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import attrs
import pytest

from aymara_async import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncAymaraAI,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    UnprocessableEntityError,
)
from aymara_async.transport.retry import RetryPolicy
from tests.answers import ANALYSIS, EVAL, FILES, REPORT, RUN, SCORED
from tests.faulty_server import (
    AT_ONCE,
    FaultyServer,
    Step,
    client_of,
    error,
    hang_up,
    message,
    never_speak,
    private_tls,
    reply,
    reset,
    reset_at_once,
    send,
    stall,
)


@attrs.frozen
class Call:
    name: str
    make: Callable[[AsyncAymaraAI], Awaitable[object]]
    answer: object


SAFE = [
    Call("get", lambda c: c.evals.get("test.1"), EVAL),
    Call("list", lambda c: c.evals.list(), {"items": [], "count": 0}),
    Call("delete", lambda c: c.evals.delete("test.1"), None),
    Call("analyze", lambda c: c.evals.analyze(), ANALYSIS),
    Call("update_response", lambda c: c.evals.runs.update_response("a", eval_run_uuid="r", is_passed=True), SCORED),
    Call("update", lambda c: c.evals.update("test.1", name="New"), EVAL),
    Call("custom get", lambda c: c.get("/v2/new", cast_to=dict), {}),
    Call("custom put", lambda c: c.put("/v2/new", cast_to=dict, body={}), {}),
    Call("raw get", lambda c: c.evals.with_raw_response.get("test.1"), EVAL),
]
UNSAFE = [
    Call("create", lambda c: c.evals.create(ai_description="A bot", eval_type="safety"), EVAL),
    Call("update creating", lambda c: c.evals.update("test.1", prompt_creates=[{"content": "Hi?"}]), EVAL),
    Call("run", lambda c: c.evals.runs.create(eval_uuid="test.1", responses=[]), RUN),
    Call("score", lambda c: c.evals.runs.score_responses(eval_uuid="test.1", responses=[]), RUN),
    Call("report", lambda c: c.reports.create(eval_run_uuids=["r"]), REPORT),
    Call("files", lambda c: c.files.create(files=[{"local_file_path": "a.png"}]), FILES),
    Call("upload", lambda c: c.files.upload(file=b"bytes"), FILES["files"][0]),
    Call("custom post", lambda c: c.post("/v2/new", cast_to=dict, body={}), {}),
    Call("raw score", lambda c: c.evals.runs.with_raw_response.score_responses(eval_uuid="t", responses=[]), RUN),
]
safe = pytest.mark.parametrize("call", SAFE, ids=lambda call: call.name)
unsafe = pytest.mark.parametrize("call", UNSAFE, ids=lambda call: call.name)
A_FEW = {"get", "delete", "score", "upload"}
some_calls = pytest.mark.parametrize(
    "call", [call for call in [*SAFE, *UNSAFE] if call.name in A_FEW], ids=lambda call: call.name
)

PARTIAL = message(200, b'{"eval_uuid"', {"Content-Length": "400"})
BROKEN: dict[str, Step] = {"reset": reset, "hang_up": hang_up, "truncated": send(PARTIAL), "half a head": send(b"HTTP/1.1 2")}


async def send_once(call: Call, server: FaultyServer, **options: object) -> object:
    async with client_of(server, **options) as client:
        return await call.make(client)


@pytest.mark.parametrize(
    ("call", "status"),
    [*((call, 503) for call in [*SAFE, *UNSAFE]), (SAFE[0], 429), (UNSAFE[3], 429)],
    ids=lambda value: getattr(value, "name", value),
)
async def test_refused_is_sent_again_by_every_method(call: Call, status: int) -> None:
    async with FaultyServer(error(status), error(status), reply(200, call.answer)) as server:
        await send_once(call, server)
    assert len(server.requests) == 3
    assert len({(request.target, request.body[-10:]) for request in server.requests}) <= (3 if call.name == "upload" else 1)


@pytest.mark.parametrize(
    ("call", "status"),
    [*((call, 500) for call in SAFE), *((SAFE[0], status) for status in (408, 502, 504))],
    ids=lambda value: getattr(value, "name", value),
)
async def test_ambiguous_status_is_sent_again_where_safe(call: Call, status: int) -> None:
    async with FaultyServer(error(status), error(status), reply(200, call.answer)) as server:
        await send_once(call, server)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("call", "status"),
    [*((call, 500) for call in UNSAFE), *((UNSAFE[3], status) for status in (408, 502, 504))],
    ids=lambda value: getattr(value, "name", value),
)
async def test_ambiguous_status_is_raised_where_unsafe(call: Call, status: int) -> None:
    async with FaultyServer(error(status), reply(200, call.answer)) as server:
        with pytest.raises(APIStatusError) as caught:
            await send_once(call, server)
    assert caught.value.status_code == status
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (422, UnprocessableEntityError),
        (418, APIStatusError),
        (501, InternalServerError),
    ],
)
@pytest.mark.parametrize("call", [SAFE[0], SAFE[2], UNSAFE[0], UNSAFE[3]], ids=lambda call: call.name)
async def test_refusal_for_good_is_raised_at_once(call: Call, status: int, kind: type[APIStatusError]) -> None:
    async with FaultyServer(error(status), reply(200, call.answer)) as server:
        with pytest.raises(kind) as caught:
            await send_once(call, server)
    assert type(caught.value) is kind
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("call", "step"),
    [*((call, reset) for call in SAFE), *((call, step) for call in SAFE[:3] for step in BROKEN.values())],
    ids=lambda value: getattr(value, "name", None),
)
async def test_broken_after_sending_is_sent_again_where_safe(call: Call, step: Step) -> None:
    async with FaultyServer(step, step, reply(200, call.answer)) as server:
        await send_once(call, server)
    assert len(server.requests) >= 3


@pytest.mark.parametrize(
    ("call", "step"),
    [*((call, reset) for call in UNSAFE), *((call, step) for call in UNSAFE[1:4] for step in BROKEN.values())],
    ids=lambda value: getattr(value, "name", None),
)
async def test_broken_after_sending_leaves_the_outcome_unknown(call: Call, step: Step) -> None:
    async with FaultyServer(step, reply(200, call.answer)) as server:
        with pytest.raises(OutcomeUnknownError, match="may have done the work") as caught:
            await send_once(call, server)
    assert len(server.requests) == 1
    assert isinstance(caught.value, APIConnectionError)


@safe
async def test_timeout_after_sending_is_sent_again_where_safe(call: Call) -> None:
    async with FaultyServer(stall, reply(200, call.answer)) as server:
        await send_once(call, server, timeout=0.2)
    assert len(server.requests) == 2


@unsafe
async def test_timeout_after_sending_leaves_the_outcome_unknown(call: Call) -> None:
    async with FaultyServer(stall, reply(200, call.answer)) as server:
        with pytest.raises(OutcomeUnknownError) as caught:
            await send_once(call, server, timeout=0.1)
    assert len(server.requests) == 1
    assert isinstance(caught.value.__cause__, APITimeoutError)


@some_calls
async def test_connection_refused_is_tried_again_by_every_method(call: Call) -> None:
    async with FaultyServer(reply()) as server:
        url = server.url
    async with client_of(url, max_retries=2) as client:
        with pytest.raises(APIConnectionError, match="Nothing was sent") as caught:
            await call.make(client)
        assert client._session.budget.tokens == client._session.budget.capacity - 2
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert not caught.value.is_sent


@some_calls
async def test_unknown_host_is_tried_again_by_every_method(call: Call) -> None:
    async with client_of("https://nonexistent.invalid", max_retries=1) as client:
        with pytest.raises(APIConnectionError, match=r"nonexistent\.invalid.*Nothing was sent") as caught:
            await call.make(client)
        assert client._session.budget.tokens == client._session.budget.capacity - 1
    assert not isinstance(caught.value, OutcomeUnknownError)


@some_calls
async def test_reset_before_sending_is_tried_again_by_every_method(call: Call) -> None:
    """The TLS handshake comes before the request, so a reset there has shown the server nothing of it."""
    async with FaultyServer(reply(), accept=reset_at_once) as server:
        async with client_of(server.url.replace("http:", "https:"), max_retries=2) as client:
            with pytest.raises(APIConnectionError, match="Nothing was sent") as caught:
                await call.make(client)
    assert server.connections == 3
    assert not isinstance(caught.value, OutcomeUnknownError)


@some_calls
async def test_timeout_before_sending_is_tried_again_by_every_method(call: Call) -> None:
    async with FaultyServer(reply(), accept=never_speak) as server:
        async with client_of(server.url.replace("http:", "https:"), max_retries=1, timeout=0.1) as client:
            with pytest.raises(APITimeoutError, match=r"could not be reached.* within 0\.1 s") as caught:
                await call.make(client)
    assert server.connections == 2
    assert not isinstance(caught.value, OutcomeUnknownError)


@some_calls
async def test_bad_certificate_is_raised_at_once(call: Call) -> None:
    tls, _ = private_tls()
    async with FaultyServer(reply(200, call.answer), tls=tls) as server:
        with pytest.raises(APIConnectionError, match=r"certificate.*check SSL_CERT_FILE") as caught:
            await send_once(call, server)
    assert (server.connections, server.requests) == (1, [])
    assert not caught.value.is_retryable


async def test_plain_server_where_tls_is_expected_is_raised_at_once() -> None:
    async with FaultyServer(reply(), accept=_greet) as server:
        async with client_of(server.url.replace("http:", "https:")) as client:
            with pytest.raises(APIConnectionError, match="no secure connection") as caught:
                await client.evals.get("test.1")
    assert server.connections == 1
    assert not caught.value.is_retryable


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    return False


async def test_retries_end_with_the_last_error() -> None:
    async with FaultyServer(error(503, text="First"), error(503, text="Then"), error(500, text="Last")) as server:
        async with client_of(server, max_retries=2) as client:
            with pytest.raises(InternalServerError, match="Last"):
                await client.evals.get("test.1")
    assert len(server.requests) == 3


async def test_the_default_is_four_retries() -> None:
    async with FaultyServer(error(503)) as server, client_of(server) as client:
        with pytest.raises(InternalServerError):
            await client.evals.get("test.1")
    assert len(server.requests) == 5


async def test_unsafe_call_stops_where_a_retry_turns_ambiguous() -> None:
    async with FaultyServer(error(429), reset, reply(200, RUN)) as server, client_of(server) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.evals.runs.score_responses(eval_uuid="test.1", responses=[])
    assert len(server.requests) == 2


@pytest.mark.parametrize("first", [reset, error(500), error(504), send(PARTIAL)], ids=["reset", "500", "504", "partial"])
async def test_delete_that_is_gone_on_a_retry_counts_as_done(first: Step) -> None:
    async with FaultyServer(first, error(404)) as server, client_of(server) as client:
        await client.evals.delete("test.1")
    assert server.lines == ["DELETE /v2/evals/test.1"] * 2


async def test_delete_that_was_lost_shows_in_the_raw_response() -> None:
    async with FaultyServer(reset, error(404)) as server, client_of(server) as client:
        response = await client.evals.with_raw_response.delete("test.1")
    assert (response.status_code, response.attempts, response.parse()) == (404, 2, None)


@pytest.mark.parametrize("first", [error(429), error(503)], ids=["429", "503"])
async def test_delete_refused_first_and_not_found_then_is_not_found(first: Step) -> None:
    async with FaultyServer(first, error(404)) as server, client_of(server) as client:
        with pytest.raises(NotFoundError):
            await client.evals.delete("test.1")


async def test_delete_that_never_went_out_before_is_not_found() -> None:
    tls, trusting = private_tls()
    is_first = True

    async def silent_at_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        nonlocal is_first
        if is_first:
            is_first = False
            return await never_speak(reader, writer)
        return True

    async with FaultyServer(error(404), tls=tls, accept=silent_at_first) as server:
        async with client_of(server, ssl_context=trusting, timeout=0.3) as client:
            with pytest.raises(NotFoundError):
                await client.evals.delete("test.1")
    assert (server.connections, len(server.requests)) == (2, 1)


async def test_get_that_is_not_found_on_a_retry_is_not_found() -> None:
    async with FaultyServer(reset, error(404)) as server, client_of(server) as client:
        with pytest.raises(NotFoundError):
            await client.evals.get("test.1")


async def test_raw_response_tells_the_attempts() -> None:
    async with FaultyServer(error(503), error(503), reply(200, EVAL)) as server, client_of(server) as client:
        assert (await client.evals.with_raw_response.get("test.1")).attempts == 3
        assert (await client.evals.with_raw_response.get("test.1")).attempts == 1


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
