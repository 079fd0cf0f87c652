"""Prompts and responses from files: JSON Lines, CSV or Parquet, row by row."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from aymara_async.bulk.checks import MAX_BATCH_BYTES, check
from aymara_async.bulk.errors import InvalidResponseError
from aymara_async.scoring.csv_rows import read_csv
from aymara_async.scoring.errors import InputFileError
from aymara_async.scoring.jsonl import read_lines
from aymara_async.scoring.parquet_rows import read_parquet
from aymara_async.scoring.rows import PromptRow, ResponseRow

FORMATS = ("jsonl", "csv", "parquet")
_ROOM = 200
"""Bytes by which the server's id of a prompt may be longer than the file's."""
_BY_EXTENSION = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}

T = TypeVar("T", bound=msgspec.Struct)


class _Line(msgspec.Struct, kw_only=True):
    prompt_uuid: str | int | None = None
    id: str | int | None = None

    @property
    def row_id(self) -> str | None:
        found = self.id if self.prompt_uuid is None else self.prompt_uuid
        return None if found is None or found == "" else str(found)


class _PromptLine(_Line, kw_only=True):
    content: str
    category: str | None = None
    safe: Any = None


class _ResponseLine(_Line, kw_only=True):
    content: str | None
    thread_uuid: str | None = None
    turn_number: Annotated[int, msgspec.Meta(ge=1)] = 1
    ai_refused: bool | None = None
    exclude_from_scoring: bool = False


def format_of(path: Path) -> str:
    """Tell a file's format by its name: JSON Lines unless it ends in .csv, .parquet or .pq."""
    return _BY_EXTENSION.get(path.suffix.lower(), "jsonl")


def check_readable(path: Path) -> None:
    """See that a file is there and may be read, without reading it; raises ``InputFileError``."""
    if not os.access(path, os.R_OK):
        why = "Permission denied" if path.exists() else "No such file or directory"
        raise InputFileError(f"cannot be read: {why}", path=path)


def read_prompts(path: Path, *, format: str | None = None) -> list[PromptRow]:
    """Read a prompts file, in its order; ``format`` is one of ``FORMATS``, or told by the file's name.

    A row has ``prompt_uuid`` (or ``id``) and ``content``, and may have ``category`` and ``safe``; other fields are
    ignored. Raises ``InputFileError``.
    """
    places: dict[str, str] = {}
    prompts: list[PromptRow] = []
    for place, line in _read(path, format, _PromptLine):
        if isinstance(line, InputFileError):
            raise line
        prompt_uuid = line.row_id
        if prompt_uuid is None:
            raise place.fault("Object missing required field `prompt_uuid` (or `id`)")
        if not line.content.strip():
            raise place.fault(f"the content of prompt {prompt_uuid!r} is blank")
        if "\0" in line.content:
            raise place.fault(f"the content of prompt {prompt_uuid!r} holds a NUL character")
        if prompt_uuid in places:
            raise place.fault(f"a second prompt {prompt_uuid!r}; the first is on {places[prompt_uuid]}")
        places[prompt_uuid] = str(place)
        row = PromptRow(
            prompt_uuid=prompt_uuid, content=line.content, category=line.category, is_harmless=line.safe is True
        )
        prompts.append(row)
    if not prompts:
        raise InputFileError("holds no prompts", path=path)
    return prompts


def read_responses(
    path: Path,
    prompt_uuids: Collection[str],
    *,
    format: str | None = None,
    on_fault: Callable[[InputFileError], None] | None = None,
) -> list[ResponseRow]:
    """Read a responses file, in its order; each row answers one of the prompts, and no two the same turn.

    Rows and formats are those of ``stream_responses``. A row that is at fault is left out and told ``on_fault``;
    without it, or where no row is left, raises ``InputFileError``.
    """
    places: dict[tuple[str, str | None, int], str] = {}
    responses: list[ResponseRow] = []
    for place, row in _stream(path, format, lambda row: row.prompt_uuid in prompt_uuids):
        fault = row if isinstance(row, InputFileError) else None
        if isinstance(row, ResponseRow):
            fault = _unsendable(row, place)
            if row.turn in places:
                fault = place.fault(f"a second response to prompt {row}; the first is on {places[row.turn]}")
        if fault is not None:
            if on_fault is None:
                raise fault
            on_fault(fault)
        elif isinstance(row, ResponseRow):
            places[row.turn] = str(place)
            responses.append(row)
    if not responses:
        raise InputFileError("holds no responses" if on_fault is None else "holds no usable responses", path=path)
    return responses


def stream_responses(
    path: Path, is_known: Callable[[ResponseRow], bool], *, format: str | None = None
) -> Iterator[ResponseRow | InputFileError]:
    """Read a responses file of any size row by row: responses, and what is wrong with those that are none.

    A row has ``prompt_uuid`` (or ``id``) and ``content`` (null: the AI refused), and may have ``thread_uuid``,
    ``turn_number``, ``ai_refused`` and ``exclude_from_scoring``; other fields are ignored. ``format`` is one of
    ``FORMATS``, or told by the file's name; ``is_known`` tells whether there is a prompt that a row answers. Raises
    ``InputFileError`` where the file as a whole is at fault.
    """
    return (row for _, row in _stream(path, format, is_known))


class _Place:
    """A row of a file, as people find it there."""

    def __init__(self, path: Path, number: int, *, has_lines: bool) -> None:
        self._path, self._number, self._has_lines = path, number, has_lines

    def fault(self, reason: str) -> InputFileError:
        if self._has_lines:
            return InputFileError(reason, path=self._path, line=self._number)
        return InputFileError(reason, path=self._path, row=self._number)

    def __str__(self) -> str:
        return f"{'line' if self._has_lines else 'row'} {self._number}"


def _read(path: Path, format: str | None, row_type: type[T]) -> Iterator[tuple[_Place, T | InputFileError]]:
    name = format or format_of(path)
    read = {"jsonl": read_lines, "csv": read_csv, "parquet": read_parquet}[name]
    for number, row in read(path, row_type):
        yield _Place(path, number, has_lines=name != "parquet"), row


def _stream(
    path: Path, format: str | None, is_known: Callable[[ResponseRow], bool]
) -> Iterator[tuple[_Place, ResponseRow | InputFileError]]:
    for place, line in _read(path, format, _ResponseLine):
        row = line if isinstance(line, InputFileError) else _response(line, place)
        if isinstance(row, ResponseRow) and not is_known(row):
            row = place.fault(f"there is no prompt {row.prompt_uuid!r} to answer")
        yield place, row


def _unsendable(row: ResponseRow, place: _Place) -> InputFileError | None:
    """Tell what the bulk scorer would find wrong with a row."""
    try:
        check(1, row.to_request(row.prompt_uuid), max_bytes=MAX_BATCH_BYTES - _ROOM)
    except InvalidResponseError as error:
        return place.fault(error.reason)
    return None


def _response(line: _ResponseLine, place: _Place) -> ResponseRow | InputFileError:
    prompt_uuid = line.row_id
    if prompt_uuid is None:
        return place.fault("Object missing required field `prompt_uuid` (or `id`)")
    return ResponseRow(
        prompt_uuid=prompt_uuid,
        content=line.content,
        thread_uuid=line.thread_uuid,
        turn_number=line.turn_number,
        ai_refused=line.content is None if line.ai_refused is None else line.ai_refused,
        exclude_from_scoring=line.exclude_from_scoring,
    )
