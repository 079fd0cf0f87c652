"""Whole jobs against a sandbox, each timed once: an eval from its prompts to its scores, and many responses."""

from __future__ import annotations

import asyncio
from time import perf_counter
from types import ModuleType

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
