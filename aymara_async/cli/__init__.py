"""The command line, ``aymara-async``; needs the extra ``cli``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit code; ``arguments`` default to those of the process."""
    try:
        import click as _click
        import rich as _rich
    except ImportError as error:
        sys.stderr.write(
            f"error: the command line needs {error.name}, which is not installed. "
            "Run: pip install 'aymara-async[cli]'\n"
        )
        sys.exit(2)
    del _click, _rich

    from aymara_async.cli.invocation import run

    sys.exit(run(arguments))
