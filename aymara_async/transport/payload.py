"""What aiohttp sends as a body, made anew for each attempt."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import aiohttp
from aiohttp.payload import Payload

from aymara_async.transport.body import AwaitedFile, Body, FileBody
from aymara_async.transport.threads import in_thread

T = TypeVar("T")

_CHUNK = 256 * 1024


class BytesPayload(Payload):
    """Bytes that know whether their sending has begun."""

    is_begun: bool = False
    _value: bytes

    def __init__(self, content: bytes, content_type: str = "application/json") -> None:
        super().__init__(content, content_type=content_type)
        self._size = len(content)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: Any) -> None:
        self.is_begun = True
        for start in range(0, len(self._value), _CHUNK):
            await writer.write(self._value[start : start + _CHUNK])


class FileFaultError(Exception):
    """The caller's file cannot be sent to its end; says why."""


class FilePayload(Payload):
    """A file that is read while it is sent; one that the caller opened stays open."""

    fault: FileFaultError | None = None
    """Why the file could not be sent to its end."""
    _value: IO[bytes] | AwaitedFile | Path

    def __init__(self, source: IO[bytes] | AwaitedFile | Path, size: int | None, content_type: str) -> None:
        super().__init__(source, content_type=content_type)
        self._size = size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:  # noqa: ARG002 - aiohttp's signature
        raise TypeError("A file that is streamed has no text.")

    async def write(self, writer: Any) -> None:
        try:
            await self._write(writer)
        except FileFaultError as fault:
            self.fault = fault
            raise

    async def _write(self, writer: Any) -> None:
        source = self._value
        if isinstance(source, AwaitedFile):
            await self._copy(source.file.read, writer)
        elif isinstance(source, Path):
            with await _reading(in_thread(lambda: source.open("rb"))) as file:
                await self._copy(lambda size: in_thread(lambda: file.read(size)), writer)
        else:
            await self._copy(lambda size: in_thread(lambda: source.read(size)), writer)

    async def _copy(self, read: Callable[[int], Awaitable[bytes]], writer: Any) -> None:
        """Send as many bytes as were announced: of a file that grows no more, of one that shrinks none."""
        sent = 0
        while self._size is None or sent < self._size:
            chunk = await _reading(read(_CHUNK if self._size is None else min(_CHUNK, self._size - sent)))
            if not isinstance(chunk, bytes | bytearray | memoryview):
                raise FileFaultError("it is open as text; open it in mode 'rb'")
            if not chunk:
                break
            await writer.write(chunk)
            sent += len(chunk)
        if self._size is not None and sent < self._size:
            # The server would wait for the rest for ever.
            raise FileFaultError(f"it became shorter meanwhile: {self._size} bytes were announced, {sent} were left")


async def _reading(result: Awaitable[T]) -> T:
    try:
        return await result
    except (OSError, ValueError) as error:
        raise FileFaultError(f"it cannot be read: {error}") from error


async def make_payload(body: Body) -> tuple[object, BytesPayload | FilePayload]:
    """Make what aiohttp sends, anew for each attempt, and the part of it that knows how far it got."""
    if not isinstance(body, FileBody):
        payload = BytesPayload(body.content)
        return payload, payload
    file = await _file_payload(body)
    if not body.is_form:
        return file, file
    # Browsers send the name as it is, and so servers expect it.
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", file, filename=body.name, content_type=body.content_type)
    return form, file


async def _file_payload(body: FileBody) -> BytesPayload | FilePayload:
    source = body.source
    if isinstance(source, bytes):
        return BytesPayload(source, body.content_type)
    return FilePayload(source, await _reading(_size(source, body.start)), body.content_type)


async def _size(source: IO[bytes] | AwaitedFile | Path, start: int | None) -> int | None:
    """Go to where the file stood, and return how much there is to send; None if nobody knows."""
    if isinstance(source, Path):
        return (await in_thread(source.stat)).st_size
    if isinstance(source, AwaitedFile):
        return await source.measure()  # noqa: ASYNC240 - no path
    if start is None:
        return None
    end = await in_thread(lambda: source.seek(0, os.SEEK_END))
    await in_thread(lambda: source.seek(start))
    return end - start
