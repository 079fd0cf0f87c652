"""Keys taken out of what a server repeats."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from multidict import CIMultiDict

from aymara_async.response import APIResponse

SECRET_HEADERS = frozenset({"x-api-key", "authorization", "proxy-authorization", "cookie"})


def redact(response: APIResponse[object], *sent: Mapping[str, str] | None) -> None:
    """Take the secrets among the headers that were sent out of an answer that repeats them."""
    headers = CIMultiDict(response.headers)
    for name, value in (pair for source in sent for pair in (source or {}).items()):
        if name.lower() in SECRET_HEADERS and (secret := value.removeprefix("Bearer ")):
            for form in _forms(secret):
                response.content = response.content.replace(form.encode(), b"[redacted]")
            headers = CIMultiDict((name, text.replace(secret, "[redacted]")) for name, text in headers.items())
    response.headers = headers


def without_secrets(text: str, *sent: Mapping[str, str] | None) -> str:
    """Take the secrets among the headers that were sent out of a text that repeats them."""
    for name, value in (pair for source in sent for pair in (source or {}).items()):
        if name.lower() in SECRET_HEADERS and (secret := value.removeprefix("Bearer ")):
            for form in _forms(secret):
                text = text.replace(form, "[redacted]")
    return text


def _forms(secret: str) -> set[str]:
    """Return a secret as it may stand in a text, in JSON and in Python's own notation."""
    in_json = msgspec.json.encode(secret).decode()[1:-1]
    return {secret, in_json, in_json.replace("/", "\\/"), repr(secret)[1:-1]}
