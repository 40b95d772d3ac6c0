"""The Media Edge API as the engine sees it: from a request to what it asks for, from a decision to a response."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mcmock.core import findings, json_decoding
from mcmock.core.events import Event, content_key
from mcmock.core.http import header
from mcmock.core.model import Finding, Headers, Kind, Mode, Request, Response, Verdict
from mcmock.protocols import json_schema
from mcmock.protocols import media_edge as edge
from mcmock.protocols.base import (
    EXPIRED,
    Account,
    Address,
    ApiProtocol,
    Operation,
    Options,
    ParsedRequest,
    Refused,
    Schema,
    Written,
)
from mcmock.protocols.media_edge import faults, problems, responses, routes
from mcmock.protocols.media_edge.problems import Detail, Problem
from mcmock.protocols.media_edge.responses import Answers
from mcmock.protocols.media_edge.routes import DEFAULT_HINT, Route

if TYPE_CHECKING:
    from mcmock.protocols.media_edge.body import Judged

_SESSION_ID: Final = re.compile(rb'"sessionID"\s*:\s*"([0-9a-f]{64})"')
_TYPES: Final = ("application/json", "text/plain", "text/javascript", "application/x-jackson-smile")
_REQUEST_ID: Final = re.compile(r"[\w.-]{1,64}", re.ASCII)


class Asked(NamedTuple):
    """A request's body as it was judged, and what the request says beside its events. The engine hands it back."""

    judged: Judged
    route: Route
    problem: Problem | None = None


