"""Texts and shares as a terminal has room for them."""

from __future__ import annotations

from aymara_async.cli.terminal import printable


def excerpt(text: str, length: int) -> str:
    """Take the beginning of a text, in one line."""
    line = printable(text)
    if len(line) <= length:
        return line
    start, _, cut = line[: length - 2].rpartition(" ")
    # A long word, or a text without spaces, is cut within.
    return f"{start if start and len(cut) < length // 4 else line[: length - 2]} …"


def rate(value: float | None) -> str:
    """Write a share such that only all is 100 % and only none is 0 %."""
    if value is None:
        return "-"
    shown = f"{value:.1%}"
    if shown == "100.0%" and value < 1.0:
        return ">99.9%"
    return "<0.1%" if shown == "0.0%" and value > 0.0 else shown
