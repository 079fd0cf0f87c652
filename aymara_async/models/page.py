"""One page of a list, as the API sends it."""

from __future__ import annotations

from typing import Generic, TypeVar

from aymara_async.models.model import Model, model

ItemT = TypeVar("ItemT")


@model
class ItemList(Model, Generic[ItemT]):
    """One page of a list: some of the items, and how many there are in all."""

    items: list[ItemT]
    """The items of this page, at most ``limit`` of them, starting at ``offset``."""
    count: int
    """Number of items in the whole list, over all pages."""
