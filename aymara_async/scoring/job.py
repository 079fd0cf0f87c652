"""The way from checked rows to their scores, and how far it got."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import attrs
from msgspec import UNSET

from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import APIConnectionError, APIStatusError, AymaraAIError, IncompleteScoringError
from aymara_async.models import EvalResponse
from aymara_async.scoring.completeness import match_scores
from aymara_async.scoring.exact_eval import batches, create_eval, fill_eval
from aymara_async.scoring.outcome import ScoredRow, ScoringOutcome
from aymara_async.scoring.rows import PromptRow, ResponseRow

RESPONSES_PER_CALL = 50


def _ignore(_: str) -> None:
    """Tell nobody."""


@attrs.define(kw_only=True)
class ScoringJob:
    """Score responses against an eval that holds exactly their prompts.

    Everything goes into one eval and one run; ``state`` tells at any time what the server holds.
    """

    prompts: Sequence[PromptRow]
    responses: Sequence[ResponseRow]
    """At least one, each to one of the prompts, no turn twice, as ``read_responses`` gives them."""
    eval_name: str
    run_name: str
    ai_description: str
    eval_type: str
    timeout: float | None = None
    """Seconds to wait for the eval, and again for the scores; None for ever."""
    tell: Callable[[str], None] = _ignore
    """Is told what is being done, for people."""
    eval_uuid: str | None = attrs.field(default=None, init=False)
    eval_run_uuid: str | None = attrs.field(default=None, init=False)
    num_submitted: int = attrs.field(default=0, init=False)
    """How many responses the server is known to have."""
    _doubt: str = attrs.field(default="", init=False)
    """What a call under way may have done."""

    async def run(self, client: AsyncAymaraAI) -> ScoringOutcome:
        """Create, fill, submit, wait, read back and compare.

        Raises ``ExactEvalError``, ``IncompleteScoringError``, ``WaitError`` and ``APIError``.
        """
        with self._in_doubt(f"An eval named {self.eval_name!r} may have been created."):
            self.eval_uuid = await create_eval(
                client, name=self.eval_name, ai_description=self.ai_description, eval_type=self.eval_type
            )
        self.tell(f"Created eval {self.eval_uuid}; adding {len(self.prompts)} prompts")
        ids = await fill_eval(client, self.eval_uuid, self.prompts, timeout=self.timeout)
        submitted = [_submission(row, ids[row.prompt_uuid]) for row in self.responses]
        eval_run_uuid = await self._submit(client, self.eval_uuid, submitted)
        self.tell(f"Waiting for {len(submitted)} scores in run {eval_run_uuid}")
        run = await client.evals.runs.wait(eval_run_uuid, timeout=self.timeout)
        listed = [scored async for scored in client.evals.runs.list_responses(eval_run_uuid)]
        scores = match_scores(eval_run_uuid, submitted, [str(row) for row in self.responses], listed)
        prompts = {prompt.prompt_uuid: prompt for prompt in self.prompts}
        return ScoringOutcome(
            eval_uuid=self.eval_uuid,
            eval_run_uuid=eval_run_uuid,
            name=run.name,
            prompts=self.prompts,
            rows=[
                ScoredRow(prompt=prompts[row.prompt_uuid], response=row, score=score)
                for row, score in zip(self.responses, scores, strict=True)
            ],
        )

    async def delete(self, client: AsyncAymaraAI) -> None:
        """Delete the run and the eval; raises ``APIError``."""
        if self.eval_run_uuid is not None:
            await client.evals.runs.delete(self.eval_run_uuid)
            self.eval_run_uuid = None
        if self.eval_uuid is not None:
            await client.evals.delete(self.eval_uuid)
            self.eval_uuid = None

    @property
    def state(self) -> str:
        """What the server holds of it, in a sentence or two."""
        told: list[str] = []
        if self.eval_uuid is not None:
            told.append(f"Eval {self.eval_uuid} stays at the server.")
        if self.eval_run_uuid is not None:
            held = f"{self.num_submitted} of {len(self.responses)} responses"
            told.append(f"So does run {self.eval_run_uuid}, which has {held}.")
        return " ".join(filter(None, (*told, self._doubt))) or "Nothing is left at the server."

    async def _submit(self, client: AsyncAymaraAI, eval_uuid: str, responses: Sequence[EvalResponse]) -> str:
        """Submit in batches, the first of which starts the run."""
        first: str | None = None
        for batch in batches(responses, RESPONSES_PER_CALL):
            with self._in_doubt(f"{len(batch)} responses were on their way and may have arrived."):
                run = await client.evals.runs.create(
                    eval_uuid=eval_uuid,
                    eval_run_uuid=first or UNSET,
                    name=self.run_name,
                    ai_description=self.ai_description,
                    responses=batch,
                )
            first = first or run.eval_run_uuid
            if run.eval_run_uuid != first:
                raise IncompleteScoringError(
                    f"The server started run {run.eval_run_uuid} with responses that were to be added to run {first}, "
                    "so no single run holds them all. Nothing more was submitted.",
                    eval_run_uuids=[first, run.eval_run_uuid],
                    missing=[str(row) for row in self.responses[self.num_submitted :]],
                )
            self.eval_run_uuid = first
            self.num_submitted += len(batch)
            self.tell(f"Submitted {self.num_submitted} of {len(responses)} responses")
        assert first is not None
        return first

    @contextmanager
    def _in_doubt(self, doubt: str) -> Generator[None, None, None]:
        """Remember what a call may have done, until it is known."""
        self._doubt = doubt
        try:
            yield
        except AymaraAIError as error:
            if _did_nothing(error):
                self._doubt = ""
            raise
        self._doubt = ""


def _did_nothing(error: AymaraAIError) -> bool:
    if isinstance(error, APIStatusError):
        return error.status_code < 500
    return isinstance(error, APIConnectionError) and not error.is_sent


def _submission(row: ResponseRow, prompt_uuid: str) -> EvalResponse:
    return EvalResponse(
        prompt_uuid=prompt_uuid,
        thread_uuid=UNSET if row.thread_uuid is None else row.thread_uuid,
        turn_number=row.turn_number,
        content=row.content,
        ai_refused=row.ai_refused,
        exclude_from_scoring=row.exclude_from_scoring,
    )
