"""Gates in a real process: verdicts, exit codes, and the files they write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from aymara_async.analysis.verdict import MIN_SCORED
from aymara_async.cli import gates, invocation
from aymara_async.sandbox import Sandbox
from tests.cli.process import PROMPTS, RESPONSES, Ended, jsonl, own_environment, run
from tests.cli.scored_runs import client_of, make_eval, make_run

GOOD, BAD = "I can't help with that.", "Sure: take two."


def answers(folder: Path, *contents: str | None) -> list[object]:
    """Files with a prompt for each response, as arguments of ``score``."""
    prompts = [{"id": f"p{number}", "content": f"Q{number}"} for number in range(len(contents))]
    responses = [
        {"id": row["id"], "content": content, "exclude_from_scoring": content is None}
        for row, content in zip(prompts, contents, strict=True)
    ]
    folder.mkdir(exist_ok=True)
    return ["--prompts", jsonl(folder / "p.jsonl", prompts), jsonl(folder / "r.jsonl", responses)]


def folder_of(path: Path) -> list[Path]:
    return [*path.iterdir()]


async def gate(*arguments: object, env: dict[str, str] | None = None) -> Ended:
    return await run("score", "-q", "--sandbox", *arguments, env=env)


CASES = [
    (60, 0, ["--fail-under", "0.9"], 0, ""),
    (10, 50, ["--fail-under", "0.9"], 1, "FAIL --fail-under 0.9: 10 of 60 scored responses passed: 16.7%"),
    (54, 6, ["--fail-under", "0.9"], 5, "INCONCLUSIVE --fail-under 0.9: 54 of 60 scored responses passed"),
    (54, 6, ["--fail-under", "0.9", "--strict"], 1, "Inconclusive counts as failed (strict)."),
    (60, 0, ["--fail-under", "90%", "--strict"], 0, ""),
    (19, 0, ["--fail-under", "0.5"], 5, "less than the 20 that a verdict needs"),
    (19, 0, ["--fail-under", "0.5", "--min-scored", "19"], 0, ""),
    (60, 0, ["--fail-under", "0.9", "--min-scored", "61"], 5, "less than the 61 that a verdict needs"),
    (60, 0, ["--fail-under", "1"], 5, "cannot show that there is none"),
    (0, 20, ["--fail-under", "0"], 0, ""),
]


@pytest.mark.parametrize(("passed", "failed", "options", "code", "said"), CASES[:4])
async def test_verdicts_of_fail_under(
    passed: int, failed: int, options: list[object], code: int, said: str, tmp_path: Path
) -> None:
    ended = await gate(*options, *answers(tmp_path, *[GOOD] * passed, *[BAD] * failed))
    assert ended.code == code
    assert said in ended.stderr
    assert (not ended.stderr) == (not said)
    assert ended.stdout.startswith("Pass rate ")


@pytest.mark.parametrize(("passed", "failed", "options", "code", "said"), CASES[4:])
def test_verdicts_in_this_process(
    passed: int,
    failed: int,
    options: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = map(str, answers(tmp_path, *[GOOD] * passed, *[BAD] * failed))
    assert invocation.run(["score", "-q", "--sandbox", *options, *files]) == code
    written = capsys.readouterr().err
    assert said in written
    assert (not written) == (not said)


async def test_nothing_scored_is_never_a_pass(tmp_path: Path) -> None:
    files = answers(tmp_path, None, None)
    ended = await gate("--fail-under", "0", *files)
    assert (ended.code, "Nothing was scored" in ended.stderr) == (5, True)
    assert (await gate("--fail-under", "0", "--strict", *files)).code == 1


async def test_passing_gate_is_told_unless_quiet(tmp_path: Path) -> None:
    ended = await run("score", "--sandbox", "--fail-under", "0.9", *answers(tmp_path, *[GOOD] * 60))
    assert ended.stderr.splitlines()[-1].startswith("PASS --fail-under 0.9: 60 of 60 scored responses passed: 100%")


async def test_prompts_without_a_response_leave_the_gate_open(tmp_path: Path) -> None:
    option, prompts, _ = answers(tmp_path, *[GOOD] * 60)
    responses = jsonl(tmp_path / "some.jsonl", [{"id": f"p{number}", "content": GOOD} for number in range(40)])
    ended = await gate("--fail-under", "0.9", option, prompts, responses)
    assert ended.code == 5
    assert "20 more have no score" in ended.stderr


async def baseline_of(sandbox: Sandbox, outcomes: str) -> str:
    """Make an eval of the prompts that ``answers`` gives, and a run of it: P for a response that passes."""
    async with client_of(sandbox) as client:
        eval_uuid, prompts = await make_eval(client, [f"Q{number}" for number in range(len(outcomes))])
        return await make_run(client, eval_uuid, prompts, outcomes, "baseline")


async def run_of(env: dict[str, str], files: list[object], *options: object) -> tuple[Ended, str]:
    ended = await run("score", "-q", "--format", "json", *options, *files, env=env)
    return ended, ended.json()["eval_run_uuid"]


@pytest.mark.parametrize(
    ("now", "options", "code", "decision"),
    [
        ([BAD] * 10 + [GOOD] * 20, [], 1, "fail"),
        ([GOOD] * 30, [], 0, "pass"),
        ([BAD] * 3 + [GOOD] * 27, [], 5, "inconclusive"),
        ([BAD] * 3 + [GOOD] * 27, ["--strict"], 1, "fail"),
        ([BAD] * 10 + [GOOD] * 20, ["--fail-under", "0.1"], 1, "fail"),
        ([BAD] * 3 + [GOOD] * 27, ["--fail-under", "0.99"], 1, "inconclusive"),
    ],
)
async def test_baseline(
    now: list[str],
    options: list[object],
    code: int,
    decision: str,
    sandbox: Sandbox,
    env: dict[str, str],
    tmp_path: Path,
) -> None:
    """Another eval at the server, whose prompts have other ids: paired by their contents."""
    baseline = await baseline_of(sandbox, "P" * 30)
    ended, _ = await run_of(env, answers(tmp_path / "new", *now), "--baseline", baseline, *options)
    assert ended.code == code
    found = {row["gate"]: row for row in ended.json()["gates"]}
    assert found["baseline"]["decision"] == decision
    assert "On 30 prompts with a score in both runs" in found["baseline"]["reason"]
    assert set(found) == {"baseline", *(["fail-under"] if "--fail-under" in options else [])}


async def test_baseline_is_paired_by_content_and_turn(env: dict[str, str], tmp_path: Path) -> None:
    prompts = jsonl(tmp_path / "p.jsonl", [{"id": "a", "content": "Q"}, {"id": "b", "content": "R"}])
    turns = [{"id": "a", "thread_uuid": "t", "turn_number": turn, "content": GOOD} for turn in (1, 2)]
    old = jsonl(tmp_path / "old.jsonl", [*turns, {"id": "b", "content": BAD}])
    _, baseline = await run_of(env, ["--prompts", prompts, old])
    swapped = jsonl(tmp_path / "q.jsonl", [{"id": "1", "content": "R"}, {"id": "2", "content": "Q"}])
    turns = [
        row | {"id": "2", "thread_uuid": "u", "content": BAD if row["turn_number"] == 2 else GOOD} for row in turns
    ]
    new = jsonl(tmp_path / "new.jsonl", [{"id": "1", "content": GOOD}, *turns])
    ended, _ = await run_of(env, ["--prompts", swapped, new], "--baseline", baseline)
    reason = ended.json()["gates"][0]["reason"]
    assert "On 3 prompts with a score in both runs, 1 turned from pass to fail and 1 from fail to pass" in reason


async def test_baseline_without_a_common_prompt_is_inconclusive(
    sandbox: Sandbox, env: dict[str, str], tmp_path: Path
) -> None:
    baseline = await baseline_of(sandbox, "P" * 30)
    other = jsonl(tmp_path / "p.jsonl", [{"id": "a", "content": "Else"}])
    responses = jsonl(tmp_path / "r.jsonl", [{"id": "a", "content": GOOD}])
    ended, _ = await run_of(env, ["--prompts", other, responses], "--baseline", baseline)
    assert (ended.code, ended.json()["gates"][0]["decision"]) == (5, "inconclusive")


async def test_unknown_baseline_is_told_before_anything_is_sent(
    sandbox: Sandbox, env: dict[str, str], tmp_path: Path
) -> None:
    ended = await run("score", "--baseline", "score_run.nobody", *answers(tmp_path, GOOD), env=env)
    assert (ended.code, ended.stdout) == (3, "")
    assert "404" in ended.stderr
    assert [request.method for request in sandbox.requests] == ["GET"]


async def test_files(tmp_path: Path, sandbox: Sandbox, env: dict[str, str]) -> None:
    baseline = await baseline_of(sandbox, "P" * 30)
    junit, summary, report = tmp_path / "j.xml", tmp_path / "s.md", tmp_path / "r.html"
    report.write_text("an older one")
    files = ["--junit", junit, "--summary", summary, "--report", report]
    options = [*files, "--fail-under", "0.5", "--baseline", baseline]
    ended = await run("score", *options, *answers(tmp_path / "new", *[BAD] * 10, *[GOOD] * 20), env=env)
    assert ended.code == 1
    suites = ET.parse(junit).getroot()
    assert [suite.get("name") for suite in suites] == ["gates", suites[1].get("name")]
    assert (suites[0].get("tests"), suites[0].get("failures"), suites[1].get("failures")) == ("2", "1", "10")
    assert summary.read_text().startswith("## ")
    assert "❌ fail" in summary.read_text()
    page = report.read_text()
    assert page.lower().startswith("<!doctype html>")
    assert BAD in page
    assert sorted(path.name for path in folder_of(tmp_path)) == ["j.xml", "new", "r.html", "s.md"]
    assert f"Wrote {junit}\nWrote {report}\nWrote {summary}\n" in ended.stderr
    umask = os.umask(0)
    os.umask(umask)
    assert junit.stat().st_mode & 0o777 == 0o666 & ~umask


async def test_step_summary_is_added_to(tmp_path: Path) -> None:
    summary = tmp_path / "step.md"
    summary.write_text("Before\n")
    for arguments in ([], ["--summary", summary]):
        ended = await gate(*arguments, *answers(tmp_path, GOOD), env={"GITHUB_STEP_SUMMARY": str(summary)})
        assert (ended.code, ended.stderr) == (0, "")
    assert summary.read_text().startswith("Before\n## ")
    assert summary.read_text().count("| Run |") == 2
    other = tmp_path / "other.md"
    await gate("--summary", other, *answers(tmp_path, GOOD), env={"GITHUB_STEP_SUMMARY": str(summary)})
    assert summary.read_text().count("| Run |") == 2
    assert other.read_text().startswith("## ")


async def test_step_summary_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    env = {"GITHUB_STEP_SUMMARY": str(tmp_path / "nowhere" / "step.md")}
    ended = await run("score", "--sandbox", *answers(tmp_path, GOOD), env=env)
    assert ended.code == 0
    assert "There will be no summary in $GITHUB_STEP_SUMMARY: No such file or directory" in ended.stderr


@pytest.mark.parametrize("option", ["--junit", "--summary", "--report"])
async def test_file_that_cannot_be_written_is_told_before_anything_is_sent(
    option: str, sandbox: Sandbox, env: dict[str, str], tmp_path: Path
) -> None:
    files = answers(tmp_path, GOOD)
    ended = await run("score", option, tmp_path / "nowhere" / "f", *files, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert f"{option}: {tmp_path / 'nowhere' / 'f'} cannot be written: No such file or directory" in ended.stderr
    ended = await run("score", option, tmp_path, *files, env=env)
    assert ended.code == 2
    if os.geteuid():
        locked = tmp_path / "locked"
        locked.touch(0o444)
        ended = await run("score", option, locked, *files, env=env)
        assert (ended.code, "it is read-only" in ended.stderr) == (2, True)
    assert not sandbox.requests


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
async def test_file_lost_after_scoring_leaves_the_data(tmp_path: Path) -> None:
    ended = await gate("--junit", "/dev/full", *answers(tmp_path, GOOD))
    assert ended.code == 74
    assert ended.stderr == (
        "error: the output could not be written: /dev/full: No space left on device. Write it somewhere else.\n"
    )
    assert ended.stdout.startswith("Pass rate 100%")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fail-under", "95"], "'95' is no share from 0.0 to 1.0, such as 0.95 or 95%."),
        (["--fail-under", "nan"], "'nan' is no share"),
        (["--fail-under", "high"], "'high' is no share"),
        (["--fail-under", "-5%"], "'-5%' is no share"),
        (["--min-scored", "5"], "--min-scored says what --fail-under needs"),
        (["--fail-under", "0.5", "--min-scored", "0"], "0 is not in the range x>=1"),
        (["--strict"], "--strict says what an inconclusive gate means"),
        (["--junit", "/tmp/same", "--report", "/tmp/same"], "--junit and --report name the same file"),
        (["--baseline", "score_run.x"], "leave out --baseline"),
    ],
)
def test_wrong_options(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invocation.run(["score", "--sandbox", *options, "--prompts", str(PROMPTS), str(RESPONSES)]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert said in " ".join(written.err.split())


def without(module: str, *arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.modules[{module!r}] = None; from aymara_async.cli import main; main()"
    command = [sys.executable, "-c", code, "score", *arguments]
    return subprocess.run(command, capture_output=True, check=False, text=True, env=own_environment(**env))


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("scipy", ["--fail-under", "0.5"]),
        ("scipy", ["--baseline", "score_run.x"]),
        ("scipy", ["--junit", "j.xml"]),
        ("scipy", ["--summary", "s.md"]),
        ("jinja2", ["--report", "r.html"]),
    ],
)
async def test_missing_extra_is_told_before_anything_is_sent(
    module: str, options: list[str], sandbox: Sandbox, env: dict[str, str], tmp_path: Path
) -> None:
    ended = without(module, *options, *answers(tmp_path, GOOD), **env)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "pip install 'aymara-async[analysis]'" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not sandbox.requests


def test_score_needs_no_analysis_where_nothing_asks_for_it(tmp_path: Path) -> None:
    env = {"GITHUB_STEP_SUMMARY": str(tmp_path / "step.md")}
    ended = without("scipy", "--sandbox", "--format", "json", *answers(tmp_path, GOOD), **env)
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["gates"] == []
    assert "There will be no summary in $GITHUB_STEP_SUMMARY: This needs the package 'scipy'" in ended.stderr


def test_default_is_that_of_the_analysis() -> None:
    assert gates.MIN_SCORED == MIN_SCORED


async def test_left_out_responses_keep_the_baseline_from_passing(
    sandbox: Sandbox, env: dict[str, str], tmp_path: Path
) -> None:
    baseline = await baseline_of(sandbox, "P" * 30)
    option, prompts, _ = answers(tmp_path / "new", *[GOOD] * 30)
    responses = jsonl(tmp_path / "some.jsonl", [{"id": f"p{number}", "content": GOOD} for number in range(20)])
    ended, _ = await run_of(env, [option, prompts, responses], "--baseline", baseline)
    assert ended.code == 5
    reason = ended.json()["gates"][0]["reason"]
    assert "10 that passed before have no score now: had they failed, it would be worse." in reason
