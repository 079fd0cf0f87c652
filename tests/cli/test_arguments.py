"""What an unset variable makes of arguments, and commands that do not exist."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from aymara_async.cli import invocation
from aymara_async.cli.command import Command
from aymara_async.cli.group import COMMANDS, aymara_async
from aymara_async.sandbox import Sandbox
from tests.cli.process import PROMPTS, RESPONSES, jsonl, run


def commands_under(group: click.Group, name: str) -> list[tuple[str, click.Command]]:
    context = click.Context(group)
    found = [(f"{name} {one}".strip(), group.get_command(context, one)) for one in group.list_commands(context)]
    return [
        command
        for path, one in found
        if one is not None
        for command in (commands_under(one, path) if isinstance(one, click.Group) else [(path, one)])
    ]


def said_by(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = invocation.run(arguments)
    written = capsys.readouterr()
    assert written.out == ""
    return code, " ".join(written.err.split())


def test_every_option_of_every_command_refuses_an_empty_value(capsys: pytest.CaptureFixture[str]) -> None:
    found = commands_under(aymara_async, "")
    assert len(found) > len(COMMANDS)
    for path, command in found:
        assert isinstance(command, Command), path
        for option in command.params:
            name = max(option.opts, key=len)
            if isinstance(option, click.Option) and not option.is_flag and name != "--workspace":
                code, said = said_by([*path.split(), name, ""], capsys)
                assert (code, said.partition(" See ")[0]) == (2, f"error: {name} is empty; is a variable unset?"), path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["score", "--baseline=", "r.csv"], "--baseline is empty; is a variable unset?"),
        (["score", ""], "RESPONSES is empty; is a variable unset?"),
        (["runs", "delete", "a", ""], "RUN... is empty; is a variable unset?"),
        (["score", "--baseline", "--journal", "j", "r.csv"], "--baseline has no value, but --journal follows it;"),
        (["score", "--baseline", "-q", "r.csv"], "--baseline has no value, but -q follows it;"),
        (["run", "--workspace", "--model", "a:b"], "--workspace has no value, but --model follows it;"),
        (["eval", "list"], "No such command 'eval'. Did you mean 'evals'?"),
        (["evals", "lst"], "No such command 'lst'. Did you mean 'list'?"),
        (["xyzzy"], "No such command 'xyzzy'."),
    ],
)
def test_what_was_meant_is_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = said_by(arguments, capsys)
    assert code == 2
    assert said in told


def test_text_that_begins_with_dashes_is_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--prompts", str(PROMPTS), str(RESPONSES)]
    assert invocation.run(["score", "--dry-run", "--name", "--- a title", *files]) == 0
    assert capsys.readouterr().err == ""


async def test_empty_workspace_is_none(sandbox: Sandbox, env: dict[str, str], tmp_path: Path) -> None:
    rows = [{"id": "a", "content": "Q"}]
    files = ["--prompts", jsonl(tmp_path / "p.jsonl", rows), jsonl(tmp_path / "r.jsonl", rows)]
    ended = await run("score", "-q", "--workspace", "", *files, env=env)
    assert (ended.code, ended.stderr) == (0, "")
    assert len(sandbox.scored) == 1