class MediaEdge(ApiProtocol):
    """`options` widen the preflight, and say whose datastreams these are and which there are."""

    name = "media-edge"
    paths = routes.PATHS
    event_types = (*routes.EVENT_TYPES, routes.DOWNLOADED)
    presets = faults.PRESETS
    forms = faults.FORMS

    def __init__(self, options: Options = Options()) -> None:  # noqa: B008 -- a value
        json_schema.read_files(self.event_types, routes.FOLDER)
        self._options = options
        self._answers = Answers(options.allowed_headers, options.cors_max_age, options.cors_private_network)

    def prepare(self) -> None:
        edge.schemas.prepare()
        _ = (edge.body, edge.identity, edge.recorded)  # to have them imported

    def owns(self, target: str) -> bool:
        return routes.owns(target)

    # -- from a request -----------------------------------------------------------------------------------------------

    def read(self, request: Request, mode: Mode) -> ParsedRequest:
        route = routes.route(request.method, request.target)
        if request.refusal is not None:
            return _refused_by_http(request, route, mode)
        if route.kind is Kind.PREFLIGHT:
            return ParsedRequest(Kind.PREFLIGHT)
        if route.status is not None:
            return _no_route(request, route, mode)
        judged = edge.body.judge(route, request.body, mode)
        named = next((one.session_id for one in judged.items if one.session_id), None)
        session_id = named if judged.kind is Kind.EVENT else None
        event_type = _event_type(judged)
        found, problem = self._about_the_datastream(request, judged, mode)
        asked, found = Asked(judged, route, problem or _problem(judged)), judged.findings + found
        refused = _refused(asked, found, mode)
        if refused is not None:
            found += findings.findings_of("refused-in-207", mode, "", refused.message) if refused.status == 207 else ()
            return ParsedRequest(judged.kind, session_id, event_type, findings=found, refused=refused, body=asked)
        if judged.kind is Kind.SESSION:
            found += _about_the_visitor(request, judged, mode)
        playhead, ts = edge.events.told_in(judged.items[-1]) if judged.items else (None, None)
        return ParsedRequest(
            judged.kind, session_id, event_type, playhead, found, None, judged.kind is Kind.DOWNLOADED, b"", asked,
            ts,
        )  # fmt: skip

    def _about_the_datastream(
        self, request: Request, judged: Judged, mode: Mode
    ) -> tuple[tuple[Finding, ...], Problem | None]:
        """Return what is found in the datastream that a request names, and why it is refused for it."""
        named = routes.parameter(request.target, "configId")
        if not named:
            rule = "datastream-missing-on-event" if judged.kind is Kind.EVENT else "datastream-missing"
            found = findings.findings_of(rule, mode, "", "the URL has no configId, which names the datastream")
            return found, problems.no_datastream("configId") if findings.refuses(rule, mode) else None
        if self._options.datastreams and named not in self._options.datastreams:
            known = ", ".join(sorted(self._options.datastreams))
            message = f"configId is {named[:100]!r}; the datastreams there are: {known[:200]}"
            return findings.findings_of("datastream-unknown", mode, "", message), problems.unknown_datastream(
                named[:100]
            )
        if named in self._options.without_media and judged.kind in (Kind.SESSION, Kind.DOWNLOADED):
            message = f"the datastream {named[:100]!r} has no Media Analytics: no session was started"
            return findings.findings_of("datastream-without-media", mode, "", message), None
        return (), None

    # -- to a response ------------------------------------------------------------------------------------------------

    def respond(
        self, verdict: Verdict, parsed: ParsedRequest, request: Request, now: float, session_id: str | None, reason: str
    ) -> Response:
        if verdict is Verdict.CREATED:
            return self._created(parsed.body, request, now, str(session_id))
        if verdict is Verdict.ACCEPTED:
            return self._accept(parsed, request, now)
        if verdict is Verdict.BROKEN:
            return self.error(500, reason, request, now, keep_alive=False)
        refused = parsed.refused
        if verdict is Verdict.MALFORMED and refused is not None and refused.status < 300:
            return self._refused_start(parsed.body, request, now, refused.status)
        allow, keep_alive = (refused.allow, refused.keep_alive) if refused is not None else (None, True)
        problem = _problem_of(verdict, parsed, reason)
        return self._problem(problem, request, now, allow=allow, keep_alive=keep_alive)

    def error(self, status: int, message: str, request: Request, now: float, *, keep_alive: bool = True) -> Response:
        if status == 207:
            error = problems.invalid_start([Detail("$.xdm", message)], 0)
            document = {"requestId": self._request_id(request, now), "handle": [], "errors": [error]}
            return self._handles(207, document, request, now, _decoded(request.body))
        return self._problem(problems.of_status(status, message), request, now, keep_alive=keep_alive)

    def altered(self, form: str, response: Response, request: Request, now: float) -> Response | None:
        """One in another form; None where the API has no such form, or it changes nothing."""
        return faults.altered(form, response, lambda: self._moved(request, now)) if form in self.forms else None

    def _moved(self, request: Request, now: float) -> list[dict[str, Any]]:
        """Return the handles that lead a client to the next region."""
        asked = self.read(request, Mode.LOOSE).body
        if not isinstance(asked, Asked):
            return []
        hint = faults.next_hint(asked.route.hint or DEFAULT_HINT)
        return self._state(request, asked._replace(route=asked.route._replace(hint=hint)), now)

    def _created(self, asked: Asked, request: Request, now: float, session_id: str) -> Response:
        judged = asked.judged
        index = next((one.place for one in judged.items if one.event_type in (routes.START, routes.DOWNLOADED)), 0)
        handles = [responses.new_session(session_id, index), *self._state(request, asked, now)]
        return self._handles(200, self._document(request, now, handles), request, now, judged.value)

    def _refused_start(self, asked: Asked, request: Request, now: float, status: int) -> Response:
        """All that a good start is answered but a session: 207 with what is wrong, 200 where the datastream has no media."""
        judged = asked.judged
        document = self._document(request, now, self._state(request, asked, now))
        if status == 207:
            place = judged.items[0].place if judged.items else 0
            listed = judged.details if isinstance(judged.details, tuple) else (Detail("$.xdm", judged.details),)
            document["errors"] = [problems.invalid_start(listed, place)]
        return self._handles(status, document, request, now, judged.value)

    def _accept(self, parsed: ParsedRequest, request: Request, now: float) -> Response:
        origin, hint = _origin(request), _hint(request)
        if parsed.kind is Kind.PREFLIGHT:
            asked = header(request.headers, b"access-control-request-private-network")
            wanted = asked is not None and asked.strip().lower() == b"true"
            return self._answers.preflight(now, request.keep_alive, origin, hint, private_network=wanted)
        if parsed.body.route.is_media:
            return self._answers.empty(now, request.keep_alive, origin, hint)
        handles = self._state(request, parsed.body, now) if parsed.body.route.word == routes.ACQUIRE else []
        return self._handles(200, self._document(request, now, handles), request, now, parsed.body.judged.value)

    def _document(self, request: Request, now: float, handles: list[dict[str, Any]]) -> dict[str, Any]:
        return {"requestId": self._request_id(request, now), "handle": handles}

    def _state(self, request: Request, asked: Asked, now: float) -> list[dict[str, Any]]:
        """Return the handles that tell a client who it is and which region it is to ask next."""
        value, hint = asked.judged.value, asked.route.hint or DEFAULT_HINT
        cookies = edge.identity.cookies_in(value.get("meta"), header(request.headers, b"cookie"))
        first = asked.judged.items[0].xdm if asked.judged.items else {}
        ecid = edge.identity.ecid_of(first, value.get("xdm"), cookies) or edge.identity.made_up(
            self._answers.new_id(now)
        )
        prefix = "kndctr_" + (edge.identity.org_in(cookies) or self._options.org_id).replace("@", "_")
        kept = {
            f"{prefix}_cluster": (hint, edge.identity.CLUSTER_SECONDS),
            f"{prefix}_identity": (edge.identity.cookie_value(ecid, hint, now), edge.identity.IDENTITY_SECONDS),
        }
        told = [responses.identity_result(ecid)] if _asks_ecid(value) else []
        return [*told, responses.location_hints(hint), responses.stored_state(kept)]

    def _handles(
        self, status: int, document: Mapping[str, Any], request: Request, now: float, value: Mapping[str, Any]
    ) -> Response:
        return self._answers.handles(
            status, document, now, request.keep_alive, _origin(request), _hint(request), streamed=_asks_streaming(value)
        )

    def _problem(
        self, problem: Problem, request: Request, now: float, *, allow: str | None = None, keep_alive: bool = True
    ) -> Response:
        document = problem.to_json(self._request_id(request, now))
        return self._answers.problem(
            document, now, keep_alive and request.keep_alive, _origin(request), _hint(request),
            allow=allow, head=request.method == "HEAD",
        )  # fmt: skip

    def _request_id(self, request: Request, now: float) -> str:
        sent = routes.parameter(request.target, "requestId")
        return sent if sent is not None and _REQUEST_ID.fullmatch(sent) else self._answers.new_id(now)

    # -- what else a request or a body tells ----------------------------------------------------------------------------

    def content_of(self, parsed: ParsedRequest) -> str:
        items = parsed.body.judged.items
        collection = items[0].collection if items else {}
        if items and parsed.kind is Kind.DOWNLOADED:
            collection = next((event.get("mediaCollection") for event in edge.events.downloaded_in(items[0].xdm)), {})
        params = edge.fields.read(collection if isinstance(collection, dict) else {}).params
        return content_key(params)

    def events(self, body: bytes, seq: int, at: float, after_end: bool = False, target: str = "") -> tuple[Event, ...]:
        return edge.events.events_in(body, seq, at, after_end, routes.parameter(target, "requestId"))

    def session_named(self, request: Request) -> str | None:
        found = _SESSION_ID.search(request.body)
        return found[1].decode() if found is not None else None

    def datastream_of(self, request: Request) -> str | None:
        return routes.parameter(request.target, "configId") or None

    def follows_hint(self, target: str) -> bool | None:
        route = routes.route("POST", target)
        return route.hint is not None if route.kind is Kind.EVENT else None

    def visitor(self, request: Request) -> Mapping[str, Any]:
        items = edge.events.items_in(_decoded(request.body)) if b"media.sessionStart" in request.body else []
        first = next(iter(edge.events.events_in(request.body, 0, 0.0)), None) if items else None
        ecid = first.params.get(edge.fields.ECID_KEY) if first is not None else None
        return {edge.fields.ECID_KEY: ecid} if ecid is not None else {}

    # -- requests that were recorded, or written down -------------------------------------------------------------------

    def locate(self, request: Request) -> Address:
        return edge.recorded.locate(request)

    def is_meant(self, target: str) -> bool:
        return edge.recorded.is_meant(target)

    def is_body(self, value: object) -> bool:
        return edge.recorded.is_body(value)

    def has_event(self, body: bytes) -> bool:
        return edge.recorded.has_event(body)

    def session_issued(self, headers: Headers, body: bytes) -> str | None:  # noqa: ARG002
        return edge.recorded.session_issued(body)

    def unreadable(self, headers: Headers, body: bytes) -> str | None:  # noqa: ARG002
        return edge.recorded.unreadable(body)

    def good_status(self, kind: Kind, target: str) -> int:
        return 204 if kind is Kind.EVENT and routes.route("POST", target).is_media else 200

    def refuses_within(self, status: int, body: bytes) -> bool:
        return status == 207 or edge.recorded.unreadable(body) is not None

    def error_message(self, body: bytes) -> str:
        return edge.recorded.error_message(body)

    def readdressed(self, target: str, body: bytes, old: str, new: str) -> tuple[str, bytes]:
        return target, edge.recorded.readdressed(body, old, new)

    def destination(self, body: object) -> tuple[Kind, str]:
        return edge.recorded.destination(body)

    def timed(self, event: object, ts: int) -> object:
        return edge.recorded.timed(event, ts)

    def written(
        self, events: Sequence[Event], session_id: str, account: Account, *, downloaded: bool = False
    ) -> Written:
        return edge.writing.written(events, session_id, account, downloaded=downloaded)

    def operations(self) -> Iterable[Operation]:
        return edge.operations.operations()

    def schemas(self) -> Mapping[str, Schema]:
        return edge.operations.component_schemas()

    def params_of(self, event_type: str) -> Mapping[str, bool]:
        return edge.schemas.params_of(event_type)


