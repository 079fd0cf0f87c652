"""The sockets that sessions receive by."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import pytest

from aymara_async.transport import sockets
from aymara_async.transport.sockets import FrugalSocket
from tests.answers import EVAL
from tests.faulty_server import FaultyServer, client_of, reply

MMAP_THRESHOLD = 128 * 1024


def test_a_socket_asks_for_no_more_than_malloc_has_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = socket.socketpair()
    with far, FrugalSocket(fileno=near.detach()) as frugal:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        far.sendall(b"x" * 130_000)
        first = frugal.recv(1 << 20, socket.MSG_PEEK)
        assert 0 < len(first) <= sockets._BLOCK < MMAP_THRESHOLD
        assert frugal.recv(3) == b"xxx"
        monkeypatch.setattr(sockets, "_BLOCK", 5)
        assert frugal.recv(1000) == b"xxxxx"


async def test_what_comes_in_small_blocks_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[int] = []
    receive = FrugalSocket.recv

    def watch(self: FrugalSocket, bufsize: int, flags: int = 0, /) -> bytes:
        received = receive(self, bufsize, flags)
        asked_for.append(len(received))
        return received

    monkeypatch.setattr(FrugalSocket, "recv", watch)
    monkeypatch.setattr(sockets, "_BLOCK", 1000)
    description = "A very long description. " * 400
    async with FaultyServer(reply(200, {**EVAL, "ai_description": description})) as server, client_of(server) as client:
        assert (await client.evals.get("test.1")).ai_description == description
    assert len(asked_for) >= 10
    assert max(asked_for) <= 1000


async def test_sockets_are_made_by_whatever_stands_in_for_pythons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """So pytest-socket stops this client as it stops every other."""

    class Watched(socket.socket):
        made = 0

        def __init__(self, *arguments: int, fileno: int | None = None) -> None:
            Watched.made += fileno is None
            super().__init__(*arguments, fileno=fileno)

    async with FaultyServer(reply(200, EVAL)) as server, client_of(server) as client:
        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", Watched)
            await client.evals.get("test.1")
    assert Watched.made == 1


BLOCKED = """
import pytest
from aymara_async import APIConnectionError, AsyncAymaraAI, AymaraAI

@pytest.mark.parametrize("is_first", [True, False])
async def test_blocked(is_first):
    async with AsyncAymaraAI(api_key="k", base_url="{url}", max_retries=0) as client:
        with pytest.raises(BaseException) as caught:
            await client.health.check()
    assert "SocketBlockedError" in repr(caught.value) + repr(caught.value.__cause__) + str(caught.value)
"""


async def test_pytest_socket_stops_the_client(tmp_path: Path) -> None:
    pytest.importorskip("pytest_socket")
    async with FaultyServer(reply(200, {})) as server:
        (tmp_path / "test_blocked.py").write_text(BLOCKED.replace("{url}", server.url))
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--disable-socket",
            "--allow-unix-socket",
            "-p",
            "no:cacheprovider",
        ]
        command += ["-o", "asyncio_mode=auto", str(tmp_path)]
        process = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-2, cwd=tmp_path)
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert not server.connections
