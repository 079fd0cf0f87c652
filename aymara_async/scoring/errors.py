"""What can be wrong with the files, and with the eval that is to hold their prompts."""

from __future__ import annotations

from pathlib import Path

from aymara_async.errors import AymaraAIError


class InputFileError(AymaraAIError, ValueError):
    """An input file cannot be used, or a row of it."""

    def __init__(
        self,
        reason: str,
        *,
        path: Path,
        line: int | None = None,
        row: int | None = None,
        harm: str = "Nothing was sent.",
    ) -> None:
        where = f"{path}, row {row}" if row is not None else str(path) if line is None else f"{path}:{line}"
        super().__init__(f"{where}: {reason.rstrip('.')}. {harm}")
        self.path = path
        """The file."""
        self.line = line
        """The line of the fault, counted from 1; None where it is the file as a whole, or the file has no lines."""
        self.row = row
        """The row of the fault, counted from 1, in a file without lines."""
        self.reason: str = reason.rstrip(".")
        """What is wrong there."""

    @property
    def place(self) -> str:
        """Say where in the file it is."""
        return f"row {self.row}" if self.row is not None else f"line {self.line}"


class ExactEvalError(AymaraAIError):
    """The server's eval does not hold exactly the prompts it was given."""
