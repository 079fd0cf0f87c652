"""What the input files hold, row by row."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class PromptRow:
    """One prompt of a prompts file."""

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
    """The prompts file's id of the prompt that was answered."""
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

    def __str__(self) -> str:
        """Name the response as people find it in the file."""
        parts = [] if self.thread_uuid is None else [f"thread {self.thread_uuid}"]
        if self.turn_number != 1:
            parts.append(f"turn {self.turn_number}")
        return f"{self.prompt_uuid} ({', '.join(parts)})" if parts else self.prompt_uuid
