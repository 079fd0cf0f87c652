"""Texts that an option takes as they are, or from a file that it names.

They are functions and no types of click's own, which have an argument in its newer releases only.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec


def text_or_file(value: str) -> str:
    """Take a text, or ``@FILE`` for what a file holds; ``@@`` begins a text with ``@``. Raises ``BadParameter``."""
    if value.startswith("@@") or not value.startswith("@"):
        return value.removeprefix("@")
    return text_of(value[1:])


def text_of(file: str) -> str:
    """Read a file of text; raises ``BadParameter``."""
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise click.BadParameter(f"{file!r} cannot be read: {why}. A text that begins with @ begins with @@.") from None


def instructions(value: str) -> object:
    """Take a text as above; what a file holds that is named ``.json`` is JSON. Raises ``BadParameter``."""
    text = text_or_file(value)
    if not value.startswith("@") or value.startswith("@@") or not value.endswith(".json"):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise click.BadParameter(f"{value[1:]!r} is no JSON: {error}.") from None
