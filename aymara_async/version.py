"""Which version of a package this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

UNKNOWN = "unknown"


def version_of(package: str) -> str:
    """Return a package's version, ``"unknown"`` where it was bundled without its metadata."""
    try:
        return version(package)
    except PackageNotFoundError:
        return UNKNOWN
