"""The rows of docs/fidelity.md that are about one body: what each mode answers, and what it finds.

A row is judged twice, by the function that judges bodies and by an emulator that answers them; the two must agree.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from mcmock.core import findings
from mcmock.core.events import EVENT_TYPES
from mcmock.core.model import Kind, Mode
from mcmock.engine import Emulator
from mcmock.protocols.media_collection import body as bodies
from mcmock.protocols.media_collection import schemas
from tests.conftest import START_PARAMS, body, post, start
from tests.protocols import test_values

AD = {"media.ad.id": "ad-1", "media.ad.length": 15, "media.ad.podPosition": 1, "media.ad.playerName": "a player"}
BREAK = {"media.ad.podIndex": 1, "media.ad.podSecond": 0}
CHAPTER = {"media.chapter.index": 1, "media.chapter.offset": 0, "media.chapter.length": 10.5}
FULL = START_PARAMS | {"media.streamType": "video"}
DOWNLOADED = FULL | {"media.downloaded": True}

STAMP = 1_700_000_000_000  # what `body` sends as ts

OK = "ok"
NAMELESS = {"appInstallationId": "ok visitor-id-missing"}  # an app says who watches


class Case(NamedTuple):
    """`default`, `strict` and `loose` are "ok" or "400", and behind it the rules found; `loose` None is as default."""

    words: str
    sent: Any
    default: str
    strict: str
    loose: str | None = None
    kind: Kind = Kind.EVENT

    def wanted(self, mode: Mode) -> tuple[bool, list[str]]:
        told = {Mode.DEFAULT: self.default, Mode.STRICT: self.strict, Mode.LOOSE: self.loose or self.default}[mode]
        first, *found = told.split()
        return first == "400", sorted(found)


def event(event_type: str, words: str, default: str, strict: str, loose: str | None = None, **parts: Any) -> Case:
    """An event, or for sessionStart a start with all it should have; `parts` replace its own."""
    kind = Kind.SESSION if event_type == "sessionStart" else Kind.EVENT
    if kind is Kind.SESSION:
        parts = {"params": FULL} | parts
    return Case(f"{event_type} {words}", body(event_type, **parts), default, strict, loose, kind)


def without(params: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != key}


def timed(**player_time: Any) -> dict[str, Any]:
    return {"eventType": "ping", "playerTime": {"playhead": 0, "ts": 1} | player_time}


def array(*events: dict[str, Any], **start_params: Any) -> list[dict[str, Any]]:
    return [body("sessionStart", params=FULL | start_params), *events]


def raw(value: Any, *, old: str, new: str) -> bytes:
    return json.dumps(value).replace(old, new).encode()


QOE = {
    "media.qoe.bitrate": 3200,
    "media.qoe.droppedFrames": 0,
    "media.qoe.framesPerSecond": 25,
    "media.qoe.timeToStart": 900,
}
STATE = {"media.state.name": "mute"}
PLAIN = ("sessionComplete", "sessionEnd", "play", "ping", "pauseStart", "bufferStart", "bitrateChange", "adBreakComplete",
         "adComplete", "adSkip", "chapterComplete", "chapterSkip")  # fmt: skip
STATE_EVENTS = ("stateStart", "stateEnd")
OTHER_METADATA = ("metadata-on-wrong-event", {"customMetadata": {"a_key": "a value"}})
MISSING = "400 missing-key"

ROWS: dict[str, list[Case]] = {
    # -- conflicts and gaps ---------------------------------------------------------------------------------------------
    "C-01": [event("adStart", "without a player name", MISSING, MISSING, params=without(AD, "media.ad.playerName"))],
    "C-02": [
        event("adStart", "with its pod's name", "ok pod-friendly-name-in-ad-start", "400 pod-friendly-name-in-ad-start",
              params=AD | {"media.ad.podFriendlyName": "pre-roll"}),
        event("adBreakStart", "with its pod's name", OK, OK, params=BREAK | {"media.ad.podFriendlyName": "pre-roll"}),
    ],
    "C-03": [
        event("bitrateChange", "without prefix", "400 qoe-without-prefix", "400 qoe-without-prefix", "ok qoe-without-prefix",
              qoeData={"bitrate": 10_000}),
        event("play", "with no quality value at all", "400 unknown-key", "400 unknown-key", "ok unknown-key",
              qoeData={"colour": 1}),
    ],
    "C-04": [
        event("bitrateChange", "with quality in params", "400 qoe-in-params", "400 qoe-in-params", "ok qoe-in-params",
              params={"media.qoe.bitrate": 3200}),
        event("sessionStart", "with quality in params", "400 qoe-in-params", "400 qoe-in-params", "ok qoe-in-params",
              params=FULL | {"media.qoe.timeToStart": 900}),
    ],
    "C-05": [
        event("error", "in qoeData", OK, OK, qoeData={"media.qoe.errorID": "e1", "media.qoe.errorSource": "player"}),
        event("error", "in params", "ok error-id-in-params error-id-in-params", "400 error-id-in-params error-id-in-params",
              params={"media.errorId": "e1", "media.errorSource": "external"}),
        event("error", "without id", "ok error-without-id", "ok error-without-id"),
        event("error", "of another source", "ok error-source-unknown", "400 error-source-unknown",
              qoeData={"media.qoe.errorID": "e1", "media.qoe.errorSource": "network"}),
    ],
    "C-06": [
        event("sessionStart", "live, flag true", "400 downloaded-flag-live", "400 downloaded-flag-live", params=DOWNLOADED),
        event("sessionStart", "live, flag false", OK, OK, params=FULL | {"media.downloaded": False}),
    ],
    "C-07": [
        Case("an array on /sessions with the flag", array(**{"media.downloaded": True}), "ok array-on-sessions",
             "ok array-on-sessions", None, Kind.SESSION),
        Case("without the flag", array(), "400 downloaded-flag-missing", "400 downloaded-flag-missing", None, Kind.SESSION),
        Case("with a false flag", array(**{"media.downloaded": False}), "400 downloaded-flag-missing",
             "400 downloaded-flag-missing", None, Kind.SESSION),
    ],
    "C-08": [
        Case("no flag", array(body("play")), OK, OK, None, Kind.DOWNLOADED),
        Case("flag true", array(body("play"), **{"media.downloaded": True}), OK, OK, None, Kind.DOWNLOADED),
        Case("flag false", array(body("play"), **{"media.downloaded": False}), "ok downloaded-flag-false",
             "400 downloaded-flag-false", None, Kind.DOWNLOADED),
    ],
    "C-09": [
        event("adBreakStart", "with metadata", "ok metadata-on-wrong-event", "400 metadata-on-wrong-event",
              params=BREAK, customMetadata={"genre": "news"}),
        event("adBreakStart", "with empty metadata", OK, "ok empty-metadata-on-wrong-event", params=BREAK, customMetadata={}),
        event("ping", "with metadata that is no text", "400 wrong-type", "400 wrong-type", "ok wrong-type",
              customMetadata={"genre": 5}),
        event("adStart", "with metadata", OK, OK, params=AD, customMetadata={"genre": "news"}),
        event("chapterStart", "with metadata", OK, OK, params=CHAPTER, customMetadata={"genre": "news"}),
        event("sessionStart", "with metadata", OK, OK, customMetadata={"genre": "news", "b.c_D9": ""}),
    ],
    "C-10": [
        event("ping", "with empty params", OK, "ok empty-params-on-ping", params={}),
        event("ping", "with params", "400 params-on-ping", "400 params-on-ping", "ok params-on-ping", params={"media.id": "x"}),
    ],
    "C-13": [
        event("statesUpdate", "with a start", OK, "ok states-update", params={"statesStart": [STATE]}),
        event("statesUpdate", "with an end", OK, "ok states-update", params={"statesStart": [], "statesEnd": [STATE]}),
        event("statesUpdate", "with empty lists", "400 wrong-value", "400 wrong-value", "ok wrong-value",
              params={"statesStart": [], "statesEnd": []}),
        event("statesUpdate", "with no list", "400 wrong-value", "400 wrong-value", "ok wrong-value", params={}),
        event("statesUpdate", "without params", MISSING, MISSING),
    ],
    "C-14": [
        event("stateStart", "documented", OK, OK, params={"media.state.name": "fullScreen"}),
        event("stateEnd", "as mobile SDKs spell it", OK, OK, params={"media.state.name": "fullscreen"}),
        event("stateStart", "as nobody spells it", "ok state-name-spelling", "ok state-name-spelling",
              params={"media.state.name": "FullScreen"}),
        event("stateStart", "of one's own", OK, OK, params={"media.state.name": "my.State_9"}),
    ],
    "C-15": [
        event("adStart", "at 0", "ok pod-position-base", "ok pod-position-base", params=AD | {"media.ad.podPosition": 0}),
        event("adBreakStart", "at 0", OK, OK, params=BREAK | {"media.ad.podIndex": 0}),
        event("adBreakStart", "at -1", "ok pod-index-base", "ok pod-index-base", params=BREAK | {"media.ad.podIndex": -1}),
    ],
    "C-16": [
        event("play", "in kbps", OK, OK, qoeData={"media.qoe.bitrate": 100_000}),
        event("play", "in bits", "ok bitrate-in-bits", "ok bitrate-in-bits", qoeData={"media.qoe.bitrate": 3_200_000}),
    ],
    "C-26": [event("sessionStart", "without stream type", OK, "ok stream-type-missing", params=START_PARAMS)],
    "C-27": [
        event("sessionStart", f"without {key}", MISSING, MISSING, params=without(FULL, key))
        for key in ("analytics.trackingServer", "analytics.reportSuite", "visitor.marketingCloudOrgId")
    ],
    "C-33": [
        event("sessionStart", f"with {key}", "ok reserved-metadata-prefix", "400 reserved-metadata-prefix",
              customMetadata={key: "x"})
        for key in ("a.media.name", "media.genre")
    ],
    "C-34": [
        event("sessionStart", f"of length {length}", "ok length-not-positive", "ok length-not-positive",
              params=FULL | {"media.length": length})
        for length in (0, -1, -0.5)
    ],
    "C-38": [event(name, "", "400 wrong-event", "400 wrong-event") for name in ("seekStart", "seekComplete")],
    "C-42": [
        Case("a missing comma", raw(body("ping"), old=", ", new=" "), "400 not-json", "400 not-json"),
        Case("a comma too many", raw(body("ping"), old="}}", new="},}"), "400 not-json", "400 not-json"),
        Case("a comment", b"// ping\n" + json.dumps(body("ping")).encode(), "400 not-json", "400 not-json"),
        Case("a placeholder for ts", timed(ts="<timestamp>"), "400 wrong-type", "400 wrong-type", "ok wrong-type"),
    ],
    "C-43": [
        event("adStart", "without id", MISSING, MISSING, params=without(AD, "media.ad.id")),
        event("adStart", "without length", MISSING, MISSING, params=without(AD, "media.ad.length")),
        event("adBreakStart", "without second", MISSING, MISSING, params=without(BREAK, "media.ad.podSecond")),
        event("adBreakStart", "at another second than the playhead's", "ok pod-second-differs", "ok pod-second-differs",
              params=BREAK | {"media.ad.podSecond": 30}),
    ],
    "C-44": [
        event("sessionStart", "with a null hint", "ok location-hint-null", "400 location-hint-null",
              params=FULL | {"visitor.aamLocationHint": None}),
        event("sessionStart", "with a hint", OK, OK, params=FULL | {"visitor.aamLocationHint": 9}),
    ],
    "C-45": [
        Case("ts 1.0", timed(ts=1.0), "ok integral-float", "400 integral-float"),
        event("adStart", "at 1.0", "ok integral-float", "400 integral-float", params=AD | {"media.ad.podPosition": 1.0}),
        event("play", "at 29.97 frames", "ok fractional-quality", "400 fractional-quality",
              qoeData={"media.qoe.framesPerSecond": 29.97}),
        Case("ts 1.5", timed(ts=1.5), "400 wrong-type", "400 wrong-type", "ok wrong-type"),
    ],
    "C-48": [
        event("sessionStart", f"with {key} {value!r}", "400 wrong-type", "400 wrong-type", "ok wrong-type",
              params=FULL | {key: value})
        for key, value in (("media.pass.auth", True), ("media.season", 2), ("media.showType", 0), ("media.adLoad", None))
    ],
    "C-51": [event("contentComplete", "", "400 wrong-event", "400 wrong-event")],
    "C-53": [event("sessionStart", "with a publisher", OK, OK, params=FULL | {"media.publisher": "anything: at all"})],
    "C-55": [
        event("sessionStart", f"with {key}", OK, OK, params=FULL | {f"media.{key}": "x"})
        for key in ("artist", "album", "label", "author", "station")
    ],
    "C-56": [
        event("sessionStart", "with another param", "400 unknown-key", "400 unknown-key", "ok unknown-key",
              params=FULL | {"media.colour": "x"}),
        event("ping", "with another part", "400 unknown-key", "400 unknown-key", "ok unknown-key", extra={}),
        Case("another time", timed(zone="UTC"), "400 unknown-key", "400 unknown-key", "ok unknown-key"),
    ],
    "C-61": [
        event("sessionStart", "of nothing", "ok media-id-empty", "ok media-id-empty", params=FULL | {"media.id": ""}),
        event("adStart", "of nothing", "ok ad-id-empty", "ok ad-id-empty", params=AD | {"media.ad.id": ""}),
    ],
    # -- the parts of a body --------------------------------------------------------------------------------------------
    "B-01": [
        event(name, "and nothing else", OK, "ok states-update" if name == "statesUpdate" else OK, **parts)
        for name, parts in cast("dict[str, dict[str, Any]]", {
            "sessionStart": {}, "adBreakStart": {"params": BREAK}, "adStart": {"params": AD},
            "chapterStart": {"params": CHAPTER}, "stateStart": {"params": STATE}, "stateEnd": {"params": STATE},
            "statesUpdate": {"params": {"statesStart": [STATE]}}, "error": {"qoeData": {"media.qoe.errorID": "e"}},
            **{name: {} for name in PLAIN},
        }).items()
    ],
    "B-02": [
        Case(f"no {key}", {name: value for name, value in body("ping").items() if name != key}, answer, answer)
        for key, answer in (("eventType", "400 wrong-event"), ("playerTime", MISSING))
    ]
    + [Case("a start without params", without(body("sessionStart"), "params"), MISSING, MISSING, None, Kind.SESSION)],
    "B-03": [
        Case("no playhead", {"eventType": "ping", "playerTime": {"ts": 1}}, MISSING, MISSING),
        Case("no ts", {"eventType": "ping", "playerTime": {"playhead": 1}}, MISSING, MISSING),
        Case("a playhead with a fraction", timed(playhead=51.74999999999999), OK, OK),
        Case("a playhead below 0", timed(playhead=-5), OK, OK),
        Case("a playhead past any length", timed(playhead=1e9), OK, OK),
        Case("a playhead in quotes", timed(playhead="5"), "400 wrong-type", "400 wrong-type", "ok wrong-type"),
        Case("a playhead that is true", timed(playhead=True), "400 wrong-type", "400 wrong-type", "ok wrong-type"),
        Case("no playhead but null", timed(playhead=None), "400 wrong-type", "400 wrong-type", "ok wrong-type"),
    ],
    "B-04": [
        event(name, "with empty and with full quality data", OK, OK, qoeData=qoe)
        for name in ("play", "ping", "sessionEnd", "sessionStart")
        for qoe in ({}, QOE)
    ]
    + [event("ping", "with quality in quotes", "400 wrong-type", "400 wrong-type", "ok wrong-type",
             qoeData={"media.qoe.bitrate": "3200"})],
    "B-05": [
        event("sessionStart", "with a metadata name outside the alphabet", "400 wrong-value", "400 wrong-value",
              "ok wrong-value", customMetadata={name: "x"})
        for name in ("a-b", "a b", "ä", "", "a\n")
    ]
    + [event("sessionStart", "with nested metadata", "400 wrong-type", "400 wrong-type", "ok wrong-type",
             customMetadata={"a": {"b": "c"}})],
    "B-06": [
        event(name, "with params of its own making", "400 params-on-ping" if name == "ping" else "400 unknown-key",
              "400 params-on-ping" if name == "ping" else "400 unknown-key",
              "ok params-on-ping" if name == "ping" else "ok unknown-key", params={"x": 1})
        for name in PLAIN
    ]
    + [event(name, "with empty params", OK, "ok empty-params-on-ping" if name == "ping" else OK, params={}) for name in PLAIN],
    "B-07": [
        event("chapterStart", f"without {key}", MISSING, MISSING, params=without(CHAPTER, key)) for key in CHAPTER
    ]
    + [event("adBreakStart", f"without {key}", MISSING, MISSING, params=without(BREAK, key)) for key in BREAK]
    + [event("adStart", f"without {key}", MISSING, MISSING, params=without(AD, key)) for key in AD]
    + [event(name, "without params", MISSING, MISSING) for name in ("adStart", "adBreakStart", "chapterStart", *STATE_EVENTS)]
    + [event(name, "without a state's name", MISSING, MISSING, params={}) for name in STATE_EVENTS],
    "B-08": [event("sessionStart", f"without {key}", MISSING, MISSING, params=without(FULL, key)) for key in START_PARAMS],
    "B-09": [
        event("sessionStart", "with customer ids", OK, OK,
              params=FULL | {"visitor.customerIDs": {"crm": {"id": "u1", "authState": 1}, "mail": {"id": "u2"}}}),
        event("sessionStart", "with a customer id in an unknown state", "400 wrong-value", "400 wrong-value",
              "ok wrong-value", params=FULL | {"visitor.customerIDs": {"crm": {"id": "u1", "authState": 3}}}),
        event("sessionStart", "with a customer id that is no object", "400 wrong-type", "400 wrong-type", "ok wrong-type",
              params=FULL | {"visitor.customerIDs": {"crm": "u1"}}),
    ],
    "B-10": [
        event("stateStart", "named beyond the pattern", "400 wrong-value", "400 wrong-value", "ok wrong-value",
              params={"media.state.name": name})
        for name in ("", "a" * 65, "full screen", "ä")
    ]
    + [event("stateStart", "of 64 characters", OK, OK, params={"media.state.name": "a" * 64})],
    "B-11": [
        event("sessionStart", "of null length", "ok length-null", "400 length-null", params=FULL | {"media.length": None}),
        event("sessionStart", "of no length", MISSING, MISSING, params=without(FULL, "media.length")),
    ],
    "B-12": [
        Case("a key sent twice", raw(body("ping"), old='"eventType"', new='"eventType": "play", "eventType"'),
             "ok duplicate-key", "400 duplicate-key"),
    ],
    "B-13": [
        event("sessionStart", f"with {key}", NAMELESS.get(key, OK), NAMELESS.get(key, OK), params=FULL | {key: value})
        for key, value in {
            "media.libraryVersion": "js-3.1.0", "media.sdkVersion": "1.0", "media.resume": True, "analytics.enableSSL": False,
            "analytics.visitorId": "v", "analytics.aid": "a", "analytics.optOutServerSideForwarding": True,
            "analytics.optOutShare": True, "appInstallationId": "i", "visitor.marketingCloudUserId": "1" * 38, "media.name": "n",
            "media.streamFormat": "hd", "media.show": "s", "media.season": "1", "media.episode": "2", "media.assetId": "a",
            "media.genre": "a,b", "media.firstAirDate": "2020-01-01", "media.firstDigitalDate": "2020-01-01",
            "media.rating": "12", "media.originator": "o", "media.network": "n", "media.showType": "0", "media.adLoad": "1",
            "media.pass.mvpd": "m", "media.pass.auth": "TRUE", "media.dayPart": "d", "media.feed": "east",
        }.items()
    ],
    # -- downloaded content ---------------------------------------------------------------------------------------------
    "D-01": [
        Case("no start first", [body("play")], "400 downloaded-order", "400 downloaded-order", None, Kind.DOWNLOADED),
        Case("two starts", array(body("sessionStart")), "400 downloaded-order", "400 downloaded-order", None, Kind.DOWNLOADED),
        Case("nothing", [], "400 downloaded-order", "400 downloaded-order", None, Kind.DOWNLOADED),
        Case("an object", body("sessionStart"), "400 not-an-object", "400 not-an-object", None, Kind.DOWNLOADED),
    ],
    "D-02": [
        Case("one bad element", array(body("play"), timed(ts="x")), "400 wrong-type", "400 wrong-type", "ok wrong-type",
             Kind.DOWNLOADED),
        Case("an element that is no object", array(body("play"), 5), "400 not-an-object", "400 not-an-object", None,  # type: ignore[arg-type]
             Kind.DOWNLOADED),
        Case("a whole session", array(body("play"), body("sessionComplete", 60)), OK, OK, None, Kind.DOWNLOADED),
    ],
    # -- which body goes where ------------------------------------------------------------------------------------------
    "C-50": [
        Case("a start among the events", body("sessionStart"), "400 wrong-endpoint", "400 wrong-endpoint"),
        Case("an event among the starts", body("play"), "400 wrong-endpoint", "400 wrong-endpoint", None, Kind.SESSION),
        Case("an array among the events", [body("play")], "400 not-an-object", "400 not-an-object"),
    ],
    "B-14": [
        Case(f"{value!r}", value, "400 not-an-object", "400 not-an-object", None, kind)
        for value in (None, 5, "ping", True)
        for kind in (Kind.EVENT, Kind.SESSION, Kind.DOWNLOADED)
    ],
}  # fmt: skip

PATHS = {Kind.SESSION: "/api/v1/sessions", Kind.DOWNLOADED: "/api/v1/downloaded"}
MODES = {mode: Emulator(seed=1, strict=mode is Mode.STRICT, loose=mode is Mode.LOOSE) for mode in Mode}


@pytest.mark.parametrize(
    "cases", [pytest.param(cases, id=row, marks=pytest.mark.fidelity(row)) for row, cases in ROWS.items()]
)
def test_a_body_is_answered_as_its_row_says(cases: list[Case]) -> None:
    for case in cases:
        for mode, emulator in MODES.items():
            text = case.sent if isinstance(case.sent, bytes) else json.dumps(case.sent).encode()
            judged = bodies.judge(case.kind, text, mode)
            refused, found = case.wanted(mode)
            assert sorted(finding.rule for finding in judged.findings) == found, (case.words, mode)
            assert (judged.refusal is not None) is refused, (case.words, mode)
            assert answered(emulator, case, text) == (400 if refused else 204 if case.kind is Kind.EVENT else 201), (
                case.words
            )


def answered(emulator: Emulator, case: Case, text: bytes) -> int:
    path = PATHS.get(case.kind) or f"/api/v1/sessions/{start(emulator, params=FULL)}/events"
    return emulator.handle(post(path, text)).response.status


@pytest.mark.parametrize("mode", [Mode.DEFAULT, Mode.STRICT, Mode.LOOSE])
def test_a_message_names_the_field_and_what_was_sent(mode: Mode) -> None:
    """Of every refused case above: the message begins with the field that its finding's path names."""
    for cases in ROWS.values():
        for case in cases:
            text = case.sent if isinstance(case.sent, bytes) else json.dumps(case.sent).encode()
            judged = bodies.judge(case.kind, text, mode)
            for finding in judged.findings:
                if finding.path not in ("$", ""):
                    last = finding.path.lstrip("$").rpartition("['")[2].removesuffix("']").rpartition(".")[2]
                    assert last in finding.message, finding
                assert finding.source


