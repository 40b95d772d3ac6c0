"""The fast path changes how soon an answer comes, never the answer, the log, or the connection."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import socket
import struct
import threading
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import differential
import pytest

from mcmock import faults
from mcmock.protocols.media_collection import schemas
from mcmock.protocols.media_collection.protocol import MediaCollection
from mcmock.server import connection
from mcmock.server import fast_path as fast_path_module
from mcmock.server.fast_path import MAX_BLOCK, FastPath, FastRequest
from mcmock.server.pieces import Pieces
from mcmock.server.request_counts import RequestCounts
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, body
from tests.server.test_server import open_session

HEADERS = ("Content-Type: application/json", "User-Agent: a player")

PROTOCOLS = [MediaCollection()]


def raw(sid: str, value: Any, *more: str) -> bytes:
    text = json.dumps(value).encode() if not isinstance(value, bytes) else value
    lines = (
        f"POST /api/v1/sessions/{sid}/events HTTP/1.1",
        "Host: 127.0.0.1",
        *HEADERS,
        f"Content-Length: {len(text)}",
    )
    return "\r\n".join((*lines, *more)).encode() + b"\r\n\r\n" + text


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For every packet read while idle, whether the fast path took it."""
    seen: list[bool] = []
    read = FastPath.read

    def watched(self: FastPath, data: bytes, latest: Any = None) -> Any:
        plain = read(self, data, latest)
        seen.append(isinstance(plain, FastRequest))
        return plain

    monkeypatch.setattr(FastPath, "read", watched)
    return seen


def test_the_second_packet_of_its_kind_takes_the_fast_path(wire: Wire, taken: list[bool]) -> None:
    sid = open_session(wire)
    for number in range(3):
        wire.send(raw(sid, body("ping", number)))
        assert wire.answer().startswith(b"HTTP/1.1 204 ")
    assert taken[-2:] == [True, True]


VALUES = [
    body("play"), body("ping", 1, qoeData={"media.qoe.bitrate": 3200}), {**body("ping"), "playerTime": {"playhead": 1}}, b"{",
    b"\xff\xfe", {**body("play"), "params": {"no": "such"}}, body("sessionEnd"), body("ping"),
]  # fmt: skip


def test_both_ways_give_the_same_bytes_and_the_same_log(
    mcmock_server: McmockServer, taken: list[bool], packets: Packets
) -> None:
    told = []
    for fast in (False, True):
        mcmock_server.reset()
        mcmock_server.clock.freeze()
        with Wire(mcmock_server.url) as wire:
            sid = open_session(wire)
            answers = []
            for value in VALUES:
                if fast:  # a session of its own teaches the fast path this header block
                    wire.send(raw(open_session(wire), value))
                    wire.answer()
                packet = raw(sid, value)
                taken.clear()
                packets.send(wire, *((packet,) if fast else (packet[:50], packet[50:])))
                answer = wire.answer().replace(sid.encode(), b"<sid>")
                answers.append([line for line in answer.split(b"\r\n") if not line.startswith(b"Date:")])
                assert any(taken) is fast
            log = [
                (one.event_type, one.verdict, one.status, one.request_headers, one.body_bytes)
                for one in mcmock_server.requests(session=sid)
            ]
            told.append((answers, log))
    assert len(told[0][1]) == len(VALUES) + 1
    assert told[0] == told[1]


CLOSE = "Connection: close"


def rest_of(wire: Wire) -> bytes:
    """All that comes until the other end of the connection."""
    return b"".join(iter(lambda: wire.socket.recv(65536), b""))


def dateless(answer: bytes) -> list[bytes]:
    return [line for line in answer.split(b"\r\n") if not line.startswith(b"Date:")]


@pytest.mark.parametrize(
    ("case", "value"),
    [("plain", body("ping")), ("finding", body("ping", qoeData={"media.qoe.bitrate": 3_000_000})), ("refused", b"{")],
)
def test_an_answer_after_which_the_connection_goes_is_the_same_both_ways(
    mcmock_server: McmockServer, wire: Wire, taken: list[bool], case: str, value: Any
) -> None:
    sid = open_session(wire)
    told = []
    for _ in range(3):
        with Wire(mcmock_server.url) as once:
            once.send(raw(sid, value, CLOSE, f"X-Case: {case}"))
            told.append(dateless(rest_of(once)))
    assert taken[-3:] == [False, True, True]
    assert told[0] == told[1] == told[2]
    assert b"Connection: close" in told[0]
    *_, slow, first, second = mcmock_server.requests(session=sid)
    assert {(one.status, one.delivery, one.response_headers[0]) for one in (slow, first, second)} == {
        (slow.status, "sent", slow.response_headers[0])
    }


