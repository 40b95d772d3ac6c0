"""Listening: a Service owns the socket, a ServiceThread runs one on a loop of its own for code that has none."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from mcmock.core import clock
from mcmock.engine import Emulator, scopes
from mcmock.engine.scopes import Scopes
from mcmock.protocols import registry
from mcmock.server import addresses, aiohttp_adapter
from mcmock.server.accepting import Taking, bind, reserve
from mcmock.server.admin import pages
from mcmock.server.admin.api import ControlApi
from mcmock.server.aiohttp_adapter import AiohttpServer
from mcmock.server.app import make_control_handler, make_handler
from mcmock.server.connection import Connection
from mcmock.server.endpoint import Endpoint
from mcmock.server.fast_path import FastPath
from mcmock.server.fault_steps import reset_socket
from mcmock.server.presence import Presence
from mcmock.server.request_counts import RequestCounts

STOP_SECONDS = 0.2
"""How long answers in progress may take to finish when the server stops; then they are broken off, which may take as long."""


TURNS = 10
"""Turns of the loop in which it has read what had arrived: a connection is taken, made, read and answered in six."""

TURNS_TO_TAKE = 3
"""Turns in which it has taken whoever waits to be connected."""

FREE_PORTS_TRIED = 20
"""Ports that are tried where any free one will do: one that is free at 127.0.0.1 may be taken at ::1."""

PRIVILEGED = (
    "a port below 1024 takes root, CAP_NET_BIND_SERVICE, or on Linux sysctl net.ipv4.ip_unprivileged_port_start=443"
)
"""What it takes where a port is refused."""

Address = tuple[int, tuple[Any, ...]]
"""A family, and an address of it as `socket.bind` takes it."""

CLOSE_TIMEOUT = 1.0
"""Seconds that others wait for the server to have read what had arrived."""


class _Server(AiohttpServer):
    """aiohttp's server, with our connections."""

    def __init__(self, held: Scopes, meter: RequestCounts, handler: Any, **options: Any) -> None:
        super().__init__(handler)
        self._scopes, self._meter = held, meter
        self._fast_path = FastPath(held.default.max_body_bytes, held.default.protocols)
        self._options = options
        self.taking = Taking(self, self.count_connections)

    def __call__(self) -> Connection:
        return Connection(self._scopes, self._meter, self._fast_path, self, loop=self.loop, **self._options)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self.taking.made(handler)

    async def break_off(self) -> None:
        """Let those go that are amid a request, or whose answer a fault holds back, and wait until they are in the log."""
        await self.abort([one for one in self.connections if _is_unfinished(one)], CLOSE_TIMEOUT)

    async def reset(self, spared: Collection[Any]) -> None:
        """Reset (TCP RST) every connection but these, and wait until what was unfinished is in the log."""
        leaving = [one for one in self.connections if one not in spared]
        unfinished = [one for one in leaving if _is_unfinished(one)]
        for one in leaving:
            assert isinstance(one, Connection)
            one.stopping = True
            if one.transport is not None:
                reset_socket(one.transport)
        await self.abort([one for one in leaving if one not in unfinished], 0)
        await self.abort(unfinished, CLOSE_TIMEOUT)


def _is_unfinished(one: web.RequestHandler) -> bool:
    """While a fault has a hand in an answer, its lookout is the transport's protocol."""
    assert isinstance(one, Connection)
    transport = one.transport
    if transport is None or transport.is_closing():
        return False
    return one.is_amid_request() or transport.get_protocol() is not one


