"""The emulated API on a raw socket: exact bytes, and connections that stay usable."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket

import pytest

from mcmock.engine import Emulator
from mcmock.server import Service
from mcmock.server.accepting import AT_ONCE
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, body

CORS = [
    "Access-Control-Allow-Origin: *",
    "Access-Control-Allow-Methods: OPTIONS,POST,PUT",
    "Access-Control-Allow-Headers: Content-Type",
    "Access-Control-Expose-Headers: Location",
]
DATE = r"Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"


def lines(answer: bytes) -> list[str]:
    """The header lines, the date replaced by a fixed word once it has the right form."""
    head = answer.partition(b"\r\n\r\n")[0].decode()
    return [re.sub(f"^{DATE}$", "Date: <date>", line) for line in head.split("\r\n")]


def open_session(wire: Wire) -> str:
    answer = wire.post("/api/v1/sessions", body("sessionStart"))
    found = re.search(rb"Location: /api/v1/sessions/([0-9a-f]{64})\r\n", answer)
    assert found, answer
    return found[1].decode()


def test_a_204_is_exactly_the_documented_lines(wire: Wire) -> None:
    sid = open_session(wire)
    answer = wire.post(f"/api/v1/sessions/{sid}/events", body("play"))
    assert lines(answer) == [
        "HTTP/1.1 204 No Content", "Server: nginx/1.13.5", "Date: <date>", "Connection: keep-alive", *CORS,
    ]  # fmt: skip
    assert answer.endswith(b"\r\n\r\n")


def test_a_201_is_exactly_the_documented_lines(wire: Wire) -> None:
    answer = wire.post("/api/v1/sessions", body("sessionStart"))
    *first, location, cors_1, cors_2, cors_3, cors_4 = lines(answer)
    assert first == [
        "HTTP/1.1 201 Created", "Server: nginx/1.13.5", "Date: <date>", "Content-Type: application/octet-stream",
        "Content-Length: 0", "Connection: keep-alive",
    ]  # fmt: skip
    assert re.fullmatch("Location: /api/v1/sessions/[0-9a-f]{64}", location)
    assert [cors_1, cors_2, cors_3, cors_4] == CORS


def test_a_schema_is_exactly_the_documented_lines_and_carries_the_host_it_was_asked_for(wire: Wire) -> None:
    wire.send(b"GET /api/v1/schemas/ping HTTP/1.1\r\nHost: collect.example:81\r\n\r\n")
    answer = wire.answer()
    document = answer.partition(b"\r\n\r\n")[2]
    assert lines(answer) == [
        "HTTP/1.1 200 OK", "Server: nginx/1.13.5", "Date: <date>", "Content-Type: application/json",
        f"Content-Length: {len(document)}", "Connection: keep-alive",
    ]  # fmt: skip
    assert json.loads(document)["id"] == "http://collect.example:81/api/v1/schemas/ping"


def test_an_error_has_the_schemas_lines_then_cors(wire: Wire) -> None:
    sid = "0" * 64
    answer = wire.post(f"/api/v1/sessions/{sid}/events", body("play"))
    document = answer.partition(b"\r\n\r\n")[2]
    assert lines(answer) == [
        "HTTP/1.1 404 Not Found", "Server: nginx/1.13.5", "Date: <date>", "Content-Type: application/json",
        f"Content-Length: {len(document)}", "Connection: keep-alive", *CORS,
    ]  # fmt: skip
    assert sid in json.loads(document)["message"]


def test_preflights_pass_on_every_path(wire: Wire) -> None:
    for path in ("sessions", f"sessions/{'a' * 64}/events", "downloaded", "schemas/ping"):
        wire.send(
            f"OPTIONS /api/v1/{path} HTTP/1.1\r\nHost: x\r\nOrigin: http://player.example\r\n"
            "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n".encode()
        )
        answer = lines(wire.answer())
        assert answer[0] == "HTTP/1.1 204 No Content"
        assert answer[-4:] == CORS


@pytest.mark.parametrize(
    ("option", "asked", "granted"),
    [(True, "true", True), (True, "false", False), (True, None, False), (False, "true", False)],
)
def test_a_private_network_is_granted_only_by_the_option_and_only_to_who_asks(
    option: bool, asked: str | None, granted: bool
) -> None:
    line = f"Access-Control-Request-Private-Network: {asked}\r\n" if asked else ""
    with McmockServer(cors_private_network=option) as server, Wire(server.url) as wire:
        wire.send(
            "OPTIONS /api/v1/sessions HTTP/1.1\r\nHost: x\r\nOrigin: https://player.example\r\n"
            f"Access-Control-Request-Method: POST\r\n{line}\r\n".encode()
        )
        assert ("Access-Control-Allow-Private-Network: true" in lines(wire.answer())) is granted
        wire.send(f"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\n{line}Content-Length: 0\r\n\r\n".encode())
        assert "Access-Control-Allow-Private-Network: true" not in lines(wire.answer())


def test_pipelined_requests_are_answered_in_order_on_one_connection(wire: Wire) -> None:
    sid = open_session(wire)
    bodies = [json.dumps(body(name)).encode() for name in ("play", "nonsense", "ping")]
    wire.send(
        b"".join(
            f"POST /api/v1/sessions/{sid}/events HTTP/1.1\r\nHost: x\r\nContent-Length: {len(text)}\r\n\r\n".encode()
            + text
            for text in bodies
        )
    )
    assert [wire.answer().split(b" ")[1] for _ in bodies] == [b"204", b"400", b"204"]
    assert wire.post(f"/api/v1/sessions/{sid}/events", body("ping")).startswith(b"HTTP/1.1 204")


def test_a_bad_ts_is_refused_by_name(wire: Wire) -> None:
    sid = open_session(wire)
    value = body("ping")
    value["playerTime"]["ts"] = "soon"
    answer = wire.post(f"/api/v1/sessions/{sid}/events", value)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    message = json.loads(answer.partition(b"\r\n\r\n")[2])["message"]
    assert message == 'playerTime.ts must be an integer, but the string "soon" was sent'


def test_a_request_that_asks_for_close_is_closed(wire: Wire) -> None:
    answer = wire.post("/api/v1/sessions", body("sessionStart"), "Connection: close")
    assert "Connection: close" in lines(answer)
    assert wire.rest() == b""


def test_every_request_is_in_the_log_before_its_answer(mcmock_server: McmockServer, wire: Wire) -> None:
    for number in range(1, 20):
        wire.post("/api/v1/sessions", b"{")
        assert mcmock_server.summary().total == number


def test_bytes_that_are_no_http_are_answered_and_logged(mcmock_server: McmockServer, wire: Wire) -> None:
    wire.send(b"\x16\x03\x01 hello\r\n\r\n")
    assert wire.rest().startswith(b"HTTP/1.1 400 Bad Request\r\nServer: nginx/1.13.5")
    assert mcmock_server.request(verdict="malformed").findings[0].rule == "not-http"


def test_a_header_that_never_ends_is_logged(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.send(b"POST /api/v1/sessions HTTP/1.1\r\nHost: x")
    (found,) = mcmock_server.wait_for(verdict="malformed")
    assert (found.method, found.path) == ("POST", "/api/v1/sessions")


def test_a_body_that_stops_half_way_is_logged(mcmock_server: McmockServer, caplog: pytest.LogCaptureFixture) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.send(b'POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"eventType":')
    (found,) = mcmock_server.wait_for(verdict="malformed")
    assert found.body_bytes == b'{"eventType":'
    assert found.findings[0].rule == "body-incomplete"
    with Wire(mcmock_server.url) as another:
        another.post("/api/v1/sessions", b"")
    assert caplog.records == [], "nothing about it on the server's own log"


def test_a_body_past_the_limit_is_answered_413_with_cors(mcmock_server: McmockServer, wire: Wire) -> None:
    wire.send(b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
    answer = lines(wire.answer())
    assert answer[0] == "HTTP/1.1 413 Request Entity Too Large"
    assert answer[-4:] == CORS
    assert mcmock_server.request(status=413).verdict == "malformed"


# -- many connections at once ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_connections_that_come_at_once_are_taken_in_few_turns(loop: str) -> None:
    """Taken one in a turn, the last would wait for the requests of all others."""
    made = pytest.importorskip(loop, reason="uvloop is not installed").new_event_loop
    many = 2 * AT_ONCE

    async def wait() -> int:
        service = Service(Emulator(seed=1))
        await service.start()
        address = ("127.0.0.1", service.port)
        with contextlib.ExitStack() as stack:
            for _ in range(many):
                stack.enter_context(socket.create_connection(address))  # the backlog takes it: the loop stands still
            turns = 0
            while service._server is not None and len(service._server.connections) < many:
                await asyncio.sleep(0)
                turns += 1
        await service.stop()
        return turns

    with asyncio.Runner(loop_factory=made) as runner:
        assert runner.run(wait()) <= many / AT_ONCE + 8
