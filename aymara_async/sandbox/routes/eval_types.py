"""Eval types and their instructions."""

from __future__ import annotations

from collections.abc import Sequence

from aymara_async.sandbox.call import Answer, Call
from aymara_async.sandbox.eval_types import EVAL_TYPES, SandboxEvalType, known_eval_type
from aymara_async.sandbox.rejection import invalid, not_found
from aymara_async.sandbox.routing import Route


def list_(call: Call) -> Answer:
    return _page(call, [kind.wire() for kind in EVAL_TYPES])


def get(call: Call) -> Answer:
    return Answer(_find(call.path["eval_type_uuid"]).wire())


def list_instructions(call: Call) -> Answer:
    return _page(call, _find(call.path["eval_type_uuid"]).instructions_wire())


def find_instructions(call: Call) -> Answer:
    slug = call.query.get("eval_type_slug")
    if not slug:
        raise invalid("eval_type_slug is required", parameter="eval_type_slug")
    return _page(call, _find(slug).instructions_wire())


def _find(slug_or_uuid: str) -> SandboxEvalType:
    kind = known_eval_type(slug_or_uuid)
    if kind is None:
        raise not_found("Eval type", slug_or_uuid)
    return kind


def _page(call: Call, rows: Sequence[object]) -> Answer:
    limit, offset = call.page()
    return Answer({"items": rows[offset : offset + limit], "count": len(rows)})


_EVAL_TYPE = "/v2/eval-types/{eval_type_uuid}"
ROUTES = (
    Route("eval_types.list", "GET", "/v2/eval-types", list_),
    Route("eval_types.find_instructions", "GET", "/v2/eval-types/-/instructions", find_instructions),
    Route("eval_types.get", "GET", _EVAL_TYPE, get),
    Route("eval_types.list_instructions", "GET", f"{_EVAL_TYPE}/instructions", list_instructions),
)
