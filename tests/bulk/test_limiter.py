"""How fast bulk jobs go, and who waits for whom. Times are computed, not measured."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from multidict import CIMultiDict

from aymara_async import APIStatusError, AsyncAymaraAI, RetryPolicy
from aymara_async.bulk import limiter as limiter_module
from aymara_async.bulk.errors import BatchOutcomeUnknownError, ServerBusyError
from aymara_async.bulk.limiter import Limiter, limiter_of
from aymara_async.bulk.rate import CUT, Rate, Refusal
from aymara_async.response import APIResponse
from aymara_async.sandbox.faults import RateLimit
from aymara_async.sandbox.plan import RateWindow
from tests.faulty_server import FaultyServer, reply

POLICY = RetryPolicy(initial_wait=0.5)
SPARE = 32
"""Batches that may wait by themselves while others take their places."""
Server = Callable[[float], Refusal | None]


def simulate(server: Server, *, seconds: float, clients: int = 8, latency: float = 0.01) -> list[tuple[float, bool]]:
    """Let clients send through a rate; return when each was sent, and if it was refused."""
    rate, sent, numbers = Rate(), list[tuple[float, bool]](), random.Random(3)
    ready = [(0.0, number) for number in range(clients)]
    waiting: list[float] = []
    answers: list[tuple[float, int, Refusal | None]] = []
    order, next_slot, now = itertools.count(), 0.0, 0.0
    while now < seconds:
        start = max(ready[0][0], next_slot) if ready else math.inf
        if answers and answers[0][0] <= start:
            now, _, refusal = heapq.heappop(answers)
            back = now
            if refusal is None:
                rate.accept(now)
            else:
                next_slot = max(next_slot, now + rate.refuse(now, refusal))
                if not refusal.is_limit or refusal.wait is None:
                    back += (refusal.wait or 0.0) + numbers.uniform(0, 0.5)
            waiting[:] = [until for until in waiting if until > now]
            if back > now and len(waiting) < SPARE:  # its place is for another one
                waiting.append(back)
                back = now
            heapq.heappush(ready, (back, next(order)))
            continue
        now = start
        if next_slot >= heapq.heappop(ready)[0]:
            rate.grow()
        next_slot = max(next_slot, now) + 1 / rate.value
        refusal = server(now)
        sent.append((now, refusal is not None))
        heapq.heappush(answers, (now + latency, next(order), refusal))
    return sent


def windows(allowed: int, *, status: int = 429, says: bool = True) -> Server:
    """Allow so many in each second."""
    window = RateWindow(RateLimit(allowed))

    def refuse(now: float) -> Refusal | None:
        wait = window.wait(now)
        if wait <= 0:
            return None
        return Refusal(is_limit=status == 429, started=now, wait=math.ceil(wait) if says else None)

    return refuse


def bucket(allowed: int, *, status: int = 429, says: bool = True) -> Server:
    """Allow a second's worth at once, and then as many as come in again."""
    tokens, latest = float(allowed), 0.0

    def refuse(now: float) -> Refusal | None:
        nonlocal tokens, latest
        tokens, latest = min(allowed, tokens + (now - latest) * allowed), now
        if tokens >= 1:
            tokens -= 1
            return None
        return Refusal(is_limit=status == 429, started=now, wait=1.0 if says else None)

    return refuse


def flaky(share: float, server: Server = lambda _: None, *, wait: float | None = None) -> Server:
    """Be unavailable now and then, whatever the rate."""
    numbers = random.Random(7)

    def refuse(now: float) -> Refusal | None:
        return Refusal(is_limit=False, started=now, wait=wait) if numbers.random() < share else server(now)

    return refuse


# Fast enough together to exceed what is allowed.
CASES = [(5, 8, 0.01), (20, 8, 0.001), (20, 8, 0.1), (50, 8, 0.01), (50, 32, 0.1), (200, 8, 0.001), (500, 32, 0.01)]


@pytest.mark.parametrize(("allowed", "clients", "latency"), CASES)
@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("kind", [windows, bucket])
def test_the_allowed_rate_is_used_and_little_refused(
    kind: Callable[..., Server], says: bool, allowed: int, clients: int, latency: float
) -> None:
    sent = simulate(kind(allowed, says=says), seconds=200, clients=clients, latency=latency)
    steady = [is_refused for at, is_refused in sent if at > 60]
    assert steady.count(False) >= 0.9 * allowed * 140
    assert sum(is_refused for _, is_refused in sent) <= 0.05 * len(sent)


@pytest.mark.parametrize("allowed", [50, 500])
@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("kind", [windows, bucket])
def test_a_server_that_limits_with_503_is_not_stormed(kind: Callable[..., Server], says: bool, allowed: int) -> None:
    sent = simulate(kind(allowed, status=503, says=says), seconds=200, clients=32)
    assert sum(not is_refused for at, is_refused in sent if at > 60) >= 0.9 * allowed * 140
    assert sum(is_refused for _, is_refused in sent) <= 0.15 * len(sent)


@pytest.mark.parametrize("share", [0.01, 0.03, 0.05])
@pytest.mark.parametrize("wait", [None, 1.0])
def test_a_server_that_is_unavailable_now_and_then_is_not_sent_less(share: float, wait: float | None) -> None:
    whole = simulate(flaky(0.0), seconds=60)
    sent = simulate(flaky(share, wait=wait), seconds=60)
    assert sum(not is_refused for _, is_refused in sent) >= 0.5 * len(whole)


