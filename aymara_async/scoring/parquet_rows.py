"""Parquet of any size, with every fault named by file and row; needs the extra ``parquet``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import msgspec

from aymara_async.scoring.columns import CellError, check_columns, convert
from aymara_async.scoring.errors import InputFileError

T = TypeVar("T", bound=msgspec.Struct)

_ROWS_AT_ONCE = 1000


def read_parquet(path: Path, row_type: type[T]) -> Iterator[tuple[int, T | InputFileError]]:
    """Give each row with its number, counted from 1, or with what is wrong with it.

    Only the columns that are of use are read. Raises ``InputFileError`` where the file cannot be read.
    """
    try:
        pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")  # which have no types
    except ImportError as error:
        reason = "Parquet needs the package 'pyarrow'. Install it with: pip install 'aymara-async[parquet]'"
        raise InputFileError(reason, path=path) from error
    known = {field.name for field in msgspec.structs.fields(row_type)}
    number = 0
    try:
        with path.open("rb") as data, pq.ParquetFile(data) as file:
            names: list[str] = file.schema_arrow.names
            check_columns(names, path)
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[name for name in names if name in known]):
                for cells in batch.to_pylist():
                    number += 1
                    yield number, _row(cells, row_type, path, number)
    except (OSError, pa.ArrowException) as error:
        text = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise InputFileError(f"cannot be read: {text}", path=path) from error


def _row(cells: dict[str, object], row_type: type[T], path: Path, number: int) -> T | InputFileError:
    try:
        return convert(cells, row_type)
    except CellError as error:
        return InputFileError(str(error), path=path, row=number)
