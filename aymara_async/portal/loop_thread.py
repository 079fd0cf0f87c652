"""An event loop on a thread of its own, in one process."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from aymara_async.errors import AymaraAIError, ClientClosedError
from aymara_async.portal.blocking_call import CLOSED, BlockingCall
from aymara_async.portal.event_loop import PortalLoop

T = TypeVar("T")

GRACE = 5.0
"""Seconds that a cancelled coroutine, or the closing of the client, may take before nobody waits for it any more."""

_OWN_THREAD = (
    "A blocking call was made on the thread that would have to answer it, which would wait for itself for ever. "
    "Nothing was sent. Use the async client here, or make the call in another thread (asyncio.to_thread)."
)
_OTHER_PROCESS = (
    "This iteration was begun in the parent process, and a forked child cannot go on with it. Nothing was sent. "
    "Begin it anew here."
)
_NO_START = (
    "The event loop of the blocking client could not start: {error!r}. Nothing was sent, and the client works once "
    "the cause is gone. The loop needs a thread, memory, and a pair of sockets within this process: free or allow them "
    "(with pytest-socket: --allow-unix-socket). Where the program is ending, make the first call earlier."
)
_GREENLETS = (
    "Threads are greenlets of one system thread here (gevent, eventlet), and another event loop runs in it already. "
    "Nothing was sent. Share one AymaraAI client among all greenlets, or close the other one first."
)

logger: logging.Logger = logging.getLogger("aymara_async")


class BlockingCallError(AymaraAIError, RuntimeError):
    """A blocking call was made where it could never return; nothing was sent."""


class LoopThread:
    """Run an event loop on a daemon thread, from the first call until ``stop``.

    A forked child inherits the object but not the thread, and must not touch the loop: its poll set is shared with the
    parent. Nor may it let go of it; this it cannot, as the references on a vanished thread's stack are never given up.
    """

    def __init__(self, on_close: Callable[[], Coroutine[Any, Any, None]], *, is_stopped: bool = False) -> None:
        """``on_close`` runs on the loop before it ends."""
        self._on_close = on_close
        self._pid = os.getpid()
        self._starting = threading.Lock()
        self._creating = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ident: int | None = None
        self._is_stopped = is_stopped
        self._stop = asyncio.Event()
        self._calls: set[BlockingCall[Any]] = set()
        self._error: BaseException | None = None

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop, in the caller's context, and wait for its result.

        An exception in this thread meanwhile, such as ``KeyboardInterrupt``, cancels the coroutine and is raised when
        that has ended. Raises ``ClientClosedError`` after or during ``stop``, ``BlockingCallError`` on the own thread.
        """
        call = BlockingCall(coroutine, self._calls, self._stop)
        try:
            self._submit(call)
            call.wait()
        except BaseException:
            self._abandon(call)
            raise
        return call.take()

    def finish(self, iterator: AsyncIterator[object]) -> None:
        """Close an iterator of this loop, from wherever it is let go of; what goes wrong is logged."""
        aclose: Callable[[], Coroutine[Any, Any, None]] | None = getattr(iterator, "aclose", None)
        if aclose is None or self._is_stopped or self._pid != os.getpid():
            return
        call = BlockingCall(_log_errors(aclose), self._calls, self._stop)
        if self._is_own_thread():
            self._calls.add(call)
            call.start()
            return
        try:
            self._submit(call)
        except ClientClosedError:
            call.coroutine.close()
            return
        # Bounded: the garbage collector may have come here in a thread that holds what the loop is waiting for.
        call.wait(GRACE)

    def stop(self) -> None:
        """Ask the loop to end, without waiting; safe anywhere and any number of times."""
        if self._pid != os.getpid():
            return
        self._is_stopped = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._stop.set)

    def close(self) -> None:
        """Cancel what runs, run ``on_close``, end the loop, and wait for all that; raises what ``on_close`` raised."""
        if self._is_own_thread():
            raise BlockingCallError(_OWN_THREAD)
        self.stop()
        self._join()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _is_own_thread(self) -> bool:
        return self._ident == threading.get_ident()

    def _submit(self, call: BlockingCall[Any]) -> None:
        if self._pid != os.getpid():
            raise BlockingCallError(_OTHER_PROCESS)
        loop = self._loop or self._start()
        if self._is_own_thread():
            raise BlockingCallError(_OWN_THREAD)
        if self._is_stopped:
            raise ClientClosedError(CLOSED)
        self._calls.add(call)
        try:
            loop.call_soon_threadsafe(call.start)
        except RuntimeError:  # it has ended since
            self._calls.discard(call)
            raise ClientClosedError(CLOSED) from None

    def _abandon(self, call: BlockingCall[Any]) -> None:
        if call not in self._calls or self._loop is None:
            call.coroutine.close()  # never submitted, or over
            return
        with suppress(RuntimeError):  # the loop has ended, and with it the call
            self._loop.call_soon_threadsafe(call.cancel)
        call.wait(GRACE)

    def _start(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._is_stopped:
                raise ClientClosedError(CLOSED)
            if self._loop is None:
                started = Future[None]()
                try:
                    threading.Thread(target=self._run, args=(started,), name="aymara-async", daemon=True).start()
                    started.result()
                except BlockingCallError:
                    raise
                except Exception as error:
                    raise BlockingCallError(_NO_START.format(error=error)) from error
            assert self._loop is not None
            return self._loop

    def _run(self, started: Future[None]) -> None:
        try:
            loop = self._make_loop()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            started.set_exception(error)
            return
        started.set_result(None)
        if loop is not None:
            self._run_loop(loop)

    def _make_loop(self) -> asyncio.AbstractEventLoop | None:
        """Make the loop, unless an interrupted start has left another thread that made it; then return None."""
        with self._creating:
            if self._loop is not None:
                return None
            if _is_loop_running():
                raise BlockingCallError(_GREENLETS)
            loop = PortalLoop()
            atexit.register(self._end_with_process)
            self._thread, self._ident = threading.current_thread(), threading.get_ident()
            self._loop = loop
            return loop

    def _run_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._is_stopped:  # since before there was a loop to tell
            self._stop.set()
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - close() raises it in the caller's thread
            self._error = error
        for call in list(self._calls):
            call.give_up()
        atexit.unregister(self._end_with_process)
        self._ident = None  # the next thread may get the same

    async def _serve(self) -> None:
        await self._stop.wait()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest - {call.task for call in list(self._calls)}:
            task.cancel()
        for call in list(self._calls):
            call.cancel()
        if rest:
            await asyncio.wait(rest, timeout=GRACE)
        for call in list(self._calls):
            call.give_up()
        async with asyncio.timeout(GRACE):
            await self._on_close()

    def _end_with_process(self) -> None:
        self.stop()
        self._join()

    def _join(self) -> None:
        if self._thread is None:
            return
        self._thread.join(3 * GRACE)
        if self._thread.is_alive():
            logger.warning("Something that still runs for a closed client does not let itself be cancelled")


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _log_errors(action: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await action()
    except Exception:
        logger.warning("Closing an iteration that was left early failed", exc_info=True)
