"""The stream: every exchange once, what changes of it later, what a slow reader missed, and an end when the server stops."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest
from aiohttp.test_utils import TestClient, TestServer

import mcmock
from mcmock.core.model import Delivery
from mcmock.engine import Emulator
from mcmock.server.admin import stream
from mcmock.server.admin.feed import Event, Feed
from mcmock.testing.server import McmockServer
from tests.conftest import at_best_within, body, post, send, start


@contextmanager
def followed(emulator: Emulator, since: int | None = None) -> Iterator[Feed]:
    with Feed(emulator, since, lambda: None) as feed:
        yield feed


def told(feed: Feed) -> list[Event]:
    """Everything there is to take."""
    events: list[Event] = []
    while more := feed.take():
        events += more
    return events


def brief(events: list[Event]) -> list[tuple[str, int | None]]:
    return [(event.name, event.value.get("seq")) for event in events]


def test_every_exchange_is_told_once_with_its_seq_as_id(emulator: Emulator) -> None:
    start(emulator)
    with followed(emulator) as feed:
        sid = start(emulator)
        send(emulator, sid, "play")
        first, second = told(feed)
        assert (first.name, first.seq, second.seq) == ("exchange", 2, 3)
        assert first.value["verdict"] == "created"
        assert told(feed) == []


def test_a_feed_of_200_exchanges_is_complete_and_in_order(emulator: Emulator) -> None:
    sid = start(emulator)
    with followed(emulator, since=0) as feed:
        for _ in range(199):
            send(emulator, sid, "ping")
        assert [event.seq for event in told(feed) if event.name == "exchange"] == list(range(1, 201))


def test_an_answer_that_was_pending_when_told_is_told_again_when_it_is_delivered(emulator: Emulator) -> None:
    with followed(emulator) as feed:
        start(emulator)
        start(emulator)
        emulator.settle(1, Delivery.SENT)
        assert [event.value["delivery"] for event in told(feed)] == ["sent", "pending"]
        emulator.settle(2, Delivery.CLIENT_GONE)
        assert told(feed) == [Event("delivery", {"seq": 2, "delivery": "client_gone"})]
        emulator.settle(2, Delivery.CLIENT_GONE)
        assert told(feed) == []


def test_a_later_event_that_changes_an_earlier_one_is_told(emulator: Emulator) -> None:
    """The ad seems to stand outside a break until the break's start, which it overtook, arrives."""
    sid = start(emulator)
    ad = {"media.ad.id": "a", "media.ad.length": 15.0, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
    pod = {"media.ad.podIndex": 1, "media.ad.podSecond": 0.0}
    with followed(emulator) as feed:
        send(emulator, sid, "adStart", ts=1_700_000_000_200, params=ad)
        (alone,) = told(feed)
        assert alone.value["outcome"] == "ignored"
        send(emulator, sid, "adBreakStart", ts=1_700_000_000_100, params=pod)
        arrived, changed = told(feed)
        assert arrived.value["eventType"] == "adBreakStart"
        assert changed.name == "outcome"
        assert (changed.value["seq"], changed.value["outcome"]) == (alone.seq, "good")
        now = emulator.request(2)
        assert now is not None
        assert [one["rule"] for one in changed.value["findings"]] == [one.rule for one in now.findings]


def test_a_reader_that_the_log_overtakes_is_told_how_much_it_missed() -> None:
    emulator = Emulator(seed=1, max_log_bytes=20_000)
    sid = start(emulator)
    with followed(emulator, since=0) as feed:
        for _ in range(200):
            send(emulator, sid, "ping")
        missed, evicted, *exchanges = told(feed)
        first = emulator.requests()[0].seq
        assert missed == Event("missed", {"missed": first - 1, "next": first})
        assert evicted == Event("evicted", {"evicted": first - 1, "first": first})
        assert [event.seq for event in exchanges if event.name == "exchange"] == list(range(first, 202))


def test_an_emptied_log_is_told_and_so_is_what_was_in_it_unread(emulator: Emulator) -> None:
    with followed(emulator) as feed:
        start(emulator)
        emulator.clear_log()
        start(emulator)
        assert brief(told(feed)) == [("missed", None), ("cleared", None), ("exchange", 2)]
        emulator.reset()
        assert [event.name for event in told(feed)][-1] == "reset"


def test_a_reader_that_asks_for_everything_misses_nothing(emulator: Emulator) -> None:
    start(emulator)
    emulator.reset()
    start(emulator)
    with followed(emulator, since=0) as feed:
        assert brief(told(feed)) == [("exchange", 2)]


def test_a_reader_from_before_a_restart_is_told_so_and_then_everything(emulator: Emulator) -> None:
    start(emulator)
    with followed(emulator, since=500) as feed:
        assert brief(told(feed)) == [("reset", None), ("exchange", 1)]


def test_notes_for_a_reader_that_never_reads_are_bounded(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
    monkeypatch.setattr("mcmock.server.admin.feed.MAX_SETTLED", 3)
    with followed(emulator) as feed:
        for _ in range(8):
            start(emulator)
        assert len(told(feed)) == 8
        for seq in range(1, 9):
            emulator.settle(seq, Delivery.ABORTED)
        assert brief(told(feed)) == [("delivery", seq) for seq in range(1, 9)]


def test_nothing_is_lost_between_threads(emulator: Emulator) -> None:
    """Four threads send and settle while a fifth takes: each exchange is told once, and ends as delivered."""
    sids = [start(emulator) for _ in range(4)]

    def play(sid: str) -> None:
        for _ in range(250):
            emulator.settle(send(emulator, sid, "ping").seq, Delivery.SENT)

    rung = threading.Event()
    with Feed(emulator, None, rung.set) as feed:
        threads = [threading.Thread(target=play, args=(sid,)) for sid in sids]
        for thread in threads:
            thread.start()
        events: list[Event] = []
        while any(thread.is_alive() for thread in threads):
            rung.wait(1)
            rung.clear()
            events += told(feed)
        events += told(feed)
    deliveries: dict[int, str] = {}
    for event in events:
        if event.name == "exchange":
            assert event.seq is not None
            assert event.seq not in deliveries
        if event.name in ("exchange", "delivery"):
            deliveries[event.value["seq"]] = event.value["delivery"]
    assert sorted(deliveries) == list(range(5, 1005))
    assert set(deliveries.values()) == {"sent"}


# -- on the wire ----------------------------------------------------------------------------------------------------------


class Told(NamedTuple):
    name: str
    id: str | None
    value: Any


class Reader:
    """A reader of text/event-stream that leaves nothing out."""

    def __init__(self, server: McmockServer, query: str = "", **headers: str) -> None:
        url = f"{server.admin_url}/stream{query}"
        self._answer = urlopen(
            Request(url, headers={name.replace("_", "-"): text for name, text in headers.items()}), timeout=5
        )
        self.headers = self._answer.headers
        retry, place = self.block()
        assert retry == "retry: 1000"
        self.began = int(place.removeprefix("id: "))

    def block(self) -> list[str]:
        """The lines up to the next empty one; none at the end."""
        lines = []
        while line := self._answer.readline().decode().rstrip("\n"):
            lines.append(line)
        return lines

    def next(self) -> Told:
        fields = dict(line.split(": ", 1) for line in self.block())
        return Told(fields["event"], fields.get("id"), json.loads(fields["data"]))

    def close(self) -> None:
        self._answer.close()


def request(server: McmockServer) -> None:
    """One request straight to the core: in the log before this returns."""
    server.emulator.handle(post("/api/v1/sessions", body("sessionStart")))


def test_the_stream_is_text_event_stream_and_tells_requests_as_they_come(mcmock_server: McmockServer) -> None:
    reader = Reader(mcmock_server)
    assert reader.headers["Content-Type"] == "text/event-stream"
    urlopen(f"{mcmock_server.url}/api/v1/sessions", json.dumps(body("sessionStart")).encode()).close()
    event = reader.next()
    logged = mcmock_server.request()
    assert (event.name, event.id) == ("exchange", str(logged.seq))
    assert (event.value["sessionId"], event.value["delivery"]) == (logged.session_id, "sent")
    reader.close()


def test_a_reader_resumes_where_it_was(mcmock_server: McmockServer) -> None:
    for _ in range(4):
        request(mcmock_server)
    first, second, third, fourth = (one.seq for one in mcmock_server.requests())
    reader = Reader(mcmock_server, Last_Event_ID=str(second))
    assert reader.began == second
    assert [reader.next().id, reader.next().id] == [str(third), str(fourth)]
    reader.close()
    reader = Reader(mcmock_server, f"?since={first - 1}")
    assert reader.next().id == str(first)
    reader.close()


@pytest.mark.parametrize("text", ["soon", "-1", "1" * 30])
def test_a_place_that_is_none_is_refused(mcmock_server: McmockServer, text: str) -> None:
    with pytest.raises(Exception, match="400") as caught:
        Reader(mcmock_server, f"?since={text}")
    assert "since must be the seq of a request" in caught.value.read().decode()  # type: ignore[attr-defined]


def test_silence_is_filled_with_comments(mcmock_server: McmockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.01)
    reader = Reader(mcmock_server)
    assert reader.block() == [": quiet"]
    reader.close()


def test_a_reader_that_left_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.01)
    with McmockServer() as server:
        log = server.emulator.engine.log
        before = log.listener_count
        reader = Reader(server)
        assert log.listener_count == before + 1
        reader.close()
        deadline = time.monotonic() + 5
        while log.listener_count > before:
            assert time.monotonic() < deadline, "the stream goes on although its reader has left"
            threading.Event().wait(0.01)


def test_a_reader_that_reads_nothing_blocks_nobody_and_is_told_what_it_missed() -> None:
    with McmockServer(max_log_bytes=300_000) as server, socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, _, port = server.url.removeprefix("http://").partition(":")
        slow.connect((host, int(port)))
        slow.settimeout(10)
        slow.sendall(b"GET /__admin/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        until(slow, b"retry: 1000\nid: 0\n\n")
        for _ in range(8_000):  # ten megabytes of events: more than every buffer on the way holds
            request(server)
        assert server.summary().total > 100
        text = until(slow, b"event: missed")
        assert text.count(b"event: exchange") > 0
        last = server.requests()[-1].seq
        assert f"id: {last}\n".encode() in until(slow, f"id: {last}\n".encode())


def until(connection: socket.socket, wanted: bytes) -> bytes:
    got = b""
    while wanted not in got:
        piece = connection.recv(1 << 20)
        assert piece, f"the stream ended without {wanted!r}"
        got += piece
    return got


@pytest.mark.parametrize("reading", [True, False])
def test_streams_end_when_the_server_stops_and_do_not_hold_it_up(reading: bool) -> None:
    assert at_best_within(0.2, lambda: _end_with_a_stream(reading))  # what it would wait for a request: STOP_SECONDS


def _end_with_a_stream(reading: bool) -> float:
    server = McmockServer(max_log_bytes=20_000_000)
    with server:
        host, _, port = server.url.removeprefix("http://").partition(":")
        connection = socket.create_connection((host, int(port)), timeout=10)
        connection.sendall(b"GET /__admin/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        until(connection, b"retry: 1000\nid: 0\n\n")
        if not reading:
            for _ in range(8_000):
                request(server)
            threading.Event().wait(0.2)  # until what can be sent is sent: from here on the stream waits for its reader
        began = time.monotonic()
    took = time.monotonic() - began
    with connection:
        rest = b""
        try:
            while piece := connection.recv(1 << 20):
                rest += piece
        except ConnectionResetError:
            assert not reading
        assert rest.endswith(b"0\r\n\r\n") or not reading
    return took


async def test_an_application_of_ones_own_ends_its_streams_on_shutdown(emulator: Emulator) -> None:
    client = TestClient(TestServer(mcmock.create_app(emulator)))
    await client.start_server()
    answer = await client.get("/__admin/stream")
    assert (await answer.content.readline()) == b"retry: 1000\n"
    began = time.monotonic()
    await client.close()
    assert time.monotonic() - began < 30  # aiohttp would wait a minute for it


def test_a_reader_that_was_told_nothing_yet_knows_where_to_resume(mcmock_server: McmockServer) -> None:
    request(mcmock_server)
    reader = Reader(mcmock_server)
    reader.close()
    request(mcmock_server)
    reader = Reader(mcmock_server, Last_Event_ID=str(reader.began))
    assert reader.next().id == str(mcmock_server.requests()[-1].seq)
    reader.close()
