"""What a client is told, by its arguments or by the environment, checked before anything is sent."""

from __future__ import annotations

import logging
import os
import platform
import ssl
from collections.abc import Mapping
from typing import Literal, Protocol, TypeAlias, TypeGuard
from urllib.parse import urlsplit, urlunsplit

import attrs

from aymara_async.errors import ConfigurationError
from aymara_async.transport.addresses import is_loopback
from aymara_async.transport.opener import ConnectionSettings
from aymara_async.transport.options import CallOptions
from aymara_async.transport.retry import RetryPolicy
from aymara_async.version import version_of

Environment: TypeAlias = Literal["production", "staging", "development"]

ENVIRONMENTS: Mapping[str, str] = {
    "production": "https://api.aymara.ai",
    "staging": "https://staging-api.aymara.ai",
    "development": "http://localhost:8000",
}
_TRUE, _FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})


_NOT_PICKLED = (
    "This client came by a pickle, as to another process. Keys and TLS contexts are not pickled, and this one was made "
    "with one of its own. Nothing was sent. Make the client in this process, or leave api_key out where it is made and "
    "set AYMARA_AI_API_KEY for both processes."
)


def _check_count(_: ClientSettings, attribute: attrs.Attribute[int], value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{attribute.name} must be a whole number of at least 1, not {value!r}.")


@attrs.frozen(kw_only=True)
class ClientSettings:
    """All that makes a client, but for the keys; what a pickled client consists of."""

    base_url: str
    call: CallOptions
    max_connections: int = attrs.field(validator=_check_count)
    max_response_bytes: int = attrs.field(validator=_check_count)
    ssl_context: ssl.SSLContext | None = attrs.field(repr=False)
    is_key_given: bool
    """Whether the key was an argument, rather than of the environment."""

    def without_secrets(self) -> ClientSettings:
        """Return what may be pickled: no keys among the headers, and no TLS context, which cannot be."""
        is_given = self.is_key_given or self.call.has_key or self.ssl_context is not None
        return attrs.evolve(self, call=self.call.without_secrets(), ssl_context=None, is_key_given=is_given)

    def restored(self) -> ConnectionSettings:
        """Make the session's settings in the process that a pickle came to, where the environment may hold a key."""
        fault = _NOT_PICKLED
        if not self.is_key_given:
            try:
                return self.connection(auth_from_environment(None, None))
            except ConfigurationError as error:
                fault = f"{error.message} Keys are not pickled with a client. Nothing was sent."
        return attrs.evolve(self.connection({}), fault=fault)

    def connection(self, auth: Mapping[str, str]) -> ConnectionSettings:
        """Make the session's settings."""
        ours, aiohttp = version_of("aymara-async"), version_of("aiohttp")
        agent = f"aymara-async/{ours} Python/{platform.python_version()} aiohttp/{aiohttp}"
        return ConnectionSettings(
            base_url=self.base_url,
            headers={"User-Agent": agent, "Accept": "application/json", **auth},
            max_connections=self.max_connections,
            max_response_bytes=self.max_response_bytes,
            ssl_context=self.ssl_context,
        )


class Secret(Protocol):
    """What hides a key from logs, such as a ``SecretStr`` of pydantic."""

    def get_secret_value(self) -> str:
        """Return the key."""
        ...


Key: TypeAlias = str | Secret


def auth_headers(api_key: Key | None, bearer_token: Key | None) -> dict[str, str]:
    """Make the headers that say who calls; raises ``ConfigurationError``, which does not show the key."""
    headers: dict[str, str] = {}
    for name, value, header in (
        ("api_key", api_key, "x-api-key"),
        ("bearer_token", bearer_token, "Authorization"),
    ):
        if value is None:
            continue
        key: object = value if isinstance(value, str | bytes) else _revealed(value)
        if (fault := _key_fault(key)) is not None:
            raise ConfigurationError(f"The {name} {fault} Copy it again.")
        headers[header] = f"{key}" if header == "x-api-key" else f"Bearer {key}"
    return headers


def _revealed(key: object) -> object:
    """Take a key out of what hides it."""
    reveal = getattr(key, "get_secret_value", None)
    return reveal() if callable(reveal) else key


def _key_fault(key: object) -> str | None:
    """Say what is wrong with a key, without showing it; None if nothing is."""
    if not isinstance(key, str):
        return f"is of type {type(key).__name__}, not text{'; decode it' if isinstance(key, bytes) else ''}."
    faults = {
        "is empty.": not key,
        "stands in quotes, which do not belong to it.": key[:1] in {'"', "'"} or key[-1:] in {'"', "'"},
        "holds a line end, as from a file that was read whole.": "\n" in key or "\r" in key,
        "holds characters outside ASCII, such as a dash or a quote of a text processor.": not key.isascii(),
        "holds spaces or control characters.": not _is_plain(key),
    }
    return next((said for said, is_so in faults.items() if is_so), None)


def _is_plain(text: object) -> TypeGuard[str]:
    return isinstance(text, str) and bool(text) and text.isascii() and text.isprintable() and " " not in text


def auth_from_environment(api_key: Key | None, bearer_token: Key | None) -> dict[str, str]:
    """Like ``auth_headers``, with ``AYMARA_AI_API_KEY`` and ``AYMARA_AI_BEARER_TOKEN`` for what is not given."""
    if api_key is None:
        api_key = os.environ.get("AYMARA_AI_API_KEY") or None
    if bearer_token is None:
        bearer_token = os.environ.get("AYMARA_AI_BEARER_TOKEN") or None
    headers = auth_headers(api_key, bearer_token)
    if not headers:
        raise ConfigurationError(
            "There is no API key. Pass api_key, or set the environment variable AYMARA_AI_API_KEY (or bearer_token and "
            "AYMARA_AI_BEARER_TOKEN)."
        )
    return headers


def resolve_base_url(base_url: str | None, environment: Environment | None, *, allow_http: bool) -> str:
    """Decide where calls go: ``base_url``, else ``environment``, else ``AYMARA_AI_BASE_URL``, else production."""
    from_environment = os.environ.get("AYMARA_AI_BASE_URL")
    if base_url is None and environment is not None:
        if from_environment:
            raise ConfigurationError(
                f"Both the argument environment={environment!r} and the variable AYMARA_AI_BASE_URL say where calls "
                "go. Leave one out, or pass base_url."
            )
        if environment not in ENVIRONMENTS:
            raise ConfigurationError(f"There is no environment {environment!r}; there are {', '.join(ENVIRONMENTS)}.")
        base_url = ENVIRONMENTS[environment]
    url = (from_environment or ENVIRONMENTS["production"]) if base_url is None else base_url
    if not _is_plain(url):
        raise ConfigurationError(
            "The base_url is no text, is empty, or holds spaces, line ends or characters outside ASCII."
        )
    url = url.rstrip("/").removesuffix("/v2").rstrip("/")  # which every path begins with
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"The base_url is no URL: {error}.") from error
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ConfigurationError("The base_url must look like https://host or https://host/path.")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("The base_url holds a user name or password; pass api_key or bearer_token instead.")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise ConfigurationError(
            f"The base_url would send the API key to {host} unencrypted. Use https, or pass allow_http=True if the "
            "network between is yours alone."
        )
    # The rest of the package compares schemes and hosts as they are.
    return urlunsplit(parts._replace(netloc=parts.netloc.lower()))


