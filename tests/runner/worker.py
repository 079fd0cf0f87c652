"""A process that runs an eval with a journal, and notes each call of its model in a file; made to be killed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from zlib import crc32

from aymara_async import AsyncAymaraAI
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner

PARAMS = {"ai_description": "A shop assistant", "eval_type": "safety", "name": "Killed"}


def fails_on(prompt_uuid: str) -> bool:
    """Choose every seventh prompt, the same ones each time."""
    return crc32(prompt_uuid.encode()) % 7 == 0


async def main(journal: str, log: str, num_prompts: int, turns: int) -> None:
    calls = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    async def model(prompt: ModelPrompt) -> str:
        await asyncio.sleep(0.002)
        said = len(prompt.history)
        os.write(calls, f"{prompt.prompt.prompt_uuid} {said}\n".encode())
        if turns == 1 and fails_on(prompt.prompt.prompt_uuid):
            raise LookupError("no answer to this one")
        return f"I cannot help with that, for the {said + 1}. time."

    async with AsyncAymaraAI() as client:
        runner = AsyncEvalRunner(
            client,
            model,
            concurrency=4,
            turns=turns,
            batch_size=8,
            scoring_concurrency=3,
            grace_period=1,
            on_error="exclude",
        )
        outcome = await runner.run_eval(PARAMS | {"num_prompts": num_prompts}, journal=journal)
    os.close(calls)
    failed = sorted(exchange.prompt.prompt_uuid for exchange in outcome.errors)
    lengths = [len(thread) for thread in outcome.threads]
    told = {
        "run": outcome.run.eval_run_uuid,
        "lengths": lengths,
        "failed": failed,
        "scored": len(outcome.responses),
        "verdicts": outcome.tally.scored,
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
