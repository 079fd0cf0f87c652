"""The two input files, checked whole before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec

from aymara_async.scoring.errors import InputFileError
from aymara_async.scoring.jsonl import read_lines
from aymara_async.scoring.rows import PromptRow, ResponseRow


class _Line(msgspec.Struct, kw_only=True):
    prompt_uuid: str | int | None = None
    id: str | int | None = None

    def row_id(self, path: Path, line: int) -> str:
        found = self.id if self.prompt_uuid is None else self.prompt_uuid
        if found is None or found == "":
            raise InputFileError("Object missing required field `prompt_uuid` (or `id`)", path=path, line=line)
        return str(found)


class _PromptLine(_Line, kw_only=True):
    content: str
    category: str | None = None
    safe: Any = None


class _ResponseLine(_Line, kw_only=True):
    content: str | None
    thread_uuid: str | None = None
    turn_number: Annotated[int, msgspec.Meta(ge=1)] = 1
    ai_refused: bool | None = None
    exclude_from_scoring: bool = False


def read_prompts(path: Path) -> list[PromptRow]:
    """Read a prompts file, in its order.

    A row has ``prompt_uuid`` (or ``id``) and ``content``, and may have ``category`` and ``safe``; other fields are
    ignored. Raises ``InputFileError``.
    """
    lines: dict[str, int] = {}
    prompts: list[PromptRow] = []
    for number, line in read_lines(path, _PromptLine):
        prompt_uuid = line.row_id(path, number)
        if not line.content.strip():
            raise InputFileError(f"the content of prompt {prompt_uuid!r} is blank", path=path, line=number)
        if prompt_uuid in lines:
            reason = f"a second prompt {prompt_uuid!r}; the first is on line {lines[prompt_uuid]}"
            raise InputFileError(reason, path=path, line=number)
        lines[prompt_uuid] = number
        row = PromptRow(
            prompt_uuid=prompt_uuid, content=line.content, category=line.category, is_harmless=line.safe is True
        )
        prompts.append(row)
    if not prompts:
        raise InputFileError("holds no prompts", path=path)
    return prompts


def read_responses(path: Path, prompts: Iterable[PromptRow]) -> list[ResponseRow]:
    """Read a responses file, in its order; each row answers one of the prompts.

    A row has ``prompt_uuid`` (or ``id``) and ``content`` (null: the AI refused), and may have ``thread_uuid``,
    ``turn_number``, ``ai_refused`` and ``exclude_from_scoring``; other fields are ignored. Raises ``InputFileError``.
    """
    known = {prompt.prompt_uuid for prompt in prompts}
    lines: dict[tuple[str, str | None, int], int] = {}
    responses: list[ResponseRow] = []
    for number, line in read_lines(path, _ResponseLine):
        prompt_uuid = line.row_id(path, number)
        if prompt_uuid not in known:
            raise InputFileError(f"there is no prompt {prompt_uuid!r} to answer", path=path, line=number)
        row = ResponseRow(
            prompt_uuid=prompt_uuid,
            content=line.content,
            thread_uuid=line.thread_uuid,
            turn_number=line.turn_number,
            ai_refused=line.content is None if line.ai_refused is None else line.ai_refused,
            exclude_from_scoring=line.exclude_from_scoring,
        )
        if row.turn in lines:
            reason = f"a second response to prompt {row}; the first is on line {lines[row.turn]}"
            raise InputFileError(reason, path=path, line=number)
        lines[row.turn] = number
        responses.append(row)
    if not responses:
        raise InputFileError("holds no responses", path=path)
    return responses
