"""The sockets that sessions receive by."""

from __future__ import annotations

import socket

import pytest

from aymara_async.transport import opener
from aymara_async.transport.opener import FrugalSocket
from tests.answers import EVAL
from tests.faulty_server import FaultyServer, client_of, reply

MMAP_THRESHOLD = 128 * 1024


def test_a_socket_asks_for_no_more_than_malloc_has_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = socket.socketpair()
    with far, FrugalSocket(fileno=near.detach()) as frugal:
        far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        far.sendall(b"x" * 130_000)
        first = frugal.recv(1 << 20, socket.MSG_PEEK)
        assert 0 < len(first) <= opener._BLOCK < MMAP_THRESHOLD
        assert frugal.recv(3) == b"xxx"
        monkeypatch.setattr(opener, "_BLOCK", 5)
        assert frugal.recv(1000) == b"xxxxx"


async def test_what_comes_in_small_blocks_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[int] = []
    receive = FrugalSocket.recv

    def watch(self: FrugalSocket, bufsize: int, flags: int = 0, /) -> bytes:
        received = receive(self, bufsize, flags)
        asked_for.append(len(received))
        return received

    monkeypatch.setattr(FrugalSocket, "recv", watch)
    monkeypatch.setattr(opener, "_BLOCK", 1000)
    description = "A very long description. " * 400
    async with FaultyServer(reply(200, {**EVAL, "ai_description": description})) as server, client_of(server) as client:
        assert (await client.evals.get("test.1")).ai_description == description
    assert len(asked_for) >= 10
    assert max(asked_for) <= 1000
