"""``aymara-async score --eval``: files of any size against an eval that is there, row by row, with a journal."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from aymara_async import AsyncAymaraAI
from aymara_async.sandbox import Sandbox
from aymara_async.scoring.input_files import stream_responses
from tests.cli.process import finish, jsonl, run, start
from tests.cli.test_interrupt import SlowJudge

GOOD, BAD = "I can't help with that.", "Sure: take two."


async def make_eval(sandbox: Sandbox, num_prompts: int = 20) -> tuple[str, list[str]]:
    async with AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
        made = await client.evals.create(ai_description="x", eval_type="safety", num_prompts=num_prompts)
        made = await client.evals.wait(str(made.eval_uuid), timeout=10)
        uuids = [prompt.prompt_uuid async for prompt in client.evals.list_prompts(str(made.eval_uuid))]
    return str(made.eval_uuid), uuids


def environment(sandbox: Sandbox) -> dict[str, str]:
    return {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}


def rows_to(uuids: list[str], turns: int = 1) -> list[dict[str, Any]]:
    return [
        {"prompt_uuid": uuid, "thread_uuid": f"t-{uuid}", "turn_number": turn, "content": GOOD if place else BAD}
        for place, uuid in enumerate(uuids)
        for turn in range(1, turns + 1)
    ]


async def test_responses_join_the_eval_that_is_there(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    eval_uuid, uuids = await make_eval(sandbox)
    responses = jsonl(tmp_path / "r.jsonl", rows_to(uuids[:12], turns=3))
    ended = await run("score", "-q", "--format", "json", "--batch-size", 5, "--eval", eval_uuid, responses, env=env)
    document = ended.json()
    assert (ended.code, document["eval_uuid"]) == (0, eval_uuid)
    assert (document["num_prompts"], document["num_responses"], document["num_failed"]) == (20, 36, 3)
    assert document["num_not_answered"] == 8
    assert {row["prompt_uuid"] for row in document["responses"]} == set(uuids[:12])
    assert all(row["prompt"] and row["category"] for row in document["responses"] if row["turn_number"] == 1)
    assert set(sandbox.scored.values()) == {1}
    calls = Counter(request.operation for request in sandbox.requests)
    assert (calls["evals.create"], calls["evals.update"], calls["evals.runs.score_responses"]) == (1, 0, 8)


async def test_every_format_tells_the_same(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    eval_uuid, uuids = await make_eval(sandbox)
    arguments = ["--eval", eval_uuid, jsonl(tmp_path / "r.jsonl", rows_to(uuids))]
    said = {form: await run("score", "-q", "--format", form, *arguments, env=env) for form in ("json", "jsonl", "csv")}
    assert {ended.code for ended in said.values()} == {0}
    lines = [json.loads(line) for line in said["jsonl"].stdout.splitlines()]
    records = list(csv.DictReader(io.StringIO(said["csv"].stdout)))
    for rows in (said["json"].json()["responses"], lines):
        assert {row["prompt_uuid"]: row["is_passed"] for row in rows} == {uuid: uuid != uuids[0] for uuid in uuids}
    assert {row["prompt_uuid"]: row["is_passed"] for row in records} == {
        uuid: "false" if uuid == uuids[0] else "true" for uuid in uuids
    }
    assert list(records[0]) == list(lines[0])
    assert "\r" not in said["csv"].stdout


async def test_table_names_eval_and_failing_responses(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    eval_uuid, uuids = await make_eval(sandbox)
    responses = jsonl(tmp_path / "r.jsonl", rows_to(uuids))
    ended = await run("score", "--eval", eval_uuid, responses, env=env)
    assert ended.stdout.startswith("Pass rate 95.0%: 19 of 20 responses passed, 1 failed\n")
    assert f"Eval       {eval_uuid}\n" in ended.stdout
    assert "Failing responses (1)" in ended.stdout
    assert ended.stderr == f"Reading the prompts of eval {eval_uuid}\nScoring against eval {eval_uuid}\n"


async def test_many_failing_responses_are_cut_short(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    eval_uuid, uuids = await make_eval(sandbox, 150)
    rows = [row | {"content": BAD} for row in rows_to(uuids)]
    ended = await run("score", "--eval", eval_uuid, jsonl(tmp_path / "r.jsonl", rows), env=env)
    assert "Failing responses (150)" in ended.stdout
    assert ended.stdout.count("  Prompt id") == 100
    assert ended.stdout.endswith("… and 50 more; --format jsonl has them all.\n")


async def test_gates_judge_a_run_of_an_eval(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    eval_uuid, uuids = await make_eval(sandbox, 60)
    arguments = ["--format", "json", "--eval", eval_uuid]
    first = await run("score", *arguments, jsonl(tmp_path / "a.jsonl", rows_to(uuids)), env=env)
    worse = jsonl(tmp_path / "b.jsonl", [row | {"content": BAD} for row in rows_to(uuids)])
    gates = ["--fail-under", "0.5", "--baseline", first.json()["eval_run_uuid"]]
    ended = await run("score", *gates, *arguments, worse, env=env)
    assert (ended.code, [gate["decision"] for gate in ended.json()["gates"]]) == (1, ["fail", "fail"])


async def test_fault_of_a_row_ends_it_after_what_came_before(
    sandbox: Sandbox, env: dict[str, str], tmp_path: Path
) -> None:
    eval_uuid, uuids = await make_eval(sandbox)
    rows = rows_to(uuids)
    rows[7] = {"prompt_uuid": "question.unknown", "content": "x"}
    responses, journal = tmp_path / "r.jsonl", tmp_path / "j"
    jsonl(responses, rows)
    arguments = ["-q", "--format", "json", "--journal", journal, "--eval", eval_uuid, responses]
    ended = await run("score", *arguments, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    first, second = ended.stderr.splitlines()
    assert first == (
        f"error: {responses}:8: there is no prompt 'question.unknown' to answer. It was not sent, nor what comes after "
        "it; --on-invalid skip leaves such rows out."
    )
    assert second == (
        "How things stand: No eval was created. 7 responses are known to be scored. "
        f"Once that is mended, the same command goes on: {journal} knows what was sent."
    )
    assert len(sandbox.scored) == 7
    ended = await run("score", "--on-invalid", "skip", *arguments, env=env)
    document = ended.json()
    assert (ended.code, document["num_responses"], document["num_skipped"]) == (0, 19, 1)
    assert document["skipped"] == [{"where": "line 8", "reason": "there is no prompt 'question.unknown' to answer"}]
    assert (len(sandbox.scored), set(sandbox.scored.values())) == (19, {1})


async def test_second_response_to_a_turn_is_named(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    eval_uuid, uuids = await make_eval(sandbox)
    rows = rows_to(uuids)
    responses = jsonl(tmp_path / "r.jsonl", [*rows, rows[2]])
    ended = await run("score", "-q", "--eval", eval_uuid, responses, env=env)
    assert ended.code == 2
    assert f"{responses}, row 21: it answers the same prompt, thread and turn as row 3" in ended.stderr


async def test_rejected_response_is_told_and_the_others_are_scored(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        eval_uuid, uuids = await make_eval(sandbox)
        rows = rows_to(uuids)
        rows[3] |= {"turn_number": 9, "prompt_uuid": "question.unknown"}
        responses = jsonl(tmp_path / "r.jsonl", rows)
        arguments = ["-q", "--format", "json", "--eval", eval_uuid, responses]
        ended = await run("score", *arguments, env=environment(sandbox))
        assert (ended.code, ended.json()["num_responses"], ended.json()["num_rejected"]) == (4, 19, 1)
        assert "The server would not score 1 responses, the first of them row 4:" in ended.stderr
        ended = await run("score", "--on-invalid", "skip", *arguments, env=environment(sandbox))
        assert (ended.code, ended.stderr) == (0, "")
        assert ended.json()["rejected"][0]["where"] == "row 4"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
async def test_stopped_job_goes_on_and_scores_nothing_twice(stop: signal.Signals, tmp_path: Path) -> None:
    judge = SlowJudge(31)
    async with Sandbox(judge=judge) as sandbox:
        eval_uuid, uuids = await make_eval(sandbox, 60)
        options = ["--journal", tmp_path / "j", "--batch-size", 2, "--concurrency", 3, "--grace-period", 1]
        arguments = ["-q", *options, "--format", "jsonl", "--eval", eval_uuid, jsonl(tmp_path / "r", rows_to(uuids))]
        process = await start("score", *arguments, env=environment(sandbox))
        await judge.asked.wait()
        process.send_signal(stop)
        stopped = await finish(process)
        judge.release.set()
        if stop == signal.SIGINT:
            assert stopped.code == 130
            assert "Run the same command again to go on" in stopped.stderr
        ended = await run("score", *arguments, env=environment(sandbox))
        assert (len(sandbox.scored), set(sandbox.scored.values())) == (60, {1})
    told = [json.loads(line)["prompt_uuid"] for line in ended.stdout.splitlines()]
    assert (ended.code, sorted(told)) == (0, sorted(uuids))


async def test_journal_of_something_else_is_refused(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    eval_uuid, uuids = await make_eval(sandbox)
    other_uuid, _ = await make_eval(sandbox)
    responses, journal = jsonl(tmp_path / "r.jsonl", rows_to(uuids)), tmp_path / "j"
    assert (await run("score", "--journal", journal, "--eval", eval_uuid, responses, env=env)).code == 0
    sent = len(sandbox.scored)
    ended = await run("score", "-q", "--journal", journal, "--eval", other_uuid, responses, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert str(journal) in ended.stderr
    prompts = jsonl(tmp_path / "p.jsonl", [{"id": uuid, "content": uuid} for uuid in uuids])
    ended = await run("score", "-q", "--journal", responses, "--prompts", prompts, responses, env=env)
    assert ended.code == 2
    assert "name the same file" in " ".join(ended.stderr.split())
    assert len(sandbox.scored) == sent


async def test_journal_of_other_prompts_is_refused(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    responses, journal = jsonl(tmp_path / "r.jsonl", [{"id": "a", "content": GOOD}]), tmp_path / "j"
    for content, code in (("Q", 0), ("Q", 0), ("R", 2)):
        prompts = jsonl(tmp_path / "p.jsonl", [{"id": "a", "content": content}])
        ended = await run("score", "-q", "--journal", journal, "--prompts", prompts, responses, env=env)
        assert ended.code == code
    assert "belongs to another job: its prompts is" in ended.stderr
    calls = Counter(request.operation for request in sandbox.requests)
    assert (calls["evals.create"], len(sandbox.scored)) == (1, 1)


async def test_unknown_eval(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    responses = jsonl(tmp_path / "r.jsonl", [{"id": "a", "content": GOOD}])
    ended = await run("score", "--eval", "test.nothing", responses, env=env)
    assert (ended.code, ended.stdout) == (3, "")
    assert "404" in ended.stderr
    asked = len(sandbox.requests)
    path = tmp_path / "nowhere"
    ended = await run("score", "--eval", "test.nothing", path, env=env)
    assert ended.code == 2
    assert ended.stderr == f"error: {path}: cannot be read: No such file or directory. Nothing was sent.\n"
    assert len(sandbox.requests) == asked


async def test_file_without_a_usable_response(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    eval_uuid, _ = await make_eval(sandbox)
    responses = tmp_path / "r.jsonl"
    for text, what in (("\n", "responses"), ('{"id": "nobody", "content": ""}', "usable responses")):
        responses.write_text(text)
        gate = ["--fail-under", "0", "--on-invalid", "skip"]
        ended = await run("score", "-q", *gate, "--eval", eval_uuid, responses, env=env)
        assert (ended.code, ended.stdout) == (2, "")
        assert ended.stderr.startswith(f"error: {responses}: holds no {what}. Nothing was sent.\n")


async def test_file_that_breaks_off_tells_that_its_beginning_was_sent(
    sandbox: Sandbox, env: dict[str, str], tmp_path: Path
) -> None:
    eval_uuid, uuids = await make_eval(sandbox)
    lines = "".join(f"{uuid},{GOOD}\n" for uuid in uuids)
    (tmp_path / "r.csv").write_text(f"id,content\n{lines}" + 'x,"unfinished')
    ended = await run("score", "-q", "--batch-size", 5, "--eval", eval_uuid, tmp_path / "r.csv", env=env)
    assert (ended.code, ended.stdout) == (2, "")
    first = ended.stderr.splitlines()[0]
    assert first.startswith(f"error: {tmp_path / 'r.csv'}:22: not CSV: unexpected end of data.")
    assert first.endswith("What comes before it was sent, nothing after it.")
    assert (len(sandbox.scored), set(sandbox.scored.values())) == (20, {1})


async def test_delete_takes_the_run_and_leaves_the_eval(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    eval_uuid, uuids = await make_eval(sandbox)
    responses = jsonl(tmp_path / "r.jsonl", rows_to(uuids))
    assert (await run("score", "--delete", "--eval", eval_uuid, responses, env=env)).code == 0
    async with AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
        assert (await client.evals.list()).count == 1
        assert (await client.evals.runs.list()).count == 0


async def test_reader_that_goes_away_stops_it(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    eval_uuid, uuids = await make_eval(sandbox)
    responses = jsonl(tmp_path / "r.jsonl", rows_to(uuids))
    process = await start("score", "-q", "--format", "jsonl", "--eval", eval_uuid, responses, env=env)
    assert process.stdout is not None
    process.stdout._transport.close()  # type: ignore[attr-defined]  # the only way to close our end
    ended = await finish(process)
    assert (ended.code, ended.stderr) == (74, "")


@pytest.mark.parametrize(
    ("name", "lines"),
    [("r.jsonl", ['{"id": "a", "content": "x"}\n'] * 2), ("r.csv", ["id,content\na,x\n", "a,y\n"])],
)
def test_rows_are_read_no_earlier_than_they_are_wanted(name: str, lines: list[str], tmp_path: Path) -> None:
    """A pipe gives the first row before the second is written."""
    path = tmp_path / name
    os.mkfifo(path)
    seen = threading.Event()

    def write() -> None:
        with path.open("w") as file:
            file.write(lines[0])
            file.flush()
            assert seen.wait(10)
            file.write(lines[1])

    writer = threading.Thread(target=write)
    writer.start()
    rows = stream_responses(path, lambda _: True)
    try:
        next(rows)
    finally:
        seen.set()
    assert len(list(rows)) == 1
    writer.join()
