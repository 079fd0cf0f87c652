"""The fields of a new eval as options."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from aymara_async.cli.text_input import instructions, text_of, text_or_file

C = TypeVar("C", bound=Callable[..., Any])

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option("--ai-description", type=text_or_file, metavar="TEXT", required=True, help="What the AI is."),
    click.option("--eval-type", metavar="SLUG", required=True, help="What to test: safety, accuracy, jailbreak, ..."),
    click.option("--ai-instructions", type=instructions, metavar="TEXT", help="What the AI was told to do."),
    click.option("--name", metavar="TEXT", help="Name of the eval."),
    click.option(
        "--eval-instructions", type=text_or_file, metavar="TEXT", help="More on how to write prompts, and to judge."
    ),
    click.option(
        "--num-prompts", type=click.IntRange(min=0), metavar="N", help="How many prompts to write.  [server: 100]"
    ),
    click.option("--language", metavar="CODE", help="Language of the prompts.  [server: en]"),
    click.option("--modality", metavar="KIND", help="What the AI answers with: text, image or video.  [server: text]"),
    click.option("--jailbreak", "is_jailbreak", is_flag=True, help="Prompts that try to make the AI break its rules."),
    click.option("--ground-truth", type=_FILE, metavar="FILE", help="A text file of what is true, for accuracy."),
    click.option("--ground-truth-uuid", metavar="UUID", help="The same, as a file that was uploaded."),
    click.option(
        "--prompt-examples",
        type=_FILE,
        metavar="FILE",
        help="JSON Lines with content; type (good or bad) and explanation, if you like.",
    ),
    click.option("--use-sandbox", "is_sandbox", is_flag=True, help="Have the API make up all results of this eval."),
)
"""In the order of the help."""


def field_options(command: C) -> C:
    """Add an option for each field."""
    return reduce(lambda function, option: option(function), reversed(_OPTIONS), command)


def given_fields(options: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that were given, files read; raises ``click.UsageError`` and ``InputFileError``."""
    ground_truth: Path | None = options.pop("ground_truth")
    file_uuid: str | None = options.pop("ground_truth_uuid")
    examples: Path | None = options.pop("prompt_examples")
    # A flag left out is left to the client's and the server's defaults.
    fields = {name: value for name, value in options.items() if value is not None and value is not False}
    if ground_truth is not None and file_uuid is not None:
        raise click.UsageError("Give --ground-truth or --ground-truth-uuid, not both. Nothing was sent.")
    if ground_truth is not None:
        fields["ground_truth"] = text_of(str(ground_truth))
    if file_uuid is not None:
        fields["ground_truth"] = {"file_uuid": file_uuid}
    if examples is not None:
        fields["prompt_examples"] = _examples(examples)
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
