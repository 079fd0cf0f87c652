"""Uploads: what can be given, what is sent, sent again and closed, and what is left alone."""

from __future__ import annotations

import asyncio
import io
import json
import os
import traceback
from collections.abc import AsyncIterator
from email.parser import BytesParser
from pathlib import Path
from typing import IO

import pytest

from aymara_async import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    AsyncAymaraAI,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitError,
    RequestValidationError,
)
from aymara_async.sandbox import Sandbox
from tests.answers import FILE
from tests.faulty_server import Exchange, FaultyServer, Received, Step, client_of, error, hang_up, reply, reset

CONTENT = "é content ".encode() * 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "a picture.png"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
async def server() -> AsyncIterator[FaultyServer]:
    async with FaultyServer(reply(200, FILE)) as server:
        yield server


def part_of(request: Received) -> tuple[str | None, str, bytes]:
    """Read the form: name, media type and content of its only file."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    form = BytesParser().parsebytes(head + request.body)
    (part,) = form.get_payload()  # type: ignore[misc]
    assert part.get_param("name", header="content-disposition") == "file"  # type: ignore[union-attr]
    return part.get_filename(), part.get_content_type(), part.get_payload(decode=True)  # type: ignore[union-attr, return-value]


class TestWhatCanBeGiven:
    async def test_path(self, server: FaultyServer, path: Path) -> None:
        async with client_of(server) as client:
            await client.files.upload(file=path)
            await client.files.upload(file=str(path))
        assert [part_of(request) for request in server.requests] == [("a picture.png", "image/png", CONTENT)] * 2

    async def test_bytes(self, server: FaultyServer) -> None:
        async with client_of(server) as client:
            for content in (CONTENT, bytearray(CONTENT), memoryview(CONTENT)):
                await client.files.upload(file=content)
        assert [part_of(request) for request in server.requests] == [("file", "application/octet-stream", CONTENT)] * 3

    async def test_open_file_from_where_it_stands(self, server: FaultyServer, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(11)
            async with client_of(server) as client:
                await client.files.upload(file=file)
            assert not file.closed, "the file is the caller's to close"
        assert part_of(server.requests[0]) == ("a picture.png", "image/png", CONTENT[11:])

    async def test_open_file_at_its_end_is_refused(self, server: FaultyServer) -> None:
        stream = io.BytesIO()
        stream.write(CONTENT)
        async with client_of(server) as client:
            with pytest.raises(RequestValidationError, match="seek"):
                await client.files.upload(file=stream)
        assert not server.requests

    async def test_stream_in_memory(self, server: FaultyServer) -> None:
        stream = io.BytesIO(CONTENT)
        async with client_of(server) as client:
            await client.files.upload(file=stream)
        assert not stream.closed
        assert part_of(server.requests[0])[2] == CONTENT

    async def test_tuple(self, server: FaultyServer, path: Path) -> None:
        async with client_of(server) as client:
            await client.files.upload(file=("b.txt", CONTENT))
            await client.files.upload(file=("b.txt", path, "text/x-special"))
            await client.files.upload(file=[None, CONTENT])
        names = [part_of(request)[:2] for request in server.requests]
        assert names == [("b.txt", "text/plain"), ("b.txt", "text/x-special"), ("file", "application/octet-stream")]

    async def test_empty_file(self, server: FaultyServer, tmp_path: Path) -> None:
        (tmp_path / "empty.txt").touch()
        async with client_of(server) as client:
            await client.files.upload(file=tmp_path / "empty.txt")
            await client.files.upload(file=b"")
        assert [part_of(request)[2] for request in server.requests] == [b"", b""]

    async def test_name_in_another_script(self, server: FaultyServer) -> None:
        async with client_of(server) as client:
            await client.files.upload(file=('日本 "x".txt', b"a"))
        body = server.requests[0].body.decode()
        assert "%E6%97%A5%E6%9C%AC" in body or "日本" in body

    @pytest.mark.parametrize(
        "wrong",
        [
            "/no/such/file",
            5,
            None,
            len,
            io.StringIO,
            ("name",),
            (1, b"a"),
            ("a", b"a", "b", "c"),
            ("a", None),
            [],
            ("a", b"x", "text/plain\r\nX-Evil: 1"),
            ("a\r\nX-Evil: 1", b"x"),
            ("a", b"x", 5),
        ],
        ids=repr,
    )
    async def test_what_is_no_file(self, server: FaultyServer, wrong: object, tmp_path: Path) -> None:
        async with client_of(server) as client:
            for call in (client.files.upload(file=wrong), client.files.upload_presigned(wrong)):  # type: ignore[arg-type]
                with pytest.raises(RequestValidationError, match="Nothing was sent") as caught:
                    await call
                assert caught.value.path == "file"
            with pytest.raises(RequestValidationError):
                await client.files.upload(file=tmp_path)
        assert server.connections == 0

    async def test_file_open_as_text(self, server: FaultyServer, path: Path) -> None:
        async with client_of(server) as client:
            for file in (io.StringIO("text"), path.open(encoding="utf-8")):
                with file, pytest.raises(RequestValidationError, match="mode 'rb'"):
                    await client.files.upload(file=file)  # type: ignore[arg-type]  # the point of it
        assert server.connections == 0

    async def test_file_that_may_not_be_read(
        self, server: FaultyServer, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "access", lambda *_: False)
        async with client_of(server) as client:
            with pytest.raises(RequestValidationError, match="may not read it"):
                await client.files.upload(file=path)
        assert server.connections == 0

    async def test_closed_file(self, server: FaultyServer, path: Path) -> None:
        file = path.open("rb")
        file.close()
        async with client_of(server) as client:
            with pytest.raises(RequestValidationError, match="Nothing was sent"):
                await client.files.upload(file=file)
        assert server.connections == 0


class OneWay(io.RawIOBase):
    """A stream that cannot go back."""

    def __init__(self, content: bytes) -> None:
        self._rest = content

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


class TestSendingAgain:
    async def test_refused_upload_is_sent_whole_again(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(5)
            for given, wanted in (
                (path, CONTENT),
                (CONTENT, CONTENT),
                (file, CONTENT[5:]),
                (io.BytesIO(CONTENT), CONTENT),
            ):
                async with (
                    FaultyServer(error(503), error(429), reply(200, FILE)) as server,
                    client_of(server) as client,
                ):
                    await client.files.upload(file=("a.png", given))
                assert [part_of(request)[2] for request in server.requests] == [wanted] * 3
            assert not file.closed

    async def test_upload_whose_answer_is_lost_is_not(self, path: Path) -> None:
        for step in (reset, hang_up):
            async with FaultyServer(step, reply(200, FILE)) as server, client_of(server) as client:
                with pytest.raises(OutcomeUnknownError):
                    await client.files.upload(file=path)
            assert len(server.requests) == 1

    async def test_stream_that_cannot_go_back_is_sent_once(self) -> None:
        stream: IO[bytes] = OneWay(CONTENT)  # type: ignore[assignment]
        async with FaultyServer(error(429), reply(200, FILE)) as server, client_of(server) as client:
            with pytest.raises(RateLimitError):
                await client.files.upload(file=stream)
        assert [part_of(request)[2] for request in server.requests] == [CONTENT]

    async def test_presigned_upload_is_sent_again_whatever_happens(self, path: Path) -> None:
        with path.open("rb") as file:
            for given in (path, CONTENT, file):
                steps = [error(503), error(500), reset, hang_up, reply(200, b"")]
                async with FaultyServer(*steps) as storage, client_of(storage) as client:
                    await client.files.put_presigned(f"{storage.url}/bucket/x?s=1", given)
                assert [request.body for request in storage.requests] == [CONTENT] * 5
            assert not file.closed

    async def test_large_file_is_streamed(self, tmp_path: Path) -> None:
        large = tmp_path / "large.bin"
        with large.open("wb") as file:
            file.truncate(50_000_000)
        async with FaultyServer(reply(200, b"")) as storage, client_of(storage) as client:
            await client.files.put_presigned(f"{storage.url}/bucket/x", large)
        assert len(storage.requests[0].body) == 50_000_000
        assert storage.requests[0].headers["content-length"] == "50000000"


class TestPresigned:
    async def test_what_is_sent(self, path: Path) -> None:
        async with FaultyServer(reply(200, b"")) as storage, client_of(storage) as client:
            await client.files.put_presigned(f"{storage.url}/bucket/a%20b?signature=x%2Fy%3D&n=1", path)
            await client.files.put_presigned(f"{storage.url}/bucket/b", b"x", content_type="video/mp4")
        first, second = storage.requests
        assert (first.method, first.target) == ("PUT", "/bucket/a%20b?signature=x%2Fy%3D&n=1")
        assert (first.headers["content-type"], first.body) == ("image/png", CONTENT)
        assert "transfer-encoding" not in first.headers, "storage hosts want to know the length"
        assert (second.headers["content-type"], second.body) == ("video/mp4", b"x")

    @pytest.mark.parametrize(
        "url", ["", "bucket/x", "ftp://host/x", "http://", "file:///etc/passwd", "http://[bad/", None, 5]
    )
    async def test_what_is_no_url(self, url: str) -> None:
        async with client_of("http://127.0.0.1:1") as client:
            with pytest.raises(RequestValidationError, match="Nothing was sent"):
                await client.files.put_presigned(url, b"x")
            assert client._session.budget.tokens == client._session.budget.capacity

    async def test_refusal_of_the_storage_host(self) -> None:
        async with FaultyServer(reply(403, b"<Error>Expired</Error>", {"Content-Type": "application/xml"})) as storage:
            async with client_of(storage) as client:
                with pytest.raises(APIStatusError, match="403: <Error>Expired</Error>"):
                    await client.files.put_presigned(f"{storage.url}/x", b"x")
        assert len(storage.requests) == 1

    @pytest.mark.parametrize("files", [[], [{"file_uuid": "f"}], [{"file_uuid": "f", "file_url": None}]])
    async def test_no_url_from_the_api(self, files: list[object]) -> None:
        async with FaultyServer(reply(200, {"files": files})) as server, client_of(server) as client:
            with pytest.raises(APIResponseValidationError, match="not uploaded") as caught:
                await client.files.upload_presigned(b"x")
        assert caught.value.path == "$.files[0].file_url"

    async def test_whole_way(self, path: Path) -> None:
        async with Sandbox() as sandbox, AsyncAymaraAI(api_key=sandbox.api_key, base_url=sandbox.url) as client:
            reference = await client.files.upload_presigned(path, workspace_uuid=None)
            assert reference.file_uuid is not None
            detail = await client.files.get(reference.file_uuid)
            assert (detail.file_size_bytes, detail.content_type) == (len(CONTENT), "image/png")
            assert (await client.files.wait(reference.file_uuid)).processing_status == "completed"


async def test_many_uploads_at_once(server: FaultyServer, path: Path) -> None:
    async with client_of(server) as client:
        await asyncio.gather(*(client.files.upload(file=path) for _ in range(20)))
    assert [part_of(request)[2] for request in server.requests] == [CONTENT] * 20


async def test_workspace_of_files(server: FaultyServer) -> None:
    server.steps = [reply(200, {"files": [FILE]})]
    async with client_of(server, workspace_uuid="w") as client:
        await client.files.create(files=[{"remote_uri": "https://a.example/b.mp4"}])
    assert json.loads(server.requests[0].body) == {
        "files": [{"remote_uri": "https://a.example/b.mp4"}],
        "workspace_uuid": "w",
    }


class Awaited:
    """An open file whose methods are awaited, as those of aiofiles and anyio are."""

    def __init__(self, content: bytes, *, name: str = "a clip.mp4") -> None:
        self._file = io.BytesIO(content)
        self.name = name
        self.asked: list[int] = []

    async def read(self, size: int = -1, /) -> bytes:
        self.asked.append(size)
        return self._file.read(size)

    async def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    async def tell(self) -> int:
        return self._file.tell()


class AwaitedStream:
    """One that cannot go back."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    async def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)


