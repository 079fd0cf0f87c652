"""Every async method has its blocking twin, with the same signature and docstring."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest

from aymara_async import AsyncAymaraAI, AymaraAI

NOT_TWINNED = {"close", "base_url", "is_closed"}
"""Written out, as they do not go through the loop."""


def public(value: object) -> Iterator[str]:
    yield from (name for name in dir(value) if not name.startswith("_"))


def resources(client: object, path: str = "client") -> Iterator[tuple[str, object]]:
    yield path, client
    for name in ("health", "evals", "runs", "eval_types", "reports", "files", "with_raw_response"):
        child = getattr(client, name, None)
        if child is not None:
            yield from resources(child, f"{path}.{name}")


def pairs() -> list[tuple[str, object, object]]:
    asynchronous = dict(resources(AsyncAymaraAI(api_key="key")))
    blocking = dict(resources(AymaraAI(api_key="key")))
    assert asynchronous.keys() == blocking.keys()
    return [(path, asynchronous[path], blocking[path]) for path in asynchronous]


def methods() -> list[tuple[str, object, object]]:
    return [
        (f"{path}.{name}", getattr(one, name), getattr(other, name, None))
        for path, one, other in pairs()
        for name in public(one)
        if inspect.ismethod(getattr(one, name)) and name not in NOT_TWINNED
    ]


def test_the_trees_are_the_same() -> None:
    for path, one, other in pairs():
        assert set(public(one)) == set(public(other)), path
    assert len(methods()) > 60


@pytest.mark.parametrize(("path", "one", "other"), methods(), ids=[path for path, _, _ in methods()])
def test_twin_shows_the_async_signature_and_docstring(path: str, one: object, other: object) -> None:
    assert callable(one)
    assert callable(other)
    assert not inspect.iscoroutinefunction(other)
    assert inspect.signature(one).parameters == inspect.signature(other).parameters
    assert inspect.getdoc(one) == inspect.getdoc(other)
    assert inspect.getdoc(other)


def test_constructor_shows_the_async_signature() -> None:
    assert inspect.signature(AymaraAI).parameters == inspect.signature(AsyncAymaraAI).parameters
