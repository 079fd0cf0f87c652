"""``aymara-async sandbox``, in a real process."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

COMMAND = [sys.executable, "-W", "error", "-m", "aymara_async", "sandbox"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Start the command; gives the process and the variables that it printed."""
    with subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | environment,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            # Printed after the variables.
            note = process.stderr.readline()
            assert "running" in note, note + process.stderr.read()
            lines = [process.stdout.readline() for _ in range(3 if "http_proxy" in environment else 2)]
            pairs = [re.fullmatch(r"export (\w+)=(.*)\n", line) for line in lines]
            yield process, {pair[1]: shlex.split(pair[2])[0] for pair in pairs if pair}
        finally:
            process.kill()


def get(variables: dict[str, str], path: str) -> tuple[int, object]:
    request = Request(variables["AYMARA_AI_BASE_URL"] + path, headers={"x-api-key": variables["AYMARA_AI_API_KEY"]})
    try:
        with urlopen(request) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_what_to_export_and_stops_cleanly(number: signal.Signals) -> None:
    with running("--fault", "stall@evals.list:at=headers") as (process, variables):
        assert get(variables, "/v2/eval-runs") == (200, {"items": [], "count": 0})
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout, stderr) == (0, "", "The sandbox has stopped.\n")


def test_its_options_reach_the_server(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"content": "mine"}\n', encoding="utf-8")
    arguments = ["--database", str(tmp_path / "x.db"), "--latency", "0.001", "--delay", "1000", "--seed", "3"]
    arguments += ["--rate-limit", "3/1000:none", "--fault", "error@evals.list:status=503,calls=2"]
    arguments += ["--prompts", str(prompts), "--api-key", "my key"]
    with running(*arguments) as (_, variables):
        assert variables["AYMARA_AI_API_KEY"] == "my key"
        assert [get(variables, "/v2/evals")[0] for _ in range(5)] == [200, 503, 200, 200, 429]
    assert (tmp_path / "x.db").exists()


def test_a_proxy_is_kept_away_from_it() -> None:
    with running(http_proxy="http://127.0.0.1:9") as (_, variables):
        assert variables["no_proxy"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fault", "explode"], "Not a fault: 'explode'"),
        (["--fault", "reset@evals.got"], "No operation is called 'evals.got'"),
        (["--rate-limit", "often"], "Not a rate limit"),
        (["--latency", "-1"], "--latency"),
        (["--prompts", __file__], "is not JSON"),
        (["--database", "/no/such/folder/x.db"], "cannot be used: unable to open database file"),
        (["--port", "70000"], "--port"),
    ],
)
def test_what_it_cannot_use_it_says(arguments: list[str], message: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_said() -> None:
    with running() as (_, variables):
        port = variables["AYMARA_AI_BASE_URL"].rpartition(":")[2]
        done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 2
    assert f"Port {port} cannot be used" in done.stderr


def test_its_help_names_every_fault() -> None:
    from aymara_async.sandbox import faults

    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    kinds = [kind.__struct_config__.tag for kind in faults.Fault.__subclasses__()]
    assert len(kinds) == 16
    for kind in faults.Fault.__subclasses__():
        assert kind.__struct_config__.tag in done.stdout
        for field in kind.__struct_fields__:
            assert field == "operation" or field in done.stdout
