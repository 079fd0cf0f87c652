"""Several evals against several models at once, and one report over all their runs."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import RequestValidationError
from aymara_async.models import EvalSuiteReport
from aymara_async.runner.calling import Model
from aymara_async.runner.errors import IncompleteSuiteError
from aymara_async.runner.eval_ready import EvalParams
from aymara_async.runner.outcome import EvalOutcome
from aymara_async.runner.runner import AsyncEvalRunner

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
    concurrency: int = 32,
    journals: str | os.PathLike[str] | None = None,
    report: bool = True,
    report_timeout: float | None = 600.0,
    **settings: Any,
) -> SuiteOutcome:
    """Run every eval against every model, all at once; then ask for a report (``reports.create``) and wait for it.

    ``evals`` and ``models`` are yours to name; an eval is the arguments of ``evals.create`` or the id of one that
    exists, and is created once for all models. ``concurrency`` counts the calls of all models together, and all share
    the client's limiter. ``journals`` is a folder with a journal for each pair; ``settings`` are those of
    ``AsyncEvalRunner``.

    Raises ``IncompleteSuiteError``, once all have ended, where some ended with an error; ``WaitError``, ``APIError``.
    """
    if not evals or not models:
        raise RequestValidationError("A suite has at least one eval and one model. Nothing was sent.", path="evals")
    folder = None if journals is None else Path(journals)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    slots = asyncio.Semaphore(concurrency)
    runners = {
        name: AsyncEvalRunner(client, model, concurrency=concurrency, **settings) for name, model in models.items()
    }
    for runner in runners.values():
        runner._slots = slots
    made = await _make_evals(next(iter(runners.values())), evals, folder)
    outcomes: dict[Pair, EvalOutcome] = {}
    errors: dict[Pair, Exception] = {name: error for name, error in made.items() if isinstance(error, Exception)}

    async def run_pair(pair: Pair, eval_uuid: str) -> None:
        journal = None if folder is None else folder / _file_name(*pair)
        name = f"{pair[0]}, {pair[1]}"
        try:
            outcomes[pair] = await runners[pair[1]].run_eval(eval_uuid=eval_uuid, run_name=name, journal=journal)
        except Exception as error:  # noqa: BLE001 - raised with all others, when every pair has ended
            errors[pair] = error

    async with asyncio.TaskGroup() as group:
        for eval_name in evals:
            for model_name in models:
                uuid = made[eval_name, ""]
                if isinstance(uuid, str):
                    group.create_task(run_pair((eval_name, model_name), uuid))
    ordered = {pair: outcomes[pair] for pair in _pairs(evals, models) if pair in outcomes}
    if errors:
        raise _incomplete(ordered, errors)
    return SuiteOutcome(outcomes=ordered, report=await _report(client, ordered, report_timeout) if report else None)


def _pairs(evals: Mapping[str, object], models: Mapping[str, object]) -> list[Pair]:
    return [(eval_name, model_name) for eval_name in evals for model_name in models]


async def _make_evals(
    runner: AsyncEvalRunner, evals: Mapping[str, EvalParams | str], folder: Path | None
) -> dict[Pair, str | Exception]:
    """Create what does not exist, all at once; a failure is returned in the place of the id."""

    async def make(name: str, given: EvalParams | str) -> str | Exception:
        if isinstance(given, str):
            return given
        try:
            journal = None if folder is None else folder / _file_name(name, "")
            return (await runner.start(given, journal=journal)).eval_uuid
        except Exception as error:  # noqa: BLE001 - raised with those of the runs
            return error

    made = await asyncio.gather(*(make(name, given) for name, given in evals.items()))
    return {(name, ""): one for name, one in zip(evals, made, strict=True)}


async def _report(
    client: AsyncAymaraAI, outcomes: Mapping[Pair, EvalOutcome], timeout: float | None
) -> EvalSuiteReport:
    runs = [outcome.run.eval_run_uuid for outcome in outcomes.values()]
    created = await client.reports.create(eval_run_uuids=runs)
    return await client.reports.wait(created.eval_suite_report_uuid, timeout=timeout)


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


def _file_name(eval_name: str, model_name: str) -> str:
    """Make a file name that is different for different pairs, whatever characters the names hold."""
    parts = [re.sub(r"[^A-Za-z0-9-]", lambda found: f"_{ord(found[0]):x}_", name) for name in (eval_name, model_name)]
    return ".".join([*filter(None, parts), "journal"])
