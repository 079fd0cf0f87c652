"""Answers that the API gives when all goes well, as small as its contract allows."""

from __future__ import annotations

TIME = "2026-01-02T03:04:05Z"
EVAL = {"eval_uuid": "test.1", "ai_description": "A bot", "eval_type": "safety", "status": "finished"}
PROMPT = {"prompt_uuid": "question.1", "content": "Hi?"}
SCORED = {"prompt_uuid": "question.1", "response_uuid": "answer.1", "content": "Hello", "is_passed": True}
RUN = {
    "eval_run_uuid": "score_run.1",
    "eval_uuid": "test.1",
    "status": "finished",
    "created_at": TIME,
    "updated_at": TIME,
}
REPORT = {
    "eval_suite_report_uuid": "score_run_suite_summary.1",
    "status": "finished",
    "eval_run_reports": [],
    "created_at": TIME,
    "updated_at": TIME,
}
FILE = {"file_uuid": "file.1", "file_url": "http://127.0.0.1:1/bucket/x?signature=s"}
FILES = {"files": [FILE]}
ANALYSIS = {"results": [], "total_count": 0, "has_more": False}


def page(*items: object, count: int | None = None) -> dict[str, object]:
    """Make a page of a list."""
    return {"items": list(items), "count": len(items) if count is None else count}
