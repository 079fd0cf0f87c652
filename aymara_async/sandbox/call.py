"""One request on its way through a route: its parameters, its body, and the answer it gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

import attrs
import msgspec
from aiohttp import web

from aymara_async.sandbox.lifecycle import Fate
from aymara_async.sandbox.rejection import invalid, malformed
from aymara_async.sandbox.state import State

T = TypeVar("T")

MAX_LIMIT = 100
"""The most items a page has, whatever was asked for."""

_MAX_OFFSET = 2**62


@attrs.define
class Answer:
    """What a route answers: a status, content that becomes JSON, and headers of its own."""

    content: object = None
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)


@attrs.define
class Call:
    """One request, matched to its operation."""

    operation: str
    state: State
    request: web.BaseRequest
    path: Mapping[str, str]
    query: Mapping[str, str]
    request_id: str
    now: float
    body: bytes = b""
    fate: Fate = "finished"
    """How a job that this request starts will end."""
    paging: Literal["honest", "repeat", "short"] = "honest"
    """``repeat`` gives the page before the one that was asked for, ``short`` half of it."""
    wants_all: bool = False
    """Whether the whole list is wanted, whatever page was asked for."""

    @property
    def workspace_uuid(self) -> str | None:
        """The workspace that the query names."""
        return self.query.get("workspace_uuid") or None

    def decode(self, body_type: type[T]) -> T:
        """Read the JSON body; what breaks the contract is refused with the path of the field."""
        if self.request.content_type != "application/json":
            raise malformed(f"Expected Content-Type: application/json, got {self.request.content_type}")
        try:
            return msgspec.json.decode(self.body, type=body_type)
        except msgspec.ValidationError as error:
            raise refused(error) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise malformed(f"The body is not JSON: {error}") from None

    def page(self) -> tuple[int, int]:
        """Give limit and offset of the part of the list that is wanted; a limit of -1 is all of it."""
        return (-1, 0) if self.wants_all else self._page()

    def take_page(self) -> tuple[int, int]:
        """Give limit and offset once, and let ``page`` want the whole list."""
        self.wants_all = True
        return self._page()

    def _page(self) -> tuple[int, int]:
        """Read limit and offset; the limit is capped, not refused, above 100."""
        limit = min(self._integer("limit", default=MAX_LIMIT, minimum=1), MAX_LIMIT)
        offset = min(self._integer("offset", default=0, minimum=0), _MAX_OFFSET)
        if self.paging == "repeat":
            offset = max(0, offset - limit)
        if self.paging == "short":
            limit = (limit + 1) // 2
        return limit, offset

    def flag(self, name: str) -> bool | None:
        """Read a boolean of the query."""
        text = self.query.get(name, "").lower()
        if text in ("", "null", "none"):
            return None
        if text not in ("true", "false", "1", "0"):
            raise invalid(f"{name} must be true or false, got {text!r}", parameter=name)
        return text in ("true", "1")

    def _integer(self, name: str, *, default: int, minimum: int) -> int:
        text = self.query.get(name)
        if text is None:
            return default
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()):
            raise invalid(f"{name} must be an integer, got {text!r}", parameter=name)
        number = int(text) if len(text) < 20 else _MAX_OFFSET * (-1 if text.startswith("-") else 1)
        if number < minimum:
            raise invalid(f"{name} must be at least {minimum}, got {text}", parameter=name)
        return number


def refused(error: msgspec.ValidationError) -> Exception:
    """Turn msgspec's complaint into the API's, with the path of the field in the details."""
    message, _, path = str(error).partition(" - at `")
    return invalid(message, path=path.rstrip("`") or "$")
