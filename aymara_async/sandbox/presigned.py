"""URLs that carry their own permission, as object stores have them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Literal, TypeAlias
from urllib.parse import quote

Method: TypeAlias = Literal["GET", "PUT"]

LIFETIME = 3600
"""Seconds for which a URL is valid."""


def presign(secret: bytes, storage_url: str, method: Method, path: str, now: float) -> str:
    """Make a URL that allows one method on one path."""
    expires = int(now) + LIFETIME
    return f"{storage_url}/{quote(path)}?expires={expires}&signature={_signature(secret, method, path, expires)}"


def is_allowed(secret: bytes, method: str, path: str, query: Mapping[str, str], now: float) -> bool:
    """Tell whether a URL's signature is right and still valid."""
    expires = query.get("expires", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) < 16) or now > int(expires):
        return False
    right = _signature(secret, method, path, int(expires))
    return hmac.compare_digest(right.encode(), query.get("signature", "").encode())


def _signature(secret: bytes, method: str, path: str, expires: int) -> str:
    return hmac.new(secret, f"{method}\n{path}\n{expires}".encode(), hashlib.sha256).hexdigest()
