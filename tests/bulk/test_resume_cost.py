"""What it costs to open a journal again grows with what it holds, and no faster; counted, not timed."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from aymara_async import ScoredResponse
from aymara_async.bulk import journal_tables
from aymara_async.bulk.journal import Journal
from tests.bulk.test_journal import item, open_journal

BATCH = 50
STEPS = 100
"""Instructions of SQLite's machine between two counts."""


async def store(journal: Journal, number: int) -> None:
    for first in range(1, number + 1, BATCH):
        items = [item(one) for one in range(first, first + BATCH)]
        turns = [one.turn for one in await journal.register(items, knows_prompts=False)]
        batch = await journal.intend(turns, None)
        scored = [(turn, ScoredResponse(prompt_uuid=turn.prompt_uuid, response_uuid=f"r{turn.id}")) for turn in turns]
        await journal.record(batch, f"run {first}", scored)


async def cost_of_opening(path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> int:
    journal = await open_journal(path)
    await store(journal, number)
    await journal.close()
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    def begin(db: sqlite3.Connection, **told: Any) -> tuple[int, str]:
        db.set_progress_handler(count, STEPS)
        begun = begin_session(db, **told)
        db.set_progress_handler(None, 0)
        return begun

    begin_session = journal_tables.begin_session
    with monkeypatch.context() as patch:
        patch.setattr(journal_tables, "begin_session", begin)
        journal = await open_journal(path)
    known = await journal.register([item(1), item(number)], knows_prompts=False)
    assert [one.scored is not None for one in known] == [True, True]
    await journal.close()
    return counted


async def test_eight_times_as_many_results_cost_about_eight_times_as_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = await cost_of_opening(tmp_path / "few", 100, monkeypatch)
    many = await cost_of_opening(tmp_path / "many", 800, monkeypatch)
    assert 0 < few < many < 16 * few
