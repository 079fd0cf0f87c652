"""JSON Lines, with every fault reported by file and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from aymara_async.scoring.errors import InputFileError
from aymara_async.transport.codec import InvalidJSONError

T = TypeVar("T")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_lines(path: Path, row_type: type[T]) -> Iterator[tuple[int, T]]:
    """Decode each line that is not blank, with its number; raises ``InputFileError``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputFileError(f"cannot be read: {error.strerror or error}", path=path) from error
    decoder = msgspec.json.Decoder(row_type)
    for number, line in enumerate(data.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), 1):
        if line.strip():
            yield number, _decode(line, decoder, path, number)


def _decode(line: bytes, decoder: msgspec.json.Decoder[T], path: Path, number: int) -> T:
    try:
        return decoder.decode(line.decode())
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: byte {error.start + 1} of the line is 0x{line[error.start]:02x}. Save the file as UTF-8"
    except msgspec.DecodeError as error:
        fault = InvalidJSONError.explain(error)
        reason = fault.reason if fault.path in (None, "$") else f"{fault.reason} at {fault.path}"
    except RecursionError:
        reason = "not JSON that can be read: it is nested too deeply"
    raise InputFileError(reason, path=path, line=number)
