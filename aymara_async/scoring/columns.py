"""Rows of a table, CSV or Parquet, brought to what a line of JSON would hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from aymara_async.scoring.errors import InputFileError
from aymara_async.transport.codec import InvalidJSONError

T = TypeVar("T")

IDS = ("prompt_uuid", "id")
BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_BOOLEAN = frozenset({"ai_refused", "exclude_from_scoring", "safe"})
_NUMBER = frozenset({"turn_number"})
_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


class CellError(Exception):
    """A cell holds what its column cannot."""


def check_columns(names: Sequence[str], path: Path, *, line: int | None = None) -> None:
    """See that a table has the columns that every row needs, and none twice; raises ``InputFileError``."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputFileError(f"there is more than one column `{repeated[0]}`", path=path, line=line)
    there = f"the columns are {', '.join(f'`{name}`' for name in names) or 'none'}"
    if len(names) == 1 and (parted := [mark for mark in _OTHER_DELIMITERS if mark in names[0]]):
        there += f". Columns must be parted by commas, not by {_OTHER_DELIMITERS[parted[0]]}"
    if not set(IDS) & set(names):
        raise InputFileError(f"there is no column `prompt_uuid` (or `id`); {there}", path=path, line=line)
    if "content" not in names:
        raise InputFileError(f"there is no column `content`; {there}", path=path, line=line)


def convert(cells: Mapping[str, object], row_type: type[T]) -> T:
    """Make a row of its cells; those without a value are left to the row's defaults. Raises ``CellError``."""
    told = {name: _value(name, cell) for name, cell in cells.items()}
    # No content is a value of its own: a refusal.
    given = {name: value for name, value in told.items() if value is not None or name == "content"}
    try:
        return msgspec.convert(given, row_type)
    except msgspec.ValidationError as error:
        fault = InvalidJSONError.explain(error)
        column = (fault.path or "$").removeprefix("$.")
        raise CellError(fault.reason if column == "$" else f"{fault.reason} in column `{column}`") from error


def _value(name: str, cell: object) -> object:
    if isinstance(cell, float) and math.isnan(cell):  # how pandas writes what is missing
        return None
    if name in _NUMBER and isinstance(cell, float) and cell.is_integer():  # and numbers among which some are missing
        return int(cell)
    if not isinstance(cell, str):
        return cell
    if name in _NUMBER:
        return _whole_number(name, cell)
    if name in _BOOLEAN:
        return _boolean(name, cell)
    return cell


def _whole_number(name: str, cell: str) -> int:
    try:
        return int(cell)
    except ValueError:
        raise CellError(f"{cell!r} is no whole number in column `{name}`") from None


def _boolean(name: str, cell: str) -> bool | str:
    known = BOOLEANS.get(cell.strip().casefold())
    if known is not None:
        return known
    if name == "safe":  # whatever is not true there is no mark of a harmless prompt
        return cell
    raise CellError(f"{cell!r} is neither true nor false in column `{name}`")
