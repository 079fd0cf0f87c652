"""One SQLite connection on a thread of its own, where many small operations share one commit.

Operations that arrive while a commit is being written to the disk wait together and make up the next one, so that the
cost of durability is paid once for all of them. An operation is over when its commit is on the disk.

One that changes nothing lasting goes before those and does not wait for the disk: it sees what was over when it came,
and need not see what was still under way; what it did to temporary tables stays done if the others fail.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
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
        self,
        connect: Callable[[], sqlite3.Connection],
        explain: Callable[[Exception], AymaraAIError],
    ) -> None:
        """``connect`` runs on the thread; ``explain`` makes the error that callers see."""
        self._connect = connect
        self._explain = explain
        self._queue = SimpleQueue[_Work]()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="aymara-async journal", daemon=True)
        self._is_closed = False
        self._thread.start()

    async def do(self, operation: Operation[T]) -> T:
        """Run an operation and return its result once it is committed; raises what ``explain`` makes of a failure."""
        return cast(T, await self._put(operation, is_lasting=True))

    async def ask(self, operation: Operation[T]) -> T:
        """Run an operation that only reads, or writes to temporary tables; it does not wait for the disk."""
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
        is_open = True
        while is_open:
            group = self._next_group()
            is_open = all(work.operation for work in group)
            for is_lasting in (False, True):
                part = [work for work in group if work.is_lasting is is_lasting]
                if part and connection is not None and failure is None:
                    failure = self._commit(connection, part)
                if is_lasting and connection is not None and not is_open:
                    connection.close()
                if part:
                    self._deliver(part, failure)

    def _next_group(self) -> list[_Work]:
        group = [self._queue.get()]
        try:
            while group[-1].operation is not None:
                group.append(self._queue.get_nowait())
        except Empty:
            pass
        return group

    def _commit(self, connection: sqlite3.Connection, group: list[_Work]) -> Exception | None:
        """Run the operations of a group in one transaction; return what went wrong."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            for work in group:
                if work.operation is not None:
                    work.result = work.operation(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - every operation raises it, these and the following
            return error
        return None

    def _deliver(self, group: list[_Work], failure: Exception | None) -> None:
        def resolve() -> None:
            for work in group:
                if work.future.done():  # its waiter was cancelled
                    continue
                if failure is None or work.operation is None:
                    work.future.set_result(work.result)
                else:
                    error = self._explain(failure)
                    error.__cause__ = failure
                    work.future.set_exception(error)

        try:
            self._loop.call_soon_threadsafe(resolve)
        except RuntimeError:  # the loop has ended, and with it everybody who waits
            return
