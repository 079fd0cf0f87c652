"""A report of scored runs: one HTML file that needs nothing else."""

from __future__ import annotations

from aymara_async.analysis.report.writer import ReportOptions, render_report, write_report

__all__ = ["ReportOptions", "render_report", "write_report"]
