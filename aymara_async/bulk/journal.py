"""The journal: what shall be sent, what was sent, what was scored; durable, for one process at a time.

The life of a turn, and what a crash at that point leads to:

=========  =====================================  ===============================================
state      written                                found by a later session
=========  =====================================  ===============================================
NEW        to a temporary table                   no trace of; sent like any other
SENT       with its batch, before that is sent    looked for at the server before anything is sent
SCORED     with the result, before it is yielded  yielded from the journal, not sent
=========  =====================================  ===============================================

SENT goes back to NEW only where the server has certainly not scored it: it said so (4xx), or did not list it when the
grace period was over. SCORED is final. Without a file the same tables live in SQLite's own temporary file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from aymara_async.bulk import journal_tables as tables
from aymara_async.bulk import reading_tables as readings
from aymara_async.bulk.journal_entries import Registered, Run, SentBatch
from aymara_async.bulk.reading_tables import Stray
from aymara_async.bulk.turns import Item, Turn
from aymara_async.journal.file import JournalFile
from aymara_async.models import EvalPrompt, ScoredResponse


class Journal:
    """What this job has done; each method returns when what a crash must not undo is on the disk.

    All raise ``JournalError``.
    """

    def __init__(self, file: JournalFile, *, is_own: bool) -> None:
        self._file = file
        self._is_own = is_own
        self._session = 0
        self.run_name = ""
        """Name of the run, or the beginning of the names of the runs."""
        self.has_strays: bool = False
        """Whether there is something at the server that the journal does not know."""

    @classmethod
    async def open(cls, where: Path | JournalFile | None, identity: Mapping[str, object], run_name: str) -> Self:
        """Open or create it, or share one that is open already, which stays so.

        Raises ``JournalError`` where it belongs to another job. An older run name wins.
        """
        is_own = not isinstance(where, JournalFile)
        file = where if isinstance(where, JournalFile) else await JournalFile.open(where)
        journal = cls(file, is_own=is_own)
        begin = partial(tables.begin_session, path=file.path, identity=identity, run_name=run_name)
        try:
            journal._session, journal.run_name = await file.do(begin)
            await file.empty_log()
        except BaseException:
            await journal.close()
            raise
        return journal

    @property
    def path(self) -> Path | None:
        """Where it is; None if it is nowhere."""
        return self._file.path

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever sent with it."""
        return self._session == 1

    async def close(self) -> None:
        """Close the file, unless it is somebody else's."""
        if self._is_own:
            await self._file.close()

    async def add_prompts(self, prompts: Sequence[EvalPrompt]) -> None:
        """Learn which prompts there are; from then on ``register`` can tell unknown ones."""
        await self._file.ask(partial(tables.add_prompts, [prompt.prompt_uuid for prompt in prompts]))

    async def register(self, items: Sequence[Item], *, knows_prompts: bool) -> list[Registered]:
        """Note what comes from the input, and tell what is known of it."""
        if not items:
            return []
        return await self._file.ask(partial(tables.register, items, session=self._session, knows_prompts=knows_prompts))

    async def single_run(self) -> Run:
        """Return the run that all batches go to."""
        return await self._file.do(partial(tables.single_run, self.run_name))

    async def intend(self, turns: Sequence[Turn], run: Run | None) -> SentBatch:
        """Note that a batch is about to be sent, to a run or, if None, to one of its own."""
        self._file.check_place(self.run_name)
        return await self._file.do(partial(tables.intend, turns, run, self.run_name, is_kept=self._file.is_durable))

    async def record(self, batch: SentBatch, eval_run_uuid: str, found: Sequence[tuple[Turn, ScoredResponse]]) -> None:
        """Note results."""
        await self._file.do(partial(tables.record, batch, eval_run_uuid, found, keeps_results=self._file.is_durable))

    async def release(self, batch: SentBatch) -> None:
        """Note that the server has not scored what there is no result for."""
        await self._file.do(partial(tables.release, batch))

    async def sent(self) -> list[SentBatch]:
        """List the batches that were sent and of which nothing more is known."""
        return await self._file.ask(tables.sent)

    async def already(self, batches: Sequence[SentBatch]) -> int:
        """Tell how many responses their run was known to hold when the first of these batches was sent."""
        return await self._file.ask(partial(tables.already, [batch.id for batch in batches]))

    async def runs(self) -> list[Run]:
        """List the runs of this job."""
        return await self._file.ask(tables.runs)

    async def learn_run(self, name: str, eval_run_uuid: str) -> Run:
        """Note which run of the server's has the name."""
        return await self._file.do(partial(readings.learn_run, name, eval_run_uuid))

    async def forget_listed(self) -> None:
        """Begin to read a run's list."""
        await self._file.ask(readings.forget_listed)

    async def add_listed(self, rows: Sequence[tuple[str, str, str | None]]) -> tuple[list[int], int]:
        """Take note of what the server lists; return which are new and have no result here, and how many are new."""
        return await self._file.ask(partial(readings.add_listed, rows))

    async def compare_listed(self, run: Run) -> tuple[list[str], list[tuple[str, str]]]:
        """Return the prompts of results that are not listed, and id and prompt of what is listed without a result."""
        return await self._file.ask(partial(readings.compare_listed, run.id))

    async def contenders(self, prompt_uuids: Sequence[str], run: Run) -> tuple[list[Turn], set[str]]:
        """Tell which turns of these prompts may be in the run, and which responses have their turn already."""
        return await self._file.ask(partial(readings.contenders, prompt_uuids, run.id))

    async def keep_strays(self, run: Run, strays: Sequence[ScoredResponse]) -> None:
        """Keep what the run lists and the journal does not know, for rows of the input that are still to come."""
        self.has_strays = self.has_strays or bool(strays)
        await self._file.ask(partial(readings.keep_strays, run, strays))

    async def forget_strays(self, run: Run) -> None:
        """Forget them, since the run is read again."""
        await self._file.ask(partial(readings.forget_strays, run))

    async def strays(self, prompt_uuids: Sequence[str]) -> list[Stray]:
        """List what is kept for these prompts."""
        return await self._file.ask(partial(readings.strays, prompt_uuids)) if self.has_strays else []

    async def adopt(self, found: Sequence[tuple[Turn, Stray]]) -> list[SentBatch]:
        """Note whose they are; returns those that are not scored yet."""
        return await self._file.do(partial(readings.adopt, found, is_kept=self._file.is_durable))
