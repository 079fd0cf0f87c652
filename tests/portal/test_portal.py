"""Calls into the portal: results, errors, threads, contexts, and the end."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import logging
import pickle
import re
import threading
import traceback
import weakref
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from aymara_async.errors import ClientClosedError
from aymara_async.portal import loop_thread
from aymara_async.portal.blocking_call import BlockingCall
from aymara_async.portal.loop_thread import BlockingCallError
from aymara_async.portal.portal import Portal


async def nothing() -> None:
    """Close nothing."""


async def thread_id() -> int:
    await asyncio.sleep(0)
    return threading.get_ident()


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


class Hanging:
    """A coroutine that hangs until it is cancelled, and notes what becomes of it."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.ended = threading.Event()

    async def run(self) -> None:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.ended.set()


@pytest.fixture
def portal() -> Iterator[Portal]:
    portal = Portal(nothing)
    yield portal
    portal.close()


def test_returns_the_result_from_another_thread(portal: Portal) -> None:
    assert portal.call(thread_id()) != threading.get_ident()


async def test_works_inside_a_running_loop(portal: Portal) -> None:
    assert portal.call(thread_id()) != threading.get_ident()


def test_an_error_keeps_its_traceback_and_forms_no_cycle(portal: Portal) -> None:
    class OwnError(Exception):
        pass

    async def fail_anew() -> None:
        raise OwnError

    gc.collect()
    gc.disable()
    try:
        try:
            portal.call(fail_anew())
        except OwnError as error:
            names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
            dead = weakref.ref(error)
        portal.call(nothing())  # the loop is done with the call before
        assert dead() is None
    finally:
        gc.enable()
    assert names[0] == "test_an_error_keeps_its_traceback_and_forms_no_cycle"
    assert names[-1] == "fail_anew"


def test_an_error_in_an_except_block_has_its_context(portal: Portal) -> None:
    try:
        {}["first"]
    except KeyError:
        with pytest.raises(ValueError, match="second") as caught:
            portal.call(fail(ValueError("second")))
    assert isinstance(caught.value.__context__, KeyError)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
def test_an_exit_inside_the_coroutine_reaches_the_caller_and_the_loop_lives_on(
    portal: Portal, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        portal.call(fail(error))
    assert portal.call(thread_id())


def test_32_threads_run_at_once_on_one_loop(portal: Portal) -> None:
    barrier = asyncio.Barrier(32)

    async def meet(number: int) -> tuple[int, int]:
        await barrier.wait()
        return number, threading.get_ident()

    with ThreadPoolExecutor(32) as pool:
        results = list(pool.map(lambda number: portal.call(meet(number)), range(32)))
    assert [number for number, _ in results] == list(range(32))
    assert len({thread for _, thread in results}) == 1


def test_errors_of_many_threads_are_their_own(portal: Portal) -> None:
    def catch(number: int) -> tuple[int, BaseException]:
        try:
            portal.call(fail(ValueError(number)))
        except ValueError as error:
            return threading.get_ident(), error
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        caught = list(pool.map(catch, range(200)))
    assert [error.args for _, error in caught] == [(number,) for number in range(200)]


def test_the_context_of_the_caller_is_seen_and_left_as_it_is(portal: Portal) -> None:
    variable = contextvars.ContextVar("variable", default="outer")
    variable.set("caller")

    async def read_and_set() -> str:
        seen = variable.get()
        variable.set("coroutine")
        await asyncio.sleep(0)
        return f"{seen}, {variable.get()}"

    assert portal.call(read_and_set()) == "caller, coroutine"
    assert variable.get() == "caller"


def test_a_call_on_the_own_thread_is_an_error_and_not_a_deadlock(portal: Portal) -> None:
    async def call_again() -> None:
        portal.call(nothing())

    async def close() -> None:
        portal.close()

    with pytest.raises(BlockingCallError, match=r"wait for itself.*asyncio\.to_thread"):
        portal.call(call_again())
    portal.call(nothing())

    async def call_in_thread() -> int:
        return await asyncio.to_thread(portal.call, thread_id())

    assert portal.call(call_in_thread()) == portal.call(thread_id())
    with pytest.raises(BlockingCallError):
        portal.call(close())


def test_close_runs_the_callback_once_on_the_loop() -> None:
    threads: list[int] = []

    async def note() -> None:
        threads.append(await thread_id())

    portal = Portal(note)
    own = portal.call(thread_id())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: portal.close(), range(8)))
    portal.close()
    assert threads == [own]


def test_close_before_the_first_call_starts_nothing() -> None:
    portal = Portal(lambda: fail(AssertionError()))
    before = threading.active_count()
    assert not portal.is_closed
    portal.close()
    assert portal.is_closed
    assert threading.active_count() == before
    with pytest.raises(ClientClosedError, match="nothing was sent"):
        portal.call(nothing())


