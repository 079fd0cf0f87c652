"""One HTTP response as it came, before anything is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import attrs
import msgspec

T_co = TypeVar("T_co", covariant=True)


@attrs.define(kw_only=True, repr=False)
class APIResponse(Generic[T_co]):
    """A response with its status, headers and undecoded body."""

    status_code: int
    """HTTP status."""
    headers: Mapping[str, str]
    """Response headers; names are case-insensitive."""
    content: bytes
    """The body, decompressed."""
    method: str
    """HTTP method of the request."""
    url: str
    """URL of the request."""
    attempts: int = 1
    """How often the request was sent, this response included."""
    decode: Callable[[APIResponse[object]], T_co] = attrs.field(eq=False)
    """Makes the typed result of ``parse()``."""

    @property
    def request_id(self) -> str | None:
        """The server's name for this exchange: the ``x-request-id`` header, else ``request_id`` of an error body."""
        header = self.headers.get("x-request-id")
        if header:
            return header
        try:
            body = self.json()
        except ValueError:
            return None
        value = body.get("request_id") if isinstance(body, dict) else None
        return value if isinstance(value, str) and value else None

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> object:
        """Decode the body as JSON, unchecked; raises ``ValueError`` where it is none."""
        try:
            return msgspec.json.decode(self.content.removeprefix(b"\xef\xbb\xbf"))
        except RecursionError as error:
            raise ValueError("The JSON is nested too deep") from error

    def parse(self) -> T_co:
        """Return what the method itself would have returned.

        Raises ``APIResponseValidationError`` if the body is not what the API promises.
        """
        return self.decode(self)

    def __repr__(self) -> str:
        url = self.url.partition("?")[0]  # presigned URLs carry their signature in the query
        return f"<APIResponse {self.status_code} {self.method} {url} ({len(self.content)} bytes)>"
