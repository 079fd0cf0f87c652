"""A whole eval with prompts of its own, whose model notes what it is asked; run by ``tests.bulk.crash_worker``."""

from __future__ import annotations

import asyncio
import os
import secrets
from typing import Any

from aymara_async import AsyncAymaraAI, RetryPolicy
from aymara_async.record.tally import Standing
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner
from tests.bulk.kill_points import Steps

PARAMS = {"ai_description": "A shop assistant", "eval_type": "safety"}


async def job(order: dict[str, Any], step: Steps) -> dict[str, Any]:
    """Run the eval and tell what came of it."""
    calls = os.open(order["calls"], os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    async def model(prompt: ModelPrompt) -> str:
        os.write(calls, f"{prompt.prompt.prompt_uuid}\n".encode())
        step("the model is asked")
        await asyncio.sleep(0.002)
        return f"No, for the {len(prompt.history) + 1}. time, {secrets.token_hex(6)}."

    retry = RetryPolicy(max_retries=8, initial_wait=0)
    async with AsyncAymaraAI(api_key=order["key"], base_url=order["url"], retry=retry, timeout=10) as client:
        runner = AsyncEvalRunner(client, model, **order["runner"])
        try:
            outcome = await runner.run_eval(PARAMS, prompts=order["prompts"], journal=order["journal"])
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return {"error": f"{type(error).__name__}: {error}"}
    os.close(calls)
    exchanges = outcome.exchanges
    return {
        "run": outcome.run.eval_run_uuid,
        "prompts": [thread[0].prompt.content for thread in outcome.threads],
        "lengths": [len(thread) for thread in outcome.threads],
        "answers": {one.prompt.prompt_uuid: one.response.content for one in exchanges if one.response is not None},
        "scored": [one.prompt.prompt_uuid for one in exchanges if one.standing is not Standing.UNSCORED],
        "unscored": [one.prompt.prompt_uuid for one in exchanges if one.standing is Standing.UNSCORED],
    }
