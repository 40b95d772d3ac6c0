"""The fast path over a store that has to be asked: whatever happens until it answers, order and log are right."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mcmock.core.model import Delivery
from mcmock.engine.changes import StoreUnavailable
from mcmock.server.connection import Connection
from mcmock.storage.redis import RedisLedger
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, body
from tests.redis_server import RedisServer, needs_redis
from tests.serving import Client

PATIENCE = 20.0

pytestmark = needs_redis


@pytest.fixture(scope="module")
def server() -> Iterator[McmockServer]:
    redis = RedisServer()
    with McmockServer(store=redis.url) as running:
        yield running
    redis.stop()


class Held:
    """The store, which answers requests once `go` is set; `asked` is set when it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked, self.go = threading.Event(), threading.Event()
        answered = RedisLedger.commit_all

        def wait(ledger: RedisLedger, *arguments: Any) -> Any:
            self.asked.set()
            assert self.go.wait(PATIENCE)
            return answered(ledger, *arguments)

        monkeypatch.setattr(RedisLedger, "commit_all", wait)


def ping(path: str, number: int, *lines: str) -> bytes:
    """A request of one packet whose header lines the server has met."""
    text = f'{{"eventType":"ping","playerTime":{{"playhead":{number},"ts":170000000000{number}}}}}'
    head = [f"POST {path}/events HTTP/1.1", "Host: h", f"Content-Length: {len(text)}", *lines]
    return ("\r\n".join(head) + "\r\n\r\n" + text).encode()


def teach(wire: Wire, path: str) -> None:
    """Send two requests that are answered, so that the header lines of the next one are known."""
    for number in (1, 2):
        wire.send(ping(path, number))
        assert wire.answer().startswith(b"HTTP/1.1 204")


@pytest.fixture
def path(server: McmockServer) -> str:
    server.emulator.clear_log()
    client = Client(server.url)
    path = client.start()
    client.close()
    return path


def deliveries(server: McmockServer, count: int) -> list[tuple[str | None, Delivery]]:
    """What became of the latest requests, once it is known of all."""
    latest = time.monotonic() + PATIENCE
    while True:
        told = [(one.event_type, one.delivery) for one in server.emulator.requests()][1:]
        if (len(told) >= count and Delivery.PENDING not in dict(told).values()) or time.monotonic() > latest:
            return told
        time.sleep(0.005)


def test_what_comes_behind_a_request_that_waits_is_answered_behind_it(
    server: McmockServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Wire(server.url) as wire:
        teach(wire, path)
        held = Held(monkeypatch)
        wire.send(ping(path, 3))
        assert held.asked.wait(PATIENCE)
        wire.send(ping("/api/v1/sessions/none", 4)[:40])
        wire.send(ping("/api/v1/sessions/none", 4)[40:])
        wire.send(ping(path, 5, "Connection: close"))
        held.go.set()
        answers = wire.rest()
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"204", b"404", b"204"]
    assert deliveries(server, 5) == [("ping", Delivery.SENT)] * 5
    assert [one.seq for one in server.emulator.requests()] == sorted(one.seq for one in server.emulator.requests())


def end(wire: Wire) -> None:
    wire.finish()


def nothing(_: Wire) -> None:
    """The client waits."""


@pytest.mark.parametrize("meanwhile", [nothing, end])
@pytest.mark.parametrize("lines", [(), ("Connection: close",)], ids=["keep-alive", "close"])
def test_a_request_that_waits_is_answered_though_its_client_says_no_more(
    server: McmockServer,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Wire], None],
    lines: tuple[str, ...],
) -> None:
    for _ in range(2):  # the second time its header lines are known, those that end the connection included
        with Wire(server.url) as wire, monkeypatch.context() as patched:
            held = Held(patched)
            wire.send(ping(path, 1, *lines))
            assert held.asked.wait(PATIENCE)
            meanwhile(wire)
            held.go.set()
            assert wire.answer().startswith(b"HTTP/1.1 204")
            if lines or meanwhile is end:
                assert wire.rest() == b""
    assert deliveries(server, 2) == [("ping", Delivery.SENT)] * 2


def noticed(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set once the server has lost a connection."""
    lost, lose = threading.Event(), Connection.connection_lost

    def note(connection: Connection, exc: BaseException | None) -> None:
        lose(connection, exc)
        lost.set()

    monkeypatch.setattr(Connection, "connection_lost", note)
    return lost


def test_a_client_that_goes_before_its_answer_is_seen_in_the_log(
    server: McmockServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Wire(server.url) as wire:
        teach(wire, path)
        held = Held(monkeypatch)
        lost = noticed(monkeypatch)
        wire.send(ping(path, 3))
        assert held.asked.wait(PATIENCE)
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes by a reset
    assert lost.wait(PATIENCE)
    held.go.set()
    assert deliveries(server, 3) == [("ping", Delivery.SENT)] * 2 + [("ping", Delivery.CLIENT_GONE)]


def test_a_server_that_stops_answers_what_it_has_asked_the_store_about(monkeypatch: pytest.MonkeyPatch) -> None:
    redis = RedisServer()
    with McmockServer(store=redis.url) as server:
        client = Client(server.url)
        path = client.start()
        client.close()
        with Wire(server.url) as wire:
            teach(wire, path)
            held = Held(monkeypatch)
            wire.send(ping(path, 3))
            assert held.asked.wait(PATIENCE)
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            held.go.set()
            assert wire.answer().startswith(b"HTTP/1.1 204")
            stopping.join()
    redis.stop()


def fail(*_: Any) -> None:
    raise StoreUnavailable("the store is away", asked=True)


def test_a_session_of_a_store_that_is_away_is_answered_503_on_the_fast_path(
    server: McmockServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Wire(server.url) as wire:
        teach(wire, path)
        with monkeypatch.context() as patched:
            patched.setattr(RedisLedger, "commit_all", fail)
            wire.send(ping(path, 3))
            assert wire.answer().startswith(b"HTTP/1.1 503")
        assert wire.post(f"{path}/events", body("ping")).startswith(b"HTTP/1.1 204")
