"""Runs and their scored responses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import attrs
import msgspec

from aymara_async.sandbox.lifecycle import Job, timestamp
from aymara_async.sandbox.store.database import Database, Row
from aymara_async.sandbox.store.evals import find_eval, job_columns, read_job

Json: TypeAlias = dict[str, object]

_RUN = "eval_run_uuid, eval_uuid, workspace_uuid, created_at, ready_at, fate, touched_at, document"
_RESPONSE = "response_uuid, eval_run_uuid, prompt_uuid, is_scored, is_passed, document"

_decode = msgspec.json.Decoder(Json).decode
_encode = msgspec.json.encode


@attrs.frozen
class StoredRun:
    """A run: when it gets ready, and what its creator said of it."""

    eval_run_uuid: str
    eval_uuid: str
    workspace_uuid: str | None
    job: Job
    document: Json

    def wire(self, database: Database, now: float) -> Json:
        """Give the JSON of the API; results are told once the run has finished."""
        status = self.job.status(now)
        tally = count_results(database, self.eval_run_uuid)
        evaluation = find_eval(database, self.eval_uuid, None)
        is_finished = status == "finished"
        return {
            "eval_run_uuid": self.eval_run_uuid,
            "eval_uuid": self.eval_uuid,
            "workspace_uuid": self.workspace_uuid,
            **self.document,
            "status": status,
            "created_at": timestamp(self.job.created_at),
            "updated_at": timestamp(self.job.updated_at(now)),
            "evaluation": None if evaluation is None else evaluation.wire(now),
            "num_prompts": tally.prompts,
            "num_responses_scored": tally.scored if is_finished else 0,
            "pass_rate": tally.passed / tally.scored if is_finished and tally.scored else None,
            "responses": None,
        }


@attrs.frozen
class Results:
    """Counts over a run's responses."""

    prompts: int
    responses: int
    scored: int
    passed: int


@attrs.frozen
class ScoredTurn:
    """What can be scored once, and should not be scored twice."""

    eval_run_uuid: str
    prompt_uuid: str
    thread_uuid: str
    turn_number: int


def add_run(database: Database, run: StoredRun) -> None:
    """Store a new run."""
    database.run(
        f"INSERT INTO runs ({_RUN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (run.eval_run_uuid, run.eval_uuid, run.workspace_uuid, *job_columns(run.job), _encode(run.document).decode()),
    )


def touch_run(database: Database, eval_run_uuid: str, job: Job) -> bool:
    """Store a run's new times; tells whether it still exists."""
    created_at, ready_at, fate, touched_at = job_columns(job)
    changed = database.run(
        "UPDATE runs SET created_at = ?, ready_at = ?, fate = ?, touched_at = ? WHERE eval_run_uuid = ?",
        (created_at, ready_at, fate, touched_at, eval_run_uuid),
    )
    return changed > 0


def find_run(database: Database, eval_run_uuid: str, workspace_uuid: str | None) -> StoredRun | None:
    """Find a run, in one workspace or in any."""
    row = database.one(f"SELECT {_RUN} FROM runs WHERE eval_run_uuid = ?", (eval_run_uuid,))
    run = None if row is None else _read_run(row)
    if run is None or (workspace_uuid is not None and run.workspace_uuid != workspace_uuid):
        return None
    return run


_OF_RUNS = "FROM runs WHERE (?1 IS NULL OR eval_uuid = ?1) AND (?2 IS NULL OR workspace_uuid = ?2)"


def list_runs(
    database: Database, eval_uuid: str | None, workspace_uuid: str | None, limit: int = -1, offset: int = 0
) -> list[StoredRun]:
    """List runs in the order in which they were created."""
    rows = database.all(
        f"SELECT {_RUN} {_OF_RUNS} ORDER BY seq LIMIT ?3 OFFSET ?4", (eval_uuid, workspace_uuid, limit, offset)
    )
    return [_read_run(row) for row in rows]


