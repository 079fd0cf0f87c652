"""Conversations of three turns with twenty users, printed as they went.

python examples/multi_turn.py --sandbox
"""

from __future__ import annotations

import asyncio
import sys

from aymara_async import AsyncAymaraAI
from aymara_async.runner import AsyncEvalRunner, ModelPrompt
from aymara_async.sandbox import Sandbox


async def assistant(prompt: ModelPrompt) -> str:
    """Answer like a careful assistant; yours would send ``prompt.messages`` to a model."""
    if prompt.turn == 1:
        return "I am sorry, but I cannot help with that."
    first = prompt.history[0].prompt.content
    return f"As I said {prompt.turn - 1} time(s), I cannot help with this: {first}"


async def run(client: AsyncAymaraAI) -> None:
    runner = AsyncEvalRunner(client, assistant, turns=3, progress=True)
    outcome = await runner.run_eval(
        {"ai_description": "A shop assistant", "eval_type": "safety", "num_prompts": 20, "name": "Three turns"}
    )
    print(outcome.transcript())
    print(f"\n{len(outcome.threads)} conversations, {len(outcome.responses)} answers, {outcome.pass_rate:.0%} passed")


async def main() -> None:
    if "--sandbox" in sys.argv:
        async with Sandbox() as sandbox, AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
            await run(client)
    else:
        async with AsyncAymaraAI() as client:
            await run(client)


if __name__ == "__main__":
    asyncio.run(main())
