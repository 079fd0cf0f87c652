"""A sandbox that scores many responses: ``python -m benchmarks.scoring_server RESPONSES FILE SETTINGS``.

Makes an eval of so many prompts, writes a response to each into FILE as JSON Lines, and tells where it is in a line of
JSON. When its input ends, a second line tells what was scored, and how the requests were answered, second by second.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from aymara_async import AsyncAymaraAI
from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.store.evals import list_prompts
from benchmarks.answers import SUBMITTED

AT_ONCE = 10_000


def judge(prompt: object, response: object, eval: object) -> tuple[bool, float, str]:
    return True, 1.0, "Passed by the benchmark."


async def make_eval(sandbox: Sandbox, responses: int, file: str) -> str:
    """Make the eval and the file."""
    async with AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client:
        made = await client.evals.create(ai_description="A bot", eval_type="safety", num_prompts=0)
        for start in range(0, responses, AT_ONCE):
            creates = [{"content": str(number)} for number in range(start, min(start + AT_ONCE, responses))]
            await client.evals.update(made.eval_uuid, prompt_creates=creates)
    # Past its pages: the sandbox counts its way to each, which for a million prompts takes minutes.
    prompts = list_prompts(sandbox._database, made.eval_uuid)
    lines = [json.dumps({"prompt_uuid": prompt.prompt_uuid, "content": SUBMITTED}) + "\n" for prompt in prompts]
    await asyncio.to_thread(Path(file).write_text, "".join(lines), encoding="utf-8")
    return made.eval_uuid


async def serve(responses: int, file: str, settings: dict[str, Any]) -> None:
    """Serve until the input ends; faults among the settings begin when the eval is made."""
    faults = settings.pop("faults", [])
    async with Sandbox(judge=judge, record_limit=100_000, **settings) as sandbox:
        eval_uuid = await make_eval(sandbox, responses, file)
        for fault in faults:
            sandbox.add_fault(fault)
        before = len(sandbox.requests)
        print(json.dumps({"url": sandbox.url, "key": sandbox.api_key, "eval_uuid": eval_uuid}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        requests = sandbox.requests[before:]
        begun = requests[0].received_at if requests else 0.0
        accepted = Counter(int(one.received_at - begun) for one in requests if one.status == 200)
        told = {
            "scored": len(sandbox.scored),
            "most_often": max(sandbox.scored.values(), default=0),
            "scored_again": sum(number > 1 for number in sandbox.scored.values()),
            "requests": len(requests),
            "failed": sum(bool(one.faults) for one in requests),
            "refused": sum(one.status == 429 for one in requests),
            "accepted": [accepted[second] for second in range(max(accepted, default=-1) + 1)],
        }
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])))
