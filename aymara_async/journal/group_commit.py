"""One SQLite connection on a thread of its own, where many small operations share one commit and one wait for the disk.

While the disk takes a commit in, operations that come make up the next one, so that the cost of durability is paid once
for all of them. An operation is over when its commit is on the disk.

One that changes nothing lasting goes before those, and waits at most for the commit that the disk is at. It sees what
was over when it came, and may see more; what it did to temporary tables stays done if the others fail.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias, TypeVar, cast

import attrs

from aymara_async.errors import AymaraAIError

T = TypeVar("T")
Operation: TypeAlias = Callable[[sqlite3.Connection], T]


@attrs.define(eq=False)
class _Work:
    operation: Operation[object] | None
    """None asks the thread to end."""
    future: asyncio.Future[Any]
    is_lasting: bool
    result: object = None


class GroupCommit:
    """Run operations in order, each as part of a commit; after one failure none is run any more.

    In order means: those that last among themselves, and the others among themselves.
    """

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], explain: Callable[[Exception], AymaraAIError]
    ) -> None:
        """``connect`` runs on the thread; ``explain`` makes the error that callers see."""
        self._connect = connect
        self._explain = explain
        self._queue = SimpleQueue[_Work]()
        self._loop = asyncio.get_running_loop()
        self._is_closed = False
        threading.Thread(target=self._run, name="aymara-async journal", daemon=True).start()

    async def do(self, operation: Operation[T]) -> T:
        """Run an operation and return its result once it is committed; raises what ``explain`` makes of a failure."""
        return cast(T, await self._put(operation, is_lasting=True))

    async def ask(self, operation: Operation[T]) -> T:
        """Run an operation that only reads, or writes to temporary tables; it waits for no commit of its own."""
        return cast(T, await self._put(operation, is_lasting=False))

    async def close(self) -> None:
        """Let the operations under way end, and the thread with them; to call it again does nothing."""
        if not self._is_closed:
            ended = self._put(None, is_lasting=True)
            self._is_closed = True
            await asyncio.shield(ended)

    def _put(self, operation: Operation[object] | None, *, is_lasting: bool) -> asyncio.Future[Any]:
        if self._is_closed:
            raise RuntimeError("The journal is closed")
        work = _Work(operation, self._loop.create_future(), is_lasting)
        self._queue.put(work)
        return work.future

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        failure: Exception | None = None
        try:
            connection = self._connect()
        except Exception as error:  # noqa: BLE001 - every operation raises it
            failure = error
        ending: _Work | None = None
        while ending is None:
            looking: list[_Work] = []
            lasting: list[_Work] = []
            for work in self._next():
                if work.operation is None:
                    ending = work
                else:
                    (lasting if work.is_lasting else looking).append(work)
            failure = failure or self._look(connection, looking)
            self._deliver(looking, failure)
            failure = failure or self._commit(connection, lasting)
            self._deliver(lasting, failure)
        if connection is not None:
            connection.close()
        self._deliver([ending], None)

    def _next(self) -> list[_Work]:
        """Wait for work, and take all there is."""
        group = [self._queue.get()]
        with suppress(Empty):
            while True:
                group.append(self._queue.get_nowait())
        return group

    def _look(self, connection: sqlite3.Connection | None, group: list[_Work]) -> Exception | None:
        """Run operations that change nothing lasting; return what went wrong."""
        try:
            for work in group:
                assert work.operation is not None
                assert connection is not None, "where there is none, there is a failure"
                work.result = work.operation(connection)
        except Exception as error:  # noqa: BLE001 - every operation raises it, these and the following
            return error
        return None

    def _commit(self, connection: sqlite3.Connection | None, group: list[_Work]) -> Exception | None:
        """Run the operations of a group in one transaction; return what went wrong."""
        if not group or connection is None:
            return None
        try:
            connection.execute("BEGIN IMMEDIATE")
            failure = self._look(connection, group)
            if failure is not None:
                return failure
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - every operation raises it, these and the following
            return error
        return None

    def _deliver(self, group: list[_Work], failure: Exception | None) -> None:
        if not group:
            return

        def resolve() -> None:
            for work in group:
                if work.future.done():  # its waiter was cancelled
                    continue
                if failure is None:
                    work.future.set_result(work.result)
                else:
                    error = self._explain(failure)
                    if error is not failure:  # some that print errors follow causes without end
                        error.__cause__ = failure
                    work.future.set_exception(error)

        try:
            self._loop.call_soon_threadsafe(resolve)
        except RuntimeError:  # the loop has ended, and with it everybody who waits
            return
