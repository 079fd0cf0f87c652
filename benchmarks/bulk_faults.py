"""A job against a server where one request in five fails: ``python benchmarks/bulk_faults.py [responses]``."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from time import monotonic

from aymara_async import AsyncAymaraAI
from aymara_async.bulk.scorer import AsyncBulkScorer
from aymara_async.sandbox import Sandbox

SHARE = 0.2
FAULTS = (
    {"kind": "error", "status": 429, "retry_after": 0},
    {"kind": "error", "status": 503},
    {"kind": "error", "status": 500},
    {"kind": "error", "status": 502, "processed": True},
    {"kind": "reset"},
    {"kind": "reset", "processed": True},
    {"kind": "truncate"},
    {"kind": "content_type"},
)


def judge(prompt: object, response: object, eval: object) -> tuple[bool, float, str]:
    return True, 1.0, "Passed by the benchmark."


async def main() -> None:
    responses = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    each = 1 - (1 - SHARE) ** (1 / len(FAULTS))
    with tempfile.TemporaryDirectory() as folder:
        for journal in (f"{folder}/journal.db", None):
            async with (
                Sandbox(judge=judge, seed=1, record_limit=1_000_000) as sandbox,
                AsyncAymaraAI(base_url=sandbox.url, api_key=sandbox.api_key) as client,
            ):
                created = await client.evals.create(ai_description="x", eval_type="safety", num_prompts=0)
                creates = [{"content": str(number)} for number in range(responses)]
                await client.evals.update(created.eval_uuid, prompt_creates=creates)
                prompts = [prompt.prompt_uuid async for prompt in client.evals.list_prompts(created.eval_uuid)]
                before, start = len(sandbox.requests), monotonic()
                for fault in FAULTS:
                    sandbox.add_fault({**fault, "probability": each})
                rows = ({"prompt_uuid": prompt, "content": "x"} for prompt in prompts)
                scorer = AsyncBulkScorer(
                    client, eval_uuid=created.eval_uuid, batch_size=10, grace_period=0.5, journal=journal
                )
                result = await scorer.run(rows)
                took, requests = monotonic() - start, sandbox.requests[before:]
                scored = Counter(sandbox.scored.values())
            failed = sum(bool(request.faults) for request in requests)
            kind = "with" if journal else "without"
            print(f"{kind} a journal: {result.scored} of {responses} scored in {took:.1f} s; {failed} of ", end="")
            print(
                f"{len(requests)} requests failed ({failed / len(requests):.0%}), {result.reconciled} results were ",
                end="",
            )
            print(f"found at the server; scored there at most {max(scored)} time")
            assert (result.scored, scored) == (responses, {1: responses})


if __name__ == "__main__":
    asyncio.run(main())
