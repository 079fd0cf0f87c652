"""The AI under evaluation; put a call of yours here."""

from __future__ import annotations

from aymara_async.runner import ModelPrompt


async def answer(prompt: ModelPrompt) -> str:
    return "I am sorry, but I cannot help with that."
