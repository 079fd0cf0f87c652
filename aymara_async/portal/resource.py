"""What the blocking twin of a resource holds, and how it reaches the resources below it."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, overload

from aymara_async.portal.portal import Portal

A = TypeVar("A")
R = TypeVar("R", bound="BlockingResource[Any]")


class BlockingResource(Generic[A]):
    """The blocking twin of a resource ``A``; its methods are made by ``blocking``."""

    def __init__(self, resource: A, portal: Portal) -> None:
        self._async = resource
        self._portal = portal


class Nested(Generic[R]):
    """The twin of the resource of the same name below; made on first use and kept, so that it can be patched."""

    def __init__(self, twin: type[R]) -> None:
        self._twin = twin

    def __set_name__(self, owner: type[object], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[object]) -> type[R]: ...
    @overload
    def __get__(self, instance: BlockingResource[Any], owner: type[object]) -> R: ...
    def __get__(self, instance: BlockingResource[Any] | None, owner: type[object]) -> type[R] | R:
        if instance is None:
            return self._twin
        twin = self._twin(getattr(instance._async, self._name), instance._portal)
        kept: R = instance.__dict__.setdefault(self._name, twin)  # found there from now on, before this descriptor
        return kept
