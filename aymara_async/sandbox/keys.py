"""API keys: who may do what."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from aymara_async.sandbox.rejection import RejectedError

_READING = ("GET",)


@attrs.frozen
class Keys:
    """The keys that a sandbox knows."""

    api_key: str
    read_only_api_key: str
    """Reads; anything else is answered with 403."""
    expired_api_key: str
    """Answered with 401, as expired."""

    def check(self, method: str, headers: Mapping[str, str]) -> None:
        """Let a request with a good key pass.

        Raises:
            RejectedError: 401 without a good key, 403 for a key that must not do this.
        """
        key = key_in(headers)
        if key == self.api_key or (key == self.read_only_api_key and method in _READING):
            return
        if key == self.read_only_api_key:
            raise RejectedError(403, "auth.insufficient_permissions", "This API key may only read")
        if key == self.expired_api_key:
            raise RejectedError(401, "auth.expired_key", "This API key has expired")
        if key is None:
            raise RejectedError(401, "auth.invalid_key", "No API key: send x-api-key, or Authorization: Bearer")
        raise RejectedError(401, "auth.invalid_key", "The API key is not valid")


def key_in(headers: Mapping[str, str]) -> str | None:
    """Find the key that a request carries, if any."""
    key = headers.get("x-api-key")
    if key is not None:
        return key
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
