"""One call, as the session takes it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from aymara_async.transport.addresses import shown_url
from aymara_async.transport.body import Body, FileBody


@attrs.define(kw_only=True)
class Request:
    """One call, ready to be sent."""

    method: str
    url: str = attrs.field(repr=shown_url)
    headers: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    """Headers beyond those of the connection; they may hold a key."""
    body: Body | None = attrs.field(default=None, repr=False)
    timeout: float | None = None
    """Seconds for each attempt."""
    is_idempotent: bool = True
    """Whether the server may be asked twice."""
    is_foreign: bool = False
    """Whether it goes to another host than the API's, without the client's headers."""

    @property
    def is_repeatable(self) -> bool:
        """Whether the body can be read a second time."""
        return not isinstance(self.body, FileBody) or self.body.start is not None

    def kept(self, url: str) -> str:
        """Return what may be kept of a URL that it goes to: the query of a presigned one is as good as a key."""
        return shown_url(url) if self.is_foreign else url
