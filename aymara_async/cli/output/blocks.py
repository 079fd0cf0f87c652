"""A page of blocks on stdout, for people: tables, paragraphs, and texts beside their labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from aymara_async.cli.output import stdout
from aymara_async.cli.output.table import Column, TableWriter, label_grid, page
from aymara_async.cli.terminal import printable


def write_blocks(blocks: Iterable[RenderableType]) -> None:
    """Write blocks with a blank line between them, those that are text as they are; raises ``OutputError``."""
    stdout.write("\n".join(block if isinstance(block, str) else page([block]) for block in blocks))


def labelled(rows: Iterable[tuple[str, str]], *, indent: int = 0) -> RenderableType:
    """Lay out texts beside their labels; nothing in a text can drive the terminal."""
    grid = label_grid()
    for label, text in rows:
        grid.add_row(label, Text(printable(text)))
    return Padding(grid, (0, 0, 0, indent))


def figures(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table of names, which come first, and figures; where it does not fit, each row becomes a block."""
    columns = [
        Column[Sequence[str]](header=header, cell=itemgetter(number), is_text=number == 0, is_number=number > 0)
        for number, header in enumerate(headers)
    ]
    return TableWriter(columns).rows(rows)