class TestAwaitedFiles:
    async def test_streamed_from_where_it_stands_and_again(self) -> None:
        file = Awaited(CONTENT * 100)
        await file.seek(7)
        async with FaultyServer(error(503), reply(200, FILE)) as server, client_of(server) as client:
            await client.files.upload(file=file)
        assert [part_of(one) for one in server.requests] == [("a clip.mp4", "video/mp4", (CONTENT * 100)[7:])] * 2
        assert 0 < max(file.asked) < len(CONTENT * 100)
        assert min(file.asked) > 0

    async def test_storage_hosts_are_told_the_length(self) -> None:
        async with FaultyServer(error(503), reply(200, b"")) as storage, client_of(storage) as client:
            await client.files.put_presigned(f"{storage.url}/x", ("a.bin", Awaited(CONTENT)))
        assert [one.body for one in storage.requests] == [CONTENT] * 2
        assert storage.last_headers["content-length"] == str(len(CONTENT))

    async def test_one_that_cannot_go_back_is_sent_once(self) -> None:
        async with FaultyServer(error(429), reply(200, FILE)) as server, client_of(server) as client:
            with pytest.raises(RateLimitError):
                await client.files.upload(file=AwaitedStream(CONTENT))
        assert [part_of(one)[2] for one in server.requests] == [CONTENT]

    async def test_one_that_is_open_as_text_is_told(self) -> None:
        class Text:
            async def read(self, size: int = -1, /) -> str:
                return "text"

        async with FaultyServer(reply(200, FILE)) as server, client_of(server) as client:
            with pytest.raises(RequestValidationError, match="open it in mode 'rb'"):
                await client.files.upload(file=Text())  # type: ignore[arg-type]

    async def test_upload_file_of_fastapi(self) -> None:
        fastapi = pytest.importorskip("fastapi")
        headers = pytest.importorskip("starlette.datastructures").Headers({"content-type": "image/webp"})
        for content in (CONTENT, CONTENT * 200):
            given = fastapi.UploadFile(io.BytesIO(content), filename="seen by users.png", headers=headers)
            async with FaultyServer(error(503), reply(200, FILE)) as server, client_of(server) as client:
                await client.files.upload(file=given)
                await given.seek(0)
                await client.files.put_presigned(f"{server.url}/x", given)
            assert [part_of(one) for one in server.requests[:2]] == [("seen by users.png", "image/webp", content)] * 2
            assert server.requests[2].body == content


