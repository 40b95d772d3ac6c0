"""Whatever a client sends: the API's own answer, in the log, and the next request on a new connection is fine."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
import socket
import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mcmock.server import connection, http_io
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, body

pytestmark = pytest.mark.mcmock(fail_on="never")

START = json.dumps(body("sessionStart")).encode()
PING = json.dumps(body("ping")).encode()
SESSIONS = "/api/v1/sessions"


@pytest.fixture(autouse=True)
def still_fine(mcmock_server: McmockServer) -> Iterator[None]:
    """After every test of this file, a new connection works and nothing of ours has failed."""
    yield
    with Wire(mcmock_server.url) as wire:
        assert wire.post(SESSIONS, START).startswith(b"HTTP/1.1 201 ")
    assert mcmock_server.summary().broken == 0


def request(
    text: bytes = START,
    *lines: str,
    method: str = "POST",
    path: str = SESSIONS,
    version: str = "1.1",
    length: bool = True,
) -> bytes:
    head = [f"{method} {path} HTTP/{version}", "Host: x", *([f"Content-Length: {len(text)}"] if length else []), *lines]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + text


def exchange(server: McmockServer, raw: bytes) -> tuple[int, str]:
    """Send `raw` on a connection of its own; the status of the answer and its message, if it has one."""
    with Wire(server.url) as wire:
        wire.send(raw)
        answer = wire.answer()
    text = answer.partition(b"\r\n\r\n")[2]
    return int(answer[9:12]), json.loads(text)["message"] if text else ""


# -- bodies ---------------------------------------------------------------------------------------------------------------

EVENT = '{"eventType":"ping","playerTime":{"playhead":%s,"ts":%s}}'

BODIES: dict[str, tuple[bytes, str]] = {
    "broken JSON": (b'{"eventType":', "the body is not JSON"),
    "an array": (b"[]", "the body must be an object, but an array without entries was sent"),
    "a string": (b'"ping"', 'the body must be an object, but the string "ping" was sent'),
    "null": (b"null", "the body must be an object, but null was sent"),
    "a number": (b"5", "the body must be an object, but the integer 5 was sent"),
    "true": (b"true", "the body must be an object, but the boolean true was sent"),
    "nothing": (b"", "the body is empty"),
    "blanks": (b"  \n", "the body is not JSON"),
    "NaN": ((EVENT % ("NaN", 1)).encode(), "NaN"),
    "Infinity": ((EVENT % ("Infinity", 1)).encode(), "Infinity"),
    "-Infinity": ((EVENT % ("-Infinity", 1)).encode(), "-Infinity"),
    "1e400": ((EVENT % ("1e400", 1)).encode(), "too large"),
    "5,000 digits": ((EVENT % (0, "1" * 5000)).encode(), "too large"),
    "5,000 digits below 0": ((EVENT % (0, "-" + "9" * 5000)).encode(), "too large"),
    "100,000 arrays": (b"[" * 100_000, "nested"),
    "100,000 closed arrays": (b"[" * 100_000 + b"]" * 100_000, "nested"),
    "100,000 objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested"),
    "invalid UTF-8": (b'{"eventType":"\xff"}', "UTF-8"),
    "an overlong UTF-8 slash": (b'{"eventType":"\xc0\xaf"}', "UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf" + PING, "begins with a byte order mark"),
    "UTF-16": (PING.decode().encode("utf-16"), "it looks like UTF-16"),
    "UTF-16 without a mark": (PING.decode().encode("utf-16-le"), "it looks like UTF-16"),
    "UTF-32, big end first": (PING.decode().encode("utf-32-be"), "it looks like UTF-16 or UTF-32"),
    "half a surrogate pair": (b'{"eventType":"\\ud800"}', "surrogate"),
    "a control character": (b'{"eventType":"\x01"}', "the body is not JSON"),
    "two values": (PING + PING, "the body is not JSON"),
    "single quotes": (b"{'eventType':'ping'}", "the body is not JSON"),
    "a form": (b"eventType=ping&ts=1", "the body is not JSON"),
    "gzip without saying so": (gzip.compress(PING), "it looks like gzip"),
    "a time of 22 digits": ((EVENT % (0, "1" * 22)).encode(), "playerTime.ts must be an integer that 64 bits can hold"),
}


@pytest.mark.parametrize(("sent", "said"), [pytest.param(*case, id=name) for name, case in BODIES.items()])
def test_a_body_that_is_no_event_is_refused_by_name(
    mcmock_server: McmockServer, wire: Wire, sent: bytes, said: str
) -> None:
    sid = re.search(rb"sessions/(\w{64})", wire.post(SESSIONS, START))
    assert sid
    path = f"{SESSIONS}/{sid[1].decode()}/events"
    status, message = exchange(mcmock_server, request(sent, path=path))
    assert status == 400
    assert said in message, message
    found = mcmock_server.request(verdict="malformed")
    assert (found.status, found.body_bytes, found.session_id) == (400, sent, sid[1].decode())
    assert wire.post(path, PING).startswith(b"HTTP/1.1 204 "), "the session is as open as before"


def test_keys_sent_twice_are_found_and_the_last_one_counts(mcmock_server: McmockServer) -> None:
    raw = START.replace(b'"eventType"', b'"eventType": "play", "eventType"', 1)
    assert exchange(mcmock_server, request(raw, "Content-Type: application/json")) == (201, "")
    (finding,) = mcmock_server.request(event="sessionStart").findings
    assert (finding.rule, finding.severity) == ("duplicate-key", "warning")


def wide(doubled: str) -> bytes:
    """A ping of 40,000 keys it does not know; the key `doubled` stands in it twice, if it is one of them."""
    text = json.dumps(body("ping", **{f"key{number}": number for number in range(40_000)}))
    return text.replace(f'"{doubled}"', f'"{doubled}": 0, "{doubled}"').encode()


@pytest.mark.parametrize("doubled", ["none", "key7"])
def test_a_very_wide_body_is_judged_in_time_and_named_in_short(
    mcmock_server: McmockServer, wire: Wire, doubled: str
) -> None:
    """In time means: before this client's socket gives up."""
    sid = re.search(rb"sessions/(\w{64})", wire.post(SESSIONS, START))
    assert sid
    path = f"{SESSIONS}/{sid[1].decode()}/events"
    status, message = exchange(mcmock_server, request(wide(doubled), path=path))
    assert status == 400
    assert re.search(r"and at least 9\d\d more$", message)
    assert len(message) < 2000
    rules = {one.rule for one in mcmock_server.request(verdict="malformed").findings}
    assert ("duplicate-key" in rules) is (doubled != "none")


