"""The journal's file: made, locked and checked before anything is read from it or sent because of it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import attrs

from aymara_async.bulk import reading_tables
from aymara_async.bulk.errors import JournalError

APPLICATION_ID = 0x41796D61
VERSION = 2
PAGE = 16384
LOG = 4_000_000
"""Bytes that the log grows to before its content is brought to its place."""

# The file only grows at its end: what is looked up by its content is in a temporary table, made anew by each session.
_SCHEMA = f"""
PRAGMA application_id={APPLICATION_ID};
PRAGMA user_version={VERSION};
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, eval_run_uuid TEXT, scored INTEGER NOT NULL DEFAULT 0);
CREATE TABLE batches (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, already INTEGER NOT NULL, is_open INTEGER NOT NULL DEFAULT 1,
  turns TEXT NOT NULL);
CREATE TABLE results (id INTEGER PRIMARY KEY, turns TEXT NOT NULL, scored BLOB NOT NULL);
"""
_TEMPORARY = """
CREATE TEMP TABLE turns (
  id INTEGER PRIMARY KEY, prompt_uuid TEXT NOT NULL, thread_uuid TEXT NOT NULL, turn_number INTEGER NOT NULL,
  digest TEXT NOT NULL, session INTEGER NOT NULL, number INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,
  batch INTEGER, response_uuid TEXT, result INTEGER, place INTEGER, UNIQUE (prompt_uuid, thread_uuid, turn_number));
CREATE TEMP TABLE prompts (prompt_uuid TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TEMP TABLE followed (batch INTEGER NOT NULL, result INTEGER NOT NULL);
INSERT INTO temp.followed VALUES (0, 0);
"""
# Brings what was sent and recorded to the turns, many batches at once: each statement waits for Python's lock.
# LIMIT -1 keeps SQLite from looking at all the results for each of the turns; the groups of the batches do the same.
_FOLLOW = """
CREATE TEMP TRIGGER follow AFTER UPDATE ON followed BEGIN
  UPDATE turns SET state = sent.is_open, batch = sent.batch
  FROM (
    SELECT json_extract(given.value, '$[0]') AS turn, max(batches.id) AS batch, batches.is_open
    FROM batches CROSS JOIN json_each(batches.turns) AS given WHERE batches.id > old.batch GROUP BY turn
  ) AS sent WHERE turns.id = sent.turn;
  UPDATE turns SET state = 2, result = found.result, place = found.place, response_uuid = found.response_uuid
  FROM (
    SELECT json_extract(given.value, '$[0]') AS turn, json_extract(given.value, '$[1]') AS response_uuid,
      iif(length(results.scored), results.id, NULL) AS result, given.key AS place
    FROM results CROSS JOIN json_each(results.turns) AS given WHERE results.id > old.result LIMIT -1
  ) AS found WHERE turns.id = found.turn;
END;
"""


@attrs.frozen
class Place:
    """Where the journal is, and which files those were when it was opened."""

    path: Path
    files: dict[Path, tuple[int, int] | None]

    @classmethod
    def of(cls, path: Path) -> Place:
        """Look at the files."""
        return cls(path, {file: _identify(file) for file in (path, path.with_name(f"{path.name}-wal"))})

    def check(self, run_name: str) -> None:
        """Raise ``JournalError`` if what is written goes to files that nobody will find any more."""
        if any(_identify(file) != identity for file, identity in self.files.items()):
            raise JournalError(
                f"The journal {self.path} was deleted or replaced while the job used it. Nothing more is sent. What "
                f"was sent before is in run {run_name!r} at the server: to go on with it, pass that name as run_key, "
                "with another journal or none. Begun anew without it, everything would be scored twice.",
                path=str(self.path),
            )


def _identify(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def connect(path: Path | None) -> sqlite3.Connection:
    """Open the journal for this process alone; None makes one that SQLite keeps, and gives up, by itself.

    Raises ``JournalError`` and ``sqlite3.Error``.
    """
    if path is not None:
        _create(path)
    connection = sqlite3.connect("" if path is None else path, isolation_level=None, timeout=0)
    try:
        if path is not None:
            connection.execute(f"PRAGMA page_size={PAGE}")  # of a new file; larger ones take fewer writes
            is_new = _lock_and_check(connection, path)
            connection.execute(f"PRAGMA wal_autocheckpoint={LOG // PAGE}")
        else:
            connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
            is_new = True
        connection.executescript("PRAGMA cache_size=-4096; PRAGMA temp_store=FILE;")
        # Nobody rolls temporary tables back, so that a file for it would only cost time.
        connection.executescript("PRAGMA temp.cache_size=-4096; PRAGMA temp.journal_mode=MEMORY;")
        if is_new:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        connection.executescript(_TEMPORARY + _FOLLOW + reading_tables.SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    try:
        # Only where there is no file: to open and close one that SQLite has open would give up this process's lock.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    if hasattr(os, "O_DIRECTORY"):  # else there is no way to make the file's name survive a power cut
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _lock_and_check(connection: sqlite3.Connection, path: Path) -> bool:
    """Tell whether it is empty; raises ``JournalError`` and ``sqlite3.Error`` where it is not a sound journal."""
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    application_id, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    is_new = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not is_new and (application_id != APPLICATION_ID or version != VERSION):
        what = "of another version" if application_id == APPLICATION_ID else "no journal of bulk scoring"
        raise JournalError(
            f"{path} is a database, but {what}. It was left as it is and nothing was sent; name another file.",
            path=str(path),
        )
    mode = _pragma(connection, "journal_mode=WAL")
    if mode != "wal":
        raise sqlite3.OperationalError(f"it can only be kept in {mode} mode there, not in WAL mode")
    connection.executescript("PRAGMA synchronous=FULL; BEGIN EXCLUSIVE; COMMIT;")
    fault = _pragma(connection, "quick_check(1)")
    if fault != "ok":
        raise sqlite3.DatabaseError(str(fault))
    return is_new


def empty_log(connection: sqlite3.Connection) -> None:
    """Bring what is in the log to its place in the file."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def _pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def explain(failure: Exception, path: Path | None) -> JournalError:
    """Say what a failure means for the user's data, and what to do."""
    if isinstance(failure, JournalError):
        return failure
    place = "in a temporary file, which SQLite keeps where TMPDIR says" if path is None else str(path)
    text = str(failure).lower()
    if "locked" in text:
        return JournalError(
            f"The journal {place} is in use by another process or by another job of this one. Nothing was sent. Wait "
            "until that one has ended, or name another file.",
            path=place,
        )
    if "not a database" in text or "malformed" in text or "corrupt" in text:
        return JournalError(
            f"The journal {place} is damaged or no journal ({failure}), so it cannot tell what was sent. Nothing is "
            "sent any more. Restore it with its -wal file from a copy made while no job ran, or look at the runs at "
            "the server (evals.runs.list) before you begin anew with another file.",
            path=place,
        )
    return JournalError(
        f"The journal {place} cannot be used: {failure}. Nothing is sent that it does not hold; batches under way will "
        "be looked for at the server when the job resumes. Make room, see that the file and its folder can be written, "
        "and run the job again with the same journal.",
        path=place,
    )
