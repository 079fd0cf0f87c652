"""Rows for people: a table as wide as the terminal, or, where that is too narrow, one block a row."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from io import BytesIO, TextIOWrapper
from typing import Generic, TypeVar

import attrs
from rich import box
from rich.cells import cell_len
from rich.console import Console, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from aymara_async.cli.terminal import printable

T = TypeVar("T")

_GAP = 2
_LEAST_TEXT = 16
_LEAST_FILLING = 32
"""Columns of the terminal below which a text in a table cannot be read."""


@attrs.frozen(kw_only=True)
class Column(Generic[T]):
    """One column of a table."""

    header: str
    cell: Callable[[T], str | None]
    """What it shows of a row. Nothing in it can drive the terminal."""
    below: Callable[[T], str | None] | None = None
    """A further line, dim, that is kept whole, such as an id."""
    style: Callable[[T], str] | None = None
    """How the first line looks, as rich calls it."""
    further_style: str = "dim"
    """How the lines after it look."""
    is_number: bool = False
    """Whether to align it on the right."""
    is_text: bool = False
    """Whether the lines of its cells may be broken; others stay whole."""
    width: int | None = None
    """Columns of the terminal that it takes, where the rows to come cannot be known."""
    fills: bool = False
    """Whether it takes all that the others leave, for the same reason."""


class TableWriter(Generic[T]):
    """A table in chunks: the first decides the widths of the columns, and has the headers."""

    def __init__(self, columns: Sequence[Column[T]]) -> None:
        self._columns = columns
        self._widths: list[int] | None = None
        self._is_begun = False

    def begin(self) -> str:
        return ""

    def end(self) -> str:
        return ""

    def rows(self, rows: Sequence[T], /) -> str:
        cells = [[_Cell.of(column, row) for column in self._columns] for row in rows]
        if not self._is_begun:
            self._widths = self._fit(cells, terminal_width())
        parts = self._blocks(cells) if self._widths is None else [self._table(cells, self._widths)]
        written = page(parts)
        self._is_begun = True
        return written

    def _fit(self, cells: Sequence[Sequence[_Cell]], width: int) -> list[int] | None:
        """Share the width among the columns; None where they do not fit side by side."""
        widths, least = list[int](), list[int]()
        for number, column in enumerate(self._columns):
            kept = max(row[number].kept_width for row in cells)
            widest = max(kept, cell_len(column.header), *(row[number].width for row in cells))
            widths.append(column.width or widest)
            least.append(min(widths[-1], max(_LEAST_TEXT, kept)) if column.is_text else widths[-1])
            if column.fills:
                widths[-1], least[-1] = width, _LEAST_FILLING
        room = width - _GAP * (len(widths) - 1)
        if sum(least) > room:
            return None
        while (excess := sum(widths) - room) > 0:
            widest = max(range(len(widths)), key=lambda number: widths[number] - least[number])
            widths[widest] -= min(excess, widths[widest] - least[widest])
        return widths

    def _table(self, cells: Sequence[Sequence[_Cell]], widths: Sequence[int]) -> Table:
        table = Table(
            box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), show_header=not self._is_begun
        )
        for column, width in zip(self._columns, widths, strict=True):
            justify: JustifyMethod = "right" if column.is_number else "left"
            table.add_column(column.header, width=width, justify=justify, overflow="fold")
        for row in cells:
            table.add_row(*(cell.text for cell in row))
        return table

    def _blocks(self, cells: Sequence[Sequence[_Cell]]) -> Iterable[RenderableType]:
        for number, row in enumerate(cells):
            if number or self._is_begun:
                yield ""
            grid = label_grid()
            for column, cell in zip(self._columns, row, strict=True):
                if cell.width or cell.kept_width:
                    grid.add_row(column.header, cell.text)
            yield grid


@attrs.frozen
class _Cell:
    """One cell, ready to be shown."""

    text: Text
    width: int
    """Columns of the terminal that its text would take."""
    kept_width: int
    """Columns of the terminal below which an id would be broken."""

    @classmethod
    def of(cls, column: Column[T], row: T) -> _Cell:
        """Show what a column shows of a row."""
        lines = [printable(line) for line in (column.cell(row) or "").split("\n")]
        kept = printable((column.below(row) if column.below else None) or "")
        style = column.style(row) if column.style else ""
        parts = [
            (line, column.further_style if number else style)
            for number, line in enumerate([*lines, *filter(None, [kept])])
        ]
        text = Text("\n").join(Text(line, style=style) for line, style in parts)
        return cls(text, max(map(cell_len, lines)), cell_len(kept))


def terminal_width() -> int:
    """Return the columns that the terminal has, or that output elsewhere shall have."""
    return _console(TextIOWrapper(BytesIO())).width


def label_grid() -> Table:
    """Make a grid of labels and texts."""
    grid = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    return grid


def page(parts: Iterable[RenderableType]) -> str:
    """Lay out parts for the width of the terminal; colours only there, 80 columns elsewhere."""
    written = BytesIO()
    file = TextIOWrapper(written, encoding=sys.stdout.encoding, errors="backslashreplace", write_through=True)
    console = _console(file)
    for part in parts:
        console.print(part)
    file.seek(0)
    # A table fills its last column with spaces.
    return "".join(f"{line.rstrip()}\n" for line in file)


def moment(when: datetime | None) -> str:
    """Show a time to the minute, in UTC."""
    return "" if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M}"


def _console(file: TextIOWrapper) -> Console:
    is_terminal = sys.stdout.isatty() or None
    return Console(file=file, force_terminal=is_terminal, highlight=False, markup=False, emoji=False)
