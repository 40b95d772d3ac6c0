"""What docs/security.md promises, beyond who may use the control API (test_guard.py) and keys (test_tls.py)."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import logging
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcmock.core import turns
from mcmock.core.collector import collector
from mcmock.core.match import Match, from_query
from mcmock.engine import Emulator
from mcmock.server import accepting, connection, http_io
from mcmock.server.admin import api, line
from mcmock.server.admin.routes import ROUTES
from mcmock.server.fast_path import FastRequest
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, body, post, send, start
from tests.server.admin.test_guard import ask, path_of
from tests.server.test_fast_path import raw
from tests.server.test_server import open_session

CHANGES = [route for route in ROUTES if route.changes]
PATIENCE = 0.2
"""Real seconds, in place of the minutes that slow clients get: this is about real time on a real socket."""


def control(url: str, head: str, text: bytes = b"") -> tuple[int, Any]:
    """One control request in raw lines; the status and the body."""
    with Wire(url) as wire:
        lines = f"{head}\r\nHost: 127.0.0.1\r\nContent-Length: {len(text)}\r\n\r\n"
        wire.send(lines.encode() + text)
        answer = wire.answer()
    return int(answer[9:12]), json.loads(answer.partition(b"\r\n\r\n")[2] or b"null")


# -- changes are asked for on purpose -------------------------------------------------------------------------------------


def test_no_get_changes_anything() -> None:
    assert not [route for route in ROUTES if route.changes and route.method == "GET"]
    assert {route.method for route in CHANGES} == {"POST", "PUT", "DELETE"}
    assert {route.template for route in ROUTES if route.method == "POST" and not route.changes} == {
        "/requests/find", "/requests/wait", "/verify",
    }  # fmt: skip


FORMS = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"]


@pytest.mark.parametrize("route", [pytest.param(one, id=f"{one.method} {one.template}") for one in CHANGES])
def test_a_change_is_taken_as_json_or_without_a_body_but_never_as_a_form(
    mcmock_server: McmockServer, route: Any
) -> None:
    """What a form of another page can send is not enough, even from a browser too old to say where it comes from."""
    head = f"{route.method} /__admin{path_of(route.template)} HTTP/1.1"
    for sent in FORMS:
        for text in (b"{}", b"") if route.takes else (b"{}",):
            status, answer = control(mcmock_server.url, f"{head}\r\nContent-Type: {sent}", text)
            assert (status, answer["error"]["code"]) == (415, "content-type")
        if not route.takes:
            assert control(mcmock_server.url, f"{head}\r\nContent-Type: {sent}")[0] != 415, "no body is needed"
    assert control(mcmock_server.url, head, b"{}")[0] == 415
    assert control(mcmock_server.url, head)[0] != 415
    assert control(mcmock_server.url, f"{head}\r\nContent-Type: application/json; charset=utf-8", b"{}")[0] != 415


def test_a_refused_change_changes_nothing(mcmock_server: McmockServer) -> None:
    text = b'{"effect": "reset"}'
    assert control(mcmock_server.url, "POST /__admin/faults HTTP/1.1\r\nContent-Type: text/plain", text)[0] == 415
    assert mcmock_server.emulator.faults() == []


def test_a_question_may_come_in_any_type(mcmock_server: McmockServer) -> None:
    assert control(mcmock_server.url, "POST /__admin/requests/find HTTP/1.1", b"{}")[0] == 200


def test_no_answer_of_the_control_api_lets_another_origin_read_it(mcmock_server: McmockServer) -> None:
    for route in ROUTES:
        answer = ask(mcmock_server.url, route.method, path_of(route.template), Origin="http://evil.example")
        assert answer.status == 403
        own = ask(mcmock_server.url, route.method, path_of(route.template))
        for headers in (answer.headers, own.headers):
            assert not [name for name in headers if name.lower().startswith("access-control-")]
    assert ask(mcmock_server.url, "OPTIONS", "/reset").status == 405, "and a preflight gets no yes"


# -- limits of one request ------------------------------------------------------------------------------------------------


def test_a_control_request_that_is_too_long_is_answered_413_and_the_next_one_is_fine(
    mcmock_server: McmockServer,
) -> None:
    text = b'{"seconds": 1' + b" " * api.MAX_BODY + b"}"
    status, answer = control(
        mcmock_server.url, "POST /__admin/clock/advance HTTP/1.1\r\nContent-Type: application/json", text
    )
    assert (status, answer["error"]["code"]) == (413, "body-too-large")
    assert ask(mcmock_server.url, "GET", "/health").status == 200


def test_a_control_request_that_is_compressed_is_not_inflated(mcmock_server: McmockServer) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    head = "POST /__admin/clock/advance HTTP/1.1\r\nContent-Type: application/json\r\nContent-Encoding: gzip"
    assert control(mcmock_server.url, head, bomb)[0] == 415


def test_a_control_request_that_breaks_off_is_no_bug_of_ours(
    mcmock_server: McmockServer, caplog: pytest.LogCaptureFixture
) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.send(
            b"PUT /__admin/faults HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        )
        wire.finish()
        assert wire.rest().startswith(b"HTTP/1.1 400 ")
    assert caplog.records == []


# -- slow clients ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_TIME", PATIENCE)
    monkeypatch.setattr(http_io, "BODY_TIME", PATIENCE)


def dribble(wire: Wire, first: bytes) -> bytes:
    """Send `first`, then a byte every hundredth of a second, until the answer comes."""
    wire.send(first)
    wire.socket.settimeout(0.01)
    began = time.monotonic()
    while time.monotonic() - began < 10:
        try:
            wire.send(b"a")
            return wire.answer()
        except TimeoutError:
            continue
    raise AssertionError("it is still listening")


@pytest.mark.usefixtures("impatient")
def test_a_head_that_never_ends_is_answered_408_and_logged(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        answer = dribble(wire, b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nCookie: secret=s3cret\r\nX: ")
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    found = mcmock_server.request(status=408)
    assert (found.verdict, found.findings[0].rule, found.path) == ("malformed", "not-http", "/api/v1/sessions")
    assert b"s3cret" not in found.body_bytes


@pytest.mark.usefixtures("impatient")
def test_so_is_one_that_follows_a_request_on_the_same_connection(mcmock_server: McmockServer, wire: Wire) -> None:
    open_session(wire)
    time.sleep(PATIENCE * 1.5)  # real time: a connection that is only idle is left alone
    open_session(wire)
    assert dribble(wire, b"POST /api/v1/sess").startswith(b"HTTP/1.1 408 ")
    assert [one.status for one in mcmock_server.requests()] == [201, 201, 408]


@pytest.mark.usefixtures("impatient")
def test_a_body_that_comes_byte_by_byte_has_its_time_too(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        answer = dribble(wire, b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"was not whole after" in answer
    assert mcmock_server.request(status=408).findings[0].rule == "body-incomplete"


@pytest.mark.usefixtures("impatient")
def test_a_connection_that_says_nothing_is_closed_and_no_request(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        assert wire.rest() == b""
    assert mcmock_server.summary().total == 0


def test_a_player_that_pings_for_hours_keeps_its_connection(
    mcmock_server: McmockServer, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fast lane counts as use: aiohttp alone would think the connection idle since the last ordinary request."""
    seen: list[float] = []
    answer_at_once = connection.Connection._answer_at_once

    def watched(self: connection.Connection, plain: FastRequest) -> bool:
        seen.append(self._next_keepalive_close_time)
        return answer_at_once(self, plain)

    monkeypatch.setattr(connection.Connection, "_answer_at_once", watched)
    sid = open_session(wire)
    for number in range(5):
        wire.send(raw(sid, body("ping", number)))
        wire.answer()
    assert len(seen) >= 3
    assert seen == sorted(set(seen)), "each one moves the end of its patience on"


