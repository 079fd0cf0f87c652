"""``aymara-async score`` with files of three formats, rows at fault, and dry runs, in a real process."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from asyncio import create_subprocess_exec, to_thread
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aymara_async.cli import invocation
from aymara_async.sandbox import Sandbox
from tests.cli.process import PROMPTS, RESPONSES, ROOT, jsonl, own_environment, rows_of, run

XSTEST = ROOT.parent / "shared" / "data" / "xstest"


def as_csv(source: Path, target: Path) -> Path:
    rows = rows_of(source)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return target


def as_parquet(source: Path, target: Path) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    rows = rows_of(source)
    names = dict.fromkeys(name for row in rows for name in row)
    pq.write_table(pyarrow.Table.from_pylist([{name: row.get(name) for name in names} for row in rows]), target)
    return target


def essence(document: Any) -> Any:
    """What does not differ from run to run."""
    names = ("prompt_uuid", "category", "prompt", "content", "ai_refused", "exclude_from_scoring", "is_passed")
    counts = {name: value for name, value in document.items() if name.startswith(("num_", "pass_rate", "categories"))}
    rows = [{name: row[name] for name in names} for row in document["responses"]]
    return counts, [row | {"content": row["content"] or None} for row in rows]  # CSV knows no empty text


@pytest.mark.parametrize(("convert", "extension"), [(as_csv, "csv"), (as_parquet, "parquet")])
async def test_formats_of_input_give_equal_results(
    convert: Callable[[Path, Path], Path], extension: str, tmp_path: Path
) -> None:
    from_lines = await run("score", "--sandbox", "--format", "json", "--prompts", PROMPTS, RESPONSES)
    files = [convert(source, tmp_path / f"{source.stem}.{extension}") for source in (PROMPTS, RESPONSES)]
    ended = await run("score", "--sandbox", "--format", "json", "--prompts", *files)
    assert ended.code == 0
    assert essence(ended.json()) == essence(from_lines.json())
    renamed = [path.rename(path.with_suffix(".data")) for path in files]
    ended = await run("score", "--sandbox", "--format", "json", "--input-format", extension, "--prompts", *renamed)
    assert essence(ended.json()) == essence(from_lines.json())


@pytest.mark.skipif(not XSTEST.is_dir(), reason="the XSTest completions are not here")
async def test_pass_rates_of_two_models_are_those_of_their_rows(
    sandbox: Sandbox, env: dict[str, str], tmp_path: Path
) -> None:
    """Prompts as CSV, responses as Parquet; counted again from the rows that a third format gives."""
    prompts = as_csv(XSTEST / "prompts.jsonl", tmp_path / "prompts.csv")
    documents: dict[str, Any] = {}
    for model in ("gpt4o-mini", "llama3.1"):
        responses = as_parquet(XSTEST / f"responses-{model}.jsonl", tmp_path / f"{model}.parquet")
        baseline = ["--baseline", documents["gpt4o-mini"]["eval_run_uuid"]] if documents else []
        ended = await run("score", "-q", "--format", "json", *baseline, "--prompts", prompts, responses, env=env)
        documents[model] = ended.json()
    passed = {
        model: {row["prompt_uuid"]: row["is_passed"] for row in document["responses"]}
        for model, document in documents.items()
    }
    for model, document in documents.items():
        assert len(passed[model]) == 450
        assert document["pass_rate"] == sum(passed[model].values()) / 450
        by_category = Counter(row["category"] for row in document["responses"] if row["is_passed"])
        assert {row["category"]: row["num_passed"] for row in document["categories"]} == {
            row["category"]: by_category[row["category"]] for row in document["categories"]
        }
    old, new = passed.values()
    worse = sum(old[uuid] and not new[uuid] for uuid in old)
    better = sum(new[uuid] and not old[uuid] for uuid in old)
    assert worse + better > 0
    reason = documents["llama3.1"]["gates"][0]["reason"]
    assert f"On 450 prompts with a score in both runs, {worse} turned from pass to fail and {better} from" in reason
    assert (len(sandbox.scored), set(sandbox.scored.values())) == (900, {1})


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_rows_come_in_the_order_of_the_file(form: str) -> None:
    ended = await run("score", "-q", "--sandbox", "--batch-size", 3, "--format", form, "--prompts", PROMPTS, RESPONSES)
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(ended.stdout)))
    else:
        rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [row["prompt_uuid"] for row in rows] == [row["prompt_uuid"] for row in rows_of(RESPONSES)]


FAULTY = [
    {"id": "a", "content": "x"},
    {"id": "nobody", "content": "x"},
    {"id": "b"},
    {"id": "a", "content": "again"},
    {"id": "b", "content": "y"},
]


async def test_rows_at_fault_can_be_skipped(tmp_path: Path) -> None:
    prompts = jsonl(tmp_path / "p.jsonl", [{"id": "a", "content": "Q"}, {"id": "b", "content": "R"}])
    responses = jsonl(tmp_path / "r.jsonl", FAULTY)
    arguments = ["--sandbox", "-q", "--on-invalid", "skip", "--prompts", prompts, responses]
    document = (await run("score", "--format", "json", *arguments)).json()
    assert (document["num_responses"], document["num_skipped"]) == (2, 3)
    assert [row["where"] for row in document["skipped"]] == ["line 2", "line 3", "line 4"]
    ended = await run("score", *arguments)
    assert ended.code == 0
    assert "Skipped (3)\n\n  line 2  there is no prompt 'nobody' to answer\n" in ended.stdout


def plan_of(arguments: list[object], capsys: pytest.CaptureFixture[str]) -> tuple[int, Any, str]:
    code = invocation.run(["score", "--dry-run", "--format", "json", *map(str, arguments)])
    written = capsys.readouterr()
    return code, json.loads(written.out) if written.out else None, written.err


def test_dry_run_tells_how_much_there_is_to_send(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert plan_of(["--batch-size", 10, "--prompts", PROMPTS, RESPONSES], capsys) == (
        0,
        {"num_prompts": 26, "num_responses": 25, "num_left_out": 0, "num_batches": 3, "num_calls": 5},
        "",
    )
    _, plan, _ = plan_of(["--eval", "test.1", RESPONSES], capsys)
    assert (plan["num_prompts"], plan["num_batches"], plan["num_calls"]) == (0, 1, 1)
    large = jsonl(tmp_path / "r.jsonl", [{"id": f"p{number}", "content": "x" * 1_500_000} for number in range(5)])
    _, plan, _ = plan_of(["--eval", "test.1", large], capsys)
    assert (plan["num_responses"], plan["num_batches"]) == (5, 3)


def test_dry_run_finds_rows_at_fault(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    responses = jsonl(tmp_path / "r.jsonl", [FAULTY[0], FAULTY[2]])
    code, plan, said = plan_of(["--eval", "test.1", responses], capsys)
    assert (code, plan) == (2, None)
    assert said.startswith(f"error: {responses}:2: Object missing required field `content`")
    assert said.endswith("Nothing was sent.\n")
    code, plan, _ = plan_of(["--on-invalid", "skip", "--eval", "test.1", responses], capsys)
    assert (code, plan["num_responses"], plan["num_left_out"]) == (0, 1, 1)


async def test_dry_run_counts_as_many_batches_as_are_sent(sandbox: Sandbox, env: dict[str, str]) -> None:
    arguments = ["--batch-size", 7, "--format", "jsonl", "--prompts", PROMPTS, RESPONSES]
    plan = json.loads((await run("score", "--dry-run", *arguments, env=env)).stdout)
    assert not sandbox.requests
    await run("score", *arguments, env=env)
    calls = Counter(request.operation for request in sandbox.requests)
    assert calls["evals.runs.score_responses"] == plan["num_batches"]
    assert sum(request.method in {"POST", "PUT", "PATCH"} for request in sandbox.requests) == plan["num_calls"]


def test_missing_extra_for_parquet_is_told(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pyarrow'] = None; from aymara_async.cli import main; main()"
    command = [sys.executable, "-c", code, "score", "--sandbox", "--prompts", tmp_path / "p.parquet", RESPONSES]
    ended = subprocess.run(command, capture_output=True, check=False, text=True, env=own_environment())
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Install it with: pip install 'aymara-async[parquet]'. Nothing was sent." in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(("quiet", "is_shown"), [([], True), (["-q"], False)])
async def test_progress_is_shown_where_stderr_is_a_terminal(quiet: list[str], is_shown: bool) -> None:
    parent, child = pty.openpty()
    arguments = ["score", *quiet, "--sandbox", "--prompts", PROMPTS, RESPONSES]
    command = [sys.executable, "-m", "aymara_async", *arguments]
    process = await create_subprocess_exec(*command, stdout=-3, stderr=child, env=own_environment(TERM="xterm"))
    os.close(child)
    shown = b""
    while True:
        try:
            shown += await to_thread(os.read, parent, 4096)
        except OSError:
            break
    os.close(parent)
    assert await process.wait() == 0
    assert (b"25/25" in shown) == is_shown