def test_after_close_a_call_is_an_error_that_says_so(portal: Portal) -> None:
    portal.call(nothing())
    portal.close()
    with pytest.raises(ClientClosedError, match="new client"):
        portal.call(nothing())
    with pytest.raises(ClientClosedError):
        next(portal.iterate(lambda: aiter(count([]))))


def test_close_raises_what_the_callback_raised() -> None:
    portal = Portal(lambda: fail(OSError("no")))
    portal.call(nothing())
    with pytest.raises(OSError, match="no"):
        portal.close()
    portal.close()


def test_close_ends_calls_under_way_with_an_error() -> None:
    seen: list[bool] = []
    hanging = [Hanging() for _ in range(4)]

    async def on_close() -> None:
        seen.extend(call.ended.is_set() for call in hanging)

    portal = Portal(on_close)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(portal.call, call.run()) for call in hanging]
        for call in hanging:
            call.started.wait()
        portal.close()
        for future in calls:
            with pytest.raises(ClientClosedError, match="may or may not"):
                future.result()
    assert seen == [True] * 4


def test_calls_that_race_with_close_return_or_raise() -> None:
    for _ in range(30):
        portal = Portal(nothing)
        start = threading.Barrier(5)

        def call_until_closed(portal: Portal = portal, start: threading.Barrier = start) -> None:
            start.wait()
            try:
                while True:
                    portal.call(thread_id())
            except ClientClosedError:
                pass

        with ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(call_until_closed) for _ in range(4)]
            start.wait()
            portal.close()
            for future in calls:
                future.result()


def test_close_ends_background_tasks_and_open_generators() -> None:
    order: list[str] = []

    async def background() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            order.append("task")

    async def generate() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            order.append("generator")

    async def on_close() -> None:
        order.append("client")

    kept: list[object] = []

    async def begin() -> None:
        kept.append(asyncio.create_task(background()))
        generator = generate()
        kept.append(generator)
        await anext(generator)
        await asyncio.sleep(0)

    portal = Portal(on_close)
    portal.call(begin())
    portal.close()
    assert order == ["task", "client", "generator"]


def test_close_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(loop_thread, "GRACE", 0.05)
    release, ended = threading.Event(), threading.Event()

    async def resist() -> None:
        while not release.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue
        ended.set()

    portal = Portal(nothing)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(portal.call, resist())
        with caplog.at_level(logging.WARNING):
            while not portal.call(has_other_tasks()):
                pass
            portal.close()
        assert "does not let itself be cancelled" in caplog.text
        with pytest.raises(ClientClosedError, match="may or may not"):
            call.result()
        release.set()
        ended.wait()


