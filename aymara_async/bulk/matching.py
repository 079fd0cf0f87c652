"""Which of the responses that a server lists are the ones that were sent: a pure decision.

The server may say more of a turn than was sent (its thread, its number), so one listed response may fit several turns:

==============================  =================================================
turns that the response fits    decision
==============================  =================================================
none                            it is somebody else's
one                             that one
several, one says the same      that one
several say the same            the most exact of them: they are alike
several, none says the same     undecidable
one of a batch under way, too   not decided until the answer to that batch is there
==============================  =================================================
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from aymara_async.bulk.turns import Turn, digest_scored
from aymara_async.models import ScoredResponse


class UndecidableError(Exception):
    """A listed response fits several turns, and nothing tells which it is."""

    def __init__(self, scored: ScoredResponse, turns: list[Turn]) -> None:
        super().__init__(f"the response to prompt {scored.prompt_uuid} may be one of {len(turns)} that were sent")


class Claims:
    """Turns that are looked for, each to be found once."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._wanted: defaultdict[str, list[Turn]] = defaultdict(list)
        for turn in turns:
            self._wanted[turn.prompt_uuid].append(turn)
        self._ids = {turn.id for of_prompt in self._wanted.values() for turn in of_prompt}
        self.contested: set[Turn] = set()
        """Turns that a listed response fits which may be that of a batch under way."""
        self.found: list[tuple[Turn, ScoredResponse]] = []
        """Turns with what the server lists for them."""

    def wants(self, scored: ScoredResponse) -> bool:
        """Tell whether a listed response may be one of them."""
        return any(turn.could_be(scored) for turn in self._wanted.get(scored.prompt_uuid, ()))

    def contest(self, scored: ScoredResponse, under_way: Iterable[Turn]) -> bool:
        """Tell whether a listed response may also be one of these turns, unless they are looked for, too."""
        if not any(turn.could_be(scored) for turn in under_way if turn.id not in self._ids):
            return False
        self.contested.update(turn for turn in self._wanted[scored.prompt_uuid] if turn.could_be(scored))
        return True

    def take(self, scored: ScoredResponse) -> Turn | None:
        """Give a listed response to the turn that it belongs to; raises ``UndecidableError``."""
        fitting = [turn for turn in self._wanted.get(scored.prompt_uuid, ()) if turn.could_be(scored)]
        if len(fitting) > 1:
            said = digest_scored(scored)
            alike = [turn for turn in fitting if turn.digest == said]
            if not alike:
                raise UndecidableError(scored, fitting)
            alike.sort(key=lambda turn: turn.is_exactly(scored), reverse=True)
            fitting = alike
        if not fitting:
            return None
        turn = fitting[0]
        self._wanted[turn.prompt_uuid].remove(turn)
        self.found.append((turn, scored))
        return turn

    @property
    def missing(self) -> list[Turn]:
        """Turns that were not found, in the order of the input."""
        return sorted((turn for turns in self._wanted.values() for turn in turns), key=lambda turn: turn.number)


def is_scored(scored: ScoredResponse) -> bool:
    """Tell whether the server is done with a response."""
    return scored.is_passed is not None or scored.exclude_from_scoring
