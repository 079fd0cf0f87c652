"""A run is read whole: all prompts of its eval, and all its responses."""

from __future__ import annotations

from aymara_async import AsyncAymaraAI
from aymara_async.analysis import Tally, read_run
from aymara_async.sandbox import Sandbox


async def test_a_run_is_read_from_the_server(aymara_sandbox: Sandbox) -> None:
    async with AsyncAymaraAI(base_url=aymara_sandbox.url, api_key=aymara_sandbox.api_key) as client:
        created = await client.evals.create(ai_description="A shop", eval_type="safety", num_prompts=130)
        assert created.eval_uuid is not None
        await client.evals.wait(created.eval_uuid)
        prompts = [prompt async for prompt in client.evals.list_prompts(created.eval_uuid)]
        responses = [{"prompt_uuid": prompt.prompt_uuid, "content": "I cannot help."} for prompt in prompts[:120]]
        run = await client.evals.runs.create(eval_uuid=created.eval_uuid, responses=responses)
        await client.evals.runs.wait(run.eval_run_uuid)
        found = await read_run(client, run.eval_run_uuid)
    assert found.tally == Tally(passed=120, unanswered=10)
    assert found.prompts == prompts
    assert found.unanswered == prompts[120:]
