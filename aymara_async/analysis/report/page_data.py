"""The responses as the page's script reads them: compact rows, repeated texts only once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import attrs

from aymara_async.analysis.comparison import RunComparison
from aymara_async.analysis.report.embedding import image_data_url
from aymara_async.analysis.response_text import file_name
from aymara_async.analysis.scored_run import ScoredRun
from aymara_async.models import FileReference
from aymara_async.record.tally import Standing, standing_of

Json: TypeAlias = dict[str, object]

OUTCOMES = tuple(Standing)
_REGRESSED, _IMPROVED = 1, 2
_COLUMNS = (
    "run", "outcome", "category", "prompt", "turn", "thread", "confidence", "content", "explanation", "refused",
    "corrected", "change", "group", "file", "image", "prompt_uuid", "response_uuid",
)  # fmt: skip


@attrs.define
class _Numbering:
    """Numbers each text at its first use."""

    numbers: dict[str, int] = attrs.field(factory=dict)

    def number(self, text: str | None) -> int | None:
        return None if text is None else self.numbers.setdefault(text, len(self.numbers))


def page_data(runs: Sequence[ScoredRun], comparisons: Sequence[RunComparison], images: Mapping[str, bytes]) -> Json:
    """Lay out all responses of all runs; a row has the columns of ``columns``, texts are numbers into their lists.

    ``thread`` is the same for the turns of one conversation, ``group`` for the responses of several runs that are
    compared with each other, ``change`` 1 for a regression and 2 for an improvement.
    """
    prompts, categories, explanations = _Numbering(), _Numbering(), _Numbering()
    changes, groups = _changes(comparisons), _groups(comparisons)
    urls, image_of = _images(images)
    threads = _Numbering()
    rows: list[list[object]] = []
    for number, run in enumerate(runs):
        for response in run.responses:
            prompt = run.prompt_of(response)
            file = response.content if isinstance(response.content, FileReference) else None
            thread = response.thread_uuid if response.thread_uuid in run.threads else None
            rows.append(
                [
                    number,
                    OUTCOMES.index(standing_of(response)),
                    categories.number(prompt.category if prompt else None),
                    prompts.number(prompt.content if prompt else None),
                    response.turn_number,
                    threads.number(None if thread is None else f"{number} {thread}"),
                    response.confidence,
                    None if file else response.content,
                    explanations.number(response.explanation),
                    int(response.ai_refused),
                    int(bool(response.manually_updated)),
                    changes.get(id(response), 0),
                    groups.get(id(response)),
                    file_name(file) if file else None,
                    _image_of(file, image_of),
                    response.prompt_uuid,
                    response.response_uuid,
                ]
            )
    return {
        "columns": _COLUMNS,
        "outcomes": OUTCOMES,
        "runs": [run.name for run in runs],
        "categories": list(categories.numbers),
        "prompts": list(prompts.numbers),
        "explanations": list(explanations.numbers),
        "images": urls,
        "rows": rows,
    }


def _changes(comparisons: Sequence[RunComparison]) -> dict[int, int]:
    changes = {id(pair.candidate): _IMPROVED for comparison in comparisons for pair in comparison.improvements}
    return changes | {id(pair.candidate): _REGRESSED for comparison in comparisons for pair in comparison.regressions}


def _groups(comparisons: Sequence[RunComparison]) -> dict[int, int]:
    """Number the responses that are compared with each other, whichever of them is the baseline."""
    groups: dict[int, int] = {}
    for comparison in comparisons:
        scored = (comparison.both_passed, comparison.regressions, comparison.improvements, comparison.both_failed)
        for pair in (pair for pairs in (*scored, comparison.not_scored) for pair in pairs):
            both = id(pair.baseline), id(pair.candidate)
            known = next((groups[one] for one in both if one in groups), len(groups))
            for one in both:
                groups.setdefault(one, known)
    return groups


def _images(images: Mapping[str, bytes]) -> tuple[list[str], dict[str, int]]:
    urls: list[str] = []
    image_of: dict[str, int] = {}
    for name, content in images.items():
        url = image_data_url(content)
        if url is not None:
            image_of[name] = len(urls)
            urls.append(url)
    return urls, image_of


def _image_of(file: FileReference | None, image_of: Mapping[str, int]) -> int | None:
    names = () if file is None else (file.file_uuid, file.remote_file_path)
    return next((image_of[name] for name in names if name is not None and name in image_of), None)
