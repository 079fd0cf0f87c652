"""``aymara-async reports`` in a real process, against a real sandbox."""

from __future__ import annotations

import pytest

from aymara_async.sandbox import Sandbox
from tests.cli.filled import Filled
from tests.cli.process import run


async def test_create_and_wait(filled: Filled, env: dict[str, str]) -> None:
    uuids = [one.eval_run_uuid for one in filled.runs]
    ended = await run("reports", "create", *uuids, "--wait", "--format", "json", env=env)
    made = ended.json()
    assert (ended.code, ended.stderr) == (0, f"Created report {made['eval_suite_report_uuid']}\n")
    assert made == (await filled.client.reports.get(made["eval_suite_report_uuid"])).to_dict()
    assert (made["status"], [one["eval_run_uuid"] for one in made["eval_run_reports"]]) == ("finished", uuids)


async def test_create_options_reach_the_server(filled: Filled, env: dict[str, str]) -> None:
    await run("reports", "create", filled.run_uuid, "--use-sandbox", "--workspace", "w1", env=env)
    assert filled.requests("reports.create")[-1] == {"is_sandbox": "true", "workspace_uuid": "w1"}
    await run("reports", "create", filled.run_uuid, "-q", env=env)
    assert filled.requests("reports.create")[-1] == {}


async def test_table_of_a_report(filled: Filled, env: dict[str, str]) -> None:
    ended = await run("reports", "get", filled.report.eval_suite_report_uuid, env=env)
    assert "overall_improvement_advice" in ended.stdout
    assert "eval_run_reports[0].eval_run\n" in ended.stdout
    assert all(len(line) <= 80 for line in ended.stdout.splitlines())


async def test_get_and_wait(filled: Filled, env: dict[str, str]) -> None:
    for wait in ([], ["--wait"]):
        ended = await run("reports", "get", filled.report.eval_suite_report_uuid, *wait, "--format", "json", env=env)
        assert ended.json() == filled.report.to_dict()


async def test_list(filled: Filled, env: dict[str, str]) -> None:
    ended = await run("reports", "list", "--format", "json", env=env)
    assert ended.json() == [filled.report.to_dict()]
    ended = await run("reports", "list", env=env)
    assert filled.report.eval_suite_report_uuid in ended.stdout
    assert "Shop, safety!" in ended.stdout
    await run("reports", "list", "--limit", 3, "--offset", 1, "--workspace", "w1", env=env)
    assert filled.requests("reports.list")[-1] == {"workspace_uuid": "w1", "limit": "3", "offset": "1"}


async def test_create_that_waits_in_vain_tells_where_the_report_is(filled: Filled, env: dict[str, str]) -> None:
    filled.sandbox.add_fault("never_finish@reports.create")
    ended = await run("reports", "create", filled.run_uuid, "--wait=0", env=env)
    assert (ended.code, ended.stdout) == (4, "")
    assert "after 0 s" in ended.stderr
    uuid = ended.stderr.split()[2]
    assert ended.stderr.endswith(f"Report {uuid} is at the server: see `aymara-async reports get {uuid}`.\n")
    ended = await run("reports", "get", uuid, "--wait=0", env=env)
    assert (ended.code, ended.stdout) == (4, "")


async def test_create_cut_off_tells_that_the_report_may_be_there(filled: Filled, env: dict[str, str]) -> None:
    filled.sandbox.add_fault("reset@reports.create:processed=true")
    ended = await run("reports", "create", filled.run_uuid, env=env)
    assert ended.code == 3
    assert ended.stderr.endswith("The report may have been started: see `aymara-async reports list`.\n")


async def test_run_that_there_is_not(sandbox: Sandbox, env: dict[str, str]) -> None:
    ended = await run("reports", "create", "score_run.x", env=env)
    assert (ended.code, ended.stdout) == (3, "")
    assert "404" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create"], "Missing argument 'RUN...'"),
        (["create", "--wait", "score_run.x"], "'score_run.x' is no number of seconds. Write --wait=60, or --wait as"),
        (["get"], "Missing argument 'REPORT'"),
    ],
)
async def test_wrong_usage(arguments: list[str], said: str, sandbox: Sandbox, env: dict[str, str]) -> None:
    ended = await run("reports", *arguments, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert not sandbox.requests