def use_sandbox_from_environment(use_sandbox: bool | None) -> bool | None:
    """Read ``AYMARA_AI_USE_SANDBOX`` where the argument is not given; raises ``ConfigurationError``."""
    if use_sandbox is not None:
        return use_sandbox
    value = os.environ.get("AYMARA_AI_USE_SANDBOX", "").strip().lower()
    if value not in _TRUE | _FALSE:
        raise ConfigurationError("AYMARA_AI_USE_SANDBOX must be true or false.")
    return True if value in _TRUE else None


def retry_policy(retry: RetryPolicy | None, max_retries: int | None) -> RetryPolicy:
    """Merge the two ways to say how often; raises ``ConfigurationError``."""
    policy = RetryPolicy() if retry is None else retry
    if not isinstance(policy, RetryPolicy):
        raise ConfigurationError(f"retry must be a RetryPolicy, not a {type(policy).__name__}.")
    if max_retries is None:
        return policy
    if not isinstance(max_retries, int) or isinstance(max_retries, bool) or max_retries < 0:
        raise ConfigurationError(f"max_retries must be a whole number of at least 0, not {max_retries!r}.")
    return attrs.evolve(policy, max_retries=max_retries)


def configure_logging() -> None:
    """Obey ``AYMARA_AI_LOG``: with ``info`` or ``debug`` the package's logger writes to stderr."""
    level = {"info": logging.INFO, "debug": logging.DEBUG}.get(os.environ.get("AYMARA_AI_LOG", "").lower())
    if level is None:
        return
    logger = logging.getLogger("aymara_async")
    logger.setLevel(level)
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger.addHandler(handler)
