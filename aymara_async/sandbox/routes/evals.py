"""Evals and their prompts."""

from __future__ import annotations

import logging
from typing import TypeAlias

import attrs
import msgspec

from aymara_async.sandbox.bodies import EvalBody, EvalUpdateBody, PromptUpdate
from aymara_async.sandbox.call import Answer, Call
from aymara_async.sandbox.eval_types import EVAL_TYPES, find_eval_type, known_eval_type
from aymara_async.sandbox.identifiers import new_id
from aymara_async.sandbox.lifecycle import begin
from aymara_async.sandbox.rejection import invalid, not_found
from aymara_async.sandbox.routing import Route
from aymara_async.sandbox.state import USER_EMAIL
from aymara_async.sandbox.store import evals
from aymara_async.sandbox.store.evals import StoredEval, StoredPrompt

Json: TypeAlias = dict[str, object]

_logger = logging.getLogger(__name__)

_DEFAULT_NUM_PROMPTS = 100
_ONLY_THE_SERVER_SAYS = ("eval_uuid", "status", "created_at", "updated_at", "workspace_uuid")
_UPDATABLE = ("name", "ai_description", "ai_instructions", "eval_instructions", "ground_truth")


def find_eval(call: Call, eval_uuid: str) -> StoredEval:
    """Find the eval, in the workspace that the query names.

    Raises:
        RejectedError: 404.
    """
    stored = evals.find_eval(call.state.database, eval_uuid, call.workspace_uuid)
    if stored is None:
        raise not_found("Eval", eval_uuid)
    return stored


def create(call: Call) -> Answer:
    body = call.decode(EvalBody)
    if known_eval_type(body.eval_type) is None:
        _logger.warning(
            "The sandbox has no eval type %r: its own prompts and judge take it for %s, by its name. It has %s",
            body.eval_type,
            find_eval_type(body.eval_type).slug,
            ", ".join(kind.slug for kind in EVAL_TYPES),
        )
    state, eval_uuid = call.state, new_id("test")
    number = _DEFAULT_NUM_PROMPTS if body.num_prompts is None else body.num_prompts
    rows = state.prompts.take(body.eval_type, number, is_jailbreak=body.is_jailbreak)
    document = {
        name: value for name, value in _builtins(body).items() if name not in _ONLY_THE_SERVER_SAYS
    } | {
        "num_prompts": len(rows),
        "created_by": body.created_by or USER_EMAIL,
        "prompt_examples": _with_ids(body),
    }  # fmt: skip
    job = begin(call.now, state.delay, call.fate)
    stored = StoredEval(eval_uuid, body.workspace_uuid or call.workspace_uuid, job, document)
    with state.database.transaction():
        evals.add_eval(state.database, stored)
        evals.add_prompts(state.database, [evals.new_prompt(eval_uuid, row.content, row.category) for row in rows])
    return Answer(stored.wire(call.now) | {"status": "created"}, 201)


def get(call: Call) -> Answer:
    return Answer(find_eval(call, call.path["eval_uuid"]).wire(call.now))


def list_(call: Call) -> Answer:
    limit, offset = call.page()
    stored = evals.list_evals(call.state.database, call.workspace_uuid, limit, offset)
    count = evals.count_evals(call.state.database, call.workspace_uuid)
    return Answer({"items": [one.wire(call.now) for one in stored], "count": count})


def update(call: Call) -> Answer:
    body = call.decode(EvalUpdateBody)
    database = call.state.database
    stored = find_eval(call, call.path["eval_uuid"])
    changed = [_changed_prompt(call, stored, update) for update in body.prompt_updates or []]
    document = stored.document | _changed_fields(body)
    with database.transaction():
        for prompt, update in zip(changed, body.prompt_updates or [], strict=True):
            if update.action == "delete":
                evals.delete_prompt(database, prompt.prompt_uuid)
            else:
                evals.change_prompt(database, prompt)
        new = [evals.new_prompt(stored.eval_uuid, one.content, one.category) for one in body.prompt_creates or []]
        evals.add_prompts(database, new)
        call.state.shaping.note((one.prompt_uuid for one in new), call.now)
        document["num_prompts"] = evals.count_prompts(database, stored.eval_uuid)
        stored = attrs.evolve(stored, document=document, job=attrs.evolve(stored.job, touched_at=call.now))
        evals.replace_eval(database, stored)
    return Answer(stored.wire(call.now))


def delete(call: Call) -> Answer:
    evals.delete_eval(call.state.database, find_eval(call, call.path["eval_uuid"]).eval_uuid)
    return Answer(status=204)


def list_prompts(call: Call) -> Answer:
    limit, offset = call.page()
    stored = find_eval(call, call.path["eval_uuid"])
    if stored.job.status(call.now) != "finished":
        return Answer({"items": [], "count": 0})
    prompts = evals.list_prompts(call.state.database, stored.eval_uuid, limit, offset)
    count = evals.count_prompts(call.state.database, stored.eval_uuid)
    return Answer({"items": [prompt.wire() for prompt in prompts], "count": count})


def _builtins(body: EvalBody | EvalUpdateBody) -> Json:
    document: Json = msgspec.to_builtins(body)
    return document


def _with_ids(body: EvalBody) -> list[Json] | None:
    if body.prompt_examples is None:
        return None
    for example in body.prompt_examples:
        example.example_uuid = example.example_uuid or new_id("example")
    return [msgspec.to_builtins(example) for example in body.prompt_examples]


def _changed_fields(body: EvalUpdateBody) -> Json:
    changes = {name: value for name, value in _builtins(body).items() if name in _UPDATABLE}
    if changes.get("ai_description", "") is None:
        # Every eval must have one, so null can only mean: as it is.
        del changes["ai_description"]
    return changes


def _changed_prompt(call: Call, stored: StoredEval, update: PromptUpdate) -> StoredPrompt:
    prompt = evals.find_prompt(call.state.database, update.prompt_uuid)
    if prompt is None or prompt.eval_uuid != stored.eval_uuid or prompt.eval_run_uuid is not None:
        raise invalid(f"Prompt is not in this eval: {update.prompt_uuid!r}", prompt_uuids=[update.prompt_uuid])
    return attrs.evolve(
        prompt,
        content=prompt.content if update.content is None else update.content,
        category=prompt.category if update.category is msgspec.UNSET else update.category,
    )


_EVAL = "/v2/evals/{eval_uuid}"
ROUTES = (
    Route("evals.create", "POST", "/v2/evals", create),
    Route("evals.list", "GET", "/v2/evals", list_),
    Route("evals.get", "GET", _EVAL, get),
    Route("evals.update", "PUT", _EVAL, update),
    Route("evals.delete", "DELETE", _EVAL, delete),
    Route("evals.list_prompts", "GET", f"{_EVAL}/prompts", list_prompts),
)
