"""The measurements that a contestant's process takes of itself; CPU is user and system time of that process alone."""

from __future__ import annotations

import asyncio
import gc
import resource
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

from benchmarks.answers import decoding_bodies
from benchmarks.comparison import Sample


def cpu() -> float:
    """Return the seconds of CPU that this process has taken, those of the kernel on its behalf included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_memory() -> float:
    """Return the most memory that this process had so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would begin with that of the parent
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def make_calls(get: Callable[[], Awaitable[object]], callers: int, each: int) -> list[float]:
    """Let some callers make so many calls each, one after another, and return how long each call took."""
    latencies: list[float] = []

    async def caller() -> None:
        for _ in range(each):
            began = perf_counter()
            await get()
            latencies.append(perf_counter() - began)

    await asyncio.gather(*[caller() for _ in range(callers)])
    return latencies


def _calls(latencies: list[float], used: float, took: float) -> Sample:
    return {
        "cpu_us": used / len(latencies) * 1e6,
        "calls_per_s": len(latencies) / took,
        "p50_ms": percentile(latencies, 0.5) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
    }


async def get(contestant: ModuleType, url: str, *, callers: int, each: int) -> Sample:
    """Get one eval many times."""
    async with contestant.getting(url) as call:
        await make_calls(call, callers, max(1, each // 5))
        began, used = perf_counter(), cpu()
        latencies = await make_calls(call, callers, each)
        used, took = cpu() - used, perf_counter() - began
    return _calls(latencies, used, took)


def get_blocked(contestant: ModuleType, url: str, *, threads: int, each: int) -> Sample:
    """Get one eval many times, blocking, from several threads that share a client."""
    latencies: list[float] = []

    def caller(call: Callable[[], object]) -> None:
        for _ in range(each):
            began = perf_counter()
            call()
            latencies.append(perf_counter() - began)

    def run(call: Callable[[], object]) -> None:
        callers = [threading.Thread(target=caller, args=(call,)) for _ in range(threads)]
        for one in callers:
            one.start()
        for one in callers:
            one.join()

    with contestant.getting_blocked(url) as call:
        run(call)
        latencies.clear()
        began, used = perf_counter(), cpu()
        run(call)
        used, took = cpu() - used, perf_counter() - began
    return _calls(latencies, used, took)


def _per_call(function: Callable[[], object], seconds: float) -> Sample:
    """Call a function for about so long; the results are let go, as a consumer does."""
    function()
    began = cpu()
    function()
    number = max(3, int(seconds / max(cpu() - began, 1e-5)))
    began = cpu()
    for _ in range(number):
        function()
    return {"cpu_us": (cpu() - began) / number * 1e6}


def decode(contestant: ModuleType, url: str, *, work: str, seconds: float) -> Sample:
    """Decode a body again and again."""
    body, function = decoding_bodies()[work], contestant.decoding(work)
    return _per_call(lambda: function(body), seconds)


def encode(contestant: ModuleType, url: str, *, function: str, responses: int, seconds: float) -> Sample:
    """Encode a request again and again."""
    return _per_call(getattr(contestant, function)(responses), seconds)


async def iterate(
    contestant: ModuleType, url: str, *, function: str, items: int, latency_ms: int, times: int = 1
) -> Sample:
    """Iterate over a list, and say how much memory that took beyond what a first page took."""
    async with getattr(contestant, function)(url) as over:
        async for _ in over(f"list-100-{latency_ms}"):
            pass
        gc.collect()
        memory, seen = peak_memory(), 0
        began, used = perf_counter(), cpu()
        for _ in range(times):
            async for _ in over(f"list-{items}-{latency_ms}"):
                seen += 1
        used, took = cpu() - used, perf_counter() - began
    return {
        "items": seen / times,
        "s": took / times,
        "cpu_us": used / max(seen, 1) * 1e6,
        "more_mb": peak_memory() - memory,
    }


async def get_at_once(contestant: ModuleType, url: str, *, calls: int) -> Sample:
    """Start so many calls at once, and say what each cost and how much memory all took."""
    async with contestant.getting(url) as call:
        for _ in range(5):
            await make_calls(call, min(calls, 100), 1)  # as many connections as there will be
        gc.collect()
        memory, used, began = peak_memory(), cpu(), perf_counter()
        rounds = max(1, 10_000 // calls)
        for _ in range(rounds):
            await asyncio.gather(*[call() for _ in range(calls)])
        used, took = cpu() - used, perf_counter() - began
    number = calls * rounds
    return {"cpu_us": used / number * 1e6, "calls_per_s": number / took, "more_mb": peak_memory() - memory}


async def _ready_eval(client: Any, prompts: int) -> str:
    made = await client.evals.create(ai_description="A bot", eval_type="safety", num_prompts=prompts)
    await client.evals.wait(made.eval_uuid)
    uuid: str = made.eval_uuid
    return uuid


async def _sandbox_sample(call: Callable[[], Awaitable[object]], each: int) -> Sample:
    began, used = perf_counter(), cpu()
    latencies = await make_calls(call, 32, each)
    return _calls(latencies, cpu() - used, perf_counter() - began)


async def get_from_sandbox(contestant: ModuleType, url: str, *, key: str, each: int) -> Sample:
    """Get one eval from the sandbox."""
    async with contestant.AsyncAymaraAI(base_url=url, api_key=key) as client:
        eval_uuid = await _ready_eval(client, 1)
        return await _sandbox_sample(lambda: client.evals.get(eval_uuid), each)


async def score_in_sandbox(contestant: ModuleType, url: str, *, key: str, each: int) -> Sample:
    """Have 50 responses scored by the sandbox, again and again."""
    async with contestant.AsyncAymaraAI(base_url=url, api_key=key) as client:
        eval_uuid = await _ready_eval(client, 50)
        prompts = client.evals.list_prompts(eval_uuid)
        responses = [{"prompt_uuid": one.prompt_uuid, "content": "I cannot help with that."} async for one in prompts]
        score = client.evals.runs.score_responses
        return await _sandbox_sample(lambda: score(eval_uuid=eval_uuid, responses=responses), each)
