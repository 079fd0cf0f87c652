"""The body of every error answer (400, 401, 403, 404, 409, 422, 429, 500, 503)."""

from __future__ import annotations

import attrs

from aymara_async.models.model import Model, model
from aymara_async.models.open_enums import ErrorCode


@model
class ErrorContent(Model):
    """What went wrong."""

    code: ErrorCode
    """Machine-readable code, e.g. ``"resource.not_found"``."""
    message: str
    """Description for people."""
    details: dict[str, object] = attrs.field(factory=dict[str, object])
    """More about the error, in a shape that depends on the code; empty by default."""


@model
class ErrorBody(Model):
    """The JSON that comes with an error status."""

    error: ErrorContent
    """What went wrong."""
    request_id: str = ""
    """Identifies the request in the server's logs; empty where the server names none."""
