"""The report is one file that lets nothing in and nothing out, and says what the numbers say."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aymara_async.analysis import ScoredRun, StatisticsError, render_report, write_report
from aymara_async.analysis.report.embedding import image_data_url
from aymara_async.models import EvalRunReport, EvalSuiteReport, FileReference
from tests.analysis.fabricated import NOW, a_prompt, a_response, a_run, a_scored_run, an_eval

HOSTILE = "</script><script>alert(1)</script><!-- --> \u2028\u2029 \" ' {{ 7*7 }} <img src=x onerror=alert(1)>"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Elements(HTMLParser):
    """Collects elements with their attributes, and the texts of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_data(self, data: str) -> None:
        tag = self.found[-1][0] if self.found else ""
        if tag in self.texts and data.strip():
            self.texts[tag][-1] += data


def embedded(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]  # an object it is


def rows(text: str) -> list[dict[str, object]]:
    data = embedded(text)
    return [dict(zip(data["columns"], row, strict=True)) for row in data["rows"]]  # type: ignore[arg-type, attr-defined]


def hostile_run() -> ScoredRun:
    return ScoredRun(
        run=a_run(HOSTILE, evaluation=an_eval(name=HOSTILE)),
        prompts=[a_prompt(0, HOSTILE, content=HOSTILE)],
        responses=[a_response(0, False, content=HOSTILE, explanation=HOSTILE)],
    )


def test_policy_allows_exactly_the_inline_script_and_style() -> None:
    page = Elements(render_report([a_scored_run([True, False])]))
    [policy] = [attrs["content"] for tag, attrs in page.found if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert "unsafe" not in policy
    _, script = page.texts["script"]
    [style] = page.texts["style"]
    for text, rule in ((script, "script-src"), (style, "style-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


@pytest.mark.parametrize("runs", [[a_scored_run([True, False])], [hostile_run()]], ids=["plain", "hostile"])
def test_page_refers_to_nothing_and_has_no_inline_handlers(runs: list[ScoredRun]) -> None:
    page = Elements(render_report(runs, bar=0.9))
    assert [tag for tag, _ in page.found].count("script") == 2
    for tag, attrs in page.found:
        assert tag not in {"img", "iframe", "object", "embed", "base", "form", "a"} or attrs.get("href", "x")[0] == "#"  # type: ignore[index]
        assert "style" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
        assert not attrs.get("src")


def test_hostile_text_survives_as_text() -> None:
    text = render_report([hostile_run()])
    assert "<script>alert" not in text
    assert "49" not in re.findall(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL)[0]
    [row] = rows(text)
    assert row["content"] == HOSTILE
    assert embedded(text)["prompts"] == [HOSTILE]
    raw = text.split('id="data">')[1].split("</script>")[0]
    assert not set("<>&\u2028\u2029") & set(raw)


def test_rows_hold_every_response() -> None:
    run = ScoredRun(
        run=a_run(),
        prompts=[a_prompt(0, "theft"), a_prompt(1)],
        responses=[
            a_response(0, True, thread_uuid="t1"),
            a_response(0, False, thread_uuid="t1", turn_number=2, manually_updated=True),
            a_response(1, None, thread_uuid="t2", ai_refused=True, content=None),
            a_response(7, True, exclude_from_scoring=True),
        ],
    )
    found = rows(render_report([run]))
    outcomes = embedded(render_report([run]))["outcomes"]
    assert [outcomes[row["outcome"]] for row in found] == ["passed", "failed", "unscored", "excluded"]  # type: ignore[index]
    assert [row["thread"] for row in found] == [0, 0, None, None]
    assert [row["category"] for row in found] == [0, 0, None, None]
    assert [row["prompt"] for row in found] == [0, 0, 1, None]
    assert [row["corrected"] for row in found] == [0, 1, 0, 0]
    assert found[2]["refused"] == 1


def test_runs_are_compared_with_the_first() -> None:
    runs = [a_scored_run([True, True, False]), a_scored_run([False, True, True], "second")]
    text = render_report(runs)
    assert "1 turned from pass to fail and 1 from fail to pass" in text
    found = rows(text)
    assert [row["change"] for row in found] == [0, 0, 0, 1, 0, 2]
    assert [row["group"] for row in found[:3]] == [row["group"] for row in found[3:]]
    assert all(row["group"] is None for row in rows(render_report(runs, comparisons=[])))


def test_verdict_interval_and_counts_are_told() -> None:
    text = render_report([a_scored_run([True] * 97 + [False] * 3 + [None])], bar=0.95)
    assert "97.0%" in text
    assert "91.5% to 99.0%" in text
    assert "Inconclusive" in text
    assert "against a bar of 95%" in text
    strict = render_report([a_scored_run([True] * 97 + [False] * 3)], bar=0.95, strict=True)
    assert 'class="badge fail"' in strict


def test_nothing_scored_is_said() -> None:
    text = render_report([a_scored_run([None, None])], bar=0.5)
    assert "nothing was scored" in text
    assert 'class="badge inconclusive"' in text
    assert render_report([ScoredRun(run=a_run(), prompts=[], responses=[])])


def test_images_are_embedded_or_named() -> None:
    responses = [
        a_response(0, True, content=FileReference(file_uuid="f1"), content_type="image"),
        a_response(1, True, content=FileReference(remote_file_path="a/b.png"), content_type="image"),
        a_response(2, True, content=FileReference(file_uuid="f2"), content_type="image"),
    ]
    run = ScoredRun(run=a_run(), prompts=[], responses=responses)
    text = render_report([run], images={"f1": PIXEL, "a/b.png": PIXEL, "f2": b"<svg onload=alert(1)>"})
    assert [row["image"] for row in rows(text)] == [0, 1, None]
    assert [row["file"] for row in rows(text)] == ["f1", "a/b.png", "f2"]
    [first, _] = embedded(text)["images"]  # type: ignore[misc]
    assert first.startswith("data:image/png;base64,")
    assert image_data_url(b"RIFF0000WEBPVP8 ") == "data:image/webp;base64,UklGRjAwMDBXRUJQVlA4IA=="


def test_summaries_in_words_are_shown() -> None:
    report = EvalRunReport(
        eval_run_report_uuid="r", eval_run_uuid="run", eval_run=a_run(), passing_responses_summary="Kind <b>words</b>",
        failing_responses_summary="Harsh words", improvement_advice="Be kind",
    )  # fmt: skip
    suite = EvalSuiteReport(
        eval_suite_report_uuid="s", status="finished", eval_run_reports=[report], created_at=NOW, updated_at=NOW
    )
    text = render_report([a_scored_run([True])], suite_report=suite)
    assert "Kind &lt;b&gt;words&lt;/b&gt;" in text
    assert "Be kind" in text


def test_title_and_time() -> None:
    text = render_report([a_scored_run([True])], created_at=datetime(2026, 5, 4, 9, 42, tzinfo=UTC))
    assert "<title>Safety of the shop</title>" in text
    assert "4 May 2026, 09:42 UTC" in text
    assert "<title>A &amp; B</title>" in render_report([a_scored_run([True])], title="A & B")


def test_a_report_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(StatisticsError, match="at least one run"):
        write_report(tmp_path / "report.html", [])
    assert not list(tmp_path.iterdir())


def test_text_that_has_no_utf8_is_written(tmp_path: Path) -> None:
    run = ScoredRun(run=a_run("\ud800"), prompts=[], responses=[a_response(0, False, content="a\ud800b")])
    write_report(tmp_path / "report.html", [run])
    assert "a?b" in (tmp_path / "report.html").read_text(encoding="utf-8")
