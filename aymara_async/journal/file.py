"""The journal's file: made, locked and checked before anything is read from it or sent because of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from aymara_async.journal.errors import JournalError
from aymara_async.journal.filesystems import network_file_system
from aymara_async.journal.group_commit import GroupCommit, Operation
from aymara_async.journal.schema import APPLICATION_ID, LASTING, TEMPORARY, VERSION

T = TypeVar("T")

ON_NETWORK = "AYMARA_AI_JOURNAL_ON_NETWORK"
"""Set, it lets journals be on network file systems."""
PAGE = 16384
LOG = 4_000_000
"""Bytes that the log grows to before its content is brought to its place."""


class JournalFile:
    """A journal that is open, for this process alone; without a path it lives in SQLite's own temporary file.

    ``do`` and ``ask`` raise ``JournalError``.
    """

    def __init__(self, path: Path | None, commits: GroupCommit) -> None:
        self.path = path
        self._commits = commits
        self._files: dict[Path, tuple[int, int] | None] = {}
        """Which files those were when they were opened."""

    @classmethod
    async def open(cls, path: Path | None) -> Self:
        """Open or create it."""
        file = cls(path, GroupCommit(partial(_connect, path), partial(explain, path=path)))
        try:
            await file._commits.do(lambda _: None)
            # What leads to the run shall be in the file itself, even if its log is lost.
            await file.empty_log()
        except BaseException:
            await file.close()
            raise
        if path is not None:
            file._files = {one: _identify(one) for one in (path, _log_of(path))}
        return file

    @property
    def is_durable(self) -> bool:
        """Whether it outlives this process."""
        return self.path is not None

    async def do(self, operation: Operation[T]) -> T:
        """Run an operation and return its result once it is on the disk."""
        return await self._commits.do(operation)

    async def ask(self, operation: Operation[T]) -> T:
        """Run an operation that only reads, or writes to temporary tables."""
        return await self._commits.ask(operation)

    async def empty_log(self) -> None:
        """Bring what is in the log to its place in the file."""
        await self._commits.ask(_empty_log)

    def check_place(self, run_name: str) -> None:
        """Raise ``JournalError`` if what is written goes to files that nobody will find any more."""
        if any(_identify(file) != identity for file, identity in self._files.items()):
            raise JournalError(
                f"The journal {self.path} was deleted or replaced while the job used it. Nothing more is sent. What "
                f"was sent before is in run {run_name!r} at the server: to go on with it, pass that name as run_key, "
                "with another journal or none. Begun anew without it, everything would be scored twice.",
                path=str(self.path),
            )

    async def close(self) -> None:
        """Close the file."""
        await self._commits.close()


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _identify(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _connect(path: Path | None) -> sqlite3.Connection:
    """Open the journal for this process alone; None makes one that SQLite keeps, and gives up, by itself.

    Raises ``JournalError`` and ``sqlite3.Error``.
    """
    if path is not None:
        _check_file_system(path)
        _create(path)
    connection = sqlite3.connect("" if path is None else path, isolation_level=None, timeout=0)
    try:
        if path is not None:
            connection.execute(f"PRAGMA page_size={PAGE}")  # of a new file; larger ones take fewer writes
            is_new = _lock_and_check(connection, path)
            connection.execute(f"PRAGMA wal_autocheckpoint={LOG // PAGE}")
        else:
            connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
            is_new = True
        connection.executescript("PRAGMA cache_size=-4096; PRAGMA temp_store=FILE;")
        # Nobody rolls temporary tables back, so that a file for it would only cost time.
        connection.executescript("PRAGMA temp.cache_size=-4096; PRAGMA temp.journal_mode=MEMORY;")
        if is_new:
            connection.executescript(f"BEGIN IMMEDIATE; {LASTING} COMMIT;")
        connection.executescript(TEMPORARY)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_file_system(path: Path) -> None:
    kind = network_file_system(path)
    if kind is not None and not os.environ.get(ON_NETWORK):
        raise JournalError(
            f"The journal {path} would be on a network file system ({kind}), which may not keep two processes apart or "
            "keep what was written: that is not safe, and responses may be scored twice. Nothing was sent. Name a file "
            f"on a disk of this machine, use run_key, or set the environment variable {ON_NETWORK}=1 to use it all the "
            "same.",
            path=str(path),
        )


def _create(path: Path) -> None:
    """Make the file, or see that only its owner can read it: it holds prompts and answers."""
    try:
        # Only where there is no file: to open and close one that SQLite has open would give up this process's lock.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        for file in (path, _log_of(path), path.with_name(f"{path.name}-shm")):
            with suppress(OSError):  # it is somebody else's, or not there
                file.chmod(0o600)
        return
    if hasattr(os, "O_DIRECTORY"):  # else there is no way to make the file's name survive a power cut
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _lock_and_check(connection: sqlite3.Connection, path: Path) -> bool:
    """Tell whether it is empty; raises ``JournalError`` and ``sqlite3.Error`` where it is not a sound journal."""
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    application_id, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    is_new = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not is_new and (application_id != APPLICATION_ID or version != VERSION):
        what = "of another version" if application_id == APPLICATION_ID else "no journal"
        raise JournalError(
            f"{path} is a database, but {what}. It was left as it is and nothing was sent; name another file.",
            path=str(path),
        )
    mode = _pragma(connection, "journal_mode=WAL")
    if mode != "wal":
        raise sqlite3.OperationalError(f"it can only be kept in {mode} mode there, not in WAL mode")
    connection.executescript("PRAGMA synchronous=FULL; BEGIN EXCLUSIVE; COMMIT;")
    fault = _pragma(connection, "quick_check(1)")
    if fault != "ok":
        raise sqlite3.DatabaseError(str(fault))
    return is_new


def _empty_log(connection: sqlite3.Connection) -> None:
    """Bring what is in the log to its place in the file."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def _pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def _place(failure: Exception, path: Path | None) -> str:
    """Name the file that a failure is about: where the disk is full, it may be what SQLite keeps beside the journal."""
    folder = Path(tempfile.gettempdir())
    if path is None or ("full" in str(failure).lower() and _room(folder) < LOG <= _room(path.parent)):
        return f"in a temporary file of SQLite's, in {folder} or where SQLITE_TMPDIR says,"
    return str(path)


def _room(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return LOG


def explain(failure: Exception, path: Path | None) -> JournalError:
    """Say what a failure means for the user's data, and what to do."""
    if isinstance(failure, JournalError):
        return failure
    place = _place(failure, path)
    text = str(failure).lower()
    if "locked" in text:
        return JournalError(
            f"The journal {place} is in use by another process or by another job of this one. Nothing was sent. Wait "
            "until that one has ended, or name another file.",
            path=place,
        )
    if "not a database" in text or "malformed" in text or "corrupt" in text:
        return JournalError(
            f"The journal {place} is damaged or no journal ({failure}), so it cannot tell what was sent. Nothing is "
            "sent any more. Restore it with its -wal file from a copy made while no job ran, or look at the runs at "
            "the server (evals.runs.list) before you begin anew with another file.",
            path=place,
        )
    return JournalError(
        f"The journal {place} cannot be used: {failure}. Nothing is sent that it does not hold; batches under way will "
        "be looked for at the server when the job resumes. Make room, see that the file and its folder can be written, "
        "and run the job again with the same journal.",
        path=place,
    )
