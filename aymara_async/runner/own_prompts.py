"""An eval that holds the caller's own prompts and no others, whatever was lost or broken off on the way.

Nothing is noted of how far it is: each look at the eval shows what it lacks and what it has too many of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import count
from typing import TypeAlias, cast

import msgspec
from msgspec import UNSET

from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import APIError, RequestValidationError
from aymara_async.models import EvalPrompt, PromptCreate, PromptUpdate
from aymara_async.runner.looking import looks
from aymara_async.scoring.exact_eval import PROMPTS_PER_CALL, batches, map_prompts
from aymara_async.scoring.rows import PromptRow
from aymara_async.transport.codec import encode_request

Prompts: TypeAlias = Iterable[str | PromptCreate | Mapping[str, object]]
"""Texts, or texts with a category as ``PromptCreate`` or mappings."""

CHANGES = 4
"""So often the eval's prompts are brought nearer to those wanted, before it is given up."""


def read_prompts(prompts: Prompts) -> list[PromptRow]:
    """Check the prompts and name them by their numbers; raises ``RequestValidationError``."""
    given: object = prompts
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise RequestValidationError(
            f"prompts must be an iterable of texts, mappings or PromptCreate, not a {type(given).__name__}. Nothing "
            "was sent.",
            path="prompts",
        )
    rows = [_read_prompt(number, prompt) for number, prompt in enumerate(given, 1)]
    if not rows:
        raise RequestValidationError("prompts is empty, so there is nothing to run. Nothing was sent.", path="prompts")
    return rows


def _read_prompt(number: int, prompt: object) -> PromptRow:
    fields = {"content": prompt} if isinstance(prompt, str) else prompt
    if isinstance(fields, PromptCreate):
        fields = {name: value for name, value in vars(fields).items() if value is not UNSET}
    if not isinstance(fields, Mapping):
        raise _wrong(number, f"is a {type(prompt).__name__}, neither text nor a mapping nor a PromptCreate")
    try:
        encode_request(PromptCreate, fields)
    except RequestValidationError as error:
        raise _wrong(number, f"cannot be sent: {error.message.removesuffix(' Nothing was sent.')}") from error
    told = cast(Mapping[str, str], fields)
    if not told["content"].strip():
        raise _wrong(number, "is empty")
    return PromptRow(prompt_uuid=f"prompt {number}", content=told["content"], category=told.get("category"))


def _wrong(number: int, what: str) -> RequestValidationError:
    return RequestValidationError(
        f"Prompt {number} {what.rstrip('.')}. Nothing was sent.", path=f"prompts[{number - 1}]"
    )


def fingerprint(rows: Sequence[PromptRow]) -> str:
    """Say briefly which prompts they are."""
    said = msgspec.json.encode([_said(row) for row in rows])
    return f"{len(rows)} of the caller, {blake2b(said, digest_size=6).hexdigest()}"


async def fill(
    client: AsyncAymaraAI,
    eval_uuid: str,
    rows: Sequence[PromptRow],
    *,
    timeout: float | None,
    workspace_uuid: str | None,
    grace: float,
    is_begun: bool,
    is_shared: bool,
) -> list[str]:
    """Give an eval these prompts in the place of what it holds, and return the server's ids of them, in their order.

    ``timeout`` is how many seconds to wait for the eval each time, ``grace`` after how many a change that is not
    listed has not arrived, ``is_begun`` whether changes may be under way already. One that ``is_shared`` may
    be another job's, whose prompts are not deleted. Raises ``RequestValidationError`` where it is, ``ExactEvalError``
    where the server holds others in the end, ``WaitError``, and ``APIError``.
    """
    before: object = None
    lost: APIError | None = None
    waits = looks(grace) if is_begun else None
    for changes in count():
        listed, surplus, missing = await _look(client, eval_uuid, rows, timeout, workspace_uuid, waits)
        if is_shared:
            _check_own(eval_uuid, rows, surplus)
        differs = [_said(prompt) for prompt in surplus], missing
        is_final = changes == CHANGES or (lost is None and differs == before)
        if not (surplus or missing) or (is_final and lost is None):
            return list(map_prompts(eval_uuid, rows, listed).values())
        if lost is not None and is_final:
            raise lost
        before = differs
        lost = await _change(client, eval_uuid, surplus, missing, workspace_uuid)
        waits = looks(grace)
    raise AssertionError


