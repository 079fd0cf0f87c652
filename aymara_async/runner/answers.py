"""From what a model returns to the response that is submitted."""

from __future__ import annotations

import inspect
import os
from copy import copy

import attrs
from msgspec import UNSET
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from aymara_async.bulk.checks import MAX_BATCH_BYTES, check
from aymara_async.bulk.errors import InvalidResponseError
from aymara_async.client import AsyncAymaraAI
from aymara_async.errors import APIError, ClientClosedError, RequestValidationError
from aymara_async.models import ContentType, Eval, EvalPrompt, EvalResponse, FileReference, FileUpload
from aymara_async.runner.calling import Answer, ModelCaller
from aymara_async.runner.errors import ModelError, NoThreadError
from aymara_async.runner.file_kinds import VIDEO_ENDINGS, file_kind
from aymara_async.runner.model_prompt import ModelPrompt
from aymara_async.runner.outcome import AnswerError
from aymara_async.runner.settings import OnError
from aymara_async.transport.body import FileInput
from aymara_async.transport.clock import monotonic

_UPLOADS = 4


@attrs.frozen(kw_only=True)
class Answered:
    """A response to be submitted, and how it came about."""

    response: EvalResponse
    error: AnswerError | None = None
    seconds: float = 0.0


@attrs.frozen(kw_only=True)
class Answering:
    """Ask the model, and make a response of whatever comes of it."""

    client: AsyncAymaraAI
    eval: Eval
    caller: ModelCaller
    on_error: OnError
    workspace_uuid: str | None
    is_kept: bool
    """Whether a journal keeps the answers."""

    async def answer(self, prompt: ModelPrompt) -> Answered:
        """Return the response to a prompt.

        Raises ``ModelError`` where the model fails and errors are to be raised, ``APIError`` where a file of its cannot
        be uploaded, ``NoThreadError`` where the model cannot be called.
        """
        began = monotonic()
        is_answered = False
        try:
            answer = await self.caller.ask(prompt)
            is_answered = True
            response = await self._response(prompt.prompt, answer)
            _check(response)
        except NoThreadError:  # no doing of the model
            raise
        except Exception as error:
            # Of the upload; one of the model's own calls is its affair.
            if is_answered and isinstance(error, APIError | ClientClosedError):
                raise
            if self.on_error == "raise":
                raise self._stop(prompt, error) from error
            refused = self.on_error == "refuse"
            made = respond(prompt.prompt, ai_refused=refused, exclude_from_scoring=not refused)
            return Answered(response=made, error=AnswerError.of(error), seconds=monotonic() - began)
        return Answered(response=response, seconds=monotonic() - began)

    def _stop(self, prompt: ModelPrompt, error: Exception) -> ModelError:
        said = str(error).rstrip(".")
        kept = (
            "Earlier answers are in the journal: the same call goes on from there."
            if self.is_kept
            else "Earlier answers are lost; a journal would have kept them."
        )
        return ModelError(
            f"The model failed on prompt {prompt.prompt.prompt_uuid} with {type(error).__name__}{said and ': '}{said}. "
            f'The eval was stopped. {kept} With on_error="refuse" or "exclude" such a prompt stops nothing.',
            prompt=prompt.prompt,
        )

    async def _response(self, prompt: EvalPrompt, answer: Answer) -> EvalResponse:
        if answer is None:
            return respond(prompt, ai_refused=True)
        if isinstance(answer, str):
            return respond(prompt, content=str.__str__(answer))
        if isinstance(answer, EvalResponse):
            if answer.prompt_uuid != prompt.prompt_uuid:
                raise ValueError(
                    f"The model returned a response to prompt {answer.prompt_uuid!r} when asked {prompt.prompt_uuid!r}"
                )
            return _placed(answer, prompt)
        if isinstance(answer, FileReference):
            return respond(prompt, content=answer, content_type="video" if self.eval.modality == "video" else "image")
        if isinstance(answer, bytes | bytearray | memoryview):
            data = bytes(answer)
            ending, kind = file_kind(data) or self._expected_kind()
            return respond(prompt, content=await self._upload((f"answer.{ending}", data)), content_type=kind)
        if isinstance(answer, os.PathLike):
            path = os.fspath(answer)
            kind = "video" if path.lower().endswith(VIDEO_ENDINGS) else "image"
            return respond(prompt, content=await self._upload(path), content_type=kind)
        streams = inspect.isgenerator(answer) or inspect.isasyncgen(answer)
        raise TypeError(
            "An answer is text, bytes, a path, a FileReference, an EvalResponse, or None for a refusal; the model's is "
            f"of type {type(answer).__name__}{'. Put the parts of a stream together first' if streams else ''}"
        )

    def _expected_kind(self) -> tuple[str, ContentType]:
        if self.eval.modality == "image":
            return "png", "image"
        if self.eval.modality == "video":
            return "mp4", "video"
        raise ValueError(
            "The model's answer is bytes that are no known kind of image or video, in an eval whose modality is text. "
            "Return text as str, and a file of another kind as a path"
        )

    async def _upload(self, file: FileInput) -> FileReference:
        """Upload a file and wait until the server has taken it in; an upload too many harms nobody."""
        again = AsyncRetrying(
            stop=stop_after_attempt(_UPLOADS),
            wait=wait_random_exponential(multiplier=self.client._settings.call.retry.initial_wait, max=20),
            retry=retry_if_exception(lambda error: isinstance(error, APIError) and error.may_have_acted),
            reraise=True,
        )
        uploaded: FileUpload = await again(self.client.files.upload, file=file, workspace_uuid=self.workspace_uuid)
        if uploaded.file_uuid is None and uploaded.remote_file_path is None:
            raise RequestValidationError("The server took the file, but did not say under which name")
        if uploaded.file_uuid is not None and uploaded.processing_status in ("pending", "processing"):
            await self.client.files.wait(uploaded.file_uuid)
        return FileReference(file_uuid=uploaded.file_uuid, remote_file_path=uploaded.remote_file_path)


def respond(
    prompt: EvalPrompt,
    *,
    content: str | FileReference | None = None,
    content_type: ContentType = "text",
    ai_refused: bool = False,
    exclude_from_scoring: bool = False,
) -> EvalResponse:
    """Make a response in its prompt's place."""
    response = EvalResponse(
        prompt_uuid=prompt.prompt_uuid,
        content=content,
        content_type=content_type,
        ai_refused=ai_refused,
        exclude_from_scoring=exclude_from_scoring,
    )
    return _placed(response, prompt)


def _placed(response: EvalResponse, prompt: EvalPrompt) -> EvalResponse:
    placed = copy(response)
    placed.thread_uuid = UNSET if prompt.thread_uuid is None else prompt.thread_uuid
    placed.turn_number = prompt.turn_number
    return placed


def _check(response: EvalResponse) -> None:
    try:
        check(1, response, max_bytes=MAX_BATCH_BYTES)
    except InvalidResponseError as error:
        raise ValueError(f"The model's answer cannot be scored: {error.reason}") from None
