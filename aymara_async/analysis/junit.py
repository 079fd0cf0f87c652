"""Runs and gates as JUnit XML, which CI servers show as tests."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from aymara_async.analysis.comparison import RunComparison
from aymara_async.analysis.errors import StatisticsError
from aymara_async.analysis.response_text import excerpt, legal, response_text
from aymara_async.analysis.scored_run import ScoredRun
from aymara_async.analysis.verdict import Decision, Verdict
from aymara_async.models import ScoredResponse
from aymara_async.record.percentages import exact_percent
from aymara_async.record.tally import Standing, standing_of

_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def junit_xml(
    runs: Sequence[ScoredRun], *, verdicts: Sequence[Verdict] = (), comparisons: Sequence[RunComparison] = ()
) -> str:
    """Write runs as JUnit XML: a suite for each run, a test for each response, and a suite of the gates.

    A response that failed is a failure, with its explanation; an excluded one is skipped; one without a score, or a
    prompt without a response, is an error. ``verdicts`` are those of the runs, in their order, or none; a gate that is
    inconclusive is skipped. Characters that XML cannot hold are replaced. Raises ``StatisticsError`` where the verdicts
    are not as many as the runs.
    """
    if verdicts and len(verdicts) != len(runs):
        raise StatisticsError(f"There are {len(verdicts)} verdicts on {len(runs)} runs; give one for each, or none.")
    root = ET.Element("testsuites", name="aymara-async")
    if verdicts or comparisons:
        gates = ET.SubElement(root, "testsuite", name="gates")
        for run, verdict in zip(runs, verdicts, strict=False):
            name = f"{run.name}: pass rate of at least {exact_percent(verdict.bar)}"
            _gate(gates, name, verdict.decision, verdict.reason)
        for comparison in comparisons:
            name = f"{comparison.candidate.name}: no worse than {comparison.baseline.name}"
            _gate(gates, name, comparison.decision, comparison.reason)
        _count(gates)
    for run in runs:
        _suite(root, run)
    for counted in ("tests", *_COUNTED):
        root.set(counted, str(sum(int(suite.get(counted, "0")) for suite in root)))
    ET.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ET.tostring(root, encoding='unicode')}\n"


def _gate(suite: ET.Element, name: str, decision: Decision, reason: str) -> None:
    case = ET.SubElement(suite, "testcase", classname="gates", name=legal(name), time="0")
    if decision is Decision.FAIL:
        ET.SubElement(case, "failure", message=legal(reason), type="gate")
    elif decision is Decision.INCONCLUSIVE:
        ET.SubElement(case, "skipped", message=legal(f"Inconclusive: {reason}"))
    else:
        ET.SubElement(case, "system-out").text = legal(reason)


def _suite(root: ET.Element, run: ScoredRun) -> None:
    suite = ET.SubElement(root, "testsuite", name=legal(run.name), timestamp=run.run.updated_at.isoformat())
    properties = ET.SubElement(suite, "properties")
    told = {
        "eval_run_uuid": run.run.eval_run_uuid,
        "eval_uuid": run.run.eval_uuid,
        "pass_rate": "" if run.tally.pass_rate is None else repr(run.tally.pass_rate),
        "num_responses_scored": str(run.tally.scored),
    }
    for name, value in told.items():
        ET.SubElement(properties, "property", name=name, value=legal(value))
    for response in run.responses:
        _response(suite, run, response)
    for prompt in run.unanswered:
        case = _case(suite, run, prompt.category, prompt.content, prompt.prompt_uuid)
        ET.SubElement(case, "error", message="The prompt has no response.", type="unanswered")
    _count(suite)


def _response(suite: ET.Element, run: ScoredRun, response: ScoredResponse) -> None:
    prompt = run.prompt_of(response)
    turn = f", turn {response.turn_number}" if response.turn_number > 1 else ""
    content = prompt.content if prompt else ""
    case = _case(suite, run, prompt.category if prompt else None, content, f"{response.prompt_uuid}{turn}")
    outcome = standing_of(response)
    if outcome is Standing.FAILED:
        explanation = response.explanation or "No explanation was given."
        failure = ET.SubElement(case, "failure", message=legal(excerpt(explanation, 200)), type="response")
        failure.text = legal(f"Prompt:\n{content}\n\nResponse:\n{response_text(response)}\n\nWhy:\n{explanation}")
    elif outcome is Standing.EXCLUDED:
        ET.SubElement(case, "skipped", message="Excluded from scoring.")
    elif outcome is Standing.UNSCORED:
        ET.SubElement(case, "error", message="The response has no score.", type="unscored")


def _case(suite: ET.Element, run: ScoredRun, category: str | None, content: str, identifier: str) -> ET.Element:
    return ET.SubElement(
        suite,
        "testcase",
        classname=legal(f"{run.name}.{category}" if category else run.name),
        name=legal(f"{excerpt(content, 120)} [{identifier}]"),
        time="0",
    )


def _count(suite: ET.Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for attribute, tag in _COUNTED.items():
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
