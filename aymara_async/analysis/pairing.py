"""Which response of one run answers the same prompt as which response of another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Literal, TypeAlias

import attrs

from aymara_async.analysis.errors import StatisticsError
from aymara_async.analysis.scored_run import ScoredRun
from aymara_async.models import EvalPrompt, ScoredResponse

PairBy: TypeAlias = Literal["auto", "prompt_uuid", "content"]
"""What makes two prompts the same; ``"auto"``: ``prompt_uuid`` within one eval, ``content`` across evals."""


@attrs.frozen(kw_only=True)
class Pair:
    """Two responses to the same prompt."""

    prompt: EvalPrompt | None
    """The prompt, as the candidate's run has it; None where neither run knows it."""
    baseline: ScoredResponse
    """The response of the run that is compared with."""
    candidate: ScoredResponse
    """The response of the run that is compared."""


@attrs.frozen(kw_only=True)
class Pairing:
    """The responses of two runs, paired as far as they go."""

    pairs: Sequence[Pair]
    """In the order of the candidate's responses."""
    only_in_baseline: Sequence[ScoredResponse]
    """Responses to which the candidate has no counterpart."""
    only_in_candidate: Sequence[ScoredResponse]
    """Responses to which the baseline has no counterpart."""


def pair_responses(baseline: ScoredRun, candidate: ScoredRun, *, by: PairBy = "auto") -> Pairing:
    """Pair the responses of two runs by prompt and turn, each at most once.

    Where a run answers a prompt several times, responses of the same thread are paired first, the others in their
    order. Raises ``StatisticsError`` for another value of ``by``.
    """
    if by not in {"auto", "prompt_uuid", "content"}:
        raise StatisticsError(f"by is {by!r}, but must be 'auto', 'prompt_uuid' or 'content'.", path="$.by")
    is_same_eval = baseline.run.eval_uuid == candidate.run.eval_uuid
    by_content = by == "content" or (by == "auto" and not is_same_eval)
    offered: dict[Hashable, list[ScoredResponse]] = defaultdict(list)
    for response in baseline.responses:
        offered[_key(baseline, response, by_content)].append(response)
    wanted: dict[Hashable, list[ScoredResponse]] = defaultdict(list)
    for response in candidate.responses:
        wanted[_key(candidate, response, by_content)].append(response)
    matched: dict[int, ScoredResponse] = {}
    left: list[ScoredResponse] = []
    for key in {**offered, **wanted}:
        left += _match(offered.get(key, []), wanted.get(key, []), matched)
    pairs = [
        Pair(prompt=candidate.prompt_of(new) or baseline.prompt_of(old), baseline=old, candidate=new)
        for new in candidate.responses
        if (old := matched.get(id(new))) is not None
    ]
    left_ids = {id(response) for response in left}
    return Pairing(
        pairs=pairs,
        only_in_baseline=[response for response in baseline.responses if id(response) in left_ids],
        only_in_candidate=[response for response in candidate.responses if id(response) not in matched],
    )


def _key(run: ScoredRun, response: ScoredResponse, by_content: bool) -> Hashable:
    prompt = run.prompt_of(response) if by_content else None
    if prompt is None:
        return response.prompt_uuid, response.turn_number
    return prompt.content, response.turn_number


def _match(
    old: Sequence[ScoredResponse], new: Sequence[ScoredResponse], matched: dict[int, ScoredResponse]
) -> list[ScoredResponse]:
    """Match responses to the same prompt and turn; returns the old ones that are left."""
    by_thread = {response.thread_uuid: response for response in old if response.thread_uuid is not None}
    taken: set[int] = set()
    rest: list[ScoredResponse] = []
    for response in new:
        same = None if response.thread_uuid is None else by_thread.pop(response.thread_uuid, None)
        if same is None:
            rest.append(response)
        else:
            matched[id(response)] = same
            taken.add(id(same))
    free = [response for response in old if id(response) not in taken]
    matched.update((id(after), before) for before, after in zip(free, rest, strict=False))
    return free[len(rest) :]
