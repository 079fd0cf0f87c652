"""Unions that JSON alone cannot tell apart, and how a value becomes the member that is meant."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")

building: threading.RLock = threading.RLock()
"""Held while msgspec learns a class: another thread that used what is only half learnt would crash the process."""
_learnt: set[type] = set()


def learnt(cls: type[T]) -> type[T]:
    """Return the class after msgspec has learnt it, with all that is in it."""
    if cls not in _learnt:
        with building:
            msgspec.json.Decoder(cls)
        _learnt.add(cls)
    return cls


def convert_member(value: object, member: type, hook: Callable[[type, object], object]) -> object:
    """Convert to a union's member, with its fault reported where the union stands."""
    if type(value) is member:
        return value
    try:
        return msgspec.convert(value, learnt(member), dec_hook=hook)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


class NamedUnion(type):
    """Metaclass of such unions: ``choose`` tells by its content which member a value is to become.

    A type checker sees the plain union; at runtime it is a class whose ``isinstance`` covers the members.
    """

    members: tuple[type, ...]
    choose: Callable[[object], type]

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.members)

    def structure(cls, value: object) -> object:
        """Make the member; raises ``ValueError``."""
        return convert_member(value, cls.choose(value), _structure)


def _structure(target: type, value: object) -> object:
    return target.structure(value) if isinstance(target, NamedUnion) else value  # the latter for `object`, any JSON


def read_model(cls: type[T], value: object) -> T:
    """Make a model of a mapping as in the JSON; raises ``ValueError``, which names the field."""
    try:
        return msgspec.convert(value, learnt(cls), dec_hook=_structure)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
