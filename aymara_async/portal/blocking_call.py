"""One coroutine's way from a waiting thread through the loop and back."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, Generic, TypeVar, cast

from aymara_async.errors import ClientClosedError

T = TypeVar("T")

CLOSED = "The client is closed, so this call was not made and nothing was sent. Make a new client."
CUT_OFF = (
    "The client was closed while this call was under way. The server may or may not have carried it out: look before "
    "you repeat it, with a new client."
)

# On Windows a signal does not interrupt a wait for a lock, so the wait has to look up now and then.
_LOOK_UP = 0.1 if sys.platform == "win32" else -1


class BlockingCall(Generic[T]):
    """A coroutine that a thread waits for; ``wait`` and ``take`` belong to that thread, the rest to the loop's.

    A lock and a plain task take two thirds of the time of ``asyncio.run_coroutine_threadsafe`` with its two futures.
    """

    __slots__ = ("_calls", "_context", "_error", "_is_over", "_result", "_stop", "coroutine", "task")

    def __init__(self, coroutine: Coroutine[Any, Any, T], calls: set[BlockingCall[Any]], stop: asyncio.Event) -> None:
        """The call is under way while it is in ``calls``; ``stop`` tells that the loop takes no new ones."""
        self.coroutine: Coroutine[Any, Any, T] = coroutine
        self.task: asyncio.Task[None] | None = None
        self._calls = calls
        self._context = copy_context()
        self._stop = stop
        self._is_over = threading.Lock()
        self._is_over.acquire()
        self._result: T | None = None
        self._error: BaseException | None = None

    def wait(self, timeout: float = -1) -> None:
        """Wait until the call is over, at most ``timeout`` seconds unless that is -1."""
        if timeout >= 0:
            self._is_over.acquire(timeout=timeout)
            return
        while not self._is_over.acquire(timeout=_LOOK_UP):
            pass

    def take(self) -> T:
        """Return the result or raise the error."""
        if self._error is None:
            return cast(T, self._result)
        try:
            raise self._error
        finally:
            self._error = None  # or the error, its traceback and this frame would keep one another alive

    def start(self) -> None:
        """Start the coroutine, in the context that made the call; refuse it when the loop is about to end."""
        if self._stop.is_set():
            self.give_up()
        elif self in self._calls:
            self.task = asyncio.get_running_loop().create_task(self._drive(), context=self._context)

    async def _drive(self) -> None:
        try:
            self._result = await self.coroutine
        except BaseException as error:  # noqa: BLE001 - take() raises it; here SystemExit would end the loop
            is_cut_off = self._stop.is_set() and isinstance(error, asyncio.CancelledError)
            self._error = ClientClosedError(CUT_OFF) if is_cut_off else error
        self._end()

    def cancel(self) -> None:
        """Cancel the coroutine, or keep it from starting."""
        if self.task is None:
            self.give_up()
        else:
            # Not at once: a task cancelled before its first step never enters its coroutine, which is to end the call.
            asyncio.get_running_loop().call_soon(self.task.cancel)

    def give_up(self) -> None:
        """End the call without its coroutine, which has not started or does not let itself be cancelled."""
        if self not in self._calls:
            return
        if self.task is None:
            self.coroutine.close()
        self._error = ClientClosedError(CLOSED if self.task is None else CUT_OFF)
        self._end()

    def _end(self) -> None:
        if self in self._calls:
            self._calls.remove(self)
            self._is_over.release()
