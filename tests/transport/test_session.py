"""SessionManager by itself, with aiohttp's answers made up: what it does with each is seen without a server."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aioresponses import CallbackResult, aioresponses

from aymara_async import APIConnectionError, APITimeoutError, ClientClosedError, InternalServerError
from aymara_async.transport.body import JSONBody
from aymara_async.transport.opener import ConnectionSettings
from aymara_async.transport.options import CallOptions
from aymara_async.transport.request import Request
from aymara_async.transport.session import SessionManager
from aymara_async.transport.time_limits import TimeLimit, TimeLimits
from tests.faulty_server import AT_ONCE

URL = "https://api.example/v2/evals/x"
SETTINGS = ConnectionSettings(base_url="https://api.example", headers={"x-api-key": "key"})
GET = Request(method="GET", url=URL)
POST = Request(method="POST", url=URL, body=JSONBody(b"{}"), is_idempotent=False)
DELETE = Request(method="DELETE", url=URL)
OPTIONS = CallOptions(retry=AT_ONCE)


@pytest.fixture
def answers() -> object:
    with aioresponses() as answers:
        yield answers


async def send(request: Request, options: CallOptions = OPTIONS) -> tuple[int, bytes]:
    manager = SessionManager(SETTINGS)
    try:
        response = await manager.request(request, options)
    finally:
        await manager.close()
    return response.status_code, response.content


async def test_answer_is_handed_on_as_it_came(answers: aioresponses) -> None:
    answers.get(URL, status=200, body=b"{}", headers={"x-request-id": "req_1"})
    assert await send(GET) == (200, b"{}")


async def test_one_session_serves_a_loop(answers: aioresponses) -> None:
    answers.get(URL, repeat=True)
    manager = SessionManager(SETTINGS)
    sessions = []
    for _ in range(3):
        await manager.request(GET, OPTIONS)
        sessions.append(manager._sessions.current())
    assert sessions[0] is sessions[1] is sessions[2]
    await manager.close()
    assert sessions[0] is not None
    assert sessions[0].http.closed


async def test_first_calls_at_once_share_a_session(answers: aioresponses) -> None:
    answers.get(URL, repeat=True)
    manager = SessionManager(SETTINGS)
    await asyncio.gather(*(manager.request(GET, OPTIONS) for _ in range(10)))
    assert len(manager._sessions._entries) == 1
    await manager.close()


async def test_shorter_of_timeout_and_deadline_limits_an_attempt(
    answers: aioresponses, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float | None] = []
    of = TimeLimits.of

    def watch(self: TimeLimits, seconds: float | None) -> TimeLimit:
        seen.append(seconds)
        return of(self, seconds)

    def answer(url: object, **how: object) -> CallbackResult:
        assert "timeout" not in how
        return CallbackResult(status=200)

    monkeypatch.setattr(TimeLimits, "of", watch)

    answers.get(URL, callback=answer, repeat=True)
    await send(Request(method="GET", url=URL, timeout=7))
    await send(Request(method="GET", url=URL, timeout=7), CallOptions(deadline=3))
    await send(Request(method="GET", url=URL, timeout=None))
    first, to_wait, second, third = seen
    assert (first, to_wait, third) == (7, 3, None)
    assert second is not None
    assert 0 < second <= 3, "what the wait for a connection has left"


async def test_redirects_are_never_left_to_aiohttp(answers: aioresponses) -> None:
    seen: list[object] = []

    def answer(url: object, **how: object) -> CallbackResult:
        seen.append(how["allow_redirects"])
        return CallbackResult(status=200)

    answers.get(URL, callback=answer)
    answers.delete(URL, callback=answer)
    await send(GET)
    await send(DELETE)
    assert seen == [False, False]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (aiohttp.ServerDisconnectedError(), APIConnectionError),
        (aiohttp.ClientPayloadError("cut"), APIConnectionError),
        (aiohttp.ServerTimeoutError(), APITimeoutError),
        (TimeoutError(), APITimeoutError),
        (ConnectionResetError(104, "reset"), APIConnectionError),
        (aiohttp.ClientOSError(32, "broken pipe"), APIConnectionError),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_failures_of_aiohttp_are_ours(
    failure: Exception, kind: type[APIConnectionError], answers: aioresponses
) -> None:
    answers.get(URL, exception=failure, repeat=True)
    with pytest.raises(kind) as caught:
        await send(GET)
    assert caught.value.__cause__ is failure
    assert (caught.value.method, caught.value.url) == ("GET", URL)


async def test_failure_then_answer(answers: aioresponses) -> None:
    answers.get(URL, exception=aiohttp.ServerDisconnectedError())
    answers.get(URL, status=503)
    answers.get(URL, body=b"[]")
    assert await send(GET) == (200, b"[]")


async def test_programming_errors_are_not_retried(answers: aioresponses) -> None:
    answers.get(URL, exception=ZeroDivisionError())
    answers.get(URL)
    with pytest.raises(ZeroDivisionError):
        await send(GET)


async def test_unsafe_request_that_never_began_is_no_unknown_outcome(answers: aioresponses) -> None:
    """aioresponses writes no body, so these failures come before anything is sent."""
    answers.post(URL, exception=aiohttp.ServerDisconnectedError())
    answers.post(URL, exception=aiohttp.ServerDisconnectedError())
    answers.post(URL, status=201)
    assert await send(POST) == (201, b"")


async def test_closed_manager(answers: aioresponses) -> None:
    answers.get(URL)
    manager = SessionManager(SETTINGS)
    await manager.close()
    with pytest.raises(ClientClosedError):
        await manager.request(GET, OPTIONS)


async def test_closing_between_two_tries_ends_them(answers: aioresponses) -> None:
    manager = SessionManager(SETTINGS)

    def fail(url: object, **how: object) -> CallbackResult:
        manager.is_closed = True
        return CallbackResult(status=503)

    answers.get(URL, callback=fail)
    with pytest.raises(ClientClosedError):
        await manager.request(GET, OPTIONS)
    await manager.close()


async def test_last_error_is_raised_as_it_is(answers: aioresponses) -> None:
    answers.get(URL, status=500, body=b"broken", repeat=True)
    with pytest.raises(InternalServerError) as caught:
        await send(GET)
    assert caught.value.body == "broken"
    assert caught.value.__cause__ is None
