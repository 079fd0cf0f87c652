"""The client in programs that do something of their own: copies, pickles, frozen time, greenlets, late calls."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from aymara_async import AsyncAymaraAI, AymaraAI, ClientClosedError, ConfigurationError, NotFoundError
from aymara_async.sandbox import Sandbox
from tests.answers import EVAL
from tests.cli.process import own_environment
from tests.faulty_server import KEY, FaultyServer, client_of, error, reply

MADE = 'client = AymaraAI(api_key="sandbox-key", base_url=sys.argv[1])\n'
BEGIN = f"import atexit, sys, threading\nfrom pathlib import Path\nfrom aymara_async import AymaraAI\n{MADE}"


@pytest.fixture
def served() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def run(code: str, *arguments: str, **env: str) -> str:
    """Run a program, with warnings as errors, and return what it printed."""
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    told = subprocess.run(command, capture_output=True, text=True, env=own_environment(**env), timeout=50, check=False)
    assert told.returncode == 0, told.stderr
    assert not told.stderr, told.stderr
    return told.stdout.strip()


@dataclasses.dataclass
class Holder:
    client: Any


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "asdict": lambda client: dataclasses.asdict(Holder(client))["client"],
}


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
async def test_a_copy_keeps_the_key(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AYMARA_AI_API_KEY", "of-the-environment")
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
        for one, key in ((client, KEY), (client.with_options(api_key="of-a-view", timeout=7), "of-a-view")):
            made = make(one)
            await made.evals.get("test.1")
            assert server.last_headers["x-api-key"] == key
            assert made.base_url == client.base_url
            del made
        await client.evals.get("test.1")
        assert not client.is_closed


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_blocking_client_shares_it(make: Any, served: Sandbox) -> None:
    with AymaraAI(api_key=served.api_key, base_url=served.url) as client:
        made = make(client)
        assert made.evals.list().items == []
        del made
        assert client.evals.list().items == []


@pytest.mark.parametrize("is_view", [False, True])
async def test_a_pickled_client_never_takes_another_key(is_view: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AYMARA_AI_API_KEY", "of-the-environment")
    async with FaultyServer(reply(200, EVAL)) as server:
        client = client_of(server, api_key=None if is_view else "its-own")
        pickled = pickle.dumps(client.with_options(api_key="its-own") if is_view else client)
        for again in (pickle.loads(pickled), pickle.loads(pickle.dumps(pickle.loads(pickled)))):
            with pytest.raises(ConfigurationError, match=r"Keys and TLS contexts are not pickled.*AYMARA_AI_API_KEY"):
                await again.evals.get("test.1")
        assert not server.requests
        await client.close()


async def test_a_pickled_client_takes_the_key_of_the_environment_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FaultyServer(reply(200, EVAL)) as server:
        monkeypatch.setenv("AYMARA_AI_API_KEY", "here")
        pickled = pickle.dumps(client_of(server, api_key=None))
        monkeypatch.setenv("AYMARA_AI_API_KEY", "there")
        async with pickle.loads(pickled) as again:
            await again.evals.get("test.1")
        assert server.last_headers["x-api-key"] == "there"
        monkeypatch.delenv("AYMARA_AI_API_KEY")
        with pytest.raises(ConfigurationError, match=r"There is no API key.*not pickled"):
            await pickle.loads(pickled).evals.get("test.1")


POOL = """
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
from aymara_async import AymaraAI
def main():
    client = AymaraAI()
    made = client.evals.create(ai_description="x", eval_type="safety", num_prompts=1, name="Mine")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        print(pool.submit(client.evals.get, made.eval_uuid).result().name)
        print(len(pool.submit(client.evals.runs.list, limit=5).result().items))
    client.close()
if __name__ == "__main__":
    main()