IN_HTTP = {
    "head-too-large", "not-http", "body-too-large", "body-incomplete", "body-encoded", "content-type", "trailing-slash",
    "misdirected", "preflight-refused",
}  # fmt: skip


def test_every_rule_about_a_body_is_produced_above() -> None:
    """Those of HTTP are in test_bad_input.py and test_fidelity_http.py, those of whole sessions in fixtures/timelines."""
    names = list(findings.RULES)
    about_bodies = set(names[: names.index("ad-outside-break")]) - IN_HTTP
    about_bodies -= {
        name for name in about_bodies if findings.RULES[name].source == "mcmock"
    }  # its own states, no body's
    produced = {rule for cases in ROWS.values() for case in cases for mode in Mode for rule in case.wanted(mode)[1]}
    assert produced | set(test_values.RULES_SHOWN) == about_bodies


@pytest.mark.fidelity("B-15")
def test_loose_never_answers_400_for_an_unknown_param_or_a_wrong_type() -> None:
    """Every value of a full sessionStart replaced by one of another type, and a param added at every level."""
    for path in _places(body("sessionStart", params=FULL, customMetadata={"a": "b"}, qoeData=QOE)):
        others: tuple[Any, ...] = ([], {}, "text", 5, 1.5, True, None)
        for other in others:
            value = copy.deepcopy(body("sessionStart", params=FULL, customMetadata={"a": "b"}, qoeData=QOE))
            inner: Any = value
            for key in path[:-1]:
                inner = inner[key]
            if path == ("eventType",) or (path in (("params",), ("playerTime",)) and not isinstance(other, dict)):
                continue
            inner[path[-1]] = other
            judged = bodies.judge(Kind.SESSION, json.dumps(value).encode(), Mode.LOOSE)
            assert judged.refusal is None or "is required" in judged.refusal or "media.downloaded" in judged.refusal, (
                path
            )


