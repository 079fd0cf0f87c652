"""What aiohttp sends as a body, made anew for each attempt."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import IO, Any

import aiohttp
from aiohttp.payload import Payload

from aymara_async.transport.body import Body, FileBody

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


class FilePayload(Payload):
    """A file that is read while it is sent; one that the caller opened stays open."""

    _value: IO[bytes] | Path

    def __init__(self, source: IO[bytes] | Path, size: int | None, content_type: str) -> None:
        super().__init__(source, content_type=content_type)
        self._size = size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:  # noqa: ARG002 - aiohttp's signature
        raise TypeError("A file that is streamed has no text.")

    async def write(self, writer: Any) -> None:
        if not isinstance(self._value, Path):
            await _copy(self._value, writer)
            return
        with self._value.open("rb") as file:
            await _copy(file, writer)


async def _copy(file: IO[bytes], writer: Any) -> None:
    while chunk := await asyncio.to_thread(file.read, _CHUNK):
        await writer.write(chunk)


async def make_payload(body: Body) -> object:
    """Make what aiohttp sends, anew for each attempt."""
    if not isinstance(body, FileBody):
        return BytesPayload(body.content)
    payload = await _file_payload(body)
    if not body.is_form:
        return payload
    # Browsers send the name as it is, and so servers expect it.
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", payload, filename=body.name, content_type=body.content_type)
    return form


async def _file_payload(body: FileBody) -> Payload:
    source = body.source
    if isinstance(source, bytes):
        return BytesPayload(source, body.content_type)
    if isinstance(source, Path):
        return FilePayload(source, (await asyncio.to_thread(source.stat)).st_size, body.content_type)
    if body.start is None:
        return FilePayload(source, None, body.content_type)
    end = await asyncio.to_thread(source.seek, 0, os.SEEK_END)
    await asyncio.to_thread(source.seek, body.start)
    return FilePayload(source, end - body.start, body.content_type)
