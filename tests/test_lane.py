"""The fast lane changes how soon an answer comes, never the answer, the log, or the connection."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from mcmock.fixture import McmockServer
from mcmock.server.lane import Lane
from tests.conftest import Wire, body
from tests.test_server import open_session

HEADERS = ("Content-Type: application/json", "User-Agent: a player")


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
    """For every packet read while idle, whether the lane took it."""
    seen: list[bool] = []
    read = Lane.read

    def watched(self: Lane, data: bytes) -> Any:
        plain = read(self, data)
        seen.append(plain is not None)
        return plain

    monkeypatch.setattr(Lane, "read", watched)
    return seen


def test_the_second_packet_of_its_kind_takes_the_lane(wire: Wire, taken: list[bool]) -> None:
    sid = open_session(wire)
    for number in range(3):
        wire.send(raw(sid, body("ping", number)))
        assert wire.answer().startswith(b"HTTP/1.1 204 ")
    assert taken[-2:] == [True, True]


VALUES = [
    body("play"), body("ping", 1, qoeData={"media.qoe.bitrate": 3200}), {**body("ping"), "playerTime": {"playhead": 1}}, b"{",
    b"\xff\xfe", {**body("play"), "params": {"no": "such"}}, body("sessionEnd"), body("ping"),
]  # fmt: skip


def test_both_ways_give_the_same_bytes_and_the_same_log(mcmock_server: McmockServer, taken: list[bool]) -> None:
    told = []
    for fast in (False, True):
        mcmock_server.reset()
        mcmock_server.clock.freeze()
        with Wire(mcmock_server.url) as wire:
            sid = open_session(wire)
            answers = []
            for value in VALUES:
                if fast:  # a session of its own teaches the lane this header block
                    wire.send(raw(open_session(wire), value))
                    wire.answer()
                packet = raw(sid, value)
                taken.clear()
                for part in (packet,) if fast else (packet[:50], packet[50:]):
                    wire.send(part)
                    if not fast:
                        mcmock_server.summary()  # gives the first part time to arrive on its own
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


@pytest.mark.parametrize(
    "extra",
    ["Connection: close", "Expect: 100-continue", "Content-Encoding: gzip", "Upgrade: h2c"],
)
def test_a_header_that_asks_for_more_never_takes_the_lane(wire: Wire, taken: list[bool], extra: str) -> None:
    sid = open_session(wire)
    lane = Lane(1000)
    message = raw(sid, body("ping"), extra)
    assert lane.read(message) is None
    wire.send(message)
    wire.answer()
    taken.clear()
    with Wire(f"http://127.0.0.1:{wire.socket.getpeername()[1]}") as again:
        again.send(message)
        again.answer()
    assert taken == [False]


def test_a_longer_body_than_the_header_says_does_not_take_the_lane(wire: Wire, taken: list[bool]) -> None:
    sid = open_session(wire)
    one = raw(sid, body("ping"))
    wire.send(one)
    wire.answer()
    wire.send(one + one)
    assert wire.answer().startswith(b"HTTP/1.1 204 ")
    assert wire.answer().startswith(b"HTTP/1.1 204 ")
    assert taken[-1] is False


def test_the_lane_forgets_rather_than_grow_without_bound() -> None:
    class Message:
        headers: ClassVar[dict[str, str]] = {"Host": "x", "Content-Length": "2"}
        raw_headers = ((b"Host", b"x"),)
        should_close = upgrade = False

    lane = Lane(1000)
    for number in range(5000):
        lane.learn(raw("0" * 64, b"{}", f"X-Number: {number}"), Message())
    assert lane.read(raw("0" * 64, b"{}", "X-Number: 4999")) is not None
    assert lane.read(raw("0" * 64, b"{}", "X-Number: 0")) is None
