"""How things stand where ``aymara-async score`` stops: nothing that is not so, no advice that leads nowhere."""

from __future__ import annotations

from pathlib import Path

from aymara_async.runner.answer_journal import AnswerJournal
from aymara_async.sandbox import Sandbox
from tests.cli.process import Ended, jsonl, run
from tests.cli.test_gates import BAD, GOOD, answers
from tests.cli.test_score_eval import make_eval

STANDS = "How things stand: "


def stands(ended: Ended) -> str:
    assert ended.stdout == ""
    return ended.stderr.partition(STANDS)[2].strip()


async def test_unknown_baseline(env: dict[str, str], tmp_path: Path) -> None:
    for journal in ([], ["--journal", tmp_path / "j"]):
        ended = await run("score", "--baseline", "nobody", *journal, *answers(tmp_path, GOOD), env=env)
        assert (ended.code, stands(ended)) == (3, "No eval was created. No response was sent.")


async def test_first_row_at_fault(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    eval_uuid, _ = await make_eval(sandbox)
    responses = jsonl(tmp_path / "r.jsonl", [{"id": "nobody", "content": GOOD}])
    for journal in ([], ["--journal", tmp_path / "j"]):
        ended = await run("score", *journal, "--eval", eval_uuid, responses, env=env)
        assert (ended.code, stands(ended)) == (2, "No eval was created. No response was sent.")


async def test_changed_response(env: dict[str, str], tmp_path: Path) -> None:
    for content in (GOOD, BAD):
        ended = await run("score", "--journal", tmp_path / "j", *answers(tmp_path, content), env=env)
    assert ended.code == 2
    assert stands(ended).endswith(" stays at the server. No response was sent.")


async def test_journal_in_use(env: dict[str, str], tmp_path: Path) -> None:
    other = await AnswerJournal.open(tmp_path / "j")
    try:
        ended = await run("score", "--journal", tmp_path / "j", *answers(tmp_path, GOOD), env=env)
    finally:
        await other.close()
    assert "is in use by another process" in ended.stderr
    assert (ended.code, stands(ended)) == (2, "No eval was created. No response was sent.")
