"""The answers of the model, kept so that a rerun does not pay for them again; a file beside the scorer's journal.

An answer is on the disk before it is submitted, and final from then on. Without a file, only the facts about the job
are kept, in memory.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self

import attrs
import msgspec

from aymara_async.bulk import journal_file
from aymara_async.bulk.errors import JournalError
from aymara_async.bulk.group_commit import GroupCommit
from aymara_async.models import EvalPrompt
from aymara_async.runner.answers import Answered
from aymara_async.transport.codec import decoder

APPLICATION_ID = 0x41796D72
VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
  prompt_uuid TEXT, thread_uuid TEXT, turn_number INTEGER, answer TEXT NOT NULL,
  PRIMARY KEY (prompt_uuid, thread_uuid, turn_number)) WITHOUT ROWID;
"""
_FIND = "SELECT answer FROM answers WHERE prompt_uuid = ? AND thread_uuid = ? AND turn_number = ?"


def scores_path(path: Path | None) -> Path | None:
    """Say where the scorer keeps its own journal."""
    return None if path is None else path.with_name(f"{path.name}.scores")


class AnswerJournal:
    """What the model has answered; each method returns when what it wrote is on the disk. Raises ``JournalError``."""

    def __init__(self, commits: GroupCommit | None, path: Path | None) -> None:
        self._commits = commits
        self._path = path
        self._facts: dict[str, str] = {}
        """Where there is no file."""

    @classmethod
    async def open(cls, path: Path | None) -> Self:
        """Open or create the file, for this process alone."""
        if path is None:
            return cls(None, None)
        commits = GroupCommit(partial(_connect, path), partial(journal_file.explain, path=path))
        try:
            await commits.do(lambda _: None)
        except BaseException:
            await commits.close()
            raise
        return cls(commits, path)

    async def close(self) -> None:
        """Close the file."""
        if self._commits is not None:
            await self._commits.close()

    async def settle(self, name: str, value: object) -> None:
        """Note a fact about the job; raises ``JournalError`` where another was noted before."""
        known = await self.recall(name)
        if known is None:
            await self.note({name: value})
        elif known != msgspec.json.decode(msgspec.json.encode(value)):
            raise JournalError(
                f"The journal {self._path} belongs to another job: its {name} is {known!r}, not {value!r}. It was left "
                "as it is, nothing was asked or sent; name another file.",
                path=str(self._path),
            )

    async def note(self, facts: Mapping[str, object]) -> None:
        """Note facts about the job."""
        rows = [(name, msgspec.json.encode(value).decode()) for name, value in facts.items()]
        if self._commits is None:
            self._facts.update(rows)
        else:
            await self._commits.do(partial(_put_settings, rows))

    async def forget(self) -> None:
        """Forget all facts, of a job that did not come about."""
        self._facts.clear()
        if self._commits is not None:
            await self._commits.do(_delete_settings)

    async def recall(self, name: str) -> object:
        """Return a fact, or None."""
        if self._commits is None:
            text = self._facts.get(name)
        else:
            text = await self._commits.ask(partial(_setting, name))
        return None if text is None else msgspec.json.decode(text)

    async def find(self, prompt: EvalPrompt) -> Answered | None:
        """Return the answer to a prompt, if there is one."""
        if self._commits is None:
            return None
        text = await self._commits.ask(partial(_answer, _key(prompt)))
        return None if text is None else decoder(Answered)(text.encode())

    async def keep(self, prompt: EvalPrompt, answered: Answered) -> None:
        """Keep the answer to a prompt."""
        if self._commits is not None:
            text = msgspec.json.encode(attrs.asdict(answered, recurse=False)).decode()
            await self._commits.do(partial(_put_answer, (*_key(prompt), text)))


def _connect(path: Path) -> sqlite3.Connection:
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        _check_kind(connection, path)
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN EXCLUSIVE; COMMIT;")
        marks = f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION};"
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {marks} COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_kind(connection: sqlite3.Connection, path: Path) -> None:
    application_id, version, tables = (
        connection.execute(question).fetchone()[0]
        for question in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    )
    if tables and (application_id, version) != (APPLICATION_ID, VERSION):
        raise JournalError(
            f"{path} is a database, but no journal of an eval's answers, or of another version. It was left as it is "
            "and nothing was asked or sent; name another file.",
            path=str(path),
        )


def _key(prompt: EvalPrompt) -> tuple[str, str, int]:
    return prompt.prompt_uuid, prompt.thread_uuid or "", prompt.turn_number


def _put_settings(rows: list[tuple[str, str]], db: sqlite3.Connection) -> None:
    db.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", rows)


def _delete_settings(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM settings")


def _setting(name: str, db: sqlite3.Connection) -> str | None:
    row = db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def _answer(key: tuple[str, str, int], db: sqlite3.Connection) -> str | None:
    row = db.execute(_FIND, key).fetchone()
    return None if row is None else str(row[0])


def _put_answer(row: tuple[str, str, int, str], db: sqlite3.Connection) -> None:
    db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?)", row)
