from __future__ import annotations

import io
import os
from typing import Any

import aiohttp
import pytest


async def put(api: Any, url: str, data: bytes, **headers: str) -> tuple[int, str]:
    async with api.session.put(url, data=io.BytesIO(data), headers=headers) as answer:
        return answer.status, await answer.text()


async def get(api: Any, url: str, **headers: str) -> tuple[int, bytes]:
    async with api.session.get(url, headers=headers) as answer:
        return answer.status, await answer.read()


async def test_a_presigned_upload_goes_to_another_origin(start: Any, clock: Any) -> None:
    api = await start(delay=6.0, clock=clock)
    answer = await api.call("POST", "/v2/files", {"files": [{"local_file_path": "films/a b?ü.mp4"}]})
    [upload] = answer["files"]
    assert upload["file_url"].startswith(api.sandbox.storage_url)
    assert not upload["file_url"].startswith(api.sandbox.url)
    assert (upload["content_type"], upload["processing_status"]) == ("video/mp4", "pending")
    path = f"/v2/files/{upload['file_uuid']}"
    content = os.urandom(3_000_000)
    clock.now += 100
    assert (await api.call("GET", f"{path}/status"))["processing_status"] == "pending"
    await api.refused("GET", f"{path}/frames", status=409, code="resource.conflict")
    assert (await put(api, upload["file_url"], content))[0] == 200
    assert (await api.call("GET", f"{path}/status"))["processing_status"] == "processing"
    clock.now += 6
    assert (await api.call("GET", f"{path}/status"))["processing_status"] == "completed"
    detail = await api.call("GET", path)
    assert (detail["file_type"], detail["file_size_bytes"]) == ("video", 3_000_000)
    assert detail["remote_file_path"] == upload["remote_file_path"]
    assert await get(api, detail["file_url"]) == (200, content)
    frames = await api.call("GET", f"{path}/frames")
    assert len(frames["frame_urls"]) == frames["frame_count"] > 0
    for url in frames["frame_urls"]:
        status, image = await get(api, url)
        assert (status, image[:4]) == (200, b"\x89PNG")


@pytest.mark.parametrize("name", ["x-api-key", "Authorization"])
async def test_the_storage_refuses_a_request_that_carries_the_key(api: Any, name: str) -> None:
    [upload] = (await api.call("POST", "/v2/files", {"files": [{"local_file_path": "a.png"}]}))["files"]
    status, text = await put(api, upload["file_url"], b"x", **{name: f"Bearer {api.sandbox.api_key}"})
    assert (status, "InvalidArgument" in text) == (400, True)
    leak = api.sandbox.requests[-1]
    assert (leak.origin, leak.has_key, leak.status) == ("storage", True, 400)
    assert api.sandbox.api_key not in str(leak.headers)


async def test_a_presigned_url_allows_one_method_on_one_path_for_a_while(start: Any, clock: Any) -> None:
    api = await start(clock=clock)
    uploads = (await api.call("POST", "/v2/files", {"files": [{"local_file_path": "a"}, {"local_file_path": "b"}]}))[
        "files"
    ]
    url = uploads[0]["file_url"]
    assert (await get(api, url))[0] == 403
    assert (await put(api, url.replace(uploads[0]["file_uuid"], uploads[1]["file_uuid"]), b"x"))[0] == 403
    assert (await put(api, url + "0", b"x"))[0] == 403
    assert (await put(api, url.partition("?")[0], b"x"))[0] == 403
    detail = await api.call("GET", f"/v2/files/{uploads[0]['file_uuid']}")
    assert (await get(api, detail["file_url"]))[0] == 404
    clock.now += 3601
    assert (await put(api, url, b"x"))[0] == 403


async def test_a_streamed_upload(api: Any) -> None:
    form = aiohttp.FormData({"note": "ignored"})
    form.add_field("file", io.BytesIO(b"hello"), filename="dir/hello.txt", content_type="text/plain")
    uploaded = await api.call("POST", "/v2/files/-/uploads?workspace_uuid=w", data=form)
    detail = await api.call("GET", f"/v2/files/{uploaded['file_uuid']}")
    assert (detail["file_type"], detail["file_size_bytes"], detail["workspace_uuid"]) == ("text", 5, "w")
    assert await get(api, uploaded["file_url"]) == (200, b"hello")


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 400),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=b", b"garbage", 400),
        ("multipart/form-data; boundary=b", b"", 400),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--b--\r\n",
            422,
        ),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=file\r\n\r\nbroken off", 400),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: \x04\r\n\r\n1\r\n--b--\r\n", 400),
    ],
)
async def test_a_broken_upload_is_refused_and_leaves_nothing(
    api: Any, content_type: str, body: bytes, status: int
) -> None:
    code = "validation.invalid_format" if status == 400 else "validation.invalid_request"
    headers = {"Content-Type": content_type}
    await api.refused("POST", "/v2/files/-/uploads", status=status, code=code, data=body, headers=headers)
    assert (await api.call("GET", "/v2/files"))["count"] == 0


async def test_a_remote_file_is_pending_then_processed_then_complete(start: Any, clock: Any) -> None:
    api = await start(delay=3.0, clock=clock)
    [upload] = (await api.call("POST", "/v2/files", {"files": [{"remote_uri": "https://example.com/a.png?x=1"}]}))[
        "files"
    ]
    assert (upload["content_type"], upload["processing_status"]) == ("image/png", "pending")
    seen = []
    for _ in range(4):
        status = await api.call("GET", f"/v2/files/{upload['file_uuid']}/status")
        seen.append(status["processing_status"])
        clock.now += 1
    assert seen == ["pending", "processing", "processing", "completed"]


async def test_files_are_listed_by_type_and_deleted(api: Any) -> None:
    body = {"workspace_uuid": "w", "files": [{"local_file_path": name} for name in ("a.png", "b.pdf", "c.png")]}
    uploads = (await api.call("POST", "/v2/files", body))["files"]
    page = await api.call("GET", "/v2/files?file_type=image&limit=1&offset=1")
    assert (page["count"], [item["file_uuid"] for item in page["items"]]) == (2, [uploads[2]["file_uuid"]])
    assert (await api.call("GET", "/v2/files?workspace_uuid=other"))["count"] == 0
    path = f"/v2/files/{uploads[0]['file_uuid']}"
    await api.refused("GET", f"{path}/frames", status=422, code="validation.invalid_request")
    await api.call("DELETE", path, status=204)
    for gone in (path, f"{path}/status", f"{path}/frames"):
        await api.refused("GET", gone, status=404, code="resource.not_found")
    assert (await put(api, uploads[0]["file_url"], b"x"))[0] == 404
    await api.refused("POST", "/v2/files", {"files": [{}]}, status=422, code="validation.invalid_request")
