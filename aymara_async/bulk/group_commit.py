"""One SQLite connection on a thread of its own, where many small operations share one commit and one wait for the disk.

While the disk takes a commit in, which a second thread waits for, operations that come make up the next one, so that
the cost of durability is paid once for all of them. An operation is over when its commit is on the disk.

One that changes nothing lasting waits neither for others nor for the disk: it sees what was over when it came, and may
see more; what it did to temporary tables stays done if the others fail.
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


@attrs.frozen
class _Synced:
    """The disk has taken the last commit in, or failed to."""

    failure: Exception | None


class GroupCommit:
    """Run operations in order, each as part of a commit; after one failure none is run any more.

    In order means: those that last among themselves, and the others among themselves.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        explain: Callable[[Exception], AymaraAIError],
        sync: Callable[[], None] | None = None,
    ) -> None:
        """``connect`` runs on the thread; ``explain`` makes the error that callers see.

        ``sync`` brings to the disk what was committed; None where the connection does so with each commit.
        """
        self._connect = connect
        self._explain = explain
        self._sync = sync
        self._messages = SimpleQueue[_Work | _Synced]()
        self._disk = SimpleQueue[Callable[[], None] | None]()
        self._loop = asyncio.get_running_loop()
        self._is_closed = False
        for target in (self._run, self._wait_for_the_disk):
            threading.Thread(target=target, name="aymara-async journal", daemon=True).start()

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
        self._messages.put(work)
        return work.future

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        failure: Exception | None = None
        try:
            connection = self._connect()
        except Exception as error:  # noqa: BLE001 - every operation raises it
            failure = error
        ending: _Work | None = None
        waiting: list[_Work] = []
        at_the_disk: list[_Work] = []
        while ending is None or at_the_disk:
            quick: list[_Work] = []
            for message in self._next_messages():
                if isinstance(message, _Synced):
                    self._deliver(at_the_disk, message.failure)
                    at_the_disk, failure = [], failure or message.failure
                elif message.operation is None:
                    ending = message
                else:
                    (waiting if message.is_lasting else quick).append(message)
            failure = failure or self._look(connection, quick)
            self._deliver(quick, failure)
            if at_the_disk:
                continue
            failure = failure or self._commit(connection, waiting)
            if waiting and failure is None and self._sync is not None:
                at_the_disk = waiting
                self._disk.put(self._sync)
            else:
                self._deliver(waiting, failure)
            waiting = []
        self._disk.put(None)
        if connection is not None:
            connection.close()
        self._deliver([ending], None)

    def _wait_for_the_disk(self) -> None:
        while sync := self._disk.get():
            try:
                sync()
            except Exception as error:  # noqa: BLE001 - every operation raises it
                self._messages.put(_Synced(error))
            else:
                self._messages.put(_Synced(None))

    def _next_messages(self) -> list[_Work | _Synced]:
        messages = [self._messages.get()]
        with suppress(Empty):
            while True:
                messages.append(self._messages.get_nowait())
        return messages

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
