"""Plots of pass rates and confidences, as matplotlib figures that nobody has shown yet.

Colours are from Okabe and Ito's palette, which the colour-blind can tell apart; shapes differ too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from aymara_async.analysis.categories import rates_by_category
from aymara_async.analysis.comparison import RunComparison
from aymara_async.analysis.intervals import Interval, wilson_interval
from aymara_async.analysis.pass_stats import eval_pass_stats
from aymara_async.analysis.response_text import excerpt
from aymara_async.analysis.scored_run import ScoredRun
from aymara_async.models import EvalPrompt, EvalRunResult, ScoredResponse
from aymara_async.record.percentages import exact_percent, p_value_text, percent
from aymara_async.record.tally import Standing, Tally, standing_of, tally

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#6B7280"
"""Okabe and Ito's blue and vermilion, and a grey."""


def graph_eval_stats(
    eval_runs: EvalRunResult | Iterable[EvalRunResult],
    *,
    title: str | None = None,
    bar: float | None = None,
    confidence_level: float = 0.95,
) -> Figure:
    """Draw the pass rates of runs with their Wilson intervals, as the server counts them; ``bar`` is drawn as a line.

    A run of which nothing was scored has a line of its own, but no mark.
    """
    stats = eval_pass_stats(eval_runs, confidence_level=confidence_level)
    names = [str(name) for name in stats["name"].fillna("")]
    rates = [None if scored == 0 else float(rate) for rate, scored in zip(
        stats["pass_rate"].astype("float64"), stats["num_responses_scored"], strict=True
    )]  # fmt: skip
    intervals = [Interval(low, high) for low, high in zip(stats["interval_low"], stats["interval_high"], strict=True)]
    figure, axes = _rows(names, title or "Pass rates of eval runs", "Eval run")
    _draw_rates(axes, rates, intervals, [int(scored) for scored in stats["num_responses_scored"]])
    _label_rates(axes, confidence_level)
    _draw_bar(figure, axes, bar)
    return figure


def graph_eval_by_category(
    eval_run: EvalRunResult,
    prompts: Sequence[EvalPrompt],
    responses: Sequence[ScoredResponse],
    *,
    title: str | None = None,
    bar: float | None = None,
    confidence_level: float = 0.95,
) -> Figure:
    """Draw the pass rates of a run's categories with their Wilson intervals; ``bar`` is drawn as a line."""
    run = ScoredRun(run=eval_run, prompts=prompts, responses=responses)
    rates = rates_by_category(run, confidence_level=confidence_level)
    figure, axes = _rows(
        [rate.category or "(no category)" for rate in rates], title or f"{run.name}: by category", "Prompt category"
    )
    _draw_rates(
        axes,
        [rate.tally.pass_rate for rate in rates],
        [rate.interval for rate in rates],
        [rate.tally.scored for rate in rates],
    )
    _label_rates(axes, confidence_level)
    _draw_bar(figure, axes, bar)
    return figure


