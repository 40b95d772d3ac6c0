"""Clients that leave, in every way there is, while a fault has a hand in their answer; over HTTP and HTTPS, on both loops.

What became of the answer is told in the log and nothing is on stderr: a client that gives up is no fault of the server's.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mcmock import faults
from mcmock.core.clock import Clock
from mcmock.core.match import Match
from mcmock.core.model import Delivery
from mcmock.engine import Emulator
from mcmock.server import Service, ServiceThread, certificates
from tests.conftest import body, pings_settled

EVENT = json.dumps(body("ping")).encode()

HELD = [faults.delay(600, event="ping"), faults.hang(event="ping"), faults.hang(600, event="ping"),
        faults.drip(0.001, event="ping")]  # fmt: skip
OTHERS = [
    faults.status(503, event="ping"), faults.reset(event="ping"), faults.reset(event="ping", side="after"),
    faults.close(event="ping"), faults.close(event="ping", side="after"), faults.truncate(1, event="ping"),
    faults.malformed(event="ping"), faults.expire_session(event="ping"), faults.forget_session(event="ping"),
    faults.drop_header("Server", event="ping"), faults.set_header("Server", "x", event="ping"),
    faults.rate_limit(1, event="ping"), faults.delay(0, event="ping"), faults.drip(100_000, event="ping"),
    faults.hang(0, event="ping"),
]  # fmt: skip


class Side:
    """A server on one loop, and how to reach it by one scheme."""

    def __init__(self, emulator: Emulator, url: str, ca_file: Path) -> None:
        self.emulator, self.ca_file = emulator, ca_file
        self.secure = url.startswith("https")
        self.port = int(urlsplit(url).port or 0)
        self.trusting = ssl.create_default_context(cafile=ca_file)

    def connect(self) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        return self.trusting.wrap_socket(plain, server_hostname="127.0.0.1") if self.secure else plain

    def ask(self, path: str, content: bytes) -> tuple[int, str]:
        """The status and the Location of one answer, on a connection of its own."""
        client = HTTPConnection("127.0.0.1", self.port, timeout=5)
        if self.secure:
            client = HTTPSConnection("127.0.0.1", self.port, timeout=5, context=self.trusting)
        with closing(client):
            client.request("POST", path, content)
            answer = client.getresponse()
            return answer.status, answer.headers.get("Location", "")

    def open_session(self) -> str:
        self.emulator.clear_faults()
        return self.ask("/api/v1/sessions", json.dumps(body("sessionStart")).encode())[1] + "/events"

    def settled(self, count: int) -> list[Delivery]:
        return pings_settled(self.emulator, count)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("state")
    certificates.kept(state, Clock().now())
    return state


@pytest.fixture(params=["http", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["asyncio", "uvloop"])
def side(request: pytest.FixtureRequest, scheme: str, authority: Path) -> Iterator[Side]:
    made = pytest.importorskip(request.param, reason="uvloop, of the extra `speed`, is not installed").new_event_loop
    emulator = Emulator(seed=1)
    thread = ServiceThread(Service(emulator, https_port=0, state_dir=authority))
    if request.param == "uvloop":
        thread._loop.close()
        thread._loop = made()
    thread.start()
    service = thread.service
    yield Side(
        emulator, str(service.https_url if scheme == "https" else service.url), certificates.certificate_path(authority)
    )
    thread.stop()


def _event(path: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(EVENT)}\r\n\r\n".encode() + EVENT


# -- ways of leaving; each returns what is left open until the test is over ---------------------------------------------


def _close(wire: socket.socket) -> None:
    """FIN; over TLS without a word before it, as most clients that give up."""
    wire.close()


def _reset(wire: socket.socket) -> None:
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()


def _close_notify(wire: socket.socket) -> None:
    _half_close(wire)
    wire.close()


def _half_close(wire: socket.socket) -> None:
    """Nothing more to say, but still there: close_notify over TLS."""
    if isinstance(wire, ssl.SSLSocket):
        wire.settimeout(0)
        with suppress(OSError):  # it would wait for the other side's
            wire.unwrap()
    else:
        _finish(wire)


def _finish(wire: socket.socket) -> None:
    """FIN, but still there."""
    with suppress(OSError):  # the other side may be gone
        wire.shutdown(socket.SHUT_WR)


WAYS = [_close, _reset, _close_notify, _half_close, _finish]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rule", HELD, ids=lambda rule: f"{rule.effect}{dict(rule.attributes).get('seconds') or ''}")
def test_who_leaves_while_an_answer_is_held_is_client_gone(
    side: Side, rule: faults.FaultRule, way: Callable[[socket.socket], None], caplog: pytest.LogCaptureFixture
) -> None:
    path = side.open_session()
    side.emulator.add_fault(rule)
    with side.connect() as wire:
        wire.sendall(_event(path))
        assert side.emulator.wait_for(Match({"event": "ping"}), 1)
        way(wire)
        assert side.settled(1) == ["client_gone"]
    assert side.ask(side.open_session(), EVENT)[0] == 204
    assert _complaints(caplog) == []


@pytest.mark.parametrize("way", WAYS)
def test_who_leaves_at_once_causes_no_complaint_whatever_the_effect(
    side: Side, way: Callable[[socket.socket], None], caplog: pytest.LogCaptureFixture
) -> None:
    left = []
    for number, rule in enumerate(OTHERS, 1):
        path = side.open_session()
        side.emulator.add_fault(rule)
        wire = side.connect()
        left.append(wire)
        wire.sendall(_event(path))
        if way is _reset:  # it takes what was sent along, unless that was read before
            assert side.emulator.wait_for(Match({"event": "ping"}), number)
        way(wire)
        assert set(side.settled(number)) <= {"sent", "aborted", "client_gone"}
    for wire in left:
        wire.close()
    assert side.ask(side.open_session(), EVENT)[0] == 204
    assert _complaints(caplog) == []


_LEAVER = """
import socket, ssl, sys
port, ca_file, secure = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "True"
wire = socket.create_connection(("127.0.0.1", port))
if secure:
    wire = ssl.create_default_context(cafile=ca_file).wrap_socket(wire, server_hostname="127.0.0.1")
wire.sendall(sys.stdin.buffer.read())
sys.stdout.close()
wire.recv(1)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX's")
@pytest.mark.parametrize("rule", HELD[:2], ids=lambda rule: rule.effect)
def test_a_process_that_is_killed_is_client_gone(
    side: Side, rule: faults.FaultRule, caplog: pytest.LogCaptureFixture
) -> None:
    path = side.open_session()
    side.emulator.add_fault(rule)
    told = [str(side.port), str(side.ca_file), str(side.secure)]
    with subprocess.Popen(
        [sys.executable, "-c", _LEAVER, *told], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(_event(path))
        process.stdin.close()
        assert side.emulator.wait_for(Match({"event": "ping"}), 1, timeout=20)
        process.kill()
        assert side.settled(1) == ["client_gone"]
    assert _complaints(caplog) == []


def _complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [f"{record.name}: {record.getMessage()}" for record in caplog.records if record.levelno >= logging.WARNING]
