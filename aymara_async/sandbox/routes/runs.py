"""Runs: starting, scoring, listing and correcting."""

from __future__ import annotations

import logging
from typing import TypeAlias

import attrs

from aymara_async.sandbox.bodies import RunBody
from aymara_async.sandbox.call import Answer, Call
from aymara_async.sandbox.identifiers import new_id
from aymara_async.sandbox.lifecycle import Job, begin, timestamp
from aymara_async.sandbox.rejection import RejectedError, conflict, invalid, not_found
from aymara_async.sandbox.routes.evals import find_eval
from aymara_async.sandbox.routing import Route
from aymara_async.sandbox.scoring import Scored, score
from aymara_async.sandbox.store import evals, runs
from aymara_async.sandbox.store.evals import StoredEval
from aymara_async.sandbox.store.runs import Results, StoredRun

Json: TypeAlias = dict[str, object]

_logger = logging.getLogger(__name__)


def find_run(call: Call) -> StoredRun:
    """Find the run that the path names, in the workspace that the query names.

    Raises:
        RejectedError: 404.
    """
    return _find(call, call.path["eval_run_uuid"])


async def create(call: Call) -> Answer:
    body = call.decode(RunBody)
    stored = _ready_eval(call, body)
    run = _run_to_score_into(call, body, stored, begin(call.now, call.state.delay, call.fate))
    try:
        scored = await score(call.state, stored, body, run.eval_run_uuid)
    except RejectedError:
        raise
    except Exception:
        _logger.exception("The judge failed, and with it the run %s", run.eval_run_uuid)
        run, scored = attrs.evolve(run, job=attrs.evolve(run.job, fate="failed")), Scored()
    run = _store(call, run, scored, is_new=body.eval_run_uuid is None)
    return Answer(run.wire(call.state.database, call.now) | _not_begun(), 201)


async def score_responses(call: Call) -> Answer:
    body = call.decode(RunBody)
    stored = _ready_eval(call, body)
    run = _run_to_score_into(call, body, stored, begin(call.now, 0.0, call.fate))
    scored = await score(call.state, stored, body, run.eval_run_uuid)
    run = _store(call, run, scored, is_new=body.eval_run_uuid is None)
    return Answer(run.wire(call.state.database, call.now) | {"responses": scored.responses})


def get(call: Call) -> Answer:
    return Answer(find_run(call).wire(call.state.database, call.now))


def list_(call: Call) -> Answer:
    limit, offset = call.page()
    eval_uuid = call.query.get("eval_uuid") or None
    stored = runs.list_runs(call.state.database, eval_uuid, call.workspace_uuid, limit, offset)
    count = runs.count_runs(call.state.database, eval_uuid, call.workspace_uuid)
    return Answer({"items": [run.wire(call.state.database, call.now) for run in stored], "count": count})


def delete(call: Call) -> Answer:
    runs.delete_run(call.state.database, find_run(call).eval_run_uuid)
    return Answer(status=204)


def _find(call: Call, eval_run_uuid: str) -> StoredRun:
    run = runs.find_run(call.state.database, eval_run_uuid, call.workspace_uuid)
    if run is None:
        raise not_found("Eval run", eval_run_uuid)
    return run


def _ready_eval(call: Call, body: RunBody) -> StoredEval:
    stored = find_eval(call, body.eval_uuid)
    status = stored.job.status(call.now)
    if status != "finished":
        raise conflict(f"The eval is not ready: its status is {status}", eval_uuid=stored.eval_uuid, status=status)
    if not body.responses:
        raise invalid("responses is empty", path="$.responses")
    return stored


def _run_to_score_into(call: Call, body: RunBody, stored: StoredEval, job: Job) -> StoredRun:
    if body.eval_run_uuid is None:
        return _new_run(call, body, stored, job)
    run = _find(call, body.eval_run_uuid)
    if run.eval_uuid != stored.eval_uuid:
        raise invalid("The run belongs to another eval", eval_run_uuid=run.eval_run_uuid, eval_uuid=run.eval_uuid)
    if run.job.status(call.now) == "failed":
        raise conflict("The run has failed", eval_run_uuid=run.eval_run_uuid, status="failed")
    ready_at = max(run.job.ready_at, job.ready_at)
    fate = job.fate if run.job.fate == "finished" else run.job.fate
    return attrs.evolve(run, job=attrs.evolve(run.job, ready_at=ready_at, fate=fate, touched_at=call.now))


def _new_run(call: Call, body: RunBody, stored: StoredEval, job: Job) -> StoredRun:
    title = stored.document["name"] or stored.document["eval_type"]
    examples = body.eval_run_examples
    for example in examples or []:
        example.example_uuid = example.example_uuid or new_id("example")
    document: Json = {
        "name": body.name or f"{title} {timestamp(call.now):%Y-%m-%d %H:%M:%S}",
        "ai_description": body.ai_description or stored.document["ai_description"],
        "is_sandbox": bool(call.flag("is_sandbox")),
        "eval_run_examples": examples,
    }
    workspace_uuid = stored.workspace_uuid or call.workspace_uuid
    return StoredRun(new_id("score_run"), stored.eval_uuid, workspace_uuid, job, document, Results())


def _store(call: Call, run: StoredRun, scored: Scored, *, is_new: bool) -> StoredRun:
    database = call.state.database
    with database.transaction():
        # A judge that is awaited leaves time for others to delete what it judges for.
        if evals.find_eval(database, run.eval_uuid, None) is None:
            raise not_found("Eval", run.eval_uuid)
        if is_new:
            runs.add_run(database, run)
        elif not runs.touch_run(database, run.eval_run_uuid, run.job):
            raise not_found("Eval run", run.eval_run_uuid)
        runs.add_responses(database, run.eval_run_uuid, scored.responses)
        call.state.shaping.note((one["response_uuid"] for one in scored.responses), call.now)
        evals.add_prompts(database, scored.next_prompts)
    return _find(call, run.eval_run_uuid)


def _not_begun() -> Json:
    return {"status": "created", "pass_rate": None, "num_responses_scored": 0}


ROUTES = (
    Route("evals.runs.create", "POST", "/v2/eval-runs", create),
    Route("evals.runs.list", "GET", "/v2/eval-runs", list_),
    Route("evals.runs.score_responses", "POST", "/v2/eval-runs/-/score-responses", score_responses),
    Route("evals.runs.get", "GET", "/v2/eval-runs/{eval_run_uuid}", get),
    Route("evals.runs.delete", "DELETE", "/v2/eval-runs/{eval_run_uuid}", delete),
)
