"""The Media Collection API as the engine sees it: from a request to what it asks for, from a decision to a response.

It joins the parts of this package and decides one thing itself: what is said about a request beside its body.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mcmock.core import findings
from mcmock.core.events import EVENT_TYPES, VISITOR_KEYS, Event, content_key
from mcmock.core.http import header, path_of
from mcmock.core.model import COUNTED_KINDS, Finding, Headers, Kind, Mode, Request, Response, Verdict
from mcmock.protocols import json_schema
from mcmock.protocols import media_collection as collection
from mcmock.protocols.base import (
    Account,
    Address,
    ApiProtocol,
    Operation,
    Options,
    ParsedRequest,
    RecalledEvent,
    Refused,
    Schema,
    Written,
)
from mcmock.protocols.media_collection import address, faults, routes, schemas
from mcmock.protocols.media_collection import body as bodies
from mcmock.protocols.media_collection.events import events_in, part_of, playhead_of, ts_of
from mcmock.protocols.media_collection.known_forms import MediaCollectionForms, asks_for_private, is_json
from mcmock.protocols.media_collection.responses import Answers
from mcmock.protocols.media_collection.routes import Route
from mcmock.protocols.media_collection.templates import Templates

_OPENING: Final = (routes.SESSIONS, routes.DOWNLOADED)
_SESSION_PATH: Final = re.compile(re.escape(routes.SESSIONS) + r"/([0-9a-f]{64})(?:/|$)")


class MediaCollection(ApiProtocol):
    """`options` widen the preflight beyond what is documented (C-47)."""

    name = "media-collection"
    paths = routes.PATHS
    event_types = EVENT_TYPES
    presets = faults.PRESETS

    def __init__(self, options: Options = Options()) -> None:  # noqa: B008 -- a value
        json_schema.read_files(self.event_types)
        self._answers = Answers(options.allowed_headers, options.cors_max_age, options.cors_private_network)
        self.known = self._forms = MediaCollectionForms(self._answers)

    def prepare(self) -> None:
        schemas.prepare()

    def owns(self, target: str) -> bool:
        return path_of(target).startswith(routes.BASE)

    # -- from a request -----------------------------------------------------------------------------------------------

    def read(self, request: Request, mode: Mode) -> ParsedRequest:
        named = routes.session_of_event(request.method, request.target)
        if named is not None and request.refusal is None and (event := self._read_event(request, named, mode)):
            return event
        route = routes.route(request.method, request.target)
        if request.refusal is not None:
            return _refused_by_http(request, route, mode)
        if route.kind in COUNTED_KINDS:
            known = self._forms.templates[Kind.SESSION, mode] if route.kind is Kind.SESSION else None
            return _read_body(request, route, mode, known)
        if route.kind is Kind.PREFLIGHT:
            named = route.argument if request.target.find("/sessions/") >= 0 else None
            return ParsedRequest(Kind.PREFLIGHT, named)
        if route.kind is Kind.SCHEMA:
            return _read_schema(request, str(route.argument))
        wrong = address.misdirected(request, route.allow)
        found = findings.findings_of("misdirected", mode, "", wrong) if wrong is not None else ()
        return ParsedRequest(Kind.OTHER, findings=found, refused=_no_route(request, route))

    def _read_event(self, request: Request, named: str, mode: Mode) -> ParsedRequest | None:
        """Return an event that fits its schema and is not refused; None where it takes more than that."""
        known = self._forms.templates[Kind.EVENT, mode]
        recalled = known.recall(request.body) or _recognised(request.body, mode, known)
        if recalled is None:
            return None
        event_type, playhead, ts, findings, _ = recalled
        found = findings + _about_the_request(request, False, mode)
        return ParsedRequest(Kind.EVENT, named, event_type, playhead, found, ts=ts)

    # -- to a response ------------------------------------------------------------------------------------------------

    def respond(
        self, verdict: Verdict, parsed: ParsedRequest, request: Request, now: float, session_id: str | None, reason: str
    ) -> Response:
        if verdict is Verdict.ACCEPTED:
            return self._accept(parsed, request, now)
        if verdict is Verdict.CREATED:
            return self._answers.created(str(session_id), now, request.keep_alive)
        if verdict is Verdict.UNKNOWN:
            return self.error(404, f"There is no session {session_id}.", request, now)
        if verdict is Verdict.GONE:
            return self.error(410, f"Session {session_id} takes no more events: {reason}.", request, now)
        if verdict is Verdict.BROKEN:
            return self.error(500, reason, request, now, keep_alive=False)
        refused = parsed.refused
        assert refused is not None, verdict
        return self._error(refused, request, now)

    def error(self, status: int, message: str, request: Request, now: float, *, keep_alive: bool = True) -> Response:
        keep_alive = keep_alive and request.keep_alive
        return self._answers.error(status, message, now, keep_alive, head=_is_head(request))

    def _accept(self, parsed: ParsedRequest, request: Request, now: float) -> Response:
        if parsed.kind is Kind.EVENT:
            return self._answers.accepted(now, request.keep_alive)
        if parsed.kind is Kind.PREFLIGHT:
            return self._answers.preflight(now, request.keep_alive, private_network=asks_for_private(request.headers))
        return self._answers.schema(parsed.document, now, request.keep_alive, head=_is_head(request))

    def _error(self, refused: Refused, request: Request, now: float) -> Response:
        keep_alive, head = refused.keep_alive and request.keep_alive, _is_head(request)
        return self._answers.error(refused.status, refused.message, now, keep_alive, allow=refused.allow, head=head)

    # -- what else a request or a body tells ----------------------------------------------------------------------------

    def content_of(self, parsed: ParsedRequest) -> str:
        first = parsed.body[0] if parsed.body else {}
        params = part_of(first, "params")
        return content_key(params)

    def events(
        self,
        body: bytes,
        seq: int,
        at: float,
        after_end: bool = False,
        target: str = "",  # noqa: ARG002
    ) -> tuple[Event, ...]:
        return events_in(body, seq, at, after_end)

    def session_named(self, request: Request) -> str | None:
        found = _SESSION_PATH.match(request.target)
        return found[1] if found is not None else None

    def visitor(self, request: Request) -> Mapping[str, Any]:
        if request.method != "POST" or not request.target.startswith(_OPENING):
            return {}
        first = next(iter(events_in(request.body, 0, 0.0)), None)
        params = first.params if first is not None else {}
        return {key: params[key] for key in VISITOR_KEYS if key in params}

    # -- requests that were recorded, or written down -------------------------------------------------------------------

    def locate(self, request: Request) -> Address:
        return collection.recorded.locate(request.method, request.target)

    def is_meant(self, target: str) -> bool:
        return collection.recorded.is_meant(target)

    def is_body(self, value: object) -> bool:
        return collection.recorded.is_body(value)

    def has_event(self, body: bytes) -> bool:
        return collection.recorded.has_event(body)

    def session_issued(self, headers: Headers, body: bytes) -> str | None:  # noqa: ARG002
        return collection.recorded.session_issued(headers)

    def unreadable(self, headers: Headers, body: bytes) -> str | None:  # noqa: ARG002
        return collection.recorded.unreadable(headers)

    def error_message(self, body: bytes) -> str:
        return collection.recorded.error_message(body)

    def readdressed(self, target: str, body: bytes, old: str, new: str) -> tuple[str, bytes]:
        return target.replace(old, new, 1), body

    def destination(self, body: object) -> tuple[Kind, str]:
        return collection.recorded.destination(body)

    def timed(self, event: object, ts: int) -> object:
        return collection.recorded.timed(event, ts)

    def written(
        self, events: Sequence[Event], session_id: str, account: Account, *, downloaded: bool = False
    ) -> Written:
        return collection.writing.written(events, session_id, account, downloaded=downloaded)

    def params_of(self, event_type: str) -> Mapping[str, bool]:
        return schemas.params_of(event_type)

    # -- its description ------------------------------------------------------------------------------------------------

    def operations(self) -> Iterable[Operation]:
        return collection.operations.operations()

    def schemas(self) -> Mapping[str, Schema]:
        return collection.operations.component_schemas()


def _is_head(request: Request) -> bool:
    return request.method == "HEAD"


def _refused_by_http(request: Request, route: Route, mode: Mode) -> ParsedRequest:
    """Read a request that the HTTP layer could not take: whatever status that earns."""
    refusal = request.refusal
    assert refusal is not None
    named = route.argument if route.kind is Kind.EVENT else None
    found = findings.findings_of(refusal.rule, mode, "$", refusal.message)
    refused = Refused(Verdict.MALFORMED, refusal.status, refusal.message, keep_alive=False)
    return ParsedRequest(route.kind, named, findings=found, refused=refused)


def _recognised(text: bytes, mode: Mode, known: Templates) -> RecalledEvent | None:
    """Return an event whose body fits its schema and is not refused, and learn from it."""
    judged = bodies.judge_fitting(text, mode)
    if judged is None:
        return None
    (body,), event_type = judged.events, str(judged.event_type)
    known.learn(text, event_type, body, judged.findings)
    time = body["playerTime"]
    return RecalledEvent(event_type, time["playhead"], time["ts"], judged.findings)


def _read_body(request: Request, route: Route, mode: Mode, known: Templates | None) -> ParsedRequest:
    """Read a body that is an event, or several, and learn from it."""
    judged = bodies.judge(route.kind, request.body, mode)
    found = judged.findings + _about_the_request(request, route.slash, mode)
    named, events = route.argument if route.kind is Kind.EVENT else None, judged.events
    if named is not None and len(named) != routes.SID_LENGTH and (wrong := address.nameless(named)) is not None:
        found += findings.findings_of("misdirected", mode, "", wrong)
    if judged.refusal is not None:
        refused = Refused(Verdict.MALFORMED, 400, judged.refusal)
        return ParsedRequest(route.kind, named, judged.event_type, findings=found, refused=refused, body=events)
    last = events[-1]
    if known is not None and not judged.whole:
        known.learn(request.body, str(judged.event_type), last, judged.findings)
    return ParsedRequest(
        route.kind, named, judged.event_type, playhead_of(last), found, None, judged.whole, b"", events, ts_of(last)
    )  # fmt: skip


def _about_the_request(request: Request, slash: bool, mode: Mode) -> tuple[Finding, ...]:
    """Return what is found in how a body was sent; `slash` says that its path ends in one that it does not need."""
    found: tuple[Finding, ...] = ()
    content_type = header(request.headers, b"content-type")
    if not is_json(content_type):
        sent = "no Content-Type" if content_type is None else content_type.decode("latin-1")
        found += findings.findings_of("content-type", mode, "", f"{sent} was sent; application/json is asked for")
    if slash:
        found += findings.findings_of("trailing-slash", mode, "", "the path ends in a slash")
    return found


def _read_schema(request: Request, event_type: str) -> ParsedRequest:
    if event_type in EVENT_TYPES:
        return ParsedRequest(Kind.SCHEMA, document=schemas.served(event_type, request.scheme, request.host))
    known = ", ".join(EVENT_TYPES)
    message = f"There is no event type {event_type}; the types are {known}."
    return ParsedRequest(Kind.SCHEMA, refused=Refused(Verdict.NO_ROUTE, 404, message))


def _no_route(request: Request, route: Route) -> Refused:
    if route.status == 405:
        message = f"{request.method} is not allowed on this path; it takes {route.allow}."
        return Refused(Verdict.NO_ROUTE, 405, message, route.allow)
    return Refused(Verdict.NO_ROUTE, 404, "There is no such path.")
