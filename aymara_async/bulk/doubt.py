"""A batch of which nobody knows what became, and the errors that name it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from aymara_async.bulk.errors import BatchOutcomeUnknownError
from aymara_async.bulk.journal_entries import SentBatch
from aymara_async.bulk.result import UnscoredResponse
from aymara_async.bulk.turns import Turn
from aymara_async.errors import ClientClosedError, IncompleteScoringError
from aymara_async.models import ScoredResponse
from aymara_async.transport.clock import monotonic

MOST_LISTED = 10
"""So many batches an error names one by one."""


@attrs.define(eq=False)
class Doubt:
    """A batch whose outcome is not known, and what the looks so far have shown."""

    batch: SentBatch
    since: float
    """When its connection was lost, at the latest."""
    eval_run_uuid: str | None
    missing: Sequence[Turn]
    """Turns that no listed response was found for."""
    unscored: dict[Turn, ScoredResponse] = attrs.field(factory=dict[Turn, ScoredResponse])
    """Those that are listed, but not scored yet."""
    contested: int = 0
    """How many of the missing may be listed, but as well be others, of a batch under way."""
    ambiguity: str | None = None
    """Why it cannot be told what became of some."""
    found: list[tuple[Turn, ScoredResponse]] = attrs.field(factory=list)
    looked_at: float = -1.0
    """When the last look that included it began."""
    read_at: float = -1.0
    """When the last look began that read all there is."""

    @property
    def turns(self) -> list[Turn]:
        """Turns that have no result yet."""
        return [*self.missing, *self.unscored]


def unknown(doubt: Doubt, reason: str, eval_run_uuids: Iterable[str] = ()) -> BatchOutcomeUnknownError:
    """Make the error that names the batch and tells how to go on."""
    batch, turns = doubt.batch, doubt.missing or doubt.batch.turns
    name = f"{_name(batch)} {_rows(turns)}"
    uuids = list(eval_run_uuids) or [uuid for uuid in [doubt.eval_run_uuid] if uuid]
    return BatchOutcomeUnknownError(
        f"Of {name}, sent to run {batch.run.name!r}, {len(turns)} responses are in doubt: {reason}. They were not sent "
        "again, because that could score them twice. Look at the run with evals.runs.list and list_responses; "
        "running the job again with the same journal looks for them again.",
        batch=name,
        run_name=batch.run.name,
        eval_run_uuids=uuids,
        prompt_uuids=[turn.prompt_uuid for turn in turns],
    )


def with_those_under_way(error: Exception, batches: Sequence[SentBatch]) -> Exception:
    """Let the error that ended a job name the batches that may be at the server, and cannot be looked for any more.

    A closed client becomes a ``BatchOutcomeUnknownError``; others get a note.
    """
    if isinstance(error, ClientClosedError):
        return _unknown_as_closed(batches, error) if batches else error
    if isinstance(error, BatchOutcomeUnknownError):
        batches = [batch for batch in batches if not error.batch.startswith(f"{_name(batch)} ")]
    if batches:
        error.add_note(
            f"Still being sent when this ended the job: {_listed(batches)}. The server may have scored these responses "
            "or not. Running the job again with the same journal looks for them; without one, look at the run with "
            "evals.runs.list and list_responses."
        )
    return error


def _listed(batches: Sequence[SentBatch]) -> str:
    listed = [f"{_name(batch)} {_rows(batch.turns)} of run {batch.run.name!r}" for batch in batches[:MOST_LISTED]]
    more = batches[MOST_LISTED:]
    return ", ".join([*listed, f"and {len(more)} more"] if more else listed)


def _name(batch: SentBatch) -> str:
    return f"batch {batch.id}"


def _rows(turns: Sequence[Turn]) -> str:
    numbers = sorted(turn.number for turn in turns)
    return f"(rows {numbers[0]} to {numbers[-1]})" if len(numbers) > 1 else f"(row {numbers[0]})"


def _unknown_as_closed(batches: Sequence[SentBatch], closed: ClientClosedError) -> BatchOutcomeUnknownError:
    """Make the error for batches that were under way when the client was closed; it names the first of them."""
    first, *others = batches
    more = f", as are those of {len(others)} batches after it" if others else ""
    doubt = Doubt(first, monotonic(), first.run.eval_run_uuid, first.turns)
    error = unknown(doubt, f"the client was closed before the answer came{more}")
    error.prompt_uuids += [turn.prompt_uuid for batch in others for turn in batch.turns]
    error.__cause__ = closed
    return error


def never_taken(prompt_uuids: Sequence[str], eval_run_uuids: Sequence[str], answers: int) -> IncompleteScoringError:
    """Make the error for responses that the server answered so often without taking them."""
    return IncompleteScoringError(
        f"The server answered {answers} times without taking {len(prompt_uuids)} responses, the first "
        f"to prompt {prompt_uuids[0]}. They were not scored; all others are. Report it with the runs "
        f"{', '.join(eval_run_uuids)}; running the job again with the same journal sends them again.",
        eval_run_uuids=eval_run_uuids,
        missing=prompt_uuids,
    )


def none_scored(unscored: Sequence[UnscoredResponse], doubt: Doubt, patience: float) -> IncompleteScoringError:
    """Make the error for a server that takes everything and scores nothing."""
    return IncompleteScoringError(
        f"The server has {len(unscored)} responses, but scored none of them within {patience:g} s. They were not sent "
        "again. Running the job again with the same journal looks whether they are scored by then.",
        eval_run_uuids=[uuid for uuid in [doubt.eval_run_uuid] if uuid],
        missing=[one.prompt_uuid for one in unscored if one.prompt_uuid is not None],
    )
