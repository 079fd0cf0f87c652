"""What a blocking client holds to reach its loop, whichever process and thread it is called in."""

from __future__ import annotations

import os
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

from aymara_async.portal.loop_thread import LoopThread
from aymara_async.transport.shared import Shared

T = TypeVar("T")


class Portal(Shared):
    """Run coroutines on a loop thread and wait for them; each process starts a thread of its own on its first call.

    The thread ends with ``close``, or when nothing refers to the portal any more, or with the process. A pickled portal
    comes back unused.
    """

    def __init__(self, on_close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """``on_close`` runs on the loop before it ends; it must not refer to the portal."""
        self._on_close = on_close
        self._is_closed = False
        # By process, not under a lock: one that another thread holds during a fork stays locked in the child for ever.
        self._threads: dict[int, LoopThread] = {}
        weakref.finalize(self, _stop_all, self._threads)

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for its result; any thread may call, also inside a running loop.

        Raises ``ClientClosedError`` when the portal is closed, ``BlockingCallError`` on the portal's own thread.
        """
        return self.thread().call(coroutine)

    def iterate(self, source: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
        """Iterate over an async iterator, made at the first step, with one call per item; one left early is closed.

        Where the source can give lists, take those and walk through them here.
        """
        thread = self.thread()
        iterator = source()
        try:
            while True:
                try:
                    item = thread.call(_next(iterator))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            thread.finish(iterator)

    @property
    def is_closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._is_closed

    def close(self) -> None:
        """Cancel running calls, run ``on_close`` and end the thread; raises what ``on_close`` raised."""
        self._is_closed = True
        self.thread().close()

    def thread(self) -> LoopThread:
        """Return this process's thread, for what has to go on where it was begun."""
        pid = os.getpid()
        thread = self._threads.get(pid)
        if thread is None:
            thread = self._threads.setdefault(pid, LoopThread(self._on_close, is_stopped=self._is_closed))
        return thread

    def __reduce__(self) -> tuple[object, ...]:
        return Portal, (self._on_close,)


def _stop_all(threads: dict[int, LoopThread]) -> None:
    for thread in threads.values():
        thread.stop()


async def _next(iterator: AsyncIterator[T]) -> T:
    return await anext(iterator)
