"""A response in words, where it can be said in words."""

from __future__ import annotations

import re

from aymara_async.models import FileReference, ScoredResponse

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def response_text(response: ScoredResponse) -> str:
    """Give the text of a response; name the file where it is one, and say so where it is neither."""
    if isinstance(response.content, FileReference):
        return f"({response.content_type} file {file_name(response.content)})"
    if response.content:
        return response.content
    return "(refused)" if response.ai_refused else "(empty)"


def file_name(file: FileReference) -> str:
    """Name a file by its path in the server's storage, else by its identifier."""
    return file.remote_file_path or file.file_uuid or "without a name"


def excerpt(text: str, length: int) -> str:
    """Take the beginning of a text, at most ``length`` characters in one line, cut between words where that is near."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    start, _, cut = line[: length - 1].rpartition(" ")
    # A long word, or a text without spaces, is cut within.
    return f"{start if start and len(cut) < length // 4 else line[: length - 1].rstrip()}…"


def legal(text: str) -> str:
    """Put the replacement character in the place of what XML and UTF-8 cannot hold."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
