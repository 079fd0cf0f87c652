"""Editors and notebooks that complete by Jedi see the client's tree."""

from __future__ import annotations

import jedi
import pytest


@pytest.mark.parametrize("client", ["AymaraAI", "AsyncAymaraAI"])
@pytest.mark.parametrize(
    ("typed", "expected"), [("", {"evals", "reports", "files"}), ("evals.", {"create", "list_prompts", "runs"})]
)
def test_the_tree_is_completed(client: str, typed: str, expected: set[str]) -> None:
    source = f"from aymara_async import {client}\nclient = {client}()\nclient.{typed}"
    names = {completion.name for completion in jedi.Script(source).complete()}
    assert expected <= names
