"""Whatever a prompt or an AI wrote, the page only shows it, and talks to nobody."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from aymara_async.analysis import ScoredRun
from aymara_async.models import FileReference
from tests.analysis.fabricated import a_prompt, a_response, a_run, a_scored_run, an_eval
from tests.browser.conftest import OpenReport

pytestmark = pytest.mark.browser

ATTACKS = [
    "<script>window.hacked = 1; alert(1)</script>",
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'><svg onload='window.hacked = 1'>",
    "<iframe src='https://example.com/'></iframe><link rel=stylesheet href='https://example.com/x.css'>",
    "<!--<script>", "]]>", "{{ 7 * 7 }}{% raw %}", "\u2028\u2029\u202e\ufeff", "__proto__", "constructor",
    "' onmouseover='window.hacked = 1", '"><script>window.hacked = 1</script>', "javascript:alert(1)",
    "<style>*{display:none}</style><base href='https://example.com/'>", "a\x00b",
]  # fmt: skip


def hostile_runs() -> list[ScoredRun]:
    """Put the attacks wherever text can stand."""
    prompts = [a_prompt(number, attack, content=attack) for number, attack in enumerate(ATTACKS)]
    return [
        ScoredRun(
            run=a_run(ATTACKS[0] + name, evaluation=an_eval(name=ATTACKS[1])),
            prompts=prompts,
            responses=[
                a_response(
                    number, verdict, content=attack, explanation=attack, response_uuid=attack, thread_uuid=attack
                )
                for number, attack in enumerate(ATTACKS)
            ],
        )
        for name, verdict in (("first", True), ("second", False))
    ]


def test_hostile_texts_are_shown_and_do_nothing(open_report: Callable[..., OpenReport]) -> None:
    report = open_report(hostile_runs(), bar=0.9)
    page = report.page
    elements = "document.querySelectorAll('body script, iframe, link[rel=stylesheet], base, img').length"
    assert page.evaluate(elements) == 2
    for number, attack in enumerate(ATTACKS):
        page.fill("#query", "")
        page.locator(f".row[data-index='{number}']").click()
        shown = page.locator("dialog .bubble .text").all_text_contents()
        assert shown == [attack.replace("\x00", "\x00")] * 3, attack
        page.click("#close")
    page.fill("#query", "<script>")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(elements) == 2
    assert page.evaluate("window.hacked") is None
    assert page.title() == ATTACKS[1]
    assert not report.requests
    assert not report.faults


def test_using_everything_makes_no_request(open_report: Callable[..., OpenReport]) -> None:
    pixel = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    responses = [a_response(0, False, content=FileReference(file_uuid="f1"), content_type="image")]
    other = a_response(1, False, content=FileReference(remote_file_path="https://example.com/a.png"))
    run = ScoredRun(run=a_run(), prompts=[a_prompt(0), a_prompt(1)], responses=[*responses, other])
    report = open_report([run], images={"f1": pixel})
    report.page.click(".row")
    image = report.page.locator("dialog img")
    assert image.get_attribute("alt") == "Image that the AI answered with: f1"
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1
    report.page.click("#next")
    assert report.page.locator("dialog img").count() == 0
    assert "https://example.com/a.png" in report.page.locator("dialog .bubble.ai").inner_text()
    report.page.click("#close")
    report.page.click("#theme")
    report.page.fill("#query", "f1")
    assert not report.requests
    assert not report.faults


def test_the_policy_stops_what_it_should(open_report: Callable[..., OpenReport]) -> None:
    """Even code within the page can neither load, nor send, nor make markup."""
    report = open_report([a_scored_run([True])])
    attempts = {
        "connect-src": "fetch('https://example.com/').catch(() => 0)",
        "img-src": "new Image().src = 'https://example.com/x'",
        "require-trusted-types-for": "(() => { try { document.body.innerHTML = '<b>x</b>' } catch {} })()",
        "frame-src": "(() => { const f = document.createElement('iframe'); f.src = 'https://example.com/';"
        " document.body.append(f) })()",
        "style-src-elem": "(() => { const s = document.createElement('style'); s.textContent = 'p{color:red}';"
        " document.head.append(s) })()",
        "form-action": "(() => { const f = document.createElement('form'); f.action = 'https://example.com/';"
        " document.body.append(f); f.submit() })()",
    }
    for directive, code in attempts.items():
        wait = (
            "new Promise(done => { addEventListener('securitypolicyviolation', event =>"
            f" event.effectiveDirective === '{directive}' && done(true)); setTimeout(done, 5000, false); {code} }})"
        )
        assert report.page.evaluate(wait), directive


def test_without_javascript_the_numbers_are_there(open_report: Callable[..., OpenReport]) -> None:
    report = open_report([a_scored_run([True, False])], tab={"java_script_enabled": False})
    assert report.page.locator(".rate .number").first.inner_text() == "50.0%"
    assert report.page.locator("noscript").is_visible()
    assert not report.page.locator(".filters").is_visible()
