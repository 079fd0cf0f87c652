"""JSON Lines of any size, with every fault named by file and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from aymara_async.scoring.errors import InputFileError
from aymara_async.transport.codec import InvalidJSONError

T = TypeVar("T")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_lines(path: Path, row_type: type[T]) -> Iterator[tuple[int, T | InputFileError]]:
    """Give each line that is not blank with its number, decoded, or with what is wrong with it.

    Raises ``InputFileError`` where the file cannot be read.
    """
    decoder = msgspec.json.Decoder(row_type)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
                if text.strip():
                    decoded: T | InputFileError = _decode(text.rstrip(b"\n"), decoder, path, number)
                    yield number, decoded
    except OSError as error:
        raise InputFileError(f"cannot be read: {error.strerror or error}", path=path) from error


def _decode(line: bytes, decoder: msgspec.json.Decoder[T], path: Path, number: int) -> T | InputFileError:
    try:
        return decoder.decode(line.decode())
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of the line is 0x{line[error.start]:02x}"
        reason = not_utf8(line if number == 1 else None, where)
    except msgspec.DecodeError as error:
        fault = InvalidJSONError.explain(error)
        reason = fault.reason if fault.path in (None, "$") else f"{fault.reason} at {fault.path}"
        if line.lstrip().startswith(b"["):
            reason = "a JSON array begins here, but each line must hold one JSON object"
    except RecursionError:
        reason = "not JSON that can be read: it is nested too deeply"
    return InputFileError(reason, path=path, line=number)


def not_utf8(beginning: bytes | None, where: str) -> str:
    """Say that a file is not UTF-8; ``beginning`` is that of the file, where it is there that it fails to be."""
    if beginning is not None and beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "the file is UTF-16, not UTF-8. Save it as UTF-8"
    return f"not UTF-8: {where}. Save the file as UTF-8"
