"""The official SDK, with the HTTP client that it takes by default, or with another that its users may choose."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
from aymara_ai import APIError, AsyncAymaraAI, AymaraAI
from aymara_ai._models import FinalRequestOptions
from aymara_ai._utils import maybe_transform
from aymara_ai.lib.runner import AsyncEvalRunner
from aymara_ai.pagination import SyncOffsetPage
from aymara_ai.types import Eval, EvalSuiteReport
from aymara_ai.types.evals import EvalRunResult, ScoredResponse, run_score_responses_params

from benchmarks.answers import EVAL_UUID, submitted_responses

PAGE = 100
TYPES: dict[str, Any] = {
    "page of 100 scored responses": SyncOffsetPage[ScoredResponse],
    "page of 100 runs with their evals": SyncOffsetPage[EvalRunResult],
    "suite report, 20 runs of 100 responses": EvalSuiteReport,
    "one eval": Eval,
}


def make_client(url: str, key: str = "key") -> AsyncAymaraAI:
    return AsyncAymaraAI(base_url=url, api_key=key)


MakeClient = Callable[..., AsyncAymaraAI]


@asynccontextmanager
async def getting(url: str, make: MakeClient = make_client) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    async with make(url) as client:
        yield lambda: client.evals.get(EVAL_UUID)


@contextmanager
def getting_blocked(url: str) -> Iterator[Callable[[], object]]:
    with AymaraAI(base_url=url, api_key="key") as client:
        yield lambda: client.evals.get(EVAL_UUID)


def decoding(work: str) -> Callable[[bytes], object]:
    """Take the way of its own responses, from the bytes on."""
    client = AymaraAI(base_url="http://127.0.0.1", api_key="key")
    options = FinalRequestOptions(method="get", url="/")
    request = httpx.Request("GET", "http://127.0.0.1/")
    headers = {"Content-Type": "application/json; charset=utf-8"}

    def decode(body: bytes) -> object:
        return client._process_response(
            cast_to=TYPES[work],
            options=options,
            response=httpx.Response(200, headers=headers, content=body, request=request),
            stream=False,
            stream_cls=None,
        )

    return decode


def encoding(number: int) -> Callable[[], bytes]:
    """Take the way of its own requests, up to the bytes."""
    client = AymaraAI(base_url="http://127.0.0.1", api_key="key")
    fields = {"eval_uuid": EVAL_UUID, "responses": submitted_responses(number)}

    def encode() -> bytes:
        body = maybe_transform(fields, run_score_responses_params.RunScoreResponsesParams)
        return client._build_request(FinalRequestOptions(method="post", url="/", json_data=body)).content

    return encode


@asynccontextmanager
async def iterating(url: str) -> AsyncIterator[Callable[[str], AsyncIterator[object]]]:
    async with make_client(url) as client:
        yield lambda run: aiter(client.evals.runs.list_responses(run))


@asynccontextmanager
async def iterating_by_hand(
    url: str, make: MakeClient = make_client
) -> AsyncIterator[Callable[[str], AsyncIterator[object]]]:
    """Ask for page after page, as its users have to do to get all items."""
    async with make(url) as client:

        async def iterate(run: str) -> AsyncIterator[object]:
            offset, count = 0, 1
            while offset < count:
                page = await client.evals.runs.list_responses(run, limit=PAGE, offset=offset)
                for item in page.items:
                    yield item
                offset, count = offset + len(page.items), page.count or 0

        yield iterate


async def evaluate(url: str, key: str, prompts: int, seconds: float) -> int:
    """Run a whole eval with its own runner, and say how many responses it submitted."""
    asked = 0

    async def model(prompt: str) -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(seconds)
        return "I cannot help with that."

    async with make_client(url, key) as client:
        params = {"ai_description": "A bot", "eval_type": "safety", "num_prompts": prompts}
        await AsyncEvalRunner(client, model).run_eval(params, timeout=300, poll_interval=1)
    return asked


async def score(
    url: str,
    key: str,
    eval_uuid: str,
    file: str,
    journal: str | None,
    batch_size: int,
    make: MakeClient = make_client,
) -> tuple[int, int]:
    """Score a file as its users do: 8 workers, into one run; a batch that fails in the end is missed."""
    scored, lines = 0, 0

    def batches(source: Iterable[str]) -> Iterator[list[Any]]:
        nonlocal lines
        while batch := [json.loads(line) for line in islice(source, batch_size)]:
            lines += len(batch)
            yield batch

    async with make(url, key) as client:

        async def send(batch: list[Any], **run: str) -> str:
            nonlocal scored
            try:
                result = await client.evals.runs.score_responses(eval_uuid=eval_uuid, responses=batch, **run)
            except APIError:
                return ""
            if isinstance(result, str):  # what it makes of an answer that is no JSON
                return ""
            scored += len(result.responses or ())
            return result.eval_run_uuid

        async def work(run: str) -> None:
            for batch in waiting:
                await send(batch, eval_run_uuid=run)

        with Path(file).open(encoding="utf-8") as source:  # noqa: ASYNC230 - a worker reads a batch at a time
            waiting = batches(source)
            run = ""
            while not run and (first := next(waiting, None)):
                run = await send(first)
            await asyncio.gather(*[work(run) for _ in range(8)])
    return lines, scored
