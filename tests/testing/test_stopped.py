"""A server that is not there for a while: what its clients see, and what it knows when it is back."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from mcmock import faults
from mcmock.core import clock
from mcmock.testing.server import McmockServer
from tests.serving import Client


def connect(host: str, url: str) -> socket.socket:
    return socket.create_connection((host, urlsplit(url).port), timeout=10)


def is_refused(*urls: str) -> bool:
    for url in urls:
        for host in ("127.0.0.1", "::1"):
            with pytest.raises(OSError, match="refused") as caught:
                connect(host, url)
            assert caught.value.errno == errno.ECONNREFUSED
    return True


def answers(*urls: str) -> bool:
    for url in urls:
        for host in ("127.0.0.1", "::1"):
            connect(host, url).close()
    return True


def a_session(server: McmockServer) -> None:
    client = Client(server.url)
    client.start()
    client.close()


def has_ended(connection: socket.socket) -> bool:
    """Closed or reset: one that nobody had taken yet is reset."""
    connection.settimeout(10)
    try:
        return connection.recv(65536) == b"" or connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_connections_are_refused_on_both_families_and_over_https(mcmock_server: McmockServer) -> None:
    urls = (mcmock_server.url, mcmock_server.https_url)
    assert answers(*urls)
    mcmock_server.stop()
    assert is_refused(*urls)
    mcmock_server.start()
    assert answers(*urls)
    assert (mcmock_server.url, mcmock_server.https_url) == urls


def test_a_connection_that_is_open_ends_and_a_new_one_finds_the_session(mcmock_server: McmockServer) -> None:
    client = Client(mcmock_server.url)
    path = client.start()
    with connect("127.0.0.1", mcmock_server.url) as idle, connect("127.0.0.1", mcmock_server.url) as half:
        half.sendall(b"POST /api/v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Le")
        mcmock_server.stop()
        assert has_ended(idle)
        assert has_ended(half)
    with pytest.raises((OSError, HTTPException)):
        client.send(path)
    client.close()
    mcmock_server.start()
    client = Client(mcmock_server.url)
    assert client.send(path, "ping", 10) == 204
    client.close()
    assert [one.event_type for one in mcmock_server.requests(outcome="good")] == ["sessionStart", "ping"]


def test_it_shows_the_certificate_it_showed(mcmock_server: McmockServer) -> None:
    trusting = ssl.create_default_context(cafile=mcmock_server.ca_file)
    mcmock_server.stop()
    mcmock_server.start()
    with urlopen(f"{mcmock_server.https_url}/api/v1/schemas/ping", context=trusting, timeout=10) as answer:
        assert answer.status == 200


def test_state_is_there_while_it_is_stopped(mcmock_server: McmockServer) -> None:
    a_session(mcmock_server)
    mcmock_server.stop()
    assert len(mcmock_server.sessions()) == 1
    assert mcmock_server.verdict().passed
    mcmock_server.clock.advance(700)
    mcmock_server.assert_never(event="ping", within=0.01)
    mcmock_server.reset()
    assert mcmock_server.sessions() == []
    assert is_refused(mcmock_server.url)


def test_https_cannot_begin_while_it_is_stopped(make_mcmock_server: Callable[..., McmockServer]) -> None:
    server = make_mcmock_server()
    server.stop()
    with pytest.raises(ValueError, match="start it again"):
        _ = server.https_url


@pytest.mark.parametrize("order", ["first", "second"])
def test_the_next_test_finds_it_running(mcmock_server: McmockServer, order: str) -> None:
    assert answers(mcmock_server.url)
    mcmock_server.stop()


def test_both_may_be_said_twice(make_mcmock_server: Callable[..., McmockServer]) -> None:
    server = make_mcmock_server()
    server.start()
    server.stop()
    server.stop()
    assert is_refused(server.url)
    server.start()
    server.start()
    assert answers(server.url)
    server.stop()  # and it ends stopped


def test_the_port_is_kept_from_others_while_it_is_stopped(mcmock_server: McmockServer) -> None:
    mcmock_server.stop()
    with pytest.raises(OSError, match="in use"), socket.socket() as other:
        other.bind(("127.0.0.1", urlsplit(mcmock_server.url).port))
    mcmock_server.start()


def test_long_answers_last_again_when_it_is_back(mcmock_server: McmockServer) -> None:
    mcmock_server.stop()
    mcmock_server.start()
    with urlopen(f"{mcmock_server.admin_url}/stream", timeout=10) as stream:
        a_session(mcmock_server)
        assert any(b"sessionStart" in stream.readline() for _ in range(20))


def test_a_hundred_stops_leave_no_descriptor_behind(mcmock_server: McmockServer) -> None:
    numbers = []
    for _ in range(100):
        mcmock_server.stop()
        mcmock_server.start()
        with connect("127.0.0.1", mcmock_server.url) as one:
            numbers.append(one.fileno())
    assert max(numbers[10:]) <= max(numbers[:10]) + 2


# -- faults.refuse ----------------------------------------------------------------------------------------------------


def until_back(server: McmockServer) -> None:
    """Connect until somebody listens. Real time bounds it."""
    give_up = clock.monotonic() + 30
    while clock.monotonic() < give_up:
        try:
            return connect("127.0.0.1", server.url).close()
        except ConnectionRefusedError:
            threading.Event().wait(0.01)
    raise AssertionError("nobody listens again")


def test_a_refusal_ends_when_the_emulator_s_clock_has_passed_it(mcmock_server: McmockServer) -> None:
    client = Client(mcmock_server.url)
    path = client.start()
    mcmock_server.faults.add(faults.refuse(for_seconds=600))
    assert is_refused(mcmock_server.url)
    with pytest.raises((OSError, HTTPException)):
        client.send(path)
    client.close()
    mcmock_server.clock.advance(599)
    assert is_refused(mcmock_server.url)
    mcmock_server.clock.advance(1)
    until_back(mcmock_server)
    assert answers(mcmock_server.url)
    assert len(mcmock_server.sessions()) == 1


def test_a_refusal_ends_by_itself(mcmock_server: McmockServer) -> None:
    mcmock_server.faults.add(faults.refuse(for_seconds=0.05))
    until_back(mcmock_server)


@pytest.mark.mcmock(clock="frozen")
def test_a_frozen_clock_holds_a_refusal(mcmock_server: McmockServer) -> None:
    mcmock_server.faults.add(faults.refuse(for_seconds=0.01))
    threading.Event().wait(0.1)
    assert is_refused(mcmock_server.url)
    mcmock_server.clock.advance(0.01)
    until_back(mcmock_server)


@pytest.mark.parametrize(
    "end",
    [lambda server: server.faults.clear(), lambda server: server.reset(), lambda server: server.start()],
    ids=["clear", "reset", "start"],
)
def test_a_refusal_is_lifted(mcmock_server: McmockServer, end: Callable[[McmockServer], None]) -> None:
    mcmock_server.faults.add(faults.refuse(for_seconds=600))
    mcmock_server.faults.add(faults.refuse(for_seconds=300))
    end(mcmock_server)
    assert answers(mcmock_server.url)
    mcmock_server.clock.advance(700)
    assert answers(mcmock_server.url)


def test_a_server_that_is_stopped_stays_so_when_a_refusal_would_end(mcmock_server: McmockServer) -> None:
    mcmock_server.faults.add(faults.refuse(for_seconds=600))
    mcmock_server.stop()
    mcmock_server.clock.advance(700)
    mcmock_server.faults.clear()
    assert is_refused(mcmock_server.url)


@pytest.mark.parametrize("seconds", [0, -1, 3601, float("inf"), True, "1"])
def test_a_refusal_has_an_end(seconds: Any) -> None:
    with pytest.raises(ValueError, match="for_seconds must be a number"):
        faults.refuse(for_seconds=seconds)
