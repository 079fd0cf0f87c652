"""What people read: notes on stderr, apart from the data on stdout."""

from __future__ import annotations

import os
import sys
import textwrap
import traceback
import unicodedata
from collections.abc import Callable

_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")


def printable(text: str) -> str:
    """Make text harmless for a terminal: white space becomes one space, control characters become visible.

    What models and servers write may hold escape sequences and characters that turn the text's direction.
    """
    words = " ".join(text.split())
    return "".join(map(visible, words)) if not words.isascii() or not words.isprintable() else words


def visible(character: str) -> str:
    """Write a character so that it cannot drive a terminal."""
    if unicodedata.category(character) not in _UNPRINTABLE or character in _JOINERS:
        return character
    return character.encode("unicode_escape").decode()


def _in_lines(text: str) -> str:
    """Break a text between words where a terminal would break it within; elsewhere it stays one line."""
    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):  # it is no terminal, or no file
        return text
    return textwrap.fill(text, max(width, 20), break_long_words=False, break_on_hyphens=False) if width else text


class Terminal:
    """Where a command tells how it goes."""

    def __init__(self) -> None:
        self.is_quiet = False
        """Whether to tell errors only."""
        self.is_debugging = False
        """Whether to tell all about errors."""
        self.state: Callable[[], str] | None = None
        """Tells how things stand, for the case that the command is stopped."""
        self.harm = "Nothing was sent."
        """What to say of it where there is no ``state``."""

    def note(self, text: str) -> None:
        """Tell what is being done, unless only errors are wanted."""
        if not self.is_quiet:
            self.tell(text)

    def tell(self, text: str) -> None:
        """Tell what people must not miss."""
        self._write(_in_lines(printable(text)))

    def error(self, text: str) -> None:
        """Tell what went wrong, in one line."""
        self._write(_in_lines(printable(f"error: {text}")))

    def stopped(self, why: str) -> None:
        """Tell that the command was stopped, and how things stand."""
        state = self.state() if self.state is not None else self.harm
        self._write(_in_lines(printable(f"{why} {state}")))

    def trace(self, error: BaseException) -> None:
        """Show where the error comes from, if asked to."""
        if self.is_debugging:
            self._write("".join(traceback.format_exception(error)).rstrip())

    def lines(self, text: str) -> None:
        """Tell several lines as they are; whoever calls sees to it that nothing in them drives the terminal."""
        self._write(text)

    @staticmethod
    def _write(text: str) -> None:
        encoding = sys.stderr.encoding or "utf-8"  # a progress bar in front of it says None
        sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stderr.flush()
