"""The one vocabulary: what each form of a wanted value means, and what is said of a wrong one."""

from __future__ import annotations

from typing import Any, get_type_hints
from urllib.parse import parse_qsl

import pytest

from mcmock.core.match import DERIVED, EVERY_FIELD, KNOWN_AFTER, NAMES, Match, from_query
from mcmock.core.model import Exchange, Kind
from mcmock.engine import Emulator
from mcmock.engine.log import Entry
from mcmock.faults.builders import Envelope
from mcmock.faults.selection import FaultCandidate
from tests.conftest import body, post, send, start


@pytest.fixture
def ping(emulator: Emulator) -> Exchange:
    """An accepted ping at 12.5 s."""
    session_id = start(emulator)
    answer = send(emulator, session_id, "ping", 12.5, qoeData={"media.qoe.bitrate": 3000})
    assert answer.response.status == 204, answer.response.body
    return emulator.requests()[-1]


MATCHING: list[dict[str, Any]] = [
    {},
    {"event": "ping"},
    {"event": ["play", "ping"]},
    {"event": ("play", "ping")},
    {"event": {"matches": "^pi"}},
    {"event": {"exists": True}},
    {"kind": "event"},
    {"verdict": "accepted", "status": 204},
    {"scope": "default"},
    {"session": {"exists": True}},
    {"event": {"matches": "^(p|q)+i.*$"}},
    {"path": {"matches": "(/[a-z0-9]+)+/events"}},
    {"path": {"matches": "/events$"}},
    {"playhead": 12.5},
    {"playhead": {"min": 12.5}},
    {"playhead": {"max": 12.5}},
    {"playhead": {"min": 10, "max": 20}},
    {"playhead": [1, 12.5]},
    {"status": {"min": 200, "max": 299}},
    {"qoe": {"media.qoe.bitrate": 3000}},
    {"qoe": {"media.qoe.bitrate": {"min": 1}}},
    {"qoe": {"media.qoe.startupTime": {"exists": False}}},
    {"metadata": {"anything": {"exists": False}}},
    {"metadata": {}},
    {"event": None},
]
DIFFERING: list[dict[str, Any]] = [
    {"event": "play"},
    {"event": ["play", "adStart"]},
    {"event": {"matches": "^ing"}},
    {"event": {"exists": False}},
    {"event": "ping", "status": 400},
    {"playhead": 12},
    {"playhead": {"min": 12.6}},
    {"playhead": {"min": 10, "max": 12}},
    {"qoe": {"media.qoe.bitrate": "3000"}},
    {"qoe": {"media.qoe.bitrate": {"matches": "3"}}},
    {"qoe": {"media.qoe.startupTime": {"exists": True}}},
    {"params": {"media.id": "film-1"}},
    {"metadata": {"a": {"min": 1}}},
    {"rule": "not-json"},
    {"session": "0" * 64},
]


@pytest.mark.parametrize("wanted", MATCHING, ids=str)
def test_it_holds(ping: Exchange, wanted: dict[str, Any]) -> None:
    assert Match(wanted).holds(ping)
    assert Match(wanted).differences(ping) == []


@pytest.mark.parametrize("wanted", DIFFERING, ids=str)
def test_it_does_not_hold_and_says_in_which_field(ping: Exchange, wanted: dict[str, Any]) -> None:
    assert not Match(wanted).holds(ping)
    differing = [at.field.split(".")[0] for at in Match(wanted).differences(ping)]
    assert differing
    assert set(differing) <= set(wanted)


@pytest.mark.parametrize("wanted", [*MATCHING, *DIFFERING], ids=str)
def test_looking_at_columns_first_changes_no_answer(emulator: Emulator, ping: Exchange, wanted: dict[str, Any]) -> None:
    emulator.handle(post("/api/v1/sessions", b"{"))
    emulator.handle(post("/elsewhere", b""))
    match = Match(wanted)
    everything = emulator.requests()
    assert emulator.requests(match) == [one for one in everything if match.holds(one)]
    assert emulator.requests(match, newest_first=True) == [one for one in reversed(everything) if match.holds(one)]


def test_true_is_not_one(emulator: Emulator) -> None:
    """JSON keeps them apart, and so does a match."""
    session_id = start(emulator)
    send(emulator, session_id, "ping", 1)
    assert emulator.requests(Match({"playhead": 1})) != []
    assert Match({"params": {"x": True}}).differences(emulator.requests()[-1])
    assert not Match({"params": {"x": 1}}).holds(_with_params(emulator, session_id, {"x": True}))
    assert Match({"params": {"x": True}}).holds(_with_params(emulator, session_id, {"x": True}))


def _with_params(emulator: Emulator, session_id: str, params: dict[str, Any]) -> Exchange:
    send(emulator, session_id, "ping", params=params)
    return emulator.requests()[-1]


