"""Gates: whether a scored run is good enough, told by exit code and in files for CI and for people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from aymara_async import analysis
from aymara_async.analysis.errors import MissingExtraError
from aymara_async.cli.exit_codes import ExitCode
from aymara_async.cli.options import option
from aymara_async.cli.output.stdout import OutputError
from aymara_async.cli.terminal import Terminal
from aymara_async.cli.written_files import append, check_writable, why_not_writable, write_whole

if TYPE_CHECKING:
    from aymara_async.analysis import Decision, RunComparison, ScoredRun, Verdict
    from aymara_async.client import AsyncAymaraAI

MIN_SCORED = 20
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


def _share(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """Read a share, such as 0.95 or 95%."""
    if value is None:
        return None
    try:
        share = float(value.removesuffix("%")) / (100.0 if value.endswith("%") else 1.0)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:  # NaN is not either
        raise click.BadParameter(f"{value!r} is no share from 0.0 to 1.0, such as 0.95 or 95%.")
    return share


FILE = click.Path(dir_okay=False, path_type=Path)
JUNIT: Mapping[str, Any] = {"type": FILE, "metavar": "FILE", "help": "Write responses and gates as JUnit XML."}
"""The option ``--junit``."""
REPORT: Mapping[str, Any] = {"type": FILE, "metavar": "FILE", "help": "Write a report as one HTML file."}
"""The option ``--report``."""


@attrs.frozen(kw_only=True)
class Bar:
    """The bar for the pass rate of a run."""

    fail_under: float | None = option(
        callback=_share,
        metavar="RATE",
        help="Exit with 1 where the pass rate is below RATE (0.95 or 95%), with 5 where too little was scored to tell.",
    )
    min_scored: int | None = option(
        type=click.IntRange(min=1),
        metavar="N",
        help=f"How many scored responses --fail-under needs.  [default: {MIN_SCORED}]",
    )
    strict: bool = option(is_flag=True, help="Exit with 1, not 5, where a gate is inconclusive.")

    @property
    def scored_needed(self) -> int:
        """How many scored responses are needed."""
        return self.min_scored or MIN_SCORED

    def judge(self, run: ScoredRun) -> Verdict | None:
        """Judge a run; None where there is no bar."""
        if self.fail_under is None:
            return None
        return analysis.judge_run(run, self.fail_under, min_scored=self.scored_needed, strict=self.strict)


@attrs.frozen(kw_only=True)
class Gates(Bar):
    """What is asked of a scored run, and which files to write about it."""

    baseline: str | None = option(
        metavar="RUN_UUID",
        help="Exit with 1 where the run is significantly worse than this one on the same prompts (exact McNemar test).",
    )
    junit: Path | None = option(**JUNIT)
    summary: Path | None = option(
        type=FILE,
        metavar="FILE",
        help=f"Write a summary in Markdown, for GitHub Actions.  [default: append to ${STEP_SUMMARY} where it is set]",
    )
    report: Path | None = option(**REPORT)
    appends_summary: bool = False
    """Whether ``summary`` belongs to GitHub Actions: it is added to, and its loss is no error."""

    @property
    def files(self) -> dict[str, Path]:
        """The files to write, by the option that names them."""
        named = {"--junit": self.junit, "--summary": self.summary, "--report": self.report}
        return {option: path for option, path in named.items() if path is not None}

    @property
    def is_asked(self) -> bool:
        """Whether anything is asked of the run."""
        return self.fail_under is not None or self.baseline is not None or bool(self.files)

    async def read_baseline(self, client: AsyncAymaraAI) -> ScoredRun | None:
        """Read the baseline, before anything is sent, so that a wrong one costs nothing; raises ``APIError``."""
        return None if self.baseline is None else await analysis.read_run(client, self.baseline)


@attrs.frozen(kw_only=True)
class Gated:
    """What the gates say of a run."""

    verdict: Verdict | None = None
    """Of ``--fail-under``."""
    comparison: RunComparison | None = None
    """Of ``--baseline``."""
    decisions: Sequence[tuple[str, Decision, str]] = ()
    """Option, decision and reason of each gate."""

    def to_rows(self) -> list[dict[str, object]]:
        """Give each gate as what JSON can hold."""
        return [
            {"gate": gate.partition(" ")[0].removeprefix("--"), "decision": decision.value, "reason": reason}
            for gate, decision, reason in self.decisions
        ]


def ready_gates(gates: Gates) -> Gates:
    """Check what can be checked before anything is sent, and add the step summary of GitHub Actions.

    Raises ``click.UsageError`` and ``MissingExtraError``.
    """
    if gates.min_scored is not None and gates.fail_under is None:
        raise click.UsageError("--min-scored says what --fail-under needs; give that too.")
    if gates.strict and gates.fail_under is None and gates.baseline is None:
        raise click.UsageError("--strict says what an inconclusive gate means; give --fail-under or --baseline too.")
    _load(gates)
    check_writable(gates.files)
    return _with_step_summary(gates)


def _load(gates: Gates) -> None:
    needed = {
        "judge_run": gates.fail_under is not None,
        "compare_runs": gates.baseline is not None,
        "junit_xml": gates.junit is not None,
        "github_summary": gates.summary is not None,
        "write_report": gates.report is not None,
    }
    for name in filter(needed.get, needed):
        getattr(analysis, name)  # which raises MissingExtraError


def _with_step_summary(gates: Gates) -> Gates:
    given = os.environ.get(STEP_SUMMARY)
    if not given or gates.summary not in (None, Path(given)):
        return gates
    ours = attrs.evolve(gates, summary=Path(given), appends_summary=True)
    try:
        _load(ours)
        fault = why_not_writable(Path(given))
    except MissingExtraError as error:
        fault = error.message
    if fault is None:
        return ours
    _terminal().note(f"There will be no summary in ${STEP_SUMMARY}: {fault}")
    return gates


def _terminal() -> Terminal:
    return click.get_current_context().ensure_object(Terminal)


def apply_gates(
    gates: Gates, run: ScoredRun, baseline: ScoredRun | None, terminal: Terminal, show: Callable[[Gated], None]
) -> ExitCode:
    """Judge a run, write the files, let ``show`` write the data to stdout, tell the decisions; give the exit code.

    ``baseline`` is what ``Gates.read_baseline`` gave. The data is shown even if a file cannot be written. Raises
    ``OutputError``.
    """
    gated = _judge(gates, run, baseline)
    try:
        _write_files(gates, gated, [run] if baseline is None else [baseline, run], terminal)
    finally:
        show(gated)
    return tell_decisions(gated.decisions, terminal)


def tell_decisions(decisions: Iterable[tuple[str, Decision, str]], terminal: Terminal) -> ExitCode:
    """Tell what each gate decides of what, and why; give the exit code that they come to.

    One that fails outweighs one that cannot tell.
    """
    codes = {ExitCode.OK}
    for gate, decision, reason in decisions:
        tell = terminal.note if decision is analysis.Decision.PASS else terminal.tell
        tell(f"{decision.value.upper()} {gate}: {reason}")
        codes.add(_CODES[decision.value])
    return min(codes - {ExitCode.OK}, default=ExitCode.OK)


_CODES = {"pass": ExitCode.OK, "fail": ExitCode.GATE_FAILED, "inconclusive": ExitCode.GATE_INCONCLUSIVE}


def _judge(gates: Gates, run: ScoredRun, baseline: ScoredRun | None) -> Gated:
    comparison: RunComparison | None = None
    decisions: list[tuple[str, Decision, str]] = []
    verdict = gates.judge(run)
    if verdict is not None:
        decisions.append((f"--fail-under {verdict.bar:g}", verdict.decision, verdict.reason))
    if baseline is not None:
        comparison = analysis.compare_runs(baseline, run, strict=gates.strict)
        decisions.append((f"--baseline {gates.baseline}", comparison.decision, comparison.reason))
    return Gated(verdict=verdict, comparison=comparison, decisions=decisions)


def _write_files(gates: Gates, gated: Gated, runs: Sequence[ScoredRun], terminal: Terminal) -> None:
    run = runs[-1]
    verdicts = [] if gated.verdict is None else [gated.verdict]
    comparisons = [] if gated.comparison is None else [gated.comparison]
    if gates.junit is not None:
        write_whole(gates.junit, analysis.junit_xml([run], verdicts=verdicts, comparisons=comparisons))
        terminal.note(f"Wrote {gates.junit}")
    if gates.report is not None:
        page = analysis.render_report(
            runs, bar=gates.fail_under, min_scored=gates.scored_needed, strict=gates.strict, comparisons=comparisons
        )
        write_whole(gates.report, page)
        terminal.note(f"Wrote {gates.report}")
    if gates.summary is not None:
        text = analysis.github_summary([run], verdicts=verdicts, comparisons=comparisons)
        _write_summary(gates.summary, text, terminal, appends=gates.appends_summary)


def _write_summary(path: Path, text: str, terminal: Terminal, *, appends: bool) -> None:
    if not appends:
        write_whole(path, text)
        terminal.note(f"Wrote {path}")
        return
    try:
        append(path, text)
    except OutputError as error:
        terminal.note(f"There is no summary in ${STEP_SUMMARY}: {error}")
