"""What msgspec learns of a class, it learns undisturbed: half learnt, it would crash the process in another thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import make_dataclass

import attrs
import pytest

from aymara_async.transport.codec import decoder, encode_request

PROMPTLY = 0.2
"""Seconds in which another thread would long have got through."""


def learnable(annotation: str) -> type:
    """Make a data class, whose annotations msgspec alone evaluates, once and as it learns the class."""
    made = make_dataclass("Learnable", [("text", annotation)])
    made.__module__ = __name__
    return made


class Watch:
    """Whether another thread was let in while a class was being learnt."""

    def __init__(self) -> None:
        self.was_let_in: bool | None = None
        self._has_begun = threading.Event()
        other = learnable("watch.let_in()")
        self._other = threading.Thread(target=lambda: decoder(other))

    def while_learning(self) -> type[str]:
        self._other.start()
        self.was_let_in = self._has_begun.wait(PROMPTLY)
        return str

    def let_in(self) -> type[str]:
        self._has_begun.set()
        return str

    def end(self) -> None:
        self._other.join()
        assert self._has_begun.is_set(), "the other thread has its turn afterwards"


watch = Watch()


@pytest.fixture(autouse=True)
def watched() -> Iterator[None]:
    global watch  # noqa: PLW0603 - annotations are evaluated among the globals
    watch = Watch()
    yield
    watch.end()


def test_answers() -> None:
    assert vars(decoder(learnable("watch.while_learning()"))(b'{"text": "a"}')) == {"text": "a"}
    assert watch.was_let_in is False


def test_requests() -> None:
    request = attrs.make_class("Request", {"part": attrs.field()})
    request.__annotations__ = {"part": learnable("watch.while_learning()")}
    assert encode_request(request, {"part": {"text": "a"}}) == b'{"part":{"text":"a"}}'
    assert watch.was_let_in is False
