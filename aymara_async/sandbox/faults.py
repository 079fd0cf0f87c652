"""The ways in which the server can misbehave, as data.

A fault says which operation it meets, when, and what happens then::

    Reset("evals.runs.score_responses", calls=3, processed=True)   # Python
    reset@evals.runs.score_responses:calls=3,processed=true        # command line
    {"kind": "reset", "operation": "evals.runs.score_responses", "calls": 3, "processed": true}   # control endpoint

Without ``calls``, a fault meets every call of its operation, or the share of them that ``probability`` says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0)]
Count: TypeAlias = Annotated[int, Meta(ge=1)]
RetryAfterForm: TypeAlias = Literal["seconds", "date", "none"]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", omit_defaults=True):
    """What every fault has."""

    operation: str = "*"
    """The operationId it meets, such as ``evals.get``, or a pattern such as ``evals.*``."""
    probability: Share = 1.0
    """The share of calls that it meets, drawn from the sandbox's seed."""
    calls: Count | list[Count] | None = None
    """Which calls of the operation it meets, counted from 1 from the moment the fault was added; all by default."""
    times: Count | None = None
    """How often it happens at most."""

    @property
    def kind(self) -> str:
        """The name of the fault on the command line and in JSON."""
        return str(self.__struct_config__.tag)


class Latency(Fault, frozen=True, tag="latency"):
    """Answer late."""

    seconds: Seconds = 0.1
    jitter: Seconds = 0.0
    """Up to so many seconds more, drawn from the seed."""


class Error(Fault, frozen=True, tag="error"):
    """Answer with an error of the API."""

    status: Annotated[int, Meta(ge=400, le=599)] = 500
    code: str | None = None
    """The error code; by default the one that goes with the status."""
    message: str = "A fault that was asked for"
    retry_after: Seconds | None = None
    """Send Retry-After, so many seconds from now."""
    retry_after_form: RetryAfterForm = "seconds"
    processed: bool = False
    """Whether the request is processed all the same."""


class Reset(Fault, frozen=True, tag="reset"):
    """Reset the connection instead of answering."""

    processed: bool = False
    """Whether the request is processed before."""


class Stall(Fault, frozen=True, tag="stall"):
    """Stop answering, but keep the connection open."""

    at: Literal["start", "headers", "body"] = "start"
    """After nothing, after the headers, or after half of the body."""
    seconds: Seconds | None = None
    """Go on after so many seconds; by default never."""
    processed: bool = True
    """Whether the request is processed before; only a stall at the start can come before that."""


class Truncate(Fault, frozen=True, tag="truncate"):
    """Break off the body, then close the connection."""

    share: Share = 0.5
    """The share of the body that is sent."""


class Slow(Fault, frozen=True, tag="slow"):
    """Send the body drop by drop."""

    bytes_per_second: Annotated[float, Meta(gt=0)] = 1.0


class Corrupt(Fault, frozen=True, tag="corrupt"):
    """Damage the body."""

    form: Literal["json", "utf8", "gzip"] = "json"
    """JSON that ends too early, text that is not UTF-8, or a Content-Encoding that the body does not have."""


class Oversize(Fault, frozen=True, tag="oversize"):
    """Pad the body with spaces: valid JSON, and very large."""

    megabytes: Annotated[float, Meta(gt=0)] = 300.0


class ContentType(Fault, frozen=True, tag="content_type"):
    """Answer with something that is not JSON: an HTML page."""

    value: str = "text/html"
    status: Annotated[int, Meta(ge=200, le=599)] = 200
    keep_body: bool = False
    """Keep the JSON body and lie about its type only."""


class Redirect(Fault, frozen=True, tag="redirect"):
    """Redirect to the second origin, which notes whether the key came along."""

    status: Literal[301, 302, 303, 307, 308] = 307


class Close(Fault, frozen=True, tag="close"):
    """Close the connection after the answer."""

    announced: bool = False
    """Whether the answer says so with ``Connection: close``."""


class Fail(Fault, frozen=True, tag="fail"):
    """Let the eval, run, report or file that the call starts end as failed."""


class NeverFinish(Fault, frozen=True, tag="never_finish"):
    """Let the eval, run, report or file that the call starts stay in processing."""


class ChangeCount(Fault, frozen=True, tag="change_count"):
    """Tell another count than there are items."""

    by: int = 1


class RepeatPage(Fault, frozen=True, tag="repeat_page"):
    """Give the page before the one that was asked for."""


class ShortPage(Fault, frozen=True, tag="short_page"):
    """Give half of the page that was asked for."""


AnyFault: TypeAlias = (
    Latency
    | Error
    | Reset
    | Stall
    | Truncate
    | Slow
    | Corrupt
    | Oversize
    | ContentType
    | Redirect
    | Close
    | Fail
    | NeverFinish
    | ChangeCount
    | RepeatPage
    | ShortPage
)
FaultLike: TypeAlias = AnyFault | Mapping[str, object] | str


class RateLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many requests in a window of time; what is more is answered with 429."""

    requests: Count
    seconds: Annotated[float, Meta(gt=0)] = 1.0
    retry_after: RetryAfterForm = "seconds"


def read_fault(fault: FaultLike) -> AnyFault:
    """Read a fault in any of its three forms.

    Raises:
        ValueError: It is not a fault; says what is wrong with it.
    """
    try:
        if isinstance(fault, Fault):
            # Its constructor checks nothing.
            fields = msgspec.to_builtins(fault)
        else:
            fields = _read_text(fault) if isinstance(fault, str) else fault
        return msgspec.convert(fields, AnyFault, strict=not isinstance(fault, str))  # type: ignore[no-any-return]  # a union
    except ValueError as error:
        raise ValueError(f"Not a fault: {fault!r}: {error}") from None


def read_faults(faults: Iterable[FaultLike]) -> list[AnyFault]:
    """Read several faults."""
    return [read_fault(fault) for fault in faults]


def read_rate_limit(limit: RateLimit | str | float | None) -> RateLimit | None:
    """Read a rate limit: requests per second, or text such as ``100/60`` or ``100/60:date``.

    Raises:
        ValueError: It is not a rate limit.
    """
    if limit is None or isinstance(limit, RateLimit):
        return limit
    rate, _, form = str(limit).partition(":")
    requests, _, seconds = rate.partition("/")
    try:
        number = float(requests)
        # Half a request a second is one in two.
        window = float(seconds or 1) * (1 / number if 0 < number < 1 else 1)
        fields = {"requests": int(max(number, 1)), "seconds": window, "retry_after": form or "seconds"}
        return msgspec.convert(fields if number > 0 else {}, RateLimit)
    except (ValueError, OverflowError, ZeroDivisionError):
        raise ValueError(f"Not a rate limit such as 10, 100/60 or 100/60:date: {limit!r}") from None


def _read_text(text: str) -> dict[str, object]:
    head, _, tail = text.partition(":")
    kind, _, operation = head.partition("@")
    fields: dict[str, object] = {"kind": kind.strip()}
    if operation:
        fields["operation"] = operation.strip()
    fields |= read_pairs(tail)
    calls = fields.get("calls")
    if isinstance(calls, str) and "+" in calls:
        fields["calls"] = calls.split("+")
    return fields


def read_pairs(text: str, *, many: Collection[str] = ()) -> dict[str, object]:
    """Read ``name=value,…``; the values of ``many`` are lists, joined by ``+``. Raises ``ValueError``."""
    fields: dict[str, object] = {}
    for pair in filter(None, text.split(",")):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals:
            raise ValueError(f"expected name=value, got {pair!r}")
        fields[name] = value.split("+") if name in many else value
    return fields
