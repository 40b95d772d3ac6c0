"""What the tests of this project share: bodies that are valid, and a raw connection that tidies nothing."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from inspect import signature
from typing import Any, Self

import pytest
from click.testing import CliRunner
from hypothesis import settings

from mcmock.core.match import Match
from mcmock.core.model import Answer, Delivery, Request
from mcmock.engine import Emulator
from mcmock.testing.server import McmockServer
from tests import programs

with contextlib.suppress(ImportError):
    import cryptography.x509  # noqa: F401 -- a test of the plugin has what it imports first forgotten; this loads only once

# A test fails by what was changed, not by what was drawn: docs/architecture.md.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile("repeatable")

START_PARAMS: dict[str, Any] = {
    "analytics.trackingServer": "analytics.example",
    "analytics.reportSuite": "example.suite",
    "visitor.marketingCloudOrgId": "0123456789ABCDEF01234567@AdobeOrg",
    "media.id": "film-1",
    "media.length": 60.0,
    "media.contentType": "vod",
    "media.playerName": "a player",
    "media.channel": "a channel",
}


def cli_runner() -> CliRunner:
    """Keeps stderr apart from stdout, which click does by itself from 8.2 on."""
    known = signature(CliRunner).parameters
    apart: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in known else {}
    return CliRunner(**apart)


def at_best_within(seconds: float, ending: Callable[[], float]) -> bool:
    """Whether one of three is over within `seconds` (`ending` returns what it took): a busy machine holds anything up once."""
    return any(ending() < seconds for _ in range(3))


def body(event_type: str, playhead: float = 0, ts: int = 1_700_000_000_000, **parts: Any) -> dict[str, Any]:
    """A valid body; `parts` are params, qoeData and customMetadata."""
    if event_type == "sessionStart":
        parts.setdefault("params", START_PARAMS)
    return {"eventType": event_type, "playerTime": {"playhead": playhead, "ts": ts}, **parts}


def post(path: str, value: Any, *headers: tuple[bytes, bytes]) -> Request:
    """A request as the server shell would hand it to the emulator."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Request("POST", path, headers or ((b"Content-Type", b"application/json"),), text)


def start(emulator: Emulator, **parts: Any) -> str:
    """Open a session; returns its id."""
    answer = emulator.handle(post("/api/v1/sessions", body("sessionStart", **parts)))
    assert answer.response.status == 201, answer.response.body
    return dict(answer.response.headers)["Location"].rpartition("/")[2]


def send(emulator: Emulator, session_id: str, event_type: str, playhead: float = 0, **parts: Any) -> Answer:
    value = body(event_type, playhead, **parts)
    return emulator.handle(post(f"/api/v1/sessions/{session_id}/events", value))


def pings_settled(emulator: Emulator, count: int) -> list[Delivery]:
    """Return what became of the answers to that many pings, once none is pending: it may be noted after the answer came."""
    noted = threading.Event()
    stop = emulator.subscribe(lambda _: noted.set())
    found: list[Delivery] = []
    try:
        for _ in range(1000):
            found = [one.delivery for one in emulator.requests(Match({"event": "ping"}))]
            if len(found) == count and Delivery.PENDING not in found:
                return found
            noted.wait(1)
            noted.clear()
    finally:
        stop()
    raise AssertionError(f"still {found}")


class Wire:
    """A socket that sends bytes as given and reads answers as they come."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, raw: bytes) -> None:
        self.socket.sendall(raw)

    def post(self, path: str, value: Any, *lines: str, host: str = "127.0.0.1") -> bytes:
        """Send one POST and return the whole answer."""
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        head = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(text)}", *lines]
        self.send("\r\n".join(head).encode() + b"\r\n\r\n" + text)
        return self.answer()

    def answer(self) -> bytes:
        """The next answer: its head, and as much body as it promises."""
        while b"\r\n\r\n" not in self._read:
            self._more()
        head, _, rest = self._read.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(rest) < length:
            self._more()
            rest = self._read.partition(b"\r\n\r\n")[2]
        self._read = rest[length:]
        return head + b"\r\n\r\n" + rest[:length]

    def _more(self) -> None:
        got = self.socket.recv(65536)
        if not got:
            raise ConnectionError(f"closed after {self._read!r}")
        self._read += got

    def finish(self) -> None:
        """Say that nothing more will be sent, and go on reading."""
        with contextlib.suppress(OSError):  # the other side may be gone
            self.socket.shutdown(socket.SHUT_WR)

    def rest(self) -> bytes:
        """Everything until the other side closes."""
        while True:
            try:
                self._more()
            except ConnectionError:
                return self._read


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line what was skipped for want of programs."""
    skipped = (report.longrepr for report in terminalreporter.stats.get("skipped", []))
    if line := programs.summary(one[2] for one in skipped if isinstance(one, tuple)):
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def mcmock_options() -> dict[str, Any]:
    """These tests send what is rejected all the time."""
    return {"fail_on": "never"}


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(seed=1)


@pytest.fixture
def wire(mcmock_server: McmockServer) -> Any:
    with Wire(mcmock_server.url) as connection:
        yield connection


if REPLICAS := os.environ.get("MCMOCK_TEST_REPLICAS"):  # see tests/replicated.py

    @pytest.fixture(scope="session")
    def mcmock_running(mcmock_options: dict[str, Any]) -> Iterator[McmockServer]:
        """Three replicas on the Redis of that address, behind a balancer."""
        from tests.replicated import Replicated

        options = {name: value for name, value in mcmock_options.items() if name not in ("fail_on", "allow")}
        with Replicated(str(REPLICAS), **options) as server:
            yield server
