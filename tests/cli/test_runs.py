"""``aymara-async runs`` in a real process, against a real sandbox."""

from __future__ import annotations

import csv
import io
import json

import pytest

from aymara_async import NotFoundError
from tests.cli.filled import HOSTILE, Filled
from tests.cli.process import run


async def test_list_equals_what_the_client_lists(filled: Filled, env: dict[str, str]) -> None:
    wanted = [one.to_dict() async for one in filled.client.evals.runs.list()]
    assert len(wanted) == 2
    assert (await run("runs", "list", "--format", "json", env=env)).json() == wanted
    ended = await run("runs", "list", "--format", "jsonl", env=env)
    assert [json.loads(line) for line in ended.stdout.splitlines()] == wanted
    assert (ended.code, ended.stderr) == (0, "")
    ended = await run("runs", "list", "--format", "csv", env=env)
    rows = list(csv.DictReader(io.StringIO(ended.stdout)))
    assert [row["eval_run_uuid"] for row in rows] == [one["eval_run_uuid"] for one in wanted]
    assert set(rows[0]) == set(wanted[0])


async def test_filters_reach_the_server(filled: Filled, env: dict[str, str]) -> None:
    arguments = ["--eval", filled.eval_uuid, "--workspace", "w1", "--limit", 7, "--offset", 1]
    ended = await run("runs", "list", *arguments, "--format", "json", env=env)
    assert ended.json() == []
    assert ended.stderr == "There are none.\n"
    assert filled.requests("evals.runs.list") == [
        {"eval_uuid": filled.eval_uuid, "workspace_uuid": "w1", "limit": "7", "offset": "1"}
    ]
    ended = await run("runs", "list", "--eval", filled.eval_uuid, "--format", "json", env=env)
    assert [one["eval_run_uuid"] for one in ended.json()] == [filled.run_uuid]


@pytest.mark.parametrize(("limit", "offset", "left"), [(1, 0, [0]), (3, 0, [0, 1, 2]), (9, 2, [2, 3]), (1, 3, [3])])
async def test_limit_and_offset(limit: int, offset: int, left: list[int], filled: Filled, env: dict[str, str]) -> None:
    arguments = ["--limit", limit, "--offset", offset, "--format", "json"]
    ended = await run("runs", "responses", filled.run_uuid, *arguments, env=env)
    responses = await filled.responses()
    assert ended.json() == [responses[number].to_dict() for number in left]


async def test_base_url_goes_before_the_environment(filled: Filled, env: dict[str, str]) -> None:
    env = env | {"AYMARA_AI_BASE_URL": "http://127.0.0.1:9"}
    ended = await run("runs", "list", "--base-url", filled.sandbox.url, "--format", "json", env=env)
    assert len(ended.json()) == 2


async def test_table_of_runs(filled: Filled, env: dict[str, str]) -> None:
    ended = await run("runs", "list", env=env)
    assert "Shop, safety!" in ended.stdout
    assert filled.run_uuid in ended.stdout
    assert "finished" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert all(len(line) <= 80 and line == line.rstrip() for line in ended.stdout.splitlines())


async def test_get(filled: Filled, env: dict[str, str]) -> None:
    ended = await run("runs", "get", filled.run_uuid, "--format", "json", env=env)
    assert ended.json() == (await filled.client.evals.runs.get(filled.run_uuid)).to_dict()
    ended = await run("runs", "get", filled.run_uuid, env=env)
    assert f"eval_run_uuid         {filled.run_uuid}\n" in ended.stdout


@pytest.mark.parametrize("format", ["json", "jsonl"])
async def test_responses_equal_what_the_client_lists(format: str, filled: Filled, env: dict[str, str]) -> None:
    ended = await run("runs", "responses", filled.run_uuid, "--format", format, env=env)
    rows = ended.json() if format == "json" else [json.loads(line) for line in ended.stdout.splitlines()]
    assert rows == [response.to_dict() for response in await filled.responses()]
    assert rows[0]["content"] == HOSTILE


async def test_table_of_responses(filled: Filled, env: dict[str, str]) -> None:
    ended = await run("runs", "responses", filled.run_uuid, env=env)
    responses = await filled.responses()
    assert all(response.prompt_uuid in ended.stdout for response in responses)
    verdicts = [line.split()[0] for line in ended.stdout.splitlines() if not line.startswith((" ", "─"))]
    assert [word for word in verdicts if word in ("passed", "failed", "excluded")] == [
        "failed",
        "passed",
        "excluded",
        "passed",
    ]
    assert "(refused, without a text)" in ended.stdout
    assert "…" in ended.stdout


async def test_delete(filled: Filled, env: dict[str, str]) -> None:
    ended = await run("runs", "delete", filled.run_uuid, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert "add --yes. Nothing was deleted." in ended.stderr
    ended = await run("runs", "delete", "--yes", filled.run_uuid, env=env)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", f"Deleted run {filled.run_uuid}\n")
    with pytest.raises(NotFoundError):
        await filled.client.evals.runs.get(filled.run_uuid)


@pytest.mark.parametrize("arguments", [["get"], ["responses"], ["delete", "--yes"]])
async def test_id_that_there_is_not(arguments: list[str], filled: Filled, env: dict[str, str]) -> None:
    ended = await run("runs", *arguments, "../evals", env=env)
    assert (ended.code, ended.stdout) == (3, "")
    assert "404 resource.not_found" in ended.stderr
    assert "Request id: req_" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--limit", "0"], "0 is not in the range"),
        (["list", "--offset", "-1"], "-1 is not in the range"),
        (["list", "--format", "xml"], "'xml' is not one of"),
        (["get"], "Missing argument 'RUN'"),
        (["delete"], "Missing argument 'RUN...'"),
        (["get", ""], "RUN is empty; is a variable unset?"),
        (["nothing"], "No such command 'nothing'"),
    ],
)
async def test_wrong_usage(arguments: list[str], said: str, filled: Filled, env: dict[str, str]) -> None:
    before = len(filled.sandbox.requests)
    ended = await run("runs", *arguments, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert len(filled.sandbox.requests) == before