@pytest.mark.parametrize("kind", [windows, bucket])
def test_a_limit_is_used_also_where_some_are_unavailable(kind: Callable[..., Server]) -> None:
    sent = simulate(flaky(0.03, kind(50)), seconds=200)
    assert sum(not is_refused for at, is_refused in sent if at > 60) >= 0.9 * 50 * 140
    assert sum(is_refused for _, is_refused in sent) <= 0.08 * len(sent)


def test_more_is_used_soon_when_the_server_allows_more() -> None:
    few, many = windows(50), windows(200)
    sent = simulate(lambda now: (few if now < 100 else many)(now), seconds=400)
    assert sum(not is_refused for at, is_refused in sent if 300 <= at < 400) >= 0.85 * 200 * 100


def limit(now: float, wait: float | None = None) -> Refusal:
    return Refusal(is_limit=True, started=now - 0.01, wait=wait)


def test_one_cut_for_a_burst() -> None:
    rate = Rate()
    rate.value = rate.ceiling = 100.0
    for number in range(20):
        rate.accept(number / 100)
    for number in range(8):
        refusal = Refusal(is_limit=True, started=0.99, wait=2.0)
        assert rate.refuse(1.0 + number / 100, refusal) == 2.0
    assert rate.value == pytest.approx(100 * CUT)
    rate.refuse(3.1, limit(3.1, 2.0))
    assert rate.value == pytest.approx(100 * CUT * CUT)


def test_pauses_grow_in_an_outage() -> None:
    rate = Rate(first_wait=0.5, longest_wait=3.0)
    pauses = [rate.refuse(1.0 + number, Refusal(is_limit=False, started=0.99 + number)) for number in range(12)]
    told = [pause for pause in pauses if pause]
    assert told == [0.5, 1.0, 2.0, 3.0][: len(told)]
    assert len(told) >= 3


def test_an_outage_is_left_behind_soon() -> None:
    rate = Rate()
    rate.value = rate.ceiling = 100.0
    for number in range(20):
        rate.accept(number / 100)
    for number in range(100):
        rate.refuse(1.0 + number, limit(1.0 + number, 1.0))
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


async def test_what_other_calls_and_other_hosts_meet_holds_up_no_job(bench: Any) -> None:
    b = await bench(20, faults=["error@evals.get:status=429,retry_after=3600"])
    storage = FaultyServer(reply(429, {}, {"Retry-After": "3600"}))
    async with storage:
        for call in (
            b.client.evals.get(b.eval_uuid),
            b.client.files.put_presigned(f"{storage.url}/x", file=b"data"),
        ):
            with pytest.raises(Exception, match="asks to wait 3600 s"):
                await call
        assert (await b.scorer(patience=5).run(b.rows)).scored == 20


@pytest.mark.parametrize(("patience", "retry_after"), [(60, 500), (10, 100)])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "operation", ["evals.runs.score_responses", "evals.runs.list_responses", "evals.runs.list", "evals.list_prompts"]
)
async def test_no_wait_is_longer_than_the_patience(
    bench: Any, operation: str, status: int, patience: float, retry_after: int
) -> None:
    b = await bench(20)
    b.sandbox.add_fault(f"error@{operation}:status={status},retry_after={retry_after}")
    scorer = b.scorer(patience=patience, check_prompts=True, run_key="k", grace_period=0.1)
    expected = rf"({retry_after - 1}|{retry_after}) s"  # less what has passed
    with pytest.raises((ServerBusyError, APIStatusError), match=expected):
        await scorer.run(b.rows)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_batch_in_doubt_waits_no_longer_than_the_patience(bench: Any, status: int) -> None:
    b = await bench(20)
    b.sandbox.add_fault("reset@evals.runs.score_responses:calls=1,processed=true")
    b.sandbox.add_fault(f"error@evals.runs.list:status={status},retry_after=500")
    with pytest.raises((ServerBusyError, BatchOutcomeUnknownError), match=r"(499|500) s"):
        await b.scorer(patience=60).run(b.rows)


async def test_what_another_job_was_told_counts_against_the_patience(bench: Any) -> None:
    b = await bench(20)
    limiter_of(b.client._session, POLICY).observe(refusal(500), started=0.0)
    with pytest.raises(
        ServerBusyError, match=r"answered 429 last, wants no more requests for 500 s.*waits 60 s at most"
    ) as caught:
        await b.scorer(patience=60).run(b.rows)
    assert caught.value.retry_after > 400
    assert not b.sent()


async def test_what_is_waited_for_is_told(bench: Any) -> None:
    b = await bench(20, faults=["error@evals.runs.score_responses:calls=1,status=429,retry_after=2"])
    told: list[str | None] = []
    result = await b.scorer(progress=lambda progress: told.append(progress.waits_for)).run(b.rows)
    assert result.scored == 20
    assert any(one and "asked again in 2 s" in one for one in told)
    assert told[-1] is None


async def test_a_refused_batch_leaves_its_place_to_others(bench: Any) -> None:
    b = await bench(40, faults=["error@evals.runs.score_responses:calls=2,status=503,retry_after=1"])
    await b.scorer(batch_size=5, concurrency=1).run(b.rows)
    first, refused, *others, again = b.sent()
    assert again.body == refused.body
    assert len(others) == 6
    assert first.body != refused.body


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
