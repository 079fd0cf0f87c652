"""Data, and nothing else, to stdout."""

from __future__ import annotations

import os
import sys


class OutputError(Exception):
    """Data could not be written to stdout, or not all of it."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the output could not be written: {error.strerror or error}. Write it somewhere else.")
        self.is_closed: bool = isinstance(error, BrokenPipeError)
        """Whether the reader stopped reading, as ``head`` does."""


def write(data: str | bytes) -> None:
    """Write to stdout, with escapes for what its encoding lacks; raises ``OutputError``."""
    if isinstance(data, str):
        data = data.encode(sys.stdout.encoding, "backslashreplace")
    rest = memoryview(data)
    try:
        while rest:
            # Without a buffer (PYTHONUNBUFFERED) it may take only a part.
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()
    except OSError as error:
        # The interpreter would try again at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError(error) from error
