"""Files and their bytes."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from typing import TypeAlias

import attrs
import msgspec

from aymara_async.sandbox.identifiers import new_uuid
from aymara_async.sandbox.lifecycle import Job, timestamp
from aymara_async.sandbox.state import ORGANIZATION_UUID
from aymara_async.sandbox.store.database import Database, Row
from aymara_async.sandbox.store.evals import job_columns, read_job

Json: TypeAlias = dict[str, object]

_FILE = "file_uuid, workspace_uuid, created_at, ready_at, fate, touched_at, file_type, document"
_OF_FILES = (
    "FROM files WHERE (:file_type IS NULL OR file_type = :file_type)"
    " AND (:workspace_uuid IS NULL OR workspace_uuid = :workspace_uuid)"
)
_PROCESSING = {"created": "pending", "processing": "processing", "finished": "completed", "failed": "failed"}


class FileDocument(msgspec.Struct, frozen=True):
    """What is known of a file besides its times."""

    content_type: str
    remote_file_path: str
    local_file_path: str | None = None
    remote_uri: str | None = None
    upload: str | None = None
    """Names the chunks that hold its bytes; none before the upload is complete."""
    size: int | None = None


@attrs.frozen
class StoredFile:
    """A file: when it gets ready, and where its bytes are."""

    file_uuid: str
    workspace_uuid: str | None
    job: Job
    file_type: str
    document: FileDocument

    def processing_status(self, now: float) -> str:
        """Tell the status: pending until its bytes are there."""
        if self.document.upload is None and self.document.remote_uri is None:
            return "pending"
        return _PROCESSING[self.job.status(now)]

    def status_wire(self, now: float) -> Json:
        """Give the JSON of files.get_status."""
        status = self.processing_status(now)
        return {
            "file_uuid": self.file_uuid,
            "processing_status": status,
            "created_at": timestamp(self.job.created_at),
            "updated_at": timestamp(self.job.updated_at(now)),
            "error_message": "The file could not be processed." if status == "failed" else None,
            "remote_file_path": self.document.remote_file_path,
        }

    def detail_wire(self, now: float, file_url: str) -> Json:
        """Give the JSON of files.get."""
        is_video = self.file_type == "video"
        return {
            "file_uuid": self.file_uuid,
            "content_type": self.document.content_type,
            "file_type": self.file_type,
            "organization_uuid": ORGANIZATION_UUID,
            "workspace_uuid": self.workspace_uuid,
            "remote_file_path": self.document.remote_file_path,
            "created_at": timestamp(self.job.created_at),
            "updated_at": timestamp(self.job.updated_at(now)),
            "file_size_bytes": self.document.size,
            "file_url": file_url,
            "original_file_url": self.document.remote_uri,
            "uploaded_by_uuid": None,
            "video_metadata": {"frame_count": FRAME_COUNT} if is_video else None,
        }


FRAME_COUNT = 4
"""How many frames every video has."""


def new_file(
    job: Job,
    workspace_uuid: str | None,
    *,
    name: str,
    content_type: str | None,
    local_file_path: str | None = None,
    remote_uri: str | None = None,
) -> StoredFile:
    """Make a file that has no bytes yet."""
    file_uuid = new_uuid()
    content_type = content_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2] or "file"
    document = FileDocument(content_type, f"uploads/{file_uuid}/{last}", local_file_path, remote_uri)
    family = content_type.partition("/")[0]
    file_type = family if family in ("text", "image", "video") else "document"
    return StoredFile(file_uuid, workspace_uuid, job, file_type, document)


def add_files(database: Database, files: list[StoredFile]) -> None:
    """Store new files."""
    database.run_many(
        f"INSERT INTO files ({_FILE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (one.file_uuid, one.workspace_uuid, *job_columns(one.job), one.file_type, _encode(one.document))
            for one in files
        ],
    )


def find_file(database: Database, file_uuid: str) -> StoredFile | None:
    """Find a file."""
    row = database.one(f"SELECT {_FILE} FROM files WHERE file_uuid = ?", (file_uuid,))
    return None if row is None else _read_file(row)


def list_files(
    database: Database, file_type: str | None, workspace_uuid: str | None, limit: int, offset: int
) -> list[StoredFile]:
    """List files in the order in which they were created."""
    rows = database.all(
        f"SELECT {_FILE} {_OF_FILES} ORDER BY seq LIMIT :limit OFFSET :offset",
        {"file_type": file_type, "workspace_uuid": workspace_uuid, "limit": limit, "offset": offset},
    )
    return [_read_file(row) for row in rows]


def count_files(database: Database, file_type: str | None, workspace_uuid: str | None) -> int:
    """Count files."""
    return database.count(f"SELECT COUNT(*) {_OF_FILES}", {"file_type": file_type, "workspace_uuid": workspace_uuid})


def delete_file(database: Database, file_uuid: str) -> None:
    """Delete a file with its bytes."""
    with database.transaction():
        for table in ("chunks", "files"):
            database.run(f"DELETE FROM {table} WHERE file_uuid = ?", (file_uuid,))


def add_chunk(database: Database, file_uuid: str, upload: str, chunk: bytes) -> None:
    """Store some more bytes of an upload, which nobody sees before it is complete."""
    database.run("INSERT INTO chunks (file_uuid, upload, bytes) VALUES (?, ?, ?)", (file_uuid, upload, chunk))


def drop_upload(database: Database, file_uuid: str, upload: str) -> None:
    """Forget an upload that broke off."""
    database.run("DELETE FROM chunks WHERE file_uuid = ? AND upload = ?", (file_uuid, upload))


def complete_upload(database: Database, file_uuid: str, upload: str, size: int, ready_at: float, now: float) -> bool:
    """Make an upload the file's content; tells whether the file still exists."""
    stored = find_file(database, file_uuid)
    if stored is None:
        drop_upload(database, file_uuid, upload)
        return False
    document = msgspec.structs.replace(stored.document, upload=upload, size=size)
    with database.transaction():
        database.run("DELETE FROM chunks WHERE file_uuid = ? AND upload <> ?", (file_uuid, upload))
        database.run(
            "UPDATE files SET ready_at = ?, touched_at = ?, document = ? WHERE file_uuid = ?",
            (ready_at, now, _encode(document), file_uuid),
        )
    return True


def read_chunks(database: Database, file_uuid: str, upload: str) -> Iterator[bytes]:
    """Read a file's bytes, chunk by chunk."""
    after = -1
    while (
        row := database.one(
            "SELECT seq, bytes FROM chunks WHERE file_uuid = ? AND upload = ? AND seq > ? ORDER BY seq LIMIT 1",
            (file_uuid, upload, after),
        )
    ) is not None:
        after, chunk = row  # type: ignore[assignment]  # the schema says INTEGER and BLOB
        yield chunk  # type: ignore[misc]  # the schema says BLOB


def _encode(document: FileDocument) -> str:
    return msgspec.json.encode(document).decode()


def _read_file(row: Row) -> StoredFile:
    file_uuid, workspace_uuid, *job, file_type, document = row
    details = msgspec.json.decode(str(document), type=FileDocument)
    return StoredFile(str(file_uuid), workspace_uuid, read_job(job), str(file_type), details)  # type: ignore[arg-type]  # schema
