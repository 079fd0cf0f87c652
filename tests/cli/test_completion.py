"""Completion in shells, and that neither it nor --help loads what it does not need."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aymara_async.cli.group import COMMANDS
from tests.cli.process import own_environment, run

HEAVY = ["aiohttp", "aymara_async.client", "aymara_async.models", "rich", "pandas", "scipy", "matplotlib"]


def complete(words: str) -> list[str]:
    """Ask for completions as the script does, and get them without their kinds."""
    env = own_environment(
        _AYMARA_ASYNC_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(len(words.split(" ")) - 1)
    )
    command = [sys.executable, "-W", "error", "-m", "aymara_async"]
    ended = subprocess.run(command, env=env, capture_output=True, check=True, text=True)
    return [line.partition(",")[2] for line in ended.stdout.splitlines()]


def test_commands_are_completed() -> None:
    assert complete("aymara-async ") == list(COMMANDS)
    assert complete("aymara-async re") == [name for name in COMMANDS if name.startswith("re")]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("aymara-async --d", ["--debug"]),
        ("aymara-async evals ", ["list", "get", "create", "prompts", "delete"]),
        ("aymara-async runs ", ["list", "get", "responses", "delete"]),
        ("aymara-async reports ", ["create", "get", "list"]),
        ("aymara-async files ", ["upload", "list", "get"]),
        ("aymara-async runs list --format ", ["table", "json", "jsonl", "csv"]),
        ("aymara-async runs list --format j", ["json", "jsonl"]),
        ("aymara-async runs list --ev", ["--eval"]),
        ("aymara-async evals list --order ", ["asc", "desc"]),
        ("aymara-async evals list --sort na", ["name"]),
        ("aymara-async completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_what_follows_is_completed(words: str, wanted: list[str]) -> None:
    assert sorted(complete(words)) == sorted(wanted)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("aymara-async eva", ["evals"]),
        ("aymara-async runs r", ["responses"]),
        ("aymara-async runs list --format c", ["csv"]),
        ("aymara-async reports create x --w", ["--wait", "--workspace"]),
    ],
)
def test_bash_completes(typed: str, wanted: list[str]) -> None:
    script = (
        'eval "$(aymara-async completion bash)"\n'
        f"COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=()\n"
        "complete -p aymara-async\n"
        "_aymara_async_completion aymara-async\n"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    env = own_environment(PATH=f"{Path(sys.executable).parent}:/usr/bin:/bin")
    ended = subprocess.run(["bash", "--norc", "-c", script], env=env, capture_output=True, check=False, text=True)
    assert ended.stderr == ""
    registered, *completions = ended.stdout.splitlines()
    assert registered.endswith("-F _aymara_async_completion aymara-async")
    assert sorted(completions) == sorted(wanted)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_is_right_for_the_shell(shell: str) -> None:
    command = [sys.executable, "-W", "error", "-m", "aymara_async", "completion", shell]
    ended = subprocess.run(command, env=own_environment(), capture_output=True, check=True, text=True)
    assert f"_AYMARA_ASYNC_COMPLETE={shell}_complete" in ended.stdout
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=ended.stdout, check=False, text=True, capture_output=True)
        assert (checked.returncode, checked.stderr) == (0, "")


async def test_unknown_shell() -> None:
    ended = await run("completion", "tcsh")
    assert (ended.code, ended.stdout) == (2, "")
    assert "'tcsh' is not one of" in ended.stderr


@pytest.mark.parametrize("words", ["aymara-async ", "aymara-async evals ", "aymara-async runs list --format "])
def test_completion_loads_nothing_heavy(words: str) -> None:
    code = (
        "import sys\nfrom aymara_async.cli.invocation import run\n"
        f"try: run([])\nexcept SystemExit: print('loaded', [name for name in {HEAVY} if name in sys.modules])"
    )
    count = str(len(words.split(" ")) - 1)
    env = own_environment(_AYMARA_ASYNC_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=count)
    ended = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True, text=True)
    assert ended.stdout.splitlines()[-1] == "loaded []"
    assert ended.stdout.count("\n") > 1


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["evals", "--help"], ["evals", "create", "--help"], ["runs", "list", "--help"], ["doctor", "--help"]],
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom aymara_async.cli.invocation import run\n"
        f"run({arguments})\nprint([name for name in {HEAVY} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "sandbox"])
async def test_help_of_every_command_fits_into_80_columns(command: str) -> None:
    ended = await run(command, "--help")
    assert ended.code == 0
    assert all(len(line) <= 80 for line in ended.stdout.splitlines())
    subcommands = ended.stdout.partition("\nCommands:\n")[2].partition("\n\n")[0].splitlines()
    for subcommand in (line.split()[0] for line in subcommands):
        below = await run(command, subcommand, "--help")
        assert all(len(line) <= 80 for line in below.stdout.splitlines())
        assert "Example" in below.stdout
