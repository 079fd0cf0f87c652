"""An HTTP server on loopback that does to each request what a test tells it, and remembers what it got."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self, TypeAlias

import attrs
import trustme

from aymara_async import AsyncAymaraAI
from aymara_async.transport.retry import RetryPolicy

KEY = "key-that-must-not-show"
AT_ONCE = RetryPolicy(initial_wait=0)
"""The usual number of retries, without a wait."""


@attrs.frozen
class Received:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    connection: int
    """Number of the connection that it came on, from 1."""

    def json(self) -> object:
        return json.loads(self.body)


class Exchange:
    """One request and the connection to answer it on."""

    def __init__(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.reader = reader
        self.writer = writer
        self.is_open = True

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        """Close in the ordinary way."""
        self.is_open = False
        self.writer.close()

    def reset(self) -> None:
        """Break the connection, so that the other side sees a reset."""
        self.is_open = False
        _reset(self.writer)

    async def stall(self) -> None:
        """Say nothing more until the other side gives up."""
        self.is_open = False
        await self.reader.read()
        self.writer.close()


Step: TypeAlias = Callable[[Exchange], Awaitable[None]]


class FaultyServer:
    """Answer each request by the next step; the last one serves all that follow.

    ``accept`` does something to a new connection before anything is read from it, even a TLS handshake; it returns
    False to end it.
    """

    def __init__(
        self,
        *steps: Step,
        tls: ssl.SSLContext | None = None,
        accept: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]] | None = None,
    ) -> None:
        self.steps = list(steps)
        self.requests: list[Received] = []
        self.connections = 0
        self._tls = tls
        self._accept = accept
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def lines(self) -> list[str]:
        """Method and target of each request."""
        return [f"{request.method} {request.target}" for request in self.requests]

    @property
    def last_headers(self) -> Mapping[str, str]:
        """Headers of the newest request."""
        return self.requests[-1].headers

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        if self._failures and error is None:
            raise self._failures[0]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer, self.connections))
        self._tasks.add(task)
        task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failures.append(failure)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        try:
            if self._accept is not None and not await self._accept(reader, writer):
                return
            if self._tls is not None:
                await writer.start_tls(self._tls)
            while (request := await _read(reader, writer, number)) is not None:
                self.requests.append(request)
                step = self.steps[0] if len(self.steps) == 1 else self.steps.pop(0)
                exchange = Exchange(request, reader, writer)
                await step(exchange)
                if not exchange.is_open:
                    return
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("expect") == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body, number)


def _reset(writer: asyncio.StreamWriter) -> None:
    plain: socket.socket = writer.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def reset_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Reset a new connection (``accept``)."""
    _reset(writer)
    return False


async def never_speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Take a new connection and nothing more (``accept``)."""
    await reader.read()
    return False


def message(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """Write a response by the book, except where the headers say otherwise."""
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode("latin-1") + body


def reply(status: int = 200, body: object = None, headers: Mapping[str, str] | None = None) -> Step:
    """Answer in full: with bytes as they are, with anything else as JSON."""
    content = body if isinstance(body, bytes) else b"" if status == 204 else json.dumps(body).encode()

    async def step(exchange: Exchange) -> None:
        await exchange.send(message(status, content, headers))

    return step


def error(status: int, code: str = "server.internal_error", text: str = "Broken", **headers: str) -> Step:
    """Answer with the API's error body."""
    body = {"error": {"code": code, "message": text, "details": {"field": "name"}}, "request_id": "req_1"}
    return reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def redirect(status: int, location: str) -> Step:
    """Answer with a redirect."""
    return reply(status, b"", {"Location": location})


def send(data: bytes) -> Step:
    """Send just these bytes, and close."""

    async def step(exchange: Exchange) -> None:
        await exchange.send(data)
        exchange.close()

    return step


def send_and_stall(data: bytes = b"") -> Step:
    """Send just these bytes, then nothing more until the other side gives up."""

    async def step(exchange: Exchange) -> None:
        await exchange.send(data)
        await exchange.stall()

    return step


async def reset(exchange: Exchange) -> None:
    """Reset the connection instead of an answer."""
    exchange.reset()


async def hang_up(exchange: Exchange) -> None:
    """Close the connection instead of an answer."""
    exchange.close()


async def stall(exchange: Exchange) -> None:
    """Never answer."""
    await exchange.stall()


def then_close(step: Step) -> Step:
    """Close the connection after the step, without having said so."""

    async def closing(exchange: Exchange) -> None:
        await step(exchange)
        exchange.close()

    return closing


def private_tls(name: str = "127.0.0.1", authority: trustme.CA | None = None) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a server's TLS context, and a client's that trusts its authority, which no one else does."""
    authority, server = authority or trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(server)
    return server, ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())


def client_of(server: FaultyServer | str, **options: object) -> AsyncAymaraAI:
    """Make a client of the server that does not wait between its tries."""
    url = server if isinstance(server, str) else server.url
    settings: dict[str, object] = {"api_key": KEY, "base_url": url, "retry": AT_ONCE, **options}
    return AsyncAymaraAI(**settings)  # type: ignore[arg-type]  # each test passes what the client takes
