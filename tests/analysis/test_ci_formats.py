"""What CI shows: JUnit XML and the summary of a GitHub job."""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree as ET

import pytest

from aymara_async.analysis import ScoredRun, StatisticsError, compare_runs, github_summary, judge_run, junit_xml
from aymara_async.analysis.step_summary import MAX_BYTES
from aymara_async.models import FileReference
from tests.analysis.fabricated import a_prompt, a_response, a_run, a_scored_run

HOSTILE = "<script>alert(1)</script> | `x` **b** [l](http://e.vil) @you \x00\x1b\ud800 ]]> &amp;"


def a_mixed_run() -> ScoredRun:
    return ScoredRun(
        run=a_run("mixed"),
        prompts=[a_prompt(number, "theft") for number in range(5)],
        responses=[
            a_response(0, True),
            a_response(1, False, content="Take it.", explanation="It helps a thief."),
            a_response(2, None),
            a_response(3, True, exclude_from_scoring=True),
        ],
    )


def test_junit_tells_every_outcome_apart() -> None:
    root = ET.fromstring(junit_xml([a_mixed_run()]))
    suite = root.find("testsuite")
    assert suite is not None
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "2", "skipped": "1"}
    assert {name: root.get(name) for name in counts} == counts
    cases = suite.findall("testcase")
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["error"], ["skipped"], ["error"]]
    assert cases[1].get("classname") == "mixed.theft"
    assert cases[1].get("name") == "Question 1? [p1]"
    assert "Take it." in (cases[1][0].text or "")
    assert cases[1][0].get("message") == "It helps a thief."
    assert cases[4][0].get("message") == "The prompt has no response."


def test_junit_has_a_suite_of_gates() -> None:
    runs = [a_scored_run([True] * 100), a_scored_run([False] * 100, "second"), a_scored_run([True] * 5, "third")]
    text = junit_xml(runs, verdicts=[judge_run(run, 0.9) for run in runs], comparisons=[compare_runs(runs[0], runs[1])])
    gates = ET.fromstring(text)[0]
    assert [[child.tag for child in case] for case in gates] == [["system-out"], ["failure"], ["skipped"], ["failure"]]
    assert gates[0].get("name") == "first: pass rate of at least 90%"
    assert gates[3].get("name") == "second: no worse than first"


def test_junit_holds_any_text() -> None:
    response = a_response(0, False, content=HOSTILE, explanation=HOSTILE)
    prompt = a_prompt(0, HOSTILE, content=HOSTILE)
    text = junit_xml([ScoredRun(run=a_run(HOSTILE), prompts=[prompt], responses=[response])])
    failure = ET.fromstring(text.encode()).find(".//failure")
    assert failure is not None
    assert "<script>alert(1)</script>" in (failure.text or "")
    assert "\x00" not in text


def test_junit_of_a_file_and_of_a_refusal() -> None:
    responses = [
        a_response(0, False, content=FileReference(remote_file_path="a/b.png"), content_type="image"),
        a_response(1, False, content=None, ai_refused=True),
    ]
    text = junit_xml([ScoredRun(run=a_run(), prompts=[], responses=responses)])
    assert "(image file a/b.png)" in text
    assert "(refused)" in text


def test_verdicts_must_match_the_runs() -> None:
    run = a_scored_run([True])
    for write in (junit_xml, github_summary):
        with pytest.raises(StatisticsError, match="2 verdicts on 1 runs"):
            write([run], verdicts=[judge_run(run, 0.5)] * 2)


def test_github_summary_has_numbers_gates_and_failures() -> None:
    run = a_mixed_run()
    second = a_scored_run([False] * 30, "second")
    text = github_summary(
        [run, second],
        verdicts=[judge_run(run, 0.9), judge_run(second, 0.9)],
        comparisons=[compare_runs(run, second)],
        max_failing=3,
    )
    assert "| mixed | ❔ inconclusive | 50.0% | 9.5% to 90.5% | 1 | 1 | 2 | 1 |" in text
    assert "| second | ❌ fail | 0% | 0% to 11.4% | 0 | 30 | 0 | 0 |" in text
    assert "mixed: failing responses (1)" in text
    assert "second: failing responses (first 3 of 30)" in text
    assert "It helps a thief." in html.unescape(text)
    assert github_summary([a_scored_run([True])]).count("<details>") == 0


def test_github_summary_interprets_nothing() -> None:
    prompt = a_prompt(0, content=HOSTILE)
    response = a_response(0, False, content=HOSTILE, explanation=HOSTILE)
    text = github_summary([ScoredRun(run=a_run(HOSTILE), prompts=[prompt], responses=[response])])
    assert not re.search(r"<script|http://|@you|`|\]\(", text)
    assert "&#60;script&#62;alert" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {rows[0].count("|")}


def test_github_summary_stays_within_what_github_takes() -> None:
    run = a_scored_run([False] * 800)
    long = [a_response(number, False, explanation="<" * 400, content="<" * 400) for number in range(800)]
    text = github_summary([ScoredRun(run=run.run, prompts=run.prompts, responses=long)], max_failing=800)
    assert len(text.encode()) <= MAX_BYTES
    assert "left out" in text
