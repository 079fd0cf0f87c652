"""An embedded server that plays the Aymara AI v2 API: offline, stateful, and able to misbehave on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aymara_async.sandbox.server import Sandbox as Sandbox

_HOMES = {"Sandbox": "aymara_async.sandbox.server"}

__all__ = ["Sandbox"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