def test_a_fault_that_delays_an_answer_ends_the_connection_behind_it(
    mcmock_server: McmockServer, wire: Wire, taken: list[bool]
) -> None:
    sid = open_session(wire)
    for _ in range(2):
        with Wire(mcmock_server.url) as once:
            once.send(raw(sid, body("ping"), CLOSE))
            rest_of(once)
    mcmock_server.faults.add(faults.delay(5))
    with Wire(mcmock_server.url) as once:
        once.send(raw(sid, body("ping"), CLOSE))
        mcmock_server.wait_for(event="ping", count=3)
        mcmock_server.clock.advance(5)
        assert rest_of(once).startswith(b"HTTP/1.1 204 ")
    assert taken[-1]


@pytest.mark.parametrize(
    "extra",
    ["Expect: 100-continue", "Content-Encoding: gzip", "Upgrade: h2c"],
)
def test_a_header_that_asks_for_more_never_takes_the_fast_path(wire: Wire, taken: list[bool], extra: str) -> None:
    sid = open_session(wire)
    fast_path = FastPath(1000, PROTOCOLS)
    message = raw(sid, body("ping"), extra)
    assert fast_path.read(message) is None
    wire.send(message)
    wire.answer()
    taken.clear()
    with Wire(f"http://127.0.0.1:{wire.socket.getpeername()[1]}") as again:
        again.send(message)
        again.answer()
    assert taken == [False]


def test_a_longer_body_than_the_header_says_does_not_take_the_fast_path(wire: Wire, taken: list[bool]) -> None:
    sid = open_session(wire)
    one = raw(sid, body("ping"))
    wire.send(one)
    wire.answer()
    wire.send(one + one)
    assert wire.answer().startswith(b"HTTP/1.1 204 ")
    assert wire.answer().startswith(b"HTTP/1.1 204 ")
    assert taken[-1] is False


class Message:
    """What aiohttp would say of `raw("0" * 64, b"{}", *more)`."""

    should_close = upgrade = False

    def __init__(self, *more: str, length: int = 2) -> None:
        lines = ("Host: 127.0.0.1", *HEADERS, f"Content-Length: {length}", *more)
        pairs = [line.partition(": ")[::2] for line in lines]
        self.headers = dict(pairs)
        self.raw_headers = tuple((name.encode(), value.encode()) for name, value in pairs)


def knows(fast_path: FastPath, *more: str) -> bool:
    return fast_path.read(raw("0" * 64, b"{}", *more)) is not None


def teach(fast_path: FastPath, *more: str) -> None:
    fast_path.learn(raw("0" * 64, b"{}", *more), Message(*more))


def test_the_fast_path_forgets_rather_than_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_path_module, "MAX_BYTES", 100_000)
    fast_path = FastPath(1000, PROTOCOLS)
    tracemalloc.start()
    try:
        for number in range(5000):
            teach(fast_path, f"X-Number: {number}")
            assert knows(fast_path, f"X-Number: {number}")
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 150_000, "it takes what it says"
    finally:
        tracemalloc.stop()
    assert not knows(fast_path, "X-Number: 0")


def test_many_short_headers_count_for_what_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """4 kB of header lines are some 100 kB of objects."""
    monkeypatch.setattr(fast_path_module, "MAX_BYTES", 1_000_000)
    fast_path = FastPath(1000, PROTOCOLS)
    tracemalloc.start()
    try:
        for number in range(300):
            teach(fast_path, *(f"{one}: {number}" for one in range(400)))
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 1_500_000
    finally:
        tracemalloc.stop()


def test_the_longest_block_is_learnt_and_no_longer_one() -> None:
    fast_path = FastPath(1000, PROTOCOLS)
    for length, learnt in ((MAX_BLOCK, True), (MAX_BLOCK + 1, False)):
        block = len(raw("0" * 64, b"{}", "X: ").partition(b"\r\n")[2]) - len(b"\r\n\r\n{}")
        header = "X: " + "y" * (length - block)
        teach(fast_path, header)
        assert knows(fast_path, header) is learnt


def test_a_head_of_5_kilobytes_is_not_learnt(wire: Wire, taken: list[bool]) -> None:
    sid = open_session(wire)
    taken.clear()
    for _ in range(3):
        wire.send(raw(sid, body("ping"), "X: " + "y" * 5000))
        assert wire.answer().startswith(b"HTTP/1.1 204 ")
    assert not any(taken)


