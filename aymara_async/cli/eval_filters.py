"""Filters for evals, which the API has on its analysis of evals, not on their list."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import attrs
import click

from aymara_async.cli.options import option
from aymara_async.errors import PaginationError

if TYPE_CHECKING:
    from aymara_async.client import AsyncAymaraAI
    from aymara_async.models import Eval

_PAGE = 100
"""As many as the API gives at once."""


def _time(value: str) -> datetime:
    """Read a time as in ISO 8601, UTC unless it says otherwise; raises ``BadParameter``."""
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no time such as 2026-11-21 or 2026-11-21T09:30+01:00.") from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


_RATE = click.FloatRange(0.0, 1.0)
_SORT_KEYS = click.Choice(["created_at", "updated_at", "name", "pass_rate", "num_score_runs", "last_run_date"])


@attrs.frozen(kw_only=True)
class EvalFilters:
    """Which evals to list; None lets all pass."""

    status: str | None = option(metavar="STATUS", help="Only created, processing, finished or failed evals.")
    eval_type: str | None = option("--type", metavar="SLUG", help="Only evals of this type.")
    name: str | None = option(metavar="TEXT", help="Only evals with this in their name, in upper or lower case.")
    language: str | None = option(metavar="CODE", help="Only evals in this language.")
    modality: str | None = option(metavar="KIND", help="Only text, image or video evals.")
    is_jailbreak: bool | None = option(
        "--jailbreak/--no-jailbreak", default=None, help="Only jailbreak evals, or only others."
    )
    is_sandbox: bool | None = option(
        "--use-sandbox/--no-sandbox", default=None, help="Only evals with made-up results, or only others."
    )
    created_by: str | None = option(metavar="NAME", help="Only evals that this user created.")
    created_after: datetime | None = option(type=_time, metavar="TIME", help="Only evals created later.")
    created_before: datetime | None = option(type=_time, metavar="TIME", help="Only evals created earlier.")
    has_score_runs: bool | None = option(
        "--has-runs/--no-runs", default=None, help="Only evals with runs, or only without."
    )
    score_run_status: str | None = option(
        "--run-status", metavar="STATUS", help="Only evals with a run in this status."
    )
    run_created_after: datetime | None = option(type=_time, metavar="TIME", help="Only evals with a run created later.")
    run_created_before: datetime | None = option(
        type=_time, metavar="TIME", help="Only evals with a run created earlier."
    )
    min_pass_rate: float | None = option(
        type=_RATE, metavar="RATE", help="Only evals with at least this average, 0 to 1."
    )
    max_pass_rate: float | None = option(
        type=_RATE, metavar="RATE", help="Only evals with at most this average, 0 to 1."
    )
    sort_by: str | None = option(
        "--sort", type=_SORT_KEYS, metavar="KEY", help=f"Sort by {', '.join(_SORT_KEYS.choices)}."
    )
    sort_order: str | None = option("--order", type=click.Choice(["asc", "desc"]), help="Which end comes first.")

    @property
    def given(self) -> dict[str, Any]:
        """The filters that were given."""
        return attrs.asdict(self, filter=lambda _, value: value is not None)


async def matching_evals(
    client: AsyncAymaraAI, filters: Mapping[str, Any], *, offset: int, limit: int | None
) -> AsyncGenerator[Eval, None]:
    """Find evals, page by page; raises ``PaginationError`` where the pages do not add up."""
    wanted = _PAGE if limit is None else min(limit, _PAGE)
    seen: set[str | None] = set()
    taken = 0
    while True:
        page = await client.evals.analyze(**filters, limit=wanted, offset=offset + taken)
        for result in page.results:
            uuid = result.eval.eval_uuid
            if uuid is not None and uuid in seen:
                raise _error(f"eval {uuid} came twice")
            seen.add(uuid)
            yield result.eval
        taken += len(page.results)
        if page.has_more and not page.results:
            raise _error(f"there are to be more than {offset + taken}, but none came")
        if not page.has_more:
            break
    if taken < page.total_count - offset:
        raise _error(f"the server counts {page.total_count}, but gave {taken} from {offset} on")


def _error(reason: str) -> PaginationError:
    return PaginationError(
        f"POST /v2/eval-analysis: {reason}. What came so far is not the whole list; read it again from the start.",
        method="POST",
        url="/v2/eval-analysis",
    )
