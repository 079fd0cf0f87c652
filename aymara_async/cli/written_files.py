"""Files that a command writes: found to be writable before anything is sent, and never left half written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import click

from aymara_async.cli.output.stdout import OutputError


def check_writable(files: Mapping[str, Path], *, besides: Mapping[str, Path | None] | None = None) -> None:
    """See that each file, named by its option, can be written, and is neither another one nor one of ``besides``.

    Raises ``click.UsageError``.
    """
    taken = {path.resolve(): name for name, path in (besides or {}).items() if path is not None}
    for option, path in files.items():
        fault = why_not_writable(path)
        if fault is not None:
            raise click.UsageError(f"{option}: {path} cannot be written: {fault}. Nothing was sent.")
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise click.UsageError(f"{other} and {option} name the same file, {path}. Nothing was sent.")


def why_not_writable(path: Path) -> str | None:
    """Tell why a file cannot be written; None where it can. It stays as it is."""
    if path.is_dir():
        return "it is a folder"
    if path.exists() and not os.access(path, os.W_OK):
        return "it is read-only"
    if _is_special(path):
        return None
    trial = _beside(path.resolve())
    try:
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return None


def write_whole(path: Path, text: str) -> None:
    """Write a file such that others see either the old one or all of the new one; raises ``OutputError``."""
    data = text.encode(errors="replace")  # a lone surrogate, which JSON may carry, has no UTF-8
    try:
        if _is_special(path):
            path.write_bytes(data)
            return
        target = path.resolve()
        part = _beside(target)
        try:
            part.write_bytes(data)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise _output_error(path, error) from error


def append(path: Path, text: str) -> None:
    """Add to the end of a file; raises ``OutputError``."""
    try:
        with path.open("ab") as file:
            file.write(text.encode(errors="replace"))
    except OSError as error:
        raise _output_error(path, error) from error


def _is_special(path: Path) -> bool:
    """Tell whether it is a pipe or a device, which nothing can be put in the place of."""
    return path.exists() and not path.is_file()


def _beside(path: Path) -> Path:
    return path.with_name(f".aymara-{secrets.token_hex(6)}.tmp")


def _output_error(path: Path, error: OSError) -> OutputError:
    return OutputError(OSError(error.errno, f"{path}: {error.strerror or error}"))
