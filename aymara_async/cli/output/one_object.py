"""One object for people: its fields beside their names, what is nested below."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from aymara_async.analysis.response_text import excerpt
from aymara_async.cli.output.data import plain
from aymara_async.cli.output.table import label_grid, page, terminal_width
from aymara_async.cli.terminal import printable

_LENGTH = 1200
"""Characters of a text that are shown; the other formats show all."""
_LEAST_TEXT = 30
"""Columns of the terminal without which a text goes below its name."""


def object_page(row: object) -> str:
    """Lay out an object."""
    return page(_parts(plain(row), "", 0))


def _parts(fields: dict[str, object], path: str, indent: int) -> Iterator[RenderableType]:
    shown = {printable(name): text for name, value in fields.items() if (text := _flat(value)) is not None}
    if max(map(len, shown), default=0) + _LEAST_TEXT > terminal_width():
        for name, text in shown.items():
            yield Text(name, style="dim")
            yield Padding(Text(text, overflow="fold"), (0, 0, 0, 2))
    elif shown:
        grid = label_grid()
        for name, text in shown.items():
            grid.add_row(name, Text(text))
        yield Padding(grid, (0, 0, 0, indent))
    for name, value in fields.items():
        for below, nested in _nested(f"{path}{name}", value):
            yield ""
            yield Text(printable(below), style="bold")
            yield from _parts(nested, f"{below}.", 2)


def _flat(value: object) -> str | None:
    """Show what fits beside its name; None for what is absent or nested."""
    if value is None or isinstance(value, dict):
        return None
    if isinstance(value, list):
        lines = [_flat(item) for item in value]
        return "\n".join(filter(None, lines)) or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return excerpt(printable(str(value)), _LENGTH)


def _nested(path: str, value: object) -> Iterator[tuple[str, dict[str, object]]]:
    if isinstance(value, dict):
        yield path, value
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _nested(f"{path}[{number}]", item)
