"""The way of ``score`` from its input to its output, and how far it got."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs
from msgspec import UNSET

from aymara_async import analysis
from aymara_async.bulk.errors import InvalidResponseError
from aymara_async.bulk.result import BulkResult, UnscoredResponse
from aymara_async.bulk.scorer import AsyncBulkScorer
from aymara_async.cli.exit_codes import ExitCode
from aymara_async.cli.gates import Gated, Gates, apply_gates
from aymara_async.cli.results.counted import LeftOut, Results
from aymara_async.cli.results.rows import turn_rows
from aymara_async.cli.scoring.formats import ScoreWriter
from aymara_async.cli.scoring.input import ScoreInput
from aymara_async.cli.scoring.settings import ScoreSettings
from aymara_async.cli.terminal import Terminal
from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import IncompleteScoringError
from aymara_async.journal.errors import JournalError
from aymara_async.models import EvalPrompt, EvalResponse, ScoredResponse
from aymara_async.runner.outcome import Exchange
from aymara_async.scoring.errors import InputFileError

if TYPE_CHECKING:
    from aymara_async.analysis import ScoredRun

_OWN_PLACE = re.compile(r"((?:line|row) \d+): ")


@attrs.define(kw_only=True)
class ScoreJob:
    """Score an input, show it and judge it; ``state`` tells at any time what the server holds."""

    input: ScoreInput
    path: Path
    """The file of responses."""
    settings: ScoreSettings
    gates: Gates
    writer: ScoreWriter
    terminal: Terminal
    _result: BulkResult | None = None
    _is_unusable: bool = False
    """Whether files of the user's are what stopped it, so that the same command would stop there again."""

    async def run(self, client: AsyncAymaraAI) -> ExitCode:
        """Make or find the eval, submit, read back, write; raises what bulk scoring raises, and ``OutputError``."""
        try:
            return await self._run(client)
        except (InputFileError, JournalError):
            self._is_unusable = True
            raise

    async def _run(self, client: AsyncAymaraAI) -> ExitCode:
        baseline = await self.gates.read_baseline(client)
        self.terminal.note(self.input.opening)
        prompts = await self.input.open(client)
        eval_uuid = self.input.eval_uuid
        assert eval_uuid is not None
        self.terminal.note(f"Scoring against eval {eval_uuid}")
        results = Results(eval_uuid=eval_uuid, prompts=prompts, names=self.input.names, skipped=self.input.left_out)
        scored = await self._score(self._scorer(client, eval_uuid), results)
        if not self.gates.is_asked:
            self.writer.end(results, Gated())
            code = ExitCode.OK
        else:
            run = await _judged(client, results, scored)
            code = apply_gates(self.gates, run, baseline, self.terminal, lambda gated: self.writer.end(results, gated))
        if not self.settings.keep:
            await self._delete(client, results)
        if results.unscored:
            raise _unscored(results)
        if results.rejected and not self.settings.skips_invalid:
            raise _rejected(results)
        return code

    @property
    def state(self) -> str:
        """What the server holds of it, in a sentence or two."""
        return " ".join(filter(None, (self.input.state, self._progress, self._way)))

    @property
    def _progress(self) -> str:
        result = self._result
        if result is None or not result.submitted:
            return "No response was sent."
        of_all = "" if self.input.total is None else f" of {self.input.total:,}"
        is_open = result.submitted > result.scored + len(result.failed) + len(result.unscored)
        others = "; others may be on their way" if is_open else ""
        return f"{result.scored:,}{of_all} responses are known to be scored{others}."

    @property
    def _way(self) -> str | None:
        """Tell how to go on, where there is something to go on with."""
        is_sent = self._result is not None and self._result.submitted > 0
        if self._is_unusable:
            if is_sent and self.settings.journal is not None:
                return f"Once that is mended, the same command goes on: {self.settings.journal} knows what was sent."
        elif self.settings.journal is not None and (self.input.has_eval or self._result is not None):
            return f"Run the same command again to go on: {self.settings.journal} knows what was sent."
        if self.settings.run_key is not None and (self.input.has_eval or self._result is not None):
            return f"Run the same command again to go on with what is named {self.settings.run_key!r} at the server."
        if self.settings.journal is None and (self.input.has_eval or is_sent):
            return "With --journal FILE it could have been resumed."
        return None

    def _scorer(self, client: AsyncAymaraAI, eval_uuid: str) -> AsyncBulkScorer:
        settings = self.settings
        return AsyncBulkScorer(
            client,
            eval_uuid=eval_uuid,
            journal=settings.journal,
            batch_size=settings.batch_size,
            concurrency=settings.concurrency,
            run_key=settings.run_key,
            run_name=None if settings.run_key else settings.name or self.path.stem,
            on_invalid="skip" if settings.skips_invalid else "raise",
            patience=settings.timeout,
            grace_period=settings.grace_period,
            progress=not (self.terminal.is_quiet or (self.input.is_streamed and self.writer.shares_terminal)),
            ai_description=UNSET if settings.ai_description is None else settings.ai_description,
        )

    async def _score(self, scorer: AsyncBulkScorer, results: Results) -> Sequence[Exchange]:
        """Give what was scored, in order; of a stream only if gates are to judge it."""
        kept: list[Exchange] = []
        responses = cast("Iterable[Mapping[str, object]]", self.input.responses())
        try:
            async with scorer.score(responses) as stream:
                self._result = stream.result
                async for chunk in stream.chunks():
                    turns = [_turn(score, results.prompts) for score in chunk]
                    for turn in turns:
                        results.add([turn])
                    if self.input.is_streamed:
                        await asyncio.to_thread(self._write, turns)
                    if not self.input.is_streamed or self.gates.is_asked:
                        kept += turns
        except InputFileError as error:  # the file as a whole, of which rows may have been sent
            if self._result is None or not self._result.submitted:
                raise
            raise InputFileError(
                error.reason,
                path=error.path,
                line=error.line,
                row=error.row,
                harm="What comes before it was sent, nothing after it.",
            ) from error
        except InvalidResponseError as error:
            harm = "It was not sent, nor what comes after it"
            harm += "." if error.is_changed else "; --on-invalid skip leaves such rows out."
            raise row_fault(self.path, error.row, error.reason, harm) from error
        results.eval_run_uuids = list(stream.result.eval_run_uuids)
        results.skipped += map(_left_out, stream.result.skipped)
        results.rejected += map(_left_out, stream.result.failed)
        _add_unscored(results, stream.result.unscored)
        if not stream.result.submitted:
            raise InputFileError(f"holds no {'usable ' if results.skipped else ''}responses", path=self.path)
        ordered = self.input.in_order(kept)
        if not self.input.is_streamed:
            self._write(ordered)
        return ordered

    def _write(self, turns: Sequence[Exchange]) -> None:
        self.writer.rows([row for turn in turns for row in turn_rows([turn], self.input.names)])

    async def _delete(self, client: AsyncAymaraAI, results: Results) -> None:
        for eval_run_uuid in results.eval_run_uuids:
            await client.evals.runs.delete(eval_run_uuid)
        await self.input.delete(client)


