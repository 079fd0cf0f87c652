"""What a caller may say about one call, and what a client says about all of its calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

import attrs

from aymara_async.transport.retry import RetryPolicy


class RequestOptions(TypedDict, total=False):
    """Options that every method takes."""

    extra_headers: Mapping[str, str]
    """Headers to add, or to put in the place of the client's."""
    extra_query: Mapping[str, object]
    """Query parameters to add."""
    extra_body: Mapping[str, object]
    """Fields to add to a JSON body, unchecked."""
    timeout: float | None
    """Seconds for each attempt as a whole, in place of the client's; None for no limit."""


@attrs.frozen(kw_only=True)
class CallOptions:
    """What a client, or a view of it, says about its calls."""

    timeout: float | None = 60.0
    """Seconds for each attempt: connecting, sending and reading the whole answer."""
    deadline: float | None = None
    """Seconds for a call as a whole, waits and retries included."""
    retry: RetryPolicy = RetryPolicy()
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Headers beyond those of the connection; they may hold a key."""
    query: Mapping[str, object] = attrs.field(factory=dict)
    workspace_uuid: str | None = None
    """The workspace of calls that do not name one."""
    use_sandbox: bool | None = None
    """Whether calls that do not say ask for made-up results."""

    def with_headers(self, headers: Mapping[str, str] | None) -> CallOptions:
        """Add headers."""
        return attrs.evolve(self, headers={**self.headers, **headers}) if headers else self

    def with_sandbox(self, use_sandbox: bool | None) -> CallOptions:
        """Ask for made-up results or not, in the query where operations take it and in a header everywhere."""
        headers = {name: value for name, value in self.headers.items() if name != "X-Use-Sandbox"}
        if use_sandbox is not None:
            headers["X-Use-Sandbox"] = str(use_sandbox)
        return attrs.evolve(self, use_sandbox=use_sandbox, headers=headers)