"""


def test_a_method_goes_to_another_process(served: Sandbox, tmp_path: Any) -> None:
    (tmp_path / "pool.py").write_text(POOL)
    env = own_environment(AYMARA_AI_BASE_URL=served.url, AYMARA_AI_API_KEY=served.api_key)
    told = subprocess.run(
        [sys.executable, tmp_path / "pool.py"], capture_output=True, text=True, env=env, timeout=50, check=False
    )
    assert told.stdout.split() == ["Mine", "0"], told.stderr


def test_a_method_with_a_key_of_its_own_says_how(served: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AYMARA_AI_API_KEY", "another")
    with AymaraAI(api_key=served.api_key, base_url=served.url) as client:
        method = pickle.loads(pickle.dumps(client.evals.list))
        with pytest.raises(ConfigurationError, match="Keys and TLS contexts are not pickled"):
            method().items  # noqa: B018 - a blocking pager reads its first page there
        assert served.requests == []


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
async def test_copies_of_a_part_of_a_client_share_it(make: Any) -> None:
    async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
        view = client.with_options(api_key="of-a-view")
        for part in (client.evals, view.evals, client.with_raw_response.evals, view.evals.with_raw_response):
            await make(part).get("test.1")
        blocking = AymaraAI(api_key="blocking", base_url=server.url)
        for resource in (blocking.evals, blocking.with_raw_response.evals):
            await asyncio.to_thread(make(resource).get, "test.1")
        await asyncio.to_thread(blocking.close)
        with pytest.raises(ClientClosedError):
            make(blocking.evals).get("test.1")
    keys = [request.headers["x-api-key"] for request in server.requests]
    assert keys == [KEY, "of-a-view", KEY, "of-a-view", "blocking", "blocking"]


async def test_a_plain_error_has_a_short_traceback() -> None:
    async with FaultyServer(error(404)) as server, client_of(server) as client:
        with pytest.raises(NotFoundError) as caught:
            await client.evals.get("test.1")
        blocking = AymaraAI(api_key="k", base_url=server.url)
        with pytest.raises(NotFoundError) as caught_blocking:
            await asyncio.to_thread(blocking.evals.get, "test.1")
        await asyncio.to_thread(blocking.close)
    for found in (caught, caught_blocking):
        frames = [
            frame for frame in traceback.extract_tb(found.value.__traceback__) if "aymara_async" in frame.filename
        ]
        assert 0 < len(frames) <= 8, "".join(traceback.format_list(frames))


LATE = {
    "in a thread after the main one has ended": """
def work():
    threading.main_thread().join()
    uploaded = client.files.upload(file=Path(sys.executable))
    print(uploaded.file_uuid is not None, len(client.evals.list().items))
    client.close()
threading.Thread(target=work).start()
""",
    "in atexit": """
def work():
    uploaded = client.files.upload(file=Path(sys.executable))
    print(uploaded.file_uuid is not None, len(client.evals.list().items))
    client.close()
client.evals.list().items
atexit.register(work)
""",
    "first in atexit": """
def work():
    print(True, len(client.evals.list().items))
    client.close()
atexit.register(work)
""",
}


def test_an_async_call_that_finds_no_threads_any_more_says_so(served: Sandbox) -> None:
    code = """
import asyncio
from aymara_async import APIConnectionError, AsyncAymaraAI
async def call():
    async with AsyncAymaraAI(api_key="sandbox-key", base_url=sys.argv[1], max_retries=0) as late:
        await late.evals.list()
def work():
    threading.main_thread().join()
    try:
        asyncio.run(call())
    except APIConnectionError as error:
        print("make the call before the main thread ends" in str(error))
threading.Thread(target=work).start()
"""
    assert run(BEGIN + code, served.url.replace("127.0.0.1", "localhost")) == "True"


def test_an_async_client_reads_files_after_the_main_thread_ended(served: Sandbox) -> None:
    code = """
import asyncio
from aymara_async import AsyncAymaraAI
async def call():
    async with AsyncAymaraAI(api_key="sandbox-key", base_url=sys.argv[1]) as late:
        print((await late.files.upload(file=Path(sys.executable))).file_uuid is not None)
def work():
    threading.main_thread().join()
    asyncio.run(call())
threading.Thread(target=work).start()
"""
    assert run(BEGIN + code, served.url) == "True"


@pytest.mark.parametrize("code", LATE.values(), ids=LATE)
def test_calls_that_come_late(code: str, served: Sandbox) -> None:
    by_name = served.url.replace("127.0.0.1", "localhost")
    assert run(BEGIN + code, by_name) == "True 0"


def test_time_that_is_frozen(served: Sandbox) -> None:
    pytest.importorskip("freezegun")
    served.add_fault("error@evals.list:calls=1,status=503")
    served.add_fault("never_finish@evals.create")
    code = """
from freezegun import freeze_time
from aymara_async import WaitTimeoutError
with freeze_time("2020-01-01"):
    print(len(client.evals.list().items))
    made = client.evals.create(ai_description="x", eval_type="safety")
    try:
        client.evals.wait(made.eval_uuid, timeout=0.3)
    except WaitTimeoutError:
        print("waited")
    client.close()
"""
    assert run(BEGIN + code, served.url).split() == ["0", "waited"]


def test_time_that_is_moved(served: Sandbox) -> None:
    pytest.importorskip("time_machine")
    served.add_fault("error@evals.list:calls=1,status=503")
    code = """
