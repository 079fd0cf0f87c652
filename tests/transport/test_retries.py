"""What is sent again, how often, and what the caller hears: DESIGN's retry table, counted at the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import product

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
    UnprocessableEntityError,
)
from aymara_async.response import APIResponse
from aymara_async.transport import wire
from tests.answers import ANALYSIS, EVAL, FILES, REPORT, RUN, SCORED
from tests.faulty_server import (
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
DOUBTFUL = (408, 501, 502, 504, 507, 508, 520, 524, 529, 530, 598)
A_FEW = {"get", "delete", "score", "upload"}
some_calls = pytest.mark.parametrize(
    "call", [call for call in [*SAFE, *UNSAFE] if call.name in A_FEW], ids=lambda call: call.name
)

PARTIAL = message(200, b'{"eval_uuid"', {"Content-Length": "400"})
BROKEN: dict[str, Step] = {
    "reset": reset,
    "hang_up": hang_up,
    "truncated": send(PARTIAL),
    "half a head": send(b"HTTP/1.1 2"),
}


async def send_once(call: Call, server: FaultyServer, **options: object) -> object:
    async with client_of(server, **options) as client:
        return await call.make(client)


@pytest.mark.parametrize(
    ("call", "status"),
    [*((call, 503) for call in [*SAFE, *UNSAFE]), *product((SAFE[0], UNSAFE[3]), (421, 425, 429))],
    ids=lambda value: getattr(value, "name", value),
)
async def test_refused_is_sent_again_by_every_method(call: Call, status: int) -> None:
    async with FaultyServer(error(status), error(status), reply(200, call.answer)) as server:
        await send_once(call, server)
    assert len(server.requests) == 3
    assert len({(request.target, request.body[-10:]) for request in server.requests}) <= (
        3 if call.name == "upload" else 1
    )


@pytest.mark.parametrize(
    ("call", "status"),
    [*((call, 500) for call in SAFE), *product((SAFE[0], SAFE[2]), DOUBTFUL)],
    ids=lambda value: getattr(value, "name", value),
)
async def test_ambiguous_status_is_sent_again_where_safe(call: Call, status: int) -> None:
    async with FaultyServer(error(status), error(status), reply(200, call.answer)) as server:
        await send_once(call, server)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("call", "status"),
    [*((call, 500) for call in UNSAFE), *((UNSAFE[3], status) for status in DOUBTFUL)],
    ids=lambda value: getattr(value, "name", value),
)
async def test_ambiguous_status_is_raised_where_unsafe(call: Call, status: int) -> None:
    async with FaultyServer(error(status), reply(200, call.answer)) as server:
        with pytest.raises(APIStatusError) as caught:
            await send_once(call, server)
    assert caught.value.status_code == status
    assert caught.value.may_have_acted
    assert "may or may not have done the work" in caught.value.message
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
        (499, APIStatusError),
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


@pytest.mark.parametrize(
    "first", [reset, error(500), error(504), send(PARTIAL)], ids=["reset", "500", "504", "partial"]
)
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


@pytest.mark.parametrize(("said", "requests"), [("false", 1), ("true", 2)])
async def test_server_may_say_itself_whether_to_come_again(said: str, requests: int) -> None:
    status = 503 if said == "false" else 404
    async with FaultyServer(reply(status, {}, {"x-should-retry": said}), reply(200, EVAL)) as server:
        if said == "true":
            await send_once(SAFE[0], server)
        else:
            with pytest.raises(APIStatusError):
                await send_once(SAFE[0], server)
    assert len(server.requests) == requests


async def test_no_server_can_ask_for_work_to_be_done_twice() -> None:
    async with FaultyServer(reply(500, {}, {"x-should-retry": "true"}), reply(200, RUN)) as server:
        with pytest.raises(InternalServerError):
            await send_once(UNSAFE[3], server)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "may_have_acted", "is_passing"),
    [
        *((status, False, True) for status in (421, 425, 429, 503)),
        *((status, True, True) for status in (500, *DOUBTFUL)),
        *((status, False, False) for status in (300, 304, 400, 401, 403, 404, 409, 413, 418, 422, 451, 499)),
    ],
)
def test_what_a_status_says_of_the_work(status: int, may_have_acted: bool, is_passing: bool) -> None:
    response = APIResponse(status_code=status, headers={}, content=b"", method="POST", url="/", decode=wire.content_of)
    failure = wire.status_error(response)
    assert (failure.may_have_acted, failure.is_passing) == (may_have_acted, is_passing)
    assert failure.is_refusal is (is_passing and not may_have_acted)