def test_a_body_past_the_limit_is_answered_413_and_the_connection_is_closed_cleanly(
    mcmock_server: McmockServer,
) -> None:
    """The client sends all of it before it reads: a connection torn down at once would lose it the answer."""
    with Wire(mcmock_server.url) as wire:
        wire.send(request(b"[" + b" " * 5_000_000 + b"]"))
        answer = wire.rest()
    assert answer.startswith(b"HTTP/1.1 413 Request Entity Too Large\r\n")
    assert b"\r\nAccess-Control-Allow-Origin: *\r\n" in answer
    assert b"\r\nConnection: close\r\n" in answer
    (found,) = mcmock_server.requests()
    assert (found.verdict, found.findings[0].rule) == ("malformed", "body-too-large")


def test_a_chunked_body_past_the_limit_is_answered_413(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.send(request(b"", "Transfer-Encoding: chunked", length=False))
        for _ in range(30):
            wire.send(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        wire.send(b"0\r\n\r\n")
        assert wire.rest().startswith(b"HTTP/1.1 413 ")
    assert mcmock_server.request(status=413).body_bytes == b" " * (1024 * 1024)


def test_a_body_of_exactly_the_limit_is_read(mcmock_server: McmockServer) -> None:
    text = START + b" " * (1024 * 1024 - len(START))
    assert exchange(mcmock_server, request(text)) == (201, "")
    assert exchange(mcmock_server, request(text + b" "))[0] == 413


def test_a_body_that_stops_and_never_goes_on_is_answered_408(
    mcmock_server: McmockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_io, "BODY_PAUSE", 0.05)
    with Wire(mcmock_server.url) as wire:
        wire.send(b'POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"eventType":')
        answer = wire.rest()
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    found = mcmock_server.request(status=408)
    assert (found.verdict, found.body_bytes) == ("malformed", b'{"eventType":')


@pytest.mark.parametrize("packed", [gzip.compress(START), zlib.compress(START)], ids=["gzip", "deflate"])
def test_a_compressed_body_is_refused_whole(mcmock_server: McmockServer, packed: bytes) -> None:
    """No client of this API sends one, so nothing is inflated and no bomb can go off."""
    encoding = "gzip" if packed[:2] == b"\x1f\x8b" else "deflate"
    status, message = exchange(mcmock_server, request(packed, f"Content-Encoding: {encoding}"))
    assert (status, message) == (415, f"a body in {encoding} is not taken: send it as it is")
    assert mcmock_server.request(status=415).findings[0].rule == "body-encoded"


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_identity_is_no_compression(mcmock_server: McmockServer, encoding: str) -> None:
    assert exchange(mcmock_server, request(START, f"Content-Encoding: {encoding}")) == (201, "")


def test_a_second_line_of_encodings_is_read(mcmock_server: McmockServer) -> None:
    lines = ("Content-Encoding: identity", "Content-Encoding: gzip")
    refused = (415, "a body in identity, gzip is not taken: send it as it is")
    assert exchange(mcmock_server, request(gzip.compress(START), *lines)) == refused


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "nonsense", "application/JSON", ""],
)
def test_any_content_type_is_taken(mcmock_server: McmockServer, content_type: str | None) -> None:
    lines = [] if content_type is None else [f"Content-Type: {content_type}"]
    assert exchange(mcmock_server, request(START, *lines)) == (201, "")
    rules = [finding.rule for finding in mcmock_server.request(event="sessionStart").findings]
    assert rules == ([] if content_type == "application/JSON" else ["content-type"])


