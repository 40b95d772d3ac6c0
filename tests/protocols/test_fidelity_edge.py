"""The rows of docs/fidelity.md about the Media Edge API: what each mode answers, and what it finds."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mcmock import faults
from mcmock.core import findings
from mcmock.core.model import Answer, Kind, Mode, Outcome, Verdict
from mcmock.engine import Emulator
from mcmock.protocols.media_edge import MediaEdge
from mcmock.protocols.media_edge.problems import NO_STATES, NO_TIME, PLAYHEAD_RANGE
from mcmock.protocols.media_edge.routes import EVENT_TYPES
from mcmock.testing.server import McmockServer
from tests.conftest import Wire
from tests.protocols.edge import (
    AD,
    DETAILS,
    ECID,
    IDENTITY,
    SID,
    TS,
    body,
    details,
    handled,
    handles,
    request,
    session_in,
    start,
    value_of,
    xdm,
)

MISSING = "Missing required field"
AT = "$.events[0].xdm"
COLLECTION = f"{AT}.mediaCollection"
MODES = [Mode.DEFAULT, Mode.STRICT, Mode.LOOSE]


def emulator_in(mode: Mode = Mode.DEFAULT, **options: Any) -> Emulator:
    return Emulator(seed=1, strict=mode is Mode.STRICT, loose=mode is Mode.LOOSE, **options)


@pytest.fixture
def emulator() -> Emulator:
    return emulator_in()


def found_in(emulator: Emulator) -> list[str]:
    """The rules of the latest request that were found on its arrival."""
    entry = emulator.engine.log.get(emulator.last_seq)
    assert entry is not None
    return [one.rule for one in entry.findings]


# -- paths ----------------------------------------------------------------------------------------------------------------


@pytest.mark.fidelity("E-01")
@pytest.mark.parametrize(
    "base", ["/ee", "/ee/or2", "/ee/xyz9", "/ee-pre-prd", "/ee-pre-prd/va6", "/my/ee", "/my/ee/irl1", ""]
)
def test_every_event_has_a_path_under_any_base_and_any_hint(emulator: Emulator, base: str) -> None:
    for event_type in EVENT_TYPES[1:]:
        started = emulator.handle(request("sessionStart", body(xdm("sessionStart")), base=base))
        answer = emulator.handle(request(event_type, body(xdm(event_type, session_in(started))), base=base))
        assert (answer.response.status, answer.response.body) == (204, b"")


@pytest.mark.fidelity("E-02")
@pytest.mark.parametrize("door", ["interact", "collect"])
def test_a_session_starts_at_either_door_and_what_is_no_media_event_gets_no_handle(
    emulator: Emulator, door: str
) -> None:
    started = emulator.handle(request(door, body(xdm("sessionStart"))))
    assert (started.response.status, started.kind) == (200, Kind.SESSION)
    played = emulator.handle(request(door, body(xdm("play", session_in(started)))))
    assert (played.response.status, value_of(played)["handle"], played.kind) == (200, [], Kind.EVENT)
    for sent in (body({"eventType": "web.webpagedetails.pageViews"}), body(), {}):
        other = emulator.handle(request(door, sent))
        assert (other.response.status, value_of(other)["handle"], other.kind) == (200, [], Kind.INTERACT)
    assert [one.outcome for one in emulator.requests()] == [Outcome.GOOD] * 2 + [Outcome.OTHER] * 3


@pytest.mark.fidelity("E-02")
def test_the_web_sdks_own_paths_are_answered_as_it_needs(emulator: Emulator) -> None:
    """`getIdentity` and `setConsent`: neither is a media event, and both would reject at a 404."""
    asked = emulator.handle(request("identity/acquire", {"query": {"identity": {"fetch": ["ECID"]}}}))
    assert set(handles(asked)) == {"identity:result", "locationHint:result", "state:store"}
    consent = emulator.handle(
        request("privacy/set-consent", {"consent": [{"standard": "Adobe", "value": {"general": "in"}}]})
    )
    assert (consent.response.status, value_of(consent)["handle"]) == (200, [])
    assert [one.kind for one in emulator.requests()] == [Kind.INTERACT] * 2


@pytest.mark.fidelity("E-03")
def test_another_path_is_404_and_another_method_405_and_both_are_said_to_be_astray(emulator: Emulator) -> None:
    astray = emulator.handle(request("seekStart", body(xdm("play"))))
    assert (astray.response.status, value_of(astray)["type"], found_in(emulator)) == (
        404,
        "about:blank",
        ["misdirected"],
    )
    other = emulator.handle(request("play", {})._replace(target="/ee/v1/personalize"))
    assert (other.response.status, found_in(emulator)) == (404, [])
    put = emulator.handle(request("play", body(xdm("play")))._replace(method="PUT"))
    assert (put.response.status, dict(put.response.headers)["Allow"]) == (405, "POST, OPTIONS")
    assert put.verdict is Verdict.NO_ROUTE


# -- the datastream -------------------------------------------------------------------------------------------------------


@pytest.mark.fidelity("E-04")
@pytest.mark.parametrize("word", ["sessionStart", "interact"])
def test_a_start_without_a_datastream_is_refused(emulator: Emulator, word: str) -> None:
    answer = emulator.handle(request(word, body(xdm("sessionStart")), config=None))
    assert answer.response.status == 400
    assert value_of(answer)["type"] == "https://ns.adobe.com/aep/errors/EXEG-0002-400"
    assert dict(answer.response.headers)["content-type"] == "application/problem+json"


@pytest.mark.fidelity("E-05")
@pytest.mark.parametrize("mode", MODES)
def test_an_event_without_a_datastream_is_taken_unless_strict(mode: Mode) -> None:
    emulator = emulator_in(mode)
    answer = emulator.handle(request("play", body(xdm("play", start(emulator))), config=None))
    assert answer.response.status == (400 if mode is Mode.STRICT else 204)
    assert found_in(emulator) == ["datastream-missing-on-event"]


@pytest.mark.fidelity("E-06")
def test_a_datastream_that_is_not_there_is_refused_by_its_name() -> None:
    emulator = emulator_in(datastream=["ds-1"])
    assert start(emulator)
    answer = emulator.handle(request("sessionStart", body(xdm("sessionStart")), config="ds-2"))
    said = value_of(answer)
    assert (answer.response.status, said["type"]) == (400, "https://ns.adobe.com/aep/errors/EXEG-0003-400")
    assert said["detail"].startswith("The datastream ID 'ds-2' referenced in your request does not exist.")
    assert found_in(emulator) == ["datastream-unknown"]


@pytest.mark.fidelity("E-07")
def test_a_datastream_without_media_analytics_starts_no_session() -> None:
    emulator = emulator_in(datastream_without_media=["ds-1"])
    answer = handled(emulator, "sessionStart")
    assert answer.response.status == 200
    assert set(handles(answer)) == {"locationHint:result", "state:store"}
    assert (emulator.sessions(), emulator.summary().bad) == ([], 1)
    assert found_in(emulator) == ["datastream-without-media"]


# -- what is answered -----------------------------------------------------------------------------------------------------

RECORDED = [
    "x-request-id", "x-rate-limit-remaining", "vary", "date", "x-konductor", "x-adobe-edge", "server", "content-type",
    "content-length", "strict-transport-security", "cache-control", "x-xss-protection", "x-content-type-options", "connection",
]  # fmt: skip


@pytest.mark.fidelity("E-08")
def test_the_header_lines_of_a_start_are_the_recorded_ones_in_their_order(emulator: Emulator) -> None:
    answer = handled(emulator, "sessionStart")
    assert [name for name, _ in answer.response.headers] == RECORDED
    sent = dict(answer.response.headers)
    assert (sent["x-rate-limit-remaining"], sent["vary"], sent["server"]) == ("599", "Origin", "jag")
    assert (sent["x-adobe-edge"], sent["content-type"]) == ("IRL1;6", "application/json;charset=utf-8")
    assert sent["x-request-id"] != value_of(answer)["requestId"]
    event = handled(emulator, "play", session_in(answer))
    assert [name for name, _ in event.response.headers] == [one for one in RECORDED if not one.startswith("content")]


@pytest.mark.fidelity("E-09")
def test_no_browser_is_told_to_remember_that_this_host_speaks_https(emulator: Emulator) -> None:
    sent = dict(handled(emulator, "sessionStart").response.headers)
    assert sent["strict-transport-security"] == "max-age=0; includeSubDomains"


@pytest.mark.fidelity("E-10")
@pytest.mark.parametrize(("word", "status"), [("play", 404), ("seek", 404), ("sessionStart", 200), ("interact", 200)])
def test_cors_mirrors_the_origin_with_credentials_on_errors_too(emulator: Emulator, word: str, status: int) -> None:
    sent = body(xdm("sessionStart" if word in ("sessionStart", "interact") else "play"))
    answer = emulator.handle(request(word, sent, ("Origin", "https://tv.example")))
    assert answer.response.status == status
    lines = dict(answer.response.headers)
    assert lines["Access-Control-Allow-Origin"] == "https://tv.example"
    assert lines["Access-Control-Allow-Credentials"] == "true"
    assert lines["Access-Control-Expose-Headers"] == "Retry-After, X-Adobe-Edge, X-Request-ID"
    asked = emulator.handle(request(word, sent, ("Origin", "https://tv.example"))._replace(method="OPTIONS", body=b""))
    if word != "seek":
        assert dict(asked.response.headers)["Access-Control-Allow-Headers"] == "Content-Type"


STREAMED = {"konductorConfig": {"streaming": {"enabled": True, "recordSeparator": "\0", "lineFeed": "\n"}}}


@pytest.mark.fidelity("E-11")
def test_answers_are_streamed_as_records_exactly_when_that_is_asked_for(emulator: Emulator) -> None:
    asked = emulator.handle(request("sessionStart", body(xdm("sessionStart"), meta=STREAMED)))
    assert asked.response.body[:1] + asked.response.body[-1:] == b"\0\n"
    assert json.loads(asked.response.body[1:-1])["handle"]
    refused = emulator.handle(request("sessionStart", body(xdm("sessionStart", playhead=-1), meta=STREAMED)))
    assert (refused.response.status, refused.response.body[:1]) == (207, b"\0")
    plain = emulator.handle(request("play", body(xdm("play"), meta=STREAMED)))
    assert (plain.response.status, plain.response.body[:1]) == (404, b"{")
    assert handled(emulator, "sessionStart").response.body[:1] == b"{"


@pytest.mark.fidelity("E-12")
@pytest.mark.parametrize("content_type", ["text/plain; charset=UTF-8", "application/json", "text/javascript"])
def test_bodies_of_any_documented_type_are_read(emulator: Emulator, content_type: str) -> None:
    sent = request("sessionStart", body(xdm("sessionStart")), ("Content-Type", content_type))
    assert emulator.handle(sent).response.status == 200
    assert found_in(emulator) == []


@pytest.mark.fidelity("E-13")
def test_a_start_is_answered_with_its_session_its_region_and_its_cookies(emulator: Emulator) -> None:
    answer = emulator.handle(request("interact", body({"eventType": "web.view"}, xdm("sessionStart"))))
    value = value_of(answer)
    first, second, third = value["handle"]
    assert list(first) == ["payload", "type", "eventIndex"]
    assert (first["type"], first["eventIndex"]) == ("media-analytics:new-session", 1)
    assert len(first["payload"][0]["sessionId"]) == 64
    assert second["type"] == "locationHint:result"
    assert {"scope": "EdgeNetwork", "hint": "irl1", "ttlSeconds": 1800} in second["payload"]
    cluster, identity = third["payload"]
    assert cluster == {"key": "kndctr_0123456789ABCDEF01234567_AdobeOrg_cluster", "value": "irl1", "maxAge": 1800}
    assert (identity["key"], identity["maxAge"]) == ("kndctr_0123456789ABCDEF01234567_AdobeOrg_identity", 34128000)
    assert base64.urlsafe_b64decode(identity["value"])[2:40] == ECID.encode()


@pytest.mark.fidelity("E-14")
def test_an_ecid_is_told_where_it_is_asked_for_and_stays_with_its_cookie(emulator: Emulator) -> None:
    nobody = {name: value for name, value in xdm("sessionStart").items() if name != "identityMap"}
    asked = body(nobody, query={"identity": {"fetch": ["ECID"]}})
    answer = emulator.handle(request("sessionStart", asked))
    [given] = handles(answer)["identity:result"]
    assert (len(given["id"]), given["namespace"]) == (38, {"code": "ECID"})
    entries = [{"key": one["key"], "value": one["value"]} for one in handles(answer)["state:store"]]
    again = emulator.handle(request("sessionStart", {**asked, "meta": {"state": {"entries": entries}}}))
    assert handles(again)["identity:result"] == [given]
    assert "identity:result" not in handles(handled(emulator, "sessionStart"))


@pytest.mark.fidelity("E-15")
@pytest.mark.parametrize(("base", "hint", "edge"), [("/ee", "irl1", "IRL1;6"), ("/ee/or2", "or2", "OR2;9")])
def test_the_hint_is_the_same_in_both_places_and_that_of_the_path(
    emulator: Emulator, base: str, hint: str, edge: str
) -> None:
    answer = emulator.handle(request("sessionStart", body(xdm("sessionStart")), base=base))
    given = [one["hint"] for one in handles(answer)["locationHint:result"] if one["scope"] == "EdgeNetwork"]
    stored = [one["value"] for one in handles(answer)["state:store"] if one["key"].endswith("_cluster")]
    assert (given, stored, dict(answer.response.headers)["x-adobe-edge"]) == ([hint], [hint], edge)


# -- what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.fidelity("E-16")
@pytest.mark.parametrize("word", ["sessionStart", "interact"])
def test_a_bad_start_is_a_207_with_all_that_is_wrong_and_no_session(emulator: Emulator, word: str) -> None:
    without = {name: value for name, value in DETAILS.items() if name != "name"}
    sent = xdm("sessionStart", ts="2022-05-19 19:31", sessionDetails=without)
    answer = emulator.handle(request(word, body(sent)))
    assert answer.response.status == 207
    assert set(handles(answer)) == {"locationHint:result", "state:store"}
    [error] = value_of(answer)["errors"]
    assert {key: error[key] for key in ("type", "status", "title")} == {
        "type": "https://ns.adobe.com/aep/errors/va-edge-0400-400", "status": 400, "title": "Invalid request",
    }  # fmt: skip
    assert error["report"]["eventIndex"] == 0
    assert set(details(answer)) == {
        ("$.xdm.mediaCollection.sessionDetails.name", MISSING), ("$.xdm.timestamp", NO_TIME),
    }  # fmt: skip
    assert (emulator.sessions(), emulator.requests()[-1].outcome) == ([], Outcome.BAD)


@pytest.mark.fidelity("E-17")
def test_a_bad_event_is_a_400_with_all_that_is_wrong(emulator: Emulator) -> None:
    answer = handled(
        emulator, "adStart", SID[:63], playhead=..., advertisingDetails={"name": "ad-1", "playerName": "a player"}
    )
    said = value_of(answer)
    assert (answer.response.status, said["status"], said["title"]) == (400, 400, "Bad Request")
    assert said["type"] == "https://ns.adobe.com/aep/errors/va-edge-0400-400"
    assert said["detail"] == "Invalid request. Please check your input and try again."
    assert list(said["report"]) == ["details", "requestId"]
    assert sorted(details(answer)) == [
        (f"{COLLECTION}.advertisingDetails.length", MISSING),
        (f"{COLLECTION}.advertisingDetails.podPosition", MISSING),
        (f"{COLLECTION}.playhead", MISSING),
        (f"{COLLECTION}.sessionID", "Unexpected error. Hint: InvalidApiSidLength=63"),
    ]


@pytest.mark.fidelity("E-18")
def test_an_event_on_the_path_of_another_is_refused_in_one_sentence(emulator: Emulator) -> None:
    answer = emulator.handle(request("chapterStart", body(xdm("adBreakStart"))))
    assert answer.response.status == 400
    assert details(answer) == "The payload eventType adBreakStart was different from the path eventType chapterStart"


@pytest.mark.fidelity("E-19")
def test_a_session_nobody_knows_is_404(emulator: Emulator) -> None:
    answer = handled(emulator, "play")
    said = value_of(answer)
    assert (answer.response.status, said["title"]) == (404, "Not Found")
    assert said["type"] == "https://ns.adobe.com/aep/errors/va-edge-0404-404"
    assert said["detail"] == "The requested resource could not be found but may be available again in the future."
    assert details(answer).endswith("If the session is longer than 24h, please start a new one. Returning Not Found")


@pytest.mark.fidelity("E-28")
def test_a_session_that_ended_is_404_and_one_that_expired_410(emulator: Emulator) -> None:
    ended, expired = start(emulator), start(emulator)
    handled(emulator, "sessionEnd", ended)
    emulator.expire(expired)
    answers = [handled(emulator, "play", one, "2023-11-14T22:13:30.000Z") for one in (ended, expired)]
    assert [(one.response.status, value_of(one)["title"]) for one in answers] == [(404, "Not Found"), (410, "Gone")]
    assert [one.verdict for one in answers] == [Verdict.GONE, Verdict.GONE]


@pytest.mark.fidelity("E-29")
def test_a_rate_limit_is_429_with_retry_after_in_the_apis_own_form(emulator: Emulator) -> None:
    session_id = start(emulator)
    emulator.add_fault(faults.status(429, headers={"Retry-After": "2"}, event="play"))
    answer = handled(emulator, "play", session_id)
    assert (answer.response.status, dict(answer.response.headers)["Retry-After"]) == (429, "2")
    assert {"type", "status", "title", "report"} <= set(value_of(answer))
    emulator.add_fault(faults.status(207, kind="session"))
    refused = handled(emulator, "sessionStart")
    assert (refused.response.status, value_of(refused)["errors"][0]["status"]) == (207, 400)


# -- bodies ---------------------------------------------------------------------------------------------------------------


def answered(mode: Mode, event_type: str, ts: str | None = TS, **parts: Any) -> tuple[Answer, list[str]]:
    """An event in a session of its own, and the rules found in it."""
    emulator = emulator_in(mode)
    session_id = None if event_type == "sessionStart" else start(emulator)
    return handled(emulator, event_type, session_id, ts, **parts), found_in(emulator)


TOLERATED: list[Any] = [
    # words, event type, parts, what each of default, strict and loose does about the rule, and the rule
    pytest.param("play", {"ts": None}, "timestamp-missing", id="no time", marks=pytest.mark.fidelity("E-20")),
    pytest.param("play", {"ts": "2023-11-14T22:13:20.5Z"}, "timestamp-not-padded", id=".5Z", marks=pytest.mark.fidelity("E-21")),
    pytest.param("chapterStart", {"chapterDetails": {"index": 1, "offset": 0, "length": 4.5}}, "fraction", id="4.5 s",
                 marks=pytest.mark.fidelity("E-22")),
    pytest.param("play", {"qoeDataDetails": {"framesPerSecond": 29.97}}, "fraction", id="29.97",
                 marks=pytest.mark.fidelity("E-22")),
    pytest.param("play", {"qoeDataDetails": None}, "quality-null", id="null", marks=pytest.mark.fidelity("E-23")),
    pytest.param("sessionStart", {"media.resumed": True}, "resume-misplaced", id="resumed", marks=pytest.mark.fidelity("E-24")),
    pytest.param("sessionStart", {"customMetadata": [{"name": "a", "value": 5}]}, "metadata-not-text", id="5",
                 marks=pytest.mark.fidelity("E-25")),
    pytest.param("sessionStart", {"customMetadata": [{"name": "a"}]}, "metadata-not-text", id="no value",
                 marks=pytest.mark.fidelity("E-25")),
    pytest.param("sessionStart", {"sessionDetails": {**DETAILS, "ID": "film"}}, "unknown-field", id="ID",
                 marks=pytest.mark.fidelity("E-26")),
    pytest.param("play", {"colour": 1}, "unknown-field", id="colour", marks=pytest.mark.fidelity("E-26")),
    pytest.param("adComplete", {"advertisingDetails": AD}, "details-not-allowed", id="ad", marks=pytest.mark.fidelity("E-27")),
    pytest.param("ping", {"statesStart": []}, "details-not-allowed", id="states", marks=pytest.mark.fidelity("E-27")),
    pytest.param("play", {"customMetadata": []}, "metadata-on-wrong-event", id="metadata",
                 marks=pytest.mark.fidelity("E-27")),
    pytest.param("play", {"playhead": 10.0}, "integral-float", id="10.0", marks=pytest.mark.fidelity("E-30")),
    pytest.param("sessionStart", {"sessionDetails": {**DETAILS, "length": None}}, "length-null", id="endless",
                 marks=pytest.mark.fidelity("E-22")),
    pytest.param("statesUpdate", {"statesStart": [{"name": "fullScreen"}]}, "state-name-spelling", id="fullScreen",
                 marks=pytest.mark.fidelity("E-40")),
]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("event_type", "parts", "rule"), TOLERATED)
def test_what_shipping_clients_send_is_taken_with_a_finding_and_strict_refuses_it(
    event_type: str, parts: dict[str, Any], rule: str, mode: Mode
) -> None:
    answer, found = answered(mode, event_type, **parts)
    refused = findings.refuses(rule, mode)
    good = 200 if event_type == "sessionStart" else 204
    assert answer.response.status == ((207 if event_type == "sessionStart" else 400) if refused else good)
    assert found == [rule, *(["refused-in-207"] if answer.response.status == 207 else [])]
    assert findings.refuses(rule, Mode.STRICT) is (rule not in ("timestamp-not-padded", "state-name-spelling"))


@pytest.mark.fidelity("E-21")
@pytest.mark.parametrize(
    ("sdk", "ms"),
    [("https://ns.adobe.com/experience/mobilesdk/roku", 72), ("https://ns.adobe.com/experience/alloy", 720)],
)
def test_the_roku_sdk_alone_means_milliseconds_that_it_does_not_pad(sdk: str, ms: int) -> None:
    xdm = {"eventType": "media.play", "timestamp": "2023-11-14T22:13:20.72Z", "mediaCollection": {"playhead": 0}}
    sent = {"events": [{"xdm": xdm}], "xdm": {"implementationDetails": {"name": sdk}}}
    (event,) = MediaEdge().events(json.dumps(sent).encode(), 1, 0.0)
    assert event.ts == 1_700_000_000_000 + ms


@pytest.mark.fidelity("E-30")
@pytest.mark.parametrize("event_type", ["sessionStart", "play", "adStart", "adComplete"])
@pytest.mark.parametrize(
    ("playhead", "reason"),
    [(-1, PLAYHEAD_RANGE), (86401, PLAYHEAD_RANGE), (1.5, "Field should be of type Integer"),
     ("1", "Field should be of type Integer"), (None, "Field should be of type Integer")],
)  # fmt: skip
def test_a_playhead_is_a_whole_number_from_0_to_86400(event_type: str, playhead: Any, reason: str) -> None:
    answer, _ = answered(Mode.DEFAULT, event_type, playhead=playhead)
    at = "$.xdm.mediaCollection.playhead" if event_type == "sessionStart" else f"{COLLECTION}.playhead"
    assert details(answer) == [(at, reason)]
    for good in (0, 86400):
        assert answered(Mode.STRICT, event_type, playhead=good)[0].response.status in (200, 204)


@pytest.mark.fidelity("E-31")
@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_session_id_has_64_characters(emulator: Emulator, length: int) -> None:
    answer = handled(emulator, "play", ("a" * 65)[:length])
    assert details(answer) == [(f"{COLLECTION}.sessionID", f"Unexpected error. Hint: InvalidApiSidLength={length}")]


@pytest.mark.fidelity("E-31")
def test_an_event_without_a_session_id_is_refused_and_says_what_was_not_read(emulator: Emulator) -> None:
    answer = handled(emulator, "play", None)
    assert (answer.response.status, details(answer)) == (400, [(f"{COLLECTION}.sessionID", MISSING)])
    [found] = emulator.requests()[-1].findings
    assert found.rule == "session-id-missing"
    assert "207" in found.message


@pytest.mark.fidelity("E-32")
@pytest.mark.parametrize("states", [{"statesStart": ...}, {"statesStart": [], "statesEnd": []}])
def test_an_update_without_states_is_refused(states: dict[str, Any]) -> None:
    answer, _ = answered(Mode.DEFAULT, "statesUpdate", **states)
    assert details(answer) == [(COLLECTION, NO_STATES)]


@pytest.mark.fidelity("E-33")
@pytest.mark.parametrize("ts", ["2023-11-14T22:13:20", "2023-02-30T22:13:20Z", "soon", "1700000000000", ""])
def test_a_time_without_an_offset_is_refused(ts: str) -> None:
    answer, _ = answered(Mode.DEFAULT, "play", ts)
    assert details(answer) == [(f"{AT}.timestamp", NO_TIME)]


@pytest.mark.fidelity("E-33")
@pytest.mark.parametrize(
    "ts",
    ["2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20.000Z", "2023-11-14t22:13:20.000000z"],
)
def test_a_time_with_any_offset_is_that_moment(emulator: Emulator, ts: str) -> None:
    handled(emulator, "play", start(emulator), ts)
    assert emulator.requests()[-1].ts == 1_700_000_000_000


@pytest.mark.fidelity("E-34")
@pytest.mark.parametrize(
    ("event_type", "parts", "field", "reason"),
    [
        ("sessionStart", {"sessionDetails": {**DETAILS, "name": 5}}, "sessionDetails.name", "Field should be of type String"),
        ("sessionStart", {"sessionDetails": {**DETAILS, "streamType": "vod"}}, "sessionDetails.streamType",
         "Field should be one of audio, video"),
        ("error", {"errorDetails": {"name": "e", "source": "net"}}, "errorDetails.source",
         "Field should be one of player, external"),
        ("statesUpdate", {"statesStart": [{"name": "a b"}]}, "statesStart[0].name",
         "Field should match ^[a-zA-Z0-9_.]{1,64}$"),
        ("adBreakStart", {"advertisingPodDetails": ...}, "advertisingPodDetails", MISSING),
        ("bitrateChange", {"qoeDataDetails": ...}, "qoeDataDetails", MISSING),
    ],
)  # fmt: skip
def test_types_lists_and_patterns_are_those_of_the_specification(
    event_type: str, parts: dict[str, Any], field: str, reason: str
) -> None:
    answer, _ = answered(Mode.DEFAULT, event_type, **parts)
    at = "$.xdm.mediaCollection" if event_type == "sessionStart" else COLLECTION
    assert details(answer) == [(f"{at}.{field}", reason)]
    loose = answered(Mode.LOOSE, event_type, **parts)[0].response.status
    assert (loose in (200, 204)) is (reason != MISSING)


@pytest.mark.fidelity("E-35")
@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        (b"", 408, "EXEG-0109-408"), (b"{", 400, "EXEG-0101-400"), (b"[]", 400, "EXEG-0101-400"),
        (b'{"events": []' + b" " * 65_536 + b"}", 413, "EXEG-0112-413"),
    ],
)  # fmt: skip
def test_what_is_no_body_is_a_problem_of_the_edge_network(
    emulator: Emulator, text: bytes, status: int, code: str
) -> None:
    answer = emulator.handle(request("play", text))
    assert (answer.response.status, value_of(answer)["type"]) == (status, f"https://ns.adobe.com/aep/errors/{code}")


@pytest.mark.fidelity("E-35")
@pytest.mark.parametrize(
    ("sent", "at"),
    [
        ({}, "$.events"),
        ({"events": []}, "$.events"),
        ({"events": [{}]}, AT),
        ({"events": [{"xdm": {}}]}, f"{AT}.eventType"),
    ],
)
def test_an_envelope_that_lacks_a_part_says_which(emulator: Emulator, sent: Any, at: str) -> None:
    assert details(emulator.handle(request("play", sent))) == [(at, MISSING)]


@pytest.mark.fidelity("E-36")
def test_one_request_is_of_one_session(emulator: Emulator) -> None:
    one, other = start(emulator), start(emulator)
    together = body(xdm("ping", one), xdm("ping", one, "2023-11-14T22:13:30.000Z", playhead=10))
    assert emulator.handle(request("ping", together)).response.status == 204
    assert [event.playhead for event in emulator.requests()[-1].events] == [0, 10]
    mixed = emulator.handle(request("ping", body(xdm("ping", one), xdm("ping", other))))
    assert (mixed.response.status, found_in(emulator)) == (400, ["several-sessions"])
    assert emulator.handle(request("interact", body(xdm("sessionStart"), xdm("sessionStart")))).response.status == 207


def downloaded(*events: dict[str, Any]) -> dict[str, Any]:
    parts = [
        {
            "mediaEventType": one["eventType"],
            "mediaEventTimestamp": one["timestamp"],
            "mediaCollection": one["mediaCollection"],
        }
        for one in events
    ]
    return body({"eventType": "media.downloaded", "identityMap": IDENTITY, "mediaDownloadedEvents": parts})


@pytest.mark.fidelity("E-37")
def test_a_downloaded_session_comes_whole(emulator: Emulator) -> None:
    events = (xdm("sessionStart"), xdm("play", None), xdm("ping", None, "2023-11-14T22:13:30.000Z", playhead=10))
    answer = emulator.handle(request("downloaded", downloaded(*events)))
    assert (answer.response.status, answer.kind) == (200, Kind.DOWNLOADED)
    [session] = emulator.sessions()
    assert (session.id, session.report.content_time_spent, session.report.downloaded) == (
        session_in(answer),
        10.0,
        True,
    )
    bad = emulator.handle(request("downloaded", downloaded(xdm("play", None))))
    assert (bad.response.status, bad.verdict) == (207, Verdict.MALFORMED)
    assert details(bad) == [
        ("$.xdm.mediaDownloadedEvents[0].mediaEventType",
         "events[0].xdm.mediaDownloadedEvents[0].mediaEventType must be media.sessionStart"),
    ]  # fmt: skip


@pytest.mark.fidelity("E-39")
def test_timeouts_and_the_end_are_those_of_the_engine(emulator: Emulator) -> None:
    session_id = start(emulator)
    assert handled(emulator, "sessionComplete", session_id).response.status == 204
    assert handled(emulator, "ping", session_id, "2023-11-14T22:13:30.000Z").response.status == 204
    emulator.advance(601)
    assert handled(emulator, "ping", session_id, "2023-11-14T22:23:30.000Z").response.status == 404


def test_a_socket_gets_the_bytes_that_the_log_has() -> None:
    """Over the wire: lower-case header names, a mirrored origin, and an id that events are taken for."""
    with McmockServer() as server, Wire(server.url) as wire:
        answer = wire.post(
            "/ee/v1/interact?configId=x&requestId=abc", body(xdm("sessionStart")), "Origin: http://a.example"
        )
        head, _, text = answer.partition(b"\r\n\r\n")
        assert b"access-control-allow-origin: http://a.example" in head.lower()
        value = json.loads(text)
        assert value["requestId"] == "abc"
        session_id = value["handle"][0]["payload"][0]["sessionId"]
        assert wire.post("/ee/irl1/va/v1/play?configId=x", body(xdm("play", session_id)))[:12] == b"HTTP/1.1 204"
        assert [one.status for one in server.requests()] == [200, 204]


def test_every_rule_of_this_api_that_is_about_a_body_is_produced_above() -> None:
    names = list(findings.RULES)
    own = names[names.index("several-sessions") : names.index("datastream-missing")]
    shown = {parameter.values[2] for parameter in TOLERATED} | {"several-sessions", "session-id-missing"}
    assert set(own) - shown == {"refused-in-207", "identity-missing", "hint-not-followed"}  # test_edge_findings.py
