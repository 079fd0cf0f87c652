"""The key is in the header of the API's requests, and nowhere else."""

from __future__ import annotations

import gc
import logging
import pickle
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from aymara_async import AsyncAymaraAI, AymaraAIError, ConfigurationError, Eval
from aymara_async.sandbox import Sandbox
from tests.answers import EVAL, FILE, page
from tests.faulty_server import (
    Exchange,
    FaultyServer,
    Step,
    client_of,
    error,
    hang_up,
    message,
    redirect,
    reply,
    reset,
    send,
    stall,
)

TOKEN = "token-that-must-not-show"
OTHER = "other-secret-that-must-not-show"
MARK = "must-not-show"


def parts_of(root: object) -> Iterator[object]:
    """Walk all that can be reached from an object through attributes of this package's and aiohttp's objects."""
    seen: set[int] = set()
    todo = [root]
    while todo:
        found = todo.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        if type(found).__module__.startswith(("aymara_async", "aiohttp")):
            todo += [each for each in gc.get_referents(found) if not isinstance(each, type)]


@pytest.fixture
async def client() -> AsyncIterator[AsyncAymaraAI]:
    async with FaultyServer(reply(200, EVAL)) as server:
        async with client_of(server, bearer_token=TOKEN) as client:
            view = client.with_options(api_key=OTHER, default_headers={"Authorization": f"Bearer {OTHER}"})
            await view.evals.get("test.1")
            yield view


async def test_key_is_in_no_repr(client: AsyncAymaraAI) -> None:
    shown = 0
    for part in parts_of(client):
        if type(part).__module__.startswith("aymara_async"):
            assert MARK not in repr(part), type(part)
            assert MARK not in str(part), type(part)
            shown += 1
    assert shown > 10
    for view in (client.evals, client.with_raw_response, client.evals.with_raw_response, client.evals.list()):
        assert MARK not in repr(view)
        assert MARK not in repr(vars(view))
    assert MARK not in repr(vars(client))


async def test_key_is_in_no_pickle(client: AsyncAymaraAI, monkeypatch: pytest.MonkeyPatch) -> None:
    pickled = pickle.dumps(client)
    assert MARK.encode() not in pickled
    monkeypatch.setenv("AYMARA_AI_API_KEY", "from-environment")
    again = pickle.loads(pickled)
    assert (type(again), again.base_url) == (AsyncAymaraAI, client.base_url)
    with pytest.raises(ConfigurationError, match="AYMARA_AI_API_KEY"):
        await again.evals.get("test.1")


async def test_pickled_client_keeps_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AYMARA_AI_API_KEY", "from-environment")
    async with FaultyServer(reply(200, EVAL)) as server:
        options = {
            "api_key": None,
            "default_headers": {"X-A": "a"},
            "default_query": {"q": 1},
            "workspace_uuid": "w",
        }
        again = pickle.loads(pickle.dumps(client_of(server, **options, timeout=7, max_connections=3, use_sandbox=True)))
        assert again._settings.call.timeout == 7
        async with again:
            await again.evals.get("test.1")
    assert server.lines == ["GET /v2/evals/test.1?q=1&workspace_uuid=w"]
    headers = server.requests[0].headers
    assert (headers["x-a"], headers["x-api-key"], headers["x-use-sandbox"]) == ("a", "from-environment", "True")


async def echo(exchange: Exchange) -> None:
    """Repeat the key in the answer, as some servers do that refuse it."""
    key = exchange.request.headers["x-api-key"]
    body = f'{{"error": {{"code": "auth.invalid_key", "message": "Invalid key {key}", "details": {{"key": "{key}"}}}}}}'
    await exchange.send(message(401, body.encode()))


async def echo_in_headers(exchange: Exchange) -> None:
    """Repeat the key where nobody looks for it."""
    key = exchange.request.headers["x-api-key"]
    await exchange.send(message(302, b"", {"X-Debug": f"key={key}", "Location": f"https://evil.example/{key}"}))


async def echo_page(exchange: Exchange) -> None:
    """Show the request instead of an answer, as servers do that help with debugging."""
    await exchange.send(message(200, repr(exchange.request.headers).encode(), {"Content-Type": "text/html"}))


