"""The benchmark measures what it says: the same work for everybody, and ratios that belong together."""

from __future__ import annotations

import pytest

from benchmarks.answers import EVAL_UUID, submitted_responses
from benchmarks.comparison import Comparison, number
from benchmarks.contestants import limit, limit_models, ours
from benchmarks.section import Section, Target


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


def test_all_send_the_same_responses() -> None:
    import orjson

    bodies = [orjson.loads(encode()) for encode in (ours.encoding(7), ours.encoding_objects(7), limit.encoding(7))]
    assert [body["responses"] for body in bodies] == [submitted_responses(7)] * 3


def test_a_ratio_is_that_of_samples_taken_in_the_same_round() -> None:
    comparison = Comparison()
    for slowness in (1.0, 10.0, 2.0):
        comparison.add("ours", {"cpu_us": 3 * slowness})
        comparison.add("limit", {"cpu_us": 2 * slowness})
    assert comparison.ratio("cpu_us", "ours", "limit") == 1.5
    assert comparison.median("ours", "cpu_us") == 6
    assert comparison.spread("ours", "cpu_us") == (3, 30) or comparison.spread("ours", "cpu_us") == (3, 6)


def test_a_section_says_which_targets_are_met() -> None:
    section = Section("Title", "Text.", ("", "ms"), [["ours", "1"]])
    section.targets = [Target("less", 1.0, at_most=2), Target("more", 1.0, at_least=2, of_limit=1.5)]
    assert str(section) == (
        "## Title\n\nText.\n\n|  | ms |\n| --- | ---: |\n| ours | 1 |\n"
        "\n- less: 1 (at most 2: met)\n- more: 1 (at least 2: MISSED; the limit itself: 1.5)\n"
    )


@pytest.mark.parametrize(("value", "text"), [(12345.6, "12,346"), (99.44, "99.4"), (0.5, "0.5"), (0.00012, "0.0001")])
def test_numbers_are_as_long_as_they_are_true(value: float, text: str) -> None:
    assert number(value) == text
