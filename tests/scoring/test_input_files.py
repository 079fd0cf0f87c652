"""Reading prompts and responses: what they may hold, and which faults are named by file and line."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from aymara_async.errors import AymaraAIError
from aymara_async.scoring.errors import InputFileError
from aymara_async.scoring.input_files import read_prompts, read_responses
from aymara_async.scoring.rows import PromptRow, ResponseRow

KNOWN = {"a", "7"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


def test_prompts_in_the_order_of_the_file(path: Path) -> None:
    path.write_bytes(
        b'\xef\xbb\xbf{"prompt_uuid": "a", "id": "ignored", "content": "\xc3\xa4", "category": "c", "safe": true}\r\n'
        b'\n  \n{"id": 7, "content": " R ", "safe": "no", "human_label": {"x": [1]}, "category": null}'
    )
    assert read_prompts(path) == [
        PromptRow(prompt_uuid="a", content="ä", category="c", is_harmless=True),
        PromptRow(prompt_uuid="7", content=" R "),
    ]


def test_responses_with_and_without_options(path: Path) -> None:
    path.write_text(
        '{"prompt_uuid": "a", "content": null}\n'
        '{"prompt_uuid": "a", "content": null, "ai_refused": false, "turn_number": 2}\n'
        '{"prompt_uuid": "a", "content": "", "thread_uuid": "t", "ai_refused": true, "exclude_from_scoring": true}\n'
        '{"id": 7, "content": "x", "thread_uuid": null, "human_label": "full"}\n'
    )
    assert read_responses(path, KNOWN) == [
        ResponseRow(prompt_uuid="a", content=None, ai_refused=True),
        ResponseRow(prompt_uuid="a", content=None, turn_number=2),
        ResponseRow(prompt_uuid="a", content="", thread_uuid="t", ai_refused=True, exclude_from_scoring=True),
        ResponseRow(prompt_uuid="7", content="x"),
    ]


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (b"", None, "holds no prompts"),
        (b"\n \n", None, "holds no prompts"),
        (b'{"id": "a", "content": "Q"}\n{"id": "b"', 2, "not JSON: "),
        (b"hello", 1, "not JSON: "),
        (b'{"id": "a", "content": "\\ud800"}', 1, "not JSON: "),
        (
            b'{"id": "a", "content": "Q", "x": ' + b"[" * 100_000,
            1,
            "not JSON that can be read: it is nested too deeply",
        ),
        (b'{"id": "a", "content": "Q"}{"id": "b", "content": "Q"}', 1, "not JSON: "),
        (b'["a"]', 1, "a JSON array begins here"),
        (b'\n{"id": "a", "content": "\xff"}', 2, "not UTF-8: byte 25 of the line is 0xff"),
        ('{"id": "a", "content": "Q"}'.encode("utf-16"), 1, "the file is UTF-16, not UTF-8. Save it as UTF-8"),
        (b'[{"id": "a", "content": "Q"}]', 1, "a JSON array begins here, but each line must hold one JSON object"),
        (b'[\n{"id": "a", "content": "Q"}\n]', 1, "a JSON array begins here"),
        (b'{"content": "Q"}', 1, "Object missing required field `prompt_uuid` (or `id`)"),
        (b'{"id": "", "content": "Q"}', 1, "Object missing required field `prompt_uuid` (or `id`)"),
        (b'{"id": "a"}', 1, "Object missing required field `content`"),
        (b'{"id": "a", "content": null}', 1, "Expected `str`, got `null` at $.content"),
        (b'{"id": "a", "content": " \\n"}', 1, "the content of prompt 'a' is blank"),
        (b'{"id": 1.5, "content": "Q"}', 1, "Expected `int | str | null`, got `float` at $.id"),
        (b'{"id": true, "content": "Q"}', 1, "Expected `int | str | null`, got `bool` at $.id"),
        (b'{"id": "a", "content": "Q", "category": 3}', 1, "Expected `str | null`, got `int` at $.category"),
        (
            b'{"id": 7, "content": "Q"}\n\n{"prompt_uuid": "7", "content": "R"}',
            3,
            "a second prompt '7'; the first is on line 1",
        ),
    ],
)
def test_fault_of_a_prompts_file_is_named(path: Path, data: bytes, line: int | None, reason: str) -> None:
    path.write_bytes(data)
    with pytest.raises(InputFileError) as caught:
        read_prompts(path)
    where = path if line is None else f"{path}:{line}"
    assert caught.value.message.startswith(f"{where}: {reason}")
    assert caught.value.message.endswith("Nothing was sent.")
    assert (caught.value.path, caught.value.line) == (path, line)


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        ('{"id": "a", "content": "x"}\n{"id": "nobody", "content": "x"}', 2, "there is no prompt 'nobody' to answer"),
        ("\n", None, "holds no responses"),
        ('{"id": "a"}', 1, "Object missing required field `content`"),
        ('{"content": "x"}', 1, "Object missing required field `prompt_uuid` (or `id`)"),
        ('{"id": "a", "content": {"file_uuid": "f"}}', 1, "Expected `str | null`, got `object` at $.content"),
        ('{"id": "a", "content": "x", "turn_number": 0}', 1, "Expected `int` >= 1 at $.turn_number"),
        ('{"id": "a", "content": "x", "ai_refused": "yes"}', 1, "Expected `bool | null`, got `str` at $.ai_refused"),
        ('{"id": "a", "content": "x"}\n' * 2, 2, "a second response to prompt a; the first is on line 1"),
        (
            '{"id": "a", "content": "x", "thread_uuid": "t", "turn_number": 2}\n' * 2,
            2,
            "a second response to prompt a (thread t, turn 2); the first is on line 1",
        ),
    ],
)
def test_fault_of_a_responses_file_is_named(path: Path, data: str, line: int | None, reason: str) -> None:
    path.write_text(data)
    with pytest.raises(InputFileError) as caught:
        read_responses(path, KNOWN)
    where = path if line is None else f"{path}:{line}"
    assert caught.value.message.startswith(f"{where}: {reason}")
    assert caught.value.line == line


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"nowhere: cannot be read: No such file or directory. Nothing was sent."):
        read_prompts(tmp_path / "nowhere")
    with pytest.raises(InputFileError, match="cannot be read: Is a directory"):
        read_prompts(tmp_path)


def test_error_can_be_pickled(path: Path) -> None:
    error = pickle.loads(pickle.dumps(InputFileError("bad", path=path, line=3)))
    assert isinstance(error, InputFileError)
    assert isinstance(error, AymaraAIError)
    assert (str(error), error.line) == (f"{path}:3: bad. Nothing was sent.", 3)


@pytest.mark.parametrize("content", ["a\\u0000", "x" * 4_000_000], ids=["NUL", "too long"])
def test_what_cannot_be_scored_is_named_by_the_line_of_the_file(path: Path, content: str) -> None:
    path.write_text(f'\n\n{{"id": "a", "content": "Sure"}}\n\n{{"id": 7, "content": "{content}"}}\n')
    with pytest.raises(InputFileError, match=r"rows\.jsonl:5: .*(holds a NUL character|more than)"):
        read_responses(path, KNOWN)
    told: list[InputFileError] = []
    assert [row.prompt_uuid for row in read_responses(path, KNOWN, on_fault=told.append)] == ["a"]
    assert len(told) == 1


def test_a_backslash_before_u0000_is_no_nul(path: Path) -> None:
    path.write_text('{"id": "a", "content": "\\\\u0000"}\n')
    assert read_responses(path, KNOWN)[0].content == "\\u0000"


def test_a_prompt_with_nul_is_named(path: Path) -> None:
    path.write_text('{"id": "a", "content": "What is\\u0000?"}\n')
    with pytest.raises(InputFileError, match=r"rows\.jsonl:1: the content of prompt 'a' holds a NUL character"):
        read_prompts(path)