# -- paths and methods ----------------------------------------------------------------------------------------------------

ROUTES: dict[str, tuple[str, str, int]] = {
    "unknown path": ("POST", "/api/v1/nothing", 404),
    "root": ("GET", "/", 404),
    "the typing mistake of one page": ("POST", f"/api/v1/{'a' * 64}/events", 404),
    "PUT, which is advertised": ("PUT", SESSIONS, 405),
    "GET": ("GET", SESSIONS, 405),
    "DELETE": ("DELETE", f"{SESSIONS}/{'a' * 64}/events", 405),
    "PATCH": ("PATCH", "/api/v1/downloaded", 405),
    "POST of a schema": ("POST", "/api/v1/schemas/ping", 405),
    "TRACE": ("TRACE", SESSIONS, 405),
    "OPTIONS of the server": ("OPTIONS", "*", 404),
    "double slash": ("POST", "//api/v1/sessions", 404),
    "double slash inside": ("POST", f"{SESSIONS}/{'a' * 64}//events", 404),
    "dot segments": ("POST", "/api/v1/../v1/sessions", 404),
    "percent-encoded": ("POST", "/api/v1/%73essions", 201),
    "percent-encoded badly": ("POST", "/api/v1/sessions%zz", 404),
    "percent-encoded bytes": ("POST", "/api/v1/%ff%fe", 404),
    "a query": ("POST", "/api/v1/sessions?x=1&y", 201),
    "a slash at the end": ("POST", "/api/v1/sessions/", 201),
    "absolute form": ("POST", "http://collect.example/api/v1/sessions", 201),
    "absolute form of https": ("POST", "https://collect.example/api/v1/sessions", 201),
    "8 KB": ("POST", "/" + "a" * 8192, 404),
    "8 KB behind the API": ("POST", f"{SESSIONS}/{'a' * 8192}/events", 400),
    "64 KB and more": ("POST", "/" + "a" * 70_000, 414),
    "another schema": ("GET", "/api/v1/schemas/nothing", 404),
}


@pytest.mark.parametrize(("method", "path", "status"), [pytest.param(*case, id=name) for name, case in ROUTES.items()])
def test_paths_and_methods(mcmock_server: McmockServer, method: str, path: str, status: int) -> None:
    assert exchange(mcmock_server, request(START, method=method, path=path))[0] == status
    (found,) = mcmock_server.requests()
    assert (found.method, found.status) == (method, status)
    assert found.path == path if len(path) < 8192 else path.startswith(found.path[:8000])


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), (SESSIONS, 405), ("/api/v1/schemas/ping", 200)])
def test_head_is_answered_as_a_plain_server_would_without_a_body(
    mcmock_server: McmockServer, path: str, status: int
) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.send(request(b"", "Connection: close", method="HEAD", path=path, length=False))
        head, _, rest = wire.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert rest == b""
    length = re.search(rb"Content-Length: (\d+)", head)
    assert length
    assert int(length[1]) > 0


