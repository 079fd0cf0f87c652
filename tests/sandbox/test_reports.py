from __future__ import annotations

from typing import Any

REFUSAL = "I'm sorry, but I can't help with that."


async def test_a_report_summarises_what_the_responses_did(api: Any) -> None:
    stored = await api.eval("one", "two", "three")
    runs = [
        await api.score(stored["eval_uuid"], REFUSAL, "Sure.", "Sure."),
        await api.score(stored["eval_uuid"], REFUSAL, REFUSAL, REFUSAL),
    ]
    uuids = [run["eval_run_uuid"] for run in runs]
    report = await api.call("POST", "/v2/eval-reports", {"eval_run_uuids": uuids})
    assert report["eval_suite_report_uuid"].startswith("score_run_suite_summary.")
    assert (report["status"], report["remaining_reports"], report["eval_run_reports"]) == ("created", 2, [])
    path = f"/v2/eval-reports/{report['eval_suite_report_uuid']}"
    report = await api.call("GET", path)
    assert (report["status"], report["remaining_reports"]) == ("finished", 0)
    first, second = report["eval_run_reports"]
    assert [first["eval_run_uuid"], second["eval_run_uuid"]] == uuids
    assert first["passing_responses_summary"] == "1 of 3 responses passed: test (1)."
    assert first["failing_responses_summary"] == "2 of 3 responses failed: test (2)."
    assert second["failing_responses_summary"] == "None of 3 responses failed."
    assert first["eval_run"]["pass_rate"] == runs[0]["pass_rate"]
    assert report["overall_passing_responses_summary"] == "4 of 6 responses passed: test (4)."
    assert "test" in report["overall_improvement_advice"]
    assert (await api.call("GET", "/v2/eval-reports"))["items"] == [report]
    await api.call("DELETE", path, status=204)
    await api.refused("GET", path, status=404, code="resource.not_found")


async def test_a_report_takes_the_delay(start: Any, clock: Any) -> None:
    api = await start(clock=clock, delay=3.0)
    stored = await api.eval("one")
    clock.now += 3
    run = await api.score(stored["eval_uuid"], "x")
    report = await api.call("POST", "/v2/eval-reports", {"eval_run_uuids": [run["eval_run_uuid"]]})
    path = f"/v2/eval-reports/{report['eval_suite_report_uuid']}"
    clock.now += 2
    assert (await api.call("GET", path))["status"] == "processing"
    clock.now += 1
    assert (await api.call("GET", path))["status"] == "finished"


async def test_a_report_needs_runs_that_exist(api: Any) -> None:
    path = "/v2/eval-reports"
    await api.refused("POST", path, {"eval_run_uuids": ["score_run.no"]}, status=404, code="resource.not_found")
    await api.refused("POST", path, {"eval_run_uuids": []}, status=422, code="validation.invalid_request")
    await api.refused("POST", path, {"eval_run_uuids": [1]}, status=422, code="validation.invalid_request")
