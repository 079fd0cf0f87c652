"""What the journal writes and reads, as operations on its tables; each runs as part of a commit.

A batch goes to SQLite as one JSON array: one statement for all its rows, during which other threads can run.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import msgspec

from aymara_async.bulk.journal_entries import Registered, Run, SentBatch
from aymara_async.bulk.turns import Item, Turn
from aymara_async.journal.errors import JournalError
from aymara_async.models import ScoredResponse
from aymara_async.transport.codec import decoder

NEW, SENT, SCORED = 0, 1, 2
FOLLOWED_AT_ONCE = 16
"""So many results at most are recorded before the table of turns follows, even if nothing is asked of it."""


def as_json(value: object) -> str:
    """Make the JSON that a statement takes."""
    return msgspec.json.encode(value).decode()


def add_prompts(prompt_uuids: Sequence[str], db: sqlite3.Connection) -> None:
    """Store the eval's prompts."""
    db.execute("INSERT OR IGNORE INTO temp.prompts SELECT value FROM json_each(?)", (as_json(prompt_uuids),))


def begin_session(
    db: sqlite3.Connection, *, path: Path | None, identity: Mapping[str, object], run_name: str
) -> tuple[int, str]:
    """Check that the journal is this job's, and count the session; return its number and the run name."""
    wanted = {name: as_json(value) for name, value in identity.items()}
    settings = dict(db.execute("SELECT name, value FROM settings").fetchall())
    if not settings:
        settings = {**wanted, "run_name": run_name, "session": "0"}
    for name, value in wanted.items():
        if settings.get(name) != value:
            raise JournalError(
                f"The journal {path} belongs to another job: its {name} is {settings.get(name)}, not {value}. It was "
                "left as it is and nothing was sent; name another file.",
                path=str(path),
            )
    session = int(settings["session"]) + 1
    settings["session"] = str(session)
    db.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", settings.items())
    if session > 1:
        db.execute(_RECALL_TURNS)
        follow(db)
    return session, settings["run_name"]


def follow(db: sqlite3.Connection) -> None:
    """Bring the table of turns up to what was sent and recorded, before it is asked about that."""
    db.execute(
        "UPDATE temp.followed SET batch = (SELECT ifnull(max(id), 0) FROM batches), "
        "result = (SELECT ifnull(max(id), 0) FROM results)"
    )


_RECALL_TURNS = """
INSERT INTO temp.turns (id, number, prompt_uuid, thread_uuid, turn_number, digest, session)
SELECT json_extract(sent.value, '$[0]'), json_extract(sent.value, '$[1]'), json_extract(sent.value, '$[2]'),
       ifnull(json_extract(sent.value, '$[3]'), ''), json_extract(sent.value, '$[4]'), json_extract(sent.value, '$[5]'),
       0
FROM batches CROSS JOIN json_each(batches.turns) AS sent
WHERE true ORDER BY batches.id
ON CONFLICT (id) DO UPDATE SET number = excluded.number, digest = excluded.digest
"""
_INSERT_TURNS = """
INSERT INTO temp.turns (prompt_uuid, thread_uuid, turn_number, digest, session, number)
SELECT json_extract(given.value, '$[1]'), json_extract(given.value, '$[2]'), json_extract(given.value, '$[3]'),
       json_extract(given.value, '$[4]'), :session, json_extract(given.value, '$[0]')
FROM json_each(:given) AS given WHERE true ORDER BY given.key ON CONFLICT DO NOTHING
"""
_FIND_TURNS = """
SELECT turns.id, turns.state, turns.session, turns.number, turns.digest, turns.result, turns.place,
       EXISTS (SELECT 1 FROM temp.prompts WHERE prompts.prompt_uuid = turns.prompt_uuid)
FROM json_each(:given) AS given
CROSS JOIN temp.turns ON turns.prompt_uuid = json_extract(given.value, '$[1]')
  AND turns.thread_uuid = json_extract(given.value, '$[2]') AND turns.turn_number = json_extract(given.value, '$[3]')
ORDER BY given.key
"""
_MEET_AGAIN = "UPDATE temp.turns SET session = ?, number = ?, digest = ? WHERE id = ?"


