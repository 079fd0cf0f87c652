"""What was asked of the server, and what it did."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Literal

import attrs
import msgspec

from aymara_async.sandbox.keys import key_in

_REDACTED = "***"


@attrs.define(eq=False)
class RecordedRequest:
    """One request and its outcome."""

    request_id: str
    origin: Literal["api", "storage"]
    """``storage`` is the second origin, where presigned URLs and redirects lead."""
    method: str
    path: str
    query: Mapping[str, str]
    operation: str | None
    """The operationId, if path and method have one."""
    raw_headers: Mapping[str, str] = attrs.field(repr=False)
    received_at: float
    """Seconds since the epoch."""
    body: bytes = attrs.field(default=b"", repr=False)
    status: int | None = None
    """The status that was decided on, even where a fault then kept it from the client."""
    faults: tuple[str, ...] = ()
    """Kinds of the faults that were applied."""
    is_remembered: bool = attrs.field(default=False, repr=False)
    """Whether the record still has it."""

    @property
    def has_key(self) -> bool:
        """Whether the request carried a key, right or wrong."""
        return key_in(self.raw_headers) is not None or "Authorization" in self.raw_headers

    @property
    def headers(self) -> dict[str, str]:
        """Headers by lower-case name; keys are blotted out."""
        secret = ("x-api-key", "authorization")
        return {
            name.lower(): _REDACTED if name.lower() in secret else value for name, value in self.raw_headers.items()
        }

    def json(self) -> object:
        """Decode the body."""
        return msgspec.json.decode(self.body)


class Record:
    """The latest requests, oldest first."""

    def __init__(self, limit: int, max_bytes: int = 256 * 1024 * 1024) -> None:
        self._requests: deque[RecordedRequest] = deque()
        self._limit = limit
        self._max_bytes = max_bytes
        self._bytes = 0

    def add(self, request: RecordedRequest) -> None:
        """Remember a request; beyond the limit the oldest is forgotten."""
        self._requests.append(request)
        request.is_remembered = True
        self._forget()

    def add_body(self, request: RecordedRequest, body: bytes) -> None:
        """Remember a request's body; where all bodies together become too large, the oldest requests are forgotten."""
        request.body = body
        if request.is_remembered:
            self._bytes += len(body)
            self._forget()

    def all(self) -> list[RecordedRequest]:
        """List the requests."""
        return list(self._requests)

    def clear(self) -> None:
        """Forget all requests."""
        while self._requests:
            self._forget_oldest()

    def _forget(self) -> None:
        while len(self._requests) > self._limit or (self._bytes > self._max_bytes and len(self._requests) > 1):
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = self._requests.popleft()
        oldest.is_remembered = False
        self._bytes -= len(oldest.body)
