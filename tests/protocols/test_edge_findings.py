"""What is found in sessions of the Media Edge API: what means the same as in the first API, and what only this one has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcmock.analytics.plan_format import from_toml
from mcmock.analytics.views import SessionView
from mcmock.core.clock import Clock
from mcmock.core.match import Match
from mcmock.core.model import Mode, Request
from mcmock.engine import Emulator
from mcmock.protocols.media_edge import MediaEdge
from tests.conftest import body as first_body
from tests.conftest import send as send_first
from tests.conftest import start as start_first
from tests.protocols.edge import (
    AD,
    CHAPTER,
    DETAILS,
    POD,
    body,
    handled,
    request,
    start,
    value_of,
    xdm,
)

FIXTURES = Path(__file__).parents[2] / "fixtures"


def told(path: Path) -> tuple[Emulator, SessionView]:
    """A recording told to an emulator, its one session."""
    came, ids = [0.0], dict[str, str]()
    emulator = Emulator(seed=1, time=Clock(lambda: came[0]))
    for line in path.read_text(encoding="utf-8").splitlines():
        sent = json.loads(line)
        came[0] = sent["epoch_ms"] / 1000
        target, text = sent["path"], sent["body_raw"]
        for recorded, ours in ids.items():
            target, text = target.replace(recorded, ours), text.replace(recorded, ours)
        headers = tuple((name.encode(), value.encode()) for name, value in sent["headers"])
        emulator.handle(Request(sent["method"], target, headers, text.encode()))
        if sent["kind"] == "session":
            ids[sent["response"]["sid"]] = emulator.sessions()[-1].id
    [session] = emulator.sessions()
    return emulator, session


def stamp(second: float) -> str:
    whole = round(second * 1000)
    return f"2023-11-14T22:{13 + (20_000 + whole) // 60_000:02}:{(20_000 + whole) % 60_000 / 1000:06.3f}Z"


Told = tuple[str, float, dict[str, Any]]


def play(emulator: Emulator, session_id: str, *story: Told, base: str = "/ee/irl1") -> SessionView:
    """Send events, each at its second, where the playhead stands as well unless its parts say otherwise."""
    for event_type, second, parts in story:
        event = xdm(event_type, session_id, stamp(second), **{"playhead": int(second), **parts})
        answer = emulator.handle(request(event_type, body(event), base=base))
        assert answer.response.status == 204, answer.response.body
    session = emulator.session(session_id)
    assert session is not None
    return session


def rules(session: SessionView) -> list[str]:
    return [one.rule for one in session.findings]


# -- the same story, told in both ------------------------------------------------------------------------------------------


def test_the_story_of_the_ads_counts_the_same_in_both_apis() -> None:
    """js3 and AEP Edge Media played the same; they differ by the clock of their run, by names, and by whole seconds."""
    _, first = told(FIXTURES / "clients" / "js3__ads.jsonl")
    _, edge = told(FIXTURES / "edge" / "android__ads.jsonl")
    assert first.events == edge.events
    one, other = first.report, edge.report
    seconds = {"content_time_spent", "media_time_spent", "ad_time_spent", "session_time", "unattributed_time"}
    for name in seconds:
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=0.2), name
    same = (
        "media_starts", "content_starts", "content_completes", "segment", "progress_10", "progress_25", "pause_count",
        "ad_count",
        "ad_starts", "ad_completes", "ad_break_count", "estimated_streams", "chapter_count", "error_count",
        "close_reason", "state",
    )  # fmt: skip
    assert {name: getattr(one, name) for name in same} == {name: getattr(other, name) for name in same}
    told_of = [[(ad.id, ad.outcome, ad.friendly_name, ad.pod_position) for ad in report.ads] for report in (one, other)]
    assert told_of[0] == told_of[1]
    breaks = [
        [(one.id, one.index, one.outcome, one.friendly_name) for one in report.ad_breaks] for report in (one, other)
    ]
    assert breaks[0] == breaks[1]
    assert {one.rule for one in first.findings} == {one.rule for one in edge.findings} == {"equal-timestamps"}


STORY: list[tuple[str, int, int]] = [
    ("adBreakStart", 0, 0), ("adStart", 0, 0), ("ping", 5, 0), ("adComplete", 15, 0), ("adBreakComplete", 15, 0),
    ("play", 16, 0), ("chapterStart", 16, 0), ("ping", 26, 10), ("pauseStart", 30, 14), ("play", 40, 14),
    ("bitrateChange", 44, 18),
    ("bufferStart", 46, 20), ("play", 48, 20), ("error", 49, 21), ("chapterSkip", 50, 22), ("sessionComplete", 52, 24),
    ("sessionEnd", 52, 24),
]  # fmt: skip
PARAMS: dict[str, dict[str, Any]] = {
    "sessionStart": {"media.id": "film-1", "media.length": 60, "media.contentType": "vod", "media.playerName": "a player",
                     "media.channel": "a channel", "media.streamType": "video", "analytics.trackingServer": "a.example",
                     "analytics.reportSuite": "suite", "visitor.marketingCloudOrgId": "0123456789ABCDEF01234567@AdobeOrg"},
    "adBreakStart": {"media.ad.podIndex": 1, "media.ad.podSecond": 0},
    "adStart": {"media.ad.id": "ad-1", "media.ad.length": 15, "media.ad.podPosition": 1, "media.ad.playerName": "a player"},
    "chapterStart": {"media.chapter.index": 1, "media.chapter.offset": 0, "media.chapter.length": 10},
}  # fmt: skip
QOE = {
    "bitrateChange": {"media.qoe.bitrate": 3200},
    "error": {"media.qoe.errorID": "e1", "media.qoe.errorSource": "player"},
}


def test_the_same_values_make_the_same_report_and_the_same_findings_to_the_last_number() -> None:
    one, other = Emulator(seed=1), Emulator(seed=1)
    one.freeze()
    other.freeze()
    first = start_first(one, params=PARAMS["sessionStart"])
    second = start(other)
    for event_type, at, playhead in STORY:
        parts: dict[str, Any] = {}
        if event_type in PARAMS:
            parts["params"] = PARAMS[event_type]
        if event_type in QOE:
            parts["qoeData"] = QOE[event_type]
        send_first(one, first, event_type, playhead, ts=1_700_000_000_000 + at * 1000, **parts)
    edge = play(other, second, *((event_type, at, {"playhead": playhead}) for event_type, at, playhead in STORY))
    session = one.session(first)
    assert session is not None
    assert rules(session) == rules(edge)
    mine, theirs = session.report.to_json(), edge.report.to_json()
    text = json.dumps(theirs).replace(second, first)
    assert json.loads(text) == json.loads(json.dumps(mine))


def test_a_finding_of_the_session_names_the_field_of_this_apis_body() -> None:
    emulator = Emulator(seed=1)
    session = play(
        emulator, start(emulator),
        ("adStart", 1, {}), ("play", 2, {}), ("ping", 12, {"playhead": 3}),
        ("statesUpdate", 13, {"statesStart": ..., "statesEnd": [{"name": "mute"}]}),
        ("bitrateChange", 14, {"qoeDataDetails": {}}),
    )  # fmt: skip
    found = {one.rule: one.path for exchange in session.exchanges for one in exchange.findings}
    at = "$.events[0].xdm"
    assert found["ad-outside-break"] == f"{at}.eventType"
    assert found["playhead-off-clock"] == f"{at}.mediaCollection.playhead"
    assert found["state-not-open"] == f"{at}.mediaCollection.statesEnd[0].name"
    assert found["bitrate-missing"] == f"{at}.mediaCollection.qoeDataDetails"


@pytest.mark.parametrize(
    ("event_type", "parts", "rule", "path"),
    [
        ("sessionStart", {"sessionDetails": {**DETAILS, "name": ""}}, "media-id-empty", "sessionDetails.name"),
        ("sessionStart", {"sessionDetails": {**DETAILS, "contentType": "movie"}}, "type-misspelt", "sessionDetails.contentType"),
        ("sessionStart", {"sessionDetails": {**DETAILS, "channel": "N/A"}}, "placeholder", "sessionDetails.channel"),
        ("sessionStart", {"sessionDetails": {**DETAILS, "firstAirDate": "25.1.20"}}, "date-form", "sessionDetails.firstAirDate"),
        ("sessionStart", {"customMetadata": [{"name": "media.x", "value": "1"}]}, "reserved-metadata-prefix", "customMetadata"),
        ("adStart", {"advertisingDetails": {**AD, "podPosition": 0}}, "pod-position-base", "advertisingDetails.podPosition"),
        ("adBreakStart", {"advertisingPodDetails": {**POD, "index": -1}}, "pod-index-base", "advertisingPodDetails.index"),
        ("play", {"qoeDataDetails": {"bitrate": 3_200_000}}, "bitrate-in-bits", "qoeDataDetails.bitrate"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_value_is_said_in_both_apis_with_this_ones_field(
    event_type: str, parts: dict[str, Any], rule: str, path: str
) -> None:
    emulator = Emulator(seed=1)
    session_id = None if event_type == "sessionStart" else start(emulator)
    handled(emulator, event_type, session_id, **parts)
    [found] = [one for one in emulator.requests()[-1].findings if one.rule == rule]
    assert found.path == f"$.events[0].xdm.mediaCollection.{path}"
    if path != "customMetadata":
        assert found.message.startswith(f"events[0].xdm.mediaCollection.{path} ")


def test_a_tracking_plan_judges_both_with_each_ones_paths() -> None:
    emulator = Emulator(seed=1, plan=from_toml('[content.vod.sessionStart.params]\n"media.show" = "required"'))
    start(emulator)
    [found] = [one for one in emulator.requests()[0].findings if one.rule == "plan-missing"]
    assert found.path == "$.events[0].xdm.mediaCollection.sessionDetails.show"


# -- what only this API has -----------------------------------------------------------------------------------------------


def test_a_start_refused_in_a_207_says_that_its_status_is_one_of_success() -> None:
    emulator = Emulator(seed=1)
    answer = handled(emulator, "sessionStart", playhead=-1)
    assert answer.response.status == 207
    assert [one.rule for one in emulator.requests()[-1].findings] == ["wrong-value", "refused-in-207"]
    handled(emulator, "play", None)
    assert [one.rule for one in emulator.requests()[-1].findings] == ["session-id-missing"]


def test_events_that_go_to_no_region_are_said_once_for_the_session() -> None:
    emulator = Emulator(seed=1)
    story: list[Told] = [("play", 1, {}), ("ping", 11, {})]
    assert rules(play(emulator, start(emulator), *story, base="/ee")) == ["hint-not-followed"]
    other = Emulator(seed=1)
    assert rules(play(other, start(other), *story)) == []


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ({}, True),
        ({"query": {"identity": {"fetch": ["ECID"]}}}, False),
        ({"xdm": {"identityMap": {"FPID": [{"id": "x"}]}}}, False),
        ({"xdm": {"identitymap": {"ECID": [{"id": "1" * 38}]}}}, False),
    ],
)
def test_a_start_that_names_nobody_and_asks_for_nobody_is_said(more: dict[str, Any], missing: bool) -> None:
    emulator = Emulator(seed=1)
    nobody = {name: value for name, value in xdm("sessionStart").items() if name != "identityMap"}
    emulator.handle(request("sessionStart", body(nobody, **more)))
    assert ("identity-missing" in [one.rule for one in emulator.requests()[-1].findings]) is missing


def test_position_and_time_in_each_others_place_are_said() -> None:
    """alloy 2.31.1's tracker: a mid-roll at 4.5 s is `{index: 4.5, offset: 2}`, and chapters likewise."""
    emulator = Emulator(seed=1)
    session = play(
        emulator, start(emulator),
        ("play", 0, {}), ("adBreakStart", 4, {"advertisingPodDetails": {"index": 4.5, "offset": 2}}),
        ("adStart", 4, {}), ("adComplete", 19, {"playhead": 4}), ("adBreakComplete", 19, {"playhead": 4}),
        ("chapterStart", 20, {"playhead": 24, "chapterDetails": {**CHAPTER, "index": 24, "offset": 3}}),
    )  # fmt: skip
    found = [one.path for exchange in session.exchanges for one in exchange.findings if one.rule == "arguments-swapped"]
    at = "$.events[0].xdm.mediaCollection"
    assert found == [f"{at}.advertisingPodDetails.index", f"{at}.chapterDetails.index"]


