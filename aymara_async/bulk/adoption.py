"""Taking over what an earlier job sent and this one's journal does not know: by the rows of the input, as they come."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from aymara_async.bulk.journal import Journal
from aymara_async.bulk.journal_entries import SentBatch
from aymara_async.bulk.matching import match
from aymara_async.bulk.turns import Turn, marks
from aymara_async.models import ScoredResponse


@attrs.define
class Adopted:
    """Which of some turns an earlier job had sent."""

    scored: dict[int, ScoredResponse] = attrs.field(factory=dict[int, ScoredResponse])
    """Their results, by the turn's id."""
    unscored: list[SentBatch] = attrs.field(factory=list[SentBatch])
    """Those that have no score yet."""
    changed: set[int] = attrs.field(factory=set[int])
    """Ids of turns of which the run holds another text."""

    @property
    def ids(self) -> set[int]:
        """Ids of the turns that are not to be sent."""
        return self.scored.keys() | self.changed | {turn.id for batch in self.unscored for turn in batch.turns}


async def adopt(turns: Sequence[Turn], journal: Journal) -> Adopted:
    """Find these turns among what the server lists and the journal did not know, and note them there."""
    adopted = Adopted()
    strays = await journal.strays([turn.prompt_uuid for turn in turns])
    if not strays:
        return adopted
    by_response = {id(stray.scored): stray for stray in strays}
    matching = match(turns, [stray.scored for stray in strays])
    found = []
    for turn, scored in matching.found:
        if not _says_something_else(turn, scored):
            found.append((turn, by_response[id(scored)]))
        elif turn.thread_uuid is None or scored.thread_uuid is not None:
            adopted.changed.add(turn.id)
        # else it may be the response to another thread, which the server does not tell
    adopted.changed.update(turn.id for group in matching.undecided for turn in group)
    if found:
        adopted.unscored = await journal.adopt(found)
        adopted.scored = {turn.id: stray.scored for turn, stray in found if turn.is_done(stray.scored)}
    return adopted


def _says_something_else(turn: Turn, scored: ScoredResponse) -> bool:
    said = marks(scored.content)
    return isinstance(scored.content, str) and bool(said and turn.mark) and turn.mark not in said
