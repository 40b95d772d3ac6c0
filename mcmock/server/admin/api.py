"""The control API: one table of routes, each a small function that calls one method of the Emulator.

Never logged, never faulted, no CORS. No state changes on GET. Errors have one shape:
`{"error": {"code": "…", "message": "…"}}`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

import mcmock
from mcmock.analytics.views import SessionOutline
from mcmock.core import json_decoding, wording
from mcmock.core.printable import printable
from mcmock.engine import Emulator
from mcmock.engine.changes import StoreUnavailable
from mcmock.engine.scopes import Scopes, ScopeView
from mcmock.serialization import har, json_shapes, ndjson
from mcmock.server import http_io
from mcmock.server.admin import checks, device_trust, downloads, faults, listings, metrics, openapi, pages, plan, stream
from mcmock.server.admin.long_responses import LongResponses
from mcmock.server.admin.request import AdminError, AdminRequest, Handler, Reply
from mcmock.server.endpoint import PREFIX, Place
from mcmock.server.request_counts import Meter

_logger = logging.getLogger("mcmock")
MAX_BODY = 1024 * 1024
"""Bytes of a control request's body: thousands of fault rules fit."""


class Reach(Enum):
    """What a route tells of. All but the first answer under the name of a scope that is not there, too."""

    ONE = "the scope that is asked about"
    NONE = "the server itself"
    EVERY = "every scope"


class AdminRoute(NamedTuple):
    """A route, and what the OpenAPI document says of it: see `mcmock.server.admin.openapi.Row` for the last four."""

    method: str
    template: str
    handler: Handler
    about: str
    gives: str = ""
    takes: str = ""
    query: tuple[str, ...] = ()
    also: tuple[int, ...] = ()
    is_open: bool = False
    """Whether it answers without the token: what a device, a browser or a health check needs before it has one."""
    is_question: bool = False
    """Whether a POST changes nothing, and is one for the sake of its body."""
    reach: Reach = Reach.ONE

    @property
    def changes(self) -> bool:
        """Whether it changes something, which no GET does."""
        return self.method != "GET" and not self.is_question


# -- health, summary, log -------------------------------------------------------------------------------------------------


async def _health(asked: AdminRequest) -> Reply:
    if not asked.emulator.blocks:
        asked.emulator.catch_up()  # a file that cannot be written
    return {"status": "ok", "version": mcmock.__version__}


async def _list_scopes(asked: AdminRequest) -> Reply:
    return {"scopes": [await _scope_to_json(view, brief=listings.is_brief(asked)) for view in asked.scopes.views()]}


async def _scope_to_json(view: ScopeView, *, brief: bool) -> dict[str, Any]:
    named = {"name": view.name, "idle": view.idle}
    return named if brief else {**named, "summary": (await listings.summary(view.emulator))._asdict()}


async def _forget_scope(asked: AdminRequest) -> Reply:
    name = asked.arguments["name"]
    if not asked.scopes.forget(name):
        raise AdminError(404, "unknown-scope", f"there is no named scope {wording.shown(name)} to forget")
    return {}


async def _request(asked: AdminRequest) -> Reply:
    seq = asked.arguments["seq"]
    exchange = asked.emulator.request(int(seq)) if listings.is_whole(seq) else None
    if exchange is None:
        raise AdminError(404, "unknown-request", f"there is no request {wording.named(seq)} in the log")
    return json_shapes.whole_to_json(exchange)


async def _clear(asked: AdminRequest) -> Reply:
    asked.emulator.clear_log()
    return {}


# -- sessions -------------------------------------------------------------------------------------------------------------


async def _session(asked: AdminRequest) -> Reply:
    if listings.is_brief(asked):
        return json_shapes.outline_to_json(_outline(asked))
    view = asked.emulator.session(asked.arguments["sid"])
    if view is None:
        raise _no_session(asked)
    return json_shapes.session_to_json(view)


def _outline(asked: AdminRequest) -> SessionOutline:
    outline = asked.emulator.queries.outline(asked.arguments["sid"])
    if outline is None:
        raise _no_session(asked)
    return outline


async def _report(asked: AdminRequest) -> Reply:
    return dict(_outline(asked).report.to_json())


async def _only_report(asked: AdminRequest) -> Reply:
    outlines = asked.emulator.outlines()
    if len(outlines) == 1:
        return dict(outlines[0].report.to_json())
    if not outlines:
        raise AdminError(409, "no-session", "no session was opened, so there is no report")
    ids = ", ".join(outline.session.id for outline in outlines[:5])
    more = f" and {len(outlines) - 5} more" if len(outlines) > 5 else ""
    raise AdminError(
        409, "several-sessions", f"there are {len(outlines)} sessions: ask for /sessions/{{sid}}/report of {ids}{more}"
    )


