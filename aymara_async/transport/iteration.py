"""Iterating over a list by hand: once it has broken off, it does not look as if it had come to its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Generic, Protocol, Self, TypeVar

from aymara_async.errors import PaginationError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
P_co = TypeVar("P_co", covariant=True)


class HasItems(Protocol[T_co]):
    """A page, as far as it is iterated over."""

    @property
    def items(self) -> Iterable[T_co]:
        """The items of this page."""
        ...


def broken_off(path: str, reason: str) -> PaginationError:
    """Say that an iteration cannot go on, and that its end is not that of the list."""
    return PaginationError(
        f"GET {path}: this iteration broke off before ({reason}) and cannot go on. What it gave is not the whole list; "
        "iterate again."
    )


class Pages(Generic[P_co]):
    """Pages in order, one after another."""

    def __init__(self, pages: AsyncGenerator[P_co, None], path: str) -> None:
        self._pages = pages
        self._path = path
        self._broken_by: str | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> P_co:
        if self._broken_by is not None:
            raise broken_off(self._path, self._broken_by)
        try:
            return await self._pages.__anext__()
        except StopAsyncIteration:
            raise
        except BaseException as error:  # a timeout of the caller's own as well
            self._broken_by = type(error).__name__
            raise

    async def aclose(self) -> None:
        """End the iteration, and give up the pages that are fetched ahead."""
        self._broken_by = None
        await self._pages.aclose()


class Items(Generic[T]):
    """Items of pages in order, one after another."""

    def __init__(self, pages: Pages[HasItems[T]], first: Iterable[T] = ()) -> None:
        """``first`` are items that come before those of the pages."""
        self._pages = pages
        self._items: Iterator[T] = iter(first)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                return item
            self._items = iter((await self._pages.__anext__()).items)

    async def aclose(self) -> None:
        """End the iteration, and give up what is fetched ahead."""
        self._items = iter(())
        await self._pages.aclose()
