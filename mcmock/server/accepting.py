"""Taking connections: how many at a time, what they leave to the rest of the process, and what becomes of those beyond.

A connection counts from the moment it is accepted, before its TLS handshake and before its first byte. That is why they are
accepted here: a server of asyncio's accepts a thousand before it asks for the first protocol, hears of none that does not
shake hands, and answers a want of descriptors with a traceback for each; one of uvloop's takes one in a turn of its loop.
This knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import struct
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

_logger = logging.getLogger("mcmock")

RESERVED = 64
"""Descriptors that connections leave to files, the store and the loop itself; where there are few, half of them."""

MAX_CONNECTIONS = 16_384
"""Connections at a time, where the system allows that many descriptors; a new one beyond is closed at once."""

BACKLOG = 1024
"""Connections that may wait to be taken."""

AT_ONCE = 64
"""Connections taken in one turn of the loop, so that a flood of them does not hold up those that are there."""

HANDSHAKE_TIME = 30.0
"""Seconds a client has for its TLS handshake."""

SHUTDOWN_TIME = 0.2
"""Seconds a client has to answer the end of TLS, before the connection goes without."""

PAUSE = 0.1
"""Seconds after which it is tried again where the system had no descriptor left."""

QUIET = 60.0
"""Seconds for which what was said once about connections too many is not said again."""


def descriptors() -> int | None:
    """Return how many descriptors the process may have open; None where there is no such limit."""
    try:
        import resource
    except ImportError:  # Windows has none
        return None
    allowed: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if allowed == resource.RLIM_INFINITY else allowed


def most_connections() -> int:
    """Return how many connections may be open: as many as there are descriptors for, up to MAX_CONNECTIONS."""
    allowed = descriptors()
    return MAX_CONNECTIONS if allowed is None else max(1, min(MAX_CONNECTIONS, allowed - _reserved(allowed)))


def _reserved(allowed: int) -> int:
    return min(RESERVED, allowed // 2)


class Taking:
    """What takes connections for one server. `make` makes the protocol of one, `count` says how many have begun to speak."""

    def __init__(self, make: Callable[[], asyncio.Protocol], count: Callable[[], int]) -> None:
        self._make, self._count = make, count
        self._most = most_connections()
        self._beyond = _beyond()
        self._coming: set[asyncio.Protocol] = (
            set()
        )  # accepted, and not yet made; over TLS, until they have shaken hands
        self._accepted: set[socket.socket] = set()  # the sockets of those
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[socket.socket] = []
        self._said = -QUIET

    def begin(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        """Take what comes to `listener`, over TLS if there is a context, until `end`."""
        listener.setblocking(False)
        self._listeners.append(listener)
        self._spawn(self._take_from(listener, context))

    def made(self, connection: asyncio.Protocol) -> None:
        """The connection has begun to speak: from now on `count` counts it."""
        self._coming.discard(connection)

    def open_now(self) -> int:
        """Return how many connections are open, those that shake hands included."""
        return self._count() + len(self._coming)

    async def end(self, *, reset: bool = False) -> list[tuple[int, tuple[Any, ...]]]:
        """Take no more, close what listens, and let those go that have not shaken hands: by a RST, with `reset`.

        Return where it listened.
        """
        for one in self._accepted if reset else ():
            end_with_reset(one)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        listened = [(int(one.family), one.getsockname()) for one in self._listeners]
        for one in [*self._listeners, *self._accepted]:
            one.close()
        self._accepted.clear()
        self._listeners.clear()
        return listened

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_from(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        while True:
            try:
                for one in chain(await _arrived(listener), _waiting(listener, AT_ONCE)):
                    self._take(one, context)
                await asyncio.sleep(0)
            except ConnectionError:  # gone before it was taken
                continue
            except OSError as error:
                self._say(f"no connection can be taken: {error.strerror} (see ulimit -n)")
                await asyncio.sleep(PAUSE)

    def _take(self, one: socket.socket, context: ssl.SSLContext | None) -> None:
        """The descriptor's number tells of want, too: it is the lowest free one, whoever in the process has the others."""
        open_now = self.open_now()
        if open_now >= self._most or (self._beyond is not None and one.fileno() >= self._beyond):
            one.close()
            self._say(f"{open_now} connections are open: more are closed at once (see ulimit -n)")
            return
        connection = self._make()
        self._coming.add(connection)
        self._accepted.add(one)
        self._spawn(self._connect(connection, one, context))

    async def _connect(self, connection: asyncio.Protocol, one: socket.socket, context: ssl.SSLContext | None) -> None:
        secure: dict[str, Any] = {}
        if context is not None:
            times = {"ssl_handshake_timeout": HANDSHAKE_TIME, "ssl_shutdown_timeout": SHUTDOWN_TIME}
            secure = {"ssl": context, **times}
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, one, **secure)
        except OSError:  # it left, did not speak TLS, trusts another authority, or took too long
            pass
        finally:
            self._accepted.discard(one)
            self.made(connection)

    def _say(self, text: str) -> None:
        """One line in the server's own log: the emulated API's log is about requests, and there is none."""
        now = asyncio.get_running_loop().time()
        if now - self._said >= QUIET:
            self._said = now
            _logger.warning(text)


def end_with_reset(one: socket.socket) -> None:
    """Let the end of a connection be a RST."""
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)


_LINGER_0 = struct.pack("ii", 1, 0)


def _beyond() -> int | None:
    """Return the first descriptor that no connection gets: the last quarter of the reserve stays free whatever else is open."""
    allowed = descriptors()
    return None if allowed is None else allowed - _reserved(allowed) // 4


async def _arrived(listener: socket.socket) -> list[socket.socket]:
    """Return when somebody waits to be taken, with whom was taken already.

    That is nobody, but for Windows: asyncio's own sock_accept loses whom it took as it is cancelled.
    """
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(listener, arrived.set)
    except NotImplementedError:
        return [(await loop.sock_accept(listener))[0]]
    try:
        await arrived.wait()
    finally:
        loop.remove_reader(listener)
    return []


def _waiting(listener: socket.socket, most: int) -> Iterator[socket.socket]:
    """Up to so many of those that wait to be taken."""
    for _ in range(most):
        try:
            one, _ = listener.accept()
        except BlockingIOError:
            return
        one.setblocking(False)
        yield one


def bind(family: int, address: tuple[Any, ...], *, share_port: bool) -> socket.socket:
    """Return a socket that listens at `address`. Raises OSError."""
    return socket.create_server(
        address,
        family=family,
        backlog=BACKLOG,
        reuse_port=share_port,
    )


def reserve(family: int, address: tuple[Any, ...], *, share_port: bool) -> socket.socket | None:
    """Return a socket that has the port and does not listen: whoever connects is refused. None if somebody was faster."""
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        if share_port:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if os.name == "posix":
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
    except OSError:
        one.close()
        return None
    return one
