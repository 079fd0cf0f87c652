"""Files: how they get to the server, and what it knows about them."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from aymara_async.models.model import Model, Timestamp, model
from aymara_async.models.open_enums import FileType, ProcessingStatus


@model
class FileReference(Model):
    """Points to a file on the server, in place of text. Name it by either field."""

    file_uuid: str | None = None
    """Identifier of the file."""
    remote_file_path: str | None = None
    """Path of the file in the server's storage."""


@model
class FileSource(Model):
    """Where the bytes of a new file come from: a local path or a remote URI."""

    local_file_path: str | UnsetType | None = UNSET
    """Path on your side: the answer has a presigned ``file_url`` to PUT the bytes to."""
    remote_uri: str | UnsetType | None = UNSET
    """URI from which the server fetches the bytes by itself."""
    content_type: str | UnsetType | None = UNSET
    """MIME type, e.g. ``"video/mp4"``; the server infers it from the file extension where left out."""


@model
class FileUploadRequest(Model):
    """Asks for new files (``files.create``)."""

    workspace_uuid: str | UnsetType | None = UNSET
    """Identifier of the workspace that the files will belong to."""
    files: list[FileSource]
    """The files, one entry each."""


@model
class FileUpload(Model):
    """A new file on the server, its bytes sent or still to be sent."""

    file_uuid: str | None = None
    """Identifier of the file."""
    file_url: str | None = None
    """Presigned URL on the storage host. The API key must not be sent there."""
    local_file_path: str | None = None
    """Path on your side, as it was asked for."""
    remote_file_path: str | None = None
    """Path of the file in the server's storage."""
    remote_uri: str | None = None
    """URI from which the server fetches the bytes."""
    content_type: str | None = None
    """MIME type, e.g. ``"video/mp4"``."""
    processing_status: ProcessingStatus | None = None
    """How far the server is: pending, processing, completed or failed."""


@model
class FileCreateResponse(Model):
    """The new files, in the order in which they were asked for."""

    workspace_uuid: str | None = None
    """Identifier of the workspace that the files belong to."""
    files: list[FileUpload]
    """One entry for each file."""


@model
class FileDetail(Model):
    """A file on the server."""

    file_uuid: str
    """Identifier of the file."""
    content_type: str
    """MIME type, e.g. ``"image/png"``."""
    file_type: FileType
    """Kind of content: text, image, video or document."""
    organization_uuid: str
    """Identifier of the organization that owns the file."""
    remote_file_path: str
    """Path in the server's storage; a directory for a video."""
    created_at: Timestamp
    """When the file was created."""
    updated_at: Timestamp
    """When the file was last changed."""
    file_size_bytes: int | None = None
    """Size in bytes, if known."""
    file_url: str | None = None
    """Presigned URL of the file; of the raw video for a video. A list may leave it out."""
    original_file_url: str | None = None
    """URL or path that the file was uploaded from."""
    uploaded_by_uuid: str | None = None
    """Identifier of the user who uploaded it."""
    video_metadata: dict[str, object] | None = None
    """Frame rate, duration and the like, for a video."""
    workspace_uuid: str | None = None
    """Identifier of the workspace that the file belongs to."""


@model
class FileFrames(Model):
    """The frames of a video."""

    file_uuid: str
    """Identifier of the video's file."""
    frame_count: int
    """Number of frames."""
    frame_urls: list[str]
    """Presigned URLs of the frames, in the order of the video."""


@model
class FileStatus(Model):
    """How far the server is with a file."""

    file_uuid: str
    """Identifier of the file."""
    processing_status: ProcessingStatus
    """pending, processing, completed or failed."""
    created_at: Timestamp
    """When the file was created."""
    updated_at: Timestamp
    """When the file was last changed."""
    error_message: str | None = None
    """What went wrong, if it failed."""
    remote_file_path: str | None = None
    """Path in the server's storage, once completed."""
