"""More connections than there are descriptors: who is there is served, the rest of the process has what it needs, one line
says so, and room is there again as soon as they have gone. Real processes with real limits, on both loops.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mcmock.engine import Emulator
from mcmock.server import Service, ServiceThread, accepting
from mcmock.testing.server import McmockServer
from tests.serving import Client, Serving

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="limits of a process are set, and looked at, as on Linux"
)

ALLOWED = 128
ROOM = ALLOWED - accepting.RESERVED
FEW = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({ALLOWED}, {ALLOWED}))\n"
CROWD = 300


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> str:
    """Python that makes a server of this process run on that loop."""
    if request.param == "asyncio":
        return "import sys; sys.modules['uvloop'] = None\n"
    pytest.importorskip("uvloop", reason="uvloop, of the extra `speed`, is not installed")
    return ""


def serving(tmp_path: Path, first: str) -> Serving:
    options = ["--https-port", "0", "--state-dir", str(tmp_path / "state"), "--journal", str(tmp_path / "journal")]
    return Serving(*options, first=first)


@contextmanager
def crowd(port: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5)) for _ in range(CROWD)]


def until(holds: Callable[[], bool]) -> None:
    """Real time: what is waited for is another process."""
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def turned_away(silent: list[socket.socket]) -> int:
    """How many of them the server has closed."""
    polled = select.poll()
    for one in silent:
        polled.register(one, select.POLLIN)
    return len(polled.poll(0))


def answers(url: str) -> bool:
    client = Client(url)
    try:
        return client.ask("GET", "/__admin/health")[0] == 200
    except OSError:
        return False
    finally:
        client.close()


def descriptors(server: Serving) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def said(errors: str) -> list[str]:
    return [str(json.loads(line)["message"]) for line in errors.splitlines()]


@pytest.mark.parametrize("door", ["url", "httpsUrl"])
def test_silent_connections_leave_what_the_rest_needs_and_one_line_says_so(
    tmp_path: Path, loop: str, door: str
) -> None:
    with serving(tmp_path, loop + FEW) as server:
        player = Client(server.url)
        path = player.start()
        with crowd(int(urlsplit(server.facts[door]).port or 0)) as silent:
            until(lambda: turned_away(silent) == CROWD - (ROOM - 1))
            assert descriptors(server) <= ALLOWED - accepting.RESERVED // 2
            assert player.send(path) == 204
            assert len(player.admin("GET", "requests")["requests"]) == 2
            assert not answers(server.url)
            assert turned_away(silent) == CROWD - (ROOM - 1)
        until(lambda: answers(server.url))
        assert player.send(path) == 204
        player.close()
        assert said(server.stop()) == [f"{ROOM} connections are open: more are closed at once (see ulimit -n)"]
    with (
        serving(tmp_path, "") as again,
        closing(Client(again.url)) as reader,
    ):  # the journal has what was sent meanwhile
        assert reader.admin("GET", "summary")["total"] == 3


def test_what_else_the_process_has_open_counts(tmp_path: Path, loop: str) -> None:
    """As in a test run that holds many files: connections take what is left, less the last of the reserve."""
    others = "held = [open('/dev/null') for _ in range(70)]\n"
    with serving(tmp_path, loop + FEW + others) as server:
        player = Client(server.url)
        path = player.start()
        with crowd(int(urlsplit(server.url).port or 0)) as silent:
            until(lambda: turned_away(silent) > CROWD - ROOM)
            assert player.send(path) == 204
            assert descriptors(server) <= ALLOWED - accepting.RESERVED // 4
        until(lambda: answers(server.url))
        player.close()
        (line,) = said(server.stop())
        assert line.endswith("connections are open: more are closed at once (see ulimit -n)")


def test_where_the_system_has_no_descriptor_left_connections_wait(tmp_path: Path, loop: str) -> None:
    import resource

    with serving(tmp_path, loop) as server:
        player = Client(server.url)
        path = player.start()
        assert player.send(path) == 204  # what it needs of files, it has now
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (descriptors(server), hard))
        with crowd(int(urlsplit(server.url).port or 0)) as silent:
            assert player.send(path) == 204
            assert turned_away(silent) == 0
            resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
            until(lambda: answers(server.url))
        player.close()
        assert said(server.stop()) == ["no connection can be taken: Too many open files (see ulimit -n)"]


# -- handshakes ------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["asyncio", "uvloop"])
def thread(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceThread]:
    made = pytest.importorskip(request.param, reason="uvloop, of the extra `speed`, is not installed").new_event_loop
    monkeypatch.setattr(accepting, "HANDSHAKE_TIME", 0.05)
    found = ServiceThread(Service(Emulator(seed=1), throwaway=True, https_port=0))
    if request.param == "uvloop":
        found._loop.close()
        found._loop = made()
    found.start()
    yield found
    found.stop()


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["silent", "half a hello"])
def test_a_handshake_has_a_time(thread: ServiceThread, sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    port = int(urlsplit(str(thread.service.https_url)).port or 0)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        wire.sendall(sent)
        assert _read(wire) == b""
    server: Any = thread.service._server
    until(lambda: not server.taking._coming)
    assert thread.service.emulator.requests() == []
    assert caplog.records == []


def test_what_is_no_tls_ends_at_once_and_counts_no_more(
    thread: ServiceThread, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accepting, "HANDSHAKE_TIME", 600)
    port = int(urlsplit(str(thread.service.https_url)).port or 0)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\n\r\n")
        _read(wire)
    server: Any = thread.service._server
    until(lambda: not server.taking._coming)
    assert caplog.records == []


def _read(wire: socket.socket) -> bytes:
    """All that comes until the other side closes; an alert is no answer."""
    got = b""
    try:
        while more := wire.recv(4096):
            got += more
    except ConnectionError:
        pass
    return got


def test_a_server_stops_while_clients_shake_hands() -> None:
    with McmockServer() as server:
        port = int(urlsplit(server.https_url).port or 0)
        wires = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(5)]
        held: Any = server._thread.service._server
        until(lambda: len(held.taking._coming) == 5)
    for wire in wires:
        with wire:
            assert _read(wire) == b""
