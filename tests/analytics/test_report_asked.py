"""The report and the outcomes as they are asked for: of a running emulator, over connections that race, from a full log."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock
from urllib.request import urlopen

import pytest

from mcmock.core.clock import Clock
from mcmock.core.match import Match
from mcmock.core.model import Outcome, Severity
from mcmock.engine import Emulator
from mcmock.server.admin.feed import Event, Feed
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, Wire, body, send, start

TS = 1_700_000_000_000
AD = {"media.ad.id": "a", "media.ad.length": 15.0, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
POD = {"media.ad.podIndex": 1, "media.ad.podSecond": 0.0}
VIEWER = {**START_PARAMS, "visitor.marketingCloudUserId": "1" * 38}


# -- an event that arrives after the one it should precede ----------------------------------------------------------------


def ad_start() -> dict[str, Any]:
    return body("adStart", ts=TS + 200, params=AD)


def ad_break_start() -> dict[str, Any]:
    return body("adBreakStart", ts=TS + 100, params=POD)


@pytest.fixture
def wires(mcmock_server: McmockServer) -> Iterator[tuple[Wire, Wire]]:
    with Wire(mcmock_server.url) as one, Wire(mcmock_server.url) as other:
        yield one, other


def opened(wire: Wire) -> str:
    """The path of a new session's events."""
    answer = wire.post("/api/v1/sessions", body("sessionStart"))
    return answer.partition(b"Location: ")[2].partition(b"\r\n")[0].decode() + "/events"


def asked(server: McmockServer, path: str, value: Any = None) -> Any:
    data = None if value is None else json.dumps(value).encode()
    with urlopen(server.admin_url + path, data) as answer:
        return json.load(answer)


def test_every_question_is_answered_by_what_is_true_now(mcmock_server: McmockServer, wires: tuple[Wire, Wire]) -> None:
    """The ad counts as soon as the break's start, which it overtook on another connection, is there."""
    events = opened(wires[0])
    wires[0].post(events, ad_start())
    ignored = {"match": {"event": "adStart", "outcome": "ignored"}, "count": 1}
    assert asked(mcmock_server, "/summary")["ignored"] == 1
    assert asked(mcmock_server, "/verify", ignored)["result"] == "pass"
    assert asked(mcmock_server, "/sessions")["sessions"][0]["counts"]["ignored"] == 1
    wires[1].post(events, ad_break_start())
    assert asked(mcmock_server, "/summary")["ignored"] == 0
    assert asked(mcmock_server, "/verify", ignored)["result"] == "fail"
    assert asked(mcmock_server, "/requests?event=adStart")["requests"][0]["outcome"] == "good"
    assert asked(mcmock_server, "/requests?outcome=ignored")["matched"] == 0
    assert asked(mcmock_server, "/sessions")["sessions"][0]["counts"]["ignored"] == 0
    assert asked(mcmock_server, "/sessions?brief=1")["sessions"][0]["counts"]["ignored"] == 0
    mcmock_server.assert_received(event="adStart", outcome="good", count=1)
    mcmock_server.assert_sequence(["sessionStart", "adBreakStart", "adStart"])
    assert mcmock_server.session().report.ad_count == 1


def test_who_waits_for_a_counted_ad_is_answered_when_its_break_arrives(
    mcmock_server: McmockServer, wires: tuple[Wire, Wire]
) -> None:
    events, found = opened(wires[0]), []
    wires[0].post(events, ad_start())
    waits = threading.Thread(target=lambda: found.extend(mcmock_server.wait_for(event="adStart", outcome="good")))
    waits.start()
    wires[1].post(events, ad_break_start())
    waits.join(timeout=5)
    assert [one.event_type for one in found] == ["adStart"]


def test_ads_count_whichever_connection_wins(mcmock_server: McmockServer, wires: tuple[Wire, Wire]) -> None:
    """What an SDK does: adBreakStart and adStart at once, on two connections. The stream ends with the same truth."""
    standing: dict[int, str] = {}
    with Feed(mcmock_server.emulator, None, lambda: None) as feed:
        for _ in range(20):
            race(wires, opened(wires[0]))
            standing |= follow(feed)
    assert mcmock_server.summary().ignored == 0
    mcmock_server.assert_received(event="adStart", outcome="good", count=20)
    assert [standing[one.seq] for one in mcmock_server.requests(event="adStart")] == ["good"] * 20