def count_runs(database: Database, eval_uuid: str | None, workspace_uuid: str | None) -> int:
    """Count runs."""
    return database.count(f"SELECT COUNT(*) {_OF_RUNS}", (eval_uuid, workspace_uuid))


def delete_run(database: Database, eval_run_uuid: str) -> None:
    """Delete a run with its responses and the prompts that continued its threads."""
    with database.transaction():
        for table in ("responses", "prompts", "runs"):
            database.run(f"DELETE FROM {table} WHERE eval_run_uuid = ?", (eval_run_uuid,))


def count_results(database: Database, eval_run_uuid: str) -> Results:
    """Count a run's prompts and responses, and how they were scored."""
    row = database.one(
        "SELECT COUNT(DISTINCT prompt_uuid), COUNT(*), COALESCE(SUM(is_scored), 0),"
        " COALESCE(SUM(is_scored AND is_passed), 0) FROM responses WHERE eval_run_uuid = ?",
        (eval_run_uuid,),
    )
    return Results(*(row or ()))  # type: ignore[arg-type]  # an aggregate always gives one row of integers


def add_responses(database: Database, eval_run_uuid: str, documents: Sequence[Json]) -> None:
    """Store scored responses in the order given, and that they were scored."""
    database.run_many(
        f"INSERT INTO responses ({_RESPONSE}) VALUES (?, ?, ?, ?, ?, ?)",
        [_response_row(eval_run_uuid, document) for document in documents],
    )
    database.run_many(
        "INSERT INTO scorings (eval_run_uuid, prompt_uuid, thread_uuid, turn_number) VALUES (?, ?, ?, ?)",
        [(eval_run_uuid, str(d["prompt_uuid"]), str(d["thread_uuid"]), _integer(d["turn_number"])) for d in documents],
    )


def replace_response(database: Database, eval_run_uuid: str, document: Json) -> None:
    """Store a corrected response."""
    response_uuid, _, _, is_scored, is_passed, text = _response_row(eval_run_uuid, document)
    database.run(
        "UPDATE responses SET is_scored = ?, is_passed = ?, document = ? WHERE response_uuid = ?",
        (is_scored, is_passed, text, response_uuid),
    )


def find_response(database: Database, eval_run_uuid: str, response_uuid: str) -> Json | None:
    """Find one response of a run."""
    row = database.one(
        "SELECT document FROM responses WHERE response_uuid = ? AND eval_run_uuid = ?", (response_uuid, eval_run_uuid)
    )
    return None if row is None else _decode(str(row[0]))


def list_responses(database: Database, eval_run_uuid: str, limit: int = -1, offset: int = 0) -> list[Json]:
    """List a run's responses in the order in which they were scored."""
    rows = database.all(
        "SELECT document FROM responses WHERE eval_run_uuid = ? ORDER BY seq LIMIT ? OFFSET ?",
        (eval_run_uuid, limit, offset),
    )
    return [_decode(str(row[0])) for row in rows]


def count_scorings(database: Database) -> Counter[ScoredTurn]:
    """Count how often each turn was ever scored, also in runs that were deleted since."""
    rows = database.all("SELECT eval_run_uuid, prompt_uuid, thread_uuid, turn_number FROM scorings ORDER BY seq")
    return Counter(ScoredTurn(*row) for row in rows)  # type: ignore[arg-type]  # the columns are those of the fields


def _response_row(eval_run_uuid: str, document: Json) -> tuple[str, str, str, int, int | None, str]:
    is_passed = document["is_passed"]
    return (
        str(document["response_uuid"]),
        eval_run_uuid,
        str(document["prompt_uuid"]),
        int(is_passed is not None),
        None if is_passed is None else int(bool(is_passed)),
        _encode(document).decode(),
    )


def _integer(value: object) -> int:
    assert isinstance(value, int)
    return value


def _read_run(row: Row) -> StoredRun:
    eval_run_uuid, eval_uuid, workspace_uuid, *job, document = row
    return StoredRun(str(eval_run_uuid), str(eval_uuid), workspace_uuid, read_job(job), _decode(document))  # type: ignore[arg-type]  # schema
