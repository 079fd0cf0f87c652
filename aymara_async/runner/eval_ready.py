"""Getting the eval: made once, also when the answer to its creation is lost, and waited for."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
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
from aymara_async.runner.looking import looks
from aymara_async.scoring.rows import PromptRow
from aymara_async.transport.codec import encode_request

TRIES = 3
"""So often an eval is created, where the answer was lost and no eval of its name is listed in the end."""
CREATING = "creating"
"""In the journal: the name of the eval, from before it is created."""
FILLING = "filling"
"""In the journal, from before the first prompt is added."""
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
    name: str | None = None
    """As the caller gave it."""
    is_shared: bool = False
    """Whether another process may have made it, which is known by its name."""

    @classmethod
    def read(
        cls,
        params: EvalParams,
        prompts: own_prompts.Prompts | None,
        *,
        workspace_uuid: str | None,
        is_sandbox: bool | None,
        run_key: str | None = None,
    ) -> NewEval:
        """Check what the caller said; raises ``RequestValidationError``. ``run_key`` is the whole name of the eval."""
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
        # Something unique, so that an eval whose answer was lost can be told from all others.
        name = run_key or f"{given.get('name') or given.get('eval_type', 'eval')} {secrets.token_hex(6)}"
        fields = {"is_sandbox": is_sandbox, "workspace_uuid": workspace_uuid} | given | {"name": name}
        if rows is not None:
            fields["num_prompts"] = 0
        fields = {name: value for name, value in fields.items() if value is not None}
        encode_request(EvalCreate, fields)
        identity = {
            "eval_params": {name: _plain(value) for name, value in given.items()},
            "prompts": "the server's" if rows is None else own_prompts.fingerprint(rows),
        }
        return cls(
            fields=fields,
            identity=identity,
            rows=rows,
            workspace_uuid=workspace_uuid,
            name=given.get("name"),
            is_shared=run_key is not None,
        )

    async def make(self, client: AsyncAymaraAI, journal: AnswerJournal, *, timeout: float | None, grace: float) -> str:
        """Create the eval unless that has been done, and give it the caller's prompts; return its id.

        ``timeout`` is how many seconds to wait for it before prompts can be added, ``grace`` after how many something
        that is not listed has not arrived. Raises ``OutcomeUnknownError`` where
        it cannot be told which eval it is, ``JournalError``, ``ExactEvalError``, ``WaitError``, and ``APIError``.
        """
        for name, value in self.identity.items():
            await journal.settle(name, value)
        eval_uuid = await make_eval(
            client,
            self.fields,
            journal,
            is_filled_later=self.rows is not None,
            is_shared=self.is_shared,
            grace=grace,
        )
        if self.rows is not None and await journal.recall(PROMPT_UUIDS) is None:
            is_begun = await journal.recall(FILLING) is not None
            await journal.note({FILLING: True})
            uuids = await own_prompts.fill(
                client,
                eval_uuid,
                self.rows,
                timeout=timeout,
                workspace_uuid=self.workspace_uuid,
                grace=grace,
                is_begun=is_begun,
                is_shared=self.is_shared,
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
    client: AsyncAymaraAI,
    fields: Mapping[str, Any],
    journal: AnswerJournal,
    *,
    is_filled_later: bool,
    is_shared: bool,
    grace: float,
) -> str:
    """Create the eval, or find the one that was created by an earlier session or by a call whose answer was lost.

    The name tells it from all others; one that ``is_shared`` is looked for first. Raises ``OutcomeUnknownError`` where
    that cannot be told, ``RequestValidationError`` where the name is another job's, and ``APIError``.
    """
    known = await journal.recall("eval_uuid")
    if known is not None:
        return str(known)
    intention, found = await journal.recall(CREATING), None
    if intention is None:
        await journal.note({CREATING: fields["name"]})
    if intention is not None or is_shared:
        fields = {**fields, "name": str(intention or fields["name"])}
        found = await _look(client, fields, grace)
        if found is not None and is_shared:
            _check_same(found, fields)
            await journal.note({FILLING: True})  # by another process, it may be
    try:
        created = found or await _create(client, fields, is_filled_later=is_filled_later, grace=grace)
        if is_shared and found is None:
            await _look(client, fields, 0.0)  # whether another process has just made one too
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


async def _create(client: AsyncAymaraAI, fields: Mapping[str, Any], *, is_filled_later: bool, grace: float) -> Eval:
    for tries in count(1):
        try:
            return await client.evals.create(**fields)
        except (BadRequestError, UnprocessableEntityError):
            if not is_filled_later or "num_prompts" not in fields or fields["num_prompts"]:
                raise
            # If the number was the fault, one generated prompt will do: it is deleted later.
            fields = {**fields, "num_prompts": 1}
        except APIError as error:
            if not error.may_have_acted:
                raise
            try:
                found = await _look(client, fields, grace)
            except OutcomeUnknownError:
                raise
            except APIError as failure:  # which tells nothing of the eval
                raise error from failure
            if found is not None:
                return found
            if tries >= TRIES:
                raise
    raise AssertionError


async def _look(client: AsyncAymaraAI, fields: Mapping[str, Any], grace: float) -> Eval | None:
    """Look for the eval until it must be listed if it was created; raises ``OutcomeUnknownError`` where several are."""
    async for is_last in looks(grace):
        try:
            found = [
                one
                async for one in client.evals.list(workspace_uuid=fields.get("workspace_uuid"))
                if one.name == fields["name"]
            ]
        except APIError as error:
            if is_last or not error.is_passing:
                raise
            continue
        if len(found) > 1:
            raise _several(str(fields["name"]), found)
        if found:
            return found[0]
    return None


def _check_same(found: Eval, fields: Mapping[str, Any]) -> None:
    """Raise ``RequestValidationError`` where the eval of this name is for something else."""
    for name in ("eval_type", "ai_description"):
        if getattr(found, name) not in (None, fields.get(name)):
            raise RequestValidationError(
                f"Eval {found.eval_uuid}, named {found.name!r}, has another {name}: {getattr(found, name)!r}, not "
                f"{fields.get(name)!r}. Nothing was sent. A run_key belongs to one job and is used for nothing else.",
                path="run_key",
            )


def _several(name: str, found: Sequence[Eval]) -> OutcomeUnknownError:
    uuids = ", ".join(str(one.eval_uuid) for one in found)
    return OutcomeUnknownError(
        f"There are {len(found)} evals named {name!r}, and each may be the one that was to be created: {uuids}. "
        "Nothing was asked or scored. Run one of them with eval_uuid=…, and delete the others.",
        method="POST",
        is_retryable=False,
    )