def _about_the_visitor(request: Request, judged: Judged, mode: Mode) -> tuple[Finding, ...]:
    """Return whether a start says who watches, or asks to be told."""
    first, value = judged.items[0].xdm, judged.value
    cookies = edge.identity.cookies_in(value.get("meta"), header(request.headers, b"cookie"))
    named = any(holder.get("identityMap") for holder in (first, edge.events.part_of(value, "xdm")))
    if named or _asks_ecid(value) or edge.identity.ecid_of(first, value.get("xdm"), cookies) is not None:
        return ()
    return findings.findings_of(
        "identity-missing", mode, "", "it has no identityMap and no identity cookie, and asks for no ECID"
    )


def _event_type(judged: Judged) -> str | None:
    if judged.kind is Kind.DOWNLOADED:
        return routes.START
    return judged.items[-1].event_type if judged.items else None


def _problem(judged: Judged) -> Problem | None:
    if judged.problem is not None:
        return judged.problem
    return problems.invalid(judged.details) if judged.details else None


def _refused(asked: Asked, found: tuple[Finding, ...], mode: Mode) -> Refused | None:
    """Return why a request is refused: a start in a 207, and in a 200 where its datastream has no media."""
    problem = asked.problem
    if problem is None:
        without = next((one for one in found if one.rule == "datastream-without-media"), None)
        return Refused(Verdict.MALFORMED, 200, without.message) if without is not None else None
    in_answer = problem.code == "va-edge-0400-400" and asked.judged.kind in (Kind.SESSION, Kind.DOWNLOADED)
    wrong = next((one.message for one in found if findings.refuses(one.rule, mode)), problem.detail or problem.title)
    return Refused(Verdict.MALFORMED, 207 if in_answer else problem.status, wrong)


