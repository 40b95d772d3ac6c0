"""The seam holds: an API of another kind is served, logged, faulted, queried, reported and exported by the same engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from mcmock import faults
from mcmock.core.match import Match
from mcmock.core.model import Outcome, Verdict
from mcmock.engine import Emulator
from mcmock.protocols.registry import default_protocols
from mcmock.server import Service, ServiceThread
from tests.conftest import START_PARAMS, body
from tests.protocols import toy

TS = 1_700_000_000_000
FILM = {"media.id": "film", "media.name": "Film", "media.length": 60, "media.contentType": "vod"}


@pytest.fixture
def service() -> Iterator[Service]:
    """A server of both APIs."""
    emulator = Emulator(seed=1, protocols=(*default_protocols(), toy.Toy()))
    served = Service(emulator, port=0)
    thread = ServiceThread(served)
    thread.start()
    yield served
    thread.stop()


def asked(service: Service, path: str, value: Any, method: str = "POST") -> tuple[int, dict[str, str], Any]:
    """Send a body over a socket; the status, the header lines and the value of the answer."""
    place = urlsplit(service.url)
    connection = HTTPConnection(place.hostname or "", place.port or 0, timeout=10)
    connection.request(method, path, json.dumps(value), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), json.loads(text or b"null")


def track(
    service: Service, do: str, viewing: str | None, second: float, **more: Any
) -> tuple[int, dict[str, str], Any]:
    value = {"do": do, "viewing": viewing, "second": second, "when": TS + round(second * 1000), **more}
    return asked(service, toy.PATH, value)


def control(service: Service, path: str) -> Any:
    with urlopen(f"{service.url}/__admin/{path}") as answer:
        text = answer.read()
    return [json.loads(line) for line in text.splitlines()] if path.endswith("ndjson") else json.loads(text)


def watched(service: Service) -> str:
    status, headers, value = track(service, "open", None, 0, about=FILM)
    assert (status, headers["X-Toy"]) == (200, "1")
    viewing = str(value["viewing"])
    for do, second in (("go", 0), ("tick", 10), ("tick", 20)):
        assert track(service, do, viewing, second)[0] == 202
    return viewing


def test_it_is_at_most_80_lines() -> None:
    assert len(Path(toy.__file__).read_text().splitlines()) <= 80


def test_it_is_served_logged_and_reported(service: Service) -> None:
    viewing = watched(service)
    assert track(service, "bye", viewing, 25)[0] == 202
    assert track(service, "tick", viewing, 30)[0::2] == (409, {"oops": "it was ended"})
    assert track(service, "tick", "nobody", 30)[0] == 404
    assert track(service, "dance", viewing, 30)[0::2] == (422, {"oops": "what?"})
    assert asked(service, toy.PATH, "no object")[0] == 422
    log = service.emulator.requests()[:8]
    assert [one.event_type for one in log[:5]] == ["sessionStart", "play", "ping", "ping", "sessionEnd"]
    assert [one.verdict for one in log[4:]] == [Verdict.ACCEPTED, Verdict.GONE, Verdict.UNKNOWN, Verdict.MALFORMED]
    assert [one.outcome for one in log] == [Outcome.GOOD] * 5 + [Outcome.BAD] * 3
    assert {one.protocol.name for one in log} == {"toy"}
    report = control(service, f"sessions/{viewing}/report")
    assert (report["exact"]["contentTimeSpent"], report["exact"]["mediaStarts"]) == (25.0, True)
    assert control(service, f"sessions/{viewing}")["media"]["media.id"] == "film"


def test_it_is_queried_by_what_its_events_hold(service: Service) -> None:
    viewing = watched(service)
    found = service.emulator.requests(Match({"playhead": {"min": 10}, "session": viewing}))
    assert [(one.event_type, one.playhead, one.ts) for one in found] == [
        ("ping", 10, TS + 10_000),
        ("ping", 20, TS + 20_000),
    ]
    [start] = service.emulator.requests(Match({"params": {"media.id": "film"}}))
    assert start.event_type == "sessionStart"
    [same] = control(service, "requests?params.media.id=film")["requests"]
    assert (same["seq"], same["protocol"]) == (start.seq, "toy")


def test_a_fault_meets_it_by_event_and_by_playhead(service: Service) -> None:
    service.emulator.add_fault(faults.status(503, event="ping", playhead={"min": 25}, side="before"))
    service.emulator.add_fault(faults.expire_session(event="sessionEnd"))
    viewing = watched(service)
    assert track(service, "tick", viewing, 30)[0] == 503
    assert track(service, "bye", viewing, 31)[0::2] == (409, {"oops": "it has expired"})
    assert [one.fault.effect for one in service.emulator.requests() if one.fault] == ["status", "expire_session"]


def test_what_is_ignored_is_said_with_its_own_paths(service: Service) -> None:
    """Findings are about events, wherever a body holds them."""
    viewing = watched(service)
    track(service, "tick", viewing, 21, when=TS + 5_000)
    found = [(one.rule, one.path) for entry in service.emulator.requests() for one in entry.findings]
    assert ("timestamp-backwards", "$.when") in found


def test_it_is_exported(service: Service) -> None:
    watched(service)
    lines = control(service, "requests.ndjson")[1:]
    assert [(one["path"], one["protocol"], one["eventType"]) for one in lines][1] == (toy.PATH, "toy", "play")
    entries = control(service, "requests.har")["log"]["entries"]
    assert json.loads(entries[2]["request"]["postData"]["text"])["second"] == 10


def test_both_apis_are_served_side_by_side(service: Service) -> None:
    watched(service)
    status, headers, _ = asked(service, "/api/v1/sessions", body("sessionStart", params=START_PARAMS))
    assert (status, "Location" in headers) == (201, True)
    status, _, value = asked(service, headers["Location"] + "/events", body("play"))
    assert (status, value) == (204, None)
    assert [one.protocol.name for one in service.emulator.requests()] == ["toy"] * 4 + ["media-collection"] * 2