class Service:
    """The emulator on its sockets: HTTP, HTTPS where it is asked for, and one for the control API. `options` are Endpoint's.

    `share_port` lets other processes listen on the same port.
    """

    def __init__(self, emulator: Emulator | Scopes, *, share_port: bool = False, **options: Any) -> None:
        self.scopes = scopes.around(emulator)
        self.emulator = self.scopes.default
        self.place = Endpoint(**options)
        self.taken_by_others: str | None = None
        """An address beside the host at which another program has the port."""
        self._share_port = share_port
        self._starting_https = asyncio.Lock()
        self._server: _Server | None = None
        self._control_server: _Server | None = None
        self._context: ssl.SSLContext | None = None
        self._reserved: list[socket.socket] = []
        self.presence = Presence(self.emulator, self._leave, self._come_back)
        self.meter = RequestCounts()
        self._control = ControlApi(self.scopes, self.meter, self.place, self.presence)

    def prepare(self) -> None:
        """Import and compile now what the first body that does not fit, and the first question, would wait for."""
        registry.prepare()
        self._control.prepare()

    async def start(self) -> None:
        """Listen, after a `stop` at the same addresses, and before the end of a refusal; nothing if it does.

        Raises OSError when it cannot, ValueError for HTTPS without a certificate, or another aiohttp.
        """
        await self.presence.end()
        if self._server is not None:
            return
        await aiohttp_adapter.check()
        place = self.place
        self._release()
        self._control.lasting.begin()
        self._control.line.begin()
        handler = make_handler(self.scopes, self.meter, self._control)
        self._server = self._serve(self.scopes, self.meter, handler)
        try:
            if place.admin_port is not None:
                nobody = scopes.around(Emulator())  # who is told of what is no HTTP there: it is no player's
                self._control_server = self._serve(nobody, RequestCounts(), make_control_handler(self._control, place))
                place.admin_port = await self._listen(self._control_server, place.admin_port, "--admin-port")
            await self._open_ports()
        except BaseException:  # cancelled, too: half a server is none
            await self.stop()
            raise

    def _serve(self, held: Scopes, meter: RequestCounts, handler: Any) -> _Server:
        return _Server(held, meter, handler, access_log=None, auto_decompress=False)

    async def _open_ports(self) -> None:
        """Listen for players."""
        assert self._server is not None
        place = self.place
        context = self._secured() if place.https_port is not None else None
        place.port = await self._listen(self._server, place.port, "--port")
        if context is not None and place.https_port is not None:
            place.https_port = await self._listen(self._server, place.https_port, "--https-port", context)

    async def _close_ports(self, *, for_now: bool) -> None:
        """Listen for players no longer; `for_now` keeps the ports from other programs."""
        assert self._server is not None
        listened = await self._server.taking.end(reset=for_now)
        if for_now:
            kept = (reserve(*one, share_port=self._share_port) for one in listened)
            self._reserved += [one for one in kept if one is not None]

    async def _leave(self, spared: Collection[Any]) -> None:
        """Be as if no server were there: connections are refused, and those that are open are reset, but for these."""
        if self._server is not None:
            await self._close_ports(for_now=True)
            await self._server.reset(spared)

    async def _come_back(self) -> None:
        """Listen for players again, after `_leave`. Raises OSError, and may be tried again, where it cannot."""
        if self._server is None:
            return
        self._release()
        try:
            await self._open_ports()
        except BaseException:
            await self._close_ports(for_now=True)
            raise

    def _secured(self) -> ssl.SSLContext:
        """Return the certificate to show: the same one for as long as this service lives."""
        if self._context is None:
            self._context = self.place.context()
        return self._context

    async def start_https(self) -> None:
        """Listen for HTTPS, too, on a free port, if it does not yet."""
        async with self._starting_https:
            if self.place.https_port is None:
                if self._server is None or self.presence.refused is not None:
                    raise ValueError("it is stopped: ask for https_url before, or start it again")
                self.place.https_port = await self._listen(self._server, 0, "--https-port", self._secured())

    async def _listen(self, server: _Server, port: int, option: str, context: ssl.SSLContext | None = None) -> int:
        """Listen on `port`, and return the port it is; 0 is another one each time, the same for all addresses of a name."""
        try:
            bound = await self._bind(port)
        except OSError as error:
            blamed = option if error.errno in _OF_THE_PORT else "--host"
            hint = f": {PRIVILEGED}" if error.errno == errno.EACCES and 0 < port < 1024 else ""
            raise OSError(error.errno, f"{_reason(error)} ({blamed}){hint}", f"{self.place.called}:{port}") from None
        for one in bound:
            server.taking.begin(one, context)
        return int(bound[0].getsockname()[1])

    async def _bind(self, port: int) -> list[socket.socket]:
        """Return a socket for each address of the host that this system has.

        Raises OSError if one is taken, or there is none. A free port (0) is one that is free at all of them.
        """
        hosts = addresses.BY_HOST.get(self.place.host, (self.place.host,))
        found = [one for host in hosts for one in await _resolved(host, port)]
        for _ in range(FREE_PORTS_TRIED if port == 0 else 0):
            with suppress(_PortTaken):
                return self._bind_each(found, port)
        return self._bind_each(found, port)

    def _bind_each(self, found: list[Address], port: int) -> list[socket.socket]:
        """Bind all of them to one port."""
        missing: OSError | None = None
        any_port = port == 0
        with ExitStack() as closing:
            bound: list[socket.socket] = []
            for family, (host, _, *rest) in found:
                try:
                    one = bind(family, (host, port, *rest), share_port=self._share_port)
                except OSError as error:
                    if any_port and bound and error.errno == errno.EADDRINUSE:
                        raise _PortTaken(*error.args) from None
                    if not self._can_do_without(host, error):
                        raise
                    missing = error
                else:
                    bound.append(closing.enter_context(one))
                    port = int(one.getsockname()[1])
            if missing is not None and not bound:
                raise missing
            closing.pop_all()
        return bound

    def _can_do_without(self, host: str, error: OSError) -> bool:
        """Return whether the other addresses do where `host` cannot be bound: a name's IPv6, and ::1 beside 127.0.0.1."""
        if host == "::1" and self.place.host in ("127.0.0.1", "localhost"):
            if error.errno == errno.EADDRINUSE:
                self.taken_by_others = host
            return True
        return ":" in host and error.errno in _OF_NO_IPV6 and self.place.host != "::"

    async def read_all(self) -> None:
        """Return when what has arrived by now is read, and answered unless it is held back."""
        for turn in range(TURNS):
            if turn > TURNS_TO_TAKE and self._server is not None and not self._server.taking.open_now():
                return
            await asyncio.sleep(0)

    async def break_off(self) -> None:
        """End what is half there: requests that have not come whole, and answers that a fault holds back."""
        await self.read_all()
        if self._server is not None:
            await self._server.break_off()

    async def stop(self, *, for_now: bool = False) -> None:
        """Stop listening, let answers in progress finish for a moment, close every connection.

        `for_now` keeps the ports from other programs, so that `start` can have them again: whoever connects is refused.
        """
        await self.presence.forget()
        if self._server is not None:
            await self._close_ports(for_now=for_now)
        if not for_now:
            self._release()
        self._control.lasting.end()
        servers = [one for one in (self._server, self._control_server) if one is not None]
        self._server = self._control_server = None
        for one in servers:
            await one.taking.end()
            one.pre_shutdown()
        await asyncio.gather(*(one.shutdown(STOP_SECONDS) for one in servers))

    def _release(self) -> None:
        for one in self._reserved:
            one.close()
        self._reserved.clear()

    @property
    def port(self) -> int:
        return self.place.port

    @property
    def url(self) -> str:
        return self.place.url

    @property
    def https_url(self) -> str | None:
        """None while it does not listen for HTTPS."""
        return self.place.https_url

    @property
    def ca_file(self) -> Path | None:
        """The certificate authority's file; None where it has none, or HTTPS is off."""
        return self.place.authority.path if self.place.authority is not None else None

    @property
    def admin_url(self) -> str:
        return self.place.admin_url


