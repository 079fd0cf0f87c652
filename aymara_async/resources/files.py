"""Files: images, videos and documents that evals and responses refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Final, Unpack

from msgspec import UNSET

from aymara_async.errors import APIResponseValidationError
from aymara_async.models import (
    FileCreateResponse,
    FileDetail,
    FileFrames,
    FileReference,
    FileSource,
    FileStatus,
    FileUpload,
    FileUploadRequest,
)
from aymara_async.resources.raw import WithRawResponse, raw
from aymara_async.resources.resource import DEFAULT_LIMIT, DEFAULT_PREFETCH, DEFAULT_WAIT, AsyncResource
from aymara_async.resources.waiting import Job
from aymara_async.transport.body import FileInput, file_body
from aymara_async.transport.options import RequestOptions
from aymara_async.transport.pager import AsyncPager
from aymara_async.transport.wire import segment

_key = attrgetter("file_uuid")


class AsyncFiles(AsyncResource):
    """Files that evals and responses refer to."""

    @property
    def with_raw_response(self) -> AsyncFilesWithRawResponse:
        """The same methods, returning the whole response."""
        return AsyncFilesWithRawResponse(self)

    async def create(
        self,
        *,
        files: Iterable[FileSource | Mapping[str, object]],
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> FileCreateResponse:
        """Ask for new files (``files.create``): upload URLs for local ones, a fetch by the server for remote ones.

        Send the bytes of local files to their ``file_url`` with ``put_presigned``.
        """
        workspace = self._workspace(workspace_uuid)
        body = (FileUploadRequest, {"files": files, "workspace_uuid": UNSET if workspace is None else workspace})
        return await self._call("POST", "/v2/files", FileCreateResponse, options, body=body)

    async def upload(
        self, *, file: FileInput, workspace_uuid: str | None = None, **options: Unpack[RequestOptions]
    ) -> FileUpload:
        """Upload one file through the API (``files.upload``), streamed.

        ``file`` is a path, bytes, a binary file object (also one that is awaited), or a tuple of name, content and
        media type. ``timeout`` bounds the upload as a whole: give large files more. Raises ``OutcomeUnknownError`` if
        the answer is lost.
        """
        body = file_body(file, is_form=True)
        return await self._call(
            "POST", "/v2/files/-/uploads", FileUpload, options, query=self._scope(workspace_uuid), body=body
        )

    async def put_presigned(
        self, file_url: str, file: FileInput, *, content_type: str | None = None, timeout: float | None = None
    ) -> None:
        """Send the bytes of a file to its presigned URL, streamed, without the API key.

        ``file`` is as in ``upload``; ``timeout`` is in seconds (default: no limit). Sending again does no harm, so it
        is retried as a read would be.
        """
        await self._caller.put_presigned(file_url, file_body(file, is_form=False, content_type=content_type), timeout)

    async def upload_presigned(
        self,
        file: FileInput,
        *,
        content_type: str | None = None,
        workspace_uuid: str | None = None,
        timeout: float | None = None,
    ) -> FileReference:
        """Upload one file straight to the storage host and return a reference to it (``files.create``, then a PUT)."""
        body = file_body(file, is_form=False, content_type=content_type)
        source = FileSource(local_file_path=body.name, content_type=body.content_type)
        created = await self.with_raw_response.create(files=[source], workspace_uuid=workspace_uuid)
        upload = next(iter(created.parse().files), None)
        if upload is None or upload.file_url is None:
            raise APIResponseValidationError(
                "The server gave no presigned URL for the file, so it was not uploaded. Use files.upload instead.",
                response=created,
                path="$.files[0].file_url",
                body=created.json(),
            )
        await self._caller.put_presigned(upload.file_url, body, timeout)
        return FileReference(file_uuid=upload.file_uuid, remote_file_path=upload.remote_file_path)

    async def get(self, file_uuid: str, **options: Unpack[RequestOptions]) -> FileDetail:
        """Get one file's details (``files.get``)."""
        return await self._call("GET", _path(file_uuid), FileDetail, options)

    async def get_frames(self, file_uuid: str, **options: Unpack[RequestOptions]) -> FileFrames:
        """Get the URLs of a video's frames (``files.get_frames``)."""
        return await self._call("GET", f"{_path(file_uuid)}/frames", FileFrames, options)

    async def get_status(self, file_uuid: str, **options: Unpack[RequestOptions]) -> FileStatus:
        """Get how far the server is with a file (``files.get_status``)."""
        return await self._call("GET", f"{_path(file_uuid)}/status", FileStatus, options)

    async def delete(self, file_uuid: str, **options: Unpack[RequestOptions]) -> None:
        """Delete a file (``files.delete``)."""
        return await self._call("DELETE", _path(file_uuid), type(None), options)

    async def wait(
        self, file_uuid: str, *, timeout: float | None = DEFAULT_WAIT, poll_interval: float | None = None
    ) -> FileStatus:
        """Wait until the server has processed a file, and return its status (``files.get_status``, again and again).

        ``timeout`` and ``poll_interval`` are seconds; without the latter the pauses grow from 0.25 to 10 s. Raises
        ``JobFailedError``, and ``WaitTimeoutError`` while the job goes on.
        """
        job = Job(
            get=lambda: self.get_status(file_uuid),
            status=lambda status: status.processing_status,
            name="File",
            uuid=file_uuid,
            again="files.wait",
            finished="completed",
            reason=lambda status: status.error_message,
        )
        return await job.wait(timeout, poll_interval)

    def list(
        self,
        *,
        file_type: str | None = None,
        limit: int = DEFAULT_LIMIT,
        offset: int = 0,
        prefetch: int = DEFAULT_PREFETCH,
        workspace_uuid: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncPager[FileDetail]:
        """List the files, all or of one type: text, image, video or document (``files.list``).

        ``limit`` is the size of a page, ``offset`` how many items to pass over, ``prefetch`` how many pages to fetch
        ahead.
        """
        query = {"file_type": file_type, "workspace_uuid": self._workspace(workspace_uuid)}
        return self._list("/v2/files", FileDetail, _key, query, options, limit=limit, offset=offset, prefetch=prefetch)


class AsyncFilesWithRawResponse(WithRawResponse):
    """``files``, with whole responses."""

    create: Final = raw(AsyncFiles.create)
    upload: Final = raw(AsyncFiles.upload)
    get: Final = raw(AsyncFiles.get)
    get_frames: Final = raw(AsyncFiles.get_frames)
    get_status: Final = raw(AsyncFiles.get_status)
    delete: Final = raw(AsyncFiles.delete)
    list: Final = raw(AsyncFiles.list)


def _path(file_uuid: str) -> str:
    return f"/v2/files/{segment('file_uuid', file_uuid)}"
