"""Many limits on one timer: each ends its own task, in time, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from aymara_async.transport.time_limits import TimeLimits

SOON, LATE = 0.001, 3600.0


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def within(limits: TimeLimits, seconds: float | None, work: Callable[[], Awaitable[object]]) -> object:
    async with limits.of(seconds):
        return await work()


def cancelling() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


def expire_all(limits: TimeLimits) -> None:
    """Let the time of all that is open be up now."""
    for limit in limits._open:
        limit.end = 0
    limits._look()


async def test_what_takes_too_long_is_a_timeout_and_the_task_goes_on() -> None:
    limits = TimeLimits()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await within(limits, SOON, forever)
        assert cancelling() == 0
        await asyncio.sleep(0)


async def test_what_is_done_in_time_or_has_no_limit_is_let_be() -> None:
    limits = TimeLimits()
    for seconds in (LATE, None):
        assert await within(limits, seconds, lambda: asyncio.sleep(0, "done")) == "done"
    assert not limits._open
    limits.close()


async def test_each_ends_at_its_own_time_whichever_was_begun_first() -> None:
    limits = TimeLimits()
    for orders in ([LATE, SOON, None, 2 * SOON], [SOON, LATE, 30 * SOON, None]):
        tasks = [asyncio.create_task(within(limits, seconds, forever)) for seconds in orders]
        short = [task for task, seconds in zip(tasks, orders, strict=True) if seconds is not None and seconds < 1]
        assert [type(error) for error in await asyncio.gather(*short, return_exceptions=True)] == [TimeoutError] * 2
        rest = [task for task in tasks if task not in short]
        assert not any(task.done() for task in rest)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
    limits.close()


async def test_very_many_that_end_close_together_are_looked_through_a_few_times_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = TimeLimits()
    looks: list[None] = []
    look = TimeLimits._look

    def count(self: TimeLimits) -> None:
        looks.append(None)
        look(self)

    monkeypatch.setattr(TimeLimits, "_look", count)
    ends = [SOON + number * 1e-5 for number in range(500)]
    errors = await asyncio.gather(*(within(limits, end, forever) for end in ends), return_exceptions=True)
    assert [type(error) for error in errors] == [TimeoutError] * 500
    assert len(looks) <= 10


async def test_calls_that_are_quick_move_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, made = asyncio.get_running_loop(), 0
    call_at = loop.call_at

    def count(*arguments: object) -> asyncio.TimerHandle:
        nonlocal made
        made += 1
        return call_at(*arguments)  # type: ignore[arg-type]  # handed on

    limits = TimeLimits()
    monkeypatch.setattr(loop, "call_at", count)
    for _ in range(50):
        await asyncio.gather(*(within(limits, LATE, lambda: asyncio.sleep(0)) for _ in range(5)))
    assert made == 1
    assert limits._timer is not None
    limits.close()
    assert limits._timer is None


async def test_what_is_under_way_when_it_is_closed_still_ends_in_time() -> None:
    limits = TimeLimits()
    task = asyncio.create_task(within(limits, SOON, forever))
    await asyncio.sleep(0)
    limits.close()
    with pytest.raises(TimeoutError):
        await task
    assert limits._timer is None


async def test_a_cancelled_task_is_cancelled() -> None:
    limits = TimeLimits()
    task = asyncio.create_task(within(limits, LATE, forever))
    await asyncio.sleep(0)
    task.cancel("mine")
    with pytest.raises(asyncio.CancelledError, match="mine"):
        await task
    assert not limits._open
    limits.close()


@pytest.mark.parametrize("is_cancelled_first", [True, False])
async def test_a_task_cancelled_at_the_same_moment_is_cancelled(is_cancelled_first: bool) -> None:
    limits = TimeLimits()
    task = asyncio.create_task(within(limits, LATE, forever))
    await asyncio.sleep(0)
    if is_cancelled_first:
        task.cancel()
    expire_all(limits)
    if not is_cancelled_first:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_around_it_is_that_ones() -> None:
    limits = TimeLimits()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SOON) as outer:
            await within(limits, LATE, forever)
    assert outer.expired()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LATE) as outer:
            await within(limits, SOON, forever)
    assert not outer.expired()
    assert cancelling() == 0
    limits.close()


async def test_what_is_done_at_the_very_moment_is_kept_and_cancels_nothing_later() -> None:
    limits = TimeLimits()

    async def answer() -> str:
        expire_all(limits)
        return "answer"

    assert await within(limits, LATE, answer) == "answer"
    assert cancelling() == 0
    await asyncio.sleep(0)


async def test_what_fails_at_the_very_moment_fails_by_itself() -> None:
    limits = TimeLimits()

    async def fail() -> None:
        expire_all(limits)
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await within(limits, LATE, fail)
    assert cancelling() == 0
    await asyncio.sleep(0)


async def test_a_task_that_is_cancelled_while_it_ends_late_is_cancelled() -> None:
    limits = TimeLimits()

    async def answer() -> None:
        expire_all(limits)
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(task.cancel)

    task = asyncio.create_task(within(limits, LATE, answer))
    with pytest.raises(asyncio.CancelledError):
        await task
        await asyncio.sleep(0)


async def test_outside_a_task_there_is_nothing_to_end() -> None:
    limits = TimeLimits()
    steps = within(limits, LATE, forever).__await__()
    caught: list[BaseException] = []

    def step() -> None:
        try:
            next(steps)
        except RuntimeError as error:
            caught.append(error)

    asyncio.get_running_loop().call_soon(step)
    await asyncio.sleep(0)
    assert "in a task" in str(caught[0])
