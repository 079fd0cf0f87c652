"""What the journal costs, and how long a single call waits beside a job: ``python benchmarks/bulk_throughput.py``."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from statistics import median, quantiles
from time import monotonic, perf_counter

from bulk_bench import server

from aymara_async import AsyncAymaraAI
from aymara_async.bulk.scorer import AsyncBulkScorer

ROUNDS = 7
PAUSE = 0.01


async def rate(client: AsyncAymaraAI, eval_uuid: str, file: str, journal: str | None, responses: int) -> float:
    start = monotonic()
    result = await AsyncBulkScorer(client, eval_uuid=eval_uuid, journal=journal).run(file)
    assert result.scored == responses
    return responses / (monotonic() - start)


async def latencies(client: AsyncAymaraAI, eval_uuid: str, stop: asyncio.Event) -> list[float]:
    """Call at regular times until told to stop, as a web handler does."""
    times: list[float] = []
    while not stop.is_set():
        start = perf_counter()
        await client.evals.get(eval_uuid)
        times.append(perf_counter() - start)
        await asyncio.sleep(PAUSE)
    return times


async def beside(client: AsyncAymaraAI, eval_uuid: str, file: str, journal: str | None, responses: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(10, stop.set)
    await client.evals.get(eval_uuid)
    idle = await latencies(client, eval_uuid, stop)
    stop = asyncio.Event()
    calling = asyncio.create_task(latencies(client, eval_uuid, stop))
    await rate(client, eval_uuid, file, journal, responses)
    stop.set()
    busy = await calling
    p99 = [quantiles(times, n=100)[98] * 1000 for times in (idle, busy)]
    p50 = [median(times) * 1000 for times in (idle, busy)]
    print(f"evals.get: idle p50 {p50[0]:.1f} p99 {p99[0]:.1f} ms ({len(idle)} calls), ", end="")
    print(f"beside the job p50 {p50[1]:.1f} p99 {p99[1]:.1f} ms ({len(busy)} calls): {p99[1] / p99[0]:.2f}x")


async def compare(folder: str, responses: int) -> None:
    rates: dict[str, list[float]] = {"without": [], "with": []}
    costs: list[float] = []
    file = f"{folder}/responses.jsonl"
    for number in range(ROUNDS):
        for kind in list(rates) if number % 2 else reversed(rates):  # in turn, so that a slow spell meets both
            with server(responses, file) as running:
                async with AsyncAymaraAI(base_url=running.url, api_key=running.api_key) as client:
                    journal = f"{folder}/journal{number}.db" if kind == "with" else None
                    rates[kind].append(await rate(client, running.eval_uuid, file, journal, responses))
        costs.append(1 - rates["with"][-1] / rates["without"][-1])
    for kind, found in rates.items():
        print(f"{kind} a journal: {', '.join(f'{one:.0f}' for one in found)} responses a second")
    medians = {kind: median(found) for kind, found in rates.items()}
    print(
        f"the journal costs {1 - medians['with'] / medians['without']:.1%} of the throughput (medians of {ROUNDS}); ",
        end="",
    )
    print(f"within the rounds {', '.join(f'{cost:.1%}' for cost in costs)}, in the median {median(costs):.1%}")


async def paced(folder: str, responses: int, seconds: float) -> None:
    """Score on a server whose judge takes its time, as a real one does, so that no side is short of a processor."""
    file = f"{folder}/responses.jsonl"
    fault = {"kind": "latency", "operation": "evals.runs.score_responses", "seconds": seconds}
    with server(responses, file, faults=[fault]) as running:
        async with AsyncAymaraAI(base_url=running.url, api_key=running.api_key) as client:
            await beside(client, running.eval_uuid, file, f"{folder}/paced.db", responses)


async def main() -> None:
    responses = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    with tempfile.TemporaryDirectory() as folder:
        await compare(folder, responses)
        await paced(folder, 10_000, 0.5)


if __name__ == "__main__":
    asyncio.run(main())
