"""A run with its prompts and its scored responses: what most of the analysis starts from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from aymara_async.models import EvalPrompt, EvalRunResult, ScoredResponse
from aymara_async.record.tally import Tally, tally

if TYPE_CHECKING:
    from aymara_async.client import AsyncAymaraAI


@attrs.frozen(kw_only=True)
class ScoredRun:
    """A run with its prompts and its scored responses."""

    run: EvalRunResult
    """The run, as ``evals.runs.get`` gives it."""
    prompts: Sequence[EvalPrompt]
    """All prompts of its eval, as ``evals.list_prompts`` gives them."""
    responses: Sequence[ScoredResponse]
    """All responses of the run, as ``evals.runs.list_responses`` gives them."""

    @property
    def name(self) -> str:
        """Name of the run, else of its eval, else the run's identifier."""
        evaluation = self.run.evaluation
        return self.run.name or (evaluation.name if evaluation else None) or self.run.eval_run_uuid

    @cached_property
    def tally(self) -> Tally:
        """How many responses stand how, and how many prompts none answers."""
        return tally(self.responses, unanswered=len(self.unanswered))

    @cached_property
    def unanswered(self) -> Sequence[EvalPrompt]:
        """The prompts that no response answers."""
        answered = {response.prompt_uuid for response in self.responses}
        return [prompt for prompt in self.prompts if prompt.prompt_uuid not in answered]

    @cached_property
    def threads(self) -> Mapping[str, Sequence[ScoredResponse]]:
        """The conversations of more than one turn by ``thread_uuid``, their responses in the order of their turns."""
        threads: dict[str, list[ScoredResponse]] = defaultdict(list)
        for response in self.responses:
            if response.thread_uuid is not None:
                threads[response.thread_uuid].append(response)
        return {
            thread_uuid: sorted(turns, key=lambda response: response.turn_number)
            for thread_uuid, turns in threads.items()
            if len(turns) > 1
        }

    def prompt_of(self, response: ScoredResponse) -> EvalPrompt | None:
        """Find what a response answers: a prompt of the eval, or the one that an earlier turn led to."""
        by_turn, by_uuid = self._prompt_index
        return by_turn.get((response.prompt_uuid, response.turn_number)) or by_uuid.get(response.prompt_uuid)

    @cached_property
    def _prompt_index(self) -> tuple[Mapping[tuple[str, int], EvalPrompt], Mapping[str, EvalPrompt]]:
        following = [response.next_prompt for response in self.responses if response.next_prompt is not None]
        known = [*following, *self.prompts]
        return (
            {(prompt.prompt_uuid, prompt.turn_number): prompt for prompt in known},
            {prompt.prompt_uuid: prompt for prompt in known},
        )


async def read_run(client: AsyncAymaraAI, eval_run_uuid: str) -> ScoredRun:
    """Read a run, all prompts of its eval and all its responses.

    Calls ``evals.runs.get``, ``evals.list_prompts`` and ``evals.runs.list_responses``; raises ``APIError``.
    """
    run = await client.evals.runs.get(eval_run_uuid)
    return ScoredRun(
        run=run,
        prompts=[prompt async for prompt in client.evals.list_prompts(run.eval_uuid)],
        responses=[response async for response in client.evals.runs.list_responses(eval_run_uuid)],
    )
