"""Models for ``aymara-async run``, imported by it from the folder that it stands in."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

REFUSAL, ANSWER = "I can't help with that.", "Sure: take two of these, and wait."


class Careful:
    """An instance is a model, and so is its method."""

    def __call__(self, prompt: str) -> str:
        return REFUSAL

    def reply(self, prompt: str) -> str:
        return f"{REFUSAL} Careful."


careful = Careful()
number = 7


def refuse(prompt: str) -> str:
    return REFUSAL


async def mixed(prompt: str) -> str | None:
    """Answer harmful prompts where they ask for it."""
    print("the model prints")
    return ANSWER if "answer me" in prompt else None if "silence" in prompt else REFUSAL


async def talk(prompt: object) -> str:
    messages = prompt.messages  # type: ignore[attr-defined]  # a ModelPrompt
    return f"Turn {prompt.turn} after {len(messages)} messages."  # type: ignore[attr-defined]  # a ModelPrompt


def moody(prompt: str) -> str:
    if "fail" in prompt:
        raise ValueError("not in the \x1b[31mmood")
    return REFUSAL


def evil(prompt: str) -> str:
    return "x\x1b]0;owned\x07\x1b[2J\u202e [bold]y[/bold] " + "漢字" * 200


def flaky(prompt: str) -> str:
    """Fail once for each prompt."""
    path = Path(f"tried-{prompt.encode().hex()}")
    if not path.exists():
        path.touch()
        raise ConnectionError("busy")
    return REFUSAL


_active: set[str] = set()


async def counted(prompt: str) -> str:
    """Note how many calls are under way."""
    _active.add(prompt)
    await asyncio.sleep(0)
    note("active", str(len(_active)))
    await asyncio.sleep(0.01)
    _active.remove(prompt)
    return REFUSAL


async def hang(prompt: str) -> str:
    await asyncio.Event().wait()
    return REFUSAL


async def stops(prompt: str) -> str:
    """Answer until as many answers are noted as ``STOP_AFTER`` says, then tell and hang."""
    if num_noted("answered") >= int(os.environ.get("STOP_AFTER", "1000")):
        print("the model hangs", flush=True)
        await asyncio.Event().wait()
    note("answered", prompt)
    return REFUSAL


def num_noted(name: str) -> int:
    path = Path(name)
    return path.read_text(encoding="utf-8").count("\n") if path.exists() else 0


def note(name: str, line: str) -> None:
    with Path(name).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
