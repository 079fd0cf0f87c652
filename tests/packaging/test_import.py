"""Importing the package costs next to nothing: whatever is heavy waits for its first use."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {
    "aiohttp",
    "asyncio",
    "attr",
    "attrs",
    "cattrs",
    "click",
    "logging",
    "msgspec",
    "rich",
    "ssl",
    "tenacity",
    "yarl",
}


def modules_after(statement: str) -> set[str]:
    """Return the modules that a statement loads in a bare interpreter."""
    report = "import json; print(json.dumps(sorted(set(sys.modules) - before)))"
    code = f"import sys; before = set(sys.modules)\n{statement}\n{report}"
    bare = [sys.executable, "-I", "-W", "error", "-c", code]
    return set(json.loads(subprocess.run(bare, check=True, capture_output=True, text=True).stdout))


def test_import_loads_nothing_heavy() -> None:
    loaded = modules_after("import aymara_async")
    assert "aymara_async" in loaded
    assert not loaded & HEAVY


def test_listing_the_names_loads_nothing_heavy() -> None:
    assert not modules_after("import aymara_async; dir(aymara_async)") & HEAVY


def test_an_error_class_loads_no_http_client() -> None:
    assert "aiohttp" not in modules_after("from aymara_async import AymaraAIError")
