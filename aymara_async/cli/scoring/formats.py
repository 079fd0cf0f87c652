"""How ``score`` writes to stdout: rows as they are scored, or everything in the end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol

from aymara_async.cli.gates import Gated
from aymara_async.cli.output import stdout
from aymara_async.cli.output.data import CSVWriter, JSONLinesWriter, json_document
from aymara_async.cli.results.counted import Results
from aymara_async.cli.results.rows import FIELDS, Json, document


class ScoreWriter(Protocol):
    """Writes one format; raises ``OutputError``."""

    @property
    def shares_terminal(self) -> bool:
        """Whether rows appear where a progress bar would be."""
        ...

    def rows(self, rows: Sequence[Json]) -> None:
        """Take rows of scored responses."""
        ...

    def end(self, results: Results, gated: Gated) -> None:
        """Write what remains to be told."""
        ...


class _Table:
    shares_terminal = False

    def rows(self, rows: Sequence[Json]) -> None:
        """Leave the rows: the results have what a table shows."""

    def end(self, results: Results, gated: Gated) -> None:  # noqa: ARG002 - people read of gates on stderr
        from aymara_async.cli.output.blocks import write_blocks
        from aymara_async.cli.results.page import results_page

        write_blocks(results_page(results))


class _Document:
    shares_terminal = False

    def __init__(self) -> None:
        self._rows: list[Json] = []

    def rows(self, rows: Sequence[Json]) -> None:
        self._rows += rows

    def end(self, results: Results, gated: Gated) -> None:
        stdout.write(json_document(document(results, gated, self._rows)))


class _Rows:
    def __init__(self, writer: JSONLinesWriter | CSVWriter) -> None:
        self._writer = writer
        self._is_begun = False
        self.shares_terminal = sys.stdout.isatty()

    def rows(self, rows: Sequence[Json]) -> None:
        begin = b"" if self._is_begun else self._writer.begin()
        self._is_begun = True
        stdout.write(begin + self._writer.rows(rows))

    def end(self, results: Results, gated: Gated) -> None:  # noqa: ARG002 - rows are all there is
        self.rows([])


def make_writer(format: str) -> ScoreWriter:
    """Make the writer of a format."""
    if format == "table":
        return _Table()
    if format == "json":
        return _Document()
    return _Rows(CSVWriter(FIELDS) if format == "csv" else JSONLinesWriter())