_OF_THE_PORT = (errno.EADDRINUSE, errno.EACCES)
"""What is wrong with a port; anything else is wrong with the address."""

_OF_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
"""A name may have an address of IPv6 where the system has none: the others do."""


class _PortTaken(OSError):
    """A port that was free at one address is taken at another."""


async def _resolved(host: str, port: int) -> list[Address]:
    """Return what a host is called by the system. A name may take its time; an address is read here, without a thread."""
    try:
        found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        found = await asyncio.get_running_loop().getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _reason(error: OSError) -> str:
    """Return the system's words for what went wrong; asyncio puts its own around them."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


Answered = TypeVar("Answered")


class ServiceThread:
    """A Service on a thread and loop of its own, so that sync tests, async tests and browsers can all talk to it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        pages.contents()  # now: a test may put another file system in its place before somebody looks
        self._loop = asyncio.new_event_loop()
        if isinstance(
            self._loop, asyncio.BaseEventLoop
        ):  # uvloop's time is its own, whoever stops time.monotonic for a test
            self._loop.time = clock.monotonic  # type: ignore[method-assign]
        self._asked: set[Future[Any]] = set()
        self._thread = threading.Thread(target=self._run, name="mcmock", daemon=True)

    def start(self) -> None:
        """Listen, after a `pause` at the same addresses. Raises OSError when the service cannot."""
        begins = not self._thread.is_alive()
        if begins:
            self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.service.start(), self._loop).result()
        except BaseException:
            if begins:
                self._end_loop()
            raise

    def pause(self) -> None:
        """Refuse connections until `start`; nothing if it never began."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self.service.stop(for_now=True), self._loop).result()

    def https_url(self) -> str:
        """Return the address for HTTPS, which the service listens for from now on, if it did not yet."""
        asyncio.run_coroutine_threadsafe(self.service.start_https(), self._loop).result()
        return str(self.service.https_url)

    async def ask(self, question: Coroutine[Any, Any, Answered]) -> Answered:
        """Return the answer of `question`, which runs on the service's loop while there is one: its time passes for certain.

        Cancelled when the service stops before the answer has come.
        """
        if not self._thread.is_alive():
            return await question
        asked = asyncio.run_coroutine_threadsafe(question, self._loop)
        self._asked.add(asked)
        try:
            return await asyncio.wrap_future(asked)
        finally:
            self._asked.discard(asked)

    def read_all(self) -> None:
        """Return when what has arrived by now is read, and answered unless it is held back."""
        self._do(self.service.read_all)

    def break_off(self) -> None:
        """End what is half there: requests that have not come whole, and answers that a fault holds back."""
        self._do(self.service.break_off)

    def _do(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Nothing while it does not run. It gives up where the loop waits for whoever asks, as under the emulator's lock."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            with suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(work(), self._loop).result(CLOSE_TIMEOUT)

    def refuse(self, seconds: float) -> None:
        """Refuse connections for so many seconds of the emulator's clock; nothing if it never began."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self.service.presence.refuse(seconds), self._loop).result()

    def end_refusal(self) -> None:
        """Listen again if it is `refuse` that keeps it from that."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self.service.presence.end(), self._loop).result()

    def stop(self) -> None:
        """Stop for good; the loop and its thread end, too."""
        for asked in list(self._asked):
            asked.cancel()
        asyncio.run_coroutine_threadsafe(self.service.stop(), self._loop).result()
        self._end_loop()

    def discard(self) -> None:
        """Let go of a loop that never ran."""
        self._loop.close()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
