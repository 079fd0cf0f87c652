"""The scored responses of a run, and a person's corrections of them."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from aymara_async.sandbox.bodies import ResponseUpdateBody
from aymara_async.sandbox.call import Answer, Call
from aymara_async.sandbox.identifiers import new_id
from aymara_async.sandbox.lifecycle import timestamp
from aymara_async.sandbox.rejection import conflict, not_found
from aymara_async.sandbox.routes.runs import find_run
from aymara_async.sandbox.routing import Route
from aymara_async.sandbox.state import ORGANIZATION_UUID, USER_EMAIL
from aymara_async.sandbox.store import runs

Json: TypeAlias = dict[str, object]

_SCORE = ("is_passed", "confidence", "explanation")
_USER: Json = {
    "email": USER_EMAIL,
    "feature_flags": {"enable_dashboard": True},
    "is_admin": True,
    "is_impersonating": False,
    "org_admin_emails": [USER_EMAIL],
    "organization": {"name": "Sandbox", "org_uuid": ORGANIZATION_UUID},
    "workspace": None,
}


def list_(call: Call) -> Answer:
    limit, offset = call.page()
    run = find_run(call)
    items = runs.list_responses(call.state.database, run.eval_run_uuid, limit, offset)
    if run.job.status(call.now) != "finished":
        items = [item | dict.fromkeys((*_SCORE, "next_prompt")) for item in items]
    return Answer({"items": items, "count": run.results.responses})


def update(call: Call) -> Answer:
    changes = msgspec.to_builtins(call.decode(ResponseUpdateBody))
    run, response = find_run(call), _find_response(call)
    status = run.job.status(call.now)
    if status != "finished":
        raise conflict(f"The run is not finished: its status is {status}", status=status)
    entry: Json = {
        "answer_history_uuid": new_id("answer_history"),
        "updated_at": timestamp(call.now),
        "updated_by": _USER,
        **{f"previous_{name}": response[name] for name in _SCORE},
        **{f"new_{name}": changes.get(name, response[name]) for name in _SCORE},
    }
    corrected = (
        response
        | changes
        | {
            "manually_updated": True,
            "manually_updated_at": timestamp(call.now),
            "manually_updated_by": _USER,
            "update_history": [*_history(response), entry],
        }
    )
    runs.replace_response(call.state.database, run.eval_run_uuid, response, corrected)
    return Answer(corrected)


def get_history(call: Call) -> Answer:
    return Answer(_history(_find_response(call)))


def _find_response(call: Call) -> Json:
    run, response_uuid = find_run(call), call.path["response_uuid"]
    response = runs.find_response(call.state.database, run.eval_run_uuid, response_uuid)
    if response is None:
        raise not_found("Response", response_uuid)
    return response


def _history(response: Json) -> list[object]:
    history = response["update_history"]
    return history if isinstance(history, list) else []


_RESPONSES = "/v2/eval-runs/{eval_run_uuid}/responses"
ROUTES = (
    Route("evals.runs.list_responses", "GET", _RESPONSES, list_),
    Route("evals.runs.update_response", "PATCH", f"{_RESPONSES}/{{response_uuid}}", update),
    Route("evals.runs.get_response_history", "GET", f"{_RESPONSES}/{{response_uuid}}/history", get_history),
)
