"""Taking in the bytes of a file without holding them in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from aymara_async.sandbox.identifiers import new_uuid
from aymara_async.sandbox.rejection import RejectedError, not_found
from aymara_async.sandbox.state import State
from aymara_async.sandbox.store import files

MAX_FILE_BYTES = 512 * 1024 * 1024
_CHUNK = 1024 * 1024


async def store_upload(state: State, file_uuid: str, chunks: AsyncIterator[bytes], clock: Callable[[], float]) -> None:
    """Store bytes as they come; the file changes only when the last one is there.

    Raises:
        RejectedError: 413 for a file that is too large, 404 for one that was deleted meanwhile.
    """
    upload, size, held = new_uuid(), 0, bytearray()
    is_complete = False
    try:
        async for chunk in chunks:
            size += len(chunk)
            if size > MAX_FILE_BYTES:
                raise RejectedError(
                    413, "validation.invalid_request", f"The file is larger than {MAX_FILE_BYTES} bytes"
                )
            held += chunk
            if len(held) >= _CHUNK:
                files.add_chunk(state.database, file_uuid, upload, bytes(held))
                held.clear()
        files.add_chunk(state.database, file_uuid, upload, bytes(held))
        now = clock()
        is_complete = files.complete_upload(state.database, file_uuid, upload, size, now + state.delay, now)
        if not is_complete:
            raise not_found("File", file_uuid)
    finally:
        if not is_complete:
            files.drop_upload(state.database, file_uuid, upload)
