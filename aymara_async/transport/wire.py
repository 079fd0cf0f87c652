"""The protocol as pure functions: what a call looks like on the wire, and what an answer means. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from urllib.parse import quote, unquote

import attrs
import msgspec
from multidict import CIMultiDict

from aymara_async.errors import (
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestValidationError,
    UnprocessableEntityError,
)
from aymara_async.response import APIResponse
from aymara_async.transport.addresses import REDIRECTS, shown_url
from aymara_async.transport.codec import InvalidJSONError, as_text, decode_leniently, decoder

_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*")
_SHOWN = 200

_STATUS_ERRORS: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def segment(name: str, value: object) -> str:
    """Encode an id as one segment of a path; raises ``RequestValidationError`` for what cannot be an id."""
    value = as_text(value)
    if not isinstance(value, str) or not value:
        raise RequestValidationError(f"{name} must be a non-empty string, not {value!r}. Nothing was sent.", path=name)
    if _PLAIN_SEGMENT.fullmatch(value):
        return value
    encoded = _quoted(name, value)
    # `quote` leaves dots alone, but the segments "." and ".." would be taken out of the path.
    return encoded.replace(".", "%2E") if encoded in (".", "..") else encoded


def custom_path(path: object) -> str:
    """Check and encode a path that the caller wrote; raises ``RequestValidationError`` for anything but a path."""
    if (
        not isinstance(path, str)
        or not path.startswith("/")
        or {".", ".."} & {*unquote(path.partition("?")[0]).split("/")}
    ):
        raise RequestValidationError(
            f"A path begins with a slash and has no dot segments, unlike {path!r}. Nothing was sent.", path="path"
        )
    return _quoted("path", path.partition("#")[0], safe="/?%:@!$&'()*+,;=~")


def _quoted(name: str, text: str, safe: str = "") -> str:
    try:
        return quote(text, safe=safe)
    except (UnicodeEncodeError, TypeError) as error:
        raise RequestValidationError(f"{name} is not valid text: {text!r}. Nothing was sent.", path=name) from error


def _parameter(name: str, value: object) -> str:
    value = as_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int) or (isinstance(value, float) and isfinite(value)):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Iterable) and not isinstance(value, bytes | Mapping):
        return ",".join(_parameter(name, item) for item in value)
    raise RequestValidationError(
        f"The query parameter {name} cannot be {repr(value)[:40]}. Nothing was sent.", path=name
    )


def query(*sources: Mapping[str, object] | None) -> str:
    """Build the query; later sources win, None is left out, sequences are joined with commas."""
    merged: dict[str, object] = {}
    for source in sources:
        if source:
            merged.update(source)
    parts = [
        f"{_quoted(name, name)}={_quoted(name, _parameter(name, value))}"
        for name, value in merged.items()
        if value is not None and value is not msgspec.UNSET
    ]
    return "&".join(parts)


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read ``retry-after-ms``, or ``Retry-After`` in seconds or as an HTTP date, as seconds from now.

    None if both are absent or garbage.
    """
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", milliseconds := headers.get("retry-after-ms", "").strip()):
        return float(milliseconds) / 1000
    value = headers.get("Retry-After")
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())


@attrs.frozen
class _Fault:
    message: str = ""
    code: str | None = None
    details: Mapping[str, object] = attrs.field(factory=dict)


def _fault(body: object) -> _Fault:
    """Read the API's error body as far as it is one; of any other, such as a proxy's, show the beginning."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or not error.get("message"):
        text = body if isinstance(body, str) else "" if body is None else msgspec.json.encode(body).decode()
        message = " ".join(text.split())[:_SHOWN]
    else:
        message = str(error["message"])
    if not isinstance(error, dict):
        return _Fault(message=message)
    code, details = error.get("code"), error.get("details")
    return _Fault(
        message=message,
        code=code if isinstance(code, str) else None,
        details=details if isinstance(details, dict) else {},
    )


def _body(response: APIResponse[object]) -> object:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        return response.text


def status_error(response: APIResponse[object], *, is_foreign: bool = False) -> APIStatusError:
    """Make the error that a response with a failing status stands for; ``is_foreign`` tells a storage host's."""
    status = response.status_code
    cls = _STATUS_ERRORS.get(status) or (InternalServerError if status >= 500 else APIStatusError)
    body = _body(response)
    fault = _fault(body)
    wait = retry_after(response.headers)
    parts = [f"{response.method} {shown_url(response.url)} answered {status}"]
    if fault.code:
        parts[0] += f" {fault.code}"
    if fault.message:
        parts[0] += f": {fault.message}"
    if status in REDIRECTS and not is_foreign:
        target = shown_url(response.headers.get("Location", "nowhere"))
        parts.append(f"It redirects to {target}; it was not followed there, so the API key went nowhere else")
        parts.append("Check base_url")
    if wait is not None:
        parts.append(f"The server asks to wait {wait:g} s")
    if response.request_id:
        parts.append(f"Request id: {response.request_id}")
    text = ". ".join(part.rstrip(".") for part in parts) + "."
    error = cls(
        text,
        response=response,
        body=body,
        code=fault.code,
        details=fault.details,
        request_id=response.request_id,
        retry_after=wait,
    )
    error.message = f"{text} {_STORAGE_ADVICE if is_foreign else _advice(error)}".strip()
    error.args = (error.message,)
    return error


_STORAGE_ADVICE = (
    "The storage host did not take the file. Its URL is valid for a short time, and for one media type: ask for "
    "another with files.create, or use files.upload."
)


def _advice(error: APIStatusError) -> str:
    if error.may_have_acted and error.method != "GET":
        return InternalServerError.advice
    if error.is_passing and not isinstance(error, RateLimitError):
        return "Nothing was changed; try again later."
    return error.advice


def content_of(response: APIResponse[object]) -> bytes:
    """Return the body as it is, which is all that can be made of an answer that is wrong."""
    return response.content


def decode(response: APIResponse[object], cl: type) -> object:
    """Decode the body of a successful response.

    ``None`` expects nothing, and ignores all but a web page, which is a proxy's and not the API's. ``bytes`` and
    ``str`` take the body as it is; every other type is decoded from JSON. Raises ``APIResponseValidationError``.
    """
    if cl is type(None):
        if response.content and "html" in response.headers.get("Content-Type", ""):
            raise _validation_error(response, cl, ValueError("a web page where nothing was promised"))
        return None
    if cl is bytes:
        return response.content
    if cl is str:
        return response.text
    if cl is APIResponse:
        return response
    try:
        return decoder(cl)(response.content)
    except (ValueError, RecursionError) as error:
        try:
            return decode_leniently(response.content, cl)
        except (ValueError, RecursionError):
            raise _validation_error(response, cl, error) from error


def _validation_error(response: APIResponse[object], cl: type, error: Exception) -> APIResponseValidationError:
    fault = InvalidJSONError.explain(error)
    content_type = response.headers.get("Content-Type", "none")
    where = f"{fault.reason} at {fault.path}" if fault.path else f"{fault.reason} (content type {content_type})"
    expected = getattr(cl, "__name__", None) or str(cl)
    return APIResponseValidationError(
        f"{response.method} {shown_url(response.url)} answered {response.status_code}, but not with the {expected} "
        f"that the API promises: {where}. The server did its work; only its answer is unreadable. If a proxy answered "
        "in its place, check base_url; else report it with `error.response.content`.",
        response=attrs.evolve(response, headers=CIMultiDict(response.headers), decode=content_of),
        path=fault.path,
        body=_body(response),
    )
