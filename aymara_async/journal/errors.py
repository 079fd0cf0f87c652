"""What can go wrong with a journal."""

from __future__ import annotations

from aymara_async.errors import AymaraAIError


class JournalError(AymaraAIError):
    """The journal cannot be used: it is damaged, full, read-only, in use, or belongs to something else."""

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path
        """Where the journal is."""
