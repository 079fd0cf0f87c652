"""URLs: where they go, what may be shown of them, and where a redirect may lead."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import quote, urljoin, urlsplit

from aymara_async.errors import RequestValidationError

REDIRECTS = frozenset({301, 302, 303, 307, 308})


def is_loopback(host: str) -> bool:
    """Tell whether what goes to the host stays on this machine."""
    host = host.lower().removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def foreign_url(url: object) -> str:
    """Check the URL of another host that a file is sent to; raises ``RequestValidationError``."""
    is_plain = isinstance(url, str) and url.isascii() and url.isprintable() and " " not in url
    try:
        scheme, host, _ = origin(str(url))
    except ValueError:
        is_plain, scheme, host = False, "", ""
    if not is_plain or scheme not in {"http", "https"} or not host:
        raise RequestValidationError(
            "The file_url is no URL that begins with https://. Nothing was sent.", path="file_url"
        )
    if scheme == "http" and not is_loopback(host):
        raise RequestValidationError(
            f"The file_url would send the file, and the right to write there, to {host} unencrypted. Nothing was sent; "
            "use https.",
            path="file_url",
        )
    return scheme + str(url)[len(scheme) :]


def redirect_target(method: str, url: str, status: int, headers: Mapping[str, str]) -> str | None:
    """Return where to send the request instead: on the same origin and with the same meaning only, else None."""
    location = headers.get("Location")
    if status not in REDIRECTS or location is None:
        return None
    if method != "GET" and status not in (307, 308):
        return None
    try:
        # Some servers write what no request line may hold.
        target = quote(urljoin(url, location), safe="/?#%:@!$&'()*+,;=~[]")
        return target if origin(target) == origin(url) else None
    except ValueError:
        return None


def shown_url(url: str) -> str:
    """Leave out the query: presigned URLs carry their signature there."""
    return url.partition("?")[0]