class TestFaultyFiles:
    @pytest.mark.parametrize("is_form", [True, False])
    @pytest.mark.parametrize("kind", ["path", "file", "awaited"])
    async def test_file_that_shrinks_is_told_at_once(self, kind: str, is_form: bool, tmp_path: Path) -> None:
        size = 20_000_000
        path = tmp_path / "shrinks.bin"
        path.write_bytes(bytes(size))

        class Shrinking(io.FileIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if size:
                    os.truncate(path, 300_000)
                return super().read(size) or b""

        class ShrinkingLater(Awaited):
            async def read(self, size: int = -1, /) -> bytes:
                return (await super().read(size)) if self._file.tell() < 300_000 else b""

        async def send(client: AsyncAymaraAI, file: object, url: str) -> None:
            if is_form:
                await client.files.upload(file=file)  # type: ignore[arg-type]
            else:
                await client.files.put_presigned(f"{url}/x?secret=s", file)  # type: ignore[arg-type]

        opened, awaited = Shrinking(path), ShrinkingLater(bytes(size))
        async with FaultyServer(reply(200, FILE)) as server, client_of(server, timeout=None) as client:
            if kind == "path":
                sending = asyncio.create_task(send(client, path, server.url))
                while server.connections == 0:
                    await asyncio.sleep(0)
                os.truncate(path, 300_000)
            else:
                sending = asyncio.create_task(send(client, opened if kind == "file" else awaited, server.url))
            with pytest.raises(RequestValidationError, match=r"became shorter.*20000000 bytes") as caught:
                async with asyncio.timeout(30):
                    await sending
        assert "secret=s" not in str(caught.value)
        opened.close()
        assert server.requests == [], "no server got all of it"

    @pytest.mark.parametrize("is_form", [True, False])
    async def test_read_error_of_the_users_file_is_told_as_what_it_is(self, is_form: bool) -> None:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if size and self.tell():
                    raise OSError(5, "Input/output error")
                return super().read(size)

        async with FaultyServer(reply(200, FILE)) as server, client_of(server) as client:
            with pytest.raises(RequestValidationError, match=r"cannot be read.*Input/output error") as caught:
                if is_form:
                    await client.files.upload(file=Broken(CONTENT * 100))
                else:
                    await client.files.put_presigned(f"{server.url}/x", Broken(CONTENT * 100))
        assert "connection broke" not in str(caught.value)
        assert server.connections == 1

    async def test_file_that_has_gone_meanwhile(self, path: Path) -> None:
        def remove_and_refuse() -> Step:
            async def step(exchange: Exchange) -> None:
                os.unlink(path)  # noqa: PTH108 - as another process would
                await error(503)(exchange)

            return step

        async with FaultyServer(remove_and_refuse(), reply(200, FILE)) as server, client_of(server) as client:
            with pytest.raises(RequestValidationError, match="cannot be read"):
                await client.files.upload(file=path)
        assert len(server.requests) == 1

    async def test_file_that_grows_is_sent_as_long_as_it_was(self, path: Path) -> None:
        class Growing(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if size:
                    at = self.tell()
                    self.seek(0, os.SEEK_END)
                    self.write(b"more")
                    self.seek(at)
                return super().read(size)

        async with FaultyServer(reply(200, FILE)) as server, client_of(server) as client:
            await client.files.upload(file=Growing(CONTENT))
        assert part_of(server.requests[0])[2] == CONTENT


class TestSecretURLs:
    @pytest.mark.parametrize("url", ["http://storage.example.com/x?s=secret", "HTTP://10.0.0.1/x?s=secret"])
    async def test_no_file_goes_unencrypted_to_another_machine(self, url: str) -> None:
        async with client_of("http://127.0.0.1:1") as client:
            with pytest.raises(RequestValidationError, match=r"unencrypted.*Nothing was sent") as caught:
                await client.files.put_presigned(url, b"x")
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(
        "step", [error(403), error(500), reset, hang_up, reply(302, b"", {"Location": "/y?s=secret"})]
    )
    async def test_signature_is_in_no_error_and_no_log(self, step: Step, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        async with FaultyServer(step) as storage, client_of(storage) as client:
            with pytest.raises(APIError) as caught:
                signature = "sec" + "ret"  # so that this line does not show it in the traceback
                await client.files.put_presigned(f"{storage.url}/x?signature={signature}", CONTENT * 1000)
        shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value)) + caplog.text
        assert "signature=secret" not in shown

    async def test_storage_host_that_refuses_says_nothing_of_workspaces(self) -> None:
        async with FaultyServer(reply(403, b"<Error>Expired</Error>")) as storage, client_of(storage) as client:
            with pytest.raises(PermissionDeniedError, match=r"ask for another with files\.create") as caught:
                await client.files.put_presigned(f"{storage.url}/x?s=1", b"x")
        assert "workspace" not in str(caught.value)
        assert "key" not in str(caught.value)
