"""How fast bulk jobs go, and who waits for whom. Times are computed, not measured."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections import Counter
from typing import Any

import pytest
from multidict import CIMultiDict

from aymara_async import AsyncAymaraAI, RetryPolicy
from aymara_async.bulk import limiter as limiter_module
from aymara_async.bulk.limiter import CUT, Limiter, Rate, limiter_of
from aymara_async.response import APIResponse
from aymara_async.sandbox.faults import RateLimit
from aymara_async.sandbox.plan import RateWindow

POLICY = RetryPolicy(initial_wait=0.5)


def simulate(
    server: RateWindow, *, seconds: float, clients: int = 8, latency: float = 0.01, says: bool = True
) -> list[tuple[float, bool]]:
    """Let clients send through a rate, against a server's windows; return when each was sent, and if it was refused."""
    rate, sent = Rate(), list[tuple[float, bool]]()
    ready = [(0.0, number) for number in range(clients)]
    answers: list[tuple[float, int, float, bool, float | None]] = []
    order, next_slot, now = itertools.count(), 0.0, 0.0
    while now < seconds:
        start = max(ready[0][0], next_slot) if ready else math.inf
        if answers and answers[0][0] <= start:
            now, _, began, is_refused, wait = heapq.heappop(answers)
            heapq.heappush(ready, (now, next(order)))
            if is_refused:
                next_slot = max(next_slot, now + rate.refuse(now, began, wait, POLICY))
            else:
                rate.accept(now)
            continue
        now = start
        if next_slot >= heapq.heappop(ready)[0]:
            rate.grow()
        next_slot = max(next_slot, now) + 1 / rate.value
        wait = server.wait(now)
        sent.append((now, wait > 0))
        asked = math.ceil(wait) if says and wait > 0 else None
        heapq.heappush(answers, (now + latency, next(order), now, wait > 0, asked))
    return sent


# Fast enough together to exceed what is allowed.
CASES = [(20, 8, 0.001), (20, 8, 0.1), (50, 8, 0.01), (50, 32, 0.1), (200, 8, 0.001), (200, 32, 0.01)]


@pytest.mark.parametrize(("allowed", "clients", "latency"), CASES)
def test_the_allowed_rate_is_used_and_little_refused(allowed: int, clients: int, latency: float) -> None:
    sent = simulate(RateWindow(RateLimit(allowed)), seconds=300, clients=clients, latency=latency)
    steady = [is_refused for at, is_refused in sent if at > 60]
    assert steady.count(False) >= 0.92 * allowed * 240
    assert sum(is_refused for _, is_refused in sent) <= 0.05 * len(sent)


def test_a_server_that_does_not_say_how_long_is_not_stormed() -> None:
    sent = simulate(RateWindow(RateLimit(50)), seconds=300, says=False)
    assert sum(is_refused for _, is_refused in sent) <= 0.05 * len(sent)
    assert sum(not is_refused for at, is_refused in sent if at > 60) >= 0.7 * 50 * 240


def test_more_is_used_soon_when_the_server_allows_more() -> None:
    class Growing(RateWindow):
        def wait(self, now: float) -> float:
            self.limit = RateLimit(50 if now < 100 else 200)
            return super().wait(now)

    sent = simulate(Growing(RateLimit(50)), seconds=400)
    assert sum(not is_refused for at, is_refused in sent if 300 <= at < 400) >= 0.85 * 200 * 100


def test_one_cut_for_a_burst() -> None:
    rate = Rate()
    rate.value = rate.ceiling = 100.0
    for number in range(20):
        rate.accept(number / 100)
    for number in range(8):
        assert rate.refuse(1.0 + number / 100, started=0.99, wait=2.0, backoff=POLICY) == 2.0
    assert rate.value == pytest.approx(100 * CUT)
    rate.refuse(3.1, started=3.05, wait=2.0, backoff=POLICY)
    assert rate.value == pytest.approx(100 * CUT * CUT)


def test_refusals_without_a_time_count_once_there_are_many() -> None:
    rate = Rate()
    for number in range(40):
        rate.accept(number / 100)
        if number % 20 == 0:
            assert rate.refuse(number / 100, started=number / 100 - 0.01, wait=None, backoff=POLICY) == 0.0
    assert math.isinf(rate.value)
    pauses = [rate.refuse(1 + number, started=0.99 + number, wait=None, backoff=POLICY) for number in range(5)]
    assert pauses == [0.0, 0.0, 0.5, 1.0, 2.0]


