"""Several evals against several models at once, and one report over all their runs."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Unpack

import attrs

from aymara_async.client import AsyncAymaraAI
from aymara_async.display import make_display
from aymara_async.errors import AymaraAIError, RequestValidationError
from aymara_async.models import EvalSuiteReport, PromptCreate
from aymara_async.runner.calling import Model
from aymara_async.runner.errors import IncompleteSuiteError
from aymara_async.runner.eval_ready import EvalParams
from aymara_async.runner.outcome import EvalOutcome, in_order
from aymara_async.runner.own_prompts import Prompts, read_prompts
from aymara_async.runner.progress import show
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.runner.settings import RunnerOptions
from aymara_async.scoring.exact_eval import map_prompts
from aymara_async.scoring.rows import PromptRow

Pair = tuple[str, str]


@attrs.frozen(kw_only=True)
class SuiteOutcome:
    """Every eval with every model, and what the server says of them together."""

    outcomes: Mapping[Pair, EvalOutcome]
    """By the names of eval and model."""
    report: EvalSuiteReport | None
    """The report over all runs; None where none was asked for."""

    def pass_rates(self) -> dict[str, dict[str, float | None]]:
        """Return the pass rates by eval, then by model."""
        rates: dict[str, dict[str, float | None]] = {}
        for (eval_name, model_name), outcome in self.outcomes.items():
            rates.setdefault(eval_name, {})[model_name] = outcome.pass_rate
        return rates


async def run_suite(
    client: AsyncAymaraAI,
    *,
    evals: Mapping[str, EvalParams | str],
    models: Mapping[str, Model],
    prompts: Mapping[str, Prompts] | None = None,
    concurrency: int = 32,
    journals: str | os.PathLike[str] | None = None,
    report: bool = True,
    report_timeout: float | None = 600.0,
    **options: Unpack[RunnerOptions],
) -> SuiteOutcome:
    """Run every eval against every model, all at once; then ask for a report (``reports.create``) and wait for it.

    ``evals`` and ``models`` are yours to name; an eval is the arguments of ``evals.create`` or the id of one that
    exists, and is created once for all models. ``prompts`` are your own ones, by the name of the eval that is to hold
    them. ``concurrency`` counts the calls of all models together, and all share the client's limiter. ``journals`` is a
    folder with a journal for each pair; ``options`` are those of ``AsyncEvalRunner``. The names of eval and
    model are added to a ``run_key``, so that each run has its own.

    Raises ``IncompleteSuiteError``, once all have ended, where some ended with an error or there is no report.
    """
    if not evals or not models:
        raise RequestValidationError("A suite has at least one eval and one model. Nothing was sent.", path="evals")
    rows = {name: read_prompts(given) for name, given in (prompts or {}).items()}
    if foreign := [name for name in rows if isinstance(evals.get(name, ""), str)]:
        raise RequestValidationError(
            f"prompts has {foreign[0]!r}, but evals has no new eval of that name. Nothing was sent.", path="prompts"
        )
    display = make_display() if options.get("progress") is True else None
    if options.get("progress") is True:  # all runs are shown in one place
        options["progress"] = partial(show, display) if display is not None else False
    try:
        suite = _Suite(
            client=client,
            models=models,
            options=options,
            concurrency=concurrency,
            slots=asyncio.Semaphore(concurrency),
            rows=rows,
            folder=None if journals is None else Path(journals),
        )
        outcomes = await suite.run(evals)
    finally:
        if display is not None:
            display.close()
    if not report:
        return SuiteOutcome(outcomes=outcomes, report=None)
    return SuiteOutcome(outcomes=outcomes, report=await _report(client, outcomes, report_timeout, options))


@attrs.frozen(kw_only=True)
class _Suite:
    client: AsyncAymaraAI
    models: Mapping[str, Model]
    options: RunnerOptions
    concurrency: int
    slots: asyncio.Semaphore
    """Places for calls of the models."""
    rows: Mapping[str, Sequence[PromptRow]]
    """The caller's own prompts, by the names of the evals."""
    folder: Path | None
    """For the journals."""
    outcomes: dict[Pair, EvalOutcome] = attrs.field(factory=dict[Pair, EvalOutcome], init=False)
    errors: dict[Pair, Exception] = attrs.field(factory=dict[Pair, Exception], init=False)

    async def run(self, evals: Mapping[str, EvalParams | str]) -> Mapping[Pair, EvalOutcome]:
        """Make and run all evals; raises ``IncompleteSuiteError``."""
        for model in self.models:
            self._runner(model)  # an argument that makes no sense is told before anything is sent
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
        async with asyncio.TaskGroup() as group:
            for name, given in evals.items():
                group.create_task(self._run_eval(name, given, group))
        outcomes = {pair: self.outcomes[pair] for pair in product(evals, self.models) if pair in self.outcomes}
        if self.errors:
            raise _incomplete(outcomes, self.errors)
        return outcomes

    async def _run_eval(self, name: str, given: EvalParams | str, group: asyncio.TaskGroup) -> None:
        """Make an eval if need be, and start its runs; an error is raised with all others, when every run has ended."""
        runner = self._runner(next(iter(self.models)), name)
        prompts = [PromptCreate(content=row.content, category=row.category) for row in self.rows.get(name, ())]
        try:
            if not isinstance(given, str):
                given = (await runner.start(given, prompts=prompts or None, journal=self._journal(name))).eval_uuid
        except Exception as error:  # noqa: BLE001 - see above
            self.errors[name, ""] = error
            return
        for model_name in self.models:
            group.create_task(self._run_pair((name, model_name), given))

    async def _run_pair(self, pair: Pair, eval_uuid: str) -> None:
        eval_name, model_name = pair
        try:
            outcome = await self._runner(model_name, *pair).run_eval(
                eval_uuid=eval_uuid,
                run_name=None if self.options.get("run_key") else ", ".join(pair),
                journal=self._journal(*pair),
            )
        except Exception as error:  # noqa: BLE001 - raised with all others
            self.errors[pair] = error
            return
        if rows := self.rows.get(eval_name):
            firsts = [thread[0].prompt for thread in outcome.threads]
            uuids = map_prompts(eval_uuid, rows, firsts).values()
            outcome = attrs.evolve(outcome, threads=in_order(outcome.threads, uuids))
        self.outcomes[pair] = outcome

    def _runner(self, model: str, *names: str) -> AsyncEvalRunner:
        """Make a runner whose ``run_key``, if there is one, is that of these names."""
        options = self.options.copy()
        if run_key := options.get("run_key"):
            options["run_key"] = ", ".join([run_key, *names])
        runner = AsyncEvalRunner(self.client, self.models[model], concurrency=self.concurrency, **options)
        runner._slots = self.slots
        return runner

    def _journal(self, *names: str) -> Path | None:
        return None if self.folder is None else self.folder / _file_name(*names)


