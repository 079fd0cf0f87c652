"""The control endpoint: faults, shape and records at run time, for those who cannot reach the Python object.

It stands beside the API under ``/sandbox/``, wants the API key, and is met by no fault.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs
import msgspec

from aymara_async.sandbox.call import Answer
from aymara_async.sandbox.faults import read_faults
from aymara_async.sandbox.plan import FaultPlan
from aymara_async.sandbox.record import Record, RecordedRequest
from aymara_async.sandbox.rejection import CODES, RejectedError, invalid, malformed
from aymara_async.sandbox.shape import Shape, Shaping, read_shape
from aymara_async.sandbox.store.database import Database
from aymara_async.sandbox.store.runs import ScoredTurn, count_scorings

Json: TypeAlias = dict[str, object]

PREFIX = "/sandbox/"


@attrs.define
class Control:
    """Answer what is asked of the sandbox itself."""

    plan: FaultPlan
    shaping: Shaping
    record: Record
    database: Database

    def handle(self, method: str, path: str, body: bytes) -> Answer:
        """Answer one request.

        Raises:
            RejectedError: 404 or 405 for what there is not, 400 or 422 for a body that is not a fault or a shape.
        """
        endpoints: dict[str, dict[str, Callable[[bytes], Answer]]] = {
            "faults": {"GET": self._list_faults, "POST": self._add_faults, "DELETE": self._clear_faults},
            "shape": {"GET": self._get_shape, "PUT": self._set_shape},
            "requests": {"GET": self._list_requests, "DELETE": self._clear_requests},
            "scored": {"GET": self._list_scored},
        }
        methods = endpoints.get(path.removeprefix(PREFIX))
        if methods is None:
            raise RejectedError(404, CODES[404], f"The sandbox has no {path}, only {', '.join(endpoints)}")
        if method not in methods:
            allowed = ", ".join(methods)
            raise RejectedError(405, CODES[405], f"Only {allowed} are allowed here", headers={"Allow": allowed})
        return methods[method](body)

    def _list_faults(self, _body: bytes = b"") -> Answer:
        return Answer({"faults": self.plan.all()})

    def _add_faults(self, body: bytes) -> Answer:
        try:
            sent = msgspec.json.decode(body)
            self.plan.add(*read_faults(sent if isinstance(sent, list) else [sent]))
        except msgspec.DecodeError as error:
            raise malformed(f"The body is not JSON: {error}") from None
        except ValueError as error:
            raise invalid(str(error)) from None
        return self._list_faults()

    def _clear_faults(self, _body: bytes) -> Answer:
        self.plan.clear()
        return Answer(status=204)

    def _get_shape(self, _body: bytes = b"") -> Answer:
        return Answer({field: getattr(self.shaping.shape, field) for field in Shape.__struct_fields__})

    def _set_shape(self, body: bytes) -> Answer:
        try:
            self.shaping.shape = read_shape(msgspec.json.decode(body, type=Json))
        except msgspec.DecodeError as error:
            raise malformed(f"The body is not a JSON object: {error}") from None
        except ValueError as error:
            raise invalid(str(error)) from None
        return self._get_shape()

    def _list_requests(self, _body: bytes) -> Answer:
        return Answer({"requests": [_request_wire(request) for request in self.record.all()]})

    def _clear_requests(self, _body: bytes) -> Answer:
        self.record.clear()
        return Answer(status=204)

    def _list_scored(self, _body: bytes) -> Answer:
        return Answer({"scored": [_scored_wire(turn, times) for turn, times in count_scorings(self.database).items()]})


def _request_wire(request: RecordedRequest) -> Json:
    return {
        "request_id": request.request_id,
        "origin": request.origin,
        "method": request.method,
        "path": request.path,
        "query": dict(request.query),
        "operation": request.operation,
        "headers": request.headers,
        "has_key": request.has_key,
        "body": request.body.decode(errors="replace"),
        "received_at": request.received_at,
        "status": request.status,
        "faults": request.faults,
    }


def _scored_wire(turn: ScoredTurn, times: int) -> Json:
    return {**attrs.asdict(turn), "times": times}
