"""This SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from aymara_async import (
    AsyncAymaraAI,
    AsyncBulkScorer,
    AsyncEvalRunner,
    AymaraAI,
    Eval,
    EvalResponse,
    EvalSuiteReport,
    ScoredResponse,
)
from aymara_async.models import EvalRunRequest, EvalRunResult
from aymara_async.models.page import ItemList
from aymara_async.transport.codec import decoder, encode_request
from benchmarks.answers import EVAL_UUID, submitted_responses

TYPES = {
    "page of 100 scored responses": ItemList[ScoredResponse],
    "page of 100 runs with their evals": ItemList[EvalRunResult],
    "suite report, 20 runs of 100 responses": EvalSuiteReport,
    "one eval": Eval,
}


@asynccontextmanager
async def getting(url: str) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """Give a function that gets one eval."""
    async with AsyncAymaraAI(base_url=url, api_key="key") as client:
        yield lambda: client.evals.get(EVAL_UUID)


@contextmanager
def getting_blocked(url: str) -> Iterator[Callable[[], object]]:
    """Give a function that gets one eval, blocking; threads share the client."""
    with AymaraAI(base_url=url, api_key="key") as client:
        yield lambda: client.evals.get(EVAL_UUID)


def decoding(work: str) -> Callable[[bytes], object]:
    """Return the function that makes objects of a body."""
    return decoder(TYPES[work])


def encoding(number: int) -> Callable[[], bytes]:
    """Return a function that makes the body of a request from dictionaries."""
    fields = {"eval_uuid": EVAL_UUID, "responses": submitted_responses(number)}
    return lambda: encode_request(EvalRunRequest, fields)


def encoding_objects(number: int) -> Callable[[], bytes]:
    """Return a function that makes the body of a request from instances of ``EvalResponse``."""
    responses = [
        EvalResponse(prompt_uuid=str(one["prompt_uuid"]), content=str(one["content"]))
        for one in submitted_responses(number)
    ]
    fields = {"eval_uuid": EVAL_UUID, "responses": responses}
    return lambda: encode_request(EvalRunRequest, fields)


@asynccontextmanager
async def iterating(url: str) -> AsyncIterator[Callable[[str], AsyncIterator[object]]]:
    """Give a function that iterates over the responses of a run."""
    async with AsyncAymaraAI(base_url=url, api_key="key") as client:
        yield lambda run: aiter(client.evals.runs.list_responses(run))


async def evaluate(url: str, key: str, prompts: int, seconds: float) -> int:
    """Run a whole eval, and say how many responses were scored."""

    async def model(prompt: object) -> str:
        await asyncio.sleep(seconds)
        return "I cannot help with that."

    async with AsyncAymaraAI(base_url=url, api_key=key) as client:
        outcome = await AsyncEvalRunner(client, model).run_eval(
            {"ai_description": "A bot", "eval_type": "safety", "num_prompts": prompts}
        )
    return len(outcome.responses)


async def score(
    url: str, key: str, eval_uuid: str, file: str, journal: str | None, batch_size: int, grace_period: float = 30
) -> tuple[int, int]:
    """Score a file of responses, and say how many were submitted and scored."""
    async with AsyncAymaraAI(base_url=url, api_key=key) as client:
        scorer = AsyncBulkScorer(
            client, eval_uuid=eval_uuid, journal=journal, batch_size=batch_size, grace_period=grace_period
        )
        result = await scorer.run(file)
    return result.submitted, result.scored