async def _report(
    client: AsyncAymaraAI, outcomes: Mapping[Pair, EvalOutcome], timeout: float | None, options: RunnerOptions
) -> EvalSuiteReport:
    runs = [outcome.run.eval_run_uuid for outcome in outcomes.values()]
    workspace_uuid = options.get("workspace_uuid")
    try:
        created = await client.reports.create(
            eval_run_uuids=runs, is_sandbox=options.get("is_sandbox"), workspace_uuid=workspace_uuid
        )
        return await client.reports.wait(created.eval_suite_report_uuid, timeout=timeout, workspace_uuid=workspace_uuid)
    except AymaraAIError as error:
        raise IncompleteSuiteError(
            f"All {len(outcomes)} runs of the suite are complete (`outcomes`), but there is no report: {error} Ask for "
            "one with reports.create, for the runs of the outcomes.",
            outcomes=outcomes,
            errors={},
        ) from error


def _incomplete(outcomes: Mapping[Pair, EvalOutcome], errors: Mapping[Pair, Exception]) -> IncompleteSuiteError:
    told = "; ".join(f"{' with '.join(filter(None, pair))}: {error}" for pair, error in errors.items())
    error = IncompleteSuiteError(
        f"{len(errors)} parts of the suite ended with an error, {len(outcomes)} runs are complete (`outcomes`): {told} "
        "No report was asked for. With journals, the same call runs only what is missing.",
        outcomes=outcomes,
        errors=errors,
    )
    error.__cause__ = next(iter(errors.values()))
    return error


def _file_name(*names: str) -> str:
    """Make a file name that is different for different names, whatever characters they hold."""
    parts = [re.sub(r"[^A-Za-z0-9-]", lambda found: f"_{ord(found[0]):x}_", name) for name in names]
    return ".".join([*parts, "journal"])
