"""The points in the life of a job at which it can be killed, by name.

A point is the moment before or after something that lasts: a statement to the journal (named after the operation that
it is part of), the two ends of a commit, those of a request, the arrival of results. It is named as it is passed, so
that what nobody thought of shows up in the histogram too.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

from aymara_async.journal.group_commit import GroupCommit
from aymara_async.transport.request import Request
from aymara_async.transport.session import SessionManager

AT_WORK = "score: the server is at work"
POINTS = (
    "lasting: before BEGIN",
    "lasting: before COMMIT",
    "lasting: committed",
    "open: before the connection",
    "open: before PRAGMA",
    "open: before SELECT",
    "open: before CREATE TABLE",
    "open: before CREATE",
    "_empty_log: before PRAGMA",
    "begin_session: before SELECT",
    "begin_session: before INSERT INTO settings",
    "begin_session: before INSERT INTO temp.turns",
    "begin_session: before UPDATE temp.followed",
    "add_prompts: before INSERT INTO temp.prompts",
    "register: before INSERT INTO temp.turns",
    "register: before UPDATE temp.followed",
    "register: before SELECT",
    "register: before UPDATE temp.turns",
    "single_run: before INSERT INTO runs",
    "single_run: before SELECT",
    "intend: before INSERT INTO batches",
    "intend: before SELECT",
    "intend: before INSERT INTO runs",
    "intend: before UPDATE batches",
    "record: before UPDATE runs",
    "record: before INSERT INTO results",
    "record: before UPDATE temp.followed",
    "release: before UPDATE temp.followed",
    "release: before UPDATE batches",
    "release: before UPDATE temp.turns",
    "sent: before UPDATE temp.followed",
    "sent: before SELECT",
    "already: before SELECT",
    "runs: before SELECT",
    "learn_run: before INSERT INTO runs",
    "learn_run: before SELECT",
    "forget_strays: before DELETE FROM temp.strays",
    "keep_strays: before INSERT INTO temp.strays",
    "strays: before SELECT",
    "adopt: before SELECT",
    "adopt: before INSERT INTO batches",
    "adopt: before UPDATE runs",
    "adopt: before INSERT INTO results",
    "adopt: before UPDATE temp.followed",
    "adopt: before DELETE FROM temp.strays",
    "forget_listed: before DELETE FROM temp.listed",
    "add_listed: before UPDATE temp.followed",
    "add_listed: before SELECT",
    "add_listed: before INSERT INTO temp.listed",
    "contenders: before UPDATE temp.followed",
    "contenders: before SELECT",
    "compare_listed: before UPDATE temp.followed",
    "compare_listed: before SELECT",
    "score: before the request",
    AT_WORK,
    "score: after the answer",
    "score: after a failure",
    "append: before the request",
    "append: after the answer",
    "append: after a failure",
    "list runs: before the request",
    "list runs: after the answer",
    "list runs: after a failure",
    "list prompts: before the request",
    "list prompts: after the answer",
    "list prompts: after a failure",
    "list responses: before the request",
    "list responses: after the answer",
    "list responses: after a failure",
    "results arrive",
    "some moment",
)
"""Where a job can be killed; each in turn is the aim of a random run."""
_STATEMENT = re.compile(r"\s*(?:INSERT(?: OR \w+)? (INTO [\w.]+)|(UPDATE [\w.]+|DELETE FROM [\w.]+|[A-Z]+))")


class Steps:
    """Counts the points that a job passes, and kills it at one of them: the n-th of all, or of a name."""

    def __init__(self, kill: dict[str, Any]) -> None:
        self.taken = 0
        self.passed = Counter[str]()
        self._last = kill.get("step")
        self._point, self._nth = kill.get("point"), kill.get("nth")
        self._trace = Path(kill["trace"])

    def __call__(self, point: str) -> None:
        self.taken += 1
        self.passed[point] += 1
        if self.taken == self._last or (point == self._point and self.passed[point] == self._nth):
            self.die(point)

    def die(self, point: str) -> None:
        self._trace.write_text(json.dumps(point))
        os.kill(os.getpid(), signal.SIGKILL)


def watch(step: Steps) -> None:
    """Let the job of this process pass its points."""
    _watch_statements(step)
    attempt = SessionManager._attempt

    async def watched_attempt(self: SessionManager, request: Request, *args: Any) -> Any:
        name = _name(request)
        step(f"{name}: before the request")
        try:
            answer = await attempt(self, request, *args)
        except BaseException:
            step(f"{name}: after a failure")
            raise
        step(f"{name}: after the answer")
        return answer

    SessionManager._attempt = watched_attempt  # type: ignore[method-assign]  # the job of this process is to be watched


def _watch_statements(step: Steps) -> None:
    look, commit, connect = GroupCommit._look, GroupCommit._commit, sqlite3.connect
    part = Part()

    class WatchedConnection(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> Any:
            step(part.before(sql))
            return super().execute(sql, *args)

        def executemany(self, sql: str, *args: Any) -> Any:
            step(part.before(sql))
            return super().executemany(sql, *args)

        def executescript(self, sql: str) -> Any:
            step(part.before(sql))
            return super().executescript(sql)

    def watched_connect(*args: Any, **options: Any) -> Any:
        step("open: before the connection")
        return connect(*args, factory=WatchedConnection, **options)

    def watched_commit(self: GroupCommit, connection: sqlite3.Connection, group: list[Any]) -> Exception | None:
        if not group:
            return None
        part.name = "lasting"
        try:
            return commit(self, connection, group)
        finally:
            step("lasting: committed")

    def watched_look(self: GroupCommit, connection: sqlite3.Connection, group: list[Any]) -> Exception | None:
        for work in group:
            work.operation = part.named(work.operation)
        return look(self, connection, group)

    sqlite3.connect = watched_connect  # type: ignore[assignment]  # the journal of this process is to be watched
    GroupCommit._look = watched_look  # type: ignore[method-assign]  # likewise
    GroupCommit._commit = watched_commit  # type: ignore[method-assign]  # likewise


class Part:
    """Of what the statements of the journal's thread are part: of opening it, of a commit, of an operation."""

    def __init__(self) -> None:
        self.name = "open"

    def before(self, sql: str) -> str:
        found = _STATEMENT.match(sql)
        assert found, sql
        verb = f"INSERT {found[1]}" if found[1] else found[2]
        return f"{self.name}: before {'CREATE TABLE' if 'CREATE TABLE' in sql else verb}"

    def named(self, operation: Any) -> Any:
        def run(connection: sqlite3.Connection) -> Any:
            outer, self.name = self.name, getattr(operation, "func", operation).__name__
            try:
                return operation(connection)
            finally:
                self.name = outer

        return run


def _name(request: Request) -> str:
    if "score-responses" in request.url:
        content = getattr(request.body, "content", b"")
        return "append" if b'"eval_run_uuid"' in content else "score"
    if "/responses" in request.url:
        return "list responses"
    return "list prompts" if "/prompts" in request.url else "list runs"
