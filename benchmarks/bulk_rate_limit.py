"""A job against a server that allows 50 requests a second: ``python benchmarks/bulk_rate_limit.py [seconds]``."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from aymara_async import AsyncAymaraAI
from aymara_async.bulk.scorer import AsyncBulkScorer
from aymara_async.sandbox import Sandbox

ALLOWED, STEADY_FROM = 50, 30


def judge(prompt: object, response: object, eval: object) -> tuple[bool, float, str]:
    return True, 1.0, "Passed by the benchmark."


async def main() -> None:
    responses = ALLOWED * (int(sys.argv[1]) if len(sys.argv) > 1 else 120)
    async with (
        Sandbox(judge=judge, rate_limit=f"{ALLOWED}/1") as sandbox,
        AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client,
    ):
        created = await client.evals.create(ai_description="x", eval_type="safety", num_prompts=0)
        creates = [{"content": str(number)} for number in range(responses)]
        await client.evals.update(created.eval_uuid, prompt_creates=creates)
        prompts = [prompt.prompt_uuid async for prompt in client.evals.list_prompts(created.eval_uuid)]
        await asyncio.sleep(1.5)  # what prepared the job shall not count
        before = len(sandbox.requests)
        rows = ({"prompt_uuid": prompt, "content": "x"} for prompt in prompts)
        result = await AsyncBulkScorer(client, eval_uuid=created.eval_uuid, batch_size=1).run(rows)
        requests = sandbox.requests[before:]
        scored = sandbox.scored
    start = requests[0].received_at
    accepted = Counter(int(one.received_at - start) for one in requests if one.status == 200)
    seconds = range(STEADY_FROM, max(accepted))
    used = sum(accepted[second] for second in seconds) / len(seconds) / ALLOWED
    refused = sum(one.status == 429 for one in requests)
    print(f"{result.scored} of {responses} scored, none more than {max(scored.values())} time, in {max(accepted)} s")
    print(f"used {used:.1%} of what is allowed from second {STEADY_FROM} on; ", end="")
    print(f"{refused} of {len(requests)} requests refused ({refused / len(requests):.2%})")
    assert used >= 0.9
    assert refused <= 0.05 * len(requests)
    assert (result.scored, max(scored.values())) == (responses, 1)


if __name__ == "__main__":
    asyncio.run(main())