async def _expire(asked: AdminRequest) -> Reply:
    if not asked.emulator.expire(asked.arguments["sid"]):
        raise _no_session(asked)
    return {}


async def _forget(asked: AdminRequest) -> Reply:
    if not asked.emulator.forget(asked.arguments["sid"]):
        raise _no_session(asked)
    return {}


def _no_session(asked: AdminRequest) -> AdminError:
    return AdminError(404, "unknown-session", f"there is no session {wording.named(asked.arguments['sid'])}")


# -- time and rest --------------------------------------------------------------------------------------------------------


async def _clock(asked: AdminRequest) -> Reply:
    return {"now": asked.emulator.now, "frozen": asked.emulator.frozen}


async def _advance(asked: AdminRequest) -> Reply:
    seconds = asked.body.get("seconds") if isinstance(asked.body, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ValueError('advance needs {"seconds": …}, a number')
    asked.emulator.advance(seconds)
    return await _clock(asked)


async def _freeze(asked: AdminRequest) -> Reply:
    asked.emulator.freeze()
    return await _clock(asked)


async def _resume(asked: AdminRequest) -> Reply:
    asked.emulator.resume()
    return await _clock(asked)


async def _reset(asked: AdminRequest) -> Reply:
    asked.emulator.reset()
    return {}


# -- the inspector --------------------------------------------------------------------------------------------------------


async def _to_page(asked: AdminRequest) -> Reply:
    query = asked.request.rel_url.raw_query_string
    return pages.redirect(PREFIX[1:] + "/" + (f"?{query}" if query else ""))  # relative, so that a scope's prefix stays


async def _page_file(asked: AdminRequest) -> Reply:
    name = asked.arguments.get("file", pages.INDEX)
    response = pages.file(name)
    if response is None:
        raise AdminError(404, "no-file", f"the inspector has no file {wording.shown(name)}")
    return response


async def _vocabulary(asked: AdminRequest) -> Reply:
    return json_shapes.vocabulary_to_json()


async def _openapi(asked: AdminRequest) -> Reply:
    return openapi.document(ROUTES, PREFIX, asked.scopes.default.protocols)


ROUTES: tuple[AdminRoute, ...] = (
    AdminRoute("GET", "", _to_page, "to the inspector page", also=(307,), is_open=True, reach=Reach.NONE),
    AdminRoute("GET", "/", _page_file, "the inspector page", "text/html", is_open=True, reach=Reach.NONE),
    AdminRoute(
        "GET",
        "/inspector/{file}",
        _page_file,
        "a file of the inspector page",
        "text/*",
        is_open=True,
        reach=Reach.NONE,
    ),
    AdminRoute(
        "GET",
        "/vocabulary",
        _vocabulary,
        "what the rules, metrics and Match fields mean",
        "Vocabulary",
        reach=Reach.NONE,
    ),
    AdminRoute("GET", "/openapi.json", _openapi, "this document", "OpenApi", reach=Reach.NONE),
    AdminRoute("GET", "/health", _health, "200 once the server answers", "Health", is_open=True, reach=Reach.NONE),
    AdminRoute("GET", "/summary", listings.handle_summary, "counts by outcome", "Summary"),
    AdminRoute(
        "GET",
        "/scopes",
        _list_scopes,
        "every scope, how long it has been idle, and its counts",
        "Scopes",
        query=("brief",),
        reach=Reach.EVERY,
    ),
    AdminRoute("DELETE", "/scopes/{name}", _forget_scope, "forgets a named scope with all that is in it", "Empty"),
    AdminRoute(
        "GET", "/requests", listings.handle_requests, "the log", "Exchanges", query=("match", *listings.LISTING)
    ),
    AdminRoute(
        "POST",
        "/requests/find",
        listings.handle_find,
        "the log",
        "Exchanges",
        "Match",
        listings.LISTING,
        is_question=True,
    ),
    AdminRoute(
        "POST",
        "/requests/wait",
        checks.handle_wait,
        "answers once so many have come, or when time is up",
        "Verification",
        "Wait",
        ("strict",),
        (409,),
        is_question=True,
    ),
    AdminRoute(
        "POST",
        "/verify",
        checks.handle_verify,
        "whether it was so",
        "Verification",
        "Check",
        ("strict",),
        (409,),
        is_question=True,
    ),
    AdminRoute(
        "GET",
        "/verdict",
        checks.handle_verdict,
        "whether anything was lost: what the fixture says",
        "Verdict",
        query=("failOn", "allow", "limit", "strict"),
        also=(409,),
    ),
    AdminRoute("DELETE", "/requests", _clear, "empties the log", "Empty"),
    AdminRoute("GET", "/requests/{seq}", _request, "one exchange", "Exchange"),
    AdminRoute(
        "GET", "/requests.ndjson", downloads.handle_ndjson, "the log as a file", ndjson.CONTENT_TYPE, query=("match",)
    ),
    AdminRoute(
        "GET", "/requests.har", downloads.handle_har, "the same for browsers' tools", har.CONTENT_TYPE, query=("match",)
    ),
    AdminRoute("GET", "/stream", stream.handle_stream, "the log as it grows", stream.CONTENT_TYPE, query=("since",)),
    AdminRoute("GET", "/sessions", listings.handle_sessions, "every session", "Sessions", query=("brief", "limit")),
    AdminRoute("GET", "/sessions/{sid}", _session, "one session", "SessionInfo", query=("brief",)),
    AdminRoute("GET", "/report", _only_report, "the report of the only session", "Report", also=(409,)),
    AdminRoute("GET", "/sessions/{sid}/report", _report, "what Analytics would count", "Report"),
    AdminRoute("POST", "/sessions/{sid}/expire", _expire, "the next event answers 410", "Empty"),
    AdminRoute("POST", "/sessions/{sid}/forget", _forget, "the next event answers 404", "Empty"),
    AdminRoute("GET", "/faults", faults.handle_list, "the faults in force, with their hits", "Faults"),
    AdminRoute("POST", "/faults", faults.handle_add, "adds one, behind the others", "FaultRule", "FaultRule"),
    AdminRoute("PUT", "/faults", faults.handle_replace, "these instead of all", "Faults", "Faults"),
    AdminRoute("DELETE", "/faults", faults.handle_clear, "lifts all, and frees what they hold", "Empty"),
    AdminRoute("GET", "/faults/{name}", faults.handle_one, "one fault", "FaultRule"),
    AdminRoute("DELETE", "/faults/{name}", faults.handle_remove, "lifts it, and frees what it holds", "Empty"),
    AdminRoute(
        "GET",
        "/faults.schema.json",
        faults.handle_schema,
        "a FaultRule as JSON Schema",
        "JsonSchema",
        reach=Reach.NONE,
    ),
    AdminRoute("GET", "/presets", faults.handle_presets, "named sets of faults", "Presets", reach=Reach.NONE),
    AdminRoute("POST", "/presets/{name}", faults.handle_apply, "adds the faults of a preset", "Faults"),
    AdminRoute("GET", "/plan", plan.handle_plan, "the tracking plan that sessions are judged by", "PlanInForce"),
    AdminRoute("PUT", "/plan", plan.handle_set, "judges by this plan, until the next reset", "PlanInForce", "Plan"),
    AdminRoute("DELETE", "/plan", plan.handle_lift, "judges by none", "Empty"),
    AdminRoute(
        "GET", "/plan/coverage", plan.handle_coverage, "which of its items no session exercised", "PlanCoverage"
    ),
    AdminRoute("GET", "/plan.schema.json", plan.handle_schema, "a plan as JSON Schema", "JsonSchema", reach=Reach.NONE),
    AdminRoute("GET", "/losses", faults.handle_losses, "what became of each faulted request", "Losses"),
    AdminRoute(
        "GET",
        "/ca.pem",
        device_trust.handle_certificate,
        "the authority to trust",
        device_trust.CERTIFICATE_TYPE,
        is_open=True,
        reach=Reach.NONE,
    ),
    AdminRoute(
        "GET",
        "/trust",
        device_trust.handle_page,
        "how a device comes to trust it",
        "text/html",
        is_open=True,
        reach=Reach.NONE,
    ),
    AdminRoute(
        "GET",
        "/metrics",
        metrics.handle_metrics,
        "what operators watch, for Prometheus",
        metrics.CONTENT_TYPE,
        reach=Reach.EVERY,
    ),
    AdminRoute("GET", "/clock", _clock, "the emulator's time", "Clock"),
    AdminRoute("POST", "/clock/advance", _advance, 'moves it forward by {"seconds"}', "Clock", "Advance"),
    AdminRoute("POST", "/clock/freeze", _freeze, "stops it", "Clock"),
    AdminRoute("POST", "/clock/resume", _resume, "lets it run again", "Clock"),
    AdminRoute("POST", "/reset", _reset, "empties the log, forgets every session, resumes the clock", "Empty"),
)


class ControlApi:
    """Finds the route, reads the body, and puts what the handler returns, or raises, into JSON."""

    def __init__(self, scopes: Scopes, meter: Meter, place: Place | None = None) -> None:
        self._scopes = scopes
        self._meter = meter
        self._place = place or Place()
        self.lasting = LongResponses()
        pages.contents()  # now: a test may put another file system in its place before somebody looks
        self._routes = [(re.compile(_pattern(route.template)), route) for route in ROUTES]

    async def stop(self, _: web.Application) -> None:
        """End what lasts: the application it is part of shuts down."""
        self.lasting.end()

    async def handle(self, request: web.BaseRequest, path: str, scope: str | None = None) -> web.StreamResponse:
        """Answer a control request: `path` is without the scope's prefix, if there was one, and `scope` what it named."""
        try:
            route, arguments = self._find(request, urlsplit(path).path[len(PREFIX) :])
            body = await _body(request, changes=route.changes, needed=bool(route.takes))
            every = route.reach is Reach.EVERY or request.query.get(listings.SCOPE) == listings.EVERY
            emulator = await self._emulator(partial(self._scope, _name(request, scope), route, body), every)
            reply = await route.handler(
                AdminRequest(emulator, request, arguments, body, self.lasting, self._scopes, self._meter, self._place)
            )
        except AdminError as error:
            return _error(error.status, error.code, str(error), ends=error.ends)
        except ValueError as error:
            return _error(400, "bad-request", str(error))
        except StoreUnavailable as error:
            return _error(503, "store-away", f"{error}; trying again")
        except ConnectionError:
            raise  # whoever asked has left
        except Exception as error:  # a bug of ours: said in the API's form, and in full in the server's own log
            _logger.exception("%s %s failed", printable(request.method), printable(request.raw_path))
            return _error(500, "broken", f"mcmock failed: {error!r}")
        return _json(reply) if isinstance(reply, dict) else reply

    async def _emulator(self, find: Callable[[], Emulator], every: bool) -> Emulator:
        """The scope that is asked about, with all that was answered anywhere up to now."""
        if not self._scopes.default.blocks:
            return find()
        emulator = await asyncio.to_thread(find)
        await asyncio.to_thread(self._scopes.catch_up if every else emulator.catch_up)
        return emulator

    def _scope(self, name: str | None, route: AdminRoute, body: Any) -> Emulator:
        """What changes something, or waits for what comes, makes its scope; what only looks does not."""
        if name is None:
            return self._scopes.default
        if route.changes or checks.waits(route.handler, body) or self._scopes.is_ruled(name):
            return self._scopes.named(name)
        if (emulator := self._scopes.get(name)) is not None:
            return emulator
        if route.reach is not Reach.ONE:
            return self._scopes.default
        raise AdminError(
            404,
            "unknown-scope",
            f"there is no scope {wording.shown(name)}: its first request makes it, idling ends it",
        )

    def _find(self, request: web.BaseRequest, path: str) -> tuple[AdminRoute, dict[str, str]]:
        """The route of a request that may use it."""
        method, allowed = request.method, []
        for pattern, route in self._routes:
            if found := pattern.fullmatch(path):
                if route.method == method:
                    self._admit(request, route.is_open)
                    return route, found.groupdict()
                allowed.append(route.method)
        self._admit(request)
        if allowed:
            raise AdminError(405, "method-not-allowed", f"{method} is not for this path; it takes {', '.join(allowed)}")
        raise AdminError(
            404, "no-route", f"the control API has no {PREFIX}{wording.named(path)}; see {PREFIX}/openapi.json"
        )

    def _admit(self, request: web.BaseRequest, is_open: bool = False) -> None:
        if refused := self._place.guard.refuse(request.headers, is_open=is_open):
            raise AdminError(*refused)


def _name(request: web.BaseRequest, prefix: str | None) -> str | None:
    """The scope that is named, None for the default one."""
    name = prefix or request.query.get(listings.SCOPE)
    return None if name == listings.EVERY and urlsplit(request.raw_path).path == PREFIX + "/summary" else name


def _pattern(template: str) -> str:
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))


