"""Getting the eval: made once, also when the answer to its creation is lost, and waited for."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, cast

import attrs
from msgspec import UNSET

from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import (
    APIError,
    BadRequestError,
    OutcomeUnknownError,
    RequestValidationError,
    UnprocessableEntityError,
)
from aymara_async.models import Eval, EvalCreate
from aymara_async.runner import own_prompts
from aymara_async.runner.answer_journal import AnswerJournal
from aymara_async.scoring.rows import PromptRow
from aymara_async.transport.codec import encode_request

CLOCK_SKEW = timedelta(minutes=5)
LOOKS = 3
PAUSE = 0.5
PROMPT_UUIDS = "prompt_uuids"
"""In the journal: the server's ids of the caller's own prompts, in the caller's order, once the eval holds them."""

EvalParams: TypeAlias = Mapping[str, object] | EvalCreate
"""The fields of ``EvalCreate``, which are arguments of ``evals.create``."""


@attrs.frozen(kw_only=True)
class NewEval:
    """An eval that is to be made, checked as far as that can be done here."""

    fields: Mapping[str, Any]
    """Arguments of ``evals.create``."""
    identity: Mapping[str, object]
    """What a journal has to agree with."""
    rows: Sequence[PromptRow] | None
    """The caller's own prompts."""
    workspace_uuid: str | None

    @classmethod
    def read(
        cls,
        params: EvalParams,
        prompts: own_prompts.Prompts | None,
        *,
        workspace_uuid: str | None,
        is_sandbox: bool | None,
    ) -> NewEval:
        """Check what the caller said; raises ``RequestValidationError``."""
        given = _given(params)
        rows = None if prompts is None else own_prompts.read_prompts(prompts)
        if rows is not None and given.get("num_prompts") is not None:
            raise RequestValidationError(
                "Give either prompts or num_prompts: an eval with prompts of yours holds these and no others. Nothing "
                "was sent.",
                path="num_prompts",
            )
        if given.get("workspace_uuid") not in (None, workspace_uuid):
            raise RequestValidationError(
                f"The eval is for workspace {given['workspace_uuid']!r}, the runner for {workspace_uuid!r}. Give "
                "workspace_uuid to the runner, or to the client. Nothing was sent.",
                path="workspace_uuid",
            )
        name = given.get("name") or f"{given.get('eval_type', 'eval')} {secrets.token_hex(6)}"
        fields = {"is_sandbox": is_sandbox, "workspace_uuid": workspace_uuid} | given | {"name": name}
        if rows is not None:
            fields["num_prompts"] = 0
        fields = {name: value for name, value in fields.items() if value is not None}
        encode_request(EvalCreate, fields)
        identity = {
            "eval_params": {name: _plain(value) for name, value in given.items()},
            "prompts": "the server's" if rows is None else own_prompts.fingerprint(rows),
        }
        return cls(fields=fields, identity=identity, rows=rows, workspace_uuid=workspace_uuid)

    async def make(self, client: AsyncAymaraAI, journal: AnswerJournal, *, timeout: float | None) -> str:
        """Create the eval unless that has been done, and give it the caller's prompts; return its id.

        ``timeout`` is how many seconds to wait for it before prompts can be added. Raises ``OutcomeUnknownError`` where
        it cannot be told which eval it is, ``JournalError``, ``ExactEvalError``, ``WaitError``, and ``APIError``.
        """
        for name, value in self.identity.items():
            await journal.settle(name, value)
        eval_uuid = await make_eval(client, self.fields, journal, is_filled_later=self.rows is not None)
        if self.rows is not None and await journal.recall(PROMPT_UUIDS) is None:
            uuids = await own_prompts.fill(
                client, eval_uuid, self.rows, timeout=timeout, workspace_uuid=self.workspace_uuid
            )
            await journal.note({PROMPT_UUIDS: uuids})
        return eval_uuid


def _given(params: EvalParams) -> dict[str, Any]:
    given: object = params
    if isinstance(given, EvalCreate):
        given = vars(given)
    if not isinstance(given, Mapping):
        raise RequestValidationError(
            f"eval_params must be a mapping with the arguments of evals.create, or an EvalCreate, not {given!r}. For "
            "an eval that exists, pass eval_uuid=… instead. Nothing was sent.",
            path="eval_params",
        )
    # What can be read only once would be used up by the checks.
    read = {name: list(value) if isinstance(value, Iterator) else value for name, value in given.items()}
    return {name: value for name, value in read.items() if value is not UNSET}


def _plain(value: object) -> object:
    return attrs.asdict(cast(Any, value)) if attrs.has(type(value)) else value


async def make_eval(
    client: AsyncAymaraAI, fields: Mapping[str, Any], journal: AnswerJournal, *, is_filled_later: bool
) -> str:
    """Create the eval, or find the one that was created by an earlier session or by a call whose answer was lost.

    Raises ``OutcomeUnknownError`` where that cannot be told, and ``APIError``.
    """
    known = await journal.recall("eval_uuid")
    if known is not None:
        return str(known)
    intention = await journal.recall("creating")
    if intention is None:
        began, found = datetime.now(UTC), None
        await journal.note({"creating": {"name": fields["name"], "at": began.isoformat()}})
    else:
        told = cast(Mapping[str, str], intention)
        fields = {**fields, "name": told["name"]}
        began = datetime.fromisoformat(told["at"])
        found = await _look(client, fields, began)
    try:
        created = found or await _create(client, fields, began, is_filled_later=is_filled_later)
    except APIError as error:
        if not error.may_have_acted:
            await journal.forget()  # nothing was created, so that the journal is free for another try
        raise
    if created.eval_uuid is None:
        raise OutcomeUnknownError(
            f"The server created an eval named {fields['name']!r}, but did not say its id. Nothing was asked or "
            "scored. Look for it with evals.list, and run it with eval_uuid=…",
            method="POST",
            is_retryable=False,
        )
    await journal.note({"eval_uuid": created.eval_uuid})
    return created.eval_uuid


async def _create(client: AsyncAymaraAI, fields: Mapping[str, Any], began: datetime, *, is_filled_later: bool) -> Eval:
    try:
        return await client.evals.create(**fields)
    except (BadRequestError, UnprocessableEntityError):
        if not is_filled_later:
            raise
        # If the number was the fault, one generated prompt will do: it is deleted later.
        return await _create(client, {**fields, "num_prompts": 1}, began, is_filled_later=False)
    except APIError as error:
        if not error.may_have_acted:
            raise
        try:
            found = await _look(client, fields, began)
        except OutcomeUnknownError:
            raise
        except APIError as failure:  # which tells nothing of the eval
            raise error from failure
        if found is None:
            raise
        return found


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
