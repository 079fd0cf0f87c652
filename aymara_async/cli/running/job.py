"""The way of ``run`` from an eval and a model to its output, and how far it got."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from copy import copy
from typing import TYPE_CHECKING, Any

import attrs

from aymara_async import analysis
from aymara_async.cli.exit_codes import ExitCode
from aymara_async.cli.gates import Gated, Gates, apply_gates
from aymara_async.cli.output.blocks import write_blocks
from aymara_async.cli.output.formats import write_object, write_rows
from aymara_async.cli.results.counted import Results
from aymara_async.cli.results.page import results_page
from aymara_async.cli.results.rows import FIELDS, document, error_line, turn_rows
from aymara_async.cli.running.model import ModelSource
from aymara_async.cli.running.settings import RunSettings
from aymara_async.cli.terminal import Terminal, visible
from aymara_async.client import AsyncAymaraAI
from aymara_async.display import Display, make_display
from aymara_async.errors import APIStatusError, IncompleteScoringError
from aymara_async.models import ScoredResponse
from aymara_async.record.tally import Standing
from aymara_async.runner.errors import ModelError
from aymara_async.runner.handle import EvalHandle
from aymara_async.runner.outcome import EvalOutcome, Exchange, in_order
from aymara_async.runner.progress import EvalProgress, show
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.runner.settings import RunnerOptions
from aymara_async.scoring.exact_eval import map_prompts
from aymara_async.scoring.rows import PromptRow

if TYPE_CHECKING:
    from aymara_async.analysis import ScoredRun
    from aymara_async.runner import Model

_MAX_TOLD = 50
"""Model errors that are told one by one, unless all is asked for."""


@attrs.define(kw_only=True)
class RunJob:
    """Put an eval to a model, show the outcome and judge it; ``state`` tells at any time how things stand."""

    source: ModelSource
    eval_uuid: str | None
    """The eval, once it is known."""
    fields: Mapping[str, Any] | None
    """Arguments of ``evals.create`` for a new eval."""
    prompts: Sequence[PromptRow] | None
    """What the new eval holds, if not prompts of the server."""
    settings: RunSettings
    options: RunnerOptions
    gates: Gates
    terminal: Terminal
    _progress: EvalProgress | None = None
    _display: Display | None = None
    _is_creating: bool = False

    async def run(self, client: AsyncAymaraAI) -> ExitCode:
        """Make or take the eval, ask, score, write; raises what ``AsyncEvalRunner`` raises, and ``OutputError``."""
        # Whatever the model prints is no data.
        with redirect_stdout(sys.stderr):
            async with self.source.open() as model:
                baseline = await self.gates.read_baseline(client)
                try:
                    outcome = await self._outcome(client, model)
                except ModelError as error:
                    return self._tell_stopped(error)
        outcome, names = self._named(outcome)
        self._tell_errors(outcome, names)
        run = _scored_run(outcome)
        code = apply_gates(self.gates, run, baseline, self.terminal, lambda gated: self._show(outcome, gated, names))
        rejected = [exchange for exchange in outcome.exchanges if exchange.rejection is not None]
        if rejected:
            raise _rejected(outcome, rejected)
        unscored = [exchange for exchange in outcome.exchanges if exchange.standing is Standing.UNSCORED]
        if unscored:
            raise _unscored(outcome, unscored)
        return code

    @property
    def state(self) -> str:
        """How far it got, and how to go on."""
        journal, run_key = self.settings.journal, self.settings.run_key
        if journal is not None:
            way = f"Run the same command again to go on: {journal} keeps what was answered and scored."
        elif run_key is not None:
            way = f"Run the same command again to go on with what is named {run_key!r} at the server."
        else:
            way = "With --journal FILE it could be resumed."
        if self.eval_uuid is None:
            return f"An eval may have been created. {way}" if self._is_creating else "Nothing was created."
        progress = self._progress
        done = (
            "No answer came in."
            if progress is None
            else f"The model has answered {progress.answered:,} prompts, {progress.scored:,} answers are scored."
        )
        return f"Eval {self.eval_uuid} stays at the server. {done} {way}"

    async def _outcome(self, client: AsyncAymaraAI, model: Model) -> EvalOutcome:
        options = self.options.copy()
        options["progress"] = self._watch
        runner = AsyncEvalRunner(client, model, concurrency=self.settings.concurrency, **options)
        handle = await self._start(runner)
        self.eval_uuid = handle.eval_uuid
        self.terminal.note(f"Putting the prompts of eval {handle.eval_uuid} to {self.source.name}")
        # Not before all is told that goes above it.
        self._display = None if self.terminal.is_quiet else make_display()
        try:
            return await runner.resume(handle)
        finally:
            if self._display is not None:
                self._display.close()

    async def _start(self, runner: AsyncEvalRunner) -> EvalHandle:
        self._is_creating = self.eval_uuid is None
        try:
            return await runner.start(
                self.fields,
                eval_uuid=self.eval_uuid,
                prompts=None if self.prompts is None else map(_creation, self.prompts),
                run_name=None if self.settings.run_key else self.settings.run_name or self.source.name,
                journal=self.settings.journal,
            )
        except APIStatusError as error:
            # An eval that is to hold prompts of a file may be there when adding them fails.
            self._is_creating &= self.prompts is not None or error.may_have_acted
            raise

    def _watch(self, progress: EvalProgress) -> None:
        self._progress = progress
        if self._display is not None:
            show(self._display, progress)

    def _named(self, outcome: EvalOutcome) -> tuple[EvalOutcome, dict[str, str]]:
        """Bring the prompts of a file into its order, and find its names for them, by the server's id."""
        if self.prompts is None:
            return outcome, {}
        first = [thread[0].prompt for thread in outcome.threads]
        mapped = map_prompts(str(self.eval_uuid), self.prompts, first)
        ordered = attrs.evolve(outcome, threads=in_order(outcome.threads, list(mapped.values())))
        return ordered, {theirs: ours for ours, theirs in mapped.items()}

    def _show(self, outcome: EvalOutcome, gated: Gated, names: Mapping[str, str]) -> None:
        results = _results(outcome, names)
        rows = [row for thread in outcome.threads for row in turn_rows(thread, names)]
        if self.settings.format == "table":
            write_blocks(results_page(results))
        elif self.settings.format == "json":
            write_object(document(results, gated, rows), format="json", fields=())
        else:
            write_rows(rows, format=self.settings.format, fields=FIELDS, columns=())

    def _tell_stopped(self, error: ModelError) -> ExitCode:
        self.terminal.trace(error)
        said = error.message.partition(" The eval was stopped.")[0]
        self.terminal.error(f"{said} With --on-error refuse or exclude such a prompt stops nothing.")
        self.terminal.stopped("How things stand:")
        return ExitCode.MODEL_FAILED

    def _tell_errors(self, outcome: EvalOutcome, names: Mapping[str, str]) -> None:
        failed = [
            (thread[0].prompt.prompt_uuid, exchange)
            for thread in outcome.threads
            for exchange in thread
            if exchange.error is not None
        ]
        told = failed if self.terminal.is_debugging else failed[:_MAX_TOLD]
        for uuid, exchange in told:
            assert exchange.error is not None
            turn = f", turn {exchange.prompt.turn_number}" if exchange.prompt.turn_number > 1 else ""
            why = error_line(exchange.error)
            self.terminal.tell(f"The model failed on prompt {names.get(uuid, uuid)}{turn}: {why}")
            if self.terminal.is_debugging:
                self.terminal.lines(_harmless(exchange.error.traceback))
        if len(failed) > len(told):
            self.terminal.tell(f"… and on {len(failed) - len(told):,} more; --format jsonl tells of each.")