@pytest.mark.parametrize("value", [0, "", False, 0.0, [], {}])
def test_what_is_there_exists_however_empty_it_is(emulator: Emulator, value: Any) -> None:
    one = _with_params(emulator, start(emulator), {"x": value})
    assert one.params["x"] == value
    assert Match({"params": {"x": {"exists": True}}}).holds(one)
    assert not Match({"params": {"x": {"exists": False}}}).holds(one)
    assert not Match({"params": {"y": {"exists": True}}}).holds(one)


@pytest.mark.parametrize(("bound", "number"), [("min", 0), ("max", 1), ("min", 1), ("max", 0)])
@pytest.mark.parametrize("value", [True, False, "1", None, [1]])
def test_only_a_number_is_within_bounds(emulator: Emulator, bound: str, number: int, value: Any) -> None:
    """In Python True is 1, in JSON it is no number."""
    one = _with_params(emulator, start(emulator), {"x": value})
    assert not Match({"params": {"x": {bound: number}}}).holds(one)
    assert Match({"params": {"x": {bound: number}}}).holds(_with_params(emulator, start(emulator), {"x": number}))


def test_a_rule_is_any_of_the_findings(emulator: Emulator) -> None:
    emulator.handle(post("/api/v1/sessions", b"{"))
    start(emulator)
    assert [one.seq for one in emulator.requests(Match({"rule": "not-json"}))] == [1]
    assert [one.seq for one in emulator.requests(Match({"rule": {"matches": "^not-"}}))] == [1]
    assert [one.seq for one in emulator.requests(Match({"rule": {"exists": True}}))] == [1]
    assert [one.seq for one in emulator.requests(Match({"rule": {"exists": False}}))] == [2]


def test_an_outcome_is_matched_as_it_stands_now(emulator: Emulator) -> None:
    session_id = start(emulator)
    params = {"media.ad.podPosition": 1, "media.ad.id": "a", "media.ad.length": 5.0, "media.ad.playerName": "p"}
    send(emulator, session_id, "adStart", 0, params=params)
    emulator.handle(post("/api/v1/sessions", b"{"))
    emulator.handle(post("/elsewhere", b""))
    by_outcome = {str(one.outcome): one.seq for one in emulator.requests()}
    for outcome, seq in by_outcome.items():
        assert [one.seq for one in emulator.requests(Match({"outcome": outcome}))] == [seq]
    assert set(by_outcome) == {"good", "ignored", "bad", "other"}


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"evnt": "ping"}, "match.evnt is not known (did you mean event?); the fields are " + ", ".join(NAMES)),
        (
            {"outcome": "god"},
            "match.outcome is 'god' (did you mean good?); it is one of good, bad, ignored, faulted, other",
        ),
        ({"status": "204"}, "match.status must be a whole number, not '204'"),
        ({"status": True}, "match.status must be a whole number, not True"),
        ({"playhead": "10"}, "match.playhead must be a number, not '10'"),
        ({"event": 1}, "match.event must be text, not 1"),
        ({"event": []}, "match.event is an empty list, which nothing can match; leave the field out to allow anything"),
        (
            {"playhead": {"mn": 1}},
            "match.playhead.mn is not an operator (did you mean min?); use min, max, matches, exists",
        ),
        ({"playhead": {}}, "match.playhead is an empty object; an operator is one of min, max, matches, exists"),
        ({"playhead": {"min": "1"}}, "match.playhead must be bounded by a number, not '1'"),
        (
            {"event": {"matches": "("}},
            "match.event.matches is no regular expression: missing ), unterminated subpattern",
        ),
        ({"event": {"exists": 1}}, "match.event.exists must be true or false, not 1"),
        (
            {"rule": ["not-json", "ad-outside-brake"]},
            "match.rule is 'ad-outside-brake' (did you mean ad-outside-break?), which no finding has; docs/findings.md",
        ),
        ({"rule": 3}, "match.rule must be text, not 3"),
        (
            {"path": {"matches": "a{99999999999}"}},
            "match.path.matches is no regular expression: the repetition number is",
        ),
        (
            {"path": {"matches": "(" * 5000}},
            "match.path.matches is too long: 5,000 characters, and at most 1,000 are taken",
        ),
        ({"path": {"matches": "(" * 490 + ")" * 490}}, "match.path.matches is nested too deep"),
        (
            {"path": {"matches": "(a{30}){30}"}},
            "match.path.matches is too large: with its repeats written out it has more",
        ),
        (
            {"path": {"matches": "^(?!/api)"}},
            "match.path.matches is refused: it has lookaround, (?!…) or (?<!…), which",
        ),
        (
            {"path": {"matches": r"(a)\1"}},
            r"match.path.matches is refused: it has a backreference, such as \1, which takes",
        ),
        ({"path": {"matches": 5}}, "match.path.matches is no regular expression: it must be text"),
        ({"path": nested(900)}, "match.path holds more than 64 levels of nesting"),
        ({"params": {"x": nested(900)}}, "match.params holds more than 64 levels of nesting"),
        ({"playhead": float("nan")}, "match.playhead holds nan, which is no JSON number"),
        ({"playhead": {"min": float("-inf")}}, "match.playhead holds -inf, which is no JSON number"),
        ({"status": 10**5000}, "match.status holds a number that 64 bits cannot hold"),
        ({"params": {"x": b"1"}}, "match.params holds a bytes, which JSON does not know"),
        ({"kind": "y" * 5000}, f"match.kind is '{'y' * 199}…; it is one of"),
        ({"e" * 5000: 1}, f"match.'{'e' * 199}… is not known; the fields are"),
        ({"e\nvent": 1}, "match.'e\\nvent' is not known"),
        ([["event", "ping"]], """match must be an object such as {"event": "ping"}, not [['event', 'ping']]"""),
        ({"params": {str(n): 1 for n in range(101)}}, "match has 101 conditions; at most 100 are taken"),
        ({"playhead": [*range(1001)]}, "match.playhead has 1,001 values; at most 1,000 are taken"),
        ({"params": "x"}, 'match.params must map names to wanted values, such as {"media.id": "film"}, not \'x\''),
    ],
)
def test_a_wrong_match_names_the_field_and_what_is_allowed(wanted: Any, message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        Match(wanted)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", {}),
        ("event=play", {"event": "play"}),
        ("event=play&event=ping", {"event": ["play", "ping"]}),
        ("playhead=10", {"playhead": 10}),
        ("playhead.min=1.5&playhead.max=9", {"playhead": {"min": 1.5, "max": 9}}),
        ("event.matches=^ad", {"event": {"matches": "^ad"}}),
        ("session.exists=false", {"session": {"exists": False}}),
        ("params.media.id=film", {"params": {"media.id": "film"}}),
        ("params.media.length.min=60", {"params": {"media.length": {"min": 60}}}),
        ("params.media.id=007", {"params": {"media.id": [7, "007"]}}),
        ("metadata.live=true", {"metadata": {"live": [True, "true"]}}),
        ("qoe.media.qoe.bitrate.exists=true", {"qoe": {"media.qoe.bitrate": {"exists": True}}}),
        ("status=400&status=404", {"status": [400, 404]}),
        ("rule=not-json", {"rule": "not-json"}),
    ],
)
def test_a_query_string_says_the_same(query: str, wanted: dict[str, Any]) -> None:
    assert from_query(parse_qsl(query)).wanted == wanted


