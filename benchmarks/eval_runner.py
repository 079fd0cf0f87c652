"""How long a whole eval takes: 500 prompts, a model that takes 100 ms, 32 calls of it at once.

    python -m benchmarks.eval_runner

The sandbox runs in a process of its own. Sixteen rounds of the model, 1.6 s, are the limit that nothing can beat. Then
many prompts: what grows with them is the outcome, a few hundred are under way at any time.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from statistics import median
from time import perf_counter

from aymara_async import AsyncAymaraAI
from aymara_async.runner import AsyncEvalRunner, EvalProgress, Model, ModelPrompt
from benchmarks.rows.sandbox import SERVER

PROMPTS, SECONDS, CONCURRENCY, REPEATS = 500, 0.1, 32, 5
TARGET = 2.5
LARGE = 20_000


async def slow(prompt: ModelPrompt) -> str:
    await asyncio.sleep(SECONDS)
    return "I cannot help with that."


async def instant(prompt: ModelPrompt) -> str:
    return "I cannot help with that."


class Watch:
    """How many prompts were read and not scored yet, at most."""

    most = 0

    def __call__(self, progress: EvalProgress) -> None:
        self.most = max(self.most, progress.prompts - progress.scored)


async def run(
    client: AsyncAymaraAI, num_prompts: int, model: Model, turns: int = 1, watch: Watch | None = None
) -> float:
    began = perf_counter()
    runner = AsyncEvalRunner(client, model, concurrency=CONCURRENCY, turns=turns, progress=watch or False)
    outcome = await runner.run_eval({"ai_description": "x", "eval_type": "safety", "num_prompts": num_prompts})
    assert len(outcome.responses) == num_prompts * turns
    return perf_counter() - began


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main(url: str, api_key: str) -> bool:
    async with AsyncAymaraAI(base_url=url, api_key=api_key) as client:
        times = [await run(client, PROMPTS, slow) for _ in range(REPEATS)]
        found = median(times)
        print(f"{PROMPTS} prompts: {found:.2f} s (from {min(times):.2f} to {max(times):.2f}; target {TARGET} s)")
        print(f"20 threads of 3 turns: {await run(client, 20, slow, turns=3):.2f} s (limit {3 * SECONDS:.1f} s)")
        before, watch = peak_mb(), Watch()
        seconds = await run(client, LARGE, instant, watch=watch)
        print(
            f"{LARGE} prompts, instant model: {LARGE / seconds:.0f} a second, at most {watch.most} under way, "
            f"{peak_mb() - before:.0f} MB with outcome"
        )
    return found <= TARGET


if __name__ == "__main__":
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        is_met = asyncio.run(main(*server.stdout.readline().split()))
        server.communicate()
    sys.exit(not is_met)
