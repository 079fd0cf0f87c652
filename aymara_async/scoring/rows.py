"""What the input files hold, row by row."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class PromptRow:
    """One prompt of a prompts file, or of an eval."""

    prompt_uuid: str
    """The file's own id of the prompt; the server gives another."""
    content: str
    category: str | None = None
    is_harmless: bool = False
    """Whether the file marks it as harmless, so that a refusal would be the fault."""


@attrs.frozen(kw_only=True)
class ResponseRow:
    """One response of a responses file."""

    prompt_uuid: str
    """The id of the prompt that was answered, as the file has it."""
    content: str | None
    """What the AI answered; None where it refused."""
    thread_uuid: str | None = None
    turn_number: int = 1
    ai_refused: bool = False
    exclude_from_scoring: bool = False

    @property
    def turn(self) -> tuple[str, str | None, int]:
        """What may be answered only once."""
        return self.prompt_uuid, self.thread_uuid, self.turn_number

    def to_request(self, prompt_uuid: str) -> dict[str, object]:
        """Give what is sent, to the prompt of that id."""
        sent: dict[str, object] = {
            "prompt_uuid": prompt_uuid,
            "thread_uuid": self.thread_uuid,
            "turn_number": self.turn_number,
            "content": self.content,
            "ai_refused": self.ai_refused,
            "exclude_from_scoring": self.exclude_from_scoring,
        }
        return {name: value for name, value in sent.items() if name != "thread_uuid" or value is not None}

    def __str__(self) -> str:
        """Name the response as people find it in the file."""
        return turn_name(self.prompt_uuid, self.thread_uuid, self.turn_number)


def turn_name(prompt_uuid: str, thread_uuid: str | None, turn_number: int) -> str:
    """Name a response by what it answers."""
    parts = [] if thread_uuid is None else [f"thread {thread_uuid}"]
    if turn_number != 1:
        parts.append(f"turn {turn_number}")
    return f"{prompt_uuid} ({', '.join(parts)})" if parts else prompt_uuid
