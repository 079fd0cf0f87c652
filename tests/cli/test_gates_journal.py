"""Gates with ``--journal``: they judge the responses of the file, whatever else the journal's run holds."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from aymara_async.sandbox import Sandbox
from tests.cli.process import Ended, jsonl, run
from tests.cli.test_gates import BAD, GOOD, answers, baseline_of
from tests.cli.test_score_eval import make_eval

MANY = 60


class Journaled:
    """``score --journal``, again and again with the same prompts and other responses."""

    def __init__(self, folder: Path, env: dict[str, str], prompts: list[object], ids: list[str]) -> None:
        self.junit, self.summary = folder / "j.xml", folder / "s.md"
        self._prompts, self._ids, self._env, self._folder = prompts, ids, env, folder

    async def score(self, *contents: str, options: list[object] | None = None) -> Ended:
        rows = [{"id": uuid, "content": said} for uuid, said in zip(self._ids, contents, strict=False)]
        files = ["--junit", self.junit, "--summary", self.summary, "--journal", self._folder / "j"]
        gate = ["-q", "--format", "json", "--fail-under", "0.5", *files, *(options or [])]
        return await run("score", *gate, *self._prompts, jsonl(self._folder / "r.jsonl", rows), env=self._env)


@pytest.fixture(params=["--prompts", "--eval"])
async def journaled(request: pytest.FixtureRequest, sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> Journaled:
    if request.param == "--eval":
        eval_uuid, uuids = await make_eval(sandbox, MANY)
        return Journaled(tmp_path, env, ["--eval", eval_uuid], uuids)
    option, prompts, _ = answers(tmp_path, *[GOOD] * MANY)
    return Journaled(tmp_path, env, [option, prompts], [f"p{number}" for number in range(MANY)])


def reason_of(ended: Ended) -> str:
    return str(ended.json()["gates"][0]["reason"])


async def test_part_of_what_was_scored_is_judged_alone(journaled: Journaled) -> None:
    contents = [BAD] * 20 + [GOOD] * 40
    assert (await journaled.score(*contents)).code == 0
    ended = await journaled.score(*contents[:20])
    assert (ended.code, ended.json()["pass_rate"]) == (5, 0.0)
    assert reason_of(ended).startswith("0 of 20 scored responses passed")
    assert "40 more have no score" in reason_of(ended)
    suites = ET.parse(journaled.junit).getroot()
    assert [suite.get("failures") for suite in suites][1:] == ["20"]
    cells = journaled.summary.read_text().splitlines()[4].split("|")
    assert [cell.strip() for cell in cells[5:8]] == ["0", "20", "40"]
    assert (await journaled.score(*contents[:20], options=["--strict"])).code == 1


async def test_other_answers_are_not_judged_by_the_scores_of_the_first(journaled: Journaled, sandbox: Sandbox) -> None:
    assert (await journaled.score(*[GOOD] * 59)).code == 0
    ended = await journaled.score(*[BAD] * 60)
    assert (ended.code, ended.stdout) == (2, "")
    assert "score changed responses with a journal of their own. It was not sent, nor what comes" in ended.stderr
    assert "--on-invalid" not in ended.stderr
    ended = await journaled.score(*[BAD] * 60, options=["--on-invalid", "skip", "--min-scored", "1"])
    assert (ended.code, ended.json()["num_scored"], ended.json()["num_skipped"]) == (5, 1, 59)
    assert reason_of(ended).startswith("0 of 1 scored responses passed")
    assert len(sandbox.scored) == 60


async def test_baseline_is_compared_with_the_file(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    baseline = await baseline_of(sandbox, "P" * 30)
    option, prompts, _ = answers(tmp_path, *[GOOD] * 30)
    scored = Journaled(tmp_path, env, [option, prompts], [f"p{number}" for number in range(30)])
    options: list[object] = ["--baseline", baseline]
    assert (await scored.score(*[GOOD] * 30, options=options)).code == 0
    ended = await scored.score(*[GOOD] * 20, options=options)
    assert (ended.code, [gate["decision"] for gate in ended.json()["gates"]]) == (5, ["inconclusive"] * 2)
    assert "10 that passed before have no score now" in ended.json()["gates"][1]["reason"]


async def test_same_file_again_and_a_file_that_grew_are_judged_whole(journaled: Journaled, sandbox: Sandbox) -> None:
    for count in (40, 40, 60):
        ended = await journaled.score(*[GOOD] * count)
        assert (ended.code, ended.json()["num_scored"]) == (0, count)
        assert reason_of(ended).startswith(f"{count} of {count} scored responses passed")
    assert (len(sandbox.scored), set(sandbox.scored.values())) == (60, {1})
