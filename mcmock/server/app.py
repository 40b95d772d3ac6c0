"""One handler for both APIs: what begins with /__admin goes to the control API, everything else is emulated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from mcmock.emulator import Emulator
from mcmock.server import emulated
from mcmock.server.admin import PREFIX, ControlApi

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def make_handler(emulator: Emulator, control: ControlApi) -> Handler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.raw_path.startswith(PREFIX):
            return await control.handle(request)
        return await emulated.handle(emulator, request)

    return handle


def create_app(emulator: Emulator) -> web.Application:
    """The aiohttp application around `emulator`, for `aiohttp_client` and for mounting in a server of your own."""
    control = ControlApi(emulator)
    handle = make_handler(emulator, control)
    app = web.Application()
    app.on_shutdown.append(control.stop)
    app.router.add_route("*", "/{path:.*}", handle, expect_handler=_emulated_continues)
    return app


async def _emulated_continues(request: web.Request) -> None:
    """`emulated` itself says 100 Continue, when it wants the body."""
