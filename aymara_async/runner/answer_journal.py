"""Facts about the job and the answers of the model, kept so that a rerun does not pay for them again.

An answer is on the disk before it is submitted, and final from then on; without a file, answers are not kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Self

import attrs
import msgspec

from aymara_async.journal.errors import JournalError
from aymara_async.journal.file import JournalFile
from aymara_async.models import EvalPrompt
from aymara_async.runner.answers import Answered
from aymara_async.transport.codec import decoder

_FIND = "SELECT answer FROM answers WHERE prompt_uuid = ? AND thread_uuid = ? AND turn_number = ?"


class AnswerJournal:
    """What the model has answered; each method returns when what it wrote is on the disk. Raises ``JournalError``."""

    def __init__(self, file: JournalFile) -> None:
        self.file = file
        """Which the scorer shares."""

    @classmethod
    async def open(cls, path: Path | None) -> Self:
        """Open or create the file, for this process alone."""
        return cls(await JournalFile.open(path))

    async def close(self) -> None:
        """Close the file."""
        await self.file.close()

    async def settle(self, name: str, value: object) -> None:
        """Note a fact about the job; raises ``JournalError`` where another was noted before."""
        known = await self.recall(name)
        if known is None:
            await self.note({name: value})
        elif known != msgspec.json.decode(msgspec.json.encode(value)):
            raise JournalError(
                f"The journal {self.file.path} belongs to another job: its {name} is {known!r}, not {value!r}. It was "
                "left as it is, nothing was asked or sent; name another file.",
                path=str(self.file.path),
            )

    async def note(self, facts: Mapping[str, object]) -> None:
        """Note facts about the job."""
        rows = [(name, msgspec.json.encode(value).decode()) for name, value in facts.items()]
        await self.file.do(partial(_put_facts, rows))

    async def forget(self) -> None:
        """Forget all facts, of a job that did not come about."""
        await self.file.do(_delete_facts)

    async def recall(self, name: str) -> object:
        """Return a fact, or None."""
        text = await self.file.ask(partial(_fact, name))
        return None if text is None else msgspec.json.decode(text)

    async def find(self, prompt: EvalPrompt) -> Answered | None:
        """Return the answer to a prompt, if there is one."""
        if not self.file.is_durable:
            return None
        text = await self.file.ask(partial(_answer, _key(prompt)))
        return None if text is None else decoder(Answered)(text.encode())

    async def keep(self, prompt: EvalPrompt, answered: Answered) -> None:
        """Keep the answer to a prompt."""
        if self.file.is_durable:
            text = msgspec.json.encode(attrs.asdict(answered, recurse=False)).decode()
            await self.file.do(partial(_put_answer, (*_key(prompt), text)))


def _key(prompt: EvalPrompt) -> tuple[str, str, int]:
    return prompt.prompt_uuid, prompt.thread_uuid or "", prompt.turn_number


def _put_facts(rows: list[tuple[str, str]], db: sqlite3.Connection) -> None:
    db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)


def _delete_facts(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM facts")


def _fact(name: str, db: sqlite3.Connection) -> str | None:
    row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def _answer(key: tuple[str, str, int], db: sqlite3.Connection) -> str | None:
    row = db.execute(_FIND, key).fetchone()
    return None if row is None else str(row[0])


def _put_answer(row: tuple[str, str, int, str], db: sqlite3.Connection) -> None:
    db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?)", row)
