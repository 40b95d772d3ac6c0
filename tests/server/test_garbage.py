"""A connection that has ended is gone at once: what the garbage collector has to find makes everybody wait when it does."""

from __future__ import annotations

import gc
import socket
import ssl
import struct
import time
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from mcmock.server.connection import Connection
from mcmock.testing.server import McmockServer

HEAD = b"POST /api/v1/sessions/a/events HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\n"
REFUSED = HEAD + b"Content-Length: 2\r\n\r\n{}"


def answered(client: socket.socket) -> None:
    client.sendall(REFUSED)
    assert client.recv(65536)


def closed_by_the_server(client: socket.socket) -> None:
    client.sendall(HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}")
    while client.recv(65536):
        pass


def in_chunks(client: socket.socket) -> None:
    client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    assert client.recv(65536)


def nothing_said(client: socket.socket) -> None:
    pass


def in_the_head(client: socket.socket) -> None:
    client.sendall(HEAD)


def in_the_body(client: socket.socket) -> None:
    client.sendall(REFUSED[:-1])


def no_http(client: socket.socket) -> None:
    client.sendall(b"\x00 nonsense\r\n\r\n")
    while client.recv(65536):
        pass


def reset(client: socket.socket) -> None:
    answered(client)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def reset_in_the_body(client: socket.socket) -> None:
    in_the_body(client)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def connected(server: McmockServer, scheme: str) -> socket.socket:
    url = urlsplit(server.https_url if scheme == "https" else server.url)
    plain = socket.create_connection(("127.0.0.1", url.port), timeout=5)
    if scheme == "http":
        return plain
    trusting = ssl.create_default_context(cafile=server.ca_file)
    return trusting.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=True)


def connections() -> int:
    """Return how many there are, and transports with them, in the server."""
    return max(sum(type(one) is kind for one in gc.get_objects()) for kind in (Connection, _SelectorSocketTransport))


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "leave",
    [
        answered, closed_by_the_server, in_chunks, nothing_said, in_the_head, in_the_body, no_http, reset,
        reset_in_the_body,
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_that_has_ended_leaves_nothing_to_the_collector(
    mcmock_server: McmockServer,
    leave: Callable[[socket.socket], None],
    scheme: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mcmock.server.connection.LINGER", 0.01)
    url = urlsplit(mcmock_server.url)
    with closing(HTTPConnection("127.0.0.1", url.port)) as asking:
        ask(asking)
        before = connections()  # other tests' among them
        for _ in range(5):
            with closing(connected(mcmock_server, scheme)) as client:
                leave(client)
        ask(asking, times=3)  # by then the server has taken them all
        latest = time.monotonic() + 10
        while connections() > before and time.monotonic() < latest:
            ask(asking)  # the loop goes on with each
        assert connections() <= before


def ask(client: HTTPConnection, times: int = 1) -> None:
    for _ in range(times):
        client.request("GET", "/__admin/health")
        client.getresponse().read()
