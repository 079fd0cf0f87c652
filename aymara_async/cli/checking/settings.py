"""What ``doctor`` looks at in the settings: key, address, kind of results, and certificates."""

from __future__ import annotations

import os
import ssl
from urllib.parse import urlsplit

from aymara_async.cli.checking.finding import Finding, Patient
from aymara_async.errors import ConfigurationError
from aymara_async.settings import auth_headers, resolve_base_url, use_sandbox_from_environment
from aymara_async.transport.addresses import is_loopback

KEY = "AYMARA_AI_API_KEY"
TOKEN = "AYMARA_AI_BEARER_TOKEN"  # noqa: S105 - the name of a variable
_QUOTES = "\"'`“”‘’"


async def check_key(patient: Patient) -> Finding:
    """Look at the form of the key, without showing any of it."""
    given = {name: value for name in (KEY, TOKEN) if (value := os.environ.get(name))}
    if not given:
        why = f"{KEY} is set, but empty." if KEY in os.environ else f"{KEY} is not set."
        advice = f'Run: export {KEY}="your key", with the key of your workspace.'
        if others := sorted(name for name in os.environ if "AYMARA" in name and "KEY" in name and name != KEY):
            advice += f" {others[0]} is set, but not read."
        return Finding("key", "failure", why, advice)
    for name, value in given.items():
        if fault := _key_fault(value):
            return Finding("key", "failure", f"{name} {fault}.", "Copy the key again, and nothing but the key.")
    patient.has_key = True
    shown = " and ".join(f"{name}, {len(value)} characters," for name, value in given.items())
    if len(given) > 1:
        return Finding("key", "warning", f"{shown} are both set and both sent.", f"Unset {TOKEN} if it is not meant.")
    return Finding("key", "ok", f"{shown} looks like a key.")


def _key_fault(value: str) -> str | None:
    if value != value.strip():
        return "begins or ends with white space"
    if value[0] in _QUOTES or value[-1] in _QUOTES:
        return "has quotes around it, which are no part of a key"
    if value.lower().startswith("bearer "):
        return "begins with the word Bearer, which is no part of a key"
    if value.startswith("<") or any(character.isspace() for character in value):
        return "holds white space or a placeholder"
    try:
        auth_headers(value, None)
    except ConfigurationError:
        return "holds characters that no key has, outside of printable ASCII"
    return None


async def check_address(patient: Patient) -> Finding:
    """Look at where calls go."""
    named = "AYMARA_AI_BASE_URL" if os.environ.get("AYMARA_AI_BASE_URL") else "the default"
    source = "--base-url" if patient.base_url is not None else named
    try:
        url = resolve_base_url(patient.base_url, None, allow_http=patient.allow_http)
    except ConfigurationError as error:
        patient.obstacle = "there is no usable address"
        return Finding("address", "failure", error.message, f"Correct {source}, or add --allow-http if that is meant.")
    patient.url = url
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        return Finding("address", "warning", f"{url}, by {source}: the key goes there unencrypted.", "Use https.")
    return Finding("address", "ok", f"{url}, by {source}.")


async def check_results(_: Patient) -> Finding:
    """Look at whether results are real."""
    try:
        is_made_up = use_sandbox_from_environment(None)
    except ConfigurationError as error:
        return Finding("results", "failure", error.message, "Correct or unset AYMARA_AI_USE_SANDBOX.")
    if is_made_up:
        advice = "Unset AYMARA_AI_USE_SANDBOX for real results."
        return Finding("results", "warning", "AYMARA_AI_USE_SANDBOX asks the API for made-up results.", advice)
    return Finding("results", "ok", "Real results are asked for.")


async def check_certificates(patient: Patient) -> Finding:
    """Look at which authorities the server's certificate is checked against."""
    if patient.url is not None and patient.url.startswith("http:"):
        return Finding("certificates", "ok", "Not needed: the connection is not encrypted.")
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file and (fault := _file_fault(file)):
        advice = "Correct SSL_CERT_FILE, or unset it for the system's authorities."
        return Finding("certificates", "failure", f"SSL_CERT_FILE names {file}, {fault}.", advice)
    if folder and not any(map(os.path.isdir, folder.split(os.pathsep))):
        advice = "Correct SSL_CERT_DIR, or unset it."
        return Finding("certificates", "failure", f"SSL_CERT_DIR names {folder}, which is no folder.", advice)
    paths = ssl.get_default_verify_paths()
    count = ssl.create_default_context().cert_store_stats()["x509_ca"]
    if not count and not paths.capath:
        advice = "Install the system's certificates (ca-certificates), or name a file in SSL_CERT_FILE."
        return Finding("certificates", "failure", "No certificate authority is trusted.", advice)
    where = f"SSL_CERT_FILE ({file})" if file else str(paths.cafile or paths.capath or "the system")
    unread = [name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if os.environ.get(name)]
    if unread and not file:
        advice = f"Set SSL_CERT_FILE to the same file if your network needs it: {unread[0]} is not read."
        return Finding("certificates", "warning", f"{count} authorities, from {where}.", advice)
    return Finding("certificates", "ok", f"{count} authorities, from {where}.")


def _file_fault(file: str) -> str | None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError:
        return "which holds no certificate in PEM form"
    except OSError as error:
        return f"which cannot be read: {error.strerror or error}"
    return None
