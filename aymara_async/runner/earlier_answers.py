"""What an earlier process has answered under the same ``run_key``: read from the run, in the place of its journal."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from time import monotonic

import attrs
from msgspec import UNSET

from aymara_async.client import AsyncAymaraAI
from aymara_async.models import EvalPrompt, EvalResponse, ScoredResponse
from aymara_async.runner.answers import Answered


@attrs.define
class EarlierAnswers:
    """Answers that the run of the key holds already, so that the model is not asked for them again."""

    _listed: defaultdict[str, list[ScoredResponse]] = attrs.field(
        factory=lambda: defaultdict[str, list[ScoredResponse]](list)
    )

    async def read(
        self, client: AsyncAymaraAI, eval_uuid: str, run_key: str, *, workspace_uuid: str | None, at: float
    ) -> None:
        """Wait until that moment of ``monotonic``, by which all is listed, and read it; raises ``APIError``."""
        await asyncio.sleep(max(0.0, at - monotonic()))
        async for run in client.evals.runs.list(eval_uuid=eval_uuid, workspace_uuid=workspace_uuid):
            if run.name == run_key:
                pager = client.evals.runs.list_responses(run.eval_run_uuid, workspace_uuid=workspace_uuid)
                async for scored in pager:
                    self._listed[scored.prompt_uuid].append(scored)

    def find(self, prompt: EvalPrompt) -> Answered | None:
        """Return the answer to a prompt, where the server repeats what it says."""
        fitting = [
            scored
            for scored in self._listed.get(prompt.prompt_uuid, ())
            if scored.turn_number == prompt.turn_number
            and (prompt.thread_uuid is None or scored.thread_uuid in (None, prompt.thread_uuid))
        ]
        if len(fitting) != 1 or not (fitting[0].content or fitting[0].ai_refused):
            return None
        said = fitting[0]
        response = EvalResponse(
            prompt_uuid=prompt.prompt_uuid,
            content=said.content,
            content_type=said.content_type,
            ai_refused=said.ai_refused,
            exclude_from_scoring=said.exclude_from_scoring,
            thread_uuid=UNSET if prompt.thread_uuid is None else prompt.thread_uuid,
            turn_number=prompt.turn_number,
        )
        return Answered(response=response)
