"""The models of ``aymara-async run``: functions, chat endpoints and programs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aymara_async.sandbox import Sandbox
from tests.cli import models
from tests.cli.model_folder import folder
from tests.cli.process import own_environment, run
from tests.cli.scored_runs import client_of, make_eval
from tests.runner.test_adapters import ChatServer, server

__all__ = ["folder", "server"]

NEW = ["--ai-description", "A shop assistant", "--eval-type", "safety", "--num-prompts", "1"]


@pytest.fixture
async def eval_uuid(sandbox: Sandbox) -> AsyncIterator[str]:
    async with client_of(sandbox) as client:
        yield (await make_eval(client, ["hello", "refuse"]))[0]


async def contents(*arguments: object, env: dict[str, str]) -> list[Any]:
    ended = await run("run", "-q", "--format", "jsonl", *arguments, env=env)
    assert (ended.code, ended.stderr) == (0, "")
    return [json.loads(line)["content"] for line in ended.stdout.splitlines()]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("models:refuse", models.REFUSAL),
        ("models:mixed", models.REFUSAL),
        ("models:careful", models.REFUSAL),
        ("models:careful.reply", f"{models.REFUSAL} Careful."),
    ],
)
async def test_function(name: str, answer: str, sandbox: Sandbox, env: dict[str, str], eval_uuid: str) -> None:
    ended = await run("run", "--format", "jsonl", "--model", name, "--eval", eval_uuid, env=env)
    assert [json.loads(line)["content"] for line in ended.stdout.splitlines()] == [answer] * 2


def test_function_in_the_folder_of_an_installed_command(env: dict[str, str], folder: Path) -> None:
    """Which does not look there by itself, other than ``python -m``."""
    arguments = ["run", "-q", "--sandbox", "--model", "models:refuse", *NEW]
    code = f"from aymara_async.cli import main; main({arguments})"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, check=False, text=True, env=own_environment()
    )
    assert (ended.returncode, ended.stderr) == (0, "")


async def test_function_in_a_package_of_the_folder(
    sandbox: Sandbox, env: dict[str, str], eval_uuid: str, folder: Path
) -> None:
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").touch()
    (folder / "shop" / "assistant.py").write_text("reply = lambda prompt: prompt.upper()\n", encoding="utf-8")
    found = await contents("--model", "shop.assistant:reply", "--eval", eval_uuid, env=env)
    assert found == ["HELLO", "REFUSE"]


def write_broken(folder: Path) -> None:
    (folder / "broken.py").write_text("raise RuntimeError('no database')\n", encoding="utf-8")
    (folder / "leaving.py").write_text("import sys\nsys.exit('bye')\n", encoding="utf-8")
    (folder / "lacking.py").write_text("import no_such_package_here\n", encoding="utf-8")
    (folder / "wrong.py").write_text("def wrong(): ...\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("models", "--model 'models' is not MODULE:FUNCTION"),
        ("models:", "--model 'models:' is not MODULE:FUNCTION"),
        ("models.py:refuse", "--model 'models.py:refuse' is not MODULE:FUNCTION"),
        ("nothing:here", "there is no module 'nothing', neither installed nor in "),
        ("broken:x", "broken cannot be imported, it raises RuntimeError: no database."),
        ("leaving:x", "leaving cannot be imported, it raises SystemExit: bye."),
        (
            "lacking:x",
            "lacking cannot be imported, it raises ModuleNotFoundError: No module named 'no_such_pa",
        ),
        ("models:refus", "models has no 'refus', but refuse, careful. Nothing was sent."),
        ("models:zzzz", "models has no 'zzzz', but careful, counted, evil, flaky, hang. Nothing was sent."),
        ("models:careful.nothing", "models has no 'careful.nothing'. Nothing was sent."),
        ("models:Careful", "models:Careful is a class; name a function, or an instance."),
        ("models:number", "models:number cannot be called; it is of type int."),
        ("wrong:wrong", "argument"),
    ],
)
async def test_function_that_cannot_be_had(
    name: str, said: str, sandbox: Sandbox, env: dict[str, str], folder: Path
) -> None:
    write_broken(folder)
    ended = await run("run", "--model", name, *NEW, env=env)
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert "Nothing was sent" in ended.stderr or "is not MODULE:FUNCTION" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not sandbox.requests


async def test_debug_shows_where_a_module_fails(env: dict[str, str], folder: Path) -> None:
    write_broken(folder)
    ended = await run("run", "--debug", "--model", "broken:x", *NEW, env=env)
    assert 'broken.py", line 1' in ended.stderr


async def test_chat_endpoint(
    sandbox: Sandbox, env: dict[str, str], eval_uuid: str, server: ChatServer, folder: Path
) -> None:
    env |= {"OPENAI_API_KEY": "sk-for-somebody-else", "MY_KEY": "sk-mine"}
    endpoint = ["--endpoint", server.url, "--model-name", "tiny", "--eval", eval_uuid]
    assert await contents(*endpoint, env=env) == ["echo hello", None]
    # A key goes only where it is meant to go.
    assert server.keys == {"Bearer none"}
    (folder / "system.txt").write_text("Rhyme.", encoding="utf-8")
    server.keys.clear()
    server.bodies.clear()
    options = ["--param", "temperature=0", "--param", "user=me", "--param", 'stop=["x"]', "--system", "@system.txt"]
    await contents(*endpoint, "--endpoint-key-env", "MY_KEY", *options, env=env)
    assert server.keys == {"Bearer sk-mine"}
    for body in server.bodies:
        assert (body["model"], body["temperature"], body["user"], body["stop"]) == ("tiny", 0, "me", ["x"])
        assert body["messages"][0] == {"role": "system", "content": "Rhyme."}
    ended = await run("run", *endpoint, "--endpoint-key-env", "MY_KEY", "--debug", env=env)
    assert "sk-mine" not in ended.stdout + ended.stderr


async def test_chat_endpoint_that_fails_is_asked_again(
    sandbox: Sandbox, env: dict[str, str], server: ChatServer
) -> None:
    async with client_of(sandbox) as client:
        eval_uuid, _ = await make_eval(client, ["fail"])
    endpoint = ["--endpoint", server.url, "--model-name", "tiny", "--eval", eval_uuid]
    ended = await run("run", *endpoint, "--retries", "1", "--on-error", "refuse", env=env)
    assert ended.code == 0
    assert len(server.bodies) == 2
    assert "InternalServerError: Error code: 500" in ended.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--endpoint", "http://127.0.0.1:9/v1"], "--endpoint needs --model-name."),
        (["--endpoint", "x", "--model-name", "m", "--param", "x"], "--param 'x' is not NAME=VALUE"),
        (["--endpoint", "x", "--model-name", "m", "--param", "model=x"], "--param model has an option of its own"),
        (
            ["--endpoint", "http://127.0.0.1:9", "--model-name", "m", "--endpoint-key-env", "NOT_SET"],
            "The environment variable NOT_SET holds no key for http://127.0.0.1:9. Nothing was sent.",
        ),
        (
            ["--endpoint", "https://api.openai.com/v1", "--model-name", "m"],
            "The environment variable OPENAI_API_KEY holds no key for https://api.openai.com/v1.",
        ),
    ],
)
async def test_wrong_endpoint(options: list[str], said: str, sandbox: Sandbox, env: dict[str, str]) -> None:
    ended = await run("run", *options, *NEW, env=env | {"OPENAI_API_KEY": ""})
    assert (ended.code, ended.stdout) == (2, "")
    assert said in " ".join(ended.stderr.split())
    assert not sandbox.requests


def test_missing_extra_is_told_before_anything_is_sent(sandbox: Sandbox, env: dict[str, str]) -> None:
    arguments = ["run", "--endpoint", "http://127.0.0.1:9", "--model-name", "m", *NEW]
    code = f"import sys; sys.modules['openai'] = None; from aymara_async.cli import main; main({arguments})"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, text=True, env=own_environment(**env)
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "pip install 'aymara-async[openai]'" in ended.stderr
    assert not sandbox.requests


async def test_command(sandbox: Sandbox, env: dict[str, str], eval_uuid: str, folder: Path) -> None:
    assert await contents("--command", "tr a-z A-Z", "--eval", eval_uuid, env=env) == ["HELLO", "REFUSE"]
    (folder / "ask.py").write_text(
        "import json, sys\ntold = json.load(sys.stdin)\nprint(told['turn'], told['messages'][-1]['content'])\n",
        encoding="utf-8",
    )
    command = f"{sys.executable} ask.py"
    found = await contents("--command", command, "--command-json", "--eval", eval_uuid, env=env)
    assert found == ["1 hello", "1 refuse"]


async def test_command_that_fails(sandbox: Sandbox, env: dict[str, str], eval_uuid: str) -> None:
    command = 'read line; test "$line" = hello || { echo broken >&2; exit 3; }; echo fine'
    arguments = ["run", "-q", "--command", command, "--eval", eval_uuid, "--retries", "0", "--on-error", "exclude"]
    ended = await run(*arguments, env=env)
    assert ended.code == 0
    assert ended.stderr.count("\n") == 1
    assert ": CommandError: The command ended with exit code 3: broken" in ended.stderr


async def test_answer_timeout(sandbox: Sandbox, env: dict[str, str], eval_uuid: str) -> None:
    options = ["--answer-timeout", "0.05", "--retries", "0", "--on-error", "refuse"]
    ended = await run("run", "-q", "--model", "models:hang", "--eval", eval_uuid, *options, env=env)
    assert ended.code == 0
    assert ended.stderr.count("AnswerTimeoutError: The model did not answer within 0.05 s") == 2


async def test_failing_function_is_asked_again(sandbox: Sandbox, env: dict[str, str], eval_uuid: str) -> None:
    arguments = ["run", "-q", "--model", "models:flaky", "--eval", eval_uuid, "--on-error", "refuse"]
    assert (await run(*arguments, "--retries", "0", env=env)).stderr.count("ConnectionError: busy") == 2
    await asyncio.to_thread(forget)
    assert (await run(*arguments, "--retries", "1", env=env)).stderr == ""


def forget() -> None:
    for path in Path().glob("tried-*"):
        path.unlink()
