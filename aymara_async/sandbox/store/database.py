"""The one SQLite connection: schema, transactions and pages."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from typing import TypeAlias

Value: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = tuple[Value, ...]

_JOB = "created_at REAL NOT NULL, ready_at REAL NOT NULL, fate TEXT NOT NULL, touched_at REAL NOT NULL"

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS evals (
  seq INTEGER PRIMARY KEY, eval_uuid TEXT NOT NULL UNIQUE, workspace_uuid TEXT, {_JOB}, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS prompts (
  seq INTEGER PRIMARY KEY, prompt_uuid TEXT NOT NULL UNIQUE, eval_uuid TEXT NOT NULL, eval_run_uuid TEXT,
  thread_uuid TEXT NOT NULL, turn_number INTEGER NOT NULL, content TEXT NOT NULL, category TEXT);
CREATE INDEX IF NOT EXISTS prompts_of_eval ON prompts (eval_uuid, eval_run_uuid, seq);
CREATE TABLE IF NOT EXISTS runs (
  seq INTEGER PRIMARY KEY, eval_run_uuid TEXT NOT NULL UNIQUE, eval_uuid TEXT NOT NULL, workspace_uuid TEXT, {_JOB},
  document TEXT NOT NULL, num_prompts INTEGER NOT NULL DEFAULT 0, num_responses INTEGER NOT NULL DEFAULT 0,
  num_scored INTEGER NOT NULL DEFAULT 0, num_passed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS runs_of_eval ON runs (eval_uuid, seq);
CREATE TABLE IF NOT EXISTS run_prompts (
  eval_run_uuid TEXT NOT NULL, prompt_uuid TEXT NOT NULL, PRIMARY KEY (eval_run_uuid, prompt_uuid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS responses (
  seq INTEGER PRIMARY KEY, response_uuid TEXT NOT NULL UNIQUE, eval_run_uuid TEXT NOT NULL, prompt_uuid TEXT NOT NULL,
  document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS responses_of_run ON responses (eval_run_uuid, seq);
CREATE TABLE IF NOT EXISTS scorings (
  seq INTEGER PRIMARY KEY, eval_run_uuid TEXT NOT NULL, prompt_uuid TEXT NOT NULL, thread_uuid TEXT NOT NULL,
  turn_number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS reports (
  seq INTEGER PRIMARY KEY, report_uuid TEXT NOT NULL UNIQUE, workspace_uuid TEXT, {_JOB}, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
  seq INTEGER PRIMARY KEY, file_uuid TEXT NOT NULL UNIQUE, workspace_uuid TEXT, {_JOB}, file_type TEXT NOT NULL,
  document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS chunks (
  seq INTEGER PRIMARY KEY, file_uuid TEXT NOT NULL, upload TEXT NOT NULL, bytes BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS chunks_of_file ON chunks (file_uuid, upload, seq);
"""


class Database:
    """Hold the connection; every write is committed before the server answers, so a killed server loses nothing."""

    def __init__(self, path: str | PathLike[str]) -> None:
        self._connection = sqlite3.connect(
            fspath(path), isolation_level=None, check_same_thread=False, cached_statements=512
        )
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            # A killed process loses nothing with NORMAL; only a power cut could, and no test survives that anyway.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit everything inside at once, or nothing of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def run(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run one statement and tell how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> int:
        """Run one statement for many rows and tell how many it changed."""
        return self._connection.executemany(sql, rows).rowcount

    def one(self, sql: str, values: Sequence[Value] | Mapping[str, Value] = ()) -> Row | None:
        """Fetch the first row."""
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, values: Sequence[Value] | Mapping[str, Value] = ()) -> list[Row]:
        """Fetch all rows."""
        return self._connection.execute(sql, values).fetchall()

    def count(self, sql: str, values: Sequence[Value] | Mapping[str, Value] = ()) -> int:
        """Fetch one number."""
        row = self.one(sql, values)
        return int(row[0] or 0) if row else 0

    def setting(self, name: str, default: str) -> str:
        """Read a setting; the first caller's default is kept for ever."""
        self.run("INSERT OR IGNORE INTO settings (name, value) VALUES (?, ?)", (name, default))
        row = self.one("SELECT value FROM settings WHERE name = ?", (name,))
        return default if row is None else str(row[0])
