"""Plots are figures with labelled axes, which nobody has shown."""

from __future__ import annotations

import io
import subprocess
import sys

from matplotlib.figure import Figure

from aymara_async.analysis import (
    compare_runs,
    graph_comparison,
    graph_confidence,
    graph_eval_by_category,
    graph_eval_stats,
    wilson_interval,
)
from tests.analysis.fabricated import a_response, a_run, a_scored_run


def texts(figure: Figure) -> str:
    axes = figure.axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    return "\n".join([axes.get_title(loc="left"), *labels, *(text.get_text() for text in axes.texts)])


def check(figure: Figure) -> None:
    """Draw it: labels on both axes, and nothing that matplotlib stumbles over."""
    axes = figure.axes[0]
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    assert axes.get_title(loc="left")
    figure.savefig(io.BytesIO(), format="svg")


def test_runs_with_intervals_and_a_bar() -> None:
    runs = [a_run("good $1 run", pass_rate=0.9, num_responses_scored=100), a_run("none", num_responses_scored=0)]
    figure = graph_eval_stats(runs, bar=0.8)
    check(figure)
    assert "90.0% of 100" in texts(figure)
    assert "nothing scored" in texts(figure)
    segment = figure.axes[0].collections[0].get_segments()[0]
    assert (segment[0][0], segment[1][0]) == tuple(map(float, wilson_interval(90, 100)))
    assert any(line.get_label() == "bar 80%" for line in figure.axes[0].lines)


def test_one_run() -> None:
    check(graph_eval_stats(a_run("only", pass_rate=1.0, num_responses_scored=3), title="Mine"))


def test_categories() -> None:
    run = a_scored_run([True, False, True, False])
    figure = graph_eval_by_category(run.run, run.prompts, run.responses)
    check(figure)
    assert "100% of 2" in texts(figure)
    assert "0% of 2" in texts(figure)


def test_run_against_run() -> None:
    figure = graph_comparison(compare_runs(a_scored_run([True, True, None]), a_scored_run([False, True, True], "new")))
    check(figure)
    assert "1 from pass to fail, 0 from fail to pass" in texts(figure)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["first", "new"]


def test_nothing_to_compare() -> None:
    check(graph_comparison(compare_runs(a_scored_run([None]), a_scored_run([True], "new"))))


def test_confidences() -> None:
    responses = [
        a_response(0, True, confidence=0.92),
        a_response(1, False, confidence=1.0),
        a_response(2, True, confidence=None),
        a_response(3, None),
        a_response(4, True, exclude_from_scoring=True),
    ]
    figure = graph_confidence(responses)
    check(figure)
    assert "1 verdicts without one" in texts(figure)
    heights = [[patch.get_height() for patch in bars] for bars in figure.axes[0].containers]
    assert [sum(bars) for bars in heights] == [1, 1]
    check(graph_confidence([]))


def test_no_global_state_is_touched() -> None:
    """Without pyplot no backend is chosen and no figure stays in memory."""
    code = "import sys, aymara_async.analysis.plots; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
