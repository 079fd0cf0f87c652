"""Submitted = scored = listed, or an error that names what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import UNSET

from aymara_async.errors import IncompleteScoringError
from aymara_async.models import EvalResponse, ScoredResponse

Turn: TypeAlias = tuple[str, str | None, int]

_NAMED = 5


def match_scores(
    eval_run_uuid: str, submitted: Sequence[EvalResponse], names: Sequence[str], listed: Sequence[ScoredResponse]
) -> list[ScoredResponse]:
    """Find the score of each submitted response, in the order of submission.

    No turn may be submitted twice; ``names`` are what people call the responses. Raises ``IncompleteScoringError``
    where one is not listed, listed without a score that it should have, or listed more than once, and where others
    are listed.
    """
    turns = [_turn(response) for response in submitted]
    found: dict[Turn, list[ScoredResponse]] = {turn: [] for turn in turns}
    foreign: list[str] = []
    for scored in listed:
        turn = scored.prompt_uuid, scored.thread_uuid, scored.turn_number
        if turn not in found:
            # The server names the thread of a response that was submitted without one.
            turn = scored.prompt_uuid, None, scored.turn_number
        if turn in found:
            found[turn].append(scored)
        else:
            foreign.append(scored.prompt_uuid)
    named = list(zip(names, submitted, (found[turn] for turn in turns), strict=True))
    unlisted = [name for name, _, scores in named if not scores]
    unscored = [name for name, response, scores in named if _is_unscored(response, scores)]
    repeated = [name for name, _, scores in named if len(scores) > 1]
    if unlisted or unscored or repeated or foreign:
        told = (
            _counted("not listed", unlisted),
            _counted("listed without a score", unscored),
            _counted("listed more than once", repeated),
            _counted("listed but not submitted", foreign),
        )
        raise IncompleteScoringError(
            f"Run {eval_run_uuid} was given {len(submitted)} responses and lists {len(listed)}, which do not match: "
            f"{'; '.join(filter(None, told))}. What was scored stays in the run; list its responses again before you "
            "submit anything a second time.",
            eval_run_uuids=[eval_run_uuid],
            missing=[*unlisted, *unscored],
        )
    return [found[turn][0] for turn in turns]


def _turn(response: EvalResponse) -> Turn:
    thread_uuid = None if response.thread_uuid is UNSET else response.thread_uuid
    return response.prompt_uuid, thread_uuid, 1 if response.turn_number is UNSET else response.turn_number


def _is_unscored(response: EvalResponse, scores: Sequence[ScoredResponse]) -> bool:
    return response.exclude_from_scoring is not True and any(score.is_passed is None for score in scores)


def _counted(what: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} {what} ({', '.join(names[:_NAMED])}{more})" if names else ""