def race(wires: tuple[Wire, Wire], events: str) -> None:
    together = threading.Barrier(2)

    def play(wire: Wire, value: dict[str, Any]) -> None:
        together.wait(timeout=5)
        assert b"204 No Content" in wire.post(events, value)

    racers = [
        threading.Thread(target=play, args=one) for one in zip(wires, (ad_start(), ad_break_start()), strict=True)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(timeout=5)


def follow(feed: Feed) -> dict[int, str]:
    """The latest outcome that was told of each request since the last time."""
    events: list[Event] = []
    while more := feed.take():
        events += more
    return {event.value["seq"]: event.value["outcome"] for event in events if event.name in ("exchange", "outcome")}


# -- two sessions for one view --------------------------------------------------------------------------------------------


def rules_of(findings: Any) -> list[str]:
    return [finding.rule for finding in findings]


def test_a_session_left_empty_beside_another_of_its_view_says_so_wherever_sessions_are_shown(
    mcmock_server: McmockServer,
) -> None:
    emulator = mcmock_server.emulator
    empty, used = start(emulator, params=VIEWER), start(emulator, params=VIEWER)
    send(emulator, used, "play", ts=TS + 100)
    assert rules_of(mcmock_server.session(empty).findings) == ["location-unread"]
    assert rules_of(mcmock_server.session(used).findings) == []
    with pytest.raises(AssertionError, match="location-unread"):
        mcmock_server.session(empty).assert_no_findings(Severity.WARNING)
    first, second = asked(mcmock_server, "/sessions?brief=1")["sessions"]
    assert ([one["rule"] for one in first["findings"]], second["findings"]) == (["location-unread"], [])
    assert asked(mcmock_server, f"/sessions/{empty}")["findings"][0]["severity"] == "error"
    send(emulator, empty, "play", ts=TS + 100)
    (finding,) = mcmock_server.session(empty).findings
    assert "one view is counted as two" in finding.message


def test_sessions_of_other_viewers_and_from_before_a_reset_are_not_compared(emulator: Emulator) -> None:
    start(emulator, params=VIEWER)
    emulator.reset()
    empty = start(emulator, params=VIEWER)
    used = start(emulator, params={**VIEWER, "visitor.marketingCloudUserId": "2" * 38})
    send(emulator, used, "play")
    view = emulator.session(empty)
    assert view is not None
    assert view.findings == ()


def test_a_thousand_sessions_of_one_view_cost_no_more_than_their_neighbours() -> None:
    """Load tests play the same film as the same viewer: each session looks at sixteen others, not at all."""
    emulator = Emulator(seed=1)
    for _ in range(1000):
        start(emulator, params=VIEWER)
    with mock.patch.object(emulator.engine.analysis, "_summary", wraps=emulator.engine.analysis._summary) as summaries:
        assert len(emulator.queries.outlines()) == 1000
    assert summaries.call_count <= 1000 * 18


# -- requests that left a full log ----------------------------------------------------------------------------------------


def test_a_report_says_how_many_requests_it_misses() -> None:
    emulator = Emulator(seed=1, max_log_bytes=20_000)
    sid = start(emulator)
    for second in range(1, 200):
        send(emulator, sid, "ping", ts=TS + second)
    view = emulator.session(sid)
    assert view is not None
    assert view.report.evicted == emulator.evicted == 200 - len(view.exchanges) > 0
    assert view.report.to_json()["exact"]["evicted"] == emulator.evicted
    assert not view.report.media_starts  # sessionStart is among those that went


def test_what_was_counted_before_it_left_the_log_is_not_missed() -> None:
    emulator = Emulator(seed=1, max_log_bytes=20_000)
    sid = start(emulator)
    for second in range(1, 200):
        send(emulator, sid, "ping", ts=TS + second)
        emulator.session(sid)
    report = emulator.session(sid).report  # type: ignore[union-attr]
    assert emulator.evicted > 0
    assert (report.evicted, report.media_starts, report.session_time) == (0, True, 0.199)


def test_other_sessions_are_not_charged_with_what_left_the_log() -> None:
    emulator = Emulator(seed=1, max_log_bytes=20_000, time=Clock(lambda: TS / 1000))
    old, new = start(emulator), ""
    for _ in range(100):
        send(emulator, old, "ping")
    new = start(emulator)
    send(emulator, new, "play")
    reports = {view.id: view.report.evicted for view in emulator.sessions()}
    assert reports == {old: emulator.evicted, new: 0}
    assert emulator.requests(Match({"outcome": str(Outcome.IGNORED)})) == []