@pytest.mark.parametrize(
    "query",
    [
        "playhead=soon", "status=4.5", "playhead=1&playhead.min=2", "playhead.min=2&playhead=1", "nothing=1", "params=1",
        "params=1&params.x=2", "params.x=2&params=1", "params.x=1&params.x.min=2", "params.x.min=2&params.x=1",
        "qoe=1&qoe.x.exists=true", "playhead.min=1.0e999", "playhead=" + "9" * 5000, "playhead.min=1&playhead.min=2",
    ],
)  # fmt: skip
def test_a_wrong_query_is_a_value_error(query: str) -> None:
    with pytest.raises(ValueError, match=r"playhead|status|nothing|params|qoe"):
        from_query(parse_qsl(query))


def test_it_reads_aloud() -> None:
    match = Match({"event": ["play", "ping"], "playhead": {"min": 10}, "params": {"media.id": {"exists": False}}})
    assert str(match) == "event=play|ping playhead=10.. params.media.id=absent"
    assert str(Match({"path": {"matches": "^/api"}, "playhead": {"min": 1, "max": 2}})) == "path=/^/api/ playhead=1..2"
    assert str(Match()) == "anything"
    assert str(from_query([("params.media.length", "60")])) == "params.media.length=60"


def test_bodies_that_are_no_objects_have_no_parts(emulator: Emulator) -> None:
    for text in (b"[1]", b"null", b'"x"', b"{", json_of({"params": 3, "playerTime": []})):
        emulator.handle(post("/api/v1/sessions", text))
    match = Match({"params": {"x": {"exists": False}}, "playhead": {"exists": False}})
    assert len(emulator.requests(match)) == 5


def json_of(value: Any) -> bytes:
    import json

    return json.dumps({**body("sessionStart"), **value}).encode()


def test_a_pattern_that_python_has_doubts_about_is_only_a_pattern() -> None:
    """Its FutureWarning is an error in these tests, and would be in the server of somebody's tests, too."""
    assert Match({"path": {"matches": "[[a]"}}) is not None


def test_each_field_is_read_from_whatever_a_match_looks_at(ping: Exchange) -> None:
    candidate = FaultCandidate(Kind.EVENT, "ping", "s", "default", "/", lambda: None)
    entry = Entry.__annotations__
    for name, row in EVERY_FIELD.items():
        for one in (ping, candidate):
            assert hasattr(one, row.attribute), (name, type(one))
        assert not row.early or row.early in entry or hasattr(Entry, row.early), name


def test_what_is_known_only_after_processing_is_a_column_of_the_table() -> None:
    assert KNOWN_AFTER == ("outcome", "verdict", "status", "rule")
    assert DERIVED == ("outcome", "rule")
    assert {*NAMES} < {*get_type_hints(Envelope)}
