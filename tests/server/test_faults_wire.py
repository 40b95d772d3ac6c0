"""Every effect over a real socket, as a plain client sees it; waiting by the emulator's clock; nothing else goes down.

Each runs on asyncio's loop and, where the extra `speed` is installed, on uvloop's: their transports differ.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import select
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestClient

from mcmock import create_app, faults
from mcmock.core.match import Match
from mcmock.core.model import Delivery
from mcmock.engine import Emulator
from mcmock.server import Service, ServiceThread
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, body, pings_settled

EVENT = b'{"eventType":"ping","playerTime":{"playhead":1,"ts":1700000000000}}'
LOOPS = ["asyncio", "uvloop"]


class Place:
    """A server on the loop under test, and the emulator behind it."""

    def __init__(self, emulator: Emulator, url: str) -> None:
        self.emulator, self.url = emulator, url

    def client(self, timeout: float = 5) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=timeout)

    def open_session(self) -> str:
        """A session, opened before any fault is added; its path."""
        client = self.client()
        client.request("POST", "/api/v1/sessions", json.dumps(body("sessionStart")))
        location = client.getresponse().headers["Location"]
        client.close()
        return f"{location}/events"

    def settled(self, count: int = 1) -> list[Delivery]:
        return pings_settled(self.emulator, count)


@pytest.fixture(params=LOOPS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    made = pytest.importorskip(request.param, reason="uvloop, of the extra `speed`, is not installed").new_event_loop
    emulator = Emulator(seed=1)
    thread = ServiceThread(Service(emulator))
    if request.param == "uvloop":
        thread._loop.close()
        thread._loop = made()
    thread.start()
    yield Place(emulator, thread.service.url)
    thread.stop()


def ask(client: http.client.HTTPConnection, path: str, content: bytes = EVENT) -> http.client.HTTPResponse:
    client.request("POST", path, content, {"Content-Type": "application/json"})
    return client.getresponse()


def raw_event(path: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(EVENT)}\r\n\r\n".encode() + EVENT


def arrived(place: Place, count: int = 1) -> None:
    assert len(place.emulator.wait_for(Match({"event": "ping"}), count)) == count


def readable(wire: Wire, seconds: float = 0.05) -> bool:
    return bool(select.select([wire.socket], [], [], seconds)[0])


# -- one for each effect --------------------------------------------------------------------------------------------------


def test_status_is_that_answer_and_the_connection_goes_on(place: Place) -> None:
    path, client = place.open_session(), place.client()
    place.emulator.add_fault(faults.status(503, {"message": "down"}, {"Retry-After": "5"}, times=1))
    answer = ask(client, path)
    assert (answer.status, answer.reason, answer.headers["Retry-After"]) == (503, "Service Unavailable", "5")
    assert json.loads(answer.read()) == {"message": "down"}
    assert ask(client, path).status == 204
    client.close()
    assert place.settled(2) == ["sent", "sent"]


def test_delay_is_the_true_answer_later(place: Place) -> None:
    place.emulator.freeze()
    path = place.open_session()
    place.emulator.add_fault(faults.delay(7, event="ping"))
    with Wire(place.url) as wire:
        wire.send(raw_event(path))
        arrived(place)
        assert not readable(wire)
        place.emulator.advance(6.99)
        assert not readable(wire)
        place.emulator.advance(0.01)
        assert wire.answer().startswith(b"HTTP/1.1 204 No Content\r\n")
    assert place.settled() == ["sent"]


def test_a_delay_passes_by_itself_while_the_clock_runs(place: Place) -> None:
    path, client = place.open_session(), place.client()
    place.emulator.add_fault(faults.delay(0.15, event="ping"))
    before = place.emulator.now
    assert ask(client, path).status == 204
    assert 0.15 <= place.emulator.now - before < 2
    client.close()


@pytest.mark.parametrize("side", ["before", "after"])
def test_reset_is_econnreset(place: Place, side: str) -> None:
    path, client = place.open_session(), place.client()
    place.emulator.add_fault(faults.reset(event="ping", side=side))
    with pytest.raises(ConnectionResetError):
        ask(client, path)
    client.close()
    assert place.settled() == ["aborted"]
    assert place.emulator.summary().good == (2 if side == "after" else 1)


@pytest.mark.parametrize("side", ["before", "after"])
def test_close_is_an_empty_reply(place: Place, side: str) -> None:
    path = place.open_session()
    place.emulator.add_fault(faults.close(event="ping", side=side))
    with Wire(place.url) as wire:
        wire.send(raw_event(path))
        assert wire.rest() == b""  # an orderly end: no ConnectionResetError
    client = place.client()
    with pytest.raises(http.client.RemoteDisconnected):
        ask(client, path)
    client.close()
    assert place.settled(2) == ["aborted", "aborted"]


def test_truncate_is_fewer_bytes_than_content_length(place: Place) -> None:
    path, client = place.open_session(), place.client()
    place.emulator.add_fault(faults.truncate(5))
    answer = ask(client, path, b"{")
    with pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()
    assert (answer.status, cut.value.partial) == (400, b'{"mes')
    assert int(answer.headers["Content-Length"]) == 5 + (cut.value.expected or 0) > 5
    client.close()


def test_truncate_cuts_the_head_of_an_answer_that_has_no_body(place: Place) -> None:
    path = place.open_session()
    place.emulator.add_fault(faults.truncate())
    with Wire(place.url) as wire:
        wire.send(raw_event(path))
        got = wire.rest()
    assert got.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"\r\n\r\n" not in got


def test_malformed_is_a_protocol_error(place: Place) -> None:
    path, client = place.open_session(), place.client()
    place.emulator.add_fault(faults.malformed(event="ping"))
    with pytest.raises(http.client.BadStatusLine):
        ask(client, path)
    client.close()
    assert place.settled() == ["aborted"]


def test_drip_is_bytes_arriving_over_time(place: Place) -> None:
    place.emulator.freeze()
    path = place.open_session()
    place.emulator.add_fault(faults.drip(10, event="ping"))
    with Wire(place.url) as wire:
        wire.send(raw_event(path))
        arrived(place)
        got = b""
        for seconds in (1, 2):
            place.emulator.advance(seconds)
            piece = b""
            while len(piece) < seconds * 10:
                piece += wire.socket.recv(1000)
            assert len(piece) == seconds * 10
            assert not readable(wire)
            got += piece
        assert got == b"HTTP/1.1 204 No Content\r\nServer"[:30]
        place.emulator.advance(1000)
        wire._read = got
        assert wire.answer().endswith(b"\r\n\r\n")
    assert place.settled() == ["sent"]


def test_hang_is_nothing_until_the_clients_timeout(place: Place) -> None:
    path, client = place.open_session(), place.client(timeout=0.1)
    place.emulator.add_fault(faults.hang(event="ping"))
    with pytest.raises(TimeoutError):
        ask(client, path)
    client.close()
    assert place.settled() == ["client_gone"]


def test_a_hang_with_an_end_closes_the_connection(place: Place) -> None:
    place.emulator.freeze()
    path = place.open_session()
    place.emulator.add_fault(faults.hang(30, event="ping"))
    with Wire(place.url) as wire:
        wire.send(raw_event(path))
        arrived(place)
        assert not readable(wire)
        place.emulator.advance(30)
        assert wire.rest() == b""
    assert place.settled() == ["aborted"]


@pytest.mark.parametrize(("rule", "status"), [(faults.expire_session, 410), (faults.forget_session, 404)])
def test_a_closed_session_answers_410_and_a_forgotten_one_404(place: Place, rule: Any, status: int) -> None:
    path, client = place.open_session(), place.client()
    place.emulator.add_fault(rule(event="ping", skip=1))
    met = []
    for _ in range(3):
        answer = ask(client, path)
        met.append(answer.status)
        answer.read()
    assert met == [204, status, status]
    client.close()


def test_drop_header_and_set_header_change_one_line(place: Place) -> None:
    client = place.client()
    place.emulator.add_fault(faults.drop_header("Access-Control-Allow-Origin", times=1))
    place.emulator.add_fault(faults.set_header("Location", "https://{host}{value}"))
    start = json.dumps(body("sessionStart")).encode()
    without, changed = ask(client, "/api/v1/sessions", start), None
    without.read()
    changed = ask(client, "/api/v1/sessions", start)
    assert without.headers["Access-Control-Allow-Origin"] is None
    assert without.headers["Location"].startswith("/api/v1/sessions/")
    assert changed.headers["Access-Control-Allow-Origin"] == "*"
    assert changed.headers["Location"].startswith(f"https://{place.url.removeprefix('http://')}/api/v1/sessions/")
    client.close()


def test_rate_limit_is_that_status_beyond_the_rate(place: Place) -> None:
    place.emulator.freeze()
    path, client = place.open_session(), place.client()
    place.emulator.add_fault(faults.rate_limit(2, event="ping"))
    met = []
    for _ in range(3):
        answer = ask(client, path)
        met.append((answer.status, answer.headers["Retry-After"]))
        answer.read()
    assert met == [(204, None), (204, None), (429, "1")]
    client.close()


# -- what is held back ----------------------------------------------------------------------------------------------------


def held(place: Place, rule: faults.FaultRule) -> Wire:
    """A connection whose answer `rule` holds back."""
    path = place.open_session()
    place.emulator.add_fault(rule)
    wire = Wire(place.url)
    wire.send(raw_event(path))
    arrived(place)
    assert not readable(wire)
    return wire


@pytest.mark.parametrize(
    "rule", [faults.delay(600, event="ping"), faults.hang(event="ping"), faults.drip(0.001, event="ping")]
)
def test_reset_cancels_what_is_held_at_once(place: Place, rule: faults.FaultRule) -> None:
    with held(place, rule) as wire:
        place.emulator.reset()
        assert wire.rest() == b""


@pytest.mark.parametrize(
    "free", [lambda emulator: emulator.remove_fault("slow"), lambda emulator: emulator.clear_faults()]
)
def test_removing_a_rule_frees_what_it_holds(place: Place, free: Any) -> None:
    with held(place, faults.delay(600, name="slow", event="ping")) as wire:
        free(place.emulator)
        assert wire.answer().startswith(b"HTTP/1.1 204")
    assert place.settled() == ["sent"]


def test_removing_a_drip_sends_the_rest_and_removing_a_hang_closes(place: Place) -> None:
    with held(place, faults.drip(0.001, event="ping")) as wire:
        place.emulator.clear_faults()
        assert wire.answer().endswith(b"\r\n\r\n")
    place.emulator.reset()
    with held(place, faults.hang(event="ping")) as wire:
        place.emulator.clear_faults()
        assert wire.rest() == b""


def test_another_rule_of_the_same_name_does_not_hold_what_the_first_held(place: Place) -> None:
    with held(place, faults.delay(600, name="slow", event="ping")) as wire:
        place.emulator.put_faults([faults.delay(600, name="slow", event="ping")])
        assert wire.answer().startswith(b"HTTP/1.1 204")


def test_other_rules_come_and_go_without_freeing_it(place: Place) -> None:
    with held(place, faults.delay(600, event="ping")) as wire:
        place.emulator.add_fault(faults.reset(name="other", event="play"))
        place.emulator.remove_fault("other")
        assert not readable(wire)
        place.emulator.advance(600)
        assert wire.answer().startswith(b"HTTP/1.1 204")


def test_a_frozen_clock_holds_and_a_resumed_one_lets_go(place: Place) -> None:
    place.emulator.freeze()
    with held(place, faults.delay(0.05, event="ping")) as wire:
        place.emulator.resume()
        assert wire.answer().startswith(b"HTTP/1.1 204")


def test_a_client_that_leaves_while_it_waits_is_noticed(place: Place) -> None:
    with held(place, faults.delay(600, event="ping")):
        pass
    assert place.settled() == ["client_gone"]


def test_a_held_answer_holds_up_neither_the_control_api_nor_other_sessions(place: Place) -> None:
    other, client = place.open_session(), place.client()
    wires = [held(place, faults.hang(params={"never": {"exists": False}}, name="all", session={"exists": True}))]
    victim = place.emulator.requests()[-1].session_id
    place.emulator.replace_faults([faults.hang(session=victim)])
    try:
        assert ask(client, other).status == 204
        admin = place.client()
        admin.request("GET", "/__admin/faults")
        (listed,) = json.loads(admin.getresponse().read())["faults"]
        assert listed["match"] == {"session": victim}
        admin.close()
    finally:
        client.close()
        for wire in wires:
            wire.socket.close()


def test_requests_pipelined_behind_a_held_one_are_answered_after_it_in_order(place: Place) -> None:
    place.emulator.freeze()
    path = place.open_session()
    place.emulator.add_fault(faults.delay(5, event="ping", times=1))
    with Wire(place.url) as wire:
        wire.send(raw_event(path))
        arrived(place)
        wire.send(raw_event(path) + raw_event(path).replace(b'"ping"', b'"nope"'))
        assert not readable(wire)
        place.emulator.advance(5)
        assert [wire.answer().split(b" ")[1] for _ in range(3)] == [b"204", b"204", b"400"]


def test_a_connection_is_as_usable_after_a_delay_as_before(place: Place) -> None:
    path, client = place.open_session(), place.client()
    place.emulator.add_fault(faults.delay(0.01, event="ping"))
    for _ in range(5):
        answer = ask(client, path)
        assert answer.status == 204
        answer.read()
    client.close()
    assert place.settled(5) == ["sent"] * 5


def test_the_server_stops_within_a_second_while_answers_hang(place: Place) -> None:
    emulator = Emulator(seed=1)
    thread = ServiceThread(Service(emulator))
    thread.start()
    other = Place(emulator, thread.service.url)
    wire = held(other, faults.hang(event="ping"))
    stopper = threading.Thread(target=thread.stop)
    stopper.start()
    stopper.join(1.5)
    assert not stopper.is_alive()
    wire.socket.close()
    assert [one.delivery for one in emulator.requests() if one.event_type == "ping"] == ["aborted"]


def test_no_fault_touches_the_control_api(mcmock_server: McmockServer) -> None:
    mcmock_server.faults.add(faults.reset())
    with Wire(mcmock_server.url) as wire:
        wire.send(b"GET /__admin/summary HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert wire.answer().startswith(b"HTTP/1.1 200 OK")


async def test_faults_work_in_an_application_of_your_own(aiohttp_client: Any) -> None:
    emulator = Emulator(seed=1)
    client: TestClient[Any, Any] = await aiohttp_client(create_app(emulator))
    emulator.freeze()
    emulator.add_fault(faults.delay(5, kind="session"))
    waiting = asyncio.ensure_future(client.post("/api/v1/sessions", json=body("sessionStart")))
    await asyncio.to_thread(emulator.wait_for, Match({"kind": "session"}))
    emulator.advance(5)
    assert (await waiting).status == 201


# -- the same faults whatever the load ------------------------------------------------------------------------------------


def play(place: Place, connections: int) -> set[tuple[str, float]]:
    """Eight players of eight films, sharing so many connections; which of their events met a fault."""
    place.emulator.reset()
    place.emulator.add_fault(faults.status(500, kind=["session", "event"], probability=0.3, side="after"))
    place.emulator.add_fault(faults.set_header("X", "y", event="ping", probability=0.3))
    threads = [
        threading.Thread(target=_players, args=(place, range(number, 8, connections))) for number in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {(str(one.session_id), one.playhead or 0.0) for one in place.emulator.requests() if one.fault}


def _players(place: Place, films: range) -> None:
    with Wire(place.url) as wire:
        for film in films:
            params = {**body("sessionStart")["params"], "media.id": f"film {film}"}
            wire.post("/api/v1/sessions", body("sessionStart", params=params))
            path = next(
                one.session_id for one in place.emulator.requests() if one.params.get("media.id") == f"film {film}"
            )
            for second in range(1, 5 + 5 * film):
                wire.post(f"/api/v1/sessions/{path}/events", body("ping", second))


def test_the_same_traffic_meets_the_same_faults_over_one_connection_and_over_eight(place: Place) -> None:
    alone, crowded = play(place, 1), play(place, 8)
    assert alone == crowded
    assert 40 < len(alone) < 160


# -- elsewhere ------------------------------------------------------------------------------------------------------------


def test_faults_are_the_same_over_tls(mcmock_server: McmockServer) -> None:
    pytest.importorskip("trustme", reason="the extra `tls` is not installed")
    context = ssl.create_default_context(cafile=str(mcmock_server.ca_file))
    address = urlsplit(mcmock_server.https_url)

    def met(path: str, times: int = 1, value: bytes = EVENT, timeout: float = 5) -> http.client.HTTPResponse:
        client = http.client.HTTPSConnection(str(address.hostname), address.port, timeout=timeout, context=context)
        with closing(client):
            for _ in range(times):
                answer = ask(client, path, value)
                answer.read()
        return answer

    path = f"{met('/api/v1/sessions', value=json.dumps(body('sessionStart')).encode()).headers['Location']}/events"
    mcmock_server.faults.replace(faults.reset(event="ping"))
    with pytest.raises(ConnectionResetError):
        met(path)
    mcmock_server.faults.replace(faults.close(event="ping"))
    with pytest.raises(http.client.RemoteDisconnected):
        met(path)
    mcmock_server.faults.replace(faults.delay(0.02, event="ping"))
    assert met(path, times=3).status == 204
    mcmock_server.faults.replace(faults.hang(event="ping"))
    with pytest.raises(TimeoutError):
        met(path, timeout=0.2)
    assert [one.status for one in mcmock_server.requests(event="ping")] == [0, 0, 204, 204, 204, 0]


def test_a_scope_has_faults_of_its_own(mcmock_server: McmockServer) -> None:
    with Wire(mcmock_server.url) as wire:
        assert wire.post("/~red/api/v1/sessions", body("sessionStart")).startswith(b"HTTP/1.1 201")
        rule = b'{"effect": {"type": "status", "code": 503}}'
        wire.send(
            b"POST /__admin/faults?scope=red HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            + f"Content-Length: {len(rule)}\r\n\r\n".encode() + rule
        )  # fmt: skip
        assert wire.answer().startswith(b"HTTP/1.1 200")
        assert wire.post("/~red/api/v1/sessions", body("sessionStart")).startswith(b"HTTP/1.1 503")
        assert wire.post("/api/v1/sessions", body("sessionStart")).startswith(b"HTTP/1.1 201")
