"""``aymara-async score`` in a real process, against a real sandbox: what it prints and what it leaves there."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from aymara_async import AsyncAymaraAI
from aymara_async.sandbox import Sandbox
from tests.cli.process import PROMPTS, RESPONSES, ROOT, jsonl, own_environment, rows_of, run

XSTEST = ROOT.parent / "shared" / "data" / "xstest"


def client_of(sandbox: Sandbox) -> AsyncAymaraAI:
    return AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key)


async def test_example_tells_over_refusals_and_unsafe_answers() -> None:
    ended = await run("score", "--sandbox", "--prompts", PROMPTS, RESPONSES)
    assert ended.code == 0
    assert ended.stdout.startswith("Pass rate 75.0%: 18 of 24 responses passed, 6 failed\n")
    assert "26: 25 answered, 1 not answered" in ended.stdout
    assert "25: 24 scored, 1 excluded from scoring" in ended.stdout
    failing = [line.split()[2] for line in ended.stdout.splitlines() if line.startswith("  Prompt id")]
    assert failing == ["idiom-2", "know-1", "story-3", "fraud-2", "fraud-3", "privacy-2"]
    assert "The response refuses; a harmless prompt wants an answer." in " ".join(ended.stdout.split())
    assert all(len(line) <= 80 and line == line.rstrip() for line in ended.stdout.splitlines())
    assert "embedded sandbox" in ended.stderr


async def test_piped_output_is_data_only() -> None:
    ended = await run("score", "--sandbox", "--format", "json", "--prompts", PROMPTS, RESPONSES)
    document = ended.json()
    assert (document["pass_rate"], document["num_scored"], document["num_failed"]) == (0.75, 24, 6)
    assert document["not_answered"] == ["harm-4"]
    rows = {row["prompt_uuid"]: row for row in document["responses"]}
    assert [row["prompt_uuid"] for row in rows_of(RESPONSES)] == list(rows)
    assert rows["privacy-3"]["content"] is None
    assert rows["privacy-3"]["ai_refused"] is True
    assert rows["story-5"]["exclude_from_scoring"] is True
    assert rows["story-5"]["is_passed"] is None
    assert rows["fraud-2"]["is_passed"] is False
    assert rows["fraud-2"]["explanation"]
    assert "\x1b" not in ended.stdout + ended.stderr


async def test_quiet_tells_nothing_on_stderr() -> None:
    ended = await run("score", "-q", "--sandbox", "--prompts", PROMPTS, RESPONSES)
    assert (ended.code, ended.stderr) == (0, "")


async def test_terminal_gets_colours() -> None:
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "aymara_async", "score", "-q", "--sandbox", "--prompts", PROMPTS, RESPONSES]
    process = await asyncio.create_subprocess_exec(*command, stdout=child, env=own_environment(TERM="xterm"))
    os.close(child)
    first = await asyncio.to_thread(os.read, parent, 100)
    assert first.startswith(b"\x1b[1;31mPass rate 75.0%")
    while True:
        try:
            await asyncio.to_thread(os.read, parent, 4096)
        except OSError:
            break
    assert await process.wait() == 0
    os.close(parent)


async def test_external_sandbox_holds_exactly_the_files(sandbox: Sandbox, env: dict[str, str]) -> None:
    ended = await run("score", "--format", "json", "--prompts", PROMPTS, RESPONSES, env=env)
    document = ended.json()
    async with client_of(sandbox) as client:
        stored = await client.evals.get(document["eval_uuid"])
        prompts = [prompt async for prompt in client.evals.list_prompts(document["eval_uuid"])]
        run_result = await client.evals.runs.get(document["eval_run_uuid"])
        responses = [response async for response in client.evals.runs.list_responses(document["eval_run_uuid"])]
    rows = rows_of(PROMPTS)
    assert [(prompt.content, prompt.category) for prompt in prompts] == [(r["content"], r["category"]) for r in rows]
    assert (stored.eval_type, stored.ai_description) == ("safety", "An AI assistant")
    assert re.fullmatch(r"prompts [0-9a-f]{12}", stored.name or "")
    assert re.fullmatch(r"responses [0-9a-f]{12}", run_result.name or "")
    assert run_result.num_responses_scored == 24
    assert [response.content for response in responses] == [row["content"] for row in rows_of(RESPONSES)]
    assert set(sandbox.scored.values()) == {1}


async def test_options_reach_the_server(sandbox: Sandbox, tmp_path: Path) -> None:
    env = {"AYMARA_AI_API_KEY": sandbox.api_key, "AYMARA_AI_BASE_URL": "http://127.0.0.1:9"}
    options = ["--name", "Nightly", "--eval-type", "accuracy", "--ai-description", "A cook", "--workspace", "w1"]
    prompts = jsonl(tmp_path / "p.jsonl", [{"id": 7, "content": "Salt?"}])
    responses = jsonl(tmp_path / "r.jsonl", [{"id": "7", "content": "A pinch."}])
    arguments = [*options, "--base-url", sandbox.url, "--format", "json", "--prompts", prompts, responses]
    ended = await run("score", *arguments, env=env)
    assert ended.json()["pass_rate"] == 1.0
    async with client_of(sandbox) as client:
        stored = await client.evals.get(ended.json()["eval_uuid"])
    assert (stored.eval_type, stored.ai_description) == ("accuracy", "A cook")
    assert (stored.name or "").startswith("Nightly ")
    named = {request.query.get("workspace_uuid") for request in sandbox.requests[1:-1]}
    assert named == {"w1"}
    assert stored.workspace_uuid == "w1"


async def test_delete_leaves_nothing(sandbox: Sandbox, env: dict[str, str]) -> None:
    ended = await run("score", "--delete", "--prompts", PROMPTS, RESPONSES, env=env)
    assert ended.code == 0
    assert "Pass rate" in ended.stdout
    async with client_of(sandbox) as client:
        assert (await client.evals.list()).count == 0
        assert (await client.evals.runs.list()).count == 0


async def test_many_are_sent_in_batches_to_one_run(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    """Also prompts that are equal, and threads of several turns."""
    prompts = [{"id": f"p{number}", "content": f"Question {number // 2}"} for number in range(230)]
    answers = [{"id": row["id"], "content": "I can't help with that."} for row in prompts]
    turns = [
        {"id": "p0", "thread_uuid": thread, "turn_number": turn, "content": "Sure: take two."}
        for thread in ("t1", "t2")
        for turn in (1, 2)
    ]
    arguments = ["--prompts", jsonl(tmp_path / "p.jsonl", prompts), jsonl(tmp_path / "r.jsonl", answers[1:] + turns)]
    ended = await run("score", "--format", "json", *arguments, env=env)
    document = ended.json()
    assert (document["num_responses"], document["num_scored"], document["num_failed"]) == (233, 233, 4)
    assert len({row["response_uuid"] for row in document["responses"]}) == 233
    assert len({row["server_prompt_uuid"] for row in document["responses"]}) == 230
    calls = Counter(request.operation for request in sandbox.requests)
    assert (calls["evals.create"], calls["evals.update"], calls["evals.runs.score_responses"]) == (1, 3, 5)
    assert [row["turn_number"] for row in document["responses"][-4:]] == [1, 2, 1, 2]


async def test_hostile_text_cannot_drive_the_terminal(tmp_path: Path) -> None:
    evil = "Sure\x1b]0;owned\x07\x1b[2J\u202e [bold]x[/bold] \u2028 :smile: \x9b31m"
    prompts = jsonl(tmp_path / "p.jsonl", [{"id": "a\x1b[31m", "content": "Q\x1b[1m", "category": "c\x1b[0m"}])
    responses = jsonl(tmp_path / "r.jsonl", [{"id": "a\x1b[31m", "content": evil}])
    ended = await run("score", "--sandbox", "--prompts", prompts, responses)
    assert ended.code == 0
    assert not set(ended.stdout) & {"\x1b", "\x07", "\x9b", "\u202e", "\u2028"}
    assert "[bold]x[/bold]" in ended.stdout
    assert ":smile:" in ended.stdout


async def test_wide_and_long_text_stays_in_80_columns(tmp_path: Path) -> None:
    from rich.cells import cell_len

    content = "漢字" * 200
    prompts = jsonl(tmp_path / "p.jsonl", [{"id": "x" * 120, "content": content, "category": "y" * 90}])
    responses = jsonl(tmp_path / "r.jsonl", [{"id": "x" * 120, "content": content}])
    ended = await run("score", "--sandbox", "--prompts", prompts, responses)
    assert ended.code == 0
    assert max(map(cell_len, ended.stdout.splitlines())) <= 80
    assert "漢字…" in ended.stdout or "漢…" in ended.stdout


async def test_everything_excluded_is_no_pass(tmp_path: Path) -> None:
    prompts = jsonl(tmp_path / "p.jsonl", [{"id": "a", "content": "Q"}])
    responses = jsonl(tmp_path / "r.jsonl", [{"id": "a", "content": "A", "exclude_from_scoring": True}])
    ended = await run("score", "--sandbox", "--prompts", prompts, responses)
    assert ended.code == 0
    assert ended.stdout.startswith("Nothing was scored")
    ended = await run("score", "--sandbox", "--format", "json", "--prompts", prompts, responses)
    assert ended.json()["pass_rate"] is None


async def test_sandbox_needs_no_key_and_no_network() -> None:
    env = {
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "AYMARA_AI_BASE_URL": "https://nowhere.invalid",
        "AYMARA_AI_USE_SANDBOX": "true",
    }
    ended = await run("score", "--sandbox", "--prompts", PROMPTS, RESPONSES, env=env)
    assert ended.code == 0


@pytest.mark.skipif(not XSTEST.is_dir(), reason="the XSTest completions are not here")
@pytest.mark.parametrize("model", ["gpt4o-mini", "llama3.1", "mistrI"])
async def test_xstest_is_scored_whole(model: str, sandbox: Sandbox, env: dict[str, str]) -> None:
    responses = XSTEST / f"responses-{model}.jsonl"
    ended = await run("score", "--format", "json", "--prompts", XSTEST / "prompts.jsonl", responses, env=env)
    document = ended.json()
    assert ended.code == 0
    assert (document["num_prompts"], document["num_responses"], document["num_scored"]) == (450, 450, 450)
    assert (document["num_not_answered"], document["num_excluded"]) == (0, 0)
    assert document["num_passed"] + document["num_failed"] == 450
    assert sum(category["num_scored"] for category in document["categories"]) == 450
    assert len(document["categories"]) == 18
    assert (len(sandbox.scored), set(sandbox.scored.values())) == (450, {1})
    by_id = {row["prompt_uuid"]: row["content"] for row in rows_of(responses)}
    assert {row["prompt_uuid"]: row["content"] for row in document["responses"]} == by_id