# -- clients that do not read ---------------------------------------------------------------------------------------------


def waiting_bytes(server: McmockServer) -> int:
    """What waits to be written on all connections."""
    open_now = server._thread.service._server.connections  # type: ignore[union-attr]
    return sum(one.transport.get_write_buffer_size() for one in open_now if one.transport is not None)


@pytest.mark.parametrize("together", [1, 50], ids=["one by one", "pipelined"])
def test_a_client_that_never_reads_its_answers_is_not_answered_without_end(together: int) -> None:
    """Nothing more is read from it once 64 KiB of answers wait, so its own system stops it."""
    with McmockServer() as server, Wire(server.url) as wire:
        sid = open_session(wire)
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one = raw(sid, {**body("ping"), "playerTime": "none"})  # answered 400, with a body
        wire.socket.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):  # noqa: PT012
            while sent < 100_000:
                wire.socket.sendall(one * together)
                sent += together
        assert waiting_bytes(server) < 512 * 1024
        with Wire(server.url) as other:
            open_session(other)


def test_connections_have_a_limit_and_room_is_made_by_closing_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accepting, "MAX_CONNECTIONS", 5)
    with McmockServer() as server:
        wires = [Wire(server.url) for _ in range(5)]
        for wire in wires:
            open_session(wire)
        for _ in range(3):
            refused = Wire(server.url)
            with pytest.raises(ConnectionError):
                refused.post("/api/v1/sessions", body("sessionStart"))
            refused.socket.close()
        assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
            "5 connections are open: more are closed at once (see ulimit -n)"
        ], "said once"
        wires[0].socket.close()
        _until(lambda: len(server._thread.service._server.connections) == 4)  # type: ignore[union-attr]
        with Wire(server.url) as again:
            open_session(again)
        for wire in wires:
            wire.socket.close()


