"""Which of the responses that a server lists are the ones that were sent: a pure decision.

The server may say more of a turn than was sent (its thread, its number), or less, and repeat its content in another
form or not at all. So a listed response may fit several turns to its prompt. Pairs whose content is the same are taken
first, then those where one of them says nothing, then the others. Of pairs that are equally good:

===========================================================  =========================================
turns and responses that fit each other                      decision
===========================================================  =========================================
one and one                                                  a pair, whatever they say
each turn has one response with just its thread and number   those pairs
turns that say the same, not more than there are responses   any pairs, those with the same thread first
turns that say the same, and too few responses               those with the same thread and number
others                                                       undecided
===========================================================  =========================================
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby

import attrs

from aymara_async.bulk.turns import Turn, marks
from aymara_async.models import ScoredResponse

Pair = tuple[Turn, ScoredResponse]


@attrs.define
class Matching:
    """Turns with what the server lists for them."""

    found: list[Pair] = attrs.field(factory=list[Pair])
    undecided: list[list[Turn]] = attrs.field(factory=list[list[Turn]])
    """Turns that a response may belong to, but nothing tells to which of them."""
    rest: list[ScoredResponse] = attrs.field(factory=list[ScoredResponse])
    """Responses that are none of these turns'."""


def match(turns: Iterable[Turn], listed: Iterable[ScoredResponse]) -> Matching:
    """Give each response to the turn that it belongs to; both of any number and in any order."""
    turns_to, responses_to = defaultdict[str, list[Turn]](list), defaultdict[str, list[ScoredResponse]](list)
    for turn in turns:
        turns_to[turn.prompt_uuid].append(turn)
    for scored in listed:
        responses_to[scored.prompt_uuid].append(scored)
    matching = Matching()
    for prompt_uuid, responses in responses_to.items():
        _match(turns_to.get(prompt_uuid, ()), responses, matching)
    return matching


def _match(turns: Sequence[Turn], responses: Sequence[ScoredResponse], matching: Matching) -> None:
    """Match what belongs to one prompt."""
    if len(turns) == len(responses) == 1 and turns[0].could_be(responses[0]):
        matching.found.append((turns[0], responses[0]))
        return
    fitting = [(_difference(one, scored), one, scored) for one in turns for scored in responses if one.could_be(scored)]
    open_turns, open_responses = {turn.id for turn in turns}, {id(scored) for scored in responses}
    for _, equal in groupby(sorted(fitting, key=lambda fit: fit[0]), key=lambda fit: fit[0]):
        pairs = [(one, scored) for _, one, scored in equal if one.id in open_turns and id(scored) in open_responses]
        for group in _connected(pairs):
            chosen = _choose(group)
            if chosen is None:
                matching.undecided.append(list({turn.id: turn for turn, _ in group}.values()))
            matching.found += chosen or ()
            closed = group if chosen is None else chosen
            open_turns.difference_update(turn.id for turn, _ in closed)
            open_responses.difference_update(id(scored) for _, scored in closed)
    matching.rest += [scored for scored in responses if id(scored) in open_responses]


def _difference(turn: Turn, scored: ScoredResponse) -> int:
    said = marks(scored.content)
    return 1 if not said or not turn.mark else 0 if turn.mark in said else 2


def _choose(group: Sequence[Pair]) -> list[Pair] | None:
    """Decide between pairs that are equally good by what they say; None where that cannot be done."""
    turns = {turn.id for turn, _ in group}
    exact = [pair for pair in group if _is_exact(*pair)]
    exact_turns, exact_responses = Counter(turn.id for turn, _ in exact), Counter(id(scored) for _, scored in exact)
    is_one_each = len(exact_turns) == len(exact) == len(exact_responses)
    if is_one_each and len(exact) == len(turns):
        return exact
    if len({turn.digest for turn, _ in group}) > 1:
        return None
    chosen: list[Pair] = []
    taken: set[int] = set()
    for turn, scored in sorted(group, key=lambda pair: not _is_exact(*pair)):
        if turn.id in turns and id(scored) not in taken:
            turns.remove(turn.id)
            taken.add(id(scored))
            chosen.append((turn, scored))
    return None if turns and not (is_one_each and len(exact) == len(chosen)) else chosen


def _is_exact(turn: Turn, scored: ScoredResponse) -> bool:
    return (turn.thread_uuid, turn.turn_number) == (scored.thread_uuid, scored.turn_number)


def _connected(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Split pairs into groups that share no turn and no response."""
    groups: list[list[Pair]] = []
    for turn, scored in pairs:
        touching = [group for group in groups if any(one.id == turn.id or other is scored for one, other in group)]
        groups = [group for group in groups if group not in touching]
        groups.append([pair for group in touching for pair in group] + [(turn, scored)])
    return groups