import time_machine
with time_machine.travel(0, tick=False):
    print(len(client.evals.list().items))
    client.close()
"""
    assert run(BEGIN + code, served.url) == "0"


def test_a_timeout_fires_while_time_is_frozen(served: Sandbox) -> None:
    pytest.importorskip("freezegun")
    served.add_fault("stall@evals.list")
    code = """
from freezegun import freeze_time
from aymara_async import APITimeoutError
with freeze_time("2020-01-01"):
    try:
        client.with_options(max_retries=0).evals.list(timeout=0.2).items
    except APITimeoutError:
        print("timed out")
    client.close()
"""
    assert run(BEGIN + code, served.url) == "timed out"


def test_a_thread_that_cannot_start_is_an_error_at_once() -> None:
    code = """
from aymara_async.portal.loop_thread import BlockingCallError
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
try:
    client.evals.list().items
except BlockingCallError as error:
    print(error)
"""
    told = run(BEGIN + code, "http://127.0.0.1:9")
    assert told.startswith("The event loop of the blocking client could not start")
    assert "can't start new thread" in told
    assert "free or allow them" in told


@pytest.mark.skipif(sys.platform == "win32", reason="the system has no such limit")
def test_no_file_is_left_for_the_loop(served: Sandbox) -> None:
    code = """
import resource
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
try:
    client.evals.list().items
except Exception as error:
    said = error
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
print(type(said).__name__, "Too many open files" in str(said), len(client.evals.list().items))
client.close()
"""
    assert run(BEGIN + code, served.url) == "BlockingCallError True 0"


def test_sockets_that_are_forbidden() -> None:
    pytest.importorskip("pytest_socket")
    code = """
import pytest_socket
from aymara_async.portal.loop_thread import BlockingCallError
pytest_socket.disable_socket()
try:
    client.evals.list().items
except BlockingCallError as error:
    print(type(error.__cause__).__name__, "pytest-socket: --allow-unix-socket" in str(error))
"""
    command = [sys.executable, "-W", "ignore", "-c", BEGIN + code, "http://127.0.0.1:9"]
    told = subprocess.run(command, capture_output=True, text=True, env=own_environment(), timeout=50, check=True)
    assert (told.stdout, told.stderr) == ("SocketBlockedError True\n", "")


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_greenlets(library: str, served: Sandbox) -> None:
    if find_spec(library) is None:  # imported here, it would warn whoever forks later
        pytest.skip(f"{library} is not installed")
    patch = {
        "gevent": "from gevent import monkey; monkey.patch_all()",
        "eventlet": "import eventlet; eventlet.monkey_patch()",
    }
    code = f"""
import warnings; warnings.simplefilter("ignore")
{patch[library]}
import sys
import traceback
from aymara_async import AymaraAI
first = AymaraAI(api_key="sandbox-key", base_url=sys.argv[1])
print(len(first.evals.list().items))
second = AymaraAI(api_key="sandbox-key", base_url=sys.argv[1])
try:
    print(len(second.evals.list().items))
except Exception as error:
    print("Share one AymaraAI client among all greenlets" in str(error))
print(len(first.evals.list().items))
first.close()
print(len(second.evals.list().items))
second.close()
"""
    command = [sys.executable, "-c", code, served.url]
    told = subprocess.run(command, capture_output=True, text=True, env=own_environment(), timeout=50, check=False)
    assert told.stdout.split() == ["0", "True", "0", "0"], told.stderr


@pytest.mark.parametrize("is_used", [False, True], ids=["new", "used before"])
def test_trio(is_used: bool, served: Sandbox) -> None:
    trio = pytest.importorskip("trio")

    async def main() -> None:
        client = AsyncAymaraAI(api_key=served.api_key, base_url=served.url)
        if is_used:
            asyncio.run(use(client))
        for act in (lambda: client.evals.get("x"), client.close):
            with pytest.raises(ConfigurationError, match="No asyncio event loop runs here"):
                await act()

    async def use(client: AsyncAymaraAI) -> None:
        assert (await client.evals.list()).items == []

    trio.run(main)


async def test_the_wrong_kind_of_with() -> None:
    with pytest.raises(TypeError, match="write `async with`"), AsyncAymaraAI(api_key="k"):
        pass
    with pytest.raises(TypeError, match="write `with`"):
        async with AymaraAI(api_key="k"):  # type: ignore[attr-defined]  # the point of it
            pass


def test_module_as_a_command() -> None:
    command = [sys.executable, "-m", "aymara_async", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, env=own_environment(), check=True)
    assert told.stdout.startswith("aymara-async ")
