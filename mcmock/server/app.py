"""One handler for both APIs: what begins with /__admin goes to the control API, everything else is emulated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from mcmock.engine import Emulator, scopes
from mcmock.engine.scopes import Scopes
from mcmock.server import http_io
from mcmock.server.admin import pages
from mcmock.server.admin.api import ControlApi
from mcmock.server.endpoint import PREFIX, Endpoint, control_path
from mcmock.server.request_counts import RequestCounts

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def make_handler(held: Scopes, meter: RequestCounts, control: ControlApi) -> Handler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if _is_browser_at_root(request):
            last = request.raw_path.partition("?")[0].rpartition("/")[2]
            return pages.redirect(f"{last}/{PREFIX[1:]}/".lstrip("/"))  # relative, so that a scope's prefix stays
        controlled = control_path(request.raw_path)
        if controlled is not None:
            return await control.handle(request, *controlled)
        return await http_io.handle(held, meter, request)

    return handle


def make_control_handler(control: ControlApi, place: Endpoint) -> Handler:
    """Return the handler of a listener for the control API alone: nothing is emulated there."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if _is_browser_at_root(request):
            return pages.redirect(f"{PREFIX[1:]}/")
        controlled = control_path(request.raw_path)
        return await control.handle(request, *controlled) if controlled is not None else control.stray(place.url)

    return handle


def _is_browser_at_root(request: web.BaseRequest) -> bool:
    """Return whether somebody opened the bare address in a browser: no player asks for that, so it is not in the log."""
    if request.method not in ("GET", "HEAD") or "text/html" not in request.headers.get("Accept", ""):
        return False
    path = request.raw_path.partition("?")[0]
    return path == "/" or (path.startswith(scopes.PREFIX) and scopes.split(path)[1] == "/")


def create_app(emulator: Emulator | Scopes, **options: Any) -> web.Application:
    """Return the aiohttp application around `emulator`, for `aiohttp_client` and for mounting in a server of your own.

    `options` are `admin_token` and `allow_host`, as of `mcmock serve`: who may use the control API, and by which names.
    """
    pages.contents()  # now: a test may put another file system in its place before somebody looks
    held, meter = scopes.around(emulator), RequestCounts()
    control = ControlApi(held, meter, Endpoint(**options))
    handle = make_handler(held, meter, control)
    app = web.Application()
    app.on_shutdown.append(control.stop)
    app.router.add_route("*", "/{path:.*}", handle, expect_handler=_emulated_continues)
    return app


async def _emulated_continues(request: web.Request) -> None:
    """`emulated` itself says 100 Continue, when it wants the body."""
