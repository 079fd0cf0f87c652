"""Suite reports."""

from __future__ import annotations

from aymara_async.sandbox.bodies import ReportBody
from aymara_async.sandbox.call import Answer, Call
from aymara_async.sandbox.identifiers import new_id
from aymara_async.sandbox.lifecycle import begin
from aymara_async.sandbox.rejection import conflict, not_found
from aymara_async.sandbox.routing import Route
from aymara_async.sandbox.store import reports
from aymara_async.sandbox.store.reports import StoredReport
from aymara_async.sandbox.store.runs import StoredRun, find_run
from aymara_async.sandbox.summary import summarize


def create(call: Call) -> Answer:
    body = call.decode(ReportBody)
    call.flag("is_sandbox")
    state = call.state
    runs = [_finished_run(call, eval_run_uuid) for eval_run_uuid in dict.fromkeys(body.eval_run_uuids)]
    job = begin(call.now, state.delay, call.fate)
    document = summarize(state.database, runs, call.now)
    report = StoredReport(new_id("score_run_suite_summary"), call.workspace_uuid, job, document)
    reports.add_report(state.database, report)
    return Answer(report.wire(call.now, has_begun=False))


def get(call: Call) -> Answer:
    return Answer(_find(call).wire(call.now))


def list_(call: Call) -> Answer:
    limit, offset = call.page()
    stored = reports.list_reports(call.state.database, call.workspace_uuid, limit, offset)
    count = reports.count_reports(call.state.database, call.workspace_uuid)
    return Answer({"items": [report.wire(call.now) for report in stored], "count": count})


def delete(call: Call) -> Answer:
    reports.delete_report(call.state.database, _find(call).report_uuid)
    return Answer(status=204)


def _find(call: Call) -> StoredReport:
    report_uuid = call.path["report_uuid"]
    report = reports.find_report(call.state.database, report_uuid, call.workspace_uuid)
    if report is None:
        raise not_found("Report", report_uuid)
    return report


def _finished_run(call: Call, eval_run_uuid: str) -> StoredRun:
    run = find_run(call.state.database, eval_run_uuid, call.workspace_uuid)
    if run is None:
        raise not_found("Eval run", eval_run_uuid)
    status = run.job.status(call.now)
    if status != "finished":
        raise conflict(f"The run is not finished: its status is {status}", eval_run_uuid=eval_run_uuid, status=status)
    return run


_REPORT = "/v2/eval-reports/{report_uuid}"
ROUTES = (
    Route("reports.create", "POST", "/v2/eval-reports", create),
    Route("reports.list", "GET", "/v2/eval-reports", list_),
    Route("reports.get", "GET", _REPORT, get),
    Route("reports.delete", "DELETE", _REPORT, delete),
)
