"""Editors and notebooks that complete by Jedi see the client's tree."""

from __future__ import annotations

from pathlib import Path

import jedi
import pytest

EXPECTED = {"": {"evals", "reports", "files"}, "evals.": {"create", "list_prompts", "runs"}}


def test_the_tree_is_completed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(jedi.settings, "cache_directory", str(tmp_path))  # processes that share one read half a file
    for client in ("AymaraAI", "AsyncAymaraAI"):
        for typed, expected in EXPECTED.items():
            source = f"from aymara_async import {client}\nclient = {client}()\nclient.{typed}"
            names = {completion.name for completion in jedi.Script(source).complete()}
            assert expected <= names, (client, typed)