def test_a_block_is_learnt_only_if_its_lines_say_what_aiohttp_said() -> None:
    fast_path = FastPath(1000, PROTOCOLS)
    fast_path.learn(raw("0" * 64, b"{}"), Message("X: of somebody else"))
    fast_path.learn(raw("0" * 64, b"{}").replace(b"Content-Length: 2\r\n", b""), Message())
    fast_path.learn(raw("0" * 64, b"{}") + b"more", Message())
    assert not knows(fast_path)
    teach(fast_path)
    assert knows(fast_path)


def test_a_block_with_another_length_is_known(wire: Wire, taken: list[bool]) -> None:
    sid = open_session(wire)
    wire.send(raw(sid, body("ping")))
    wire.answer()
    taken.clear()
    for number in (9, 10, 100_000, 2.5):
        wire.send(raw(sid, body("ping", number)))
        assert wire.answer().startswith(b"HTTP/1.1 204 ")
    assert taken == [True] * 4


ODD_LENGTHS = {
    "a zero before it": b"Content-Length: 0%d", "a sign before it": b"Content-Length: +%d",
    "twice": b"Content-Length: %d\r\nContent-Length: 2", "a byte more than a body may have": b"Content-Length: 1001",
    "of eight digits": b"Content-Length: 100000%02d", "in another header": b"X-Content-Length: %d",
    "behind a bare line end": b"X: y\nContent-Length: %d", "and nothing behind it": b"Content-Length: %dx",
}  # fmt: skip


@pytest.mark.parametrize("line", ODD_LENGTHS.values(), ids=ODD_LENGTHS)
def test_only_a_plain_length_is_taken_for_another_length(line: bytes) -> None:
    fast_path = FastPath(1000, PROTOCOLS)
    teach(fast_path)
    text = b"x" * 34
    head = raw("0" * 64, text).partition(b"\r\n\r\n")[0]
    assert fast_path.read(head + b"\r\n\r\n" + text) is not None
    sent = line % len(text) if b"%" in line else line
    assert fast_path.read(head.replace(b"Content-Length: 34", sent) + b"\r\n\r\n" + text) is None


def test_a_block_means_for_one_method_only_what_it_was_for_that() -> None:
    fast_path = FastPath(1000, PROTOCOLS)
    teach(fast_path)
    assert fast_path.read(raw("0" * 64, b"{}").replace(b"POST", b"OPTIONS", 1)) is None
    assert fast_path.read(raw("0" * 64, b"{}").replace(b"POST", b"PUT", 1)) is None


def test_a_head_cut_before_its_last_byte_is_no_request() -> None:
    """Where the end of the head is not there, nothing is where it would be counted from."""
    fast_path = FastPath(1000, PROTOCOLS)
    for length in range(100, 500):
        fast_path = FastPath(1000, PROTOCOLS)
        text = b"x" * length
        message = Message(length=length)
        fast_path.learn(raw("0" * 64, text), message)
        cut = raw("0" * 64, text)[: -length - 3]
        assert cut.endswith(b"\r")
        assert fast_path.read(cut) is None


def preflight(path: str, *more: str) -> bytes:
    lines = (
        f"OPTIONS {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Origin: http://page",
        "Access-Control-Request-Method: POST",
    )
    return "\r\n".join((*lines, *more)).encode() + b"\r\n\r\n"


def test_preflights_and_starts_take_it_too(mcmock_server: McmockServer, wire: Wire, taken: list[bool]) -> None:
    sid = open_session(wire)
    taken.clear()
    told = []
    for path in ("/api/v1/sessions", f"/api/v1/sessions/{sid}/events", "/~other/api/v1/sessions"):
        wire.send(preflight(path))
        told.append(wire.answer())
    asked = preflight("/api/v1/sessions", "Access-Control-Request-Headers: x-own")
    for _ in range(2):
        wire.send(asked)
        wire.answer()
    assert told[0] == told[1] == told[2]
    open_session(wire)
    assert taken == [False, True, True, False, True, True]
    refused = [one.findings[0].rule for one in mcmock_server.requests() if one.findings and one.kind == "preflight"]
    assert refused == ["preflight-refused"] * 2


# -- what the fast path must not do, by name: each over a real socket ----------------------------------------------------------


