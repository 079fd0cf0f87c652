"""Whom to trust: the system's authorities, or those that the environment names."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path

from aymara_async.errors import ConfigurationError


def default_tls() -> ssl.SSLContext:
    """Return the context for the environment as it is now, shared by all who ask; raises ``ConfigurationError``."""
    paths = ssl.get_default_verify_paths()
    named = [
        (name, os.environ[name])
        for name in (paths.openssl_cafile_env, paths.openssl_capath_env)
        if os.environ.get(name)
    ]
    return _context(tuple((name, path, _stamp(name, path)) for name, path in named))


def _stamp(name: str, path: str) -> tuple[int, int]:
    """Tell the state of a file of authorities, which may be replaced; OpenSSL would pass over one that is missing."""
    try:
        found = Path(path).stat()
    except OSError as error:
        raise ConfigurationError(
            f"{name} names {path}, which cannot be read: {error.strerror}. Nothing was sent; correct or unset {name}."
        ) from error
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=4)
def _context(named: tuple[tuple[str, str, tuple[int, int]], ...]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for name, path, _ in named:
        if Path(path).is_dir():
            continue
        try:
            context.load_verify_locations(path)
        except (ssl.SSLError, OSError) as error:
            raise ConfigurationError(
                f"{name} names {path}, which holds no certificates: {error}. Nothing was sent; correct or unset {name}."
            ) from error
    return context
