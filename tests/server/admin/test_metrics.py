"""`GET /__admin/metrics`: every number compared with what was sent, read back by a parser of the format."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.request import Request, urlopen

from prometheus_client.parser import text_string_to_metric_families

from mcmock import faults
from mcmock.core.model import Kind, Outcome, Verdict
from mcmock.engine import Emulator
from mcmock.engine.scopes import Scopes
from mcmock.server.admin.metrics import facts, render
from mcmock.server.request_counts import BOUNDS, RequestCounts
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, body, post, send, start

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            found[one.name, frozenset(one.labels.items())] = one.value
    return found


def scraped(server: McmockServer) -> Samples:
    with urlopen(f"{server.admin_url}/metrics", timeout=5) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return samples(answer.read().decode())


def value(found: Samples, name: str, **labels: Any) -> float:
    return found.get((name, frozenset((key, str(one)) for key, one in labels.items())), 0.0)


def requests(found: Samples) -> dict[tuple[str, str, str], float]:
    counted = {}
    for (name, labels), number in found.items():
        if name == "mcmock_requests_total":
            label = dict(labels)
            counted[label["kind"], label["outcome"], label["status"]] = number
    return counted


def open_session(url: str) -> str:
    with urlopen(Request(f"{url}/api/v1/sessions", json.dumps(body("sessionStart")).encode()), timeout=5) as answer:
        return str(answer.headers["Location"])


def test_requests_are_counted_by_kind_outcome_and_status() -> None:
    with McmockServer(faults=[faults.status(503, event="pauseStart", times=1)]) as server, Wire(server.url) as wire:
        path = open_session(server.url) + "/events"
        for event_type, status in (
            ("play", 204),
            ("ping", 204),
            ("pauseStart", 503),
            ("sessionEnd", 204),
            ("ping", 410),
        ):
            assert wire.post(path, body(event_type)).startswith(f"HTTP/1.1 {status}".encode())
        assert wire.post(path, b"{").startswith(b"HTTP/1.1 400")
        assert wire.post("/api/v1/sessions/nobody/events", body("ping")).startswith(b"HTTP/1.1 404")
        wire.send(b"GET /api/v1/schemas/ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wire.answer()
        wire.send(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wire.answer()
        found = scraped(server)
        assert requests(found) == {
            ("session", "good", "201"): 1,
            ("event", "good", "204"): 3,
            ("event", "faulted", "503"): 1,
            ("event", "bad", "410"): 1,
            ("event", "bad", "400"): 1,
            ("event", "bad", "404"): 1,
            ("schema", "other", "200"): 1,
            ("other", "other", "404"): 1,
        }
        assert (
            value(found, "mcmock_fault_hits_total", fault=server.emulator.faults()[0].rule.name, effect="status") == 1
        )
        assert value(found, "mcmock_sessions", state="ended") == 1
        assert value(found, "mcmock_request_seconds_count") == 10
        assert value(found, "mcmock_request_seconds_bucket", le="+Inf") == 10
        assert 0 < value(found, "mcmock_request_seconds_sum") < 5


def test_counters_outlive_a_reset_and_the_log_does_not(mcmock_server: McmockServer) -> None:
    before = requests(scraped(mcmock_server)).get(("session", "good", "201"), 0)
    open_session(mcmock_server.url)
    assert value(scraped(mcmock_server), "mcmock_log_requests") == 1
    mcmock_server.reset()
    found = scraped(mcmock_server)
    assert requests(found)["session", "good", "201"] == before + 1
    assert value(found, "mcmock_log_requests") == value(found, "mcmock_log_bytes") == 0


def test_bytes_that_are_no_http_are_counted(mcmock_server: McmockServer) -> None:
    before = sum(requests(scraped(mcmock_server)).values())
    with Wire(mcmock_server.url) as wire:
        wire.send(b"hello\r\n\r\n")
        assert wire.answer().startswith(b"HTTP/1.1 400")
    assert sum(requests(scraped(mcmock_server)).values()) == before + 1


def test_what_is_ignored_is_found_when_asked_for() -> None:
    """An ad outside its ad break: good on its arrival, ignored by what Analytics makes of the session."""
    emulator = Emulator()
    params = {"media.ad.id": "a", "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
    send(emulator, start(emulator), "adStart", params=params)
    assert emulator.summary().ignored == 1
    assert value(samples(render([facts(emulator)], RequestCounts()).decode()), "mcmock_requests_ignored") == 1


def test_a_full_log_says_what_it_let_go() -> None:
    emulator = Emulator(max_log_bytes=5000)
    session_id = start(emulator)
    for _ in range(50):
        send(emulator, session_id, "ping")
    found = samples(render([facts(emulator)], RequestCounts()).decode())
    assert value(found, "mcmock_log_evicted_total") == emulator.evicted > 0
    assert value(found, "mcmock_log_bytes") <= 5000
    assert value(found, "mcmock_log_requests") == emulator.summary().total


def test_scopes_are_one_server() -> None:
    scopes, meter = Scopes(Emulator()), RequestCounts()
    for path in ("/api/v1/sessions", "/~a/api/v1/sessions", "/~b/api/v1/sessions"):
        _, answer = scopes.handle(post(path, body("sessionStart")))
        meter.note(answer, 0.001)
    found = samples(render([*map(facts, scopes.each())], meter).decode())
    assert value(found, "mcmock_scopes") == 3
    assert value(found, "mcmock_log_requests") == 3
    assert sum(value for (name, _), value in found.items() if name == "mcmock_sessions") == 3


def test_two_servers_in_a_process_stay_two() -> None:
    with McmockServer() as first, McmockServer() as second:
        open_session(first.url)
        assert requests(scraped(second)) == {}
        assert requests(scraped(first)) == {("session", "good", "201"): 1}


def test_the_histogram_puts_each_time_into_its_bucket() -> None:
    meter, answer = RequestCounts(), Emulator().handle(post("/api/v1/sessions", body("sessionStart")))
    for seconds in (0.00005, 0.0001, 0.003, 2.0):
        meter.note(answer, seconds)
    buckets = dict(meter.buckets())
    assert (buckets["0.0001"], buckets["0.0025"], buckets["0.005"], buckets["1.0"], buckets["+Inf"]) == (2, 2, 3, 3, 4)
    assert list(buckets) == [*map(str, BOUNDS), "+Inf"]
    assert meter.seconds == 2.00315
    assert meter.counted() == [(Kind.SESSION, Outcome.GOOD, 201, 4)]
    assert answer.verdict is Verdict.CREATED


def test_nothing_is_lost_while_it_is_scraped(mcmock_server: McmockServer) -> None:
    before = sum(requests(scraped(mcmock_server)).values())
    path = open_session(mcmock_server.url) + "/events"

    def load() -> None:
        with Wire(mcmock_server.url) as wire:
            for _ in range(100):
                wire.post(path, body("ping"))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        scraped(mcmock_server)
    for thread in threads:
        thread.join()
    assert sum(requests(scraped(mcmock_server)).values()) == before + 401