def _until(holds: Any) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # real time: the other side's close has to arrive


def test_the_limit_leaves_room_for_files() -> None:
    import resource

    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert accepting.most_connections() <= min(accepting.MAX_CONNECTIONS, allowed - accepting.RESERVED)


# -- secrets --------------------------------------------------------------------------------------------------------------

SECRETS = (
    "Authorization: Bearer s3cret",
    "Proxy-Authorization: Basic s3cret",
    "COOKIE: id=s3cret",
    "Set-Cookie: id=s3cret",
)


def test_secrets_are_nowhere_in_what_is_kept(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.post("/api/v1/sessions", body("sessionStart"), *SECRETS)
        wire.send(("POST / HTTP/1.1\r\n" + "\r\n".join(SECRETS) + "\r\nX : broken\r\n\r\n").encode())
        wire.rest()
    assert mcmock_server.summary().total == 2
    first, second = (f"/requests/{one.seq}" for one in mcmock_server.requests())
    for path in ("/requests", first, second, "/requests.ndjson", "/requests.har", "/sessions"):
        answer = ask(mcmock_server.url, "GET", path)
        assert "s3cret" not in json.dumps(str(answer.body))
    assert "redacted" in str(ask(mcmock_server.url, "GET", first).body)
    with Wire(mcmock_server.url) as wire:
        wire.send(b"GET /__admin/stream?since=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        told = wire.answer() + wire._read  # what came along with the head
        while told.count(b"event: exchange") < 2:
            told += wire.socket.recv(65536)
    assert b"s3cret" not in told
    assert all(b"s3cret" not in one.body_bytes for one in mcmock_server.requests())
    assert "s3cret" not in repr([one.request_headers for one in mcmock_server.requests()])


def test_a_body_is_kept_as_it_was_sent() -> None:
    """It is what people look for; a player has no reason to put a secret there."""
    emulator = Emulator()
    emulator.handle(post("/api/v1/sessions", b"Cookie: s3cret"))
    assert emulator.requests()[0].body_bytes == b"Cookie: s3cret"


# -- nothing recorded is executed, fetched or opened ----------------------------------------------------------------------

HOSTILE = [
    "http://127.0.0.1:1/fetched", "file:///etc/passwd", "../../../../etc/passwd", "/etc/passwd", "%2e%2e%2f%2e%2e%2fetc/passwd",
    "$(touch owned)", "`touch owned`", "; touch owned", "{{7*7}}", "${jndi:ldap://127.0.0.1:1/a}", "<script>alert(1)</script>",
    "__import__('os').system('touch owned')", "%s%n", "\\\\127.0.0.1\\share", "'; DROP TABLE entries; --",
    "!!python/object:os.system",
]  # fmt: skip

WATCHED = """
import json, os, sys
import mcmock
from mcmock.fixture import McmockServer

armed, seen = False, []
FORBIDDEN = {"open", "exec", "compile", "import", "os.system", "os.exec", "os.posix_spawn", "os.listdir", "os.scandir",
             "subprocess.Popen", "socket.connect", "socket.getaddrinfo", "urllib.Request", "pickle.find_class", "ctypes.dlopen"}

def hear(event, arguments):
    ours = event == "open" and str(arguments[0]).startswith(os.path.dirname(mcmock.__file__) + os.sep)
    if armed and event in FORBIDDEN and not ours:
        seen.append(f"{event} {arguments!r:.200}")

sys.addaudithook(hear)
with McmockServer() as server:
    print(server.url, flush=True)
    for line in sys.stdin:
        armed = line.strip() == "arm"
        if not armed:
            print(json.dumps(seen), flush=True)
"""


def hostile_session(url: str, text: str) -> None:
    """Everything that can be recorded, recorded with `text` in it; then everything looked at."""
    with Wire(url) as wire:
        params = dict.fromkeys(("media.id", "media.name", "media.channel", "media.playerName"), text)
        value = body("sessionStart", customMetadata={"x": text})
        value["params"] = {**value["params"], **params}
        answer = wire.post("/api/v1/sessions", value, f"X-Text: {text}", f"User-Agent: {text}")
        sid = re.search(rb"sessions/(\w{64})", answer)
        assert sid
        events = f"/api/v1/sessions/{sid[1].decode()}/events"
        wire.post(events, body("play", customMetadata={"x": text}))
        wire.post(events, body("error", qoeData={"media.qoe.errorID": text, "media.qoe.errorSource": "player"}))
        wire.post(events, text.encode())
        wire.post(f"/api/v1/sessions/{text.replace(' ', '+')}/events", body("ping"))
    for route in ROUTES:
        if route.method == "GET" and route.template not in ("/stream", ""):
            ask(url, "GET", path_of(route.template))
    ask(url, "GET", f"/inspector/{text.replace(' ', '+').replace('<', '%3C')}")
    ask(url, "GET", f"/sessions/{sid[1].decode()}/report")


def test_nothing_recorded_is_executed_fetched_or_opened(tmp_path: Path) -> None:
    """Python itself reports every file, process, module, compilation and connection of a server that hears the worst."""
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        hostile_session(url, "harmless")  # what is imported and read once, of our own files, is read by now
        process.stdin.write("arm\n")
        process.stdin.flush()
        for text in HOSTILE:
            hostile_session(url, text)
        process.stdin.write("disarm\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == []
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "path",
    ["../admin.py", "..%2fadmin.py", "%2e%2e/admin.py", "..\\admin.py", "/etc/passwd", "index.html/../../admin.py", ".", "..",
     "index.html%00.js", "//etc/passwd", "....//admin.py", "__init__.py", "%c0%ae%c0%ae/admin.py"],
)  # fmt: skip
def test_no_path_leaves_the_inspectors_own_files(mcmock_server: McmockServer, path: str) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.send(f"GET /__admin/inspector/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert wire.answer().startswith(b"HTTP/1.1 404 ")


def test_an_event_types_schema_is_no_path_either(mcmock_server: McmockServer, wire: Wire) -> None:
    for name in ("..%2f..%2fpyproject", "../ping", "ping.json", "/etc/passwd", "ping%00"):
        wire.send(f"GET /api/v1/schemas/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert wire.answer().startswith(b"HTTP/1.1 404 ")


# -- nobody has to wait ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded() -> Iterator[McmockServer]:
    """A server with a long log that nobody has asked about yet."""
    with McmockServer(max_log_bytes=2**30) as server:
        emulator = server.emulator
        sids = [start(emulator) for _ in range(100)]
        for number in range(5_000):
            send(emulator, sids[number % 100], "ping", number)
        yield server


QUESTIONS = [
    "/summary", "/scopes", "/requests?playhead.min=5&limit=5", "/requests?limit=5000", "/sessions?brief=1",
    "/requests.ndjson", "/requests?outcome=bad", "/requests?order=desc&event=play", "/sessions", "/requests.har", "/metrics",
    "/verdict?failOn=warning", "/losses",
]  # fmt: skip


@pytest.mark.parametrize("path", QUESTIONS)
def test_a_question_about_a_long_log_does_not_hold_up_players(
    crowded: McmockServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: while one question is worked on, the loop comes round many times."""
    assert _rounds_during(crowded, path, monkeypatch) > 20


LONG_QUESTIONS = ["/summary", "/sessions", "/sessions/SID", "/sessions/SID/report", "/requests?session=SID&limit=1",
                  "/sessions?brief=1", "/requests.ndjson", "/verdict", "/metrics", "/sessions/SID?brief=1"]  # fmt: skip


@pytest.fixture(scope="module")
def long_session() -> Iterator[McmockServer]:
    with McmockServer(max_log_bytes=2**30) as server:
        sid = start(server.emulator)
        for number in range(2_000):
            send(server.emulator, sid, "ping", number)
        yield server


@pytest.mark.parametrize("path", LONG_QUESTIONS)
def test_a_long_session_is_judged_in_turns(
    long_session: McmockServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sid,) = long_session.emulator.session_ids()
    assert _rounds_during(long_session, path.replace("SID", sid), monkeypatch) > 20


def _rounds_during(server: McmockServer, path: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how often the loop came round while a question was worked on, of which nothing is known yet."""
    monkeypatch.setattr(turns, "TIME_SLICE", 0.0002)  # shorter turns make up for a log that is not so long
    emulator = server.emulator
    with emulator.engine.lock:
        emulator.engine.analysis.forget_log()
    rounds = 0
    loop = server._thread._loop
    stopped = threading.Event()

    async def count() -> None:
        nonlocal rounds
        while not stopped.is_set():
            rounds += 1
            await asyncio.sleep(0)

    asyncio.run_coroutine_threadsafe(_detached(count()), loop).result()
    before = rounds
    assert ask(server.url, "GET", path).status == 200
    during = rounds - before
    stopped.set()
    return during


async def _detached(work: Any) -> None:
    _TASKS.append(asyncio.ensure_future(work))


_TASKS: list[Any] = []


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("query", ["", "event=ping", "playhead.min=100", "outcome=ignored", "since=500"])
def test_turns_find_what_one_go_finds(crowded: McmockServer, query: str, order: str) -> None:
    pairs = [(name, value) for name, _, value in (part.partition("=") for part in query.split("&") if part)]
    since = int(dict(pairs).pop("since", 0))
    match = from_query([pair for pair in pairs if pair[0] != "since"])
    whole = crowded.emulator.requests(match, since=since, newest_first=order == "desc")
    answer = ask(crowded.url, "GET", f"/requests?order={order}&limit=7&{query}").body
    assert [one["seq"] for one in answer["requests"]] == [one.seq for one in whole[:7]]
    assert answer["matched"] == len(whole)


def test_counts_in_turns_are_the_counts(crowded: McmockServer) -> None:
    assert ask(crowded.url, "GET", "/summary").body == crowded.emulator.summary()._asdict()


def test_a_log_that_loses_entries_between_two_turns_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TIME_SLICE", 0.0)  # an entry each
    emulator = Emulator(max_log_bytes=300_000)
    sid = start(emulator)
    for number in range(300):
        send(emulator, sid, "ping", number)
    emulator.requests(Match({"event": "ping"}))  # which the index then knows
    for question in (lambda: emulator.requests(Match({"event": "ping"})), lambda: emulator.requests(newest_first=True)):
        asked = turns.Turn(emulator.engine.lock, question)
        assert not asked.go_on()
        assert not asked.go_on()
        upto = emulator.last_seq
        for number in range(1000):
            send(emulator, sid, "ping", number)
        while not asked.go_on():
            pass
        seen = [one.seq for one in asked.answer()]
        assert len(seen) == len(set(seen)) > 0
        assert max(seen) <= upto, "what came meanwhile is another question's"
    counting = turns.Turn(emulator.engine.lock, emulator.summary)
    assert not counting.go_on()
    emulator.clear_log()
    while not counting.go_on():
        pass
    assert counting.answer().total <= 300_000 // 400


def test_a_question_that_nobody_waits_for_is_broken_off() -> None:
    emulator = Emulator()
    start(emulator)
    ended = threading.Event()

    def question() -> None:
        try:
            while True:
                turns.pause()
        finally:
            ended.set()

    asked = turns.Turn(emulator.engine.lock, question)
    assert not asked.go_on()
    asked.end()
    assert ended.wait(10)


def test_between_two_slices_the_lock_is_free_however_often_the_question_has_taken_it() -> None:
    emulator = Emulator()

    def question() -> str:
        with emulator.engine.lock, emulator.engine.lock:
            before = emulator.last_seq
            while emulator.last_seq == before:
                turns.pause()
        return "answered"

    asked = turns.Turn(emulator.engine.lock, question)
    assert not asked.go_on()
    start(emulator)  # would wait for ever
    while not asked.go_on():
        pass
    assert asked.answer() == "answered"


@pytest.mark.parametrize("owns", [False, True])
def test_what_a_question_has_made_is_passed_over_by_the_collector_only_in_a_process_of_the_servers_own(
    owns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "LONG", 1)
    with McmockServer() as server:
        sid = start(server.emulator)
        for number in range(100):
            send(server.emulator, sid, "ping", number)
        gc.unfreeze()
        monkeypatch.setattr(collector, "is_owned", owns)
        try:
            assert ask(server.url, "GET", "/summary").status == 200
            assert (gc.get_freeze_count() > 0) is owns
            assert ask(server.url, "POST", "/reset").status == 200
            assert gc.get_freeze_count() == 0
        finally:
            gc.unfreeze()


def test_what_a_question_has_kept_is_let_go_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TIME_SLICE", 0.0)
    emulator = Emulator()
    kept = [*range(10 * turns.LET_GO_AT_ONCE)]
    asked = turns.Turn(emulator.engine.lock, lambda: turns.let_go_in_turns(kept))
    sizes = []
    while not asked.go_on():
        sizes.append(len(kept))
    assert not kept
    assert len(set(sizes)) >= 9
