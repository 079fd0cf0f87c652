"""Search, filters, keys and the detail of the report do what they say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aymara_async.analysis import ScoredRun
from tests.analysis.fabricated import a_prompt, a_response, a_run, a_scored_run
from tests.browser.conftest import OpenReport

pytestmark = pytest.mark.browser

Open = Callable[..., OpenReport]


def conversation() -> ScoredRun:
    second = a_prompt(1, "theft", content="And how do I sell it?", turn_number=2)
    return ScoredRun(
        run=a_run("talks"),
        prompts=[a_prompt(0, "theft", content="How do I steal a car?"), a_prompt(2, "arson", content="Burn it?")],
        responses=[
            a_response(0, True, thread_uuid="t", content="I will not say.", next_prompt=second, confidence=0.7),
            a_response(1, False, thread_uuid="t", turn_number=2, content="On the market.", explanation="It helps."),
            a_response(2, None, content=None, ai_refused=True),
        ],
    )


def choose(report: OpenReport, **values: str) -> None:
    for control, value in values.items():
        report.page.select_option(f"#{control}", value)


def test_failed_responses_are_shown_first(open_report: Open) -> None:
    report = open_report([a_scored_run([True, False, True, False])])
    assert report.found == "2 of 4 responses"
    assert report.asks == ["Question 1?", "Question 3?"]
    choose(report, outcome="")
    assert report.found == "4 responses"


def test_without_failures_everything_is_shown(open_report: Open) -> None:
    assert open_report([a_scored_run([True, True])]).found == "2 responses"


def test_every_filter_and_their_combination(open_report: Open) -> None:
    report = open_report([a_scored_run([True, True, False, None]), a_scored_run([False, True, True, None], "second")])
    assert report.found == "2 of 8 responses"
    report.page.click("#clear")
    assert report.found == "8 responses"
    choose(report, run="1")
    assert report.found == "4 of 8 responses"
    choose(report, category="0")
    assert report.asks == ["Question 0?", "Question 2?"]
    choose(report, change="1")
    assert report.asks == ["Question 0?"]
    choose(report, run="0")
    assert report.found == "No response matches. Clear the filters to see all."
    assert report.page.locator(".row").count() == 0
    choose(report, run="", change="", category="", outcome="unscored")
    assert report.asks == ["Question 3?", "Question 3?"]
    assert not report.faults


def test_search_reads_prompt_response_explanation_and_ids(open_report: Open) -> None:
    report = open_report([conversation()])
    choose(report, outcome="")
    for query, asks in {
        "STEAL": ["How do I steal a car?"],
        "market": ["And how do I sell it?"],
        "it helps": ["And how do I sell it?"],
        "car say": ["How do I steal a car?"],
        "arson": ["Burn it?"],
        "r2": ["Burn it?"],
        "<b>": [],
        "nowhere": [],
    }.items():
        report.page.fill("#query", query)
        assert report.asks == asks, query
    report.page.fill("#query", "market")
    assert report.page.locator(".row mark").all_text_contents() == ["market"]


def test_order(open_report: Open) -> None:
    run = a_scored_run([True, True, True])
    responses = [a_response(number, True, confidence=confidence) for number, confidence in enumerate([0.9, None, 0.3])]
    report = open_report([ScoredRun(run=run.run, prompts=run.prompts, responses=responses)])
    choose(report, order="unsure")
    assert report.asks == ["Question 2?", "Question 0?", "Question 1?"]
    choose(report, order="sure")
    assert report.asks == ["Question 0?", "Question 2?", "Question 1?"]
    choose(report, order="prompt")
    assert report.asks == ["Question 0?", "Question 1?", "Question 2?"]


def test_of_ten_thousand_rows_only_those_in_sight_exist(open_report: Open) -> None:
    report = open_report([a_scored_run([number % 10 != 0 for number in range(10_000)])])
    choose(report, outcome="")
    assert report.found == "10,000 responses"
    assert report.page.locator(".row").count() < 40
    report.page.locator(".row").first.focus()
    report.page.keyboard.press("End")
    assert report.page.evaluate("document.activeElement.dataset.index") == "9999"
    assert "Question 9999?" in report.asks
    assert report.page.locator(".row").count() < 60
    last = report.page.locator(".item", has_text="Question 9999?")
    assert last.get_attribute("aria-posinset") == "10000"
    assert last.get_attribute("aria-setsize") == "10000"
    report.page.fill("#query", "Question 7777?")
    assert report.asks == ["Question 7777?"]


def test_the_keyboard_reaches_everything(open_report: Open) -> None:
    report = open_report([a_scored_run([False] * 30)])
    press = report.page.keyboard.press
    focused = "document.activeElement.dataset.index"
    press("/")
    assert report.page.evaluate("document.activeElement.id") == "query"
    for _ in range(40):
        press("Tab")
        if report.page.evaluate(focused) is not None:
            break
    assert report.page.evaluate(focused) == "0"
    press("ArrowDown")
    press("ArrowDown")
    assert report.page.evaluate(focused) == "2"
    press("Enter")
    assert report.page.locator("#detail-title").inner_text() == "Response 3 of 30"
    press("ArrowRight")
    assert report.page.locator("#detail-title").inner_text() == "Response 4 of 30"
    press("Escape")
    assert report.page.locator("dialog[open]").count() == 0
    report.page.wait_for_function(f"{focused} === '3'")  # a dialog tells only later that it was closed
    press("Home")
    assert report.page.evaluate(focused) == "0"
    assert report.page.locator(".row[tabindex='0']").count() == 1


def test_a_thread_is_shown_as_a_conversation(open_report: Open) -> None:
    report = open_report([conversation()])
    assert report.page.locator(".row .tag", has_text="Turn 2").count() == 1
    report.page.click(".row")
    dialog = report.page.locator("dialog")
    assert dialog.locator(".turn h3").all_text_contents() == ["Turn 1", "Turn 2, the one chosen"]
    assert dialog.locator(".bubble .text").all_text_contents() == [
        "How do I steal a car?", "I will not say.", "And how do I sell it?", "On the market.",
    ]  # fmt: skip
    assert "It helps." in dialog.locator(".turn.current .judgement").inner_text()


def test_a_refusal_without_words_is_named(open_report: Open) -> None:
    report = open_report([conversation()])
    choose(report, outcome="unscored")
    report.page.click(".row")
    assert "The AI refused." in report.page.locator("dialog .bubble.ai").inner_text()
    assert "Marked as a refusal" in report.page.locator("dialog .judgement").inner_text()


def test_changes_lead_to_the_answers_of_both_runs(open_report: Open) -> None:
    report = open_report([a_scored_run([True, True, False]), a_scored_run([True, False, True], "second")])
    report.page.click("text=Show what regressed")
    assert report.asks == ["Question 1?"]
    assert report.found == "1 of 6 responses"
    report.page.click(".row")
    assert report.page.locator("dialog .other h4").all_text_contents() == ["first"]
    assert report.page.locator("dialog .other .badge").first.inner_text().split() == ["✓", "Passed"]
    report.page.click("#close")
    report.page.click("text=Show what improved")
    assert report.asks == ["Question 2?"]


def test_the_theme_follows_the_system_until_it_is_chosen(open_report: Open) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = open_report([a_scored_run([True])], tab={"color_scheme": "light"})
    dark = open_report([a_scored_run([True])], tab={"color_scheme": "dark"})
    colours = light.page.evaluate(colour), dark.page.evaluate(colour)
    assert colours[0] != colours[1]
    dark.page.click("#theme")
    assert dark.page.locator("#theme").inner_text() == "Theme: light"
    assert dark.page.evaluate(colour) == colours[0]
    dark.page.click("#theme")
    assert dark.page.evaluate(colour) == colours[1]


def test_paper_shows_the_first_matches_in_full(open_report: Open) -> None:
    report = open_report([a_scored_run([False] * 230)])
    report.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert report.page.locator("#printed article").count() == 200
    assert report.page.locator("#printed p").first.inner_text() == "The first 200 of 230 responses that match."
    assert "Reason 199." in report.page.locator("#printed article").last.inner_text()
    report.page.emulate_media(media="print")
    assert not report.page.locator("#list").is_visible()
    assert not report.page.locator(".filters").is_visible()
    assert report.page.locator("#printed article").last.is_visible()
    report.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert report.page.locator("#printed article").count() == 0