def _harmless(lines: str) -> str:
    return "\n".join("".join(map(visible, line)) for line in lines.rstrip().splitlines())


def _results(outcome: EvalOutcome, names: Mapping[str, str]) -> Results:
    results = Results(
        eval_uuid=outcome.eval.eval_uuid or "",
        prompts={thread[0].prompt.prompt_uuid: thread[0].prompt for thread in outcome.threads},
        names=names,
        eval_run_uuids=[outcome.run.eval_run_uuid],
        run_name=outcome.run.name,
    )
    for thread in outcome.threads:
        results.add(thread)
    return results


def _creation(row: PromptRow) -> dict[str, object]:
    return {"content": row.content, "category": row.category}


def _scored_run(outcome: EvalOutcome) -> ScoredRun:
    """Give what gates judge: a prompt that the model failed on is one of which nothing is known."""
    return analysis.ScoredRun(
        run=outcome.run,
        prompts=[thread[0].prompt for thread in outcome.threads],
        responses=[_judged(exchange, exchange.score) for exchange in outcome.exchanges if exchange.score is not None],
    )


def _judged(exchange: Exchange, score: ScoredResponse) -> ScoredResponse:
    if exchange.error is None or not score.exclude_from_scoring:
        return score
    judged = copy(score)
    judged.exclude_from_scoring, judged.is_passed = False, None
    return judged


def _unscored(outcome: EvalOutcome, unscored: Sequence[Exchange]) -> IncompleteScoringError:
    return IncompleteScoringError(
        f"The server has taken {len(unscored):,} of {len(outcome.exchanges):,} answers without giving them a score, "
        f"the first of them to prompt {unscored[0].prompt.prompt_uuid}. All others are scored. With a journal, the "
        "same command looks again whether they are scored by then.",
        eval_run_uuids=[outcome.run.eval_run_uuid],
        missing=[exchange.prompt.prompt_uuid for exchange in unscored],
    )


def _rejected(outcome: EvalOutcome, rejected: Sequence[Exchange]) -> IncompleteScoringError:
    first = rejected[0]
    return IncompleteScoringError(
        f"The server would not score {len(rejected):,} of {len(outcome.exchanges):,} answers, the first of them to "
        f"prompt {first.prompt.prompt_uuid}: {str(first.rejection).rstrip('.')}. All others are scored.",
        eval_run_uuids=[outcome.run.eval_run_uuid],
        missing=[exchange.prompt.prompt_uuid for exchange in rejected],
    )