async def has_other_tasks() -> bool:
    return len(asyncio.all_tasks()) > 2


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), MemoryError(), RuntimeError("not here")])
def test_a_loop_that_cannot_be_made_is_an_error_of_the_call(
    error: Exception, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_to_make() -> asyncio.AbstractEventLoop:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(loop_thread, "PortalLoop", fail_to_make)
        with pytest.raises(BlockingCallError, match=re.escape(repr(error))):
            portal.call(nothing())
    assert portal.call(thread_id())


def test_an_interrupted_start_leaves_one_loop(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    start = threading.Thread.start

    def start_and_interrupt_once(thread: threading.Thread) -> None:
        threads.append(thread)
        start(thread)
        if len(threads) == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_and_interrupt_once)
        with pytest.raises(KeyboardInterrupt):
            portal.call(nothing())
        own = portal.call(thread_id())
    for thread in threads:
        if thread.ident != own:
            thread.join(30)
    assert [thread.ident for thread in threads if thread.is_alive()] == [own]


def test_a_call_that_comes_too_late_to_start_is_refused() -> None:
    calls: set[BlockingCall[None]] = set()
    stop = asyncio.Event()
    stop.set()
    coroutine = nothing()
    call = BlockingCall(coroutine, calls, stop)
    calls.add(call)
    call.start()
    call.wait()
    with pytest.raises(ClientClosedError, match="nothing was sent"):
        call.take()
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_a_call_after_the_last_turn_of_the_loop_is_refused() -> None:
    with ThreadPoolExecutor(1) as pool:
        late: list[Future[int]] = []

        async def on_close() -> None:
            loop, thread = asyncio.get_running_loop(), portal.thread()
            close = loop.close

            def call_and_close() -> None:
                thread._is_stopped = False
                late.append(pool.submit(portal.call, thread_id()))
                while not thread._calls:
                    pass
                close()

            loop.close = call_and_close  # type: ignore[method-assign]  # to be last but one

        portal = Portal(on_close)
        portal.call(nothing())
        portal.close()
        with pytest.raises(ClientClosedError, match="nothing was sent"):
            late[0].result()


def test_a_loop_that_is_made_while_the_client_is_closed_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[threading.Thread] = []

    def make_and_stop() -> asyncio.AbstractEventLoop:
        started.append(threading.current_thread())
        portal.thread().stop()
        return asyncio.SelectorEventLoop()

    portal = Portal(nothing)
    monkeypatch.setattr(loop_thread, "PortalLoop", make_and_stop)
    with pytest.raises(ClientClosedError):
        portal.call(nothing())
    started[0].join(30)
    assert not started[0].is_alive()


def test_an_iteration_let_go_after_the_last_turn_of_the_loop_is_left_alone(portal: Portal) -> None:
    numbers = portal.iterate(lambda: count([]))
    next(numbers)
    portal.close()
    portal.thread()._is_stopped = False  # as it still was when the generator looked
    numbers.close()  # type: ignore[attr-defined]  # it is a generator


def test_a_portal_that_is_let_go_closes_itself() -> None:
    closed = threading.Event()
    threads: list[threading.Thread] = []

    async def note() -> None:
        closed.set()

    async def current_thread() -> threading.Thread:
        return threading.current_thread()

    portal = Portal(note)
    threads.append(portal.call(current_thread()))
    del portal
    threads[0].join()
    assert closed.is_set()


def test_a_portal_that_is_let_go_on_its_own_thread_closes_itself() -> None:
    holder = [Portal(nothing)]

    async def current_thread() -> threading.Thread:
        return threading.current_thread()

    async def let_go() -> None:
        holder.clear()

    thread = holder[0].call(current_thread())
    Portal.call(holder[0], let_go())
    thread.join()


def test_pickle_gives_an_unused_portal(portal: Portal) -> None:
    portal.call(nothing())
    portal.close()
    copy = pickle.loads(pickle.dumps(portal))
    assert copy.call(thread_id())
    copy.close()


@pytest.mark.parametrize("within_uvloop", [False, True])
def test_the_loop_is_plain_asyncio_where_the_program_uses_uvloop(within_uvloop: bool) -> None:
    uvloop = pytest.importorskip("uvloop")
    portal = Portal(nothing)

    async def loop_module() -> str:
        return type(asyncio.get_running_loop()).__module__

    async def call() -> str:
        return portal.call(loop_module())

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        module = runner.run(call()) if within_uvloop else portal.call(loop_module())
    portal.close()
    assert not module.startswith("uvloop")


def test_a_policy_of_the_program_is_not_used(portal: Portal) -> None:
    before = asyncio.get_event_loop_policy()

    class NoLoops(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            raise AssertionError

    asyncio.set_event_loop_policy(NoLoops())
    try:
        assert portal.call(thread_id())
    finally:
        asyncio.set_event_loop_policy(before)


async def count(closed: list[int], end: int = 3) -> AsyncGenerator[int, None]:
    try:
        for number in range(end):
            await asyncio.sleep(0)
            yield number
    finally:
        await asyncio.sleep(0)
        closed.append(threading.get_ident())


def test_iterate_takes_everything_and_closes(portal: Portal) -> None:
    closed: list[int] = []
    assert list(portal.iterate(lambda: count(closed))) == [0, 1, 2]
    assert closed == [portal.call(thread_id())]


def test_an_iteration_left_early_is_closed_at_once(portal: Portal) -> None:
    closed: list[int] = []
    for _ in portal.iterate(lambda: count(closed)):
        break
    assert closed == [portal.call(thread_id())]


def test_an_iteration_let_go_on_the_own_thread_is_closed(portal: Portal) -> None:
    closed: list[int] = []
    holder = [portal.iterate(lambda: count(closed))]
    next(holder[0])

    async def let_go() -> None:
        holder.clear()
        while not closed:
            await asyncio.sleep(0)

    portal.call(let_go())
    assert closed == [portal.call(thread_id())]


def test_an_iteration_outlives_neither_close_nor_collection(portal: Portal) -> None:
    closed: list[int] = []
    numbers = portal.iterate(lambda: count(closed))
    next(numbers)
    portal.close()
    assert len(closed) == 1
    with pytest.raises(ClientClosedError):
        next(numbers)
    other = Portal(nothing).iterate(lambda: count(closed))
    assert list(other) == [0, 1, 2]


def test_an_error_of_the_iterator_is_raised(portal: Portal) -> None:
    async def break_off() -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("broken off")

    seen: list[int] = []
    with pytest.raises(ValueError, match="broken off"):
        seen.extend(portal.iterate(break_off))
    assert next(portal.iterate(break_off)) == 1


def test_an_error_in_closing_an_iteration_is_logged(portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    async def fail_to_close() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            raise ValueError("cannot close")

    with caplog.at_level(logging.WARNING):
        for _ in portal.iterate(fail_to_close):
            break
    assert "cannot close" in caplog.text
