"""A toy API, to show that an emulated API is one class: its own path, body, session id and responses, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mcmock.core.events import Event, FieldPaths
from mcmock.core.findings import make_finding
from mcmock.core.http import path_of, render
from mcmock.core.model import Kind, Mode, Request, Response, Verdict
from mcmock.protocols.base import ApiProtocol, ParsedRequest, Path, Refused

PATH = "/toy/track"
TYPES = {"open": "sessionStart", "go": "play", "tick": "ping", "bye": "sessionEnd"}
STATUS = {Verdict.CREATED: 200, Verdict.ACCEPTED: 202, Verdict.UNKNOWN: 404, Verdict.GONE: 409, Verdict.BROKEN: 500}


class Toy(ApiProtocol):
    """`{"do": "tick", "viewing": ID, "second": 10, "when": MS, "about": {…}}`, and the id in the body of the first answer."""

    name = "toy"
    paths = (Path(PATH, {"POST": Kind.EVENT}),)
    event_types = tuple(TYPES.values())

    def owns(self, target: str) -> bool:
        return path_of(target).startswith("/toy/")

    def read(self, request: Request, mode: Mode) -> ParsedRequest:
        if request.method != "POST" or path_of(request.target) != PATH:
            return ParsedRequest(Kind.OTHER, refused=Refused(Verdict.NO_ROUTE, 404, "only POST /toy/track"))
        value = _value(request.body)
        kind = Kind.SESSION if value.get("do") == "open" else Kind.EVENT
        viewing = value.get("viewing") if kind is Kind.EVENT else None
        if value.get("do") not in TYPES or (kind is Kind.EVENT and not isinstance(viewing, str)):
            found = make_finding("wrong-event", mode, "$.do", f"do must be one of {', '.join(TYPES)}, with a viewing")
            refused = Refused(Verdict.MALFORMED, 422, "what?")
            return ParsedRequest(kind, viewing, None, None, (found,) if found else (), refused)
        return ParsedRequest(kind, viewing, TYPES[value["do"]], value.get("second"), body=value)

    def respond(
        self, verdict: Verdict, parsed: ParsedRequest, request: Request, now: float, session_id: str | None, reason: str
    ) -> Response:
        if verdict is Verdict.CREATED:
            return self._answer(200, {"viewing": session_id})
        if parsed.refused is not None and verdict not in STATUS:
            return self._answer(parsed.refused.status, {"oops": parsed.refused.message})
        return self._answer(STATUS[verdict], {} if verdict is Verdict.ACCEPTED else {"oops": reason})

    def error(self, status: int, message: str, request: Request, now: float, *, keep_alive: bool = True) -> Response:
        return self._answer(status, {"oops": message})

    def _answer(self, status: int, value: Mapping[str, Any]) -> Response:
        body = json.dumps(value).encode()
        return render(status, (("X-Toy", "1"), ("Content-Length", str(len(body)))), body)

    def content_of(self, parsed: ParsedRequest) -> str:
        return str((parsed.body or {}).get("about"))

    def events(self, body: bytes, seq: int, at: float, after_end: bool = False, _: str = "") -> tuple[Event, ...]:
        value = _value(body)
        paths, second, when = FieldPaths(ts=".when", playhead=".second"), value.get("second"), value.get("when")
        return (Event(seq, at, TYPES.get(value.get("do", ""), "?"), second or 0.0, when or int(at * 1000),
                      value.get("about", {}), {}, {}, after_end, paths, second, when),) if value else ()  # fmt: skip

    def session_named(self, request: Request) -> str | None:
        return self.read(request, Mode.DEFAULT).session_id

    def visitor(self, request: Request) -> Mapping[str, Any]:
        return {}


def _value(body: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(body))
    except (ValueError, TypeError):
        return {}
