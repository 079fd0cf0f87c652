"""Connections that the server keeps, closes or breaks; TLS; nothing unencrypted."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import pytest
import trustme

from aymara_async import (
    APIConnectionError,
    APIStatusError,
    AsyncAymaraAI,
    ClientClosedError,
    ConfigurationError,
    OutcomeUnknownError,
)
from aymara_async.transport.tls import default_tls
from tests.answers import EVAL, FILE, RUN, SCORED
from tests.faulty_server import (
    KEY,
    Exchange,
    FaultyServer,
    client_of,
    error,
    hang_up,
    message,
    private_tls,
    reply,
    reset,
    send_and_stall,
    then_close,
)

Make = Callable[[AsyncAymaraAI], Awaitable[object]]
WRITES: dict[str, tuple[Make, object]] = {
    "DELETE": (lambda client: client.evals.delete("test.1"), None),
    "PUT": (lambda client: client.evals.update("test.1", name="New"), EVAL),
    "PATCH": (lambda client: client.evals.runs.update_response("a", eval_run_uuid="r"), SCORED),
    "POST": (lambda client: client.evals.runs.score_responses(eval_uuid="test.1", responses=[]), RUN),
    "PUT that creates": (lambda client: client.evals.update("test.1", prompt_creates=[{"content": "a"}]), EVAL),
}


async def test_one_connection_serves_call_after_call() -> None:
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
        for _ in range(5):
            await client.evals.get("test.1")
            await client.evals.update("test.1", name="New")
    assert server.connections == 1
    assert len(server.requests) == 10


async def test_connection_that_is_announced_to_close_is_not_used_again() -> None:
    step = then_close(reply(200, EVAL, {"Connection": "close"}))
    async with FaultyServer(step) as server, client_of(server, max_retries=0) as client:
        for _ in range(5):
            await client.evals.update("test.1", prompt_creates=[{"content": "a"}])
    assert server.connections == 5


async def test_connection_closed_between_calls_costs_nothing() -> None:
    async with FaultyServer(then_close(reply(200, EVAL))) as server, client_of(server, max_retries=0) as client:
        for number in range(1, 4):
            await client.evals.update("test.1", prompt_creates=[{"content": "a"}])
            await _until_idle_connections_are_gone(client)
            assert (server.connections, len(server.requests)) == (number, number)


async def _until_idle_connections_are_gone(client: AsyncAymaraAI) -> None:
    session = client._session._sessions.current()
    assert session is not None
    assert session.http.connector is not None
    pool = session.http.connector._conns
    while any(protocol.is_connected() for idle in pool.values() for protocol, _ in idle):
        await asyncio.sleep(0)


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("step", [reset, hang_up], ids=["reset", "hang up"])
async def test_kept_connection_that_dies_under_a_write_is_not_used_for_it_in_secret(name: str, step: object) -> None:
    """aiohttp by itself would send PUT and DELETE a second time; only our own retries may."""
    make, answer = WRITES[name]
    async with FaultyServer(reply(200, EVAL), step, reply(200, answer)) as server:  # type: ignore[arg-type]
        async with client_of(server, max_retries=0) as client:
            await client.evals.get("test.1")
            with pytest.raises(APIConnectionError) as caught:
                await make(client)
    assert len(server.requests) == 2
    assert caught.value.is_sent
    is_unsafe = name in {"POST", "PUT that creates"}
    assert isinstance(caught.value, OutcomeUnknownError) == is_unsafe


async def test_kept_connection_that_dies_under_a_read_is_replaced() -> None:
    async with FaultyServer(reply(200, EVAL), hang_up, reply(200, EVAL)) as server, client_of(server) as client:
        await client.evals.get("test.1")
        await client.evals.get("test.1")
    assert (len(server.requests), server.connections) == (3, 2)


async def test_no_more_connections_than_allowed() -> None:
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server, max_connections=3) as client:
        await asyncio.gather(*(client.evals.get("test.1") for _ in range(30)))
    assert server.connections == 3


async def test_client_closed_while_a_call_is_under_way_does_not_say_that_nothing_was_sent() -> None:
    arrived = asyncio.Event()

    async def keep(exchange: Exchange) -> None:
        arrived.set()
        await exchange.stall()

    async with FaultyServer(keep) as server:
        client = client_of(server)
        call = asyncio.create_task(client.evals.delete("test.1"))
        await arrived.wait()
        await client.close()
        with pytest.raises(ClientClosedError, match="connection broke") as caught:
            await call
    assert "nothing was sent" not in caught.value.message.lower()


@pytest.mark.parametrize("length", ["Content-Length: 9000", "Transfer-Encoding: chunked"])
async def test_client_closed_while_a_body_is_coming(length: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
    async with FaultyServer(send_and_stall(head.encode())) as server:
        client = client_of(server, timeout=None)
        calls = [
            asyncio.ensure_future(client.evals.get("test.1")),
            asyncio.ensure_future(client.evals.runs.score_responses(eval_uuid="test.1", responses=[])),
        ]
        await _until_bodies_are_read(client, len(calls))
        await client.close()
        async with asyncio.timeout(10):
            ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [ClientClosedError, OutcomeUnknownError]
    assert "the client was closed" in str(ends[0])


async def _until_bodies_are_read(client: AsyncAymaraAI, number: int) -> None:
    while (session := client._session._sessions.current()) is None or len(session.reading) < number:
        await asyncio.sleep(0)


@pytest.mark.parametrize("steps", range(3))
async def test_client_closed_while_an_upload_begins(steps: int, tmp_path: Path) -> None:
    """Whenever it is closed, the upload ends with an error of this package."""
    (tmp_path / "a.txt").write_bytes(b"a")
    async with FaultyServer(reply(200, FILE)) as server:
        client = client_of(server)
        await client.health.check()  # so that there is a session
        call = asyncio.create_task(client.files.upload(file=tmp_path / "a.txt"))
        for _ in range(steps):
            await asyncio.sleep(0)
        await client.close()
        with pytest.raises((ClientClosedError, APIConnectionError)):
            await call


async def test_cookies_are_not_kept() -> None:
    step = reply(200, EVAL, {"Set-Cookie": "session=1; Path=/"})
    async with FaultyServer(step) as server, client_of(f"http://localhost:{server.port}") as client:
        await client.evals.get("test.1")
        await client.evals.get("test.1")
    assert "cookie" not in server.requests[1].headers


async def test_private_authority_by_context() -> None:
    tls, trusting = private_tls()
    async with FaultyServer(reply(200, EVAL), tls=tls) as server, client_of(server, ssl_context=trusting) as client:
        assert (await client.evals.get("test.1")).eval_uuid == "test.1"
    assert server.requests[0].headers["x-api-key"] == KEY


@pytest.mark.parametrize("is_set_late", [False, True])
async def test_private_authority_by_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_set_late: bool
) -> None:
    authority = trustme.CA()
    tls, _ = private_tls(authority=authority)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    async with FaultyServer(reply(200, EVAL), tls=tls) as server:
        if not is_set_late:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        async with client_of(server) as client:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
            assert (await client.evals.get("test.1")).eval_uuid == "test.1"


async def test_certificate_of_another_host_is_refused() -> None:
    tls, trusting = private_tls("other.example")
    async with FaultyServer(reply(200, EVAL), tls=tls) as server, client_of(server, ssl_context=trusting) as client:
        with pytest.raises(APIConnectionError, match="Nothing was sent") as caught:
            await client.evals.get("test.1")
    assert server.requests == []
    assert not caught.value.is_retryable


@pytest.mark.parametrize(
    "url",
    [
        "http://api.aymara.ai",
        "http://10.0.0.1:8000",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://[2001:db8::1]",
        "http://0.0.0.0:80",
        "http://128.0.0.1",
    ],
)
def test_plain_http_is_for_this_machine_only(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"unencrypted.*allow_http=True") as caught:
        AsyncAymaraAI(api_key=KEY, base_url=url)
    assert KEY not in str(caught.value)
    monkeypatch.setenv("AYMARA_AI_BASE_URL", url)
    with pytest.raises(ConfigurationError, match="unencrypted"):
        AsyncAymaraAI(api_key=KEY)
    assert AsyncAymaraAI(api_key=KEY, allow_http=True).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000",
        "http://127.0.0.1",
        "http://127.8.9.1:80",
        "http://[::1]:9",
        "http://api.localhost",
        "http://localhost.",
        "http://LOCALHOST.:1",
    ],
)
def test_plain_http_to_this_machine_is_fine(url: str) -> None:
    assert AsyncAymaraAI(api_key=KEY, base_url=url + "/").base_url == url.lower()


async def test_call_before_the_connection_is_there_says_where_it_went() -> None:
    async with FaultyServer(error(500)) as server:
        url = server.url
    async with client_of(url, max_retries=0) as client:
        with pytest.raises(APIConnectionError, match=re.escape(f"GET {url}/v2/evals/test.1")) as caught:
            await client.evals.get("test.1", workspace_uuid="w")
    assert (caught.value.method, caught.value.url) == ("GET", f"{url}/v2/evals/test.1?workspace_uuid=w")


@pytest.mark.parametrize("name", WRITES)
async def test_write_after_the_server_closed_while_the_loop_was_busy(name: str) -> None:
    """A server of another thread closes the kept connection, which this loop has had no time to notice."""
    make, answer = WRITES[name]
    with ThreadedServer(EVAL, answer) as server:
        async with client_of(server.url, max_retries=0) as client:
            await client.evals.get("test.1")
            server.is_closed.wait()
            await make(client)
    assert server.methods == ["GET", name.partition(" ")[0]]


class ThreadedServer:
    """Answers one request on each connection, and closes it without having said so."""

    def __init__(self, *answers: object) -> None:
        self.methods: list[str] = []
        self.is_closed = threading.Event()
        self._answers = answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        for answer in self._answers:
            connection, _ = self._socket.accept()
            with connection:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65536)
                self.methods.append(data.split(b" ")[0].decode())
                connection.sendall(message(200, json.dumps(answer).encode()))
            self.is_closed.set()


async def test_write_on_a_live_connection_is_sent_there() -> None:
    tls, trusting = private_tls()
    for options in ({}, {"tls": tls}):
        async with FaultyServer(reply(200, EVAL), **options) as server:  # type: ignore[arg-type]
            async with client_of(server, ssl_context=trusting, max_retries=0) as client:
                for _ in range(4):
                    await client.evals.update("test.1", prompt_creates=[{"content": "a"}])
        assert server.connections == 1


async def test_refusal_that_comes_while_the_body_is_still_being_sent() -> None:
    for kind in ("reset", "close"):
        with RefusingServer(kind) as server:
            async with client_of(server.url, max_retries=0) as client:
                with pytest.raises(APIStatusError, match="too much") as caught:
                    await client.files.upload(file=b"x" * 30_000_000)
        assert caught.value.status_code == 413


class RefusingServer(ThreadedServer):
    """Answers 413 when it has seen the head, and hangs up on the rest."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(message(413, b'{"error": {"message": "too much"}}', {"Connection": "close"}))
            if self._kind == "close":
                connection.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("url", ["HTTPS://API.Example.com", "https://api.example.com/", "HTTPS://api.EXAMPLE.com/"])
def test_scheme_and_host_are_normalised_once(url: str) -> None:
    assert AsyncAymaraAI(api_key=KEY, base_url=url).base_url == "https://api.example.com"
    assert AsyncAymaraAI(api_key=KEY, base_url=url + "/V2x").base_url.endswith("/V2x")


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_authorities_that_are_not_there_are_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "missing.pem"))
    async with client_of("https://127.0.0.1:1") as client:
        with pytest.raises(ConfigurationError, match=rf"{name} names .*missing\.pem.*Nothing was sent"):
            await client.evals.get("test.1")


async def test_authorities_that_are_no_certificates_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    async with client_of("https://127.0.0.1:1") as client:
        with pytest.raises(ConfigurationError, match=r"SSL_CERT_FILE names .*none\.pem.*no certificates"):
            await client.evals.get("test.1")


def test_clients_share_one_context_until_the_authorities_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = default_tls()
    assert default_tls() is first
    file = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    second = default_tls()
    assert second is not first
    assert default_tls() is second
    trustme.CA().cert_pem.write_to_path(file, append=True)
    assert default_tls() is not second
