"""``safe`` in a prompts file, which the embedded sandbox alone is told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.process import jsonl, run

SAID = '"safe" in the prompts is ignored: only the judge of --sandbox is told of it\n'


@pytest.mark.parametrize(("safe", "options", "is_told"), [(True, [], 1), (False, [], 0), (True, ["--sandbox"], 0)])
async def test_it_is_told_once_where_it_is_ignored(
    safe: bool, options: list[str], is_told: int, env: dict[str, str], tmp_path: Path
) -> None:
    prompts = jsonl(tmp_path / "p.jsonl", [{"id": one, "content": f"Q{one}", "safe": safe} for one in "ab"])
    responses = jsonl(tmp_path / "r.jsonl", [{"id": one, "content": "A"} for one in "ab"])
    environment = {} if options else env
    scored = await run("score", *options, "--prompts", prompts, responses, env=environment)
    new = ["--ai-description", "x", "--eval-type", "safety", "--command", "echo No"]
    asked = await run("run", *options, *new, "--prompts", prompts, env=environment)
    for ended in (scored, asked):
        assert (ended.code, ended.stderr.count(SAID)) == (0, is_told)
