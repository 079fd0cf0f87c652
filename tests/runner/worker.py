"""A process that runs an eval with a journal, and notes each call of its model in a file; made to be killed."""

from __future__ import annotations

import asyncio
import os
import sys

from aymara_async import AsyncAymaraAI
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner

PARAMS = {"ai_description": "A shop assistant", "eval_type": "safety", "name": "Killed"}


async def main(journal: str, log: str, num_prompts: int, turns: int) -> None:
    calls = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    async def model(prompt: ModelPrompt) -> str:
        await asyncio.sleep(0.002)
        said = len(prompt.history)
        os.write(calls, f"{prompt.prompt.prompt_uuid} {said}\n".encode())
        return f"I cannot help with that, for the {said + 1}. time."

    async with AsyncAymaraAI() as client:
        runner = AsyncEvalRunner(
            client, model, concurrency=4, turns=turns, batch_size=8, scoring_concurrency=3, grace_period=1
        )
        outcome = await runner.run_eval(PARAMS | {"num_prompts": num_prompts}, journal=journal)
    os.close(calls)
    print(outcome.run.eval_run_uuid, *(len(thread) for thread in outcome.threads), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
