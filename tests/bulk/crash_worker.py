"""Runs bulk jobs that are killed: one forked child per job, so that each begins at once.

Reads one JSON object per line: what to score, and the step before or after which to kill itself. A step is a
statement to the journal, the end of a commit, the beginning or the end of a request, or the arrival of results. Answers
with the child's wait status.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

from aymara_async import AsyncAymaraAI, RetryPolicy
from aymara_async.bulk.group_commit import GroupCommit
from aymara_async.bulk.scorer import AsyncBulkScorer
from aymara_async.transport.session import SessionManager


class Steps:
    def __init__(self, last: int | None) -> None:
        self.taken = 0
        self._last = last

    def __call__(self) -> None:
        self.taken += 1
        if self.taken == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def count_steps(step: Steps) -> None:
    commit, attempt, connect = GroupCommit._commit, SessionManager._attempt, sqlite3.connect

    class CountedConnection(sqlite3.Connection):
        def execute(self, *args: Any) -> Any:
            step()
            return super().execute(*args)

        def executescript(self, *args: Any) -> Any:
            step()
            return super().executescript(*args)

    def counted_connect(*args: Any, **options: Any) -> Any:
        step()
        return connect(*args, factory=CountedConnection, **options)

    def counted_commit(self: Any, *args: Any) -> Any:
        try:
            return commit(self, *args)
        finally:
            step()

    async def counted_attempt(self: Any, *args: Any) -> Any:
        step()
        try:
            return await attempt(self, *args)
        finally:
            step()

    sqlite3.connect = counted_connect  # type: ignore[assignment]
    GroupCommit._commit = counted_commit  # type: ignore[method-assign]
    SessionManager._attempt = counted_attempt  # type: ignore[method-assign]


async def job(order: dict[str, Any], step: Steps) -> dict[str, Any]:
    retry = RetryPolicy(max_retries=8, initial_wait=0)
    async with AsyncAymaraAI(api_key=order["key"], base_url=order["url"], retry=retry, timeout=10) as client:
        scorer = AsyncBulkScorer(client, journal=order["journal"], **order["scorer"])
        yielded = []
        stream = scorer.score(order["rows"])
        async for chunk in stream.chunks():
            step()
            yielded += [scored.prompt_uuid for scored in chunk]
        result = stream.result
        return {
            "yielded": yielded,
            "submitted": result.submitted,
            "scored": result.scored,
            "resumed": result.resumed,
            "reconciled": result.reconciled,
            "failed": len(result.failed),
            "runs": result.eval_run_uuids,
        }


def work(order: dict[str, Any]) -> None:
    step = Steps(order.get("kill_at_step"))
    count_steps(step)
    if seconds := order.get("kill_after"):
        timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()
    outcome: dict[str, Any]
    try:
        outcome = asyncio.run(job(order, step))
    except Exception as error:  # noqa: BLE001 - the test looks at it
        outcome = {"error": f"{type(error).__name__}: {error}"}
    outcome["steps"] = step.taken
    Path(order["result"]).write_text(json.dumps(outcome))


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                work(json.loads(line))
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        print(status, flush=True)


if __name__ == "__main__":
    main()
