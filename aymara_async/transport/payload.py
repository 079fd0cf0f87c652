"""What aiohttp sends as a body, made anew for each attempt."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.payload import Payload

from aymara_async.transport.body import Body, FileBody

_CHUNK = 256 * 1024


class JSONPayload(Payload):
    """Bytes that know whether their sending has begun."""

    is_begun = False
    _value: bytes

    def __init__(self, content: bytes) -> None:
        super().__init__(content, content_type="application/json")
        self._size = len(content)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)

    async def write(self, writer: Any) -> None:
        self.is_begun = True
        for start in range(0, len(self._value), _CHUNK):
            await writer.write(self._value[start : start + _CHUNK])


async def make_payload(body: Body) -> object:
    """Make what aiohttp sends, anew for each attempt."""
    if not isinstance(body, FileBody):
        return JSONPayload(body.content)
    source = body.source
    if isinstance(source, Path):
        source = await asyncio.to_thread(source.open, "rb")
    elif isinstance(source, bytes):
        source = io.BytesIO(source)
    elif body.start is not None:
        await asyncio.to_thread(source.seek, body.start)
    if not body.is_form:
        return aiohttp.get_payload(source, content_type=body.content_type)
    form = aiohttp.FormData()
    form.add_field("file", source, filename=body.name, content_type=body.content_type)
    return form