def _places(value: dict[str, Any], at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    places = [(*at, "unknown")]
    for key, inner in value.items():
        places.append((*at, key))
        if isinstance(inner, dict):
            places += _places(inner, (*at, key))
    return places


@pytest.mark.fidelity("C-12")
def test_the_served_list_of_event_types_is_the_whole_one_and_nothing_is_validated_against_it() -> None:
    for event_type in EVENT_TYPES:
        whole = schemas.bundle(event_type)
        assert len(whole["definitions"]["eventType"]["enum"]) == 20
        own = whole["definitions"][event_type]["properties"]["eventType"]
        assert own == {"type": "string", "enum": [event_type]}


# -- the same rows for any server: fixtures/conformance, which `mcmock replay` sends ---------------------------------------

CONFORMANCE = Path(__file__).parents[2] / "fixtures" / "conformance"


def conformance(row: str) -> dict[str, Any]:
    """The timeline that asks another server what it does about the cases of `row`: ours is what is expected."""
    steps: list[dict[str, Any]] = []
    if any(case.kind is Kind.EVENT for case in ROWS[row]):
        steps.append(_asked("opened", body("sessionStart", params=FULL), "/api/v1/sessions", 201))
    for number, case in enumerate(ROWS[row]):
        if isinstance(case.sent, bytes) or "no ts" in case.words:
            continue  # a timeline holds JSON, and its player fills in every missing ts
        refused = case.wanted(Mode.DEFAULT)[0]
        if case.kind is Kind.EVENT:
            path = "/api/v1/sessions/{sid}/events"
            if isinstance(case.sent, dict) and case.sent.get("eventType") == "sessionEnd":
                steps.append(_asked(f"ends {number}", body("sessionStart", params=FULL), "/api/v1/sessions", 201))
                steps.append(_asked(f"ends {number}", case.sent, path, 400 if refused else 204))
            else:
                steps.append(_asked("opened", case.sent, path, 400 if refused else 204))
        else:
            steps.append(_asked(f"case {number}", case.sent, PATHS[case.kind], 400 if refused else 201))
    words = "; ".join(case.words.strip() for case in ROWS[row])
    return {"name": f"{row}: {words}", "source": f"docs/fidelity.md, row {row}", "steps": _spaced(steps)}


def _asked(session: str, sent: Any, to: str, status: int) -> dict[str, Any]:
    untimed = copy.deepcopy(sent)
    for one in untimed if isinstance(untimed, list) else [untimed]:
        if isinstance(one, dict) and isinstance(one.get("playerTime"), dict) and one["playerTime"].get("ts") == STAMP:
            del one["playerTime"]["ts"]  # the player of the timeline fills it in
    return {"send": untimed, "to": to, "session": session, "expect": {"status": status}}


def _spaced(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"at": round(number * 0.05, 2), **step} for number, step in enumerate(steps)]


def written(row: str) -> str:
    whole = conformance(row)
    lines = ",\n    ".join(json.dumps(step) for step in whole["steps"])
    head = "".join(f"  {json.dumps(key)}: {json.dumps(whole[key])},\n" for key in ("name", "source"))
    return f'{{\n{head}  "steps": [\n    {lines}\n  ]\n}}\n'


@pytest.mark.parametrize("row", ROWS)
def test_the_conformance_files_ask_about_the_same_cases(row: str) -> None:
    """`python -m tests.protocols.test_fidelity_body` writes them anew."""
    assert (CONFORMANCE / f"{row}.json").read_text(encoding="utf-8") == written(row)


if __name__ == "__main__":
    for each in ROWS:
        (CONFORMANCE / f"{each}.json").write_text(written(each), encoding="utf-8")
