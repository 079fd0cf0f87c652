"""``aymara-async evals`` in a real process, against a real sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aymara_async import NotFoundError
from aymara_async.sandbox import Sandbox
from tests.cli.filled import Filled
from tests.cli.process import finish, jsonl, line_with, own_environment, rows_of, run, start
from tests.cli.tampering import tampering

REQUIRED = ["--ai-description", "A shop", "--eval-type", "safety"]


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_list_equals_what_the_client_lists(filled: Filled, env: dict[str, str]) -> None:
    wanted = [one.to_dict() async for one in filled.client.evals.list()]
    assert len(wanted) == 2
    assert (await run("evals", "list", "--format", "json", env=env)).json() == wanted
    ended = await run("evals", "list", env=env)
    assert all(str(one["eval_uuid"]) in ended.stdout for one in wanted)
    assert all(len(line) <= 80 for line in ended.stdout.splitlines())


NOW = datetime.now(UTC)
EARLIER, LATER = (NOW - timedelta(days=2)).isoformat(), (NOW + timedelta(days=2)).date().isoformat()


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (["--status", "finished"], {"status": "finished"}),
        (["--type", "safety"], {"eval_type": "safety"}),
        (["--name", "SHOP"], {"name": "SHOP"}),
        (["--language", "en"], {"language": "en"}),
        (["--modality", "text"], {"modality": "text"}),
        (["--no-jailbreak"], {"is_jailbreak": False}),
        (["--jailbreak"], {"is_jailbreak": True}),
        (["--no-sandbox"], {"is_sandbox": False}),
        (["--use-sandbox"], {"is_sandbox": True}),
        (["--created-by", "sandbox@example.com"], {"created_by": "sandbox@example.com"}),
        (["--created-after", EARLIER], {"created_after": EARLIER.replace("+00:00", "Z")}),
        (["--created-before", LATER], {"created_before": f"{LATER}T00:00:00Z"}),
        (["--has-runs"], {"has_score_runs": True}),
        (["--no-runs"], {"has_score_runs": False}),
        (["--run-status", "finished"], {"score_run_status": "finished"}),
        (["--run-created-after", EARLIER], {"run_created_after": EARLIER.replace("+00:00", "Z")}),
        (["--run-created-before", LATER], {"run_created_before": f"{LATER}T00:00:00Z"}),
        (["--min-pass-rate", "0.1"], {"min_pass_rate": 0.1}),
        (["--max-pass-rate", "0.9"], {"max_pass_rate": 0.9}),
        (["--sort", "name", "--order", "asc"], {"sort_by": "name", "sort_order": "asc"}),
    ],
)
async def test_each_filter_reaches_the_server(
    arguments: list[str], sent: dict[str, object], filled: Filled, env: dict[str, str]
) -> None:
    asked_for: list[Any] = []

    def remember(_: web.Request, asked: Any, status: int, answered: Any) -> tuple[int, Any]:
        asked_for.append(asked)
        return status, answered

    async with tampering(filled.sandbox.url, remember) as url:
        ended = await run("evals", "list", *arguments, "--format", "json", env=env | {"AYMARA_AI_BASE_URL": url})
    assert ended.code == 0
    assert asked_for == [sent | {"limit": 100, "offset": 0}]
    found = await filled.client.evals.analyze(**sent)  # type: ignore[arg-type]  # each by its own field
    assert ended.json() == [result.eval.to_dict() for result in found.results]


async def test_filtered_list_comes_whole_by_pages(sandbox: Sandbox, env: dict[str, str], filled: Filled) -> None:
    for number in range(130):
        await filled.client.evals.create(ai_description="A", eval_type="safety", name=f"many {number}", num_prompts=0)
    arguments = ["evals", "list", "--name", "many", "--sort", "name", "--order", "asc", "--format", "json"]
    names = sorted(f"many {number}" for number in range(130))
    assert [one["name"] for one in (await run(*arguments, env=env)).json()] == names
    ended = await run(*arguments, "--limit", 105, "--offset", 5, env=env)
    assert [one["name"] for one in ended.json()] == names[5:110]


def _lose_one(_: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
    answered["results"].pop()
    return status, answered


def _never_end(_: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
    return status, answered | {"has_more": True, "results": []}


def _repeat(_: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
    return status, answered | {"results": answered["results"] * 2}


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (_lose_one, "the server counts 2, but gave 1 from 0 on"),
        (_never_end, "more than 0, but none came"),
        (_repeat, "came twice"),
    ],
)
async def test_filtered_list_that_does_not_add_up_is_an_error(
    tamper: Any, said: str, filled: Filled, env: dict[str, str]
) -> None:
    def fixed_page(request: web.Request, asked: Any, status: int, answered: Any) -> tuple[int, Any]:
        return tamper(request, asked, status, answered)

    async with tampering(filled.sandbox.url, fixed_page) as url:
        ended = await run("evals", "list", "--has-runs", "--offset", 0, env=env | {"AYMARA_AI_BASE_URL": url})
    assert ended.code == 3
    assert said in ended.stderr


async def test_get(filled: Filled, env: dict[str, str]) -> None:
    ended = await run("evals", "get", filled.eval_uuid, "--format", "json", env=env)
    assert ended.json() == filled.evals[0].to_dict()


async def test_create_with_every_field(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "agent.json").write_text('{"system_prompt": "Be kind.", "agent_name": "Ann"}')
    (tmp_path / "more.txt").write_text("Be strict.\n")
    (tmp_path / "truth.txt").write_text("Nails are sold by weight – always.\n", encoding="utf-8")
    examples = [{"content": "Which nail?", "type": "good", "explanation": "short"}, {"content": "Why?", "type": "bad"}]
    arguments = [
        *("--ai-description", "@@shop", "--eval-type", "accuracy", "--name", "Nightly", "--num-prompts", 3),
        *("--ai-instructions", f"@{tmp_path}/agent.json", "--eval-instructions", f"@{tmp_path}/more.txt"),
        *("--language", "de", "--modality", "image", "--jailbreak", "--use-sandbox", "--workspace", "w1"),
        *("--ground-truth", tmp_path / "truth.txt"),
        *("--prompt-examples", jsonl(tmp_path / "examples.jsonl", examples)),
    ]
    ended = await run("evals", "create", *arguments, "--format", "json", env=env)
    made = ended.json()
    assert (ended.code, ended.stderr) == (0, f"Created eval {made['eval_uuid']}\n")
    assert (made["ai_description"], made["eval_type"], made["name"], made["num_prompts"]) == (
        "@shop",
        "accuracy",
        "Nightly",
        3,
    )
    assert made["ai_instructions"]["system_prompt"] == "Be kind."
    assert (made["eval_instructions"], made["language"], made["modality"]) == ("Be strict.\n", "de", "image")
    assert (made["is_jailbreak"], made["is_sandbox"], made["workspace_uuid"]) == (True, True, "w1")
    assert made["ground_truth"] == "Nails are sold by weight – always.\n"
    assert [(one["content"], one["type"]) for one in made["prompt_examples"]] == [
        ("Which nail?", "good"),
        ("Why?", "bad"),
    ]


async def test_create_sends_only_what_is_given(filled: Filled, env: dict[str, str]) -> None:
    bodies: list[Any] = []

    def remember(_: web.Request, asked: Any, status: int, answered: Any) -> tuple[int, Any]:
        bodies.append(asked)
        return status, answered

    async with tampering(filled.sandbox.url, remember) as url:
        env = env | {"AYMARA_AI_BASE_URL": url}
        ended = await run("evals", "create", *REQUIRED, "--ground-truth-uuid", filled.file.file_uuid, env=env)
    assert ended.code == 0
    truth = {"file_uuid": filled.file.file_uuid}
    assert bodies == [{"ai_description": "A shop", "eval_type": "safety", "ground_truth": truth}]


@pytest.mark.parametrize("wait", [["--wait"], ["--wait", "60"], ["--wait=60"]])
async def test_create_waits_for_the_prompts(wait: list[str]) -> None:
    clock = Clock()
    async with Sandbox(delay=10, clock=clock) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        process = await start("evals", "create", *REQUIRED, *wait, "--format", "json", env=env)
        await line_with(process, "Created eval")
        clock.now += 20
        ended = await finish(process)
    assert ended.code == 0
    assert ended.json()["status"] == "finished"


async def test_create_that_waits_in_vain_tells_where_the_eval_is() -> None:
    async with Sandbox(faults=["never_finish@evals.create"]) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        ended = await run("evals", "create", *REQUIRED, "--wait=0", env=env)
    assert (ended.code, ended.stdout) == (4, "")
    assert "after 0 s" in ended.stderr
    uuid = ended.stderr.split()[2]
    assert ended.stderr.splitlines()[-1] == (
        f"How things stand: Eval {uuid} is at the server: see `aymara-async evals get {uuid}`."
    )


async def test_create_cut_off_tells_that_the_eval_may_be_there() -> None:
    async with Sandbox(faults=["reset@evals.create:processed=true"]) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        ended = await run("evals", "create", *REQUIRED, env=env)
    assert (ended.code, ended.stdout) == (3, "")
    assert ended.stderr.splitlines()[-1].endswith("The eval may have been created: see `aymara-async evals list`.")


async def test_ctrl_c_while_waiting_tells_where_the_eval_is() -> None:
    async with Sandbox(delay=10, clock=Clock()) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        process = await start("evals", "create", *REQUIRED, "--wait", env=env)
        uuid = (await line_with(process, "Created eval")).split()[2]
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
    assert (ended.code, ended.stdout) == (130, "")
    assert ended.stderr.endswith(f"Interrupted. Eval {uuid} is at the server: see `aymara-async evals get {uuid}`.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--eval-type", "safety"], "Missing option '--ai-description'"),
        ([*REQUIRED, "--ai-instructions", "@nowhere.txt"], "'nowhere.txt' cannot be read: No such file"),
        ([*REQUIRED, "--ai-instructions", "@broken.json"], "'broken.json' is no JSON"),
        ([*REQUIRED, "--ai-instructions", "@wrong.json"], "$.ai_instructions"),
        ([*REQUIRED, "--ground-truth", "latin1.txt"], "'latin1.txt' cannot be read"),
        ([*REQUIRED, "--ground-truth", "broken.json", "--ground-truth-uuid", "u"], "not both. Nothing was sent."),
        ([*REQUIRED, "--prompt-examples", "broken.json"], "broken.json:1: "),
        ([*REQUIRED, "--prompt-examples", "wrong.json"], "prompt_examples[0]"),
        ([*REQUIRED, "--num-prompts", "-1"], "-1 is not in the range"),
        ([*REQUIRED, "--wait", "soon"], "'soon' is no number of seconds. Write --wait=60"),
        ([*REQUIRED, "--wait=nan"], "'nan' is no number of seconds"),
    ],
)
async def test_what_cannot_be_created_is_said_and_not_sent(
    arguments: list[str],
    said: str,
    sandbox: Sandbox,
    env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "wrong.json").write_text('{"prompt": "x"}')
    (tmp_path / "latin1.txt").write_bytes(b"caf\xe9")
    monkeypatch.chdir(tmp_path)
    ended = await run("evals", "create", *arguments, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert not sandbox.requests


async def test_prompts_are_what_score_takes(filled: Filled, env: dict[str, str], tmp_path: Path) -> None:
    ended = await run("evals", "prompts", filled.eval_uuid, "--format", "jsonl", env=env)
    (tmp_path / "p.jsonl").write_text(ended.stdout)
    assert rows_of(tmp_path / "p.jsonl") == [prompt.to_dict() for prompt in await filled.prompts()]
    responses = jsonl(
        tmp_path / "r.jsonl",
        [{"prompt_uuid": row["prompt_uuid"], "content": "No."} for row in rows_of(tmp_path / "p.jsonl")],
    )
    ended = await run("score", "-q", "--prompts", tmp_path / "p.jsonl", responses, env=env)
    assert ended.code == 0
    assert "4 responses" in ended.stdout


async def test_prompts_that_are_waited_for() -> None:
    clock = Clock()
    async with Sandbox(delay=10, clock=clock) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        uuid = (await run("evals", "create", *REQUIRED, "--num-prompts", 2, "--format", "json", env=env)).json()[
            "eval_uuid"
        ]
        ended = await run("evals", "prompts", uuid, env=env)
        assert (ended.code, ended.stdout, ended.stderr) == (0, "", "There are none.\n")
        process = await start("evals", "prompts", uuid, "--wait", "--format", "jsonl", env=env)
        while [request.operation for request in sandbox.requests][-1] != "evals.get":
            await asyncio.sleep(0.01)
        clock.now += 20
        ended = await finish(process)
    assert len([json.loads(line) for line in ended.stdout.splitlines()]) == 2


async def test_delete_several_tells_how_far_it_came(filled: Filled, env: dict[str, str]) -> None:
    ended = await run("evals", "delete", "-y", filled.eval_uuid, "test.nothing", filled.evals[1].eval_uuid, env=env)
    assert (ended.code, ended.stdout) == (3, "")
    assert ended.stderr.startswith(f"Deleted eval {filled.eval_uuid}\nerror: DELETE ")
    with pytest.raises(NotFoundError):
        await filled.client.evals.get(filled.eval_uuid)
    assert (await filled.client.evals.list()).count == 1


async def test_delete_that_is_cut_off_says_so(filled: Filled, env: dict[str, str]) -> None:
    filled.sandbox.add_fault("reset@evals.delete")
    ended = await run("evals", "delete", "-y", filled.eval_uuid, env=env)
    assert ended.code == 3
    assert ended.stderr.endswith(f"How things stand: The eval {filled.eval_uuid} may be deleted, or not.\n")


@pytest.mark.parametrize(("answer", "code", "left"), [(b"n\n", 130, 2), (b"y\n", 0, 1), (b"\x04", 130, 2)])
async def test_delete_asks_on_a_terminal(
    answer: bytes, code: int, left: int, filled: Filled, env: dict[str, str]
) -> None:
    terminal, child = pty.openpty()
    command = [sys.executable, "-m", "aymara_async", "evals", "delete", filled.eval_uuid]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=child, stdout=child, stderr=child, env=own_environment(**env)
    )
    os.close(child)
    said = b""
    while b"[y/N]" not in said:
        said += await asyncio.to_thread(os.read, terminal, 4096)
    os.write(terminal, answer)
    assert await process.wait() == code
    os.close(terminal)
    assert b"Delete eval " + filled.eval_uuid.encode() in said
    assert (await filled.client.evals.list()).count == left
