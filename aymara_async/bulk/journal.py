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

from aymara_async.bulk import journal_file
from aymara_async.bulk import journal_tables as tables
from aymara_async.bulk.group_commit import GroupCommit
from aymara_async.bulk.journal_entries import Registered, Run, SentBatch
from aymara_async.bulk.turns import Item, Turn
from aymara_async.models import EvalPrompt, ScoredResponse


class Journal:
    """What this job has done; each method returns when what a crash must not undo is on the disk.

    All raise ``JournalError``.
    """

    def __init__(self, commits: GroupCommit, *, is_durable: bool) -> None:
        self._commits = commits
        self._is_durable = is_durable
        self._session = 0
        self.run_name = ""
        """Name of the run, or the beginning of the names of the runs."""

    @classmethod
    async def open(cls, path: Path | None, identity: Mapping[str, object], run_name: str) -> Self:
        """Open or create it; raises ``JournalError`` where it belongs to another job. An older run name wins."""
        commits = GroupCommit(partial(journal_file.connect, path), partial(journal_file.explain, path=path))
        journal = cls(commits, is_durable=path is not None)
        begin = partial(tables.begin_session, path=path, identity=identity, run_name=run_name)
        try:
            journal._session, journal.run_name = await commits.do(begin)
        except BaseException:
            await commits.close()
            raise
        return journal

    async def close(self) -> None:
        """Close the file."""
        await self._commits.close()

    async def add_prompts(self, prompts: Sequence[EvalPrompt]) -> None:
        """Learn which prompts there are; from then on ``register`` can tell unknown ones."""
        await self._commits.ask(partial(tables.add_prompts, [prompt.prompt_uuid for prompt in prompts]))

    async def register(self, items: Sequence[Item], *, knows_prompts: bool) -> list[Registered]:
        """Note what comes from the input, and tell what is known of it."""
        if not items:
            return []
        return await self._commits.ask(
            partial(tables.register, items, session=self._session, knows_prompts=knows_prompts)
        )

    async def single_run(self) -> Run:
        """Return the run that all batches go to."""
        return await self._commits.do(partial(tables.single_run, self.run_name))

    async def intend(self, turns: Sequence[Turn], run: Run | None) -> SentBatch:
        """Note that a batch is about to be sent, to a run or, if None, to one of its own."""
        return await self._commits.do(partial(tables.intend, turns, run, self.run_name, is_kept=self._is_durable))

    async def record(self, batch: SentBatch, eval_run_uuid: str, found: Sequence[tuple[Turn, ScoredResponse]]) -> None:
        """Note results."""
        await self._commits.do(partial(tables.record, batch, eval_run_uuid, found, keeps_results=self._is_durable))

    async def release(self, batch: SentBatch) -> None:
        """Note that the server has not scored what there is no result for."""
        await self._commits.do(partial(tables.release, batch))

    async def sent(self) -> list[SentBatch]:
        """List the batches that were sent and of which nothing more is known."""
        return await self._commits.ask(tables.sent)

    async def already(self, batches: Sequence[SentBatch]) -> int:
        """Tell how many responses their run was known to hold when the first of these batches was sent."""
        return await self._commits.ask(partial(tables.already, [batch.id for batch in batches]))

    async def taken(self, prompt_uuids: Sequence[str]) -> set[str]:
        """Tell which responses at the server, among those to these prompts, are already accounted for."""
        return await self._commits.ask(partial(tables.taken, prompt_uuids))

    async def under_way(self, prompt_uuids: Sequence[str], run: Run) -> list[Turn]:
        """List the turns of these prompts that may be at the server, in that run."""
        return await self._commits.ask(partial(tables.under_way, prompt_uuids, run.id))

    async def first_scored(self, run: Run) -> set[str]:
        """Tell which responses the run's first batch consists of."""
        return await self._commits.ask(partial(tables.first_scored, run.id))

    async def runs(self) -> list[Run]:
        """List the runs that hold responses of this job."""
        return await self._commits.ask(tables.runs)

    async def add_listed(self, listed: Sequence[ScoredResponse]) -> None:
        """Take note of what the server lists of a run, for ``compare_listed``."""
        rows = [(scored.response_uuid, scored.prompt_uuid) for scored in listed]
        await self._commits.ask(partial(tables.add_listed, rows))

    async def compare_listed(self, run: Run) -> tuple[list[str], list[str]]:
        """Return the prompts of scored responses that the server does not list, and of those that it lists too many."""
        return await self._commits.ask(partial(tables.compare_listed, run.id))