def graph_comparison(comparison: RunComparison, *, title: str | None = None) -> Figure:
    """Draw a run against another on the prompts that both have scores for: over all, and by category."""
    pairs = [*comparison.both_passed, *comparison.regressions, *comparison.improvements, *comparison.both_failed]
    by_category: dict[str, list[tuple[ScoredResponse, ScoredResponse]]] = {"All prompts": []}
    for pair in pairs:
        both = (pair.baseline, pair.candidate)
        by_category["All prompts"].append(both)
        by_category.setdefault((pair.prompt and pair.prompt.category) or "(no category)", []).append(both)
    before = [tally(old for old, _ in rows) for rows in by_category.values()]
    after = [tally(new for _, new in rows) for rows in by_category.values()]
    names = (comparison.baseline.name, comparison.candidate.name)
    changes = (
        f"{len(comparison.regressions)} from pass to fail, {len(comparison.improvements)} from fail to pass, "
        f"{p_value_text(comparison.p_value)}"
    )
    figure, axes = _rows(list(by_category), title or f"{names[1]} against {names[0]}\n{changes}", "Prompt category")
    for counts, name, colour, mark, shift in (
        (before, names[0], VERMILION, "s", -0.13),
        (after, names[1], BLUE, "o", 0.13),
    ):
        _draw_rates(
            axes,
            [count.pass_rate for count in counts],
            [_interval(count, comparison.confidence_level) for count in counts],
            [],
            colour=colour,
            mark=mark,
            shift=shift,
            label=excerpt(name, 50),
        )
    _label_rates(axes, comparison.confidence_level)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def graph_confidence(responses: Iterable[ScoredResponse], *, title: str | None = None) -> Figure:
    """Draw how sure the verdicts are: a histogram of the confidences of passes and of fails, 20 bins over 0.0 to 1.0.

    Verdicts without a confidence are counted in the title.
    """
    found: dict[Standing, list[float]] = {Standing.PASSED: [], Standing.FAILED: []}
    without = 0
    for response in responses:
        outcome = standing_of(response)
        if outcome in found and response.confidence is not None:
            found[outcome].append(response.confidence)
        elif outcome in found:
            without += 1
    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.hist(
        [found[Standing.PASSED], found[Standing.FAILED]],
        bins=[step / 20 for step in range(21)],
        stacked=True,
        color=[BLUE, VERMILION],
        label=[f"passed ({len(found[Standing.PASSED])})", f"failed ({len(found[Standing.FAILED])})"],
        edgecolor="white",
    )
    left_out = f" ({without} verdicts without one)" if without else ""
    axes.set_title(title or f"Confidence of the verdicts{left_out}", loc="left", fontweight="bold")
    axes.set_xlabel("Confidence")
    axes.set_ylabel("Responses")
    axes.set_xlim(0.0, 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    for bars, hatch in zip(axes.containers, ("", "///"), strict=False):
        for patch in bars:
            patch.set_hatch(hatch)
    axes.legend(loc="upper left", frameon=False)
    _calm(axes)
    return figure


def _interval(counts: Tally, confidence_level: float) -> Interval:
    return wilson_interval(counts.passed, counts.scored, confidence_level=confidence_level)


def _rows(names: Sequence[str], title: str, ylabel: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.2, 1.7 + 0.42 * max(1, len(names))), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontweight="bold", parse_math=False)
    axes.set_yticks(range(len(names)), [excerpt(name, 40) for name in names], parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_ylabel(ylabel)
    return figure, axes


def _draw_rates(
    axes: Axes,
    rates: Sequence[float | None],
    intervals: Sequence[Interval],
    scored: Sequence[int],
    *,
    colour: str = BLUE,
    mark: str = "o",
    shift: float = 0.0,
    label: str | None = None,
) -> None:
    drawn = [(row, rate, intervals[row]) for row, rate in enumerate(rates) if rate is not None]
    axes.errorbar(
        [rate for _, rate, _ in drawn],
        [row + shift for row, _, _ in drawn],
        xerr=[
            [max(0.0, rate - interval.low) for _, rate, interval in drawn],
            [max(0.0, interval.high - rate) for _, rate, interval in drawn],
        ],
        fmt=mark,
        color=colour,
        capsize=3,
        label=label,
    )
    for row, count in enumerate(scored):
        rate = rates[row]
        text = "nothing scored" if rate is None else f"{percent(rate)} of {count:,}"
        axes.annotate(
            text, (1.0, row), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center", color=GREY, fontsize="small",
        )  # fmt: skip


def _label_rates(axes: Axes, confidence_level: float) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel(f"Pass rate, with {exact_percent(confidence_level)} interval")
    _calm(axes)


def _draw_bar(figure: Figure, axes: Axes, bar: float | None) -> None:
    if bar is not None:
        axes.axvline(bar, color=GREY, linestyle="--", linewidth=1.2, label=f"bar {exact_percent(bar)}")
        figure.legend(loc="outside lower center", frameon=False)


def _calm(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#E5E7EB", linewidth=0.8)
    axes.set_axisbelow(True)
