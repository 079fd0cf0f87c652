"""The API's error body, and the exceptions that a route raises to answer with one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import formatdate
from typing import Literal


class RejectedError(Exception):
    """Answer a request with an error instead of a result."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details: dict[str, object] = dict(details or {})
        self.headers: dict[str, str] = dict(headers or {})

    def body(self, request_id: str) -> dict[str, object]:
        """Give the JSON body that every error of the API carries."""
        return {
            "error": {"code": self.code, "message": self.message, "details": self.details},
            "request_id": request_id,
        }


CODES: Mapping[int, str] = {
    400: "validation.invalid_format",
    401: "auth.invalid_key",
    403: "auth.insufficient_permissions",
    404: "resource.not_found",
    405: "validation.invalid_request",
    409: "resource.conflict",
    413: "validation.invalid_request",
    422: "validation.invalid_request",
    429: "quota.limit_exceeded",
    500: "server.internal_error",
    503: "server.internal_error",
}
"""The error code that goes with a status where nothing more special is known."""


def code_of(status: int) -> str:
    """Give the error code that goes with a status."""
    return CODES.get(status, CODES[500] if status >= 500 else CODES[422])


def retry_after(seconds: float, form: Literal["seconds", "date", "none"], now: float) -> dict[str, str]:
    """Write the header Retry-After: whole seconds where they suffice, a date, or nothing at all."""
    if form == "none":
        return {}
    if form == "date":
        return {"Retry-After": formatdate(math.ceil(now + seconds), usegmt=True)}
    return {"Retry-After": f"{seconds:g}"}


def malformed(message: str) -> RejectedError:
    """Refuse a body that cannot be read at all."""
    return RejectedError(400, "validation.invalid_format", message)


def invalid(message: str, **details: object) -> RejectedError:
    """Refuse a request that can be read but breaks the contract."""
    return RejectedError(422, "validation.invalid_request", message, details)


def not_found(what: str, uuid: str) -> RejectedError:
    """Refuse an id that does not exist, or not in this workspace."""
    return RejectedError(404, "resource.not_found", f"{what} not found: {uuid}", {"resource": what, "uuid": uuid})


def conflict(message: str, **details: object) -> RejectedError:
    """Refuse what the present state of a resource does not allow."""
    return RejectedError(409, "resource.conflict", message, details)
