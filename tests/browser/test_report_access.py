"""People who see little, or nothing, or on a small screen, can use the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from aymara_async.analysis import ScoredRun
from aymara_async.models import EvalRunReport, EvalSuiteReport
from tests.analysis.fabricated import NOW, a_run, a_scored_run
from tests.browser.conftest import OpenReport

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}


def runs() -> list[ScoredRun]:
    return [
        a_scored_run([True] * 70 + [False] * 20 + [None] * 3, "A run with quite a long name, as people give them"),
        a_scored_run([True] * 60 + [False] * 33, "second"),
        a_scored_run([False] * 60 + [True] * 33, "third_with_a_name_that_has_no_place_to_break_at_all_anywhere"),
    ]


def suite() -> EvalSuiteReport:
    report = EvalRunReport(
        eval_run_report_uuid="r", eval_run_uuid="run", eval_run=a_run(), passing_responses_summary="Kind words",
        failing_responses_summary="Harsh words", improvement_advice="Be kind",
    )  # fmt: skip
    return EvalSuiteReport(
        eval_suite_report_uuid="s", status="finished", eval_run_reports=[report], created_at=NOW, updated_at=NOW
    )


def grave_faults(report: OpenReport) -> list[str]:
    violations: list[dict[str, Any]] = Axe().run(report.page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in violations
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_serious_fault(
    open_report: Callable[..., OpenReport], viewport: dict[str, int], scheme: str
) -> None:
    report = open_report(runs(), bar=0.7, suite_report=suite(), tab={"viewport": viewport, "color_scheme": scheme})
    report.page.click("summary")
    assert not grave_faults(report)
    report.page.fill("#query", "Question 9")
    report.page.locator(".row").first.click()
    assert not grave_faults(report)


def test_axe_would_find_a_fault(open_report: Callable[..., OpenReport]) -> None:
    report = open_report(runs()[:1])
    report.page.evaluate("document.querySelector('label').remove()")
    report.page.evaluate("document.querySelector('#query').removeAttribute('placeholder')")
    assert grave_faults(report)


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_screen(open_report: Callable[..., OpenReport], width: int) -> None:
    report = open_report(runs(), bar=0.7, tab={"viewport": {"width": width, "height": 800}})
    assert report.page.evaluate("document.documentElement.scrollWidth") <= width
    report.page.locator(".row").first.click()
    assert report.page.evaluate("document.querySelector('#detail-body').scrollWidth") <= width


def test_what_changed_is_announced_and_named(open_report: Callable[..., OpenReport]) -> None:
    report = open_report(runs())
    assert report.page.get_by_role("status").inner_text().endswith("responses")
    assert report.page.get_by_role("searchbox", name="Search").count() == 1
    assert report.page.get_by_role("combobox", name="Verdict").count() == 1
    assert report.page.get_by_role("list", name="Responses").get_by_role("listitem").count() > 0
    assert report.page.get_by_role("heading", level=1).count() == 1
    report.page.locator(".row").first.click()
    assert report.page.get_by_role("dialog", name="Response 1 of").count() == 1
    assert report.page.evaluate("document.activeElement.id") == "detail-title"
