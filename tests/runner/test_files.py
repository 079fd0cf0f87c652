"""Images and videos: uploaded, then referred to."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from aymara_async import AsyncAymaraAI, FileReference, RetryPolicy
from aymara_async.runner.errors import ModelError
from aymara_async.runner.file_kinds import file_kind
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.runner import AsyncEvalRunner
from aymara_async.sandbox import Sandbox
from aymara_async.sandbox.faults import Reset
from tests.runner.conftest import make_exact_eval, params

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 9
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"frames" * 9


async def test_bytes_and_paths(client: AsyncAymaraAI, tmp_path: Path) -> None:
    image, video = tmp_path / "a.jpg", tmp_path / "b.mov"
    image.write_bytes(b"\xff\xd8\xff jpeg")
    video.write_bytes(b"moov")
    given = await client.files.upload(file=("given.png", io.BytesIO(PNG)))
    answers = {
        "png": PNG,
        "mp4": MP4,
        "image path": image,
        "video path": video,
        "reference": FileReference(file_uuid=given.file_uuid),
    }
    eval_uuid = await make_exact_eval(client, *answers)
    outcome = await AsyncEvalRunner(client, lambda prompt: answers[prompt]).run_eval(eval_uuid=eval_uuid)
    kinds = {one.prompt.content: one.score and one.score.content_type for one in outcome.exchanges}
    assert kinds == {"png": "image", "mp4": "video", "image path": "image", "video path": "video", "reference": "image"}
    for exchange in outcome.exchanges:
        assert exchange.score is not None
        content = exchange.score.content
        assert isinstance(content, FileReference)
        detail = await client.files.get(str(content.file_uuid))
        assert detail.content_type.startswith(("image/", "video/"))
    sizes = {one.file_size_bytes async for one in client.files.list()}
    assert {len(PNG), len(MP4)} <= sizes


async def test_a_lost_upload_is_made_again(client: AsyncAymaraAI, sandbox: Sandbox) -> None:
    sandbox.add_fault(Reset("files.upload", calls=1, processed=True))
    quick = client.with_options(retry=RetryPolicy(initial_wait=0.0))
    outcome = await AsyncEvalRunner(quick, lambda _: PNG).run_eval(params(1))
    assert len(outcome.responses) == 1


async def test_a_file_that_is_not_there_is_the_models_fault(client: AsyncAymaraAI) -> None:
    async def model(prompt: ModelPrompt) -> Path:
        return Path("/no/such/image.png")

    outcome = await AsyncEvalRunner(client, model, on_error="refuse").run_eval(params(1))
    assert len(outcome.errors) == 1
    with pytest.raises(ModelError, match="no file"):
        await AsyncEvalRunner(client, model).run_eval(params(1))


async def test_files_are_not_uploaded_again_after_a_crash(client: AsyncAymaraAI, tmp_path: Path) -> None:
    async def model(prompt: ModelPrompt) -> bytes:
        return PNG

    for _ in range(2):
        await AsyncEvalRunner(client, model).run_eval(params(3), journal=tmp_path / "journal")
    assert len([one async for one in client.files.list()]) == 3


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, ("png", "image")),
        (b"\xff\xd8\xff\xe0", ("jpg", "image")),
        (b"GIF89a", ("gif", "image")),
        (b"RIFF\0\0\0\0WEBPVP8 ", ("webp", "image")),
        (b"RIFF\0\0\0\0AVI LIST", ("avi", "video")),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"\0\0\0\x1cftypavif", ("avif", "image")),
        (b"\0\0\0\x18ftypheic", ("heic", "image")),
        (b"\0\0\0\x14ftypqt  ", ("mp4", "video")),
        (MP4, ("mp4", "video")),
        (b"\x1aE\xdf\xa3", ("webm", "video")),
        (b"some text", None),
        (b"", None),
    ],
)
def test_what_bytes_are(data: bytes, kind: tuple[str, str] | None) -> None:
    assert file_kind(data) == kind


@pytest.mark.parametrize("modality", ["image", "video"])
async def test_bytes_of_an_unknown_kind_are_what_the_eval_is_about(client: AsyncAymaraAI, modality: str) -> None:
    outcome = await AsyncEvalRunner(client, lambda _: b"unknown").run_eval(params(1, modality=modality))
    (response,) = outcome.responses
    assert response.content_type == modality
