"""Reading a run's list of responses whole, in whatever order it comes and however it grows meanwhile."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import attrs

from aymara_async.bulk.calls import Calls, Listed
from aymara_async.bulk.journal import Journal
from aymara_async.errors import PaginationError
from aymara_async.models import ScoredResponse

READINGS = 20
"""So often a list is gone through until as many responses were seen as it counts; the order may change in between."""


@attrs.define(kw_only=True)
class RunReader:
    """Read runs, one at a time: the journal takes note of what the list holds."""

    calls: Calls
    journal: Journal

    async def read(self, eval_run_uuid: str, *, offset: int = 0) -> AsyncGenerator[list[ScoredResponse], None]:
        """Give what the journal has no result for, each response once; from an offset on it may not be the whole list.

        Raises ``APIError``, of which ``PaginationError`` says that not all could be seen.
        """
        await self.journal.forget_listed()
        seen, counted = 0, None
        for _ in range(READINGS):
            is_steady, has_ids, counted = True, True, None
            async with aclosing(self.calls.listed(eval_run_uuid, offset=offset)) as parts:
                async for part in parts:
                    counted = part.count if counted is None else counted
                    is_steady = is_steady and part.count == counted
                    has_ids = has_ids and all(scored.response_uuid is not None for scored in part.responses)
                    unknown, new = await self.journal.add_listed(_keyed(part))
                    seen += new
                    yield [part.responses[place] for place in unknown]
            if offset or counted is None or (seen >= counted and (has_ids or is_steady)):
                return
            if not has_ids:
                break  # nothing tells what was seen already
        raise PaginationError(
            f"Of the {counted} responses that run {eval_run_uuid} counts, only {seen} could be seen. What came so far "
            "is not the whole list.",
            method="GET",
        )


def _keyed(part: Listed) -> list[tuple[str, str, str | None]]:
    """Tell responses apart: by their ids or, where a server gives none, by their places."""
    return [
        (scored.response_uuid or f"#{place}", scored.prompt_uuid, scored.response_uuid)
        for place, scored in enumerate(part.responses, part.offset)
    ]
