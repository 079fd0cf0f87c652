"""The formats of the command line: what programs get back is what went in, and nothing can drive a terminal."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest

from aymara_async.cli.output.data import CSVWriter, JSONLinesWriter, JSONWriter
from aymara_async.cli.output.formats import write_object, write_rows
from aymara_async.cli.output.table import Column, TableWriter
from tests.cli.filled import HOSTILE
from tests.cli.process import ROOT, finish, own_environment, run, start
from tests.faulty_server import Exchange, FaultyServer, error, message, stall

ROWS = [
    {"text": HOSTILE, "number": -0.5, "flag": True, "nothing": None, "nested": {"a": [1, "=2"]}},
    {"text": "plain", "number": 3, "flag": False, "nothing": "", "nested": []},
]
FIELDS = list(ROWS[0])
NUM_ROWS = 20_000


def drives_terminal(text: str) -> bool:
    return any(not character.isprintable() and character not in "\n\u200d" for character in text)


def test_json_gives_back_every_value() -> None:
    writer = JSONWriter()
    text = (writer.begin() + writer.rows(ROWS[:1]) + writer.rows(ROWS[1:]) + writer.end()).decode()
    assert json.loads(text) == ROWS
    assert not drives_terminal(text)


def test_json_without_rows_is_an_empty_array() -> None:
    writer = JSONWriter()
    assert writer.begin() + writer.end() == b"[]\n"


def test_json_array_that_was_cut_off_is_no_json() -> None:
    writer = JSONWriter()
    with pytest.raises(json.JSONDecodeError):
        json.loads(writer.begin() + writer.rows(ROWS))


def test_json_lines_give_back_every_value() -> None:
    text = JSONLinesWriter().rows(ROWS).decode()
    assert [json.loads(line) for line in text.splitlines()] == ROWS
    assert not drives_terminal(text)


def test_csv_is_read_by_others_and_runs_no_formula() -> None:
    writer = CSVWriter(FIELDS)
    text = (writer.begin() + writer.rows(ROWS) + writer.end()).decode()
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    assert first["text"] == "'" + HOSTILE.replace("\x1b", "\\x1b").replace("\x07", "\\x07").replace("\x9b", "\\x9b")
    assert (first["number"], first["flag"], first["nothing"]) == ("-0.5", "true", "")
    assert json.loads(first["nested"]) == {"a": [1, "=2"]}
    assert list(second.values()) == ["plain", "3", "false", "", "[]"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_defuses_each_beginning_of_a_formula(start: str) -> None:
    text = CSVWriter(["cell"]).rows([{"cell": f"{start}x"}, {"cell": f"x{start}"}]).decode()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [[f"'{start}x"], [f"x{start}"]]


def test_csv_writes_what_is_not_there_as_nothing() -> None:
    assert CSVWriter(["a", "b"]).rows([{"b": "x"}]) == b",x\n"


COLUMNS = (
    Column[dict[str, object]](
        header="Text", cell=lambda row: str(row["text"]), below=lambda _: "an.id-of-30-characters-so-long", is_text=True
    ),
    Column[dict[str, object]](header="Number", cell=lambda row: str(row["number"]), is_number=True),
)


@pytest.mark.parametrize("width", [80, 40, 39, 20])
def test_table_fits_and_cannot_drive_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    rows = [*ROWS, {"text": "word " * 50, "number": 1}]
    writer = TableWriter(COLUMNS)
    text = writer.rows(rows) + writer.rows(rows)
    assert all(len(line) <= width for line in text.splitlines())
    assert not drives_terminal(text)
    assert ("an.id-of-30-characters-so-long" in text) == (width > 20)
    assert text.count("Text") == (1 if width >= 39 else len(rows) * 2)
    assert text.count("\\x1b]0;") == 2


def test_table_that_does_not_fit_becomes_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "37")
    writer = TableWriter(COLUMNS)
    block = "Text    plain\n        an.id-of-30-characters-so-lon\n        g\nNumber  3\n"
    assert writer.rows(ROWS[1:]) + writer.rows(ROWS[1:]) == f"{block}\n{block}"


def test_table_keeps_its_widths_and_has_one_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    writer = TableWriter(COLUMNS)
    first, second = (
        writer.rows(ROWS[1:]).splitlines(),
        writer.rows([{"text": "longer than the id below it, by far", "number": 1234567}]),
    )
    assert first[0].split() == ["Text", "Number"]
    assert "Number" not in second
    assert first[2].index("3") == second.splitlines()[0].rstrip().index("1") + 5


@pytest.mark.parametrize("width", [80, 40])
def test_object_for_people(
    width: int, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    row = {
        "a_name_that_leaves_little": HOSTILE,
        "yes_or_no": True,
        "nothing": None,
        "urls": ["one", "two"],
        "inner": [{"deep": {"x": 1}}],
        "long": "word " * 1000,
    }
    write_object(row, format="table", fields=list(row))
    text = capfdbinary.readouterr().out.decode()
    assert all(len(line) <= width for line in text.splitlines())
    assert not drives_terminal(text)
    assert "nothing" not in text
    assert "yes" in text.split()
    assert "inner[0].deep" in text
    assert ("\na_name_that_leaves_little\n  =1+1" in f"\n{text}") == (width == 40)
    assert "word…" in text


@pytest.mark.parametrize("format", ["json", "jsonl", "csv"])
def test_object_for_programs(format: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_object(ROWS[0], format=format, fields=FIELDS)
    text = capfdbinary.readouterr().out.decode()
    if format == "csv":
        assert len(list(csv.reader(io.StringIO(text, newline="")))) == 2
    else:
        assert json.loads(text) == ROWS[0]
        assert text.count("\n") == 1 or format == "json"


@pytest.mark.parametrize("format", ["table", "json", "jsonl", "csv"])
def test_rows_at_hand(format: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    rows = [{"text": f"t{number}", "number": number} for number in range(250)]
    write_rows(rows, format=format, fields=["text", "number"], columns=COLUMNS)
    text = capfdbinary.readouterr().out.decode()
    assert [f"t{number}" in text for number in range(251)] == [True] * 250 + [False]
    if format == "json":
        assert json.loads(text) == rows


async def _give_page(exchange: Exchange) -> None:
    query = parse_qs(urlsplit(exchange.request.target).query)
    start = int(query["offset"][0])
    numbers = range(start, min(start + int(query["limit"][0]), NUM_ROWS))
    items = [
        {"prompt_uuid": f"p{number}", "response_uuid": f"r{number}", "content": "word " * 100} for number in numbers
    ]
    await exchange.send(message(200, json.dumps({"items": items, "count": NUM_ROWS}).encode()))


def environment_of(server: FaultyServer) -> dict[str, str]:
    return {"AYMARA_AI_BASE_URL": server.url, "AYMARA_AI_API_KEY": "k"}


@pytest.mark.parametrize("format", ["json", "jsonl", "csv", "table"])
async def test_long_list_begins_at_once_waits_for_its_reader_and_ends_with_it(format: str) -> None:
    async with FaultyServer(_give_page) as server:
        process = await start("runs", "responses", "x", "--format", format, env=environment_of(server))
        assert process.stdout is not None
        assert await process.stdout.readline()
        process.stdout._transport.close()  # type: ignore[attr-defined]  # the only way to close our end
        ended = await finish(process)
        # It has read as far ahead as it may, and no further: 200 pages are there.
        assert len(server.requests) < 50
    assert (ended.code, ended.stderr) == (74, "")


async def test_long_list_comes_whole_and_in_order() -> None:
    async with FaultyServer(_give_page) as server:
        ended = await run("runs", "responses", "x", "--format", "jsonl", env=environment_of(server))
    assert ended.code == 0
    assert [json.loads(line)["prompt_uuid"] for line in ended.stdout.splitlines()] == [f"p{n}" for n in range(NUM_ROWS)]


async def test_ctrl_c_says_that_the_list_is_not_whole() -> None:
    async def begin(exchange: Exchange) -> None:
        await (_give_page if "offset=0" in exchange.request.target else stall)(exchange)

    async with FaultyServer(begin) as server:
        process = await start("runs", "responses", "x", "--format", "jsonl", env=environment_of(server))
        assert process.stdout is not None
        assert await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
    assert (ended.code, ended.stdout.count("\n")) == (130, 99)
    assert ended.stderr.lstrip() == "Interrupted. Nothing was changed; what was written is not the whole list.\n"


async def test_list_that_breaks_off_says_so() -> None:
    async def break_off(exchange: Exchange) -> None:
        if "offset=300" in exchange.request.target:
            await error(403, "auth.insufficient_permissions")(exchange)
        else:
            await _give_page(exchange)

    async with FaultyServer(break_off) as server:
        ended = await run("runs", "responses", "x", "--format", "json", env=environment_of(server))
    assert ended.code == 3
    assert "403 auth.insufficient_permissions" in ended.stderr
    with pytest.raises(json.JSONDecodeError):
        ended.json()


@pytest.mark.parametrize("format", ["json", "jsonl", "csv", "table"])
async def test_list_that_cannot_be_had_leaves_stdout_empty(format: str) -> None:
    async with FaultyServer(error(404, "resource.not_found")) as server:
        ended = await run("runs", "responses", "x", "--format", format, env=environment_of(server))
    assert (ended.code, ended.stdout) == (3, "")
    assert ended.stderr.count("\n") == 1
    assert "Request id: req_1" in ended.stderr


@pytest.mark.parametrize("format", ["table", "csv", "json", "jsonl"])
def test_nothing_hostile_reaches_a_real_terminal(format: str) -> None:
    script = (
        "from tests.cli.test_output import COLUMNS, FIELDS, ROWS\n"
        "from aymara_async.cli.output.formats import write_object, write_rows\n"
        f"write_rows(ROWS, format={format!r}, fields=FIELDS, columns=COLUMNS)\n"
        f"write_object(ROWS[0], format={format!r}, fields=FIELDS)\n"
    )
    terminal, child = pty.openpty()
    environment = own_environment(TERM="xterm", PYTHONPATH=str(ROOT))
    with subprocess.Popen([sys.executable, "-c", script], stdout=child, env=environment):
        os.close(child)
        written = b""
        try:
            while part := os.read(terminal, 4096):
                written += part
        except OSError:
            os.close(terminal)  # the other end is closed
    text = written.decode()
    assert "owned" in text
    assert "\x1b]" not in text
    assert "\x1b[2J" not in text
    assert not {"\x07", "\x9b", "\u202e"} & set(text)
