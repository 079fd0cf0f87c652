"""Which proxy the environment names for a URL."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import attrs

from aymara_async.errors import ConfigurationError
from aymara_async.transport.wire import is_loopback


@attrs.frozen
class Proxy:
    """An HTTP proxy, and how to log in there."""

    url: str
    headers: Mapping[str, str] | None = attrs.field(default=None, repr=False)


def proxy_for(url: str) -> Proxy | None:
    """Read ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``; raises ``ConfigurationError``."""
    parts = urlsplit(url)
    proxies = getproxies()
    named = proxies.get(parts.scheme) or proxies.get("all")
    if not named or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    if proxy.scheme not in ("http", "https") or not proxy.hostname:
        raise ConfigurationError(
            f"The environment names a proxy for {parts.scheme} that is no HTTP proxy ({proxy.scheme}). Nothing was "
            "sent; name an HTTP proxy, or add the host to NO_PROXY."
        )
    if parts.scheme == "http" and is_loopback(parts.hostname or "") and not is_loopback(proxy.hostname):
        return None  # what may go unencrypted because it stays on this machine must not leave it
    host = proxy.netloc.rpartition("@")[2]
    headers = None
    if proxy.username is not None:
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        headers = {"Proxy-Authorization": f"Basic {b64encode(login.encode()).decode()}"}
    return Proxy(urlunsplit((proxy.scheme, host, "", "", "")), headers)
