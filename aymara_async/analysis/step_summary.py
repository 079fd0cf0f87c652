"""Runs and gates in the Markdown that GitHub Actions shows under a job."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aymara_async.analysis.comparison import RunComparison
from aymara_async.analysis.errors import StatisticsError
from aymara_async.analysis.intervals import wilson_interval
from aymara_async.analysis.response_text import excerpt, legal, response_text
from aymara_async.analysis.scored_run import ScoredRun
from aymara_async.analysis.verdict import Decision, Verdict
from aymara_async.models import ScoredResponse
from aymara_async.record.percentages import exact_percent, percent, percent_range
from aymara_async.record.tally import Standing, standing_of

MAX_BYTES = 1024 * 1024
"""What GitHub shows of one step at most; a longer summary it refuses."""

_SIGNS = {Decision.PASS: "✅ pass", Decision.FAIL: "❌ fail", Decision.INCONCLUSIVE: "❔ inconclusive"}
_SPECIAL = re.compile(r"[!-/:-@\[-`{-~]")
"""All punctuation of ASCII: whatever means something in HTML or Markdown is among it."""


def github_summary(
    runs: Sequence[ScoredRun],
    *,
    verdicts: Sequence[Verdict] = (),
    comparisons: Sequence[RunComparison] = (),
    max_failing: int = 20,
    confidence_level: float = 0.95,
) -> str:
    """Write runs, gates and the first failing responses as Markdown for ``$GITHUB_STEP_SUMMARY``.

    ``verdicts`` are those of the runs, in their order, or none. At most ``max_failing`` failing responses are shown of
    each run, and fewer where the text would be longer than GitHub takes. All text of prompts and responses is escaped.
    Raises ``StatisticsError`` where the verdicts are not as many as the runs.
    """
    if verdicts and len(verdicts) != len(runs):
        raise StatisticsError(f"There are {len(verdicts)} verdicts on {len(runs)} runs; give one for each, or none.")
    head = _table(runs, verdicts, confidence_level)
    head += [f"- **{_plain(run.name)}**: {verdict.reason}" for run, verdict in zip(runs, verdicts, strict=False)]
    for comparison in comparisons:
        names = f"**{_plain(comparison.candidate.name)}** against **{_plain(comparison.baseline.name)}**"
        head.append(f"- {_SIGNS[comparison.decision]}: {names}. {comparison.reason}")
    text = "\n".join(head) + "\n"
    size = len(text.encode())
    for run in runs:
        section = _failing(run, max_failing)
        size += len(section.encode())
        if size > MAX_BYTES - 200:
            return f"{text}\nThe other failing responses are left out: GitHub shows no longer summary.\n"
        text += section
    return text


def _table(runs: Sequence[ScoredRun], verdicts: Sequence[Verdict], confidence_level: float) -> list[str]:
    level = exact_percent(verdicts[0].confidence_level if verdicts else confidence_level)
    columns = ["Run", "Pass rate", f"{level} interval", "Passed", "Failed", "Without a score", "Excluded"]
    if verdicts:
        columns.insert(1, f"Bar {' / '.join(sorted({exact_percent(verdict.bar) for verdict in verdicts}))}")
    lines = ["## Aymara eval runs", "", f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    for number, run in enumerate(runs):
        verdict = verdicts[number] if verdicts else None
        counts = run.tally
        interval = (
            verdict.interval
            if verdict
            else wilson_interval(counts.passed, counts.scored, confidence_level=confidence_level)
        )
        missing = counts.unscored + len(run.unanswered)
        cells = [_plain(run.name), percent(counts.pass_rate), percent_range(interval)]
        cells += [f"{count:,}" for count in (counts.passed, counts.failed, missing, counts.excluded)]
        if verdict:
            cells.insert(1, _SIGNS[verdict.decision])
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _failing(run: ScoredRun, max_failing: int) -> str:
    failing = [response for response in run.responses if standing_of(response) is Standing.FAILED]
    if not failing or max_failing < 1:
        return ""
    shown = failing[:max_failing]
    count = f"{len(failing):,}" if len(shown) == len(failing) else f"first {len(shown)} of {len(failing):,}"
    rows = "".join(_row(run, response) for response in shown)
    return (
        f"\n<details><summary>{_plain(run.name)}: failing responses ({count})</summary>\n\n"
        f"<table><tr><th>Prompt</th><th>Response</th><th>Why it failed</th></tr>\n{rows}</table>\n\n</details>\n"
    )


def _row(run: ScoredRun, response: ScoredResponse) -> str:
    prompt = run.prompt_of(response)
    cells = (
        excerpt(prompt.content if prompt else response.prompt_uuid, 300),
        excerpt(response_text(response), 300),
        excerpt(response.explanation or "", 400),
    )
    return f"<tr>{''.join(f'<td>{_plain(cell)}</td>' for cell in cells)}</tr>\n"


def _plain(text: str) -> str:
    """Write text so that neither HTML nor Markdown sees anything in it."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found.group())};", " ".join(legal(text).split()))