def _problem_of(verdict: Verdict, parsed: ParsedRequest, reason: str) -> Problem:
    if verdict is Verdict.UNKNOWN:
        return problems.unknown_session()
    if verdict is Verdict.GONE:
        return problems.gone(reason) if reason == EXPIRED else problems.unknown_session()
    if isinstance(parsed.body, Asked) and parsed.body.problem is not None:
        return parsed.body.problem
    refused = parsed.refused
    assert refused is not None, verdict
    return problems.no_route(refused.status, refused.message)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        value = json_decoding.decode(body)
    except json_decoding.BadJson:
        return {}
    return value if isinstance(value, dict) else {}


def _origin(request: Request) -> str | None:
    sent = header(request.headers, b"origin")
    return sent.decode("latin-1") if sent is not None else None


def _hint(request: Request) -> str:
    return routes.route(request.method, request.target).hint or DEFAULT_HINT


def _asks_ecid(value: Mapping[str, Any]) -> bool:
    wanted = edge.events.part_of(edge.events.part_of(value, "query"), "identity").get("fetch")
    return isinstance(wanted, list) and "ECID" in wanted


def _asks_streaming(value: Mapping[str, Any]) -> bool:
    streaming = edge.events.part_of(
        edge.events.part_of(edge.events.part_of(value, "meta"), "konductorConfig"), "streaming"
    )
    return streaming.get("enabled") is True


def _refused_by_http(request: Request, route: Route, mode: Mode) -> ParsedRequest:
    """Read a request that the HTTP layer could not take: whatever status that earns."""
    refusal = request.refusal
    assert refusal is not None
    found = findings.findings_of(refusal.rule, mode, "$", refusal.message)
    problem = problems.of_http(refusal.status, refusal.message)
    judged = edge.body.Judged(route.kind, {}, [], found, problem)
    refused = Refused(Verdict.MALFORMED, refusal.status, refusal.message, keep_alive=False)
    return ParsedRequest(route.kind, findings=judged.findings, refused=refused, body=Asked(judged, route, problem))


def _no_route(request: Request, route: Route, mode: Mode) -> ParsedRequest:
    if route.status == 405:
        message = f"{request.method} is not allowed on this path; it takes {route.allow}."
        refused = Refused(Verdict.NO_ROUTE, 405, message, route.allow)
    else:
        refused = Refused(Verdict.NO_ROUTE, 404, "There is no such path.")
    is_meant = routes.is_for_media(request.target) or edge.recorded.has_event(request.body)
    message = f"no path of this API is like this one; events go to {routes.path_for('<event>')}"
    found = findings.findings_of("misdirected", mode, "", message) if is_meant else ()
    return ParsedRequest(Kind.OTHER, findings=found, refused=refused)
