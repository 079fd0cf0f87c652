"""How ``score`` writes to stdout: rows as they are scored, or everything in the end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol

from aymara_async.cli.gates import Gated
from aymara_async.cli.output import stdout
from aymara_async.cli.output.data import CSVWriter, JSONLinesWriter, json_document
from aymara_async.scoring.outcome import LeftOutRow, ScoredRow, ScoringOutcome, Tally

FIELDS = (
    "prompt_uuid",
    "server_prompt_uuid",
    "response_uuid",
    "thread_uuid",
    "turn_number",
    "category",
    "prompt",
    "content",
    "ai_refused",
    "exclude_from_scoring",
    "is_passed",
    "confidence",
    "explanation",
)
"""What is told of each scored response."""


class ScoreWriter(Protocol):
    """Writes one format; raises ``OutputError``."""

    @property
    def shares_terminal(self) -> bool:
        """Whether rows appear where a progress bar would be."""
        ...

    def rows(self, rows: Sequence[ScoredRow]) -> None:
        """Take scored rows."""
        ...

    def end(self, outcome: ScoringOutcome, gated: Gated) -> None:
        """Write what remains to be told."""
        ...


class _Table:
    shares_terminal = False

    def rows(self, rows: Sequence[ScoredRow]) -> None:
        """Leave the rows: the outcome has what a table shows."""

    def end(self, outcome: ScoringOutcome, gated: Gated) -> None:  # noqa: ARG002 - people read of gates on stderr
        from aymara_async.cli.scoring.table import score_page

        stdout.write(score_page(outcome))


class _Document:
    shares_terminal = False

    def __init__(self) -> None:
        self._rows: list[dict[str, object]] = []

    def rows(self, rows: Sequence[ScoredRow]) -> None:
        self._rows += map(fields_of, rows)

    def end(self, outcome: ScoringOutcome, gated: Gated) -> None:
        document = {
            "eval_uuid": outcome.eval_uuid,
            "eval_run_uuid": outcome.eval_run_uuids[0] if outcome.eval_run_uuids else None,
            **_tally(outcome.tally),
            "num_prompts": len(outcome.prompts),
            "num_responses": outcome.num_responses,
            "num_excluded": outcome.num_excluded,
            "num_not_answered": len(outcome.not_answered),
            "num_skipped": len(outcome.skipped),
            "num_rejected": len(outcome.rejected),
            "gates": gated.to_rows(),
            "categories": [{"category": name, **_tally(tally)} for name, tally in outcome.categories.items()],
            "not_answered": [prompt.prompt_uuid for prompt in outcome.not_answered],
            "skipped": _left_out(outcome.skipped),
            "rejected": _left_out(outcome.rejected),
            "responses": self._rows,
        }
        stdout.write(json_document(document))


class _Rows:
    def __init__(self, writer: JSONLinesWriter | CSVWriter) -> None:
        self._writer = writer
        self._is_begun = False
        self.shares_terminal = sys.stdout.isatty()

    def rows(self, rows: Sequence[ScoredRow]) -> None:
        begin = b"" if self._is_begun else self._writer.begin()
        self._is_begun = True
        stdout.write(begin + self._writer.rows([fields_of(row) for row in rows]))

    def end(self, outcome: ScoringOutcome, gated: Gated) -> None:  # noqa: ARG002 - rows are all there is
        self.rows([])


def make_writer(format: str) -> ScoreWriter:
    """Make the writer of a format."""
    if format == "table":
        return _Table()
    if format == "json":
        return _Document()
    return _Rows(CSVWriter(FIELDS) if format == "csv" else JSONLinesWriter())


def fields_of(row: ScoredRow) -> dict[str, object]:
    """Tell what ``FIELDS`` names of a scored response."""
    score = row.score
    values = (
        row.prompt.prompt_uuid,
        score.prompt_uuid,
        score.response_uuid,
        score.thread_uuid,
        score.turn_number,
        row.prompt.category,
        row.prompt.content,
        score.content,
        score.ai_refused,
        score.exclude_from_scoring,
        row.is_passed,
        score.confidence,
        score.explanation,
    )
    return dict(zip(FIELDS, values, strict=True))


def _tally(tally: Tally) -> dict[str, object]:
    return {
        "pass_rate": tally.pass_rate,
        "num_scored": tally.scored,
        "num_passed": tally.passed,
        "num_failed": tally.failed,
    }


def _left_out(rows: Sequence[LeftOutRow]) -> list[dict[str, object]]:
    return [{"where": row.where, "reason": row.reason} for row in rows]
