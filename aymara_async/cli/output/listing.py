"""Lists: their options, and the way of their rows to stdout."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol, TypeVar

import attrs
import click

from aymara_async.cli.options import option
from aymara_async.cli.output.formats import FORMAT, write_list

if TYPE_CHECKING:
    from aymara_async.cli.output.table import Column
    from aymara_async.cli.terminal import Terminal
    from aymara_async.transport.pager import AsyncPager

T = TypeVar("T")

_PAGE = 100
_PREFETCH = 8


@attrs.frozen(kw_only=True)
class Listing:
    """Which part of a list to write, and how."""

    limit: int | None = option(
        type=click.IntRange(min=1), metavar="N", help="How many to list at most.  [default: all]"
    )
    offset: int = option(
        type=click.IntRange(min=0),
        metavar="N",
        default=0,
        show_default=True,
        help="How many to pass over at the beginning.",
    )
    format: str = option(**FORMAT)


class Lister(Protocol[T]):
    """A list operation of the client, with its filters given."""

    def __call__(self, *, limit: int, offset: int, prefetch: int) -> AsyncPager[T]: ...


async def write_pager(
    lister: Lister[T],
    listing: Listing,
    terminal: Terminal,
    *,
    fields: Sequence[str],
    columns: Sequence[Column[T]],
) -> int:
    """List as many as wanted, and return how many there were; raises ``APIError`` and ``OutputError``."""
    limit = listing.limit
    page = _PAGE if limit is None else min(limit, _PAGE)
    prefetch = _PREFETCH if limit is None else min(_PREFETCH, max(1, -(-limit // page) - 1))
    pager = lister(limit=page, offset=listing.offset, prefetch=prefetch)
    return await write_items(pager, listing, terminal, fields=fields, columns=columns)


async def write_items(
    items: AsyncIterable[T],
    listing: Listing,
    terminal: Terminal,
    *,
    fields: Sequence[str],
    columns: Sequence[Column[T]],
) -> int:
    """Write as many of the items as wanted, and return how many there were; says so where there are none."""
    terminal.harm = "Nothing was changed; what was written is not the whole list."
    async with aclosing(_first(items, listing.limit)) as rows:
        count = await write_list(rows, format=listing.format, fields=fields, columns=columns)
    if not count:
        terminal.note("There are none.")
    return count


async def _first(items: AsyncIterable[T], limit: int | None) -> AsyncGenerator[T, None]:
    """Take the first items, and close what gives them."""
    async with aclosing(_all(items)) as all_items:
        count = 0
        async for item in all_items:
            yield item
            count += 1
            if count == limit:
                return


async def _all(items: AsyncIterable[T]) -> AsyncGenerator[T, None]:
    iterator = aiter(items)
    try:
        async for item in iterator:
            yield item
    finally:
        if (aclose := getattr(iterator, "aclose", None)) is not None:
            await aclose()