FAULTS: dict[str, Step] = {
    "echo page": echo_page,
    "401": error(401),
    "503": error(503),
    "echo": echo,
    "echo in headers": echo_in_headers,
    "reset": reset,
    "hang up": hang_up,
    "stall": stall,
    "no HTTP": send(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    "bad length": send(b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n"),
    "truncated": send(message(200, b"{", {"Content-Length": "99"})),
    "no JSON": reply(200, b"<html>"),
    "corrupt gzip": reply(200, b"no gzip", {"Content-Encoding": "gzip"}),
    "too large": reply(200, b" " * 10_001),
    "redirect": redirect(307, "https://evil.example/"),
    "wrong field": reply(200, {"ai_description": 5}),
}


async def parse(client: AsyncAymaraAI) -> Eval:
    response = await client.evals.with_raw_response.get("test.1")
    return response.parse()


async def parse_list(client: AsyncAymaraAI) -> object:
    response = await client.evals.with_raw_response.list()
    return response.parse()


CALLS: dict[str, Callable[[AsyncAymaraAI], Awaitable[object]]] = {
    "parse": parse,
    "parse list": parse_list,
    "read": lambda client: client.evals.get("test.1"),
    "write": lambda client: client.evals.runs.score_responses(eval_uuid="test.1", responses=[]),
    "delete": lambda client: client.delete("/v2/evals/test.1", cast_to=Eval),
    "list": lambda client: anext(aiter(client.evals.list())),
    "bad header": lambda client: client.evals.get("test.1", extra_headers={"x-api-key": f"{OTHER}\n"}),
    "own key": lambda client: client.evals.get("test.1", extra_headers={"x-api-key": OTHER}),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
async def test_key_is_in_no_error_and_no_log(fault: str, call: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with FaultyServer(FAULTS[fault]) as server:
        async with client_of(
            server, bearer_token=TOKEN, timeout=0.1, max_retries=1, max_response_bytes=10_000
        ) as client:
            with pytest.raises(AymaraAIError) as caught:
                await CALLS[call](client)
    shown = [
        *traceback.format_exception(caught.value),
        repr(pickle.dumps(caught.value)),
        *(record.getMessage() for record in caplog.records),
        *(repr(record.args) for record in caplog.records),
    ]
    link: BaseException | None = caught.value
    while link is not None:
        shown += [repr(link), str(link), repr(vars(link)), repr(link.args)]
        link = link.__cause__ or link.__context__
    assert not [text for text in shown if MARK in text]
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


async def test_a_raw_response_is_pickled_without_the_key() -> None:
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server, api_key=OTHER, bearer_token=TOKEN) as client:
        response = await client.evals.with_raw_response.get("test.1", extra_headers={"x-api-key": OTHER})
    pickled = pickle.dumps(response)
    assert MARK not in repr(pickled) + repr(response.decode)
    assert pickle.loads(pickled).parse() == response.parse()


async def test_storage_host_never_sees_the_key() -> None:
    async with FaultyServer(error(503), reply(200, b"")) as storage, FaultyServer(reply()) as server:
        file = {**FILE, "file_url": f"{storage.url}/bucket/x?signature=s"}
        server.steps = [reply(200, {"files": [file]})]
        headers = {"X-Api-Key": OTHER, "Authorization": f"Bearer {OTHER}", "Cookie": OTHER}
        async with client_of(server, bearer_token=TOKEN, default_headers=headers, default_query={"q": OTHER}) as client:
            await client.files.upload_presigned(("x.txt", b"bytes"))
    assert len(storage.requests) == 2
    for request in storage.requests:
        assert request.target == "/bucket/x?signature=s"
        assert MARK not in repr(request)


async def test_signature_is_in_no_message_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with FaultyServer(error(403)) as storage, client_of(storage) as client:
        with pytest.raises(AymaraAIError) as caught:
            await client.files.put_presigned(f"{storage.url}/bucket/x?signature=of-the-url", b"bytes")
    assert "of-the-url" not in str(caught.value) + repr(caught.value) + caplog.text
    assert "of-the-url" not in repr(vars(caught.value)["response"])


async def test_key_is_in_no_url() -> None:
    async with FaultyServer(reply(200, page())) as server, client_of(server) as client:
        await client.evals.list()
        response = await client.with_raw_response.evals.list()
    assert MARK not in server.requests[0].target
    assert MARK not in response.url + repr(response)


async def test_debug_log_tells_what_was_asked_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "aymara_async")
    async with FaultyServer(error(503), reply(200, EVAL)) as server, client_of(server) as client:
        await client.evals.get("test.1", workspace_uuid="w")
    messages = [record.getMessage() for record in caplog.records]
    assert [text.split(",")[0] for text in messages] == [
        f"GET {server.url}/v2/evals/test.1 -> 503",
        "attempt 1 failed",
        f"GET {server.url}/v2/evals/test.1 -> 200",
    ]


async def test_sandbox_sees_the_key_as_a_header_alone() -> None:
    async with Sandbox() as sandbox, AsyncAymaraAI(api_key=sandbox.api_key, base_url=sandbox.url) as client:
        found = await client.files.upload_presigned(b"bytes")
        await client.files.get(found.file_uuid or "")
    assert all(sandbox.api_key not in request.path for request in sandbox.requests)
