"""What ``doctor`` looks at on the way to the server: proxy, name, connection and encryption."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from aymara_async.cli.checking.finding import Finding, Patient, in_thread
from aymara_async.errors import ConfigurationError
from aymara_async.transport.addresses import origin
from aymara_async.transport.proxy import proxy_for

_SOON = 14
"""Days before its end from which a certificate is worth a warning."""
_SHOWN = 3
_PROXY_ADVICE = "Correct or unset the proxy variables, or add the server's name to NO_PROXY."


async def check_proxy(patient: Patient) -> Finding:
    """Look for a proxy in the environment, and whether it is there."""
    if patient.url is None:
        return _skipped("proxy", patient)
    named = sorted({name.upper() for name in os.environ if name.lower().endswith("_proxy")} - {"NO_PROXY"})
    try:
        proxy = patient.proxy = proxy_for(patient.url)
        if proxy is None:
            unused = f"{', '.join(named)} set, but not for this server" if getproxies() and named else "None"
            return Finding("proxy", "ok", f"{unused}: calls go straight to the server.")
        scheme, host, port = origin(proxy.url)
    except (ConfigurationError, ValueError) as error:
        return patient.obstruct("proxy", f"{', '.join(named)}: {error}", _PROXY_ADVICE)
    port = urlsplit(proxy.url).port or (443 if scheme == "https" else 80)
    try:
        addresses = await _look_up(host, port)
        await _connect(addresses, port)
    except OSError as error:
        return patient.obstruct("proxy", f"{proxy.url}, by {', '.join(named)}: {_why(error)}.", _PROXY_ADVICE)
    return Finding("proxy", "ok", f"{proxy.url}, by {', '.join(named)}, takes connections.")


async def check_dns(patient: Patient) -> Finding:
    """Look up the server's name."""
    if patient.url is None or patient.obstacle:
        return _skipped("dns", patient)
    if patient.proxy is not None:
        return Finding("dns", "skipped", "The proxy looks the name up.")
    _, host, port = origin(patient.url)
    try:
        patient.addresses = await _look_up(host, port)
    except OSError as error:
        advice = "Check the spelling of the address, the network connection, and the DNS settings of this machine."
        return patient.obstruct("dns", f"{host} has no address: {_why(error)}.", advice)
    more = f" and {len(patient.addresses) - _SHOWN} more" if len(patient.addresses) > _SHOWN else ""
    return Finding("dns", "ok", f"{host} is at {', '.join(patient.addresses[:_SHOWN])}{more}.")


async def check_connection(patient: Patient) -> Finding:
    """Connect to the server."""
    if patient.url is None or patient.obstacle:
        return _skipped("connection", patient)
    if patient.proxy is not None:
        return Finding("connection", "skipped", "The proxy connects to the server.")
    _, _, port = origin(patient.url)
    started = monotonic()
    try:
        await _connect(patient.addresses, port)
    except OSError as error:
        advice = "See whether the server runs, whether the port is right, and whether a firewall needs a proxy."
        return patient.obstruct("connection", f"Port {port} takes no connection: {_why(error)}.", advice)
    return Finding("connection", "ok", f"Port {port} took a connection in {(monotonic() - started) * 1000:.0f} ms.")


async def check_encryption(patient: Patient) -> Finding:
    """Begin TLS with the server, and look at its certificate."""
    if patient.url is None or patient.obstacle:
        return _skipped("encryption", patient)
    scheme, host, port = origin(patient.url)
    if scheme == "http" or patient.proxy is not None:
        why = "The address begins with http." if scheme == "http" else "The next check sees to it, through the proxy."
        return Finding("encryption", "skipped", why)
    try:
        certificate, protocol = await _connect(patient.addresses, port, host)
    except ssl.SSLCertVerificationError as error:
        advice = "If your network has an authority of its own, name its certificate in SSL_CERT_FILE; check the clock."
        message = f"The certificate of {host} is not trusted: {error.verify_message}."
        return patient.obstruct("encryption", message, advice)
    except (ssl.SSLError, OSError) as error:
        advice = f"Check whether port {port} of {host} speaks TLS; else the address may begin with http."
        return patient.obstruct("encryption", f"No secure connection could be made: {_why(error)}.", advice)
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    message = f"{protocol}, certificate valid until {end:%Y-%m-%d}."
    is_soon = (end - datetime.now(UTC)).days < _SOON
    what_to_do = "Whoever runs the server must renew it soon." if is_soon else None
    return Finding("encryption", "warning" if is_soon else "ok", message, what_to_do)


def _skipped(check: str, patient: Patient) -> Finding:
    return Finding(check, "skipped", f"Not looked at: {patient.obstacle or 'there is no usable address'}.")


async def _look_up(host: str, port: int) -> list[str]:
    found = await in_thread(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _connect(addresses: list[str], port: int, tls_host: str | None = None) -> tuple[dict[str, Any], str]:
    """Connect to the first address that answers, and return its certificate and protocol; raises ``OSError``.

    With ``tls_host`` it begins TLS, and the certificate must be for that host.
    """
    tls = ssl.create_default_context() if tls_host is not None else None
    for number, address in enumerate(addresses, 1):
        try:
            _, writer = await asyncio.open_connection(address, port, ssl=tls, server_hostname=tls_host)
        except ssl.SSLError:
            raise
        except OSError:
            if number == len(addresses):
                raise
            continue
        try:
            certificate = writer.get_extra_info("peercert") or {}
            version = getattr(writer.get_extra_info("ssl_object"), "version", str)()
            return certificate, version
        finally:
            writer.transport.abort()
    raise OSError("there is no address")


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason.replace("_", " ").lower() if error.reason else str(error)
    if isinstance(error, socket.gaierror) or error.errno is None:
        return error.strerror or str(error)
    # asyncio's own words name address and port again.
    return os.strerror(error.errno)