def test_an_answer_of_405_says_what_is_allowed(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.send(request(method="PUT"))
        assert b"\r\nAllow: POST, OPTIONS\r\n" in wire.answer()


@pytest.mark.parametrize("sid", ["a", "a" * 63, "a" * 65, "A" * 64, "1482236761294786918253", "%00", "..", "ä", "a+b"])
def test_a_session_id_of_another_shape_is_unknown(mcmock_server: McmockServer, sid: str) -> None:
    raw = request(PING, path=f"{SESSIONS}/{sid}/events")
    status, _ = exchange(mcmock_server, raw)
    assert status == (400 if sid == "ä" else 404)  # bytes past ASCII are no request target at all


# -- HTTP itself ----------------------------------------------------------------------------------------------------------

HTTP: dict[str, tuple[bytes, int]] = {
    "HTTP/1.0": (request(version="1.0"), 201),
    "HTTP/1.0 that stays": (request(START, "Connection: keep-alive", version="1.0"), 201),
    "HTTP/0.9": (b"GET /\r\n\r\n", 404),
    "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", 404),
    "CONNECT to nowhere": (b"CONNECT \r\nHost: x\r\n\r\n", 400),
    "HTTP/3.7": (request(version="3.7"), 400),
    "a hundred headers": (request(START, *(f"X-{number}: {number}" for number in range(100))), 201),
    "a thousand headers": (request(START, *(f"X-{number}: {number}" for number in range(1000))), 431),
    "a long header": (request(START, "X: " + "a" * 60_000), 201),
    "a longer header": (request(START, "X: " + "a" * 70_000), 431),
    "chunked": (
        request(b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (9, START[:9], len(START) - 9, START[9:]),
                "Transfer-Encoding: chunked", length=False), 201,
    ),
    "a chunk that is none": (request(b"zz\r\n", "Transfer-Encoding: chunked", length=False), 400),
    "a second chunk that is none": (request(b"2\r\n{}\r\nzz\r\n", "Transfer-Encoding: chunked", length=False), 400),
    "chunked and a length": (request(b"0\r\n\r\n", "Transfer-Encoding: chunked"), 400),
    "two lengths": (request(START, "Content-Length: 3"), 400),
    "a length below 0": (request(START, "Content-Length: -1", length=False), 400),
    "no host": (b"POST /api/v1/sessions HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400),
    "two hosts": (request(START, "Host: y"), 400),
    "an upgrade to h2c, as the JVM's client asks": (
        request(START, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"), 201,
    ),
    "an upgrade to WebSocket": (request(START, "Connection: Upgrade", "Upgrade: websocket"), 201),
    "an expectation nobody knows": (request(START, "Expect: tea"), 201),
    "empty lines first": (b"\r\n\r\n" + request(), 201),
    "an unknown method": (request(method="BREW"), 400),
    "a method in small letters": (request(method="post"), 400),
    "TLS on the plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a folded header": (request(START, "X: a\r\n b"), 400),
    "a space before the colon": (request(START, "X : a"), 400),
    "a host that is none": (request(path="http://[::1"), 400),
    "300 KB of one letter": (b"x" * 300_000, 400),
    "zeros": (b"\0" * 100, 400),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "status"), [pytest.param(*case, id=name) for name, case in HTTP.items()])
def test_http_in_all_its_forms(mcmock_server: McmockServer, raw: bytes, status: int) -> None:
    assert exchange(mcmock_server, raw)[0] == status
    (found,) = mcmock_server.requests()
    assert found.status == status
    if status == 201:
        assert found.body_bytes == START
    else:
        rule = found.findings[0].rule if found.findings else None
        assert rule == {404: None, 431: "head-too-large"}.get(status, rule if rule == "body-incomplete" else "not-http")


def test_a_refusal_is_the_last_answer_of_its_connection_and_a_client_that_still_writes_can_read_it(
    mcmock_server: McmockServer,
) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.send(b"nonsense\r\n\r\n" + b"x" * 200_000)
        answer = wire.rest()
        wire.send(b"more of it")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    assert mcmock_server.summary().total == 1


def test_a_client_that_never_goes_is_left_after_a_while(
    mcmock_server: McmockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LINGER", 0.05)
    with Wire(mcmock_server.url) as wire:
        wire.send(b"nonsense\r\n\r\n")
        wire.rest()
        with pytest.raises(OSError, match=r"reset|Broken pipe"):  # noqa: PT012 -- the first write may still go through
            while True:
                wire.send(b"x" * 1000)


def test_100_continue_is_said_only_when_the_body_is_wanted(wire: Wire) -> None:
    head = request(b"", "Expect: 100-continue", f"Content-Length: {len(START)}", length=False)
    wire.send(head)
    assert wire.answer() == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(START)
    assert wire.answer().startswith(b"HTTP/1.1 201 ")
    wire.send(request(b"", "Expect: 100-continue", "Content-Length: 99999999", length=False))
    assert wire.answer().startswith(b"HTTP/1.1 413 ")


def test_http_1_0_is_closed_after_its_answer(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.send(request(version="1.0"))
        assert b"\r\nConnection: close\r\n" in wire.rest()


def test_a_body_in_single_bytes(wire: Wire) -> None:
    for byte in request(START[:200]):
        wire.send(bytes([byte]))
    assert wire.answer().startswith(b"HTTP/1.1 400 ")
    assert wire.post(SESSIONS, START).startswith(b"HTTP/1.1 201 ")


def test_what_comes_behind_a_whole_request_and_never_ends_is_answered_and_logged(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.send(request() + b"POST /api/v1/sess")
        wire.finish()
        assert wire.answer().startswith(b"HTTP/1.1 201 ")
        answer = wire.rest()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Access-Control-Allow-Origin: *\r\n" in answer
    assert b"the connection ended before the header did" in answer
    (found,) = mcmock_server.wait_for(rule="not-http")
    assert found.delivery == "sent"


def test_a_head_whose_connection_is_gone_is_logged(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        wire.send(b"POST /api/v1/sess")
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes by a reset
    (found,) = mcmock_server.wait_for(rule="not-http")
    assert found.delivery == "client_gone"


def test_a_connection_without_a_request_is_no_request(mcmock_server: McmockServer, wire: Wire) -> None:
    with Wire(mcmock_server.url):
        pass
    with Wire(mcmock_server.url) as other:
        other.send(request())
        other.answer()
    wire.post(SESSIONS, START)
    assert mcmock_server.summary().total == 2


# -- anything at all ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def on_uvloop() -> Iterator[McmockServer]:
    """The loop that `mcmock serve` runs on where the extra `speed` is installed."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "new_event_loop", uvloop.new_event_loop)
        server = McmockServer()
    with server:
        yield server


@pytest.mark.parametrize(("raw", "status"), [pytest.param(*case, id=name) for name, case in HTTP.items()])
def test_uvloop_answers_alike(on_uvloop: McmockServer, raw: bytes, status: int) -> None:
    on_uvloop.reset()
    with Wire(on_uvloop.url) as wire:
        wire.send(raw)
        wire.finish()
        answer = wire.rest()
    assert int(answer[9:12]) == status
    assert [one.status for one in on_uvloop.requests()] == [status]


@pytest.mark.parametrize("text", [b"nonsense\r\n\r\n" + b"x" * 200_000, request(b"[" + b" " * 5_000_000 + b"]")])
def test_uvloop_lets_a_client_read_its_last_answer(on_uvloop: McmockServer, text: bytes) -> None:
    with Wire(on_uvloop.url) as wire:
        wire.send(text)
        assert wire.rest().startswith(b"HTTP/1.1 4")


PIECES = [
    b"POST /api/v1/sessions HTTP/1.1\r\n",
    b"POST /api/v1/sessions/" + b"a" * 64 + b"/events HTTP/1.1\r\n",
    b"GET / HTTP/1.0\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"CONNECT x:1 HTTP/1.1\r\n",
    b"POST http://[ HTTP/1.1\r\n",
    b"Host: x\r\n",
    b"Connection: close\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"\r\n",
    b"\n",
    b"{}",
    b"\x16\x03",
    START,
    request(),
    request(PING),
]
ANYTHING = st.one_of(
    st.binary(min_size=1, max_size=300),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), min_size=1).map(b"".join),
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=ANYTHING.filter(bool), cuts=st.lists(st.integers(0, 300), max_size=3))
@example(raw=b"\r", cuts=[])
@example(raw=b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", cuts=[20])
@example(raw=request() + request()[:30], cuts=[])
def test_no_byte_string_goes_unlogged_or_unanswered(mcmock_server: McmockServer, raw: bytes, cuts: list[int]) -> None:
    """Sent in any pieces: something is in the log, it was answered, and the next one is fine."""
    send_anything(mcmock_server, raw, cuts)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=ANYTHING.filter(bool), cuts=st.lists(st.integers(0, 300), max_size=3))
def test_none_does_on_uvloop(on_uvloop: McmockServer, raw: bytes, cuts: list[int]) -> None:
    send_anything(on_uvloop, raw, cuts)


def send_anything(server: McmockServer, raw: bytes, cuts: list[int]) -> None:
    server.reset()
    with Wire(server.url) as wire:
        with contextlib.suppress(OSError):  # an answer may have ended the connection before all was sent
            for piece in split(raw, cuts):
                wire.send(piece)
        wire.finish()
        answered = wire.rest()
    logged = server.wait_for(timeout=2)
    assert answered.startswith(b"HTTP/1.1 ")
    assert not [one for one in logged if one.verdict == "broken"]
    with Wire(server.url) as wire:
        assert wire.post(SESSIONS, START).startswith(b"HTTP/1.1 201 ")


def split(raw: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(raw)}), len(raw)]
    return [raw[start:end] for start, end in pairwise(places)]
