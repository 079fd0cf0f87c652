"""The second origin: an object store with presigned URLs, which refuses a request that carries the API key."""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator
from urllib.parse import unquote

import attrs
from aiohttp import web

from aymara_async.sandbox.presigned import is_allowed
from aymara_async.sandbox.record import Record, RecordedRequest
from aymara_async.sandbox.rejection import RejectedError
from aymara_async.sandbox.state import State
from aymara_async.sandbox.store import files
from aymara_async.sandbox.uploads import store_upload


@attrs.define
class Storage:
    """The storage's origin."""

    state: State
    record: Record
    _number: int = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        self._number += 1
        recorded = RecordedRequest(
            request_id=f"obj_{self._number:08x}",
            origin="storage",
            method=request.method,
            path=request.rel_url.raw_path,
            query=request.query,
            operation=None,
            raw_headers=request.headers,
            received_at=self.state.clock(),
        )
        self.record.add(recorded)
        try:
            response = await self._answer(request, recorded)
        except RejectedError as rejection:
            response = _error(rejection)
        except ConnectionError:
            # The client went away before its upload was complete.
            response = web.Response(status=400)
        recorded.status = response.status
        response.headers["x-request-id"] = recorded.request_id
        return response

    async def _answer(self, request: web.BaseRequest, recorded: RecordedRequest) -> web.Response:
        if recorded.has_key:
            raise RejectedError(400, "InvalidArgument", "A presigned URL is the only permission: send no key with it")
        path = unquote(recorded.path).lstrip("/")
        if not is_allowed(self.state.secret, request.method, path, request.query, recorded.received_at):
            raise RejectedError(403, "AccessDenied", "The URL's signature does not fit, or the URL has expired")
        folder, _, rest = path.partition("/")
        file_uuid = rest.partition("/")[0]
        stored = files.find_file(self.state.database, file_uuid)
        if stored is None:
            raise RejectedError(404, "NoSuchKey", f"There is no file {path}")
        if folder == "frames":
            return web.Response(body=_frame(int(rest.rpartition("/")[2].partition(".")[0])), content_type="image/png")
        if request.method == "PUT":
            await store_upload(self.state, file_uuid, _chunks(request), self.state.clock)
            return web.Response(headers={"ETag": f'"{file_uuid}"'})
        if stored.document.upload is None:
            raise RejectedError(404, "NoSuchKey", f"{path} has not been uploaded")
        body = b"".join(files.read_chunks(self.state.database, file_uuid, stored.document.upload))
        return web.Response(body=body, headers={"Content-Type": stored.document.content_type})


async def _chunks(request: web.BaseRequest) -> AsyncIterator[bytes]:
    async for chunk in request.content.iter_any():
        yield chunk


def _error(rejection: RejectedError) -> web.Response:
    text = f"<Error><Code>{rejection.code}</Code><Message>{rejection.message}</Message></Error>"
    return web.Response(status=rejection.status, text=text, content_type="application/xml")


def _frame(number: int) -> bytes:
    """Draw one grey pixel, a little lighter with every frame."""
    grey = bytes([0, min(255, 60 * number)])
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(grey)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
