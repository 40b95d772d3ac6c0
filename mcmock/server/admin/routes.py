"""The routes of the control API, in one table: where each is handled, and what the OpenAPI document says of it.

A handler stands in the module of its noun. The one that is here answers with the table itself. No state changes on GET.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from mcmock.serialization import har, ndjson
from mcmock.server.admin import (
    checks,
    clock,
    device_trust,
    downloads,
    faults,
    listings,
    metrics,
    openapi,
    pages,
    plan,
    scopes,
    sessions,
    stream,
)
from mcmock.server.admin.request import AdminRequest, Handler, Reply
from mcmock.server.endpoint import PREFIX


class RouteScope(Enum):
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
    reach: RouteScope = RouteScope.ONE

    @property
    def changes(self) -> bool:
        """Whether it changes something, which no GET does."""
        return self.method != "GET" and not self.is_question


async def _openapi(asked: AdminRequest) -> Reply:
    return openapi.document(ROUTES, PREFIX, asked.scopes.default.protocols)


ROUTES: tuple[AdminRoute, ...] = (
    AdminRoute("GET", "", pages.handle_page, "to the inspector page", also=(307,), is_open=True, reach=RouteScope.NONE),
    AdminRoute("GET", "/", pages.handle_file, "the inspector page", "text/html", is_open=True, reach=RouteScope.NONE),
    AdminRoute(
        "GET",
        "/inspector/{file}",
        pages.handle_file,
        "a file of the inspector page",
        "text/*",
        is_open=True,
        reach=RouteScope.NONE,
    ),
    AdminRoute(
        "GET",
        "/vocabulary",
        pages.handle_vocabulary,
        "what the rules, metrics and Match fields mean",
        "Vocabulary",
        reach=RouteScope.NONE,
    ),
    AdminRoute("GET", "/openapi.json", _openapi, "this document", "OpenApi", reach=RouteScope.NONE),
    AdminRoute(
        "GET",
        "/health",
        metrics.handle_health,
        "200 once the server answers",
        "Health",
        is_open=True,
        reach=RouteScope.NONE,
    ),
    AdminRoute("GET", "/summary", listings.handle_summary, "counts by outcome", "Summary"),
    AdminRoute(
        "GET",
        "/scopes",
        scopes.handle_list,
        "every scope, how long it has been idle, and its counts",
        "Scopes",
        query=("brief", *listings.PAGES),
        reach=RouteScope.EVERY,
    ),
    AdminRoute(
        "DELETE", "/scopes/{name}", scopes.handle_forget, "forgets a named scope with all that is in it", "Empty"
    ),
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
        query=("failOn", "allow", "strict", *listings.PAGES),
        also=(409,),
    ),
    AdminRoute(
        "GET",
        "/compare",
        checks.handle_compare,
        "two sessions side by side",
        "Comparison",
        query=("old", "new", "within", "countKnown", "strict", *listings.PAGES),
        also=(409,),
    ),
    AdminRoute("DELETE", "/requests", listings.handle_clear, "empties the log", "Empty"),
    AdminRoute("GET", "/requests/{seq}", listings.handle_request, "one exchange", "Exchange"),
    AdminRoute(
        "GET", "/requests.ndjson", downloads.handle_ndjson, "the log as a file", ndjson.CONTENT_TYPE, query=("match",)
    ),
    AdminRoute(
        "GET", "/requests.har", downloads.handle_har, "the same for browsers' tools", har.CONTENT_TYPE, query=("match",)
    ),
    AdminRoute("GET", "/stream", stream.handle_stream, "the log as it grows", stream.CONTENT_TYPE, query=("since",)),
    AdminRoute(
        "GET",
        "/sessions",
        listings.handle_sessions,
        "the latest sessions",
        "Sessions",
        query=("brief", "limit", "before"),
    ),
    AdminRoute("GET", "/sessions/{sid}", sessions.handle_session, "one session", "SessionInfo", query=("brief",)),
    AdminRoute("GET", "/report", sessions.handle_only_report, "the report of the only session", "Report", also=(409,)),
    AdminRoute("GET", "/sessions/{sid}/report", sessions.handle_report, "what Analytics would count", "Report"),
    AdminRoute("POST", "/sessions/{sid}/expire", sessions.handle_expire, "the next event answers 410", "Empty"),
    AdminRoute("POST", "/sessions/{sid}/forget", sessions.handle_forget, "the next event answers 404", "Empty"),
    AdminRoute(
        "GET", "/faults", faults.handle_list, "the faults in force, with their hits", "Faults", query=listings.PAGES
    ),
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
        reach=RouteScope.NONE,
    ),
    AdminRoute(
        "GET",
        "/presets",
        faults.handle_presets,
        "named sets of faults",
        "Presets",
        query=listings.PAGES,
        reach=RouteScope.NONE,
    ),
    AdminRoute("POST", "/presets/{name}", faults.handle_apply, "adds the faults of a preset", "Faults"),
    AdminRoute("GET", "/refusal", faults.handle_refusal, "whether connections are refused, and until when", "Presence"),
    AdminRoute(
        "POST",
        "/refusal",
        faults.handle_refuse,
        "refuses players' connections for a time",
        "Presence",
        "Refuse",
    ),
    AdminRoute("DELETE", "/refusal", faults.handle_listen, "listens again at once", "Empty"),
    AdminRoute("GET", "/plan", plan.handle_plan, "the tracking plan that sessions are judged by", "PlanInForce"),
    AdminRoute("PUT", "/plan", plan.handle_set, "judges by this plan, until the next reset", "PlanInForce", "Plan"),
    AdminRoute("DELETE", "/plan", plan.handle_lift, "judges by none", "Empty"),
    AdminRoute(
        "GET",
        "/plan/coverage",
        plan.handle_coverage,
        "which of its items no session exercised",
        "PlanCoverage",
        query=listings.PAGES,
    ),
    AdminRoute(
        "GET", "/plan.schema.json", plan.handle_schema, "a plan as JSON Schema", "JsonSchema", reach=RouteScope.NONE
    ),
    AdminRoute(
        "GET",
        "/losses",
        faults.handle_losses,
        "what became of each faulted request",
        "Losses",
        query=listings.PAGES,
    ),
    AdminRoute(
        "GET",
        "/ca.pem",
        device_trust.handle_certificate,
        "the authority to trust",
        device_trust.CERTIFICATE_TYPE,
        is_open=True,
        reach=RouteScope.NONE,
    ),
    AdminRoute(
        "GET",
        "/trust",
        device_trust.handle_page,
        "how a device comes to trust it",
        "text/html",
        is_open=True,
        reach=RouteScope.NONE,
    ),
    AdminRoute(
        "GET",
        "/metrics",
        metrics.handle_metrics,
        "what operators watch, for Prometheus",
        metrics.CONTENT_TYPE,
        reach=RouteScope.EVERY,
    ),
    AdminRoute("GET", "/clock", clock.handle_clock, "the emulator's time", "Clock"),
    AdminRoute("POST", "/clock/advance", clock.handle_advance, 'moves it forward by {"seconds"}', "Clock", "Advance"),
    AdminRoute("POST", "/clock/freeze", clock.handle_freeze, "stops it", "Clock"),
    AdminRoute("POST", "/clock/resume", clock.handle_resume, "lets it run again", "Clock"),
    AdminRoute(
        "POST", "/reset", clock.handle_reset, "empties the log, forgets every session, resumes the clock", "Empty"
    ),
)
