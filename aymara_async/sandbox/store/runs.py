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
_RESULTS = "num_prompts, num_responses, num_scored, num_passed"

_decode = msgspec.json.Decoder(Json).decode
_encode = msgspec.json.encode


@attrs.frozen
class Results:
    """Counts over a run's responses."""

    prompts: int = 0
    responses: int = 0
    scored: int = 0
    passed: int = 0


@attrs.frozen
class StoredRun:
    """A run: when it gets ready, and what its creator said of it."""

    eval_run_uuid: str
    eval_uuid: str
    workspace_uuid: str | None
    job: Job
    document: Json
    results: Results

    def wire(self, database: Database, now: float) -> Json:
        """Give the JSON of the API; results are told once the run has finished."""
        status = self.job.status(now)
        results = self.results
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
            "num_prompts": results.prompts,
            "num_responses_scored": results.scored if is_finished else 0,
            "pass_rate": results.passed / results.scored if is_finished and results.scored else None,
            "responses": None,
        }


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
    row = database.one(f"SELECT {_RUN}, {_RESULTS} FROM runs WHERE eval_run_uuid = ?", (eval_run_uuid,))
    run = None if row is None else _read_run(row)
    if run is None or (workspace_uuid is not None and run.workspace_uuid != workspace_uuid):
        return None
    return run


_OF_RUNS = (
    "FROM runs WHERE (:eval_uuid IS NULL OR eval_uuid = :eval_uuid)"
    " AND (:workspace_uuid IS NULL OR workspace_uuid = :workspace_uuid)"
)


def list_runs(
    database: Database, eval_uuid: str | None, workspace_uuid: str | None, limit: int = -1, offset: int = 0
) -> list[StoredRun]:
    """List runs in the order in which they were created."""
    rows = database.all(
        f"SELECT {_RUN}, {_RESULTS} {_OF_RUNS} ORDER BY seq LIMIT :limit OFFSET :offset",
        {"eval_uuid": eval_uuid, "workspace_uuid": workspace_uuid, "limit": limit, "offset": offset},
    )
    return [_read_run(row) for row in rows]


def count_runs(database: Database, eval_uuid: str | None, workspace_uuid: str | None) -> int:
    """Count runs."""
    return database.count(f"SELECT COUNT(*) {_OF_RUNS}", {"eval_uuid": eval_uuid, "workspace_uuid": workspace_uuid})


def delete_run(database: Database, eval_run_uuid: str) -> None:
    """Delete a run with its responses and the prompts that continued its threads."""
    with database.transaction():
        for table in ("responses", "run_prompts", "prompts", "runs"):
            database.run(f"DELETE FROM {table} WHERE eval_run_uuid = ?", (eval_run_uuid,))


def add_responses(database: Database, eval_run_uuid: str, documents: Sequence[Json]) -> None:
    """Store scored responses in the order given, and that they were scored; call it inside a transaction."""
    turns = [
        (eval_run_uuid, str(one["prompt_uuid"]), str(one["thread_uuid"]), _integer(one["turn_number"]))
        for one in documents
    ]
    database.run_many(
        "INSERT INTO responses (response_uuid, eval_run_uuid, prompt_uuid, document) VALUES (?, ?, ?, ?)",
        [
            (str(one["response_uuid"]), eval_run_uuid, str(one["prompt_uuid"]), _encode(one).decode())
            for one in documents
        ],
    )
    database.run_many(
        "INSERT INTO scorings (eval_run_uuid, prompt_uuid, thread_uuid, turn_number) VALUES (?, ?, ?, ?)", turns
    )
    new_prompts = database.run_many(
        "INSERT OR IGNORE INTO run_prompts (eval_run_uuid, prompt_uuid) VALUES (?, ?)", [turn[:2] for turn in turns]
    )
    scored, passed = _count(documents)
    _add_results(database, eval_run_uuid, Results(new_prompts, len(documents), scored, passed))


def replace_response(database: Database, eval_run_uuid: str, old: Json, new: Json) -> None:
    """Store a corrected response."""
    (old_scored, old_passed), (new_scored, new_passed) = _count([old]), _count([new])
    with database.transaction():
        database.run(
            "UPDATE responses SET document = ? WHERE response_uuid = ?",
            (_encode(new).decode(), str(new["response_uuid"])),
        )
        change = Results(scored=new_scored - old_scored, passed=new_passed - old_passed)
        _add_results(database, eval_run_uuid, change)


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


def _count(documents: Sequence[Json]) -> tuple[int, int]:
    verdicts = [one["is_passed"] for one in documents if one["is_passed"] is not None]
    return len(verdicts), sum(map(bool, verdicts))


def _add_results(database: Database, eval_run_uuid: str, more: Results) -> None:
    # Counted as they come: to count a large run anew for every page and every call would be slow.
    database.run(
        "UPDATE runs SET num_prompts = num_prompts + ?, num_responses = num_responses + ?,"
        " num_scored = num_scored + ?, num_passed = num_passed + ? WHERE eval_run_uuid = ?",
        (more.prompts, more.responses, more.scored, more.passed, eval_run_uuid),
    )


def _integer(value: object) -> int:
    assert isinstance(value, int)
    return value


def _read_run(row: Row) -> StoredRun:
    eval_run_uuid, eval_uuid, workspace_uuid, *job, document = row[:8]
    results = Results(*map(_integer, row[8:]))
    return StoredRun(str(eval_run_uuid), str(eval_uuid), workspace_uuid, read_job(job), _decode(document), results)  # type: ignore[arg-type]  # schema
