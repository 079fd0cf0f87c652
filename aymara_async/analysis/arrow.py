"""Data frames as Arrow tables and Parquet files."""

from __future__ import annotations

from os import PathLike

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
from pyarrow import parquet  # pyright: ignore[reportMissingTypeStubs]


def to_arrow(frame: pd.DataFrame) -> pa.Table:  # pyright: ignore[reportUnknownParameterType] - pyarrow has no types
    """Convert a data frame to an Arrow table, its types kept; an index with a name becomes a column."""
    return pa.Table.from_pandas(_with_index_as_column(frame), preserve_index=False)


def write_parquet(frame: pd.DataFrame, path: str | PathLike[str]) -> None:
    """Write a data frame to a Parquet file, its types kept; an index with a name becomes a column.

    Raises ``OSError`` where the file cannot be written.
    """
    parquet.write_table(to_arrow(frame), path)


def _with_index_as_column(frame: pd.DataFrame) -> pd.DataFrame:
    return frame if frame.index.name is None else frame.reset_index()
