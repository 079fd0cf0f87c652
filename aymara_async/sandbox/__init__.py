"""An embedded server that plays the Aymara AI v2 API: offline, stateful, and able to misbehave on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aymara_async.sandbox import faults as faults
    from aymara_async.sandbox.judge import JudgedEval as JudgedEval
    from aymara_async.sandbox.judge import JudgedPrompt as JudgedPrompt
    from aymara_async.sandbox.judge import JudgedResponse as JudgedResponse
    from aymara_async.sandbox.judge import Verdict as Verdict
    from aymara_async.sandbox.server import Sandbox as Sandbox

_HOMES = {
    "JudgedEval": "aymara_async.sandbox.judge",
    "JudgedPrompt": "aymara_async.sandbox.judge",
    "JudgedResponse": "aymara_async.sandbox.judge",
    "Sandbox": "aymara_async.sandbox.server",
    "Verdict": "aymara_async.sandbox.judge",
}

__all__ = ["JudgedEval", "JudgedPrompt", "JudgedResponse", "Sandbox", "Verdict", "faults"]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "faults":
        return import_module("aymara_async.sandbox.faults")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
