"""Files: presigned and streamed uploads, status, video frames."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from typing import TypeAlias

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from aymara_async.sandbox.bodies import FileItem, FilesBody
from aymara_async.sandbox.call import Answer, Call
from aymara_async.sandbox.lifecycle import begin
from aymara_async.sandbox.presigned import Method, presign
from aymara_async.sandbox.rejection import conflict, invalid, malformed, not_found
from aymara_async.sandbox.routing import Route
from aymara_async.sandbox.store import files
from aymara_async.sandbox.store.files import FRAME_COUNT, StoredFile
from aymara_async.sandbox.uploads import store_upload

Json: TypeAlias = dict[str, object]

# What aiohttp lets through when a multipart body is broken.
_UNREADABLE = (
    AssertionError,
    HttpProcessingError,
    KeyError,
    RuntimeError,
    TypeError,
    ValueError,
    web.RequestPayloadError,
    zlib.error,
)


def create(call: Call) -> Answer:
    body = call.decode(FilesBody)
    workspace_uuid = body.workspace_uuid or call.workspace_uuid
    stored = [_new_file(call, item, workspace_uuid, index) for index, item in enumerate(body.files)]
    with call.state.database.transaction():
        files.add_files(call.state.database, stored)
    told = [_upload_wire(call, one, "pending", upload_url=True) for one in stored]
    return Answer({"workspace_uuid": workspace_uuid, "files": told})


async def upload(call: Call) -> Answer:
    reader, part = await _file_part(call)
    name = part.filename or "file"
    content_type = part.headers.get("Content-Type")
    job = begin(call.now, call.state.delay, call.fate)
    stored = files.new_file(job, call.workspace_uuid, name=name, content_type=content_type, local_file_path=name)
    files.add_files(call.state.database, [stored])
    try:
        await store_upload(call.state, stored.file_uuid, _chunks(reader, part), call.state.clock)
    except BaseException:
        files.delete_file(call.state.database, stored.file_uuid)
        raise
    stored = files.find_file(call.state.database, stored.file_uuid) or stored
    return Answer(_upload_wire(call, stored, stored.processing_status(call.state.clock()), upload_url=False))


def list_(call: Call) -> Answer:
    limit, offset = call.page()
    file_type = call.query.get("file_type") or None
    stored = files.list_files(call.state.database, file_type, call.workspace_uuid, limit, offset)
    count = files.count_files(call.state.database, file_type, call.workspace_uuid)
    return Answer({"items": [_detail_wire(call, one) for one in stored], "count": count})


def get(call: Call) -> Answer:
    return Answer(_detail_wire(call, _find(call)))


def delete(call: Call) -> Answer:
    files.delete_file(call.state.database, _find(call).file_uuid)
    return Answer(status=204)


def get_status(call: Call) -> Answer:
    return Answer(_find(call).status_wire(call.now))


def get_frames(call: Call) -> Answer:
    stored = _find(call)
    if stored.file_type != "video":
        raise invalid(f"Only a video has frames, this is a file of type {stored.file_type}", file_type=stored.file_type)
    status = stored.processing_status(call.now)
    if status != "completed":
        raise conflict(f"The video is not ready: its status is {status}", processing_status=status)
    urls = [_url(call, "GET", f"frames/{stored.file_uuid}/{number}.png") for number in range(FRAME_COUNT)]
    return Answer({"file_uuid": stored.file_uuid, "frame_count": FRAME_COUNT, "frame_urls": urls})


def _find(call: Call) -> StoredFile:
    file_uuid = call.path["file_uuid"]
    stored = files.find_file(call.state.database, file_uuid)
    if stored is None or call.workspace_uuid not in (None, stored.workspace_uuid):
        raise not_found("File", file_uuid)
    return stored


def _new_file(call: Call, item: FileItem, workspace_uuid: str | None, index: int) -> StoredFile:
    name = item.local_file_path or item.remote_uri
    if not name:
        raise invalid("A file needs local_file_path or remote_uri", path=f"$.files[{index}]")
    return files.new_file(
        begin(call.now, call.state.delay, call.fate),
        workspace_uuid,
        name=name.partition("?")[0] if item.local_file_path is None else name,
        content_type=item.content_type,
        local_file_path=item.local_file_path,
        remote_uri=None if item.local_file_path else item.remote_uri,
    )


def _url(call: Call, method: Method, path: str) -> str:
    return presign(call.state.secret, call.state.storage_url, method, path, call.now)


def _upload_wire(call: Call, stored: StoredFile, status: str, *, upload_url: bool) -> Json:
    document = stored.document
    method: Method = "PUT" if upload_url and document.remote_uri is None else "GET"
    return {
        "file_uuid": stored.file_uuid,
        "file_url": _url(call, method, document.remote_file_path),
        "local_file_path": document.local_file_path,
        "remote_file_path": document.remote_file_path,
        "remote_uri": document.remote_uri,
        "content_type": document.content_type,
        "processing_status": status,
    }


def _detail_wire(call: Call, stored: StoredFile) -> Json:
    return stored.detail_wire(call.now, _url(call, "GET", stored.document.remote_file_path))


async def _file_part(call: Call) -> tuple[MultipartReader, BodyPartReader]:
    if call.request.content_type != "multipart/form-data":
        raise malformed(f"Expected Content-Type: multipart/form-data, got {call.request.content_type}")
    with _reading_multipart():
        reader = await call.request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, BodyPartReader) and part.name == "file":
                return reader, part
    raise invalid('The multipart body has no field "file"', path="$.file")


async def _chunks(reader: MultipartReader, part: BodyPartReader) -> AsyncIterator[bytes]:
    with _reading_multipart():
        while chunk := await part.read_chunk(256 * 1024):
            yield part.decode(chunk)
        # The part ends where the body does, too: only the boundary after it tells that nothing was cut off.
        while await reader.next() is not None:
            pass


@contextmanager
def _reading_multipart() -> Generator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise malformed(f"The multipart body cannot be read: {error}") from None


_FILE = "/v2/files/{file_uuid}"
ROUTES = (
    Route("files.create", "POST", "/v2/files", create),
    Route("files.list", "GET", "/v2/files", list_),
    Route("files.upload", "POST", "/v2/files/-/uploads", upload, reads_body=False),
    Route("files.get", "GET", _FILE, get),
    Route("files.delete", "DELETE", _FILE, delete),
    Route("files.get_frames", "GET", f"{_FILE}/frames", get_frames),
    Route("files.get_status", "GET", f"{_FILE}/status", get_status),
)