async def _body(request: web.BaseRequest, *, changes: bool, needed: bool) -> Any:
    """The body as a value; None if there is none. What changes something says that it is JSON: no form of a page can.

    Where none is needed none may be sent, whatever its type was said to be: many clients name one always.
    """
    is_json = not changes or request.content_type == "application/json"
    said = request.headers.get("Content-Type")
    if not is_json and needed and (request.body_exists or said):
        raise _no_json(said)
    text, refusal = await http_io.read(request, MAX_BODY)
    if refusal is not None:
        raise AdminError(refusal.status, refusal.rule, refusal.message, ends=True)
    if not text:
        return None
    if not is_json:
        raise _no_json(said)
    value = json_decoding.decode(text)
    if doubles := json_decoding.duplicate_keys(text):
        raise ValueError(f"{wording.named(doubles[0])} stands twice in one object of the body: which one is meant?")
    return value


def _no_json(said: str | None) -> AdminError:
    sent = "no Content-Type" if said is None else said[:80]
    return AdminError(415, "content-type", f"Content-Type must be application/json here, but {sent} was sent")


def _json(value: dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(value, status=status)


def _error(status: int, code: str, message: str, *, ends: bool = False) -> web.Response:
    response = _json({"error": {"code": code, "message": message}}, status)
    if ends:
        response.force_close()
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="mcmock"'
    return response