def register(items: Sequence[Item], db: sqlite3.Connection, *, session: int, knows_prompts: bool) -> list[Registered]:
    """Store what is new, and tell what is known of each."""
    given = as_json(
        [(item.number, item.prompt_uuid, item.thread_uuid or "", item.turn_number, item.digest) for item in items]
    )
    inserted = db.execute(_INSERT_TURNS, {"given": given, "session": session})
    if inserted.rowcount == len(items) and not knows_prompts:  # all are new, and have got ids in their order
        assert inserted.lastrowid is not None
        first_id = inserted.lastrowid - len(items) + 1
        return [Registered(item.turn(turn_id)) for turn_id, item in enumerate(items, first_id)]
    follow(db)
    rows = db.execute(_FIND_TURNS, {"given": given}).fetchall()
    results = _results(db, {(row[5], row[6]) for row in rows if row[5] is not None})
    registered: list[Registered] = []
    met: dict[int, int] = {}
    for item, row in zip(items, rows, strict=True):
        turn_id, state, seen_in, number, digest, result, place, is_known = row
        turn = item.turn(turn_id)
        first = number if seen_in == session else met.setdefault(turn_id, item.number)
        if first != item.number:
            registered.append(Registered(turn, duplicate_of=first))
        elif state != NEW and digest != item.digest:
            registered.append(Registered(turn, is_changed=True))
        else:
            is_known_prompt = bool(is_known) or not knows_prompts or item.turn_number > 1
            scored = results[result, place] if state == SCORED else None
            registered.append(Registered(turn, is_known_prompt=is_known_prompt, is_sent=state == SENT, scored=scored))
            if seen_in != session:
                db.execute(_MEET_AGAIN, (session, item.number, item.digest, turn_id))
    return registered


def _results(db: sqlite3.Connection, wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], ScoredResponse]:
    """Read results at their places, one batch after the other, since the input may have them in any order."""
    places = defaultdict[int, list[int]](list)
    for result, place in wanted:
        places[result].append(place)
    found: dict[tuple[int, int], ScoredResponse] = {}
    decode = decoder(ScoredResponse)
    for result, those in places.items():
        ((scored,),) = db.execute("SELECT scored FROM results WHERE id = ?", (result,)).fetchall()
        parts = msgspec.json.decode(scored, type=list[msgspec.Raw])
        found.update({(result, place): decode(bytes(parts[place])) for place in those})
    return found


_ADD_TO_RUN = "INSERT INTO batches (run, already, turns) SELECT id, scored, ? FROM runs WHERE id = ?"


def intend(
    turns: Sequence[Turn], run: Run | None, run_name: str, db: sqlite3.Connection, *, is_kept: bool
) -> SentBatch:
    """Store a batch, and that its turns are sent with it."""
    given = as_json(turns if is_kept else [(turn.id,) for turn in turns])
    if run is not None:
        batch = db.execute(_ADD_TO_RUN, (given, run.id)).lastrowid
    else:
        batch = db.execute("INSERT INTO batches (run, already, turns) VALUES (0, 0, ?)", (given,)).lastrowid
        name = f"{run_name} {batch:06d}"
        if db.execute("SELECT 1 FROM runs WHERE name = ?", (name,)).fetchone():  # of a batch that the journal had lost
            name += f" {secrets.token_hex(4)}"
        run_id = db.execute("INSERT INTO runs (name) VALUES (?)", (name,)).lastrowid
        assert run_id is not None, "it was just inserted"
        db.execute("UPDATE batches SET run = ? WHERE id = ?", (run_id, batch))
        run = Run(run_id, name, None)
    assert batch is not None, "it was just inserted"
    return SentBatch(batch, run, turns)


def already(batches: Iterable[int], db: sqlite3.Connection) -> int:
    """Return how many responses their run held when the first of these batches was sent."""
    wanted = "SELECT min(already) FROM batches WHERE id IN (SELECT value FROM json_each(?))"
    return int(db.execute(wanted, (as_json(batches),)).fetchone()[0])