async def _look(
    client: AsyncAymaraAI,
    eval_uuid: str,
    rows: Sequence[PromptRow],
    timeout: float | None,
    workspace_uuid: str | None,
    waits: AsyncIterator[bool] | None,
) -> tuple[list[EvalPrompt], list[EvalPrompt], list[PromptRow]]:
    """List the prompts, and tell which are too many and which are missing.

    With ``waits``, what was changed may be listed late: as long as there are not as many as there should be.
    """
    while True:
        is_last = True if waits is None else await anext(waits, True)
        await client.evals.wait(eval_uuid, timeout=timeout, workspace_uuid=workspace_uuid)
        listed = [prompt async for prompt in client.evals.list_prompts(eval_uuid, workspace_uuid=workspace_uuid)]
        if is_last or len(listed) == len(rows):
            return listed, *_compare(rows, listed)


def _check_own(eval_uuid: str, rows: Sequence[PromptRow], surplus: Sequence[EvalPrompt]) -> None:
    """Raise ``RequestValidationError`` where there is more than the one generated prompt that an eval is made with."""
    wanted = set(map(_said, rows))
    strange = [prompt for prompt in surplus if _said(prompt) not in wanted]
    if len(strange) > 1:
        raise RequestValidationError(
            f"Eval {eval_uuid}, which has the name of this job, holds {len(strange)} prompts that are not among those "
            f"given, the first of them {strange[0].prompt_uuid}. Nothing was changed. A run_key belongs to one job and "
            "is used for nothing else.",
            path="run_key",
        )


def _said(prompt: PromptRow | EvalPrompt) -> tuple[str, str | None]:
    return prompt.content, prompt.category


def _compare(rows: Sequence[PromptRow], listed: Sequence[EvalPrompt]) -> tuple[list[EvalPrompt], list[PromptRow]]:
    """Find what the eval has too many of, and what it lacks; equal prompts count."""
    wanted = Counter(map(_said, rows))
    surplus: list[EvalPrompt] = []
    for prompt in listed:
        if wanted[_said(prompt)]:
            wanted[_said(prompt)] -= 1
        else:
            surplus.append(prompt)
    missing: list[PromptRow] = []
    for row in reversed(rows):
        if wanted[_said(row)]:
            wanted[_said(row)] -= 1
            missing.append(row)
    return surplus, missing[::-1]


async def _change(
    client: AsyncAymaraAI,
    eval_uuid: str,
    surplus: Sequence[EvalPrompt],
    missing: Sequence[PromptRow],
    workspace_uuid: str | None,
) -> APIError | None:
    """Delete and add; return the error of a call that may have arrived or not."""
    changes: list[tuple[list[PromptUpdate], list[PromptCreate]]] = [
        *(
            ([PromptUpdate(prompt_uuid=one.prompt_uuid, action="delete") for one in some], [])
            for some in batches(surplus, PROMPTS_PER_CALL)
        ),
        *(
            ([], [PromptCreate(content=one.content, category=one.category) for one in some])
            for some in batches(missing, PROMPTS_PER_CALL)
        ),
    ]
    lost: APIError | None = None
    for deletions, creations in changes:
        try:
            await client.evals.update(
                eval_uuid,
                prompt_updates=deletions or UNSET,
                prompt_creates=creations or UNSET,
                workspace_uuid=workspace_uuid,
            )
        except APIError as error:
            if not error.may_have_acted:
                raise
            lost = error
    return lost
