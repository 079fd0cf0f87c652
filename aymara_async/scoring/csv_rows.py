"""CSV of any size, with every fault named by file and line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from aymara_async.scoring.columns import CellError, check_columns, convert
from aymara_async.scoring.errors import InputFileError
from aymara_async.scoring.jsonl import not_utf8

T = TypeVar("T")

_LONGEST_CELL = 2**31 - 1


def read_csv(path: Path, row_type: type[T]) -> Iterator[tuple[int, T | InputFileError]]:
    """Give each row with the line that it begins on, or with what is wrong with it.

    The first line names the columns; an empty cell is no value. Raises ``InputFileError`` where the file cannot be
    read, and where no row after a fault could be told.
    """
    csv.field_size_limit(_LONGEST_CELL)  # the default, 128 KiB, is less than a long answer
    begins = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            names = next(reader, [])
            check_columns(names, path, line=1)
            begins = reader.line_num + 1
            for cells in reader:
                if cells:
                    yield begins, _row(names, cells, row_type, path, begins)
                begins = reader.line_num + 1
    except OSError as error:
        raise InputFileError(f"cannot be read: {error.strerror or error}", path=path) from error
    except UnicodeDecodeError as error:
        where = f"this line, or one after it, holds the byte 0x{error.object[error.start]:02x}"
        reason = not_utf8(error.object if begins == 1 else None, where)
        raise InputFileError(reason, path=path, line=begins) from error
    except csv.Error as error:
        raise InputFileError(f"not CSV: {error}", path=path, line=begins) from error


def _row(names: list[str], cells: list[str], row_type: type[T], path: Path, line: int) -> T | InputFileError:
    if len(cells) != len(names):
        reason = f"the row has {len(cells)} cells, but there are {len(names)} columns"
        return InputFileError(reason, path=path, line=line)
    try:
        return convert({name: cell or None for name, cell in zip(names, cells, strict=True)}, row_type)
    except CellError as error:
        return InputFileError(str(error), path=path, line=line)
