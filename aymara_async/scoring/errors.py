"""What can be wrong with the files, and with the eval that is to hold their prompts."""

from __future__ import annotations

from pathlib import Path

from aymara_async.errors import AymaraAIError


class InputFileError(AymaraAIError, ValueError):
    """An input file cannot be used; nothing was sent."""

    def __init__(self, reason: str, *, path: Path, line: int | None = None) -> None:
        where = str(path) if line is None else f"{path}:{line}"
        super().__init__(f"{where}: {reason.rstrip('.')}. Nothing was sent.")
        self.path = path
        """The file."""
        self.line = line
        """The line of the fault, counted from 1; None where it is the file as a whole."""


class ExactEvalError(AymaraAIError):
    """The server's eval does not hold exactly the prompts it was given."""
