"""The fields of a new eval as options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click

from aymara_async.cli.options import option
from aymara_async.cli.text_input import instructions, text_of, text_or_file

REQUIRED = ("ai_description", "eval_type")
"""What a new eval cannot do without."""

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@attrs.frozen(kw_only=True)
class EvalFields:
    """What is said of a new eval; None and False are left to the client's and the server's defaults."""

    ai_description: str | None = option(type=text_or_file, metavar="TEXT", help="What the AI is.")
    eval_type: str | None = option(metavar="SLUG", help="What to test: safety, accuracy, jailbreak, ...")
    ai_instructions: object = option(type=instructions, metavar="TEXT", help="What the AI was told to do.")
    name: str | None = option(metavar="TEXT", help="Name of the eval.")
    eval_instructions: str | None = option(
        type=text_or_file, metavar="TEXT", help="More on how to write prompts, and to judge."
    )
    num_prompts: int | None = option(
        type=click.IntRange(min=0), metavar="N", help="How many prompts to write.  [server: 100]"
    )
    language: str | None = option(metavar="CODE", help="Language of the prompts.  [server: en]")
    modality: str | None = option(
        metavar="KIND", help="What the AI answers with: text, image or video.  [server: text]"
    )
    is_jailbreak: bool = option("--jailbreak", is_flag=True, help="Prompts that try to make the AI break its rules.")
    ground_truth: Path | None = option(type=_FILE, metavar="FILE", help="A text file of what is true, for accuracy.")
    ground_truth_uuid: str | None = option(metavar="UUID", help="The same, as a file that was uploaded.")
    prompt_examples: Path | None = option(
        type=_FILE,
        metavar="FILE",
        help="JSON Lines with content; type (good or bad) and explanation, if you like.",
    )
    is_sandbox: bool = option("--use-sandbox", is_flag=True, help="Have the API make up all results of this eval.")

    def given(self) -> dict[str, Any]:
        """Return the fields that were given, files read; raises ``click.UsageError`` and ``InputFileError``."""
        fields = {name: value for name, value in attrs.asdict(self).items() if value is not None and value is not False}
        if self.ground_truth is not None and self.ground_truth_uuid is not None:
            raise click.UsageError("Give --ground-truth or --ground-truth-uuid, not both. Nothing was sent.")
        if self.ground_truth is not None:
            fields["ground_truth"] = text_of(str(self.ground_truth))
        if self.ground_truth_uuid is not None:
            fields["ground_truth"] = {"file_uuid": fields.pop("ground_truth_uuid")}
        if self.prompt_examples is not None:
            fields["prompt_examples"] = _examples(self.prompt_examples)
        return fields


def _examples(path: Path) -> list[dict[str, object]]:
    from aymara_async.scoring.errors import InputFileError
    from aymara_async.scoring.jsonl import read_lines

    examples: list[dict[str, object]] = []
    for _, line in read_lines(path, dict[str, object]):
        if isinstance(line, InputFileError):
            raise line
        examples.append(line)
    return examples
