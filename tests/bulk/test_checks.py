"""What is refused before it is sent."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from aymara_async import RequestValidationError
from aymara_async.bulk.errors import InvalidResponseError

BAD: dict[str, tuple[Any, str]] = {
    "no prompt_uuid": ({"content": "x"}, "prompt_uuid"),
    "empty prompt_uuid": ({"prompt_uuid": "", "content": "x"}, "prompt_uuid is empty"),
    "blank prompt_uuid": ({"prompt_uuid": " ", "content": "x"}, "prompt_uuid is empty"),
    "null prompt_uuid": ({"prompt_uuid": None, "content": "x"}, "prompt_uuid"),
    "unknown field": ({"prompt_uuid": "p", "contents": "x"}, "contents"),
    "wrong type": ({"prompt_uuid": "p", "content": 7}, "content"),
    "lone surrogate": ({"prompt_uuid": "p", "content": "x\ud800"}, "surrogate"),
    "NUL": ({"prompt_uuid": "p", "content": "x\0"}, "NUL"),
    "NUL in the prompt": ({"prompt_uuid": "p\0", "content": "x"}, "NUL"),
    "turn 0": ({"prompt_uuid": "p", "content": "x", "turn_number": 0}, "turn_number"),
    "too large": ({"prompt_uuid": "p", "content": "x" * 5000}, "bytes"),
    "no mapping": ("p", "mapping"),
    "none": (None, "mapping"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_row_is_named_or_skipped(bench: Any, name: str) -> None:
    b = await bench(4)
    row, reason = BAD[name]
    rows = [*b.rows[:2], row, *b.rows[2:]]
    with pytest.raises(InvalidResponseError, match="Row 3 ") as caught:
        await b.scorer(max_batch_bytes=4000).run(rows)
    assert caught.value.row == 3
    assert reason in caught.value.reason
    assert not caught.value.is_changed
    assert 'pass on_invalid="skip"' in str(caught.value)
    assert len(b.scored()) == 2  # what came before it
    result = await b.scorer(max_batch_bytes=4000, on_invalid="skip").run(rows)
    assert [(skipped.row, reason in skipped.reason) for skipped in result.skipped] == [(3, True)]
    assert (result.submitted, result.scored) == (4, 4)


async def test_backslashes_before_u0000_are_no_nul(bench: Any) -> None:
    b = await bench(1)
    result = await b.scorer().run([{"prompt_uuid": b.prompts[0], "content": r"C:\u0000 \\u0000"}])
    assert result.scored == 1


@pytest.mark.parametrize("batch_size", [2, 50])
async def test_duplicates_are_found_however_far_apart(bench: Any, batch_size: int) -> None:
    b = await bench(10)
    rows = [*b.rows, {"prompt_uuid": b.prompts[1], "content": "another answer"}, {**b.rows[3], "turn_number": 1}]
    with pytest.raises(InvalidResponseError, match="as row 2") as caught:
        await b.scorer(batch_size=batch_size).run(rows)
    assert caught.value.row == 11
    result = await b.scorer(batch_size=batch_size, on_invalid="skip").run(rows)
    assert [skipped.row for skipped in result.skipped] == [11, 12]
    assert "row 4" in result.skipped[1].reason
    assert result.scored == 10


async def test_unknown_prompts_are_found_when_asked(bench: Any) -> None:
    b = await bench(120)
    rows = [*b.rows, {"prompt_uuid": "question.other", "content": "x"}]
    with pytest.raises(InvalidResponseError, match=r"question\.other is not one of the eval"):
        await b.scorer(check_prompts=True).run(rows)
    result = await b.scorer(check_prompts=True, on_invalid="skip").run(rows)
    assert (result.scored, [skipped.prompt_uuid for skipped in result.skipped]) == (120, ["question.other"])


async def test_the_error_pickles(bench: Any) -> None:
    b = await bench(0)
    with pytest.raises(InvalidResponseError) as caught:
        await b.scorer().run([{"prompt_uuid": ""}])
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.row, again.reason, str(again)) == (1, caught.value.reason, str(caught.value))


@pytest.mark.parametrize("run_per_batch", [False, True])
@pytest.mark.parametrize("bad", [[0], [49], [0, 1], [3, 17, 44], list(range(10, 20))])
async def test_a_rejected_batch_is_split_until_the_bad_ones_are_found(
    bench: Any, bad: list[int], run_per_batch: bool
) -> None:
    b = await bench(50)
    rows = b.rows
    for number in bad:
        rows[number] = {"prompt_uuid": f"question.unknown{number}", "content": "x"}
    result = await b.scorer(run_per_batch=run_per_batch).run(rows)
    assert sorted(failed.row for failed in result.failed) == [number + 1 for number in bad]
    assert all("not in this eval" in failed.reason for failed in result.failed)
    assert (result.submitted, result.scored) == (50, 50 - len(bad))
    assert set(b.scored().values()) == {1}
    assert len(b.scored()) == 50 - len(bad)


async def test_a_job_whose_every_response_is_rejected_ends_soon(bench: Any) -> None:
    b = await bench(0)
    rows = [{"prompt_uuid": f"question.unknown{number}", "content": "x"} for number in range(500)]
    with pytest.raises(Exception, match="not in this eval"):
        await b.scorer().run(rows)
    assert len(b.sent()) < 100


async def test_a_file_that_is_no_json_lines_does_not_pass_in_silence(bench: Any, tmp_path: Path) -> None:
    b = await bench(1)
    file = tmp_path / "r.csv"
    file.write_text(f"prompt_uuid,content\n{b.prompts[0]},x\n")
    with pytest.raises(InvalidResponseError, match=r"Row 1 .*r\.csv is no JSON object.*JSON Lines here.*reads CSV"):
        await b.scorer().run(file)
    with pytest.raises(RequestValidationError, match=r"No line of .*r\.csv is a JSON object.*reads CSV"):
        await b.scorer(on_invalid="skip").run(file)
    assert not b.sent()
