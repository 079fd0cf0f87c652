"""Sending an answer, or failing to."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Sequence

import attrs
import msgspec
from aiohttp import web

from aymara_async.sandbox.call import Answer
from aymara_async.sandbox.faults import (
    Close,
    ContentType,
    Corrupt,
    Latency,
    Oversize,
    Reset,
    Slow,
    Stall,
    Truncate,
)
from aymara_async.sandbox.plan import Drawn

_HTML = b"<!doctype html><html><head><title>Maintenance</title></head><body>Back soon.</body></html>"
_TICK = 0.05
"""Seconds between two drops of a slow body, where a drop is more than a byte."""
_MEGABYTE = 1_000_000
_NO_LINGERING = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


@attrs.define
class Message:
    """What goes over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


def compose(answer: Answer, request_id: str) -> Message:
    """Write an answer down as it should be."""
    headers = {"x-request-id": request_id, **answer.headers}
    if answer.status == 204:
        return Message(204, headers, b"")
    headers["Content-Type"] = "application/json"
    return Message(answer.status, headers, msgspec.json.encode(answer.content))


def damage(message: Message, drawn: Sequence[Drawn]) -> Message:
    """Change what the message says."""
    for one in drawn:
        fault = one.fault
        if isinstance(fault, ContentType):
            message.headers["Content-Type"] = fault.value
            if not fault.keep_body:
                message.status, message.body = fault.status, _HTML
        elif isinstance(fault, Corrupt):
            message.body = _corrupt(message, fault, one)
    return message


def _corrupt(message: Message, fault: Corrupt, drawn: Drawn) -> bytes:
    body, numbers = message.body, drawn.random
    if not body:
        return body
    at = numbers.randrange(len(body))
    if fault.form == "json":
        return body[:at].ljust(len(body))
    if fault.form == "utf8":
        return body[:at] + b"\xff" + body[at + 1 :]
    message.headers["Content-Encoding"] = "gzip"
    return numbers.randbytes(len(body))


class Delivery:
    """Send messages, until the server stops: then nothing waits any longer."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End every pause."""
        self._stopping.set()

    async def pause(self, seconds: float | None) -> None:
        """Wait so many seconds, or for the end of the server."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def send(self, request: web.BaseRequest, message: Message, drawn: Sequence[Drawn]) -> web.StreamResponse:
        """Send a message, in the way that the faults demand.

        Only the answer is late, never the work: a client that gives up waiting has its request processed all the same.
        """
        late = self._latency
        for one in drawn:
            if isinstance(one.fault, Latency):
                late += one.fault.seconds + one.fault.jitter * one.random.random()
        if late:
            await self.pause(late)
        try:
            return await self._send(request, message, drawn)
        except ConnectionError:
            return _hang_up(request, reset=True)

    async def _send(self, request: web.BaseRequest, message: Message, drawn: Sequence[Drawn]) -> web.StreamResponse:
        response: web.StreamResponse | None = None
        for fault in (one.fault for one in drawn):
            if isinstance(fault, Reset):
                return _hang_up(request, reset=True)
            if isinstance(fault, Stall):
                response = await self._stall(request, message, fault)
            elif isinstance(fault, Truncate):
                response = await _open(request, message, len(message.body))
                await response.write(message.body[: int(len(message.body) * fault.share)])
                return _hang_up(request, response)
            elif isinstance(fault, Slow):
                response = await self._drip(request, message, fault)
            elif isinstance(fault, Oversize) and message.body:
                response = await _pad(request, message, fault)
            elif isinstance(fault, Close):
                response = response or web.Response(status=message.status, headers=message.headers, body=message.body)
                if fault.announced and not response.prepared:
                    response.force_close()
                    return response
                await response.prepare(request)
                await response.write_eof()
                return _hang_up(request, response)
        return response or web.Response(status=message.status, headers=message.headers, body=message.body)

    async def _stall(self, request: web.BaseRequest, message: Message, fault: Stall) -> web.StreamResponse:
        if fault.at == "start":
            await self.pause(fault.seconds)
        response = await _open(request, message, len(message.body))
        half = len(message.body) // 2 if fault.at == "body" else 0
        if fault.at != "start":
            # Writing nothing still sends the headers.
            await response.write(message.body[:half])
            await self.pause(fault.seconds)
        if self._stopping.is_set():
            return _hang_up(request, response)
        await response.write(message.body[half:])
        return response

    async def _drip(self, request: web.BaseRequest, message: Message, fault: Slow) -> web.StreamResponse:
        response = await _open(request, message, len(message.body))
        await response.write(b"")
        size = max(1, int(fault.bytes_per_second * _TICK))
        for start in range(0, len(message.body), size):
            await self.pause(size / fault.bytes_per_second)
            if self._stopping.is_set():
                return _hang_up(request, response)
            await response.write(message.body[start : start + size])
        return response


async def _open(request: web.BaseRequest, message: Message, length: int) -> web.StreamResponse:
    response = web.StreamResponse(status=message.status, headers=message.headers)
    response.content_length = length
    await response.prepare(request)
    return response


async def _pad(request: web.BaseRequest, message: Message, fault: Oversize) -> web.StreamResponse:
    missing = max(0, int(fault.megabytes * _MEGABYTE) - len(message.body))
    response = await _open(request, message, len(message.body) + missing)
    await response.write(message.body)
    spaces = b" " * _MEGABYTE
    while missing > 0:
        await response.write(spaces[:missing])
        missing -= _MEGABYTE
    return response


def _hang_up(
    request: web.BaseRequest, response: web.StreamResponse | None = None, *, reset: bool = False
) -> web.StreamResponse:
    """Close the connection, or reset it; the server finds the response unsendable and gives up."""
    transport = request.transport
    if transport is not None and reset:
        listener = transport.get_extra_info("socket")
        if listener is not None:
            # Closing without lingering sends RST instead of FIN.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
        transport.abort()
    elif transport is not None:
        transport.close()
    return response or web.Response()