class Packets:
    """Sends packets that arrive one by one: each is read before the next one goes."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._read, self._news = Counter[Any](), threading.Condition()
        self._sent = Counter[Any]()
        receive = connection.Connection.data_received

        def received(self_: connection.Connection, data: bytes) -> None:
            peer = self_.peername
            receive(self_, data)
            with self._news:
                self._read[peer] += len(data)
                self._news.notify_all()

        send = Wire.send

        def sent(wire: Wire, packet: bytes) -> None:
            self._sent[wire.socket.getsockname()] += len(packet)
            send(wire, packet)

        patch.setattr(connection.Connection, "data_received", received)
        patch.setattr(Wire, "send", sent)

    def send(self, wire: Wire, *packets: bytes) -> None:
        peer = wire.socket.getsockname()
        for packet in packets:
            wire.send(packet)
            with self._news:
                assert self._news.wait_for(partial(self._has_read, peer), 5)

    def _has_read(self, peer: Any) -> bool:
        return self._read[peer] == self._sent[peer]


@pytest.fixture
def packets(monkeypatch: pytest.MonkeyPatch) -> Packets:
    return Packets(monkeypatch)


def leave(wire: Wire) -> None:
    """End the connection by a reset."""
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.socket.close()


def logged(server: McmockServer, count: int) -> list[Any]:
    """What was logged besides sessions being opened, once it is so many."""
    assert server.wait_for(count=count + len([one for one in server.requests() if one.event_type == "sessionStart"]))
    thread: Any = server._thread
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), thread._loop).result()  # what logs them has settled them then
    found = [one for one in server.requests() if one.event_type != "sessionStart"]
    assert len(found) == count
    return found


NOTHING = "0" * 64
"""A session that there is not: what is sent to it is answered 404."""


def taught(wire: Wire, *events: bytes) -> None:
    for event in events:
        wire.send(event)
        wire.answer()


def test_a_head_and_its_body_in_two_packets_take_it(
    mcmock_server: McmockServer, wire: Wire, packets: Packets, taken: list[bool]
) -> None:
    """As a browser sends what is too long for one."""
    sid = open_session(wire)
    event = raw(sid, body("ping"))
    head = event.index(b"\r\n\r\n") + 4
    packets.send(wire, event[:head], event[head:])  # teaches it
    wire.answer()
    taken.clear()
    packets.send(wire, event[:head], event[head : head + 5], event[head + 5 :])
    assert wire.answer().startswith(b"HTTP/1.1 204 ")
    assert taken == [False, False, True]
    assert [one.body_bytes for one in logged(mcmock_server, 2)] == [event[head:]] * 2


@pytest.mark.parametrize(
    "what", ["another request behind it", "its client's end", "a fault armed", "nothing for a second"]
)
def test_what_is_held_goes_the_way_it_would_have_gone(
    mcmock_server: McmockServer, wire: Wire, packets: Packets, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    sid = open_session(wire)
    event = raw(sid, body("ping"))
    taught(wire, event, event)
    if what == "nothing for a second":
        monkeypatch.setattr(connection, "HOLD", 0.0)
    packets.send(wire, event[:-3])
    if what == "its client's end":
        wire.finish()
        assert wire.answer().startswith(b"HTTP/1.1 400 ")
        assert [one.status for one in logged(mcmock_server, 3)] == [204, 204, 400]
        return
    if what == "a fault armed":
        mcmock_server.faults.add({"effect": {"type": "status", "code": 503}})
    packets.send(wire, event[-3:] + (event if what == "another request behind it" else b""))
    assert wire.answer().startswith(b"HTTP/1.1 503 " if what == "a fault armed" else b"HTTP/1.1 204 ")
    if what == "another request behind it":
        assert wire.answer().startswith(b"HTTP/1.1 204 ")


def test_what_is_held_is_logged_when_the_server_breaks_it_off(
    mcmock_server: McmockServer, wire: Wire, packets: Packets
) -> None:
    sid = open_session(wire)
    event = raw(sid, body("ping"))
    taught(wire, event)
    packets.send(wire, event[:-3])
    mcmock_server._thread.break_off()
    assert [(one.status, one.body_bytes) for one in logged(mcmock_server, 2)][1] == (
        400,
        event.partition(b"\r\n\r\n")[2][:-3],
    )


@pytest.mark.parametrize("way", ["a finding", "a named scope", "somebody watches"])
def test_an_event_stays_on_the_fast_path_with(
    mcmock_server: McmockServer, wire: Wire, taken: list[bool], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    prefix = "/~other" if way == "a named scope" else ""
    wire.send(preflight(f"{prefix}/api/v1/sessions"))
    wire.answer()
    service: Any = mcmock_server._thread.service
    scoped = service.scopes.named("other") if prefix else mcmock_server.emulator
    opened = wire.post(f"{prefix}/api/v1/sessions", body("sessionStart"))
    sid = opened.partition(b"Location: /api/v1/sessions/")[2][:64].decode()
    more: dict[str, Any] = {"qoeData": {"media.qoe.bitrate": 3_000_000}} if way == "a finding" else {}
    event = raw(sid, body("ping", **more)).replace(b"POST /", f"POST {prefix}/".encode(), 1)
    taught(wire, event)
    told: list[str] = []
    if way == "somebody watches":
        mcmock_server.emulator.subscribe(lambda notice: told.append(notice.what))
    answers = []
    monkeypatch.setattr(RequestCounts, "note_taken", lambda *taken: answers.append(taken[2]))
    taken.clear()
    taught(wire, event)
    assert taken == [True]
    assert answers == [204], "nor does it take the long way behind it"
    *_, last = scoped.requests()
    assert last.delivery == "sent"
    assert ("bitrate-in-bits" in {one.rule for one in last.findings}) is (way == "a finding")
    assert told == (["exchange", "delivery"] if way == "somebody watches" else [])


def test_a_the_clock_of_the_first_head_stops_where_the_fast_path_takes_it(
    mcmock_server: McmockServer, wire: Wire, taken: list[bool]
) -> None:
    sid = open_session(wire)
    taught(wire, raw(sid, body("ping")))
    taken.clear()
    with Wire(mcmock_server.url) as other:
        taught(other, raw(sid, body("ping")))
        assert taken == [True]
        service: Any = mcmock_server._thread.service
        assert [one.overdue for one in service._server.connections] == [None, None]


def test_b_it_learns_nothing_from_a_request_within_an_unfinished_header(
    mcmock_server: McmockServer, wire: Wire, packets: Packets
) -> None:
    sid = open_session(wire)
    event = raw(sid, body("ping"))
    with Wire(mcmock_server.url) as other:
        packets.send(other, b"POST /x HTTP/1.1\r\nX: ", event)
        assert other.answer().startswith(b"HTTP/1.1 404 ")
    taught(wire, event, event)
    odd, *pings = logged(mcmock_server, 3)
    assert odd.path == "/x"
    assert [name for one in pings for name, _ in one.request_headers] == [
        "Host", "Content-Type", "User-Agent", "Content-Length",
    ] * 2  # fmt: skip


def test_c_a_head_without_a_length_has_no_body(mcmock_server: McmockServer, wire: Wire, packets: Packets) -> None:
    sid = open_session(wire)
    head = f"POST /api/v1/sessions/{sid}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    other_request = b"GET /swallowed HTTP/1.1\r\nHost: x\r\n\r\n"
    with Wire(mcmock_server.url) as other:
        length = b"Content-Length: %d\r\n" % len(other_request)
        packets.send(other, b"POST /x HTTP/1.1\r\n" + length + b"X: ", head + other_request)
        other.answer()
    packets.send(wire, head + other_request)
    assert wire.answer().startswith(b"HTTP/1.1 400 ")
    assert wire.answer().startswith(b"HTTP/1.1 404 ")
    assert [(one.path, one.body_bytes) for one in logged(mcmock_server, 3)][1:] == [
        (f"/api/v1/sessions/{sid}/events", b""), ("/swallowed", b""),
    ]  # fmt: skip


def test_d_a_header_that_looks_like_a_request_is_a_header(
    mcmock_server: McmockServer, wire: Wire, packets: Packets
) -> None:
    sid = open_session(wire)
    event = raw(sid, body("ping"))
    taught(wire, event)
    packets.send(wire, event + b"GET /x HTTP/1.1\r\nX: ", event)
    assert wire.answer().startswith(b"HTTP/1.1 204 ")
    assert wire.answer().startswith(b"HTTP/1.1 404 ")
    assert [one.path for one in logged(mcmock_server, 3)][2:] == ["/x"]


def test_so_it_is_within_a_body(mcmock_server: McmockServer, wire: Wire, packets: Packets) -> None:
    sid = open_session(wire)
    event = raw(sid, body("ping"))
    taught(wire, event)
    chunk = b"%x\r\n" % len(event)
    for start in (
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(event),
        event + b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk,
    ):
        packets.send(wire, start, event)
    packets.send(wire, b"\r\n0\r\n\r\n")
    assert [wire.answer()[9:12] for _ in range(3)] == [b"404", b"204", b"404"]
    assert [one.body_bytes for one in logged(mcmock_server, 4) if one.path == "/x"] == [event, event]


HOLDS: list[dict[str, Any]] = [{"type": "hang"}, {"type": "delay", "seconds": 5}, {"type": "drip", "bytesPerSecond": 1}]


@pytest.mark.parametrize("hold", HOLDS, ids=lambda hold: str(hold["type"]))
def test_e_nothing_is_answered_before_an_answer_that_a_fault_holds(
    mcmock_server: McmockServer, wire: Wire, packets: Packets, hold: dict[str, Any]
) -> None:
    sid = open_session(wire)
    mcmock_server.clock.freeze()
    taught(wire, raw(sid, body("play")), raw(NOTHING, body("ping")))
    mcmock_server.faults.add({"effect": hold, "match": {"event": "play"}})
    with Wire(mcmock_server.url) as other:
        packets.send(other, raw(sid, body("play")), raw(NOTHING, body("ping")))
        other.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.socket.recv(1)
        other.socket.settimeout(5)
        mcmock_server.faults.clear()
        mcmock_server.clock.advance(1000)
        if hold["type"] == "hang":  # its connection closes
            assert other.rest() == b""
        else:
            assert [other.answer()[9:12] for _ in range(2)] == [b"204", b"404"]
    assert [one.event_type for one in logged(mcmock_server, 4)[2:]] == ["play", "ping"]


BODIES: dict[str, Callable[[bytes], tuple[bytes, ...]]] = {
    "in pieces": (lambda event: (event[:-3], event[-3:])),
    "in chunks": (
        lambda event: (
            event.partition(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello",
            b"\r\n0\r\nTrailer: x\r\n\r\n",
        )
    ),
    "at once": (lambda event: (event,)),
}


@pytest.mark.parametrize("way", [Wire.finish, leave], ids=["ends its side", "leaves"])
@pytest.mark.parametrize("form", BODIES)
def test_f_a_head_cut_short_behind_a_body_is_logged_with_its_own_bytes(
    mcmock_server: McmockServer, wire: Wire, packets: Packets, form: str, way: Any
) -> None:
    *first, last = BODIES[form](raw(open_session(wire), body("ping")))
    packets.send(wire, *first, last + b"GET /cut HT")
    wire.answer()
    way(wire)
    cut = logged(mcmock_server, 2)[1]
    assert (cut.method, cut.path, cut.body_bytes, cut.status) == ("GET", "/cut", b"GET /cut HT", 400)
    assert "ended before the header did" in cut.findings[0].message
    assert cut.delivery == ("client_gone" if way is leave else "sent")


def test_empty_lines_behind_a_request_are_no_head(mcmock_server: McmockServer, wire: Wire, packets: Packets) -> None:
    sid = open_session(wire)
    packets.send(wire, raw(sid, body("ping")) + b"\r\n", b"\r\n\r\n")
    wire.answer()
    wire.finish()
    assert wire.rest() == b""
    logged(mcmock_server, 1)


@pytest.mark.parametrize("junk", [b"nonsense\r\n\r\n", b"\x16\x03\x01", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"])
@pytest.mark.parametrize("form", BODIES)
def test_g_junk_behind_whole_requests_is_answered_and_logged_after_them(
    mcmock_server: McmockServer, wire: Wire, form: str, junk: bytes
) -> None:
    sid = open_session(wire)
    wire.send(b"".join(BODIES[form](raw(sid, body("ping")))) + raw(NOTHING, body("play")) + junk)
    assert [wire.answer()[9:12] for _ in range(3)] == [b"400" if form == "in chunks" else b"204", b"404", b"400"]
    assert wire.rest() == b""
    first, second, third = logged(mcmock_server, 3)
    assert (first.session_id, second.event_type, third.body_bytes) == (sid, "play", junk)
    assert [one.delivery for one in (first, second, third)] == ["sent"] * 3


@pytest.mark.parametrize("hold", HOLDS, ids=lambda hold: str(hold["type"]))
@pytest.mark.parametrize("way", [Wire.finish, leave], ids=["ends its side", "leaves"])
def test_g_what_waits_behind_a_held_answer_is_logged_when_the_client_leaves(
    mcmock_server: McmockServer, wire: Wire, packets: Packets, hold: dict[str, Any], way: Any
) -> None:
    sid = open_session(wire)
    mcmock_server.clock.freeze()
    mcmock_server.faults.add({"effect": hold, "match": {"event": "play"}})
    ping = raw(sid, body("ping"))
    packets.send(wire, raw(sid, body("play")), ping + ping, ping[:-5])
    way(wire)
    play, *pings = logged(mcmock_server, 4)
    assert (play.event_type, play.delivery) == ("play", "client_gone")
    assert [one.body_bytes for one in pings] == [ping.partition(b"\r\n\r\n")[2]] * 2 + [
        ping.partition(b"\r\n\r\n")[2][:-5]
    ]
    assert [one.status for one in pings] == [204, 204, 400]
    assert {one.delivery for one in pings} == {"client_gone"}


def test_the_control_api_does_nothing_for_a_client_that_has_left(
    mcmock_server: McmockServer, wire: Wire, packets: Packets
) -> None:
    sid = open_session(wire)
    mcmock_server.faults.add({"effect": {"type": "hang"}, "match": {"event": "play"}})
    reset = b"POST /__admin/reset HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    packets.send(wire, raw(sid, body("play")), reset, raw(sid, body("ping")))
    leave(wire)
    assert [one.event_type for one in logged(mcmock_server, 2)] == ["play", "ping"]


def test_the_trailer_of_a_body_in_chunks_is_no_header_of_the_next_request(
    mcmock_server: McmockServer, wire: Wire
) -> None:
    sid = open_session(wire)
    wire.send(b"".join(BODIES["in chunks"](raw(sid, body("ping")))) + raw(sid, body("play")))
    wire.answer()
    wire.answer()
    assert "Trailer" not in dict(logged(mcmock_server, 2)[1].request_headers)


@pytest.mark.parametrize(
    "before", [b"5\r\nhello\r\n", b"%x\r\n%b\r\n" % (300_000, b"x" * 300_000)], ids=["few", "many"]
)
def test_a_body_whose_chunks_cannot_be_read_is_answered_at_once(
    mcmock_server: McmockServer, wire: Wire, packets: Packets, before: bytes
) -> None:
    head = b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    packets.send(wire, head + before[:3], before[3:])
    wire.send(b"zz\r\n")
    assert b"the body cannot be read" in wire.answer()
    (found,) = logged(mcmock_server, 1)
    assert (found.status, found.findings[0].rule, found.delivery) == (400, "body-incomplete", "sent")


@pytest.mark.parametrize(
    "asks", [b"CONNECT x:80 HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"]
)
def test_what_follows_a_request_for_another_protocol_is_answered_however_it_is_cut(asks: bytes) -> None:
    async def script(world: Any) -> list[bytes]:
        ping, link = raw(world.sessions[0], body("ping")), world.link(0)
        for packet in (ping, ping):
            link.send(packet)
            await world.loop.settle()
        for packet in (ping, asks + b"Host: x:80\r\n\r\n", ping[:50], ping[50:90], ping[90:] + ping):
            link.send(packet)
        await world.loop.settle()
        return [answer[9:12] for answer in link.said]

    assert world_of(script) == [b"204", b"204", b"204", b"404", b"204", b"204"]


def test_a_head_that_begins_behind_a_held_answer_has_its_time_too() -> None:
    async def script(world: Any) -> list[bytes]:
        world.emulator.add_fault(faults.rule_from_json({"effect": HOLDS[1], "match": {"event": "play"}}))
        link = world.link(0)
        link.send(raw(world.sessions[0], body("play")))
        await world.loop.settle()
        link.send(b"GET /x HT")
        world.loop.ahead += connection.HEAD_TIME + 1
        await world.loop.settle()
        link.send(b"TP/1.1\r\n")
        world.emulator.advance(10)
        await world.loop.settle()
        return [answer[9:12] for answer in link.said]

    assert world_of(script)[:2] == [b"204", b"408"]


# -- the same bytes with the fast path and without it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.long) for first in range(500, 5000, 500))]
)
def test_the_fast_path_makes_no_difference(first: int) -> None:
    """bench/differential.py, with a fixed seed."""
    number, requests, found = differential.run(500, first=first)
    assert found is None, f"case {number}: {found}"
    assert requests > 200, "the fast path has taken its part"


def believe_everything(patch: pytest.MonkeyPatch) -> None:
    """The fast path learns what stands before the first empty line, whatever aiohttp has made of it."""
    patch.setattr(FastPath, "_block", lambda self, _, text, message: _whatever(text, message, self._longest_body))
    patch.setattr(connection.Connection, "clear", property(lambda _: True, lambda *_: None), raising=True)


def _whatever(text: bytes, message: Any, longest: int) -> Any:
    length = message.headers.get("Content-Length", "0") if hasattr(message, "headers") else "0"
    return (
        fast_path_module.HeaderBlock(text, getattr(message, "raw_headers", ()), "x", int(length), True, True)
        if int(length) <= longest
        else None
    )


def answer_out_of_order(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(connection.Connection, "is_ready", lambda *_: True)


def feed_whole_packets(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Pieces, "up_to", lambda self, _: self.rest())
    patch.setattr(Pieces, "up_to_empty_line", Pieces.rest)
    patch.setattr(Pieces, "rest", _taken)


def _taken(pieces: Any) -> bytes:
    data: bytes = pieces._data[pieces._at :]
    pieces._at = len(pieces._data)
    return data


def learn_what_asks_for_more(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fast_path_module, "_SPECIAL", {"Transfer-Encoding"})


def remember_bodies_by_their_names_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(schemas, "_shape_of", lambda event_type, value: (event_type, *value))


def take_another_body_of_the_same_form(patch: pytest.MonkeyPatch) -> None:
    """The first one that had the same bytes but for its digits."""
    forms: dict[bytes, bytes] = {}
    read = FastPath.read

    def remembered(self: FastPath, data: bytes, latest: Any = None) -> Any:
        plain = read(self, data, latest)
        if not isinstance(plain, FastRequest):
            return plain
        return plain._replace(body=forms.setdefault(re.sub(rb"[0-9]+", b"0", plain.body), plain.body))

    patch.setattr(FastPath, "read", remembered)


MISTAKES = (
    believe_everything, answer_out_of_order, feed_whole_packets, learn_what_asks_for_more,
    remember_bodies_by_their_names_alone, take_another_body_of_the_same_form,
)  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_fuzzer_finds_what_it_is_there_for(monkeypatch: pytest.MonkeyPatch, mistake: Any) -> None:
    mistake(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert differential.run(400)[2] is not None


def test_whole_requests_in_any_packets_are_in_the_log_over_real_sockets(
    mcmock_server: McmockServer, packets: Packets
) -> None:
    played = 0
    for number in range(120):
        mcmock_server.reset()
        with Wire(mcmock_server.url) as wire:
            sessions = [open_session(wire) for _ in range(differential.SESSIONS)]
        case = differential.Case(2, number, sessions)
        if not case.is_tame:
            continue
        played += 1
        with Wire(mcmock_server.url) as wire:
            for step in case.steps:
                if step.what == "send":
                    packets.send(wire, step.data)
            wire.finish()
            wire.rest()
        told = [(method, text) for method, text in case.sure if method != "?"]
        assert mcmock_server.wait_for(count=len(sessions) + len(case.sure))
        found = [(one.method, one.body_bytes) for one in mcmock_server.requests()][len(sessions) :]
        assert len(found) == len(case.sure)
        assert found[: len(told)] == told
    assert played > 20


# -- clients that do not read, or are going -------------------------------------------------------------------------------


def world_of(script: Any) -> Any:
    """What `script` returns, which is given a server without sockets."""

    async def run() -> Any:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, differential.Loop)
        return await script(differential.World(loop, FastPath))

    with asyncio.Runner(loop_factory=differential.Loop) as runner:
        return runner.run(run())


def test_a_client_that_does_not_read_gets_no_answers_without_end() -> None:
    async def script(world: Any) -> tuple[int, int, int]:
        ping, link = raw(world.sessions[0], body("ping")), world.link(0)
        for _ in range(3):
            link.send(ping)
            await world.loop.settle()
        link.stall()
        for _ in range(100):
            link.send(ping)
            await world.loop.settle()
        stalled = len(link.said)
        waiting = len(link._protocol._messages)
        link.unstall()
        await world.loop.settle()
        return stalled, waiting, len(link.said)

    stalled, waiting, answered = world_of(script)
    assert (stalled, answered) == (4, 103)
    assert waiting <= 32, "the rest stays with the client"


def test_a_connection_that_is_closing_gets_no_answer_from_the_fast_path() -> None:
    async def script(world: Any) -> tuple[Any, list[Any]]:
        ping, link = raw(world.sessions[0], body("ping")), world.link(0)
        for _ in range(2):
            link.send(ping)
            await world.loop.settle()
        link.close()
        link._protocol.data_received(ping)
        await world.loop.settle()
        return link.said[-1], [one.delivery for one in world.emulator.requests()][differential.SESSIONS :]

    last, deliveries = world_of(script)
    assert last == b"<close>"
    assert deliveries == ["sent", "sent", "client_gone"]


def test_a_client_that_sends_and_sends_is_no_longer_read(mcmock_server: McmockServer, wire: Wire) -> None:
    """Over a real socket: what nobody reads fills the buffers on the way, and then nothing more is taken."""
    ping = raw(open_session(wire), body("ping"))
    wire.socket.settimeout(1)
    with pytest.raises(TimeoutError):
        wire.send(ping * 500_000)
    wire.socket.settimeout(5)
    before = mcmock_server.summary().total
    assert wire.answer().startswith(b"HTTP/1.1 204 ")
    assert before < 400_000
