"""Suite reports."""

from __future__ import annotations

from typing import TypeAlias

import attrs
import msgspec

from aymara_async.sandbox.lifecycle import Job, timestamp
from aymara_async.sandbox.store.database import Database, Row
from aymara_async.sandbox.store.evals import job_columns, read_job

Json: TypeAlias = dict[str, object]

_REPORT = "report_uuid, workspace_uuid, created_at, ready_at, fate, touched_at, document"
_OF_REPORTS = "FROM reports WHERE :workspace_uuid IS NULL OR workspace_uuid = :workspace_uuid"


@attrs.frozen
class StoredReport:
    """A suite report: when it gets ready, and what it will say then."""

    report_uuid: str
    workspace_uuid: str | None
    job: Job
    document: Json

    def wire(self, now: float, *, has_begun: bool = True) -> Json:
        """Give the JSON of the API; until it has finished, only how many reports remain."""
        status = self.job.status(now) if has_begun else "created"
        told: Json = dict(self.document)
        reports = told["eval_run_reports"]
        remaining = 0
        if status != "finished":
            remaining = len(reports) if isinstance(reports, list) else 0
            told = {name: [] if name == "eval_run_reports" else None for name in told}
        return {
            "eval_suite_report_uuid": self.report_uuid,
            "status": status,
            **told,
            "created_at": timestamp(self.job.created_at),
            "updated_at": timestamp(self.job.updated_at(now)),
            "remaining_reports": remaining,
        }


def add_report(database: Database, report: StoredReport) -> None:
    """Store a new report."""
    document = msgspec.json.encode(report.document).decode()
    database.run(
        f"INSERT INTO reports ({_REPORT}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (report.report_uuid, report.workspace_uuid, *job_columns(report.job), document),
    )


def find_report(database: Database, report_uuid: str, workspace_uuid: str | None) -> StoredReport | None:
    """Find a report, in one workspace or in any."""
    row = database.one(f"SELECT {_REPORT} FROM reports WHERE report_uuid = ?", (report_uuid,))
    report = None if row is None else _read_report(row)
    if report is None or (workspace_uuid is not None and report.workspace_uuid != workspace_uuid):
        return None
    return report


def list_reports(database: Database, workspace_uuid: str | None, limit: int, offset: int) -> list[StoredReport]:
    """List reports in the order in which they were created."""
    rows = database.all(
        f"SELECT {_REPORT} {_OF_REPORTS} ORDER BY seq LIMIT :limit OFFSET :offset",
        {"workspace_uuid": workspace_uuid, "limit": limit, "offset": offset},
    )
    return [_read_report(row) for row in rows]


def count_reports(database: Database, workspace_uuid: str | None) -> int:
    """Count reports."""
    return database.count(f"SELECT COUNT(*) {_OF_REPORTS}", {"workspace_uuid": workspace_uuid})


def delete_report(database: Database, report_uuid: str) -> None:
    """Delete a report."""
    database.run("DELETE FROM reports WHERE report_uuid = ?", (report_uuid,))


def _read_report(row: Row) -> StoredReport:
    report_uuid, workspace_uuid, *job, document = row
    return StoredReport(str(report_uuid), workspace_uuid, read_job(job), msgspec.json.decode(str(document)))  # type: ignore[arg-type]  # schema
