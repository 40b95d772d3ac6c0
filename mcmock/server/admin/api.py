"""The control API: it finds the route of a request, admits who may use it, reads the body, and answers in JSON.

Never logged, never faulted, no CORS. No state changes on GET. Errors have one shape:
`{"error": {"code": "…", "message": "…"}}`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from mcmock.core import json_decoding, wording
from mcmock.core.printable import printable
from mcmock.engine import Emulator
from mcmock.engine.changes import StoreUnavailable
from mcmock.engine.scopes import Scopes
from mcmock.server import admin, http_io
from mcmock.server.admin import pages
from mcmock.server.admin.line import Line
from mcmock.server.admin.long_responses import LongResponses
from mcmock.server.admin.request import AdminError, AdminRequest
from mcmock.server.endpoint import PREFIX, Endpoint
from mcmock.server.presence import Presence
from mcmock.server.request_counts import RequestCounts

if TYPE_CHECKING:
    from mcmock.server.admin.routes import AdminRoute

_logger = logging.getLogger("mcmock")
MAX_BODY = 1024 * 1024
"""Bytes of a control request's body: thousands of fault rules fit."""


class ControlApi:
    """Finds the route, reads the body, and puts what the handler returns, or raises, into JSON."""

    def __init__(
        self, scopes: Scopes, meter: RequestCounts, place: Endpoint | None = None, presence: Presence | None = None
    ) -> None:
        self._scopes = scopes
        self._meter = meter
        self._place = place or Endpoint()
        self._presence = presence
        self.lasting = LongResponses()
        self.line = Line()

    @cached_property
    def _routes(self) -> list[tuple[re.Pattern[str], AdminRoute]]:
        """The routes, and with them all that answers questions."""
        return [(re.compile(_pattern(route.template)), route) for route in admin.routes.ROUTES]

    def prepare(self) -> None:
        """Import, compile and read now what a first control request would wait for."""
        assert self._routes
        pages.contents()

    async def stop(self, _: web.Application) -> None:
        """End what lasts: the application it is part of shuts down."""
        self.lasting.end()

    async def handle(self, request: web.BaseRequest, path: str, scope: str | None = None) -> web.StreamResponse:
        """Answer a control request: `path` is without the scope's prefix, if there was one, and `scope` what it named."""
        try:
            route, arguments = self._find(request, urlsplit(path).path[len(PREFIX) :])
            body = await self._body(request, changes=route.changes, needed=bool(route.takes))
            every = (
                route.reach is admin.routes.RouteScope.EVERY
                or request.query.get(admin.listings.SCOPE) == admin.listings.EVERY
            )
            emulator = await self._emulator(partial(self._scope, _name(request, scope), route, body), every)
            reply = await route.handler(
                AdminRequest(
                    emulator,
                    request,
                    arguments,
                    body,
                    self.lasting,
                    self._scopes,
                    self._meter,
                    self._place,
                    self._presence,
                    self.line,
                )
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

    def stray(self, url: str) -> web.StreamResponse:
        """Return the answer to a request that a player sent to the control API's own port."""
        return _error(404, "no-player-here", f"this port is for the control API, {PREFIX}; players send to {url}")

    async def _emulator(self, find: Callable[[], Emulator], every: bool) -> Emulator:
        """Return the scope that is asked about, with all that was answered anywhere up to now."""
        if not self._scopes.default.blocks:
            return find()
        emulator = await asyncio.to_thread(find)
        await asyncio.to_thread(self._scopes.catch_up if every else emulator.catch_up)
        return emulator

    def _scope(self, name: str | None, route: AdminRoute, body: Any) -> Emulator:
        """Return what changes something, or waits for what comes, makes its scope; what only looks does not."""
        if name is None:
            return self._scopes.default
        if route.changes or admin.checks.waits(route.handler, body) or self._scopes.is_ruled(name):
            return self._scopes.named(name)
        if (emulator := self._scopes.get(name)) is not None:
            return emulator
        if route.reach is not admin.routes.RouteScope.ONE:
            return self._scopes.default
        raise AdminError(
            404,
            "unknown-scope",
            f"there is no scope {wording.shown(name)}: its first request makes it, idling ends it",
        )

    def _find(self, request: web.BaseRequest, path: str) -> tuple[AdminRoute, dict[str, str]]:
        """Return the route of a request that may use it."""
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

    async def _body(self, request: web.BaseRequest, *, changes: bool, needed: bool) -> Any:
        text = await _text(request, changes=changes, needed=needed)
        if len(text) <= json_decoding.LONG:
            return _value(text)
        return await self.line.ask(self._scopes.default, lambda: _value(text))

    def _admit(self, request: web.BaseRequest, is_open: bool = False) -> None:
        if refused := self._place.guard.refuse(request.headers, is_open=is_open):
            raise AdminError(*refused)


def _name(request: web.BaseRequest, prefix: str | None) -> str | None:
    """Return the scope that is named, None for the default one."""
    name = prefix or request.query.get(admin.listings.SCOPE)
    return None if name == admin.listings.EVERY and urlsplit(request.raw_path).path == PREFIX + "/summary" else name


def _pattern(template: str) -> str:
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))


async def _text(request: web.BaseRequest, *, changes: bool, needed: bool) -> bytes:
    """Return the body. What changes something says that it is JSON: no form of a page can.

    Where none is needed none may be sent, whatever its type was said to be: many clients name one always.
    """
    is_json = not changes or request.content_type == "application/json"
    said = request.headers.get("Content-Type")
    if not is_json and needed and (request.body_exists or said):
        raise _no_json(said)
    text, refusal = await http_io.read(request, MAX_BODY)
    if refusal is not None:
        raise AdminError(refusal.status, refusal.rule, refusal.message, ends=True)
    if text and not is_json:
        raise _no_json(said)
    return text


def _value(text: bytes) -> Any:
    """Return a body as a value; None if there is none."""
    if not text:
        return None
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
