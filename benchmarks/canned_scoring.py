"""A canned server that scores: ``python -m benchmarks.canned_scoring RESPONSES FILE SECONDS``.

It looks at no more than it must to answer a scoring job: what comes is put into scored responses made beforehand, and
counted, and the answer given after so many seconds; an eval is given at once. So it is faster than every client, which
the sandbox, that checks and stores everything, is not. As ``benchmarks.scoring_server`` does, it writes the responses
to FILE, tells in a line of JSON where it is and, when its input ends, in a second one what it scored.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

import msgspec

from benchmarks.answers import EVAL_UUID, PAGE_MARK, SUBMITTED, a_run, a_scored_response, encoded
from benchmarks.server import EVAL, Answering, listen, response


class _Submitted(msgspec.Struct):
    prompt_uuid: msgspec.Raw
    content: msgspec.Raw


class _Request(msgspec.Struct):
    responses: list[_Submitted]


def _scored_parts() -> list[bytes]:
    """Cut a scored response where its prompt, a number, its content, and the number again belong."""
    mark = PAGE_MARK.decode()
    text = encoded({**a_scored_response(1, mark), "prompt_uuid": mark, "content": mark})
    return text.replace(b'"%b"' % PAGE_MARK, PAGE_MARK).split(PAGE_MARK)


_decode = msgspec.json.Decoder(_Request).decode
_START, _AFTER_PROMPT, _AFTER_THREAD, _AFTER_CONTENT, _END = _scored_parts()
_RUN, _AFTER_RESPONSES = encoded(a_run(0)).split(b'"responses":null')
_FIRST = encoded(a_scored_response(0))
_NOTHING = response(b'{"items":[],"count":0}')
_GET_EVAL = f"GET /v2/evals/{EVAL_UUID} HTTP".encode()


@dataclass
class Scored:
    """What the server has scored."""

    number: int = 0
    prompts: Counter[bytes] = field(default_factory=Counter)


class Scoring(Answering):
    """Score what comes over one connection."""

    def __init__(self, scored: Scored, seconds: float = 0) -> None:
        self.scored, self.seconds = scored, seconds

    def answer(self, request: bytes) -> None:
        """Take a request whole, and answer it."""
        if request.startswith(b"POST"):
            answer = response(self.score(request[request.find(b"\r\n\r\n") :]))
            if self.seconds:
                asyncio.get_running_loop().call_later(self.seconds, self.give, answer)
            else:
                self.transport.write(answer)
        elif request.startswith(_GET_EVAL):
            self.transport.write(EVAL)
        elif b"/responses?" in request:  # at the end of a job, which asks for one to learn how many there are
            self.transport.write(response(b'{"items":[%b],"count":%d}' % (_FIRST, self.scored.number)))
        else:
            self.transport.write(_NOTHING)

    def score(self, body: bytes) -> bytes:
        """Score the responses of a request."""
        made = list[bytes]()
        for one in _decode(body).responses:
            mark, prompt = b"%08d" % self.scored.number, bytes(one.prompt_uuid)
            self.scored.number += 1
            self.scored.prompts[prompt] += 1
            parts = (_START, prompt, _AFTER_PROMPT, mark, _AFTER_THREAD, one.content, _AFTER_CONTENT, mark, _END)
            made.append(b"".join(parts))
        return b'%b"responses":[%b]%b' % (_RUN, b",".join(made), _AFTER_RESPONSES)


def write_responses(number: int, file: Path) -> None:
    """Write so many responses as JSON Lines."""
    line = '{{"prompt_uuid":"question.00000000-0000-4000-8000-{:012}","content":{}}}\n'
    content = json.dumps(SUBMITTED)
    file.write_text("".join(line.format(one, content) for one in range(number)), encoding="utf-8")


async def serve(responses: int, file: Path, seconds: float) -> None:
    """Serve until the input ends."""
    write_responses(responses, file)
    scored = Scored()
    url, server = await listen(lambda: Scoring(scored, seconds))
    print(json.dumps({"url": url, "key": "key", "eval_uuid": EVAL_UUID}), flush=True)
    before = process_time()
    await asyncio.to_thread(sys.stdin.read)
    server.close()
    told = {
        "scored": len(scored.prompts),
        "most_often": max(scored.prompts.values(), default=0),
        "cpu_us": (process_time() - before) / max(1, scored.number) * 1e6,
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
