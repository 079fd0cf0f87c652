"""What ``score`` scores: a file of responses to the prompts of another file, or to those of an eval at the server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, cast

import attrs

from aymara_async.bulk.source import UnreadableLine
from aymara_async.cli.results.counted import LeftOut
from aymara_async.client import AsyncAymaraAI
from aymara_async.models import EvalPrompt
from aymara_async.runner.answer_journal import AnswerJournal
from aymara_async.runner.eval_ready import CREATING, PROMPT_UUIDS, NewEval
from aymara_async.runner.outcome import Exchange
from aymara_async.runner.own_prompts import fingerprint
from aymara_async.scoring.errors import InputFileError
from aymara_async.scoring.input_files import stream_responses
from aymara_async.scoring.rows import PromptRow, ResponseRow

Sent: TypeAlias = Mapping[str, object] | UnreadableLine


@attrs.define(kw_only=True)
class FileInput:
    """Responses to the prompts of a file, for which an eval is made that holds exactly these."""

    prompts: Sequence[PromptRow]
    rows: Sequence[ResponseRow]
    """In the order of their file, no turn twice, each to one of the prompts."""
    left_out: list[LeftOut]
    """Rows that are at fault and are not sent."""
    name: str
    ai_description: str
    eval_type: str
    run_key: str | None
    """The whole name of the eval, if another process is to find it."""
    journal: Path | None
    """Where to keep which eval was made, and the ids of its prompts."""
    timeout: float
    grace: float
    """Seconds after which what is not listed has not arrived."""
    eval_uuid: str | None = None
    is_streamed: Final = False
    """Whether there may be more than memory can hold."""
    _uuids: dict[str, str] = attrs.field(factory=dict)
    _creating: str | None = None
    """What the journal knows of the eval's creation."""
    _is_opened: bool = False

    @property
    def opening(self) -> str:
        """Tell what ``open`` will do."""
        return f"Getting an eval of {len(self.prompts):,} prompts ready"

    @property
    def total(self) -> int:
        """How many responses there are."""
        return len(self.rows)

    async def open(self, client: AsyncAymaraAI) -> dict[str, EvalPrompt]:
        """Make the eval, or find the one that an earlier session made.

        Raises ``JournalError``, ``OutcomeUnknownError``, ``ExactEvalError``, ``WaitError`` and ``APIError``.
        """
        journal = await AnswerJournal.open(self.journal)
        self._is_opened = True
        try:
            try:
                await self._new_eval(client).make(client, journal, timeout=self.timeout, grace=self.grace)
            finally:
                self.eval_uuid = cast("str | None", await journal.recall("eval_uuid"))
                self._creating = cast("str | None", await journal.recall(CREATING))
            uuids = cast("list[str]", await journal.recall(PROMPT_UUIDS))
        finally:
            await journal.close()
        self._uuids = {row.prompt_uuid: uuid for row, uuid in zip(self.prompts, uuids, strict=True)}
        return {
            uuid: EvalPrompt(prompt_uuid=uuid, content=row.content, category=row.category)
            for row, uuid in zip(self.prompts, uuids, strict=True)
        }

    @property
    def names(self) -> Mapping[str, str]:
        """The file's own ids of the prompts, by the server's."""
        return {uuid: name for name, uuid in self._uuids.items()}

    def responses(self) -> list[Sent]:
        """Give what is to be sent."""
        return [row.to_request(self._uuids.get(row.prompt_uuid, row.prompt_uuid)) for row in self.rows]

    def in_order(self, turns: Sequence[Exchange]) -> list[Exchange]:
        """Bring turns into the order of the file."""
        places = {row.turn: place for place, row in enumerate(self.rows)}
        return sorted(turns, key=partial(_place, places, self.names))

    @property
    def state(self) -> str:
        """Tell what the server holds of the eval."""
        if self.eval_uuid is not None:
            return f"Eval {self.eval_uuid} stays at the server."
        if self._creating is not None:
            return f"An eval named {self._creating!r} may have been created."
        return "Nothing is left at the server." if self._is_opened else "No eval was created."

    @property
    def has_eval(self) -> bool:
        """Whether there is, or may be, a new eval."""
        return self.eval_uuid is not None or self._creating is not None

    async def delete(self, client: AsyncAymaraAI) -> None:
        """Delete the eval."""
        if self.eval_uuid is not None:
            await client.evals.delete(self.eval_uuid)
            self.eval_uuid = self._creating = None

    def _new_eval(self, client: AsyncAymaraAI) -> NewEval:
        fields = {
            # Something unique, so that an eval whose answer was lost can be told from all others.
            "name": self.run_key or f"{self.name} {secrets.token_hex(6)}",
            "ai_description": self.ai_description,
            "eval_type": self.eval_type,
            "num_prompts": 0,
        }
        settings = client._settings.call
        return NewEval(
            fields=fields,
            identity={
                "server": client.base_url,
                "workspace": settings.workspace_uuid,
                "eval": {**fields, "name": self.name},
                "prompts": fingerprint(self.prompts),
            },
            rows=self.prompts,
            workspace_uuid=settings.workspace_uuid,
            is_shared=self.run_key is not None,
        )


def _place(places: Mapping[tuple[str, str | None, int], int], names: Mapping[str, str], turn: Exchange) -> int:
    score = turn.score
    assert score is not None
    # The server names the thread of a response that was submitted without one.
    name = names.get(score.prompt_uuid, score.prompt_uuid)
    turns = ((name, thread, score.turn_number) for thread in (score.thread_uuid, None))
    return next((places[turn] for turn in turns if turn in places), len(places))


@attrs.define(kw_only=True)
class EvalInput:
    """Responses to the prompts of an eval at the server, from a file of any size."""

    eval_uuid: str
    has_eval: Final = False
    """It is no new one."""
    path: Path
    format: str | None
    total: Final = None
    """It is not known before the end."""
    left_out: list[LeftOut] = attrs.field(factory=list)
    is_streamed: Final = True
    names: Mapping[str, str] = {}
    """There are none but the server's."""
    _known: frozenset[str] | None = None

    @property
    def opening(self) -> str:
        """Tell what ``open`` will do."""
        return f"Reading the prompts of eval {self.eval_uuid}"

    async def open(self, client: AsyncAymaraAI) -> dict[str, EvalPrompt]:
        """Read the eval's prompts; raises ``APIError``."""
        prompts = {prompt.prompt_uuid: prompt async for prompt in client.evals.list_prompts(self.eval_uuid)}
        self._known = frozenset(prompts)
        return prompts

    def responses(self) -> Iterator[Sent]:
        """Give what is to be sent, and what is at fault, row by row."""
        for row in stream_responses(self.path, self._is_known, format=self.format):
            if isinstance(row, InputFileError):
                yield UnreadableLine(f"{row.place}: {row.reason}")
            else:
                yield row.to_request(row.prompt_uuid)

    def _is_known(self, row: ResponseRow) -> bool:
        # Later turns answer prompts that the server has made since.
        return self._known is None or row.turn_number > 1 or row.prompt_uuid in self._known

    @property
    def state(self) -> str:
        """Tell that there is no new eval."""
        return "No eval was created."

    def in_order(self, turns: Sequence[Exchange]) -> Sequence[Exchange]:
        """Leave turns in the order in which they were scored."""
        return turns

    async def delete(self, client: AsyncAymaraAI) -> None:
        """Leave the eval, which was there before."""


ScoreInput: TypeAlias = FileInput | EvalInput
