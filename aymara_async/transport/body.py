"""What a call carries: JSON, or a file that is streamed."""

from __future__ import annotations

import inspect
import mimetypes
import os
import re
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import IO, Protocol, TypeAlias, cast

import attrs

from aymara_async.errors import RequestValidationError


class AsyncBinaryFile(Protocol):
    """An open binary file whose ``read`` is awaited, such as those of aiofiles and anyio."""

    def read(self, size: int = ..., /) -> Awaitable[bytes]:
        """Read up to so many bytes."""
        ...


FileContent: TypeAlias = "bytes | bytearray | memoryview | IO[bytes] | AsyncBinaryFile | str | os.PathLike[str]"
"""Bytes, an open binary file (also one that is awaited, or FastAPI's ``UploadFile``), or the path of a file."""
FileInput: TypeAlias = "FileContent | Sequence[object]"
"""A file's content, or ``(name, content)`` or ``(name, content, media type)``."""

_FALLBACK_TYPE = "application/octet-stream"
_SHOWN = 200
_NO_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")


@attrs.frozen
class JSONBody:
    """An encoded JSON document."""

    content: bytes


@attrs.define
class AwaitedFile:
    """A file that is awaited; where it stands can be asked for only when it is sent."""

    file: AsyncBinaryFile
    start: int | None = None

    @property
    def is_seekable(self) -> bool:
        """Whether it can go back."""
        return all(inspect.iscoroutinefunction(getattr(self.file, name, None)) for name in ("tell", "seek"))

    async def measure(self) -> int | None:
        """Go to where it stood at first, and return how many bytes are left from there, if that can be told."""
        if not self.is_seekable:
            return None
        file = cast("_Seekable", self.file)
        if self.start is None:
            self.start = await file.tell()
        end = await file.seek(0, os.SEEK_END)
        await file.seek(self.start)
        return end - self.start


class _Seekable(Protocol):
    async def tell(self) -> int: ...
    async def seek(self, offset: int, whence: int = ..., /) -> int: ...


Source: TypeAlias = bytes | IO[bytes] | AwaitedFile | Path


@attrs.frozen(kw_only=True)
class FileBody:
    """A file, streamed; as the field ``file`` of a form, or alone."""

    source: Source
    name: str
    content_type: str
    is_form: bool
    start: int | None = None
    """Where an open file stood, to go back to before it is sent again; None where it cannot go back."""


Body: TypeAlias = JSONBody | FileBody


def file_body(file: FileInput, *, is_form: bool, content_type: str | None = None) -> FileBody:
    """Look at what the caller gave, and say what to stream; raises ``RequestValidationError``."""
    name: str | None = None
    content: object = file
    if isinstance(file, tuple | list):
        if not 2 <= len(file) <= 3 or not isinstance(file[0], str | None):
            raise RequestValidationError(
                "A file given as a tuple is (name, content) or (name, content, media type). Nothing was sent.",
                path="file",
            )
        name, content = file[0], file[1]
        if len(file) == 3 and file[2] is not None and content_type is None:
            content_type = _line("media type", file[2])
    if not isinstance(content, Path) and inspect.iscoroutinefunction(getattr(content, "read", None)):
        # What a web framework was sent knows its name and media type, and often has the file itself.
        name = name or _text_of(content, "filename")
        content_type = content_type or _text_of(content, "content_type")
        content = _plain_file(content)
    source = _source(content)
    if isinstance(source, Path):
        name = name or source.name
    elif not isinstance(source, bytes):
        given = getattr(source.file if isinstance(source, AwaitedFile) else source, "name", None)
        name = name or (Path(given).name if isinstance(given, str) else None)
    name = _line("name", name or "file")
    guessed = content_type or mimetypes.guess_type(name)[0] or _FALLBACK_TYPE
    return FileBody(source=source, name=name, content_type=guessed, is_form=is_form, start=_position(source))


def _text_of(content: object, name: str) -> str | None:
    value = getattr(content, name, None)
    return value if isinstance(value, str) and value else None


def _plain_file(content: object) -> object:
    """Return the file under an ``UploadFile``, which needs no awaiting and can tell its size."""
    inner = getattr(content, "file", None)
    is_plain = callable(getattr(inner, "seek", None)) and not inspect.iscoroutinefunction(getattr(inner, "read", None))
    return inner if is_plain else AwaitedFile(cast(AsyncBinaryFile, content))


def _source(content: object) -> Source:
    if isinstance(content, AwaitedFile):
        return content
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content)
    if isinstance(content, str | os.PathLike):
        path = Path(content)
        if not _is_readable(path):
            raise RequestValidationError(
                f"There is no file {str(path)[:_SHOWN]}, or you may not read it. Nothing was sent.", path="file"
            )
        return path
    read = getattr(content, "read", None)
    if callable(read):
        try:
            is_binary = isinstance(read(0), bytes)
        except (OSError, TypeError, ValueError) as error:
            raise RequestValidationError(f"The file cannot be read: {error}. Nothing was sent.", path="file") from error
        if is_binary:
            return cast(IO[bytes], content)
        raise RequestValidationError("The file is open as text; open it in mode 'rb'. Nothing was sent.", path="file")
    raise RequestValidationError(
        f"A file is a path, bytes or a binary file object, not a {type(content).__name__}. Nothing was sent.",
        path="file",
    )


def _is_readable(path: Path) -> bool:
    try:
        return path.is_file() and os.access(path, os.R_OK)
    except OSError:  # such as for a name that is too long: who gives a file's text in place of its name
        return False


def _line(what: str, text: object) -> str:
    if not isinstance(text, str) or _NO_LINE.search(text):
        raise RequestValidationError(
            f"The {what} of a file must be text without line ends, not {text!r}. Nothing was sent.", path="file"
        )
    return text


def _position(source: Source) -> int | None:
    if isinstance(source, bytes | Path):
        return 0
    if isinstance(source, AwaitedFile):
        return 0 if source.is_seekable else None
    try:
        start = source.tell() if source.seekable() else None
        if start and not source.read(1):
            raise RequestValidationError(
                "The file has been read to its end, so that nothing of it is left to send. Nothing was sent; call "
                "file.seek(0) first.",
                path="file",
            )
        if start:
            source.seek(start)
    except (OSError, AttributeError):
        return None
    return start
