"""Evals and their prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import attrs
import msgspec

from aymara_async.sandbox.identifiers import new_id, new_uuid
from aymara_async.sandbox.lifecycle import Fate, Job, timestamp
from aymara_async.sandbox.store.database import Database, Row

Json: TypeAlias = dict[str, object]

_EVAL = "eval_uuid, workspace_uuid, created_at, ready_at, fate, touched_at, document"
_PROMPT = "prompt_uuid, thread_uuid, turn_number, content, category, eval_uuid, eval_run_uuid"

_OF_EVALS = "FROM evals WHERE :workspace_uuid IS NULL OR workspace_uuid = :workspace_uuid"

_decode = msgspec.json.Decoder(Json).decode
_encode = msgspec.json.encode


@attrs.frozen
class StoredEval:
    """An eval: when it gets ready, and what its creator said of it."""

    eval_uuid: str
    workspace_uuid: str | None
    job: Job
    document: Json

    def wire(self, now: float) -> Json:
        """Give the JSON of the API."""
        return {
            "eval_uuid": self.eval_uuid,
            "workspace_uuid": self.workspace_uuid,
            **self.document,
            "status": self.job.status(now),
            "created_at": timestamp(self.job.created_at),
            "updated_at": timestamp(self.job.updated_at(now)),
        }


@attrs.frozen
class StoredPrompt:
    """A prompt of an eval; one that continues a thread belongs to the run it came up in."""

    prompt_uuid: str
    thread_uuid: str
    turn_number: int
    content: str
    category: str | None
    eval_uuid: str
    eval_run_uuid: str | None

    def wire(self) -> Json:
        """Give the JSON of the API."""
        return {
            "prompt_uuid": self.prompt_uuid,
            "thread_uuid": self.thread_uuid,
            "turn_number": self.turn_number,
            "content": self.content,
            "category": self.category,
        }


def new_prompt(eval_uuid: str, content: str, category: str | None) -> StoredPrompt:
    """Make the first prompt of a new thread."""
    return StoredPrompt(new_id("question"), new_uuid(), 1, content, category, eval_uuid, None)


def read_job(row: Sequence[object]) -> Job:
    """Read the four columns that every asynchronous resource has."""
    created_at, ready_at, fate, touched_at = row
    return Job(created_at, ready_at, fate, touched_at)  # type: ignore[arg-type]  # the schema says NOT NULL and REAL, TEXT


def job_columns(job: Job) -> tuple[float, float, Fate, float]:
    """Give the four columns that every asynchronous resource has."""
    return job.created_at, job.ready_at, job.fate, job.touched_at


def add_eval(database: Database, stored: StoredEval) -> None:
    """Store a new eval."""
    database.run(
        f"INSERT INTO evals ({_EVAL}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (stored.eval_uuid, stored.workspace_uuid, *job_columns(stored.job), _encode(stored.document).decode()),
    )


def replace_eval(database: Database, stored: StoredEval) -> None:
    """Store a changed eval."""
    database.run(
        "UPDATE evals SET touched_at = ?, document = ? WHERE eval_uuid = ?",
        (stored.job.touched_at, _encode(stored.document).decode(), stored.eval_uuid),
    )


def find_eval(database: Database, eval_uuid: str, workspace_uuid: str | None) -> StoredEval | None:
    """Find an eval, in one workspace or in any."""
    row = database.one(f"SELECT {_EVAL} FROM evals WHERE eval_uuid = ?", (eval_uuid,))
    stored = None if row is None else _read_eval(row)
    if stored is None or (workspace_uuid is not None and stored.workspace_uuid != workspace_uuid):
        return None
    return stored


def list_evals(database: Database, workspace_uuid: str | None, limit: int = -1, offset: int = 0) -> list[StoredEval]:
    """List evals in the order in which they were created."""
    rows = database.all(
        f"SELECT {_EVAL} {_OF_EVALS} ORDER BY seq LIMIT :limit OFFSET :offset",
        {"workspace_uuid": workspace_uuid, "limit": limit, "offset": offset},
    )
    return [_read_eval(row) for row in rows]


def count_evals(database: Database, workspace_uuid: str | None) -> int:
    """Count evals."""
    return database.count(f"SELECT COUNT(*) {_OF_EVALS}", {"workspace_uuid": workspace_uuid})


def delete_eval(database: Database, eval_uuid: str) -> None:
    """Delete an eval with its prompts, runs and responses."""
    of_runs = "eval_run_uuid IN (SELECT eval_run_uuid FROM runs WHERE eval_uuid = ?)"
    with database.transaction():
        for table in ("responses", "run_prompts"):
            database.run(f"DELETE FROM {table} WHERE {of_runs}", (eval_uuid,))
        for table in ("runs", "prompts", "evals"):
            database.run(f"DELETE FROM {table} WHERE eval_uuid = ?", (eval_uuid,))


def add_prompts(database: Database, prompts: Sequence[StoredPrompt]) -> None:
    """Store prompts in the order given."""
    database.run_many(
        f"INSERT INTO prompts ({_PROMPT}) VALUES (?, ?, ?, ?, ?, ?, ?)", [attrs.astuple(prompt) for prompt in prompts]
    )


def change_prompt(database: Database, prompt: StoredPrompt) -> None:
    """Store a prompt's new content and category."""
    database.run(
        "UPDATE prompts SET content = ?, category = ? WHERE prompt_uuid = ?",
        (prompt.content, prompt.category, prompt.prompt_uuid),
    )


def delete_prompt(database: Database, prompt_uuid: str) -> None:
    """Delete one prompt."""
    database.run("DELETE FROM prompts WHERE prompt_uuid = ?", (prompt_uuid,))


def find_prompt(database: Database, prompt_uuid: str) -> StoredPrompt | None:
    """Find a prompt of any eval."""
    row = database.one(f"SELECT {_PROMPT} FROM prompts WHERE prompt_uuid = ?", (prompt_uuid,))
    return None if row is None else _read_prompt(row)


def list_prompts(database: Database, eval_uuid: str, limit: int = -1, offset: int = 0) -> list[StoredPrompt]:
    """List an eval's own prompts, not those that continued a thread, in the order in which they were created."""
    rows = database.all(
        f"SELECT {_PROMPT} FROM prompts WHERE eval_uuid = ? AND eval_run_uuid IS NULL ORDER BY seq LIMIT ? OFFSET ?",
        (eval_uuid, limit, offset),
    )
    return [_read_prompt(row) for row in rows]


def count_prompts(database: Database, eval_uuid: str) -> int:
    """Count an eval's own prompts."""
    return database.count("SELECT COUNT(*) FROM prompts WHERE eval_uuid = ? AND eval_run_uuid IS NULL", (eval_uuid,))


def _read_eval(row: Row) -> StoredEval:
    eval_uuid, workspace_uuid, *job, document = row
    return StoredEval(str(eval_uuid), workspace_uuid, read_job(job), _decode(document))  # type: ignore[arg-type]  # schema


def _read_prompt(row: Row) -> StoredPrompt:
    return StoredPrompt(*row)  # type: ignore[arg-type]  # the columns are selected in the order of the fields
