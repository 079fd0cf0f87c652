"""What a caller may say about one call, and what a client says about all of its calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf
from typing import Any, Protocol, TypedDict

import attrs

from aymara_async.errors import ConfigurationError, RequestValidationError
from aymara_async.response import APIResponse
from aymara_async.transport import wire
from aymara_async.transport.redaction import SECRET_HEADERS
from aymara_async.transport.retry import RetryPolicy

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_HEADER_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


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


def duration_fault(value: object) -> str | None:
    """Say what is wrong with a time limit; None if nothing is."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < inf):
        return None
    return f"must be a number of seconds above 0, or None for no limit, not {value!r}"


def headers_fault(headers: object) -> str | None:
    """Say what is wrong with headers, without their values, which may be secret; None if nothing is."""
    if not isinstance(headers, Mapping):
        return f"must be a mapping of names to values, not a {type(headers).__name__}"
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            return f"holds {name!r}, which is no name of a header"
        if not isinstance(value, str) or _NO_HEADER_VALUE.search(value):
            return f"holds a value for {name} that is no text, or has line ends or other control characters"
    return None


def _unexpected(name: str) -> str:
    from difflib import get_close_matches  # only who misspells pays for it

    options = sorted(RequestOptions.__optional_keys__)
    near = get_close_matches(name, options, 1)
    meant = f"Did you mean {near[0]!r}?" if near else f"Beside its own, a method takes {', '.join(options)}."
    return f"unexpected keyword argument {name!r}. {meant} Nothing was sent."


def check_options(options: RequestOptions) -> None:
    """Raise ``RequestValidationError`` for an option that makes no sense, ``TypeError`` for one that does not exist."""
    if unknown := sorted(options.keys() - RequestOptions.__optional_keys__):
        raise TypeError(_unexpected(unknown[0]))
    faults = {
        "timeout": duration_fault(options.get("timeout")),
        "extra_headers": headers_fault(options.get("extra_headers") or {}),
    }
    if not isinstance(options.get("extra_query") or {}, Mapping):
        faults["extra_query"] = "must be a mapping of names to values"
    for name, fault in faults.items():
        if fault:
            raise RequestValidationError(f"{name} {fault}. Nothing was sent.", path=name)


def _check_duration(_: CallOptions, attribute: attrs.Attribute[float], value: object) -> None:
    if fault := duration_fault(value):
        raise ConfigurationError(f"{attribute.name} {fault}.")


def _check_headers(_: CallOptions, __: object, value: object) -> None:
    if fault := headers_fault(value):
        raise ConfigurationError(f"default_headers {fault}.")


def _check_query(_: CallOptions, __: object, value: Mapping[str, object]) -> None:
    try:
        wire.query(value)
    except RequestValidationError as error:
        raise ConfigurationError(f"default_query cannot be sent: {error}") from error


def _check_workspace(_: CallOptions, __: object, value: Any) -> None:
    if value is not None and (not isinstance(value, str) or not value):
        raise ConfigurationError(f"workspace_uuid must be a non-empty string or None, not {value!r}.")


def _check_sandbox(_: CallOptions, __: object, value: Any) -> None:
    if value is not None and not isinstance(value, bool):
        raise ConfigurationError(f"use_sandbox must be True, False or None, not {value!r}.")


class Pace(Protocol):
    """Whoever says when calls that take turns may be sent."""

    async def admit(self) -> None:
        """Wait for the turn of an attempt."""

    def observe(self, answer: APIResponse[object], started: float) -> None:
        """Take note of the answer to an attempt that was sent at ``started``, a moment of ``time.monotonic``."""


@attrs.frozen(kw_only=True)
class CallOptions:
    """What a client, or a view of it, says about its calls."""

    timeout: float | None = attrs.field(default=60.0, validator=_check_duration)
    """Seconds for each attempt: connecting, sending and reading the whole answer."""
    deadline: float | None = attrs.field(default=None, validator=_check_duration)
    """Seconds for a call as a whole, waits and retries included."""
    retry: RetryPolicy = RetryPolicy()
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False, validator=_check_headers)
    """Headers beyond those of the connection; they may hold a key."""
    query: Mapping[str, object] = attrs.field(factory=dict, validator=_check_query)
    workspace_uuid: str | None = attrs.field(default=None, validator=_check_workspace)
    """The workspace of calls that do not name one."""
    use_sandbox: bool | None = attrs.field(default=None, validator=_check_sandbox)
    """Whether calls that do not say ask for made-up results."""
    pace: Pace | None = attrs.field(default=None, repr=False)
    """Asked before each attempt and told of each answer, for calls that take turns."""

    @property
    def has_key(self) -> bool:
        """Whether the headers hold a key."""
        return any(name.lower() in SECRET_HEADERS for name in self.headers)

    def without_secrets(self) -> CallOptions:
        """Return what may be pickled: no keys among the headers, nor what belongs to one process."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in SECRET_HEADERS}
        return attrs.evolve(self, headers=headers, pace=None)

    def with_headers(self, headers: Mapping[str, str] | None) -> CallOptions:
        """Add headers; raises ``ConfigurationError``."""
        if not headers:
            return self
        _check_headers(self, None, headers)
        return attrs.evolve(self, headers={**self.headers, **headers})

    def with_query(self, query: Mapping[str, object] | None) -> CallOptions:
        """Add query parameters; raises ``ConfigurationError``."""
        if not query:
            return self
        if not isinstance(query, Mapping):
            raise ConfigurationError(f"default_query must be a mapping, not a {type(query).__name__}.")
        return attrs.evolve(self, query={**self.query, **query})

    def with_sandbox(self, use_sandbox: bool | None) -> CallOptions:
        """Ask for made-up results or not, in the query where operations take it and in a header everywhere."""
        headers = {name: value for name, value in self.headers.items() if name != "X-Use-Sandbox"}
        if use_sandbox is not None:
            headers["X-Use-Sandbox"] = str(use_sandbox)
        return attrs.evolve(self, use_sandbox=use_sandbox, headers=headers)
