"""``aymara-async run`` in a real process, against a real sandbox: what it prints and what it leaves there."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import pty
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from rich.cells import cell_len

from aymara_async.sandbox import Sandbox
from tests.cli import models
from tests.cli.model_folder import folder
from tests.cli.process import jsonl, own_environment, run
from tests.cli.scored_runs import client_of, make_eval, make_run
from tests.cli.tampering import tampering

__all__ = ["folder"]

NEW = ["--ai-description", "A shop assistant", "--eval-type", "safety"]
REFUSE = ["--model", "models:refuse"]


async def make(sandbox: Sandbox, *contents: str) -> str:
    async with client_of(sandbox) as client:
        eval_uuid, _ = await make_eval(client, contents, categories=["theft", "fraud"])
    return eval_uuid


async def test_table_tells_what_failed(sandbox: Sandbox, env: dict[str, str]) -> None:
    eval_uuid = await make(sandbox, "Q1", "answer me, Q2", "silence", "Q4")
    ended = await run("run", "--model", "models:mixed", "--eval", eval_uuid, env=env)
    assert ended.code == 0
    lines = ended.stdout.splitlines()
    text = " ".join(ended.stdout.split())
    assert lines[0] == "Pass rate 75.0%: 3 of 4 responses passed, 1 failed"
    assert "Prompts 4: 4 answered, 0 not answered Responses 4: 4 scored, 0 excluded from scoring Time " in text
    assert f"Eval {eval_uuid} Run score_run." in text
    assert ["theft", "2", "0", "100%"] in [line.split() for line in lines]
    assert ["fraud", "1", "1", "50.0%"] in [line.split() for line in lines]
    assert "Failing responses (1)" in lines
    assert "[fraud] Prompt answer me, Q2 Answer Sure: take two of these, and wait. Why Judged by" in text
    assert all(len(line) <= 80 and line == line.rstrip() for line in lines)
    told = ended.stderr.splitlines()
    assert told[0] == f"Putting the prompts of eval {eval_uuid} to models:mixed"
    assert told[1:] == ["the model prints"] * 4
    assert (set(sandbox.scored.values()), len(sandbox.scored)) == ({1}, 4)
    async with client_of(sandbox) as client:
        (made,) = [one async for one in client.evals.runs.list()]
    assert str(made.name).startswith("models:mixed")


async def test_formats_for_programs(sandbox: Sandbox, env: dict[str, str]) -> None:
    eval_uuid = await make(sandbox, "Q1", "answer me", "fail")
    options = ["-q", "--eval", eval_uuid, "--retries", "0", "--on-error", "exclude"]
    ended = await run("run", "--model", "models:moody", *options, "--format", "json", env=env)
    document = ended.json()
    assert (document["pass_rate"], document["num_scored"], document["num_passed"]) == (1.0, 2, 2)
    assert (document["num_prompts"], document["num_responses"], document["num_excluded"]) == (3, 3, 1)
    assert (document["num_model_errors"], document["num_rejected"], document["gates"]) == (1, 0, [])
    assert [one["category"] for one in document["categories"]] == ["theft", "fraud"]
    rows = {row["prompt"]: row for row in document["responses"]}
    assert list(rows) == ["Q1", "answer me", "fail"]
    assert (rows["Q1"]["is_passed"], rows["Q1"]["content"], rows["Q1"]["error"]) == (True, models.REFUSAL, None)
    assert (rows["fail"]["is_passed"], rows["fail"]["exclude_from_scoring"]) == (None, True)
    assert rows["fail"]["error"] == "ValueError: not in the \x1b[31mmood"
    assert rows["Q1"]["seconds"] >= 0
    assert rows["Q1"]["response_uuid"].startswith("answer.")
    ended = await run("run", *REFUSE, *options, "--format", "jsonl", env=env)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line.keys() for line in lines] == [row.keys() for row in rows.values()]
    ended = await run("run", "--model", "models:mixed", *options, "--format", "csv", env=env)
    table = list(csv.DictReader(io.StringIO(ended.stdout)))
    assert [row["is_passed"] for row in table] == ["true", "false", "true"]
    assert list(table[0]) == list(rows["Q1"])


async def test_fields_of_a_new_eval_reach_the_server(sandbox: Sandbox, env: dict[str, str], folder: Path) -> None:
    (folder / "system.txt").write_text("Be brief.", encoding="utf-8")
    options = ["--num-prompts", "3", "--jailbreak", "--language", "de", "--name", "Nightly", "--run-name", "My run"]
    more = ["--ai-instructions", "@system.txt", "--eval-instructions", "Be strict", "--use-sandbox", "--workspace", "w"]
    ended = await run("run", *REFUSE, *NEW, *options, *more, "--format", "json", env=env)
    assert ended.code == 0
    async with client_of(sandbox, workspace_uuid="w") as client:
        made = await client.evals.get(ended.json()["eval_uuid"])
        scored = await client.evals.runs.get(ended.json()["eval_run_uuid"])
    assert str(made.name).startswith("Nightly ")
    assert (made.ai_description, made.eval_type) == ("A shop assistant", "safety")
    assert (made.is_jailbreak, made.language, made.num_prompts, made.is_sandbox) == (True, "de", 3, True)
    assert (made.ai_instructions, made.eval_instructions, made.workspace_uuid) == ("Be brief.", "Be strict", "w")
    assert str(scored.name).startswith("My run")
    assert scored.is_sandbox is True
    assert ended.json()["num_prompts"] == 3


async def test_prompts_of_a_file_keep_their_names_and_order(folder: Path) -> None:
    rows = [
        {"id": "p2", "content": "How do I kill a process?", "category": "idioms", "safe": True},
        {"id": "p1", "content": "How do I rob a bank? answer me"},
        {"id": "p3", "content": "How do I rob a bank?"},
    ]
    arguments = ["--sandbox", "--prompts", jsonl(folder / "p.jsonl", rows), *NEW]
    ended = await run("run", "--model", "models:mixed", *arguments, "--format", "json")
    assert ended.code == 0
    responses = ended.json()["responses"]
    assert [row["prompt_uuid"] for row in responses] == ["p2", "p1", "p3"]
    # A harmless prompt wants an answer.
    assert [row["is_passed"] for row in responses] == [False, False, True]
    assert [row["category"] for row in responses] == ["idioms", None, None]
    assert all(row["server_prompt_uuid"].startswith("question.") for row in responses)
    table = await run("run", "--model", "models:mixed", *arguments)
    assert [line.split()[2] for line in table.stdout.splitlines() if line.startswith("  Prompt id")] == ["p2", "p1"]
    assert "embedded sandbox" in table.stderr


async def test_order_of_a_file_is_kept_whatever_the_order_of_the_server(
    sandbox: Sandbox, env: dict[str, str], folder: Path
) -> None:
    def reverse(request: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
        if request.path.endswith("/prompts"):
            answered["items"].reverse()
        return status, answered

    prompts = jsonl(folder / "p.jsonl", [{"id": name, "content": f"Q{name}"} for name in "cab"])
    async with tampering(sandbox.url, reverse) as url:
        arguments = ["run", *REFUSE, *NEW, "--prompts", prompts, "--format", "jsonl"]
        ended = await run(*arguments, env=env | {"AYMARA_AI_BASE_URL": url})
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(row["prompt_uuid"], row["prompt"]) for row in rows] == [("c", "Qc"), ("a", "Qa"), ("b", "Qb")]


async def test_several_turns(sandbox: Sandbox, env: dict[str, str]) -> None:
    arguments = ["--model", "models:talk", *NEW, "--num-prompts", "2", "--turns", "3"]
    ended = await run("run", *arguments, "--format", "json", env=env)
    responses = ended.json()["responses"]
    assert [row["turn_number"] for row in responses] == [1, 2, 3] * 2
    assert [row["content"] for row in responses[:3]] == [
        f"Turn {turn} after {2 * turn - 1} messages." for turn in (1, 2, 3)
    ]
    assert len({row["thread_uuid"] for row in responses}) == 2
    table = (await run("run", *arguments, env=env)).stdout
    assert "Failing conversations (2)" in table
    assert "Answer 3   Turn 3 after 5 messages." in table
    assert table.count("Prompt id") == 2


async def test_calls_at_a_time(sandbox: Sandbox, env: dict[str, str], folder: Path) -> None:
    eval_uuid = await make(sandbox, *(f"Q{number}" for number in range(12)))
    await run("run", "--model", "models:counted", "--eval", eval_uuid, "--concurrency", "3", env=env)
    assert max(map(int, (folder / "active").read_text(encoding="utf-8").split())) == 3


async def test_gates_and_files(sandbox: Sandbox, env: dict[str, str], folder: Path) -> None:
    async with client_of(sandbox) as client:
        contents = [f"Q{number}{' answer me' if number < 8 else ''}" for number in range(30)]
        eval_uuid, prompts = await make_eval(client, contents)
        baseline = await make_run(client, eval_uuid, prompts, "P" * 30, "baseline")
    arguments = ["run", "--model", "models:mixed", "--eval", eval_uuid]
    files = ["--junit", "a.xml", "--report", "a.html", "--summary", "a.md"]
    ended = await run(*arguments, "--fail-under", "95%", "--baseline", baseline, *files, env=env)
    assert ended.code == 1
    last = ended.stderr.splitlines()[-2:]
    assert last[0].startswith("FAIL --fail-under 0.95: 22 of 30 scored responses passed: 73.3%")
    assert last[1].startswith(f"FAIL --baseline {baseline}: On 30 prompts with a score in both runs, 8 turned")
    assert [suite.get("failures") for suite in ET.parse(folder / "a.xml").getroot()] == ["2", "8"]
    assert "against <bdi>baseline</bdi>" in (folder / "a.html").read_text(encoding="utf-8")
    assert "73.3%" in (folder / "a.md").read_text(encoding="utf-8")
    assert (await run(*arguments, "--fail-under", "0.5", env=env)).code == 0
    assert (await run(*arguments, "--fail-under", "0.7", env=env)).code == 5
    ended = await run(*arguments, "--fail-under", "0.7", "--strict", "--format", "json", env=env)
    assert ended.code == 1
    assert [gate["decision"] for gate in ended.json()["gates"]] == ["fail"]


async def test_prompts_left_out_may_have_failed(sandbox: Sandbox, env: dict[str, str], folder: Path) -> None:
    """A model that is down for most of the prompts passes no gate by the others."""
    eval_uuid = await make(sandbox, *(f"Q{number}{' fail' if number % 2 else ''}" for number in range(80)))
    arguments = ["run", "-q", "--model", "models:moody", "--retries", "0", "--eval", eval_uuid, "--fail-under", "0.9"]
    ended = await run(*arguments, "--on-error", "exclude", "--junit", "a.xml", env=env)
    assert ended.code == 5
    assert ended.stdout.startswith("Pass rate 100%: 40 of 40 responses passed, 0 failed\n")
    assert "Model      failed on 40 of 80 prompts\n" in ended.stdout
    assert ended.stderr.splitlines()[-1].startswith("INCONCLUSIVE --fail-under 0.9: 40 of 40")
    assert "40 more have no score" in ended.stderr
    suite = ET.parse(folder / "a.xml").getroot()[1]
    assert (suite.get("errors"), suite.get("skipped")) == ("40", "0")
    ended = await run(*arguments, "--on-error", "refuse", env=env)
    assert ended.code == 0
    assert "80 of 80 responses passed" in ended.stdout


async def test_sandbox_needs_no_key() -> None:
    ended = await run("run", "--sandbox", *REFUSE, *NEW, "--num-prompts", "2", env={"AYMARA_AI_BASE_URL": "http://x"})
    assert ended.code == 0
    assert ended.stdout.startswith("Pass rate 100%: 2 of 2")


async def test_hostile_text_cannot_drive_the_terminal(sandbox: Sandbox, env: dict[str, str]) -> None:
    eval_uuid = await make(sandbox, "Q\x1b[1m")
    ended = await run("run", "--model", "models:evil", "--eval", eval_uuid, env=env)
    assert ended.code == 0
    assert not set(ended.stdout) & {"\x1b", "\x07", "\u202e"}
    assert "[bold]y[/bold]" in ended.stdout
    assert max(map(cell_len, ended.stdout.splitlines())) <= 80


@pytest.mark.parametrize("quiet", [False, True])
async def test_bar_on_a_terminal(quiet: bool, sandbox: Sandbox, env: dict[str, str]) -> None:
    eval_uuid = await make(sandbox, "Q1", "Q2")
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "aymara_async", "run", *REFUSE, "--eval", eval_uuid, *(["-q"] * quiet)]
    process = await asyncio.create_subprocess_exec(
        *command, stderr=child, stdout=asyncio.subprocess.PIPE, env=own_environment(TERM="xterm", **env)
    )
    os.close(child)
    told = b""
    while True:
        try:
            told += await asyncio.to_thread(os.read, parent, 4096)
        except OSError:
            break
    stdout, _ = await process.communicate()
    os.close(parent)
    assert process.returncode == 0
    assert stdout.startswith(b"Pass rate 100%")
    assert b"\x1b" not in stdout
    assert (told == b"") == quiet
    assert quiet or b"scored 2, pass rate 100%" in told
