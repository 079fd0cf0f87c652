"""A sandbox with an eval, and a client that does not wait between attempts."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import attrs
import pytest

from aymara_async import AsyncAymaraAI, RetryPolicy
from aymara_async.bulk.scorer import AsyncBulkScorer
from aymara_async.sandbox import Sandbox, Verdict
from tests.environment import clean_environment

__all__ = ["clean_environment"]


def judge(prompt: Any, response: Any, eval: Any) -> Verdict:
    return Verdict("wrong!" not in response.content, 1.0, "as its words say")


@attrs.define
class Bench:
    """An eval with prompts, and ways to see what the server did."""

    sandbox: Sandbox
    client: AsyncAymaraAI
    eval_uuid: str
    prompts: list[str]

    @property
    def rows(self) -> list[dict[str, object]]:
        return [{"prompt_uuid": prompt, "content": f"answer to {prompt}"} for prompt in self.prompts]

    def scorer(self, **arguments: Any) -> AsyncBulkScorer:
        return AsyncBulkScorer(
            arguments.pop("client", self.client), **{"eval_uuid": self.eval_uuid, "grace_period": 0.2, **arguments}
        )

    def scored(self) -> Counter[str]:
        """How often the response to each prompt was scored, in whichever run."""
        scored = Counter[str]()
        for turn, times in self.sandbox.scored.items():
            scored[turn.prompt_uuid] += times
        return scored

    def check_each_once(self) -> None:
        assert self.scored() == Counter(self.prompts)

    def sent(self, operation: str = "evals.runs.score_responses") -> list[Any]:
        return [request for request in self.sandbox.requests if request.operation == operation]


@pytest.fixture
async def bench() -> AsyncIterator[Callable[..., Any]]:
    """Start a sandbox with settings of one's own: ``await bench(100, rate_limit=50)``."""
    async with AsyncExitStack() as stack:

        async def start(prompts: int = 20, *, faults: Any = (), **settings: Any) -> Bench:
            sandbox = await stack.enter_async_context(Sandbox(**{"judge": judge, **settings}))
            retry = RetryPolicy(max_retries=6, initial_wait=0)
            client = AsyncAymaraAI(api_key=sandbox.api_key, base_url=sandbox.url, retry=retry, timeout=10)
            await stack.enter_async_context(client)
            created = await client.evals.create(ai_description="x", eval_type="safety", num_prompts=0)
            creates = [{"content": f"prompt {number}"} for number in range(prompts)]
            if creates:
                await client.evals.update(created.eval_uuid, prompt_creates=creates)
            uuids = [prompt.prompt_uuid async for prompt in client.evals.list_prompts(created.eval_uuid)]
            for fault in faults:
                sandbox.add_fault(fault)
            return Bench(sandbox, client, created.eval_uuid, uuids)

        yield start


@pytest.fixture(autouse=True)
async def nothing_left_running() -> AsyncIterator[None]:
    """No task and no journal thread may outlive a test."""
    yield
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in rest if "aymara_async/bulk" in repr(task)]


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name.startswith(("aymara-async journal", "aymara-async input")):
            thread.join(5)
            assert not thread.is_alive(), thread
