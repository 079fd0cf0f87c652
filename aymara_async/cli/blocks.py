"""A page of blocks on stdout, for people: tables, paragraphs, and texts beside their labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aymara_async.cli import stdout
from aymara_async.cli.output_table import label_grid, page
from aymara_async.cli.terminal import printable


def write_blocks(blocks: Iterable[RenderableType]) -> None:
    """Write blocks with a blank line between them; raises ``OutputError``."""
    stdout.write(page(_spaced(blocks)))


def _spaced(blocks: Iterable[RenderableType]) -> Iterator[RenderableType]:
    for number, block in enumerate(blocks):
        if number:
            yield ""
        yield block


def labelled(rows: Iterable[tuple[str, str]], *, indent: int = 0) -> RenderableType:
    """Lay out texts beside their labels; nothing in a text can drive the terminal."""
    grid = label_grid()
    for label, text in rows:
        grid.add_row(label, Text(printable(text)))
    return Padding(grid, (0, 0, 0, indent))


def figures(name: str, *headers: str) -> Table:
    """Begin a table of names and figures."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(name, overflow="fold")
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    return table
