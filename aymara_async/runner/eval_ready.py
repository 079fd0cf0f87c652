"""Getting the eval: made once, also when the answer to its creation is lost, and waited for."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import attrs
from msgspec import UNSET

from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import APIError, APIResponseValidationError, OutcomeUnknownError, RequestValidationError
from aymara_async.models import Eval, EvalCreate
from aymara_async.runner.answer_journal import AnswerJournal
from aymara_async.transport.retry import may_have_acted

CLOCK_SKEW = timedelta(minutes=5)
LOOKS = 3
PAUSE = 0.5

EvalParams = Mapping[str, object] | EvalCreate


def creation_fields(params: EvalParams) -> dict[str, Any]:
    """Return the arguments for ``evals.create``; an eval without a name gets one that no other has."""
    given: object = params
    if isinstance(given, EvalCreate):
        fields = {name: value for name, value in vars(given).items() if value is not UNSET}
    elif isinstance(given, Mapping):
        fields = dict(given)
    else:
        raise RequestValidationError(
            f"An eval is a mapping with the arguments of evals.create, or an EvalCreate, not a {type(given).__name__}. "
            "Nothing was sent.",
            path="eval_params",
        )
    if not fields.get("name"):
        fields["name"] = f"{fields.get('eval_type', 'eval')} {secrets.token_hex(6)}"
    return fields


async def make_eval(client: AsyncAymaraAI, fields: Mapping[str, Any], journal: AnswerJournal) -> str:
    """Create the eval, or find the one that was created by an earlier session or by a call whose answer was lost.

    Raises ``OutcomeUnknownError`` where that cannot be told, and ``APIError``.
    """
    known = await journal.recall("eval_uuid")
    if known is not None:
        return str(known)
    intention = await journal.recall("creating")
    if intention is None:
        began = datetime.now(UTC)
        await journal.note({"creating": {"name": fields["name"], "at": began.isoformat()}})
        created = await _create(client, fields, began)
    else:
        told = cast(Mapping[str, str], intention)
        fields = {**fields, "name": told["name"]}
        began = datetime.fromisoformat(told["at"])
        created = await _look(client, fields, began) or await _create(client, fields, began)
    if created.eval_uuid is None:
        raise OutcomeUnknownError(
            f"The server created an eval named {fields['name']!r}, but did not say its id. Nothing was asked or "
            "scored. Look for it with evals.list, and run it with eval_uuid=…",
            method="POST",
            is_retryable=False,
        )
    await journal.note({"eval_uuid": created.eval_uuid})
    return created.eval_uuid


async def _create(client: AsyncAymaraAI, fields: Mapping[str, Any], began: datetime) -> Eval:
    try:
        return await client.evals.create(**fields)
    except APIError as error:
        if not may_have_acted(error) and not isinstance(error, APIResponseValidationError):
            raise
        if found := await _look(client, fields, began):
            return found
        raise


async def _look(client: AsyncAymaraAI, fields: Mapping[str, Any], began: datetime) -> Eval | None:
    """Look a few times, since the server may still be at it."""
    for look in range(LOOKS):
        await asyncio.sleep(PAUSE * look)
        if found := await _find(client, fields, began):
            return found
    return None


async def _find(client: AsyncAymaraAI, fields: Mapping[str, Any], began: datetime) -> Eval | None:
    """Look for the eval that was created since; raises ``OutcomeUnknownError`` where several may be it."""
    said = ("name", "ai_description", "eval_type")
    found: list[Eval] = []
    async for listed in client.evals.list(workspace_uuid=fields.get("workspace_uuid")):
        is_new = listed.created_at is None or listed.created_at >= began - CLOCK_SKEW
        if is_new and all(getattr(listed, name) == fields.get(name) for name in said):
            found.append(listed)
    if len(found) > 1:
        uuids = ", ".join(str(one.eval_uuid) for one in found)
        raise OutcomeUnknownError(
            f"The answer to creating the eval named {fields['name']!r} was lost, and {len(found)} evals may be it: "
            f"{uuids}. Nothing was asked or scored. Run one of them with eval_uuid=…",
            method="POST",
            is_retryable=False,
        )
    return found[0] if found else None


def digest_fields(fields: EvalParams) -> dict[str, object]:
    """Return what identifies the job that an eval is made for."""
    plain = vars(fields) if isinstance(fields, EvalCreate) else fields
    return {
        name: attrs.asdict(cast(Any, value)) if attrs.has(type(value)) else value
        for name, value in plain.items()
        if value is not UNSET
    }
