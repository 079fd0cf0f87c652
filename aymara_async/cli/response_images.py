"""The images that an AI answered with, downloaded for a report."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import urlopen

from aymara_async.cli.terminal import Terminal
from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import APIError
from aymara_async.models import FileDetail, FileReference

if TYPE_CHECKING:
    from aymara_async.analysis import ScoredRun

MAX_BYTES = 20_000_000
"""The largest image that is taken."""
TIMEOUT = 60.0
_AT_ONCE = 8


async def fetch_images(client: AsyncAymaraAI, runs: Iterable[ScoredRun], terminal: Terminal) -> dict[str, bytes]:
    """Download each image once (``files.get``, ``files.list``); one that cannot be had is told, and left out.

    They are under the name that the responses give them: ``file_uuid``, else ``remote_file_path``.
    """
    wanted = {
        name: response.content
        for run in runs
        for response in run.responses
        if isinstance(response.content, FileReference) and response.content_type == "image"
        if (name := response.content.file_uuid or response.content.remote_file_path)
    }
    by_path: dict[str, FileDetail] = {}
    if any(reference.file_uuid is None for reference in wanted.values()):
        by_path = {file.remote_file_path: file async for file in client.files.list(file_type="image")}
    slots = asyncio.Semaphore(_AT_ONCE)

    async def fetch(name: str, reference: FileReference) -> bytes | None:
        async with slots:
            try:
                known = by_path.get(reference.remote_file_path or "")
                file_uuid = reference.file_uuid or (known.file_uuid if known else None)
                file = None if file_uuid is None else await client.files.get(file_uuid)
                return await asyncio.to_thread(_download, file)
            except (APIError, OSError, ValueError) as error:
                terminal.tell(f"Image {name} is not in the report: {error}")
                return None

    terminal.note(f"Downloading {len(wanted)} {'image' if len(wanted) == 1 else 'images'}")
    contents = await asyncio.gather(*(fetch(name, reference) for name, reference in wanted.items()))
    return {name: content for name, content in zip(wanted, contents, strict=True) if content is not None}


def _download(file: FileDetail | None) -> bytes:
    """Get the bytes at the presigned URL, without any key; raises ``OSError`` and ``ValueError``."""
    if file is None:
        raise ValueError("the server lists no such file")
    url = file.file_url
    if url is None:
        raise ValueError("the server gave no URL for it")
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ValueError("its URL is neither http nor https")
    with urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 - the scheme is checked
        content: bytes = answer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES // 1_000_000} MB")
    return content
