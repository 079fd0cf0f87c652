"""Prompts, scores and reports as pandas data frames, one row each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import pandas as pd

from aymara_async.analysis.summary_rows import summary_rows
from aymara_async.models import EvalPrompt, EvalRunResult, EvalSuiteReport, FileReference, ScoredResponse
from aymara_async.models.evals import Eval
from aymara_async.models.model import Model

_PROMPTS = {
    "eval_uuid": "string",
    "eval_name": "string",
    "prompt_uuid": "string",
    "prompt_content": "string",
    "prompt_category": "string",
    "thread_uuid": "string",
    "turn_number": "int64",
}
_SCORES = {
    "eval_run_uuid": "string",
    "eval_uuid": "string",
    "name": "string",
    "prompt_uuid": "string",
    "response_uuid": "string",
    "is_passed": "boolean",
    "prompt_content": "string",
    "prompt_category": "string",
    "response_content": "string",
    "ai_refused": "bool",
    "exclude_from_scoring": "bool",
    "explanation": "string",
    "confidence": "Float64",
    "thread_uuid": "string",
    "turn_number": "int64",
    "content_type": "string",
    "file_uuid": "string",
    "remote_file_path": "string",
    "manually_updated": "boolean",
}
_REPORTS = {
    "eval_name": "string",
    "prompt_category": "string",
    "passing_responses_summary": "string",
    "failing_responses_summary": "string",
    "improvement_advice": "string",
    "eval_run_uuid": "string",
}


def to_prompts_df(eval: Eval, prompts: Iterable[EvalPrompt]) -> pd.DataFrame:
    """Make a data frame with a row for each prompt.

    Columns: ``eval_uuid``, ``eval_name``, ``prompt_uuid``, ``prompt_content``, ``prompt_category``, ``thread_uuid``,
    ``turn_number``. They are there, with their types, without a row too.
    """
    rows: list[dict[str, object]] = [
        {
            "eval_uuid": eval.eval_uuid,
            "eval_name": eval.name,
            "prompt_uuid": prompt.prompt_uuid,
            "prompt_content": prompt.content,
            "prompt_category": prompt.category,
            "thread_uuid": prompt.thread_uuid,
            "turn_number": prompt.turn_number,
        }
        for prompt in prompts
    ]
    return typed_frame(rows, _PROMPTS)


def to_scores_df(
    eval_run: EvalRunResult, prompts: Iterable[EvalPrompt], responses: Iterable[ScoredResponse]
) -> pd.DataFrame:
    """Make a data frame with a row for each response, scored or not.

    Columns: ``eval_run_uuid``, ``eval_uuid``, ``name`` (of the eval), ``prompt_uuid``, ``response_uuid``,
    ``is_passed``, ``prompt_content``, ``prompt_category``, ``response_content``, ``ai_refused``,
    ``exclude_from_scoring``, ``explanation``, ``confidence``, ``thread_uuid``, ``turn_number``, ``content_type``,
    ``file_uuid``, ``remote_file_path``, ``manually_updated``. ``is_passed`` is missing, not False, where there is no
    score, so that ``mean()`` is the share of the scored; filter ``exclude_from_scoring`` first.
    """
    responses = list(responses)
    known = {response.next_prompt.prompt_uuid: response.next_prompt for response in responses if response.next_prompt}
    known |= {prompt.prompt_uuid: prompt for prompt in prompts}
    rows = [_score(eval_run, known.get(response.prompt_uuid), response) for response in responses]
    return typed_frame(rows, _SCORES)


def _score(eval_run: EvalRunResult, prompt: EvalPrompt | None, response: ScoredResponse) -> dict[str, object]:
    file = response.content if isinstance(response.content, FileReference) else None
    return {
        "eval_run_uuid": eval_run.eval_run_uuid,
        "eval_uuid": eval_run.eval_uuid,
        "name": eval_run.evaluation.name if eval_run.evaluation else None,
        "prompt_uuid": response.prompt_uuid,
        "response_uuid": response.response_uuid,
        "is_passed": response.is_passed,
        "prompt_content": prompt.content if prompt else None,
        "prompt_category": prompt.category if prompt else None,
        "response_content": None if file else response.content,
        "ai_refused": response.ai_refused,
        "exclude_from_scoring": response.exclude_from_scoring,
        "explanation": response.explanation,
        "confidence": response.confidence,
        "thread_uuid": response.thread_uuid,
        "turn_number": response.turn_number,
        "content_type": response.content_type,
        "file_uuid": file.file_uuid if file else None,
        "remote_file_path": file.remote_file_path if file else None,
        "manually_updated": response.manually_updated,
    }


def to_reports_df(suite_report: EvalSuiteReport) -> pd.DataFrame:
    """Make a data frame with a row for each run of a suite report, and one named ``"Overall"`` if it has a summary.

    Columns: ``eval_name``, ``prompt_category``, ``passing_responses_summary``, ``failing_responses_summary``,
    ``improvement_advice``, ``eval_run_uuid``. A summary of an accuracy eval that has sections, written
    ``<category>…</category>``, gives a row for each of them.
    """
    return typed_frame(summary_rows(suite_report), _REPORTS)


def to_df(results: Model | Mapping[str, object] | Iterable[Model | Mapping[str, object]]) -> pd.DataFrame:
    """Make a data frame of any models or mappings, a page of a list among them: a row each, a column for each field."""
    # isinstance cannot see that a mapping among these is one row, not a collection of them.
    items = [results] if isinstance(results, Model | Mapping) else results
    rows = cast("Iterable[Model | Mapping[str, object]]", items)
    return pd.DataFrame([row.to_dict() if isinstance(row, Model) else dict(row) for row in rows])


def typed_frame(rows: Sequence[Mapping[str, object]], types: Mapping[str, str]) -> pd.DataFrame:
    """Make a data frame with exactly the columns of ``types``, in their order; None becomes a missing value."""
    columns = {name: pd.Series([row[name] for row in rows], dtype=object) for name in types}
    return pd.DataFrame(columns, columns=list(types)).astype(dict(types))
