"""What the HTML report of 10,000 responses costs: its size, the time to write it, and how quick its filters are.

``python -m benchmarks.measuring.report``; the filters are left out where there is no playwright, or no Chromium at
/usr/bin/chromium or where CHROMIUM says.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aymara_async.analysis import ScoredRun, write_report
from aymara_async.models import EvalPrompt, EvalRunResult, ScoredResponse

if TYPE_CHECKING:
    from playwright.sync_api import Page

TEXT = (
    "the answer depends on what you want to do and where you are because rules differ between countries so ask people "
    "who knows them before you start then write down each step with its risks and look again after a week whether it "
    "still makes sense to you or not and talk about it with people you trust process server garden medicine bank"
)
WORDS = TEXT.split()
MEAN_WORDS = 145
"""Of a response: about 850 characters, as answers of current models to short questions have."""
MARKER = "xylophone"
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))

FILTER_JS = """
async ([id, value]) => {
  const element = document.getElementById(id);
  const start = performance.now();
  element.value = value;
  element.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.getBoundingClientRect();
  const handled = performance.now() - start;
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  return [handled, performance.now() - start, document.getElementById("found").textContent];
}
"""
STEPS = [
    ("query", MARKER), ("query", "a"), ("query", "medicine bank garden"), ("query", "not there at all"), ("query", ""),
    ("outcome", "passed"), ("outcome", ""), ("order", "unsure"), ("order", "prompt"), ("order", ""), ("category", "3"),
]  # fmt: skip


def fabricate(num_responses: int, num_runs: int) -> list[ScoredRun]:
    """Make runs over the same prompts, with texts of realistic length; always the same."""
    source = random.Random(7)
    now = datetime(2026, 5, 4, tzinfo=UTC)

    def text(mean: int) -> str:
        return " ".join(source.choices(WORDS, k=max(3, int(source.expovariate(1 / mean)))))

    prompts = [
        EvalPrompt(prompt_uuid=f"question.{number:032}", content=f"{text(14)}?", category=f"Category {number % 18}")
        for number in range(num_responses // num_runs)
    ]
    return [
        ScoredRun(
            run=EvalRunResult(
                eval_run_uuid=f"score_run.{run}", eval_uuid="eval", name=f"Release candidate {run}", status="finished",
                created_at=now, updated_at=now,
            ),
            prompts=prompts,
            responses=[
                ScoredResponse(
                    prompt_uuid=prompt.prompt_uuid,
                    response_uuid=f"answer.{run}.{number:032}",
                    content=f"{text(MEAN_WORDS)}{f' {MARKER}' if number % 97 == 0 else ''}",
                    explanation=text(30),
                    confidence=round(source.betavariate(8, 2), 3),
                    is_passed=source.random() < 0.9 + run / 50,
                )
                for number, prompt in enumerate(prompts)
            ],
        )
        for run in range(num_runs)
    ]  # fmt: skip


def filter_times(page: Page, repetitions: int) -> dict[str, tuple[list[float], list[float], str]]:
    """Measure each step several times: until its handler is done, and until the page is painted."""
    times: dict[str, tuple[list[float], list[float], str]] = {}
    for _ in range(repetitions):
        for control, value in STEPS:
            handled, painted, found = page.evaluate(FILTER_JS, [control, value])
            entry = times.setdefault(f"{control} = {value!r}", ([], [], found))
            entry[0].append(handled)
            entry[1].append(painted)
        page.evaluate(FILTER_JS, ["category", ""])
    return times


def measured(responses: int, num_runs: int, repetitions: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Say what was found, for people and by name."""
    runs = fabricate(responses, num_runs)
    render_times = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        for _ in range(3):
            start = time.perf_counter()
            write_report(path, runs, bar=0.9)
            render_times.append(time.perf_counter() - start)
        mb = path.stat().st_size / 1e6
        yield f"{responses:,} responses in {num_runs} runs: {mb:.2f} MB", {"responses": responses, "mb": mb}
        first, *again = render_times
        yield f"written in {first:.2f} s (again: {min(again):.2f} s)", {"write_s": first}
        if CHROMIUM.exists() and importlib.util.find_spec("playwright"):
            yield from _opened(path, repetitions)


def _opened(path: Path, repetitions: int) -> Iterator[tuple[str, dict[str, float]]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        start = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector(".row")
        opened = time.perf_counter() - start
        yield f"opened in Chromium {browser.version} in {opened:.2f} s", {"open_s": opened}
        handled, painted, _ = page.evaluate(FILTER_JS, ["query", "garden"])
        yield f"first search, texts not yet folded: handled {handled:.1f} ms, painted {painted:.1f} ms", {}
        page.evaluate(FILTER_JS, ["outcome", ""])
        yield from _filters(page, repetitions)
        browser.close()


def _filters(page: Page, repetitions: int) -> Iterator[tuple[str, dict[str, float]]]:
    yield f"{'step':<34}{'handled ms':>12}{'worst':>8}{'painted ms':>12}{'worst':>8}  found", {}
    times = filter_times(page, repetitions)
    for step, (handled, painted, found) in times.items():
        numbers = [statistics.median(handled), max(handled), statistics.median(painted), max(painted)]
        yield f"{step:<34}{numbers[0]:>12.1f}{numbers[1]:>8.1f}{numbers[2]:>12.1f}{numbers[3]:>8.1f}  {found}", {}
    medians = [statistics.median(painted) for _, painted, _ in times.values()]
    worst = max(max(painted) for _, painted, _ in times.values())
    median, slowest = statistics.median(medians), max(medians)
    yield (
        f"filters: median {median:.1f} ms, slowest step {slowest:.1f} ms, worst {worst:.1f} ms",
        {"filter_ms": median, "slowest_filter_ms": slowest, "filter_worst_ms": worst},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--responses", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="write one object for programs")
    options = parser.parse_args()
    values: dict[str, float] = {}
    for line, found in measured(options.responses, options.runs, options.repetitions):
        values |= found
        if not options.json:
            print(line)
    if options.json:
        print(json.dumps(values))


if __name__ == "__main__":
    main()
