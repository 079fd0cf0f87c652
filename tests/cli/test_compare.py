"""``aymara-async compare`` in a real process, against a real sandbox."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from math import comb
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from rich.cells import cell_len

from aymara_async.cli import invocation
from aymara_async.sandbox import Sandbox
from tests.cli.process import ROOT, finish, line_with, own_environment, rows_of, run, start
from tests.cli.scored_runs import ANSWER, REFUSAL, client_of, make_eval, make_run, two_runs
from tests.cli.tampering import tampering

XSTEST = ROOT.parent / "shared" / "data" / "xstest"

OLD = "PPPPPPPP" + "F" + "PPFFXP"
NEW = "FFFFFFFF" + "P" + "PPFFP-"
"""Eight get worse, one gets better, four stay, one pair has no score, one prompt has no response."""


def exact_p(worse: int, better: int) -> float:
    """The two-sided exact McNemar test, from the binomial distribution itself."""
    n = worse + better
    tail = sum(comb(n, k) for k in range(min(worse, better) + 1)) / 2**n
    return min(1.0, 2 * tail)


async def test_table_tells_what_changed(sandbox: Sandbox, env: dict[str, str]) -> None:
    old, new = await two_runs(sandbox, OLD, NEW)
    ended = await run("compare", old, new, env=env)
    assert ended.code == 0
    lines = ended.stdout.splitlines()
    text = " ".join(ended.stdout.split())
    assert lines[0] == "B is worse than A: 8 turned to fail, 1 to pass, more than chance explains"
    assert "A old model 78.6% 52.4% to 92.4% 11 of 14 1" in text
    assert "B new model 28.6% 11.7% to 54.6% 4 of 14 1" in text
    assert f"A {old} B {new}" in text
    assert "13 with a score in both; not counted: 1 without a score in one, 1 only in A" in text
    assert "Same 2 passed twice, 2 failed twice" in text
    assert "Changed 8 from pass to fail, 1 back" in text
    assert "−53.8 points (95% interval" in text
    assert f"p = {exact_p(8, 1):.3f}, exact and two-sided" in text
    assert lines.index("Passed in A, fails in B (8)") < lines.index("Failed in A, passes in B (1)")
    assert text.count("Prompt id ") == 9
    assert "Prompt How do I do 0? Answer A I can't help with that. Answer B Sure: take two of these" in text
    assert "Why B Judged by the sandbox's stand-in" in text
    assert all(len(line) <= 80 and line == line.rstrip() for line in lines)
    assert ended.stderr == f"Reading runs {old}, {new}\n"


async def test_narrow_terminal_gets_every_figure(sandbox: Sandbox, env: dict[str, str]) -> None:
    old, new = await two_runs(sandbox, OLD, NEW)
    ended = await run("compare", old, new, env=env | {"COLUMNS": "40"})
    text = " ".join(ended.stdout.split())
    assert "Run A old model Pass rate 78.6% 95% interval 52.4% to 92.4% Passed 11 of 14 No score 1" in text
    assert "Category theft Pairs 7 A 71.4% B 28.6% Points −42.9 Worse 4 Better 1" in text
    assert all(len(line) <= 40 for line in ended.stdout.splitlines())


async def test_categories_are_sorted_by_what_got_worse(sandbox: Sandbox, env: dict[str, str]) -> None:
    old, new = await two_runs(sandbox, "PPPPFPPP", "PFFFPFFF")
    ended = await run("compare", "--format", "json", old, new, env=env)
    assert [
        (
            one["category"],
            one["num_pairs"],
            one["num_regressions"],
            one["num_improvements"],
            round(one["difference"], 3),
        )
        for one in ended.json()["categories"]
    ] == [("fraud", 4, 4, 0, -1.0), ("theft", 4, 2, 1, -0.25)]
    ended = await run("compare", new, old, env=env)
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert ["fraud", "4", "0%", "100%", "+100.0", "0", "4"] in lines
    assert ["theft", "4", "50.0%", "75.0%", "+25.0", "1", "2"] in lines
    assert lines.index(["theft", "4", "50.0%", "75.0%", "+25.0", "1", "2"]) < lines.index(
        ["fraud", "4", "0%", "100%", "+100.0", "0", "4"]
    )


async def test_json_holds_everything(sandbox: Sandbox, env: dict[str, str]) -> None:
    old, new = await two_runs(sandbox, OLD, NEW)
    ended = await run("compare", "-q", "--format", "json", old, new, env=env)
    assert (ended.code, ended.stderr) == (0, "")
    found = ended.json()
    names = ("regressions", "improvements", "both_passed", "both_failed", "not_scored", "only_in_baseline")
    assert [found[f"num_{name}"] for name in names] == [8, 1, 2, 2, 1, 1]
    assert (found["num_pairs"], found["num_only_in_candidate"]) == (13, 0)
    assert found["p_value"] == pytest.approx(exact_p(8, 1), abs=1e-12)
    assert found["difference"] == pytest.approx(-7 / 13)
    assert found["difference_low"] < -7 / 13 < found["difference_high"] < 0
    assert (found["decision"], found["is_significant"], found["alpha"]) == ("fail", True, 0.05)
    assert found["baseline"]["eval_run_uuid"] == old
    assert found["candidate"]["name"] == "new model"
    assert (found["baseline"]["num_excluded"], found["candidate"]["num_not_answered"]) == (1, 1)
    assert found["candidate"]["pass_rate"] == pytest.approx(4 / 14)
    assert [change["change"] for change in found["changes"]] == ["regression"] * 8 + ["improvement"]


async def test_lines_and_csv_have_a_row_for_each_change(sandbox: Sandbox, env: dict[str, str]) -> None:
    old, new = await two_runs(sandbox, OLD, NEW)
    ended = await run("compare", "--format", "jsonl", old, new, env=env)
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [row["change"] for row in rows] == ["regression"] * 8 + ["improvement"]
    assert [row["prompt"] for row in rows] == [f"How do I do {number}?" for number in range(9)]
    assert (rows[0]["baseline_content"], rows[0]["candidate_content"]) == (REFUSAL, ANSWER)
    assert (rows[8]["baseline_content"], rows[8]["candidate_content"]) == (ANSWER, REFUSAL)
    assert (rows[0]["category"], rows[1]["category"]) == ("theft", "fraud")
    table = await run("compare", "--format", "csv", old, new, env=env)
    read = list(csv.DictReader(io.StringIO(table.stdout)))
    assert [{name: str(value) for name, value in row.items() if value is not None} for row in rows] == [
        {name: value for name, value in row.items() if value} for row in read
    ]


async def test_nothing_changed(sandbox: Sandbox, env: dict[str, str]) -> None:
    old, new = await two_runs(sandbox, "PFPFPF", "PFPFPF")
    ended = await run("compare", old, new, "--fail-on-worse", env=env)
    assert ended.code == 0
    assert ended.stdout.startswith("No verdict changed from A to B.\n")
    assert "PASS --fail-on-worse: On 6 prompts" in ended.stderr
    assert len((await run("compare", "--format", "csv", old, new, env=env)).stdout.splitlines()) == 1
    assert (await run("compare", "--format", "jsonl", old, new, env=env)).stdout == ""


@pytest.mark.parametrize(("shown", "found"), [("0", 0), ("2", 3), ("8", 9)])
async def test_show_bounds_the_table(shown: str, found: int, sandbox: Sandbox, env: dict[str, str]) -> None:
    old, new = await two_runs(sandbox, OLD, NEW)
    ended = await run("compare", "--show", shown, old, new, env=env)
    assert ended.stdout.count("Prompt id ") == found
    assert (f"… and {8 - int(shown)} more: --show 8, or --format jsonl" in ended.stdout) == (shown != "8")


@pytest.mark.parametrize(
    ("old", "new", "options", "code", "word"),
    [
        ("P" * 6, "F" * 6, [], 1, "FAIL"),
        ("F" * 6, "P" * 6, [], 0, "PASS"),
        ("P" * 5, "F" * 5, [], 5, "INCONCLUSIVE"),
        ("P" * 5, "F" * 5, ["--strict"], 1, "FAIL"),
        ("P" * 5, "F" * 5, ["--alpha", "0.1"], 1, "FAIL"),
        ("P" * 6, "F" * 6, ["--alpha", "0.01"], 5, "INCONCLUSIVE"),
        ("PPPPFFFP", "FFFFPPPP", [], 0, "PASS"),
        ("X" * 6, "P" * 6, [], 5, "INCONCLUSIVE"),
        # What has no response in B may have failed.
        ("P" * 10, "P" * 4 + "-" * 6, [], 5, "INCONCLUSIVE"),
        ("P" * 11, "P" * 6 + "-" * 5, [], 0, "PASS"),
        ("F" * 12, "F" * 6 + "-" * 6, [], 0, "PASS"),
        ("P" * 10, "P" * 4 + "-" * 6, ["--strict"], 1, "FAIL"),
    ],
)
async def test_gate(
    old: str,
    new: str,
    options: list[str],
    code: int,
    word: str,
    sandbox: Sandbox,
    env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    runs = await two_runs(sandbox, old, new)
    assert await asyncio.to_thread(invocation.run, ["compare", "--fail-on-worse", *options, *runs]) == code
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"{word} --fail-on-worse: ")


@pytest.mark.parametrize(("options", "code"), [([], 5), (["--strict"], 1)])
async def test_gate_ends_the_process(options: list[str], code: int, sandbox: Sandbox, env: dict[str, str]) -> None:
    runs = await two_runs(sandbox, "P" * 5, "F" * 5)
    ended = await run("compare", "-q", "--fail-on-worse", *options, *runs, env=env)
    assert ended.code == code
    assert ended.stderr.startswith("FAIL " if options else "INCONCLUSIVE ")
    assert ended.stdout.startswith("Too few prompts to tell better from worse: 5 turned to fail, 0 to pass\n")


async def test_without_a_gate_worse_is_no_failure(sandbox: Sandbox, env: dict[str, str]) -> None:
    ended = await run("compare", *await two_runs(sandbox, "P" * 6, "F" * 6), env=env)
    assert ended.code == 0
    assert "--fail-on-worse" not in ended.stderr


async def test_quiet_gate_tells_only_what_is_not_good(sandbox: Sandbox, env: dict[str, str]) -> None:
    old, new = await two_runs(sandbox, "P" * 6, "F" * 6)
    assert (await run("compare", "-q", "--fail-on-worse", new, old, env=env)).stderr == ""
    assert (await run("compare", "-q", "--fail-on-worse", old, new, env=env)).stderr.startswith("FAIL ")


async def test_response_without_a_score_may_have_failed(sandbox: Sandbox, env: dict[str, str]) -> None:
    old, new = await two_runs(sandbox, "P" * 10, "P" * 10)

    def unscore(request: web.Request, _asked: Any, status: int, answered: Any) -> tuple[int, Any]:
        if request.path.endswith(f"{new}/responses"):
            for item in answered["items"][:6]:
                item["is_passed"] = None
        if request.path.endswith(new):
            answered["status"] = "processing"
        return status, answered

    async with tampering(sandbox.url, unscore) as url:
        ended = await run("compare", "--fail-on-worse", old, new, env=env | {"AYMARA_AI_BASE_URL": url})
    assert ended.code == 5
    assert ended.stdout.startswith("So much has no score in B that it may be worse than A: 0 turned to fail")
    assert "But 6 that passed before have no score now: had they failed, it would be worse." in ended.stderr
    assert f"Run {new} is processing, not finished: scores may be missing." in ended.stderr
    assert "4 with a score in both; not counted: 6 without a score in one" in ended.stdout


async def test_runs_of_different_evals_are_paired_by_content(sandbox: Sandbox, env: dict[str, str]) -> None:
    async with client_of(sandbox) as client:
        one, prompts = await make_eval(client, ["Q1", "Q2", "Q3"])
        old = await make_run(client, one, prompts, "PPP", "old")
        two, prompts = await make_eval(client, ["Q3", "Q4", "Q2"])
        new = await make_run(client, two, prompts, "FPP", "new")
    found = (await run("compare", "--format", "json", old, new, env=env)).json()
    assert (found["num_pairs"], found["num_only_in_baseline"], found["num_only_in_candidate"]) == (2, 1, 1)
    assert [change["prompt"] for change in found["changes"]] == ["Q3"]
    assert found["changes"][0]["prompt_uuid"] != found["changes"][0]["baseline_prompt_uuid"]
    ended = await run("compare", "--pair-by", "prompt_uuid", old, new, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert f"error: The runs have no prompt in common: {old} has 3 responses, {new} has 3" in ended.stderr
    assert "(--pair-by prompt_uuid)" in ended.stderr


async def test_turns_are_paired_with_the_same_turn(sandbox: Sandbox, env: dict[str, str]) -> None:
    async with client_of(sandbox) as client:
        eval_uuid, (prompt,) = await make_eval(client, ["Q"])
        runs: list[str] = []
        for contents in ((REFUSAL, REFUSAL), (REFUSAL, ANSWER)):
            responses = [
                {"prompt_uuid": prompt, "content": content, "thread_uuid": "t", "turn_number": turn}
                for turn, content in enumerate(contents, 1)
            ]
            runs.append((await client.evals.runs.create(eval_uuid=eval_uuid, responses=responses)).eval_run_uuid)
    ended = await run("compare", "--format", "json", *runs, env=env)
    (change,) = ended.json()["changes"]
    assert (change["turn_number"], change["thread_uuid"]) == (2, "t")
    assert f"{prompt}, turn 2" in (await run("compare", *runs, env=env)).stdout


async def test_files_are_written(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    old, new = await two_runs(sandbox, OLD, NEW)
    junit, report = tmp_path / "a.xml", tmp_path / "a.html"
    ended = await run("compare", "--junit", junit, "--report", report, "--alpha", "0.1", old, new, env=env)
    assert ended.code == 0
    assert f"Wrote {junit}\nWrote {report}\n" in ended.stderr
    suites = ET.fromstring(junit.read_text(encoding="utf-8"))
    assert [suite.get("name") for suite in suites] == ["gates", "new model"]
    assert suites[0].get("failures") == "1"
    page = report.read_text(encoding="utf-8")
    assert "old model" in page
    assert "90% interval" in page
    assert page.count('<h2 id="h-comparison-') == 1


async def test_hostile_text_cannot_drive_the_terminal(sandbox: Sandbox, env: dict[str, str]) -> None:
    evil = "x\x1b]0;owned\x07\x1b[2J\u202e [bold]y[/bold] " + "漢字" * 200
    async with client_of(sandbox) as client:
        eval_uuid, prompts = await make_eval(client, [evil], categories=[evil])
        old = await make_run(client, eval_uuid, prompts, "P", evil[:80])
        new = await make_run(client, eval_uuid, prompts, "F", "b" * 200)
    ended = await run("compare", old, new, env=env)
    assert ended.code == 0
    assert not set(ended.stdout) & {"\x1b", "\x07", "\u202e"}
    assert "[bold]y[/bold]" in ended.stdout
    assert max(map(cell_len, ended.stdout.splitlines())) <= 80


async def test_interrupted_while_reading() -> None:
    async with Sandbox(faults=["stall"]) as sandbox:
        env = {"AYMARA_AI_BASE_URL": sandbox.url, "AYMARA_AI_API_KEY": sandbox.api_key}
        process = await start("compare", "a", "b", env=env)
        await line_with(process, "Reading runs a, b")
        process.send_signal(signal.SIGINT)
        ended = await finish(process)
    assert (ended.code, ended.stdout) == (130, "")
    assert ended.stderr.lstrip() == "Interrupted. Nothing was changed or written.\n"


async def test_workspace_and_server_are_options(sandbox: Sandbox, env: dict[str, str]) -> None:
    old, new = await two_runs(sandbox, "P", "F", workspace_uuid="w1")
    elsewhere = env | {"AYMARA_AI_BASE_URL": "http://127.0.0.1:9"}
    ended = await run("compare", "--base-url", sandbox.url, "--workspace", "w1", old, new, env=elsewhere)
    assert ended.code == 0
    assert {request.query.get("workspace_uuid") for request in sandbox.requests[-6:]} == {"w1"}
    ended = await run("compare", "--workspace", "w2", old, new, env=env)
    assert (ended.code, ended.stdout) == (3, "")


async def test_unknown_run_is_an_api_error(sandbox: Sandbox, env: dict[str, str]) -> None:
    old, _ = await two_runs(sandbox, "P", "P")
    ended = await run("compare", "-q", old, "score_run.none", env=env)
    assert (ended.code, ended.stdout) == (3, "")
    assert "404 resource.not_found: Eval run not found: score_run.none. Request id: req_" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a"], "Missing argument 'RUN_B'"),
        (["a", "a"], "RUN_A and RUN_B are the same run. Nothing was sent."),
        (["a", "b", "--strict"], "--strict says what --fail-on-worse does"),
        (["a", "b", "--alpha", "0"], "--alpha"),
        (["a", "b", "--alpha", "1"], "--alpha"),
        (["a", "b", "--show", "-1"], "--show"),
        (["a", "b", "--pair-by", "luck"], "'luck' is not one of"),
        (["a", "b", "--format", "yaml"], "'yaml' is not one of"),
        (["a", "b", "--report", "/no/such/folder/r.html"], "No such file or directory. Nothing was sent."),
        (["a", "b", "--report", "x", "--junit", "x"], "name the same file"),
    ],
)
async def test_wrong_usage(arguments: list[str], said: str, sandbox: Sandbox, env: dict[str, str]) -> None:
    ended = await run("compare", *arguments, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in " ".join(ended.stderr.split())
    assert not sandbox.requests


async def test_no_key() -> None:
    ended = await run("compare", "a", "b")
    assert ended.code == 2
    assert "AYMARA_AI_API_KEY" in ended.stderr


@pytest.mark.parametrize(("module", "options"), [("scipy", []), ("jinja2", ["--report", "r.html"])])
def test_missing_extra_is_told_before_anything_is_sent(
    module: str, options: list[str], sandbox: Sandbox, env: dict[str, str]
) -> None:
    arguments = ["compare", "a", "b", *options]
    code = f"import sys; sys.modules[{module!r}] = None; from aymara_async.cli import main; main({arguments})"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, text=True, env=own_environment(**env)
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "pip install 'aymara-async[analysis]'" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not sandbox.requests


def test_help_loads_no_statistics() -> None:
    code = (
        "import sys\nfrom aymara_async.cli import main\n"
        "try: main(['compare', '--help'])\nexcept SystemExit: print('scipy' in sys.modules, 'aiohttp' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ended.stdout.splitlines()[-1].startswith("False ")
    assert all(len(line) <= 80 for line in ended.stdout.splitlines())


@pytest.mark.skipif(not XSTEST.is_dir(), reason="the XSTest completions are not here")
async def test_xstest(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    """Two models' real answers, each scored into an eval of its own by ``score``; counts from the rows themselves."""
    runs: dict[str, dict[str, Any]] = {}
    for model in ("gpt4o-mini", "mistrI"):
        files = ("--prompts", XSTEST / "prompts.jsonl", XSTEST / f"responses-{model}.jsonl")
        runs[model] = (await run("score", "--format", "json", *files, env=env)).json()
    old, new = (
        {row["prompt_uuid"]: row["is_passed"] for row in runs[model]["responses"]} for model in ("gpt4o-mini", "mistrI")
    )
    prompts = {row["prompt_uuid"]: row for row in rows_of(XSTEST / "prompts.jsonl")}
    both = Counter((old[uuid], new[uuid]) for uuid in prompts)
    worse = {prompts[uuid]["content"] for uuid in prompts if old[uuid] and not new[uuid]}
    better = {prompts[uuid]["content"] for uuid in prompts if new[uuid] and not old[uuid]}
    report = tmp_path / "xstest.html"
    uuids = [runs[model]["eval_run_uuid"] for model in ("gpt4o-mini", "mistrI")]
    ended = await run("compare", "--format", "json", "--report", report, *uuids, env=env)
    found = ended.json()
    assert (found["num_regressions"], found["num_improvements"]) == (both[True, False], both[False, True])
    assert (found["num_both_passed"], found["num_both_failed"]) == (both[True, True], both[False, False])
    assert both[True, False] + both[False, True] > 10
    assert found["num_pairs"] == 450
    assert found["p_value"] == pytest.approx(exact_p(both[True, False], both[False, True]), rel=1e-9)
    assert {row["prompt"] for row in found["changes"] if row["change"] == "regression"} == worse
    assert {row["prompt"] for row in found["changes"] if row["change"] == "improvement"} == better
    assert sum(one["num_pairs"] for one in found["categories"]) == 450
    assert report.stat().st_size > 500_000
