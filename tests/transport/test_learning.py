"""What msgspec learns of a class, it learns undisturbed: half learnt, it would crash the process in another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

import attrs
import msgspec
import pytest

from aymara_async.models import unions
from aymara_async.models.unions import convert_member
from aymara_async.transport.codec import decoder, encode_request

Work = Callable[[], object]


@pytest.fixture
def found_free(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether another thread could have begun to use the class, for each time that msgspec learns one."""
    found: list[bool] = []
    make = msgspec.json.Decoder

    def look() -> None:
        found.append(unions.building.acquire(blocking=False))

    def watched(*arguments: object, **options: object) -> object:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return make(*arguments, **options)  # type: ignore[call-overload]  # as it came

    monkeypatch.setattr(unions.msgspec.json, "Decoder", watched)
    return found


def test_decoders(found_free: list[bool]) -> None:
    @attrs.frozen
    class Answer:
        text: str

    assert decoder(Answer)(b'{"text": "a"}') == Answer("a")
    assert found_free == [False]


def test_requests(found_free: list[bool]) -> None:
    @attrs.frozen
    class Part:
        text: str

    @attrs.frozen
    class Request:
        parts: list[Part]

    annotations = {"parts": list[Part]}
    Part.__annotations__ = {"text": str}
    Request.__annotations__ = annotations
    assert encode_request(Request, {"parts": [{"text": "a"}]}) == b'{"parts":[{"text":"a"}]}'
    assert found_free == [False, False], "the part and the request"


def test_members_of_unions(found_free: list[bool]) -> None:
    @attrs.frozen
    class Member:
        text: str

    assert convert_member({"text": "a"}, Member, lambda _, value: value) == Member("a")
    assert found_free == [False]
