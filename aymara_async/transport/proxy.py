"""Which proxy the environment names for a URL."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import attrs

from aymara_async.errors import ConfigurationError
from aymara_async.transport.addresses import is_loopback


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
    if (
        not named
        or proxy_bypass(parts.netloc.rpartition("@")[2])
        or _is_in_network(parts.hostname or "", proxies.get("no", ""))
    ):
        return None
    proxy = _read(named, parts.scheme)
    assert proxy.hostname is not None
    if parts.scheme == "http" and is_loopback(parts.hostname or "") and not is_loopback(proxy.hostname):
        return None  # what may go unencrypted because it stays on this machine must not leave it
    host = proxy.netloc.rpartition("@")[2]
    headers = None
    if proxy.username is not None:
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        headers = {"Proxy-Authorization": f"Basic {b64encode(login.encode()).decode()}"}
    return Proxy(urlunsplit((proxy.scheme, host, "", "", "")), headers)


def _read(named: str, scheme: str) -> SplitResult:
    """Read the URL of a proxy; the error does not show it, as it may hold a password."""
    try:
        proxy = urlsplit(named if "://" in named else f"http://{named}")
        port = proxy.port  # which is read only now, and may be none
        is_usable = (
            proxy.scheme in ("http", "https") and bool(proxy.hostname) and port != 0 and not set(named) & {*" \t"}
        )
        what = f"that is no HTTP proxy ({proxy.scheme})"
        if is_usable:
            return proxy
    except ValueError as error:
        what = f"whose URL is none ({str(error).partition(':')[0]})"
    raise ConfigurationError(
        f"The environment names a proxy for {scheme} {what}. Nothing was sent; correct {scheme.upper()}_PROXY or "
        "ALL_PROXY to a URL such as http://host:port, or add the server's host to NO_PROXY."
    )


def _is_in_network(host: str, exempt: str) -> bool:
    """Tell whether the host is an address in one of the networks of ``NO_PROXY``, such as 10.0.0.0/8."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    for entry in exempt.split(","):
        try:
            if "/" in entry and address in ip_network(entry.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False
