"""Whole jobs against a sandbox, each timed once: an eval from its prompts to its scores, and many responses."""

from __future__ import annotations

from time import perf_counter
from types import ModuleType

from benchmarks.measuring.tasks import Sample, cpu, peak_memory


async def evaluate(contestant: ModuleType, url: str, *, key: str, prompts: int, seconds: float) -> Sample:
    """Run a whole eval with a model that takes so many seconds for an answer."""
    began = perf_counter()
    scored = await contestant.evaluate(url, key, prompts, seconds)
    took = perf_counter() - began
    return {"scored": scored, "s": took, "ms_per_prompt": took / scored * 1e3}


async def score(
    contestant: ModuleType, url: str, *, key: str, eval_uuid: str, file: str, journal: str | None, batch_size: int
) -> Sample:
    """Score a file of responses; ``missed`` counts those of which no score came back."""
    memory, began, used = peak_memory(), perf_counter(), cpu()
    submitted, scored = await contestant.score(url, key, eval_uuid, file, journal, batch_size)
    used, took = cpu() - used, perf_counter() - began
    return {
        "s": took,
        "per_s": scored / took,
        "cpu_us": used / submitted * 1e6,
        "more_mb": peak_memory() - memory,
        "missed": submitted - scored,
    }
