"""Every fenced block of the README and the docs does what the page says, against a sandbox.

Blocks of one page run in order and share a namespace. `python` may await at the top level, as in a notebook; a `text`
block holds what the block before it printed (`...` stands for any text); `console` holds commands after `$`.
"""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import yaml
from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

from tests.docs.chat_server import chat_server

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("README.md")),
]
REQUIREMENT = re.compile(r"aymara-async(\[(?P<extras>[a-z,]+)\])?")


def run_python(example: Example) -> None:
    source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
    code = compile(source, example.path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    namespace = example.namespace
    with redirect_stdout(io.StringIO()) as printed:
        if code.co_flags & inspect.CO_COROUTINE:
            namespace[":runner"].run(eval(code, namespace))
        else:
            exec(code, namespace)
    namespace[":printed"] = printed.getvalue()


def compare_text(example: Example) -> None:
    assert_same_text(example.parsed, example.namespace.get(":printed", ""))


def assert_same_text(expected: str, printed: str) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    wanted = doctest.Example("", expected)
    checker = doctest.OutputChecker()
    assert checker.check_output(wanted.want, printed, flags), checker.output_difference(wanted, printed, flags)


def run_console(example: Example) -> None:
    for prompt in re.split(r"^\$ ", example.parsed, flags=re.MULTILINE)[1:]:
        command, _, expected = prompt.partition("\n")
        while command.endswith("\\"):
            line, _, expected = expected.partition("\n")
            command = f"{command[:-1]}{line}"
        printed = run_shell(command)
        if expected.strip():
            assert_same_text(expected, printed)


def run_bash(example: Example) -> None:
    example.namespace[":printed"] = run_shell(example.parsed)


def run_shell(command: str) -> str:
    """Run a command; an installation from the package index is only checked."""
    words = shlex.split(command, comments=True)
    if words[:2] == ["pip", "install"]:
        assert_installable(words[2:])
        return ""
    bash = ["bash", "-euo", "pipefail", "-c", command]
    with subprocess.Popen(
        bash, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            printed, said = process.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # what it started in the background too
            raise
    assert process.returncode == 0, f"{command}\n{printed}\n{said}"
    return printed


def assert_installable(requirements: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in requirements:
        match = REQUIREMENT.fullmatch(requirement)
        assert match, f"not this project: {requirement}"
        for extra in (match["extras"] or "").split(","):
            assert not extra or extra in project["optional-dependencies"], f"no such extra: {extra}"


def check_single_command(example: Example) -> None:
    """Check the form of the README's two tagged commands; CI runs them."""
    assert example.parsed.strip().count("\n") == 0


def check_with(load: Callable[[str], object]) -> Callable[[Example], None]:
    """Check that a block can be read."""

    def check(example: Example) -> None:
        load(example.parsed)

    return check


EVALUATORS: dict[str, Callable[[Example], None]] = {
    "python": run_python,
    "text": compare_text,
    "console": run_console,
    "bash": run_bash,
    "bash run": check_single_command,
    "bash test": check_single_command,
    "yaml": check_with(yaml.safe_load),
    "toml": check_with(tomllib.loads),
    "json": check_with(json.loads),
}


def parse_fences(document: Document) -> Iterator[Region]:
    for region in FencedCodeBlockLexer(language=".*")(document):
        language = region.lexemes["language"].strip()
        assert language in EVALUATORS, f"{document.path}: nobody can run a block of {language!r}"
        region.parsed = region.lexemes["source"]
        region.evaluator = EVALUATORS[language]
        yield region


@pytest.fixture
def chat_endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve a chat endpoint, and tell the ``openai`` package where."""
    with chat_server() as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        yield


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aymara_environment: object, chat_endpoint: object) -> Path:
    """Stand in an empty folder that has the project's examples, with a sandbox in the environment."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def _param(page: Path) -> object:
    starts_many_processes = page.name in {"command-line.md", "scoring-files.md"}
    return pytest.param(page, id=str(page.relative_to(ROOT)), marks=pytest.mark.slow if starts_many_processes else ())


@pytest.mark.parametrize("page", [_param(page) for page in PAGES])
def test_blocks_of_a_page_run(page: Path, place: Path) -> None:
    document = Sybil(parsers=[parse_fences], pattern="*.md", path=str(page.parent)).parse(page)
    with asyncio.Runner() as runner:
        document.namespace.update({"__name__": "__main__", ":runner": runner})
        for example in document.examples():
            example.evaluate()