def _turn(score: ScoredResponse, prompts: Mapping[str, EvalPrompt]) -> Exchange:
    """Bring a score together with its prompt; what the server asked in a later turn is not known."""
    prompt = prompts.get(score.prompt_uuid)
    if prompt is None or score.turn_number != 1:
        category = None if prompt is None else prompt.category
        prompt = EvalPrompt(prompt_uuid=score.prompt_uuid, turn_number=score.turn_number, content="", category=category)
    return Exchange(prompt=prompt, score=score)


def _add_unscored(results: Results, rows: Sequence[UnscoredResponse]) -> None:
    results.unscored += map(_left_out, rows)
    for row in rows:
        uuid = str(row.prompt_uuid)
        prompt = results.prompts.get(uuid) or EvalPrompt(prompt_uuid=uuid, content="")
        results.add([Exchange(prompt=prompt, response=EvalResponse(prompt_uuid=uuid))])


def row_fault(path: Path, row: int, reason: str, harm: str) -> InputFileError:
    """Make the error that names a row of the file."""
    place, reason = _place(row, reason)
    kind, _, number = place.partition(" ")
    where = {"line": int(number)} if kind == "line" else {"row": int(number)}
    return InputFileError(reason, path=path, harm=harm, **where)


def _left_out(row: UnscoredResponse) -> LeftOut:
    where, reason = _place(row.row, row.reason)
    return LeftOut(where=where, reason=reason)


def _place(row: int, reason: str) -> tuple[str, str]:
    """Tell where a row is: one that could not be read knows its line."""
    known = _OWN_PLACE.match(reason)
    return (known[1], reason[known.end() :]) if known else (f"row {row}", reason)


async def _judged(client: AsyncAymaraAI, results: Results, turns: Sequence[Exchange]) -> ScoredRun:
    """Give what gates judge: these responses alone, of a run that a journal may have made of more."""
    return analysis.ScoredRun(
        run=await client.evals.runs.get(_only_run(results)),
        prompts=[prompt async for prompt in client.evals.list_prompts(results.eval_uuid)],
        responses=[turn.score for turn in turns if turn.score is not None],
    )


def _only_run(results: Results) -> str:
    if len(results.eval_run_uuids) != 1:
        where = (
            f"The responses are in {len(results.eval_run_uuids)} runs instead of one: they cannot be judged together."
        )
        raise IncompleteScoringError(
            where if results.eval_run_uuids else "The server scored no response, so there is nothing to judge.",
            eval_run_uuids=results.eval_run_uuids,
            missing=[row.where for row in results.rejected],
        )
    return results.eval_run_uuids[0]


def _unscored(results: Results) -> IncompleteScoringError:
    first = results.unscored[0]
    return IncompleteScoringError(
        f"The server has taken {len(results.unscored):,} responses, but given them no score, the first of them "
        f"{first.where}: {first.reason.rstrip('.')}. All others are scored. With a journal, the same command looks "
        "again whether they are scored by then.",
        eval_run_uuids=results.eval_run_uuids,
        missing=[row.where for row in results.unscored],
    )


def _rejected(results: Results) -> IncompleteScoringError:
    first = results.rejected[0]
    return IncompleteScoringError(
        f"The server would not score {len(results.rejected):,} responses, the first of them {first.where}: "
        f"{first.reason.rstrip('.')}. All others are scored; --on-invalid skip takes that for success.",
        eval_run_uuids=results.eval_run_uuids,
        missing=[row.where for row in results.rejected],
    )
