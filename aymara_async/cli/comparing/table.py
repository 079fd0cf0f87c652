"""What ``compare`` found, for people: the verdict, both runs, categories, and the prompts that changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from aymara_async.analysis import Pair, RunComparison, ScoredRun, wilson_interval
from aymara_async.analysis.response_text import excerpt, response_text
from aymara_async.cli.comparing.rows import CategoryChange, category_changes
from aymara_async.cli.output.blocks import figures, labelled
from aymara_async.record.percentages import exact_percent, p_value_text, percent, percent_range, points

_LENGTH = 240


def compare_table(comparison: RunComparison, *, num_shown: int) -> Iterator[RenderableType]:
    """Lay out the comparison, with the first ``num_shown`` prompts that changed each way."""
    yield _headline(comparison)
    yield _runs(comparison)
    yield _counts(comparison)
    categories = category_changes(comparison)
    if categories:
        yield _categories(categories)
    yield from _changed("Passed in A, fails in B", comparison.regressions, num_shown)
    yield from _changed("Failed in A, passes in B", comparison.improvements, num_shown)


def _headline(comparison: RunComparison) -> Text:
    worse, better = len(comparison.regressions), len(comparison.improvements)
    if not comparison.num_pairs:
        return Text("No prompt has a score in both runs, so nothing can be compared.", style="bold yellow")
    if not comparison.num_discordant and comparison.finding == "pass":
        return Text("No verdict changed from A to B.", style="bold")
    changes = f"{worse:,} turned to fail, {better:,} to pass"
    if comparison.is_significant:
        is_worse = worse > better
        text = f"B is {'worse' if is_worse else 'better'} than A: {changes}, more than chance explains"
        return Text(text, style="bold red" if is_worse else "bold green")
    if comparison.finding == "inconclusive" and comparison.lost_may_matter:
        text = f"So much has no score in B that it may be worse than A: {changes}, {comparison.num_lost:,} not known"
        return Text(text, style="bold yellow")
    if comparison.finding == "inconclusive":
        few = "prompts" if comparison.has_too_few_pairs else "changes"
        return Text(f"Too few {few} to tell better from worse: {changes}", style="bold yellow")
    return Text(f"Chance may explain what changed from A to B: {changes}", style="bold")


def _runs(comparison: RunComparison) -> str:
    level = exact_percent(comparison.confidence_level)
    runs = (("A", comparison.baseline), ("B", comparison.candidate))
    return figures(
        ("Run", "Pass rate", f"{level} interval", "Passed", "No score"),
        [_run(letter, run, comparison.confidence_level) for letter, run in runs],
    )


def _run(letter: str, run: ScoredRun, confidence_level: float) -> tuple[str, ...]:
    tally = run.tally
    interval = wilson_interval(tally.passed, tally.scored, confidence_level=confidence_level)
    missing = tally.unscored + tally.excluded + len(run.unanswered)
    return (
        f"{letter} {run.name}",
        percent(tally.pass_rate),
        percent_range(interval) if tally.scored else percent(None),
        f"{tally.passed:,} of {tally.scored:,}",
        f"{missing:,}",
    )


def _counts(comparison: RunComparison) -> RenderableType:
    rows = [
        ("A", comparison.baseline.run.eval_run_uuid),
        ("B", comparison.candidate.run.eval_run_uuid),
        ("Prompts", _pairs(comparison)),
    ]
    if comparison.difference is not None:
        low, high = comparison.interval
        level = exact_percent(comparison.confidence_level)
        difference = f"{points(comparison.difference)} points ({level} interval {points(low)} to {points(high)})"
        rows += [
            ("Same", f"{len(comparison.both_passed):,} passed twice, {len(comparison.both_failed):,} failed twice"),
            ("Changed", f"{len(comparison.regressions):,} from pass to fail, {len(comparison.improvements):,} back"),
            ("Difference", difference),
            ("McNemar", f"{p_value_text(comparison.p_value)}, exact and two-sided"),
        ]
    return labelled(rows)


def _pairs(comparison: RunComparison) -> str:
    left_out = {
        "without a score in one": comparison.not_scored,
        "only in A": comparison.only_in_baseline,
        "only in B": comparison.only_in_candidate,
    }
    parts = [f"{len(those):,} {what}" for what, those in left_out.items() if those]
    return f"{comparison.num_pairs:,} with a score in both{'; not counted: ' if parts else ''}{', '.join(parts)}"


def _categories(changes: Sequence[CategoryChange]) -> str:
    return figures(
        ("Category", "Pairs", "A", "B", "Points", "Worse", "Better"),
        [
            (
                change.category or "(none)",
                f"{change.num_pairs:,}",
                *map(percent, change.rates),
                points(change.difference),
                f"{change.regressions:,}",
                f"{change.improvements:,}",
            )
            for change in changes
        ],
    )


def _changed(title: str, pairs: Sequence[Pair], num_shown: int) -> Iterator[RenderableType]:
    if not pairs:
        return
    yield Text(f"{title} ({len(pairs):,})", style="bold")
    for pair in pairs[:num_shown]:
        yield labelled(_pair(pair), indent=2)
    if len(pairs) > num_shown:
        yield Text(f"  … and {len(pairs) - num_shown:,} more: --show {len(pairs)}, or --format jsonl", style="dim")


def _pair(pair: Pair) -> Iterator[tuple[str, str]]:
    prompt = pair.prompt
    turn = f", turn {pair.candidate.turn_number}" if pair.candidate.turn_number > 1 else ""
    category = f"  [{prompt.category}]" if prompt and prompt.category else ""
    yield "Prompt id", f"{pair.candidate.prompt_uuid}{turn}{category}"
    if prompt:
        yield "Prompt", excerpt(prompt.content, _LENGTH)
    yield "Answer A", excerpt(response_text(pair.baseline), _LENGTH)
    yield "Answer B", excerpt(response_text(pair.candidate), _LENGTH)
    yield "Why B", excerpt(pair.candidate.explanation or "The server gave no explanation.", _LENGTH)
