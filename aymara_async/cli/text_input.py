"""Texts that an option takes as they are, or from a file that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec


class TextOrFile(click.ParamType[str]):
    """A text, or ``@FILE`` for what a file holds; ``@@`` begins a text with ``@``."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read it; fails the option where the file cannot be read."""
        text = str(value)
        if text.startswith("@@") or not text.startswith("@"):
            return text.removeprefix("@") if text.startswith("@@") else text
        try:
            return Path(text[1:]).read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            self.fail(f"{text[1:]!r} cannot be read: {why}. Begin a text with @@ that begins with @.", param, ctx)


class Instructions(click.ParamType[object]):
    """A text or ``@FILE``, as above; what a file holds that is named ``.json`` is taken as JSON."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Read it; fails the option where the file cannot be read or is no JSON."""
        text = TextOrFile().convert(value, param, ctx)
        if not str(value).startswith("@") or str(value).startswith("@@") or not str(value).endswith(".json"):
            return text
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            self.fail(f"{str(value)[1:]!r} is no JSON: {error}.", param, ctx)