def test_an_outage_is_left_behind_soon() -> None:
    rate = Rate()
    rate.value = rate.ceiling = 100.0
    for number in range(20):
        rate.accept(number / 100)
    for number in range(100):
        rate.refuse(1.0 + number, started=0.99 + number, wait=1.0, backoff=POLICY)
    assert rate.value == pytest.approx(10.0)
    elapsed = 0.0
    while rate.value < 90:
        elapsed += 1 / rate.value
        rate.grow()
    assert elapsed < 20


class Clock:
    """A loop's time that moves as far as is slept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(limiter_module, "monotonic", lambda: self.now)


def refusal(seconds: float) -> APIResponse[object]:
    headers = CIMultiDict({"Retry-After": str(seconds)})
    return APIResponse(status_code=429, headers=headers, content=b"", method="GET", url="", decode=lambda _: None)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_all_wait_in_turn_and_start_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    limiter, went = Limiter(POLICY), list[tuple[int, float]]()
    limiter.rate.value = limiter.rate.ceiling = 10.0

    async def go(number: int) -> None:
        await limiter.admit()
        went.append((number, clock.now))

    limiter.observe(refusal(30), started=clock.now)
    tasks = [asyncio.create_task(go(number)) for number in range(10)]
    await settle()
    assert not went
    tasks[3].cancel()
    while len(went) < 9:
        clock.now += 0.01
        limiter._let_go()
        await settle()
    assert [number for number, _ in went] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert 1030 <= went[0][1] <= 1030.1
    gaps = [later - earlier for (_, earlier), (_, later) in itertools.pairwise(went)]
    assert min(gaps) >= 0.09
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_limiter_per_client_shared_by_its_views(bench: Any) -> None:
    b, other = await bench(0), await bench(0)
    first = limiter_of(b.client._session, POLICY)
    assert limiter_of(b.client.with_options(timeout=3)._session, POLICY) is first
    assert limiter_of(other.client._session, POLICY) is not first


async def test_another_loop_has_a_limiter_of_its_own(bench: Any) -> None:
    b = await bench(0)
    here = limiter_of(b.client._session, POLICY)

    async def there() -> bool:
        return limiter_of(b.client._session, POLICY) is here

    assert not await asyncio.to_thread(asyncio.run, there())
    assert len(b.client._session.observer._by_loop) <= 2


async def test_ordinary_calls_are_heard_but_do_not_wait(bench: Any) -> None:
    b = await bench(20, faults=["error@evals.get:calls=1,status=429,retry_after=3600"])
    limiter = limiter_of(b.client._session, POLICY)
    with pytest.raises(Exception, match="asks to wait 3600 s"):
        await b.client.evals.get(b.eval_uuid)
    assert limiter.pause > 3000
    job = asyncio.create_task(b.scorer().run(b.rows))
    for _ in range(20):
        await b.client.evals.get(b.eval_uuid)
    assert not b.sent()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job


@pytest.mark.parametrize("jobs", [1, 2])
async def test_other_calls_find_a_connection_beside_jobs_that_take_all_they_may(bench: Any, jobs: int) -> None:
    b = await bench(40, faults=["stall@evals.runs.score_responses"])
    connection = {"api_key": b.sandbox.api_key, "base_url": b.sandbox.url}
    async with AsyncAymaraAI(**connection, max_connections=4) as client:
        scorer = b.scorer(client=client, batch_size=1, run_per_batch=True, concurrency=8)
        running = [asyncio.create_task(scorer.run(b.rows[number::jobs])) for number in range(jobs)]
        while len(b.sent()) < 3:
            await asyncio.sleep(0)
        for _ in range(10):
            await client.evals.get(b.eval_uuid)
        assert len(b.sent()) == 3
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def test_jobs_share_what_the_server_allows(bench: Any) -> None:
    b = await bench(80)
    jobs = [
        b.scorer(batch_size=1, run_name=name, run_per_batch=True, concurrency=8).run(b.rows[start : start + 40])
        for name, start in (("one", 0), ("two", 40))
    ]
    limiter = limiter_of(b.client._session, POLICY)
    limiter.rate.value = limiter.rate.ceiling = 100.0  # slower than any machine that runs this
    await asyncio.gather(*jobs)
    went = [request.json()["name"].split()[0] for request in b.sent()]
    since_both = went[max(went.index("one"), went.index("two")) :]
    assert abs(Counter(since_both[:40])["one"] - 20) <= 5
    b.check_each_once()


async def test_against_a_rate_limit_nothing_is_lost(bench: Any) -> None:
    b = await bench(150, rate_limit="40/0.5")
    result = await b.scorer(batch_size=1).run(b.rows)
    assert result.scored == 150
    b.check_each_once()
    refused = sum(request.status == 429 for request in b.sandbox.requests)
    assert 0 < refused <= 0.1 * len(b.sandbox.requests)
