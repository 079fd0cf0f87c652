"""What the server lists, beside what the journal knows: temporary tables, and operations on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import attrs
import msgspec

from aymara_async.bulk import journal_tables as tables
from aymara_async.bulk.journal_entries import Run, SentBatch
from aymara_async.bulk.turns import Turn
from aymara_async.models import ScoredResponse
from aymara_async.transport.codec import decoder


class Stray(NamedTuple):
    """A response that a run of this job lists, and the journal knows nothing of."""

    id: int
    run: int
    scored: ScoredResponse


_UNKNOWN = """
SELECT given.key FROM json_each(?) AS given
WHERE NOT EXISTS (SELECT 1 FROM temp.listed WHERE listed.key = json_extract(given.value, '$[0]'))
  AND NOT EXISTS (
    SELECT 1 FROM temp.turns WHERE turns.prompt_uuid = json_extract(given.value, '$[1]')
    AND turns.response_uuid = json_extract(given.value, '$[2]') AND turns.state = 2)
ORDER BY given.key
"""
_LIST = """
INSERT OR IGNORE INTO temp.listed SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),
json_extract(value, '$[2]') FROM json_each(?)
"""


def add_listed(rows: Sequence[tuple[str, str, str | None]], db: sqlite3.Connection) -> tuple[list[int], int]:
    """Store key, prompt and id of what is listed; return which are new and have no result, and how many are new."""
    tables.follow(db)
    given = tables.as_json(rows)
    unknown = [place for (place,) in db.execute(_UNKNOWN, (given,))]
    return unknown, db.execute(_LIST, (given,)).rowcount


def forget_listed(db: sqlite3.Connection) -> None:
    """Begin another list."""
    db.execute("DELETE FROM temp.listed")


_CONTENDERS = """
SELECT turns.id, turns.number, turns.prompt_uuid, turns.thread_uuid, turns.turn_number, turns.digest
FROM temp.turns JOIN batches ON batches.id = turns.batch
WHERE turns.prompt_uuid IN (SELECT value FROM json_each(:prompts)) AND batches.run = :run
AND (turns.state = 1 OR turns.state = 2 AND turns.response_uuid IS NULL)
"""
_TAKEN = """
SELECT response_uuid FROM temp.turns WHERE prompt_uuid IN (SELECT value FROM json_each(?)) AND state = 2
AND response_uuid IS NOT NULL
"""


def contenders(prompt_uuids: Sequence[str], run_id: int, db: sqlite3.Connection) -> tuple[list[Turn], set[str]]:
    """Return the turns of these prompts that may be in the run, and the ids of responses whose turn is known."""
    tables.follow(db)
    prompts = tables.as_json(prompt_uuids)
    turns = [tables.turn_of(*row) for row in db.execute(_CONTENDERS, {"prompts": prompts, "run": run_id})]
    return turns, {uuid for (uuid,) in db.execute(_TAKEN, (prompts,))}


_NOT_LISTED = """
SELECT prompt_uuid FROM temp.turns WHERE state = 2 AND batch IN (SELECT id FROM batches WHERE run = ?) AND (
  response_uuid NOT IN (SELECT response_uuid FROM temp.listed WHERE response_uuid IS NOT NULL)
  OR response_uuid IS NULL AND prompt_uuid NOT IN (SELECT prompt_uuid FROM temp.listed)
  OR response_uuid IS NOT NULL AND id NOT IN (SELECT min(id) FROM temp.turns GROUP BY response_uuid))
"""
_NOT_KNOWN = """
SELECT response_uuid, prompt_uuid FROM temp.listed
WHERE response_uuid NOT IN (SELECT response_uuid FROM temp.turns WHERE state = 2 AND response_uuid IS NOT NULL)
AND prompt_uuid IN (SELECT prompt_uuid FROM temp.turns WHERE state = 2)
"""


def compare_listed(run_id: int, db: sqlite3.Connection) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the prompts of results that are not listed, and id and prompt of what is listed beside the results."""
    tables.follow(db)
    missing = [prompt for (prompt,) in db.execute(_NOT_LISTED, (run_id,))]
    return missing, [(uuid, prompt) for uuid, prompt in db.execute(_NOT_KNOWN)]


def keep_strays(run: Run, strays: Sequence[ScoredResponse], db: sqlite3.Connection) -> None:
    """Keep what the input may yet have a row for."""
    rows = [(run.id, scored.prompt_uuid, msgspec.json.encode(scored)) for scored in strays]
    db.executemany("INSERT INTO temp.strays (run, prompt_uuid, scored) VALUES (?, ?, ?)", rows)


def forget_strays(run: Run, db: sqlite3.Connection) -> None:
    """Forget them, as the run is read again."""
    db.execute("DELETE FROM temp.strays WHERE run = ?", (run.id,))


def strays(prompt_uuids: Sequence[str], db: sqlite3.Connection) -> list[Stray]:
    """Return what is kept for these prompts."""
    wanted = "SELECT id, run, scored FROM temp.strays WHERE prompt_uuid IN (SELECT value FROM json_each(?)) ORDER BY id"
    decode = decoder(ScoredResponse)
    rows = db.execute(wanted, (tables.as_json(prompt_uuids),)).fetchall()
    return [Stray(row, run, decode(scored)) for row, run, scored in rows]


def adopt(found: Sequence[tuple[Turn, Stray]], db: sqlite3.Connection, *, is_kept: bool) -> list[SentBatch]:
    """Store that these turns were sent by an earlier job, with their results; return those without one."""
    unscored: list[SentBatch] = []
    for run_id in {stray.run for _, stray in found}:
        runs = db.execute("SELECT id, name, eval_run_uuid, scored FROM runs WHERE id = ?", (run_id,))
        run = Run(*runs.fetchone())
        assert run.eval_run_uuid is not None, "it was read"
        pairs = [(turn, stray.scored) for turn, stray in found if stray.run == run_id]
        batch = tables.intend([turn for turn, _ in pairs], run, run.name, db, is_kept=is_kept)
        done = [(turn, scored) for turn, scored in pairs if turn.is_done(scored)]
        tables.record(batch, run.eval_run_uuid, done, db, keeps_results=is_kept)
        rest = [turn for turn, scored in pairs if not turn.is_done(scored)]
        if rest:
            unscored.append(attrs.evolve(batch, turns=rest))
    db.executemany("DELETE FROM temp.strays WHERE id = ?", [(stray.id,) for _, stray in found])
    return unscored


def learn_run(name: str, eval_run_uuid: str, db: sqlite3.Connection) -> Run:
    """Store which run of the server's has the name."""
    db.execute(
        "INSERT INTO runs (name, eval_run_uuid) VALUES (?, ?) "
        "ON CONFLICT DO UPDATE SET eval_run_uuid = ifnull(eval_run_uuid, excluded.eval_run_uuid)",
        (name, eval_run_uuid),
    )
    rows = db.execute("SELECT id, name, eval_run_uuid, scored FROM runs WHERE name = ?", (name,))
    return Run(*rows.fetchone())
