"""Gates: whether a scored run is good enough, told by exit code and in files for CI and for people."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from aymara_async import analysis
from aymara_async.analysis.errors import MissingExtraError
from aymara_async.cli.exit_codes import ExitCode
from aymara_async.cli.output.stdout import OutputError
from aymara_async.cli.terminal import Terminal
from aymara_async.cli.written_files import append, check_writable, why_not_writable, write_whole

if TYPE_CHECKING:
    from aymara_async.analysis import Decision, RunComparison, ScoredRun, Verdict
    from aymara_async.client import AsyncAymaraAI

C = TypeVar("C", bound=Callable[..., Any])

MIN_SCORED = 20
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"

_FILE = click.Path(dir_okay=False, path_type=Path)


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


_OPTIONS = (
    click.option(
        "--fail-under",
        callback=_share,
        metavar="RATE",
        help="Exit with 1 where the pass rate is below RATE (0.95 or 95%), with 5 where too little was scored to tell.",
    ),
    click.option(
        "--min-scored",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"How many scored responses --fail-under needs.  [default: {MIN_SCORED}]",
    ),
    click.option(
        "--baseline",
        metavar="RUN_UUID",
        help="Exit with 1 where the run is significantly worse than this one on the same prompts (exact McNemar test).",
    ),
    click.option("--strict", is_flag=True, help="Exit with 1, not 5, where a gate is inconclusive."),
    click.option("--junit", type=_FILE, metavar="FILE", help="Write responses and gates as JUnit XML."),
    click.option(
        "--summary",
        type=_FILE,
        metavar="FILE",
        help=f"Write a summary in Markdown, for GitHub Actions.  [default: append to ${STEP_SUMMARY} where it is set]",
    ),
    click.option("--report", type=_FILE, metavar="FILE", help="Write a report as one HTML file."),
)


@attrs.frozen(kw_only=True)
class Gates:
    """What is asked of a scored run, and which files to write about it."""

    fail_under: float | None = None
    """The bar for the pass rate, 0.0 to 1.0."""
    min_scored: int = MIN_SCORED
    strict: bool = False
    baseline: str | None = None
    """The run that it must not be worse than."""
    junit: Path | None = None
    summary: Path | None = None
    report: Path | None = None
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

    @property
    def exit_code(self) -> ExitCode:
        """What they come to: one that fails outweighs one that cannot tell."""
        decided = {decision.value for _, decision, _ in self.decisions}
        if "fail" in decided:
            return ExitCode.GATE_FAILED
        return ExitCode.GATE_INCONCLUSIVE if "inconclusive" in decided else ExitCode.OK

    def to_rows(self) -> list[dict[str, object]]:
        """Give each gate as what JSON can hold."""
        return [
            {"gate": option.partition(" ")[0].removeprefix("--"), "decision": decision.value, "reason": reason}
            for option, decision, reason in self.decisions
        ]


def gate_options(command: C) -> C:
    """Add the options of gates; the command gets them as ``gates``, when the files are known to be writable."""

    @wraps(command)
    def with_gates(*arguments: Any, **settings: Any) -> Any:
        asked = {name: settings.pop(name) for name in _NAMES}
        return command(*arguments, gates=_prepare(asked), **settings)

    wrapped: Any = with_gates
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]  # the options keep what it is


_NAMES = ("fail_under", "min_scored", "strict", "baseline", "junit", "summary", "report")


def _prepare(asked: dict[str, Any]) -> Gates:
    """Check what can be checked before anything is sent; raises ``click.UsageError`` and ``MissingExtraError``."""
    if asked["min_scored"] is None:
        asked["min_scored"] = MIN_SCORED
    elif asked["fail_under"] is None:
        raise click.UsageError("--min-scored says what --fail-under needs; give that too.")
    if asked["strict"] and asked["fail_under"] is None and asked["baseline"] is None:
        raise click.UsageError("--strict says what an inconclusive gate means; give --fail-under or --baseline too.")
    gates = Gates(**asked)
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
    for option, decision, reason in gated.decisions:
        line = f"{decision.value.upper()} {option}: {reason}"
        if decision is analysis.Decision.PASS:
            terminal.note(line)
        else:
            terminal.tell(line)
    return gated.exit_code


def _judge(gates: Gates, run: ScoredRun, baseline: ScoredRun | None) -> Gated:
    verdict: Verdict | None = None
    comparison: RunComparison | None = None
    decisions: list[tuple[str, Decision, str]] = []
    if gates.fail_under is not None:
        verdict = analysis.judge_run(run, gates.fail_under, min_scored=gates.min_scored, strict=gates.strict)
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
            runs, bar=gates.fail_under, min_scored=gates.min_scored, strict=gates.strict, comparisons=comparisons
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
