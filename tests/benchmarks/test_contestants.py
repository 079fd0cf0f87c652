"""The benchmark measures what it says: the same work for everybody, and ratios that belong together."""

from __future__ import annotations

import asyncio
from pathlib import Path

import attrs
import pytest

from aymara_async.models import Eval, EvalRunReport, EvalRunResult, EvalSuiteReport, ScoredResponse
from benchmarks.answers import EVAL_UUID, a_run, a_scored_response, a_suite_report, an_eval, submitted_responses
from benchmarks.canned_scoring import Scored, Scoring, write_responses
from benchmarks.comparison import Comparison, Spread, number
from benchmarks.contestants import limit, limit_models, ours
from benchmarks.measuring.tasks import get, make_calls
from benchmarks.section import Section, Target
from benchmarks.server import listen


async def test_all_get_the_same_eval(canned_url: str) -> None:
    found = []
    for contestant in (ours, limit, limit_models):
        async with contestant.getting(canned_url) as get:
            found.append(await get())
    assert [one["eval_uuid"] if isinstance(one, dict) else one.eval_uuid for one in found] == [EVAL_UUID] * 3


@pytest.mark.parametrize("latency_ms", [0, 1])
async def test_all_iterate_over_the_same_items(canned_url: str, latency_ms: int) -> None:
    async with ours.iterating(canned_url) as iterate:
        mine = [one.response_uuid async for one in iterate(f"list-1234-{latency_ms}")]
    async with limit.iterating(canned_url) as iterate:
        theirs = [one["response_uuid"] async for one in iterate(f"list-1234-{latency_ms}")]
    assert mine == theirs
    assert len(set(mine)) == 1234


@pytest.mark.parametrize("seconds", [0, 0.01])
async def test_the_canned_server_scores_what_it_is_sent_once(tmp_path: Path, seconds: float) -> None:
    scored, file = Scored(), tmp_path / "responses.jsonl"
    await asyncio.to_thread(write_responses, 120, file)
    url, server = await listen(lambda: Scoring(scored, seconds))
    async with ours.getting(url) as get:
        assert (await get()).eval_uuid == EVAL_UUID
    journal = str(tmp_path / "journal.db")
    assert await ours.score(url, "key", EVAL_UUID, str(file), journal, batch_size=50) == (120, 120)
    server.close()
    assert (scored.number, len(scored.prompts), max(scored.prompts.values())) == (120, 120, 1)


def test_all_send_the_same_responses() -> None:
    import orjson

    bodies = [orjson.loads(encode()) for encode in (ours.encoding(7), ours.encoding_objects(7), limit.encoding(7))]
    assert [body["responses"] for body in bodies] == [submitted_responses(7)] * 3


def test_the_answers_are_complete() -> None:
    report = a_suite_report(runs=1, responses=1)
    (run_report,) = report["eval_run_reports"]  # type: ignore[misc]  # a list of one
    for found, cls in (
        (an_eval(), Eval),
        (a_run(0), EvalRunResult),
        (a_scored_response(0), ScoredResponse),
        (report, EvalSuiteReport),
        (run_report, EvalRunReport),
    ):
        assert found.keys() == {field.name for field in attrs.fields(cls)}, cls


def test_a_ratio_is_that_of_samples_taken_in_the_same_round() -> None:
    comparison = Comparison()
    for slowness in (1.0, 10.0, 2.0):
        comparison.add("ours", {"cpu_us": 3 * slowness})
        comparison.add("limit", {"cpu_us": 2 * slowness})
    assert comparison.ratio("cpu_us", "ours", "limit").values == (1.5, 1.5, 1.5)
    assert str(comparison.of("ours", "cpu_us")) == "6 (3 to 30)"
    assert comparison.rounds == "Medians of 3 rounds, with their extremes in brackets."


@pytest.mark.parametrize(
    ("values", "text"),
    [((7,), "7"), ((7, 5), "6 (5 to 7)"), ((1, 2, 3, 4, 5), "3 (2 to 4)"), ((9, 1, 2, 3, 4, 5, 6, 7, 8), "5 (3 to 7)")],
)
def test_a_spread_shows_extremes_of_few_values_and_quartiles_of_more(values: tuple[float, ...], text: str) -> None:
    assert str(Spread(values)) == text


def test_ways_that_were_measured_less_often_are_told() -> None:
    comparison = Comparison({"ours": [{}] * 9, "official": [{}] * 3})
    assert comparison.rounds == "Medians of 3 or 9 rounds, with their quartiles (of the fewer: extremes) in brackets."


async def test_a_call_of_each_caller_is_counted(canned_url: str) -> None:
    calls = 0

    async def call() -> None:
        nonlocal calls
        calls += 1

    assert len(await make_calls(call, 64, 3)) == calls == 192
    sample = await get(ours, canned_url, callers=7, each=2)
    assert sample.keys() == {"cpu_us", "calls_per_s", "p50_ms", "p99_ms"}


def test_a_section_says_which_targets_are_met() -> None:
    section = Section("Title", "Text.", ("", "ms"), [["ours", "1"]])
    section.targets = [Target("less", 1.0, at_most=2), Target("more", Spread((1, 1, 3)), at_least=2, of_limit=1.5)]
    table = "## Title\n\nText.\n\n|  | ms |\n| --- | ---: |\n| ours | 1 |\n"
    assert section.written(is_judged=True) == (
        f"{table}\n- less: 1 – at most 2: met\n- more: 1 (1 to 3) – at least 2: MISSED; the limit itself: 1.5\n"
    )
    assert section.written(is_judged=False) == (
        f"{table}\n- less: 1 – at most 2\n- more: 1 (1 to 3) – at least 2; the limit itself: 1.5\n"
    ), "a quick run is not to be judged by"


@pytest.mark.parametrize(("value", "text"), [(12345.6, "12,346"), (99.44, "99.4"), (0.5, "0.5"), (0.00012, "0.0001")])
def test_numbers_are_as_long_as_they_are_true(value: float, text: str) -> None:
    assert number(value) == text
