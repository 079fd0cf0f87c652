"""Rows and objects on stdout, as ``--format`` asks for: a table for people, all fields and full texts for programs.

A row is a model, another attrs instance or a mapping. Rows are written as they come, so that a long list begins at once
and takes no memory.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from aymara_async.cli.output import stdout

if TYPE_CHECKING:
    from aymara_async.cli.output.table import Column

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])
T_contra = TypeVar("T_contra", contravariant=True)

FORMATS = ("table", "json", "jsonl", "csv")
CHUNK = 100
"""Rows that are written together: a page of a list."""


class RowWriter(Protocol[T_contra]):
    """Turns rows into what is written, a chunk at a time."""

    def begin(self) -> str | bytes:
        """Return what comes before the rows."""
        ...

    def rows(self, rows: Sequence[T_contra], /) -> str | bytes:
        """Return some rows."""
        ...

    def end(self) -> str | bytes:
        """Return what comes after all rows."""
        ...


FORMAT: Mapping[str, Any] = {
    "type": click.Choice(FORMATS),
    "default": "table",
    "show_default": True,
    "help": "How to write to stdout; all but the table hold every field and the whole texts.",
}
"""The option ``--format``."""


def format_option(command: C) -> C:
    """Add ``--format``."""
    return click.option("--format", **FORMAT)(command)


async def write_list(
    rows: AsyncIterable[T], *, format: str, fields: Sequence[str], columns: Sequence[Column[T]], chunk: int = CHUNK
) -> int:
    """Write rows as they come, and return how many they were; raises ``OutputError``.

    ``fields`` names those of CSV, ``columns`` say what a table shows. A reader that takes its time, as a pager does,
    holds up no call: ``chunk`` rows at a time are written by a thread.
    """
    writer = _writer(format, fields, columns)
    # Not before there is something: a list that cannot be had leaves stdout empty.
    before = _bytes(writer.begin())
    taken: list[T] = []
    count = 0
    async for row in rows:
        taken.append(row)
        count += 1
        if len(taken) == chunk:
            await asyncio.to_thread(stdout.write, before + _bytes(writer.rows(taken)))
            before, taken = b"", []
    last = _bytes(writer.rows(taken)) if taken else b""
    await asyncio.to_thread(stdout.write, before + last + _bytes(writer.end()))
    return count


def write_rows(rows: Iterable[T], *, format: str, fields: Sequence[str], columns: Sequence[Column[T]]) -> None:
    """Write rows that are at hand; raises ``OutputError``. ``fields`` and ``columns`` are as for ``write_list``."""
    writer = _writer(format, fields, columns)
    stdout.write(writer.begin())
    taken = list(rows)
    for start in range(0, len(taken), CHUNK):
        stdout.write(writer.rows(taken[start : start + CHUNK]))
    stdout.write(writer.end())


def write_object(row: object, *, format: str, fields: Sequence[str]) -> None:
    """Write one object; raises ``OutputError``. JSON is indented, JSON Lines is one line, CSV a header and a row."""
    if format == "table":
        from aymara_async.cli.output.one_object import object_page

        stdout.write(object_page(row))
        return
    from aymara_async.cli.output.data import json_document

    if format == "json":
        stdout.write(json_document(row))
        return
    writer: RowWriter[object] = _writer(format, fields, ())
    stdout.write(b"".join(map(_bytes, (writer.begin(), writer.rows([row]), writer.end()))))


def _writer(format: str, fields: Sequence[str], columns: Sequence[Column[T]]) -> RowWriter[T]:
    """Make the writer of a format; rich is loaded for tables only."""
    if format == "table":
        from aymara_async.cli.output.table import TableWriter

        return TableWriter(columns)
    from aymara_async.cli.output.data import CSVWriter, JSONLinesWriter, JSONWriter

    if format == "csv":
        return CSVWriter(fields)
    return JSONWriter() if format == "json" else JSONLinesWriter()


def _bytes(data: str | bytes) -> bytes:
    """Encode what people read as their terminal wants it; what programs read is UTF-8 already."""
    return data.encode(sys.stdout.encoding, "backslashreplace") if isinstance(data, str) else data
