"""Peak memory of a job of 100,000 responses over the import: ``python benchmarks/bulk_memory.py [responses]``."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from time import monotonic

from bulk_bench import server

from aymara_async import AsyncAymaraAI, AymaraAI
from aymara_async.bulk.scorer import AsyncBulkScorer

MB = 1024 * 1024


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


async def job(url: str, key: str, eval_uuid: str, file: str, journal: str | None, before: float) -> list[float]:
    peaks: list[float] = []
    done = 0
    async with AsyncAymaraAI(base_url=url, api_key=key) as client:
        scorer = AsyncBulkScorer(client, eval_uuid=eval_uuid, journal=journal)
        async for chunk in scorer.score(file).chunks():
            tenth, done = done // 10_000, done + len(chunk)
            while len(peaks) <= tenth:
                peaks.append(0.0)
            peaks[tenth] = max(peaks[tenth], resident() - before)
    return peaks


def measure(responses: int, *, has_journal: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, journal = f"{folder}/responses.jsonl", f"{folder}/journal.db" if has_journal else None
        with server(responses, file) as running:
            before, start = resident(), monotonic()
            peaks = asyncio.run(job(running.url, running.api_key, running.eval_uuid, file, journal, before))
            took = monotonic() - start
    print(f"{'with' if journal else 'without'} a journal: {responses} responses in {took:.1f} s")
    print(f"  scored {running.scored}, none more than {running.most_often} time")
    print("  peak MB over the import, per 10,000 responses:", ", ".join(f"{peak:.1f}" for peak in peaks), flush=True)
    assert (running.scored, running.most_often) == (responses, 1)
    assert max(peaks) <= 60, "more than 60 MB"
    assert max(peaks[1:], default=0) <= peaks[0] + 5, "it grows after the first 10,000"


def main() -> None:
    responses = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    assert AymaraAI  # all of the package is imported
    import aymara_async.models

    assert aymara_async.models
    for has_journal in (True, False):
        # In a process of its own each, which nothing has warmed up.
        child = os.fork()
        if not child:
            measure(responses, has_journal=has_journal)
            sys.stdout.flush()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    main()
