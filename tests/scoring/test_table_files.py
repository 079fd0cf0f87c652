"""Prompts and responses as CSV and Parquet: the same rows as from JSON Lines, and faults named by row and column."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aymara_async.scoring.errors import InputFileError
from aymara_async.scoring.input_files import format_of, read_prompts, read_responses, stream_responses
from aymara_async.scoring.rows import PromptRow, ResponseRow

KNOWN = {"a", "7"}
COLUMNS = ["id", "content", "thread_uuid", "turn_number", "ai_refused", "exclude_from_scoring", "note"]
CELLS: list[list[Any]] = [
    ["a", 'Two\n"lines", and a comma', None, None, None, None, "x"],
    ["a", None, "t", 2, None, True, None],
    ["7", "Ä", None, 1, True, False, None],
]
ROWS = [
    ResponseRow(prompt_uuid="a", content='Two\n"lines", and a comma'),
    ResponseRow(
        prompt_uuid="a", content=None, thread_uuid="t", turn_number=2, ai_refused=True, exclude_from_scoring=True
    ),
    ResponseRow(prompt_uuid="7", content="Ä", ai_refused=True),
]


def write_csv(path: Path, names: list[str], rows: list[list[Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([names, *rows])
    return path


def write_parquet(path: Path, names: list[str], rows: list[list[Any]]) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    pq.write_table(pyarrow.table(columns), path)
    return path


Write = Callable[[Path, list[str], list[list[Any]]], Path]
BOTH = pytest.mark.parametrize(("write", "name"), [(write_csv, "r.csv"), (write_parquet, "r.parquet")])


@BOTH
def test_responses_are_those_of_json_lines(write: Write, name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, COLUMNS, CELLS)
    assert read_responses(path, KNOWN) == ROWS
    assert list(stream_responses(path, lambda _: True)) == ROWS
    unnamed = path.rename(tmp_path / "rows")
    assert read_responses(unnamed, KNOWN, format=name.partition(".")[2]) == ROWS


@BOTH
def test_prompts_are_those_of_json_lines(write: Write, name: str, tmp_path: Path) -> None:
    rows: list[list[Any]] = [["a", "Q", "c", True], ["b", "R", None, None]]
    path = write(tmp_path / name, ["prompt_uuid", "content", "category", "safe"], rows)
    assert read_prompts(path) == [
        PromptRow(prompt_uuid="a", content="Q", category="c", is_harmless=True),
        PromptRow(prompt_uuid="b", content="R"),
    ]


def test_words_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text(
        "\ufeffid,content,ai_refused,exclude_from_scoring\r\na,x,yes,NO\r\n\r\n7,y, True ,0\r\n", encoding="utf-8"
    )
    assert [(row.ai_refused, row.exclude_from_scoring) for row in read_responses(path, KNOWN)] == [(True, False)] * 2
    path.write_text("id,content,safe\na,Q,unsafe\nb,R,true\n")
    assert [row.is_harmless for row in read_prompts(path)] == [False, True]


def test_long_cell_of_csv(tmp_path: Path) -> None:
    content = "long " * 100_000
    path = write_csv(tmp_path / "r.csv", ["id", "content"], [["a", content]])
    assert read_responses(path, KNOWN)[0].content == content


def test_numbers_that_pandas_made_floats(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["a", "x", 2.0], ["7", "y", math.nan]]
    path = write_parquet(tmp_path / "r.parquet", ["id", "content", "turn_number"], rows)
    assert [row.turn_number for row in read_responses(path, KNOWN)] == [2, 1]


def test_numeric_ids_of_parquet(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "r.pq", ["id", "content"], [[7, "x"]])
    assert read_responses(path, KNOWN)[0].prompt_uuid == "7"


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        ("", 1, "there is no column `prompt_uuid` (or `id`); the columns are none"),
        (
            "id;content\na;x\n",
            1,
            "there is no column `prompt_uuid` (or `id`); the columns are `id;content`. Columns must",
        ),
        ("id,answer\na,x\n", 1, "there is no column `content`; the columns are `id`, `answer`"),
        ("key,content\na,x\n", 1, "there is no column `prompt_uuid` (or `id`); the columns are `key`, `content`"),
        ("id,content,id\na,x,a\n", 1, "there is more than one column `id`"),
        ("id,content\n", None, "holds no responses"),
        ("id,content\na,x,y\n", 2, "the row has 3 cells, but there are 2 columns"),
        ('id,content\na,"two\nlines"\n7\n', 4, "the row has 1 cells, but there are 2 columns"),
        ("id,content\n,x\n", 2, "Object missing required field `prompt_uuid` (or `id`)"),
        ("id,content\nnobody,x\n", 2, "there is no prompt 'nobody' to answer"),
        ("id,content\na,x\na,y\n", 3, "a second response to prompt a; the first is on line 2"),
        ("id,content,turn_number\na,x,two\n", 2, "'two' is no whole number in column `turn_number`"),
        ("id,content,turn_number\na,x,0\n", 2, "Expected `int` >= 1 in column `turn_number`"),
        ("id,content,ai_refused\na,x,maybe\n", 2, "'maybe' is neither true nor false in column `ai_refused`"),
        ('id,content\na,"x\n', 2, "not CSV: unexpected end of data"),
        (b"id,content\na,\xe9\n", 1, "not UTF-8: this line, or one after it, holds the byte 0xe9. Save the file as"),
        ("id,content\na,x\n".encode("utf-16"), 1, "the file is UTF-16, not UTF-8. Save it as UTF-8"),
        ("\ufeffid,content\na,x\n".encode("utf-16-be"), 1, "the file is UTF-16, not UTF-8"),
    ],
)
def test_fault_of_csv_is_named(data: str | bytes, line: int | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(InputFileError) as caught:
        read_responses(path, KNOWN)
    where = path if line is None else f"{path}:{line}"
    assert caught.value.message.startswith(f"{where}: {reason}")
    assert caught.value.message.endswith("Nothing was sent.")


@pytest.mark.parametrize(
    ("names", "cells", "row", "reason"),
    [
        (["id", "answer"], ["a", "x"], None, "there is no column `content`; the columns are `id`, `answer`"),
        (["id", "content"], ["nobody", "x"], 1, "there is no prompt 'nobody' to answer"),
        (["id", "content"], ["a", 7], 1, "Expected `str | null`, got `int` in column `content`"),
        (["id", "content", "turn_number"], ["a", "x", 1.5], 1, "Expected `int`, got `float` in column `turn_number`"),
        (["id", "content", "ai_refused"], ["a", "x", 1], 1, "Expected `bool | null`, got `int` in column `ai_refused`"),
    ],
)
def test_fault_of_parquet_is_named(
    names: list[str], cells: list[Any], row: int | None, reason: str, tmp_path: Path
) -> None:
    path = write_parquet(tmp_path / "r.parquet", names, [cells])
    with pytest.raises(InputFileError) as caught:
        read_responses(path, KNOWN)
    where = path if row is None else f"{path}, row {row}"
    assert caught.value.message == f"{where}: {reason}. Nothing was sent."


def test_file_that_is_no_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "r.parquet"
    path.write_text("id,content")
    with pytest.raises(InputFileError, match="cannot be read: Parquet"):
        read_responses(path, KNOWN)
    with pytest.raises(InputFileError, match="cannot be read: No such file"):
        read_responses(tmp_path / "nowhere.parquet", KNOWN)
    with pytest.raises(InputFileError, match="cannot be read: No such file"):
        read_responses(tmp_path / "nowhere.csv", KNOWN)


@BOTH
def test_faulty_rows_can_be_left_out(write: Write, name: str, tmp_path: Path) -> None:
    rows: list[list[Any]] = [["a", "x"], ["nobody", "y"], ["a", "z"], ["7", "x"]]
    path = write(tmp_path / name, ["id", "content"], rows)
    faults: list[InputFileError] = []
    kept = read_responses(path, KNOWN, on_fault=faults.append)
    assert [row.prompt_uuid for row in kept] == ["a", "7"]
    kind, first = ("line", 2) if name == "r.csv" else ("row", 1)
    assert [(fault.place, fault.reason) for fault in faults] == [
        (f"{kind} {first + 1}", "there is no prompt 'nobody' to answer"),
        (f"{kind} {first + 2}", f"a second response to prompt a; the first is on {kind} {first}"),
    ]
    with pytest.raises(InputFileError, match="holds no usable responses"):
        read_responses(path, {"nothing"}, on_fault=faults.append)


def test_format_is_told_by_the_name() -> None:
    names = ["a.jsonl", "a", "a.txt", "A.CSV", "a.csv.gz", "a.parquet", "a.pq"]
    assert [format_of(Path(name)) for name in names] == [
        "jsonl",
        "jsonl",
        "jsonl",
        "csv",
        "jsonl",
        "parquet",
        "parquet",
    ]