def test_what_is_left_open_at_the_end_is_said_where_the_first_apis_sdks_closed_it() -> None:
    emulator = Emulator(seed=1)
    left = play(
        emulator, start(emulator), ("play", 0, {}), ("chapterStart", 0, {}), ("adBreakStart", 5, {}), ("adStart", 5, {}),
        ("sessionEnd", 8, {"playhead": 5}),
    )  # fmt: skip
    assert {"ad-not-closed", "ad-break-not-closed", "chapter-not-closed"} <= set(rules(left))


def test_pings_after_the_end_are_said_once_in_both_apis() -> None:
    emulator = Emulator(seed=1)
    story = [
        ("play", 0, {}),
        ("sessionComplete", 60, {}),
        ("ping", 70, {"playhead": 60}),
        ("ping", 80, {"playhead": 60}),
    ]
    assert rules(play(emulator, start(emulator), *story)).count("ping-after-complete") == 1
    first = start_first(emulator)
    for event_type, second in (("play", 0), ("sessionComplete", 60), ("ping", 70), ("ping", 80)):
        send_first(emulator, first, event_type, min(second, 60), ts=1_700_000_000_000 + second * 1000)
    session = emulator.session(first)
    assert session is not None
    assert "ping-after-complete" in rules(session)


@pytest.mark.fidelity("E-38")
@pytest.mark.parametrize(
    ("ids", "requests", "again"),
    [
        (("a", "a"), ("1", "2"), True),  # android: the same _id in another request
        (("a", "b"), ("1", "1"), False),
        ((None, None), ("1", "1"), True),  # alloy: the same request, sent again
        ((None, None), ("1", "2"), False),
        ((None, None), (None, None), True),  # nothing tells them but what they say
    ],
)
def test_an_event_is_told_from_its_repetition_by_its_id_else_by_its_requests(
    ids: tuple[str | None, str | None], requests: tuple[str | None, str | None], again: bool
) -> None:
    emulator = Emulator(seed=1)
    session_id = start(emulator)
    for one, request_id in zip(ids, requests, strict=True):
        event = {**xdm("pauseStart", session_id), **({"_id": one} if one else {})}
        sent = request("pauseStart", body(event))
        target = sent.target + (f"&requestId={request_id}" if request_id else "")
        assert emulator.handle(sent._replace(target=target)).response.status == 204
    assert ("duplicate-event" in [one.rule for one in emulator.requests()[-1].findings]) is again


