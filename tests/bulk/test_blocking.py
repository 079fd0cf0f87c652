"""BulkScorer: the same, blocking."""

from __future__ import annotations

import inspect
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aymara_async import AsyncAymaraAI, AymaraAI, RequestValidationError
from aymara_async.bulk.blocking import BulkScorer
from aymara_async.bulk.errors import InvalidResponseError
from aymara_async.bulk.scorer import AsyncBulkScorer
from aymara_async.runner import EvalRunner
from aymara_async.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[AymaraAI]:
    with AymaraAI(api_key=sandbox.api_key, base_url=sandbox.url) as client:
        yield client


def make_rows(client: AymaraAI, number: int) -> tuple[str, list[dict[str, object]]]:
    created = client.evals.create(ai_description="x", eval_type="safety", num_prompts=number)
    client.evals.wait(created.eval_uuid)
    assert created.eval_uuid
    prompts = client.evals.list_prompts(created.eval_uuid)
    return created.eval_uuid, [{"prompt_uuid": prompt.prompt_uuid, "content": "x"} for prompt in prompts]


def test_run_and_score(client: AymaraAI, sandbox: Sandbox, tmp_path: Path) -> None:
    eval_uuid, rows = make_rows(client, 40)
    scorer = BulkScorer(client, eval_uuid=eval_uuid, batch_size=7, journal=tmp_path / "j")
    result = scorer.run(row for row in rows)
    assert result.scored == 40
    with scorer.score(rows) as stream:
        assert sorted(one.prompt_uuid for one in stream) == sorted(str(row["prompt_uuid"]) for row in rows)
    assert stream.result.resumed == 40
    assert set(sandbox.scored.values()) == {1}


def test_chunks(client: AymaraAI) -> None:
    eval_uuid, rows = make_rows(client, 40)
    with BulkScorer(client, eval_uuid=eval_uuid, batch_size=7).score(rows) as stream:
        chunks = list(stream.chunks())
    assert sorted(map(len, chunks)) == [5, 7, 7, 7, 7, 7]
    assert stream.result.scored == 40


def test_leaving_early_frees_the_journal(client: AymaraAI, sandbox: Sandbox, tmp_path: Path) -> None:
    eval_uuid, rows = make_rows(client, 40)
    scorer = BulkScorer(client, eval_uuid=eval_uuid, batch_size=5, journal=tmp_path / "j", grace_period=0.2)
    for _ in scorer.score(rows):
        break
    with scorer.score(rows) as stream:
        next(stream)
    assert scorer.run(rows).scored == 40
    assert set(sandbox.scored.values()) == {1}


def test_errors_reach_the_caller(client: AymaraAI) -> None:
    eval_uuid, rows = make_rows(client, 2)
    with pytest.raises(InvalidResponseError, match="Row 3"):
        BulkScorer(client, eval_uuid=eval_uuid).run([*rows, {"prompt_uuid": ""}])


def test_the_signature_is_that_of_the_async_twin() -> None:
    ours, twin = inspect.signature(BulkScorer.__init__), inspect.signature(AsyncBulkScorer.__init__)
    assert list(ours.parameters) == list(twin.parameters)
    assert inspect.signature(BulkScorer.run) == inspect.signature(AsyncBulkScorer.run)
    assert inspect.signature(BulkScorer.score).parameters == inspect.signature(AsyncBulkScorer.score).parameters


SCRIPTS = {
    "async": """
        async def main():
            async with AsyncAymaraAI(api_key=sys.argv[2], base_url=sys.argv[1]) as client:
                async for _ in AsyncBulkScorer(client, **arguments).score(rows()):
                    pass
        asyncio.run(main())
    """,
    "blocking": """
        with AymaraAI(api_key=sys.argv[2], base_url=sys.argv[1]) as client:
            BulkScorer(client, **arguments).run(rows())
    """,
}
PRELUDE = """
import asyncio, json, sys
from aymara_async import AsyncAymaraAI, AymaraAI
from aymara_async.bulk.blocking import BulkScorer
from aymara_async.bulk.scorer import AsyncBulkScorer

arguments = {"eval_uuid": sys.argv[3], "journal": sys.argv[4], "batch_size": 1, "grace_period": 0.2}

def rows():
    for number, line in enumerate(open(sys.argv[5])):
        if number == 10:
            print("ready", flush=True)
        yield json.loads(line)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
@pytest.mark.parametrize("way", SCRIPTS)
def test_ctrl_c_leaves_a_journal_that_resumes(client: AymaraAI, sandbox: Sandbox, tmp_path: Path, way: str) -> None:
    import json

    eval_uuid, rows = make_rows(client, 100)
    sandbox.add_fault("latency@evals.runs.score_responses:seconds=0.05")
    file, journal = tmp_path / "rows.jsonl", tmp_path / "j"
    file.write_text("\n".join(map(json.dumps, rows)))
    arguments = [sandbox.url, sandbox.api_key, eval_uuid, str(journal), str(file)]
    # A shell that runs the tests in the background has them ignore SIGINT, and all that they start.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    script = listening + PRELUDE + textwrap.dedent(SCRIPTS[way])
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert "never" not in errors
    assert process.returncode != 0
    sandbox.clear_faults()
    result = BulkScorer(client, eval_uuid=eval_uuid, journal=journal, grace_period=0.2).run(rows)
    assert result.scored == 100
    assert result.resumed > 0
    assert len(sandbox.scored) == 100
    assert set(sandbox.scored.values()) == {1}


def test_the_other_kind_of_client(client: AymaraAI) -> None:
    given: Any = client
    with pytest.raises(RequestValidationError, match=r"must be an AsyncAymaraAI, not .*; with an AymaraAI use BulkSc"):
        AsyncBulkScorer(given, eval_uuid="x")
    given = AsyncAymaraAI(api_key="x", base_url=client.base_url)
    with pytest.raises(RequestValidationError, match=r"must be an AymaraAI, not .*; with an AsyncAymaraAI use AsyncB"):
        BulkScorer(given, eval_uuid="x")


def test_help_tells_of_the_blocking_client() -> None:
    assert inspect.signature(BulkScorer).parameters["client"].annotation == "AymaraAI"
    assert inspect.signature(EvalRunner).parameters["client"].annotation == "AymaraAI"