def release(batch: SentBatch, db: sqlite3.Connection) -> None:
    """Store that what is not scored of a batch is as if it had not been sent."""
    follow(db)
    db.execute("UPDATE batches SET is_open = 0 WHERE id = ?", (batch.id,))
    db.execute("UPDATE temp.turns SET state = ? WHERE batch = ? AND state = ?", (NEW, batch.id, SENT))


def turn_of(turn_id: int, number: int, prompt_uuid: str, thread_uuid: str, turn_number: int, digest: str) -> Turn:
    """Make a turn of its columns."""
    return Turn(turn_id, number, prompt_uuid, thread_uuid or None, turn_number, digest)


def record(
    batch: SentBatch,
    eval_run_uuid: str,
    found: Sequence[tuple[Turn, ScoredResponse]],
    db: sqlite3.Connection,
    *,
    keeps_results: bool,
) -> None:
    """Store results, and where they are."""
    count = "UPDATE runs SET scored = scored + ? WHERE id = ? AND eval_run_uuid = ?"
    if not db.execute(count, (len(found), batch.run.id, eval_run_uuid)).rowcount:
        db.execute(count, (len(found), _run_at(batch, eval_run_uuid, db), eval_run_uuid))
    turns = as_json([(turn.id, scored.response_uuid) for turn, scored in found])
    scored = msgspec.json.encode([scored for _, scored in found]) if keeps_results else b""
    result = db.execute("INSERT INTO results (turns, scored) VALUES (?, ?)", (turns, scored)).lastrowid
    assert result is not None, "it was just inserted"
    if result % FOLLOWED_AT_ONCE == 0:
        follow(db)


def _run_at(batch: SentBatch, eval_run_uuid: str, db: sqlite3.Connection) -> int:
    """Return the run that the server put the batch in, where the one it was sent to is not known to be that."""
    learn = "UPDATE runs SET eval_run_uuid = ? WHERE id = ? AND eval_run_uuid IS NULL"
    if db.execute(learn, (eval_run_uuid, batch.run.id)).rowcount:
        return batch.run.id
    name = f"{batch.run.name} in {eval_run_uuid}"
    db.execute("INSERT INTO runs (name, eval_run_uuid) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, eval_run_uuid))
    ((run_id,),) = db.execute("SELECT id FROM runs WHERE name = ?", (name,)).fetchall()
    db.execute("UPDATE batches SET run = ? WHERE id = ?", (run_id, batch.id))
    return int(run_id)


_SENT = """
SELECT batches.id, runs.id, runs.name, runs.eval_run_uuid, runs.scored,
       turns.id, turns.number, turns.prompt_uuid, turns.thread_uuid, turns.turn_number, turns.digest
FROM temp.turns JOIN batches ON batches.id = turns.batch JOIN runs ON runs.id = batches.run
WHERE turns.state = ? ORDER BY batches.id, turns.number
"""


def sent(db: sqlite3.Connection) -> list[SentBatch]:
    """Return the batches with turns that are sent and not scored."""
    follow(db)
    turns = defaultdict[SentBatch, list[Turn]](list)
    for batch_id, run_id, name, run_uuid, scored, *turn in db.execute(_SENT, (SENT,)):
        batch = SentBatch(batch_id, Run(run_id, name, run_uuid, scored), ())
        turns[batch].append(turn_of(*turn))
    return [attrs.evolve(batch, turns=held) for batch, held in turns.items()]


def runs(db: sqlite3.Connection) -> list[Run]:
    """Return all runs."""
    rows = db.execute("SELECT id, name, eval_run_uuid, scored FROM runs ORDER BY id")
    return [Run(*row) for row in rows]


def single_run(run_name: str, db: sqlite3.Connection) -> Run:
    """Return the run of that name, stored if it is new."""
    db.execute("INSERT INTO runs (name) VALUES (?) ON CONFLICT DO NOTHING", (run_name,))
    rows = db.execute("SELECT id, name, eval_run_uuid, scored FROM runs WHERE name = ?", (run_name,))
    return Run(*rows.fetchone())
