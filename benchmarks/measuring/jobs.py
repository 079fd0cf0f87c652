"""Whole jobs against a sandbox, each timed once: an eval from its prompts to its scores, and many responses."""

from __future__ import annotations

import asyncio
import json
from time import perf_counter
from types import ModuleType
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.comparison import Sample
from benchmarks.measuring.tasks import cpu, peak_memory, percentile


async def evaluate(contestant: ModuleType, url: str, *, key: str, prompts: int, seconds: float) -> Sample:
    """Run a whole eval with a model that takes so many seconds for an answer."""
    began = perf_counter()
    scored = await contestant.evaluate(url, key, prompts, seconds)
    took = perf_counter() - began
    return {"scored": scored, "s": took, "ms_per_prompt": took / scored * 1e3}


async def score(
    contestant: ModuleType,
    url: str,
    *,
    key: str,
    eval_uuid: str,
    file: str,
    journal: str | None,
    batch_size: int,
    options: dict[str, float] | None = None,
) -> Sample:
    """Score a file of responses; ``missed`` counts those of which no score came back."""
    memory, began, used = peak_memory(), perf_counter(), cpu()
    submitted, scored = await contestant.score(url, key, eval_uuid, file, journal, batch_size, **(options or {}))
    used, took = cpu() - used, perf_counter() - began
    return {
        "s": took,
        "per_s": scored / took,
        "cpu_us": used / submitted * 1e6,
        "more_mb": peak_memory() - memory,
        "missed": submitted - scored,
    }


async def resume(
    contestant: ModuleType,
    url: str,
    *,
    key: str,
    eval_uuid: str,
    file: str,
    journal: str,
    responses: int,
    batch_size: int,
) -> Sample:
    """Leave a job whose batches are at the server, with an answer to the first only, and time the one that resumes it.

    The server shows nothing to the first session, and everything to the second.
    """
    faults = {"kind": "reset", "operation": "evals.runs.score_responses", "processed": True}
    async with contestant.AsyncAymaraAI(base_url=url, api_key=key) as client:
        slots = responses // batch_size // 4 + 1  # four batches for each may be in doubt
        scorer = contestant.AsyncBulkScorer(
            client, eval_uuid=eval_uuid, journal=journal, batch_size=batch_size, concurrency=slots
        )
        async with scorer.score(file) as stream:
            _ = await anext(stream.chunks())
            _tell(url, key, "PUT", "shape", {"lag": 3600})
            _tell(url, key, "POST", "faults", faults)
            going_on = asyncio.create_task(anext(stream.chunks()))
            while stream.result.submitted < responses:  # noqa: ASYNC110 - the library tells nobody
                await asyncio.sleep(0.1)
            await asyncio.sleep(2)  # until what was read last is sent, too
            going_on.cancel()
            await asyncio.wait([going_on])
            known = stream.result.scored
        _tell(url, key, "DELETE", "faults")
        _tell(url, key, "PUT", "shape", {})
        memory, began, used = peak_memory(), perf_counter(), cpu()
        scorer = contestant.AsyncBulkScorer(client, eval_uuid=eval_uuid, journal=journal, batch_size=batch_size)
        result = await scorer.run(file)
    used, took = cpu() - used, perf_counter() - began
    return {
        "s": took,
        "cpu_us": used / responses * 1e6,
        "more_mb": peak_memory() - memory,
        "doubtful": 1 - known / responses,
        "missed": responses - result.scored,
    }


def _tell(url: str, key: str, method: str, what: str, body: dict[str, Any] | None = None) -> None:
    """Have the sandbox behave otherwise from now on."""
    content = None if body is None else json.dumps(body).encode()
    urlopen(Request(f"{url}/sandbox/{what}", content, {"x-api-key": key}, method=method)).close()


async def call_beside(
    contestant: ModuleType, url: str, *, key: str, eval_uuid: str, file: str, journal: str, seconds: float
) -> Sample:
    """Get an eval again and again, first alone, then beside a job, as a web handler does that shares its client."""
    async with contestant.AsyncAymaraAI(base_url=url, api_key=key) as client:

        async def call_until(stop: asyncio.Event) -> list[float]:
            latencies: list[float] = []
            while not stop.is_set():
                began = perf_counter()
                await client.evals.get(eval_uuid)
                latencies.append(perf_counter() - began)
                await asyncio.sleep(0.01)
            return latencies

        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, stop.set)
        alone = await call_until(stop)
        stop = asyncio.Event()
        calling = asyncio.create_task(call_until(stop))
        await contestant.AsyncBulkScorer(client, eval_uuid=eval_uuid, journal=journal).run(file)
        stop.set()
        beside = await calling
    return {
        f"{when}_p{share}_ms": percentile(latencies, share / 100) * 1e3
        for when, latencies in (("alone", alone), ("beside", beside))
        for share in (50, 99)
    }
