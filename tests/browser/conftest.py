"""A report in a real headless Chromium, which tells of every request, error and message."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from aymara_async.analysis import ScoredRun, write_report

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")


@attrs.define
class OpenReport:
    """A report that is open in a tab of its own."""

    page: Page
    requests: list[str] = attrs.field(factory=list)
    """URLs of all requests but that of the page itself and of what it carries in data URLs."""
    faults: list[str] = attrs.field(factory=list)
    """Errors, messages on the console (the policy's violations among them) and dialogs."""

    @property
    def found(self) -> str:
        return self.page.locator("#found").inner_text()

    @property
    def asks(self) -> list[str]:
        """The prompts of the rows that exist, in the order of the document."""
        return [text.removeprefix("Prompt: ") for text in self.page.locator(".row .ask").all_text_contents()]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("There is no Chromium; install it, or name it in the environment variable CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., OpenReport]]:
    """Write a report of runs and open it; settings of the tab are ``viewport``, ``color_scheme`` and the like."""
    contexts = []

    def open_it(runs: Sequence[ScoredRun], tab: dict[str, Any] | None = None, **options: Any) -> OpenReport:
        path = tmp_path / f"report-{len(contexts)}.html"
        write_report(path, runs, **options)
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **(tab or {})})
        contexts.append(context)
        report = OpenReport(context.new_page())
        own = path.as_uri()
        report.page.on(
            "request",
            lambda request: (
                None if request.url.partition("#")[0] == own or request.url.startswith("data:")
                else report.requests.append(request.url)
            ),
        )  # fmt: skip
        report.page.on("pageerror", lambda error: report.faults.append(str(error)))
        report.page.on("console", lambda message: report.faults.append(message.text))
        report.page.on("dialog", lambda dialog: (report.faults.append(dialog.message), dialog.dismiss()))
        report.page.goto(own)
        return report

    yield open_it
    for context in contexts:
        context.close()