def test_the_ids_of_sessions_depend_on_what_is_watched_and_not_on_who_came_first() -> None:
    def ids(*names: str) -> dict[str, str]:
        emulator = Emulator(seed=7)
        return {name: start(emulator, sessionDetails={**DETAILS, "name": name}) for name in names}

    assert ids("a", "b") == ids("b", "a")


def test_both_apis_are_in_one_log_and_one_match_finds_them() -> None:
    emulator = Emulator(seed=1)
    start(emulator, sessionDetails={**DETAILS, "name": "film"})
    start_first(emulator, params={**first_body("sessionStart")["params"], "media.id": "film"})
    found = emulator.requests(Match({"params": {"media.id": "film"}}))
    assert [one.protocol.name for one in found] == ["media-edge", "media-collection"]
    assert emulator.mode is Mode.DEFAULT
    assert value_of(emulator.handle(request("interact", body())))["handle"] == []


def test_a_request_of_the_first_api_never_meets_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> bool:
        raise AssertionError("asked")

    for name in ("owns", "read", "events", "session_named"):
        monkeypatch.setattr(MediaEdge, name, never)
    emulator = Emulator(seed=1)
    send_first(emulator, start_first(emulator), "play")
    assert emulator.summary().good == 2


def test_starts_whose_session_nobody_read_are_told_in_this_apis_words() -> None:
    """Android waits for five seconds and starts again; THEOplayer tries three times."""
    emulator = Emulator(seed=1)
    for _ in range(3):
        start(emulator)
        emulator.advance(2)
    [found] = [one for one in emulator.sessions()[0].findings if one.rule == "location-unread"]
    assert "3 starts, no event; the player never read the sessionId in the answer (a 207, " in found.message
