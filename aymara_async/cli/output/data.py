"""Rows for programs: JSON, JSON Lines and CSV, always UTF-8, with every field and the whole texts."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Mapping, Sequence
from io import StringIO

import msgspec

from aymara_async.cli.terminal import visible

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would take for a formula."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def plain(row: object) -> dict[str, object]:
    """Convert a row to builtins, as in the JSON."""
    if isinstance(row, Mapping):
        row = dict(row)
    built: dict[str, object] = msgspec.to_builtins(row)
    return built


def _json(row: object) -> bytes:
    """Encode to JSON in which no character can drive a terminal: such are escaped, which changes no value."""
    encoded = msgspec.json.encode(dict(row) if isinstance(row, Mapping) else row)
    text = encoded.decode()
    if text.isprintable():
        return encoded
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text).encode()


def json_document(row: object) -> bytes:
    """Encode one object, indented."""
    return msgspec.json.format(_json(row), indent=2) + b"\n"


class JSONLinesWriter:
    """One JSON object a line."""

    def begin(self) -> bytes:
        return b""

    def rows(self, rows: Sequence[object], /) -> bytes:
        return b"".join(_json(row) + b"\n" for row in rows)

    def end(self) -> bytes:
        return b""


class JSONWriter:
    """One JSON array, an object a line; without its end unless the list is whole."""

    def __init__(self) -> None:
        self._separator = b"\n"

    def begin(self) -> bytes:
        return b"["

    def rows(self, rows: Sequence[object], /) -> bytes:
        written = self._separator + b",\n".join(map(_json, rows))
        self._separator = b",\n"
        return written

    def end(self) -> bytes:
        return b"\n]\n" if self._separator == b",\n" else b"]\n"


class CSVWriter:
    """A header, and a line for each row; what is no text, number or boolean is written as JSON.

    A text that a spreadsheet would run as a formula gets an apostrophe in front, and control characters but tabs and
    line ends become visible; on a terminal all that could drive it does.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self._is_terminal = sys.stdout.isatty()

    def begin(self) -> bytes:
        return self._line(self._fields)

    def rows(self, rows: Sequence[object], /) -> bytes:
        return b"".join(self._row(plain(row)) for row in rows)

    def end(self) -> bytes:
        return b""

    def _row(self, row: Mapping[str, object]) -> bytes:
        return self._line([_cell(row.get(field)) for field in self._fields])

    def _line(self, cells: Sequence[object]) -> bytes:
        # The module quotes a carriage return only where it ends lines; other programs take it for one in any case.
        line = StringIO()
        csv.writer(line, lineterminator="\r\n").writerow(cells)
        text = line.getvalue().removesuffix("\r\n") + "\n"
        if self._is_terminal:
            text = "".join(one if one == "\n" else visible(one) for one in text)
        else:
            text = _CONTROL.sub(lambda found: visible(found[0]), text)
        return text.encode("utf-8", "backslashreplace")


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if value is None or isinstance(value, int | float):
        return value
    return msgspec.json.encode(value).decode()
