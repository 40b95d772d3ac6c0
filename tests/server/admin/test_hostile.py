"""What nobody means, put in the place of each value that the control API, Python and files of faults take.

Every question is answered with a 4xx or is fine, in the API's form; what was taken never breaks a request later.
"""

from __future__ import annotations

import contextlib
import copy
import datetime
import difflib
import json
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcmock import faults
from mcmock.checks import verification
from mcmock.checks.sequence import MAX_STEPS, Pattern
from mcmock.cli import main
from mcmock.core.json_decoding import MAX_DEPTH
from mcmock.core.match import FIELDS, PARTS, Match
from mcmock.engine import Emulator
from mcmock.faults import EFFECTS
from mcmock.protocols.registry import FAULT_FORMS
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, body, post, send, start
from tests.server.admin.test_faults_admin import ask

# -- the values -----------------------------------------------------------------------------------------------------------


def nested(levels: int, text: str = "1") -> str:
    return "[" * levels + text + "]" * levels


HOSTILE: dict[str, str | bytes] = {
    "null": "null",
    "true": "true",
    "0": "0",
    "-1": "-1",
    "1.5": "1.5",
    "-0.0": "-0.0",
    "2^53": "9007199254740993",
    "2^64": "18446744073709551616",
    "30 digits": "9" * 30,
    "5,000 digits": "9" * 5000,
    "1e308": "1e308",
    "1e-308": "1e-308",
    "5e-324": "5e-324",
    "1e400": "1e400",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "no text": '""',
    "a NUL": '"\\u0000"',
    "a line break": '"a\\r\\nB: c"',
    "an escape": '"\\u001b[2J"',
    "a snowman": '"\\u2603"',
    "half a pair": '"\\ud800"',
    "a pair": '"\\ud83d\\ude00"',
    "no UTF-8": b'"\xff"',
    "100,000 letters": f'"{"x" * 100_000}"',
    "no list": "[]",
    "no object": "{}",
    "a list of everything": '[null, true, 1, "x", [], {}]',
    "a list of lists": "[[1], [2]]",
    "60 levels": nested(60),
    "64 levels": nested(64),
    "65 levels": nested(65),
    "900 levels": nested(900),
    "100,000 levels": nested(100_000),
    "60 objects": '{"a":' * 60 + "1" + "}" * 60,
    "900 objects": '{"a":' * 900 + "1" + "}" * 900,
    "a key twice": '{"a": 1, "a": 2}',
    "a key of a line break": '{"a\\r\\nb": 1}',
    "a key of 9,000": f'{{"{"k" * 9000}": 1}}',
    "10,000 keys": "{" + ", ".join(f'"{n}": 1' for n in range(10_000)) + "}",
    "10,000 numbers": json.dumps([*range(10_000)]),
    "5,000 parentheses": f'{{"matches": "{"(" * 5000}{")" * 5000}"}}',
    "a huge repeat": '{"matches": "a{99999999999}"}',
    "repeats of repeats": '{"matches": "((a{99}){99}){99}"}',
    "catastrophic": '{"matches": "^(a+)+$"}',
    "lookaround": '{"matches": "(?=a)"}',
    "no pattern": '{"matches": 5}',
    "min of NaN": '{"min": NaN}',
    "max of 1e308": '{"max": 1e308}',
    "min of text": '{"min": "1"}',
    "exists of text": '{"exists": "true"}',
    "an unknown operator": '{"a": 1}',
    "not JSON": "{",
    "two values": "1 2",
    "a comment": "/**/1",
    "a comma": "1,",
}

FAULTS: list[dict[str, Any]] = [
    {"effect": {"type": "status", "code": 503, "body": "x", "headers": {"X-A": "b"}}, "match": {"event": "ping"}},
    {"effect": {"type": "delay", "seconds": 0}, "name": "a", "side": "after", "skip": 0, "times": 1},
    {"effect": {"type": "delay", "uniform": [0, 0]}, "probability": 1, "per": "session", "forSeconds": 1},
    {"effect": {"type": "delay", "lognormal": {"median": 1e-9, "sigma": 0}}},
    {"effect": {"type": "truncate", "bytes": 1}},
    {"effect": {"type": "drip", "bytesPerSecond": 1e9}},
    {"effect": {"type": "hang", "seconds": 0}},
    {"effect": {"type": "expire_session", "every": True}},
    {"effect": {"type": "set_header", "name": "X-A", "value": "{session}"}},
    {"effect": {"type": "drop_header", "name": "X-A"}},
    {"effect": {"type": "rate_limit", "perSecond": 1, "code": 429, "retryAfter": 1}},
]
MATCH: dict[str, Any] = {
    **dict.fromkeys(FIELDS, "x"),
    **{part: {"x": {"min": 1, "matches": "a", "exists": True}} for part in PARTS},
    "event": "ping",
    "kind": "event",
    "outcome": "bad",
    "verdict": "gone",
    "status": 204,
    "playhead": 1,
    "rule": "not-json",
}
FEW: dict[str, Any] = {"event": "ping", "params": {"x": {"min": 1}}}
"""A match inside something else: each of its fields is asked about by itself."""
BODIES: dict[str, list[Any]] = {
    "POST /requests/find": [MATCH],
    "POST /requests/wait": [{"match": FEW, "count": 1, "timeout": 0}],
    "POST /verify": [
        {"match": FEW, "count": 1, "within": 0, "allowNoSessions": False},
        {"match": {"event": "ping"}, "atLeast": 1, "atMost": 2},
        {"sequence": ["play", "...", {"event": "ping+", "playhead": 1}], "gaps": True},
    ],
    "POST /faults": FAULTS,
    "PUT /faults": [{"faults": FAULTS[:1]}],
    "POST /clock/advance": [{"seconds": 1}],
    "POST /clock/freeze": [{}],
    "POST /reset": [{}],
    "DELETE /requests": [{}],
    "DELETE /faults": [{}],
    "POST /presets/outage": [{}],
}
TIMES = ("timeout", "within")
"""What is waited for: a large one is taken, and would be waited for."""
MARK = "put it here"


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to each part of a value, itself included."""
    yield ()
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []:
        for way in places(inner):
            yield (key, *way)


def texts(value: Any, way: tuple[Any, ...]) -> Iterator[tuple[str, bytes]]:
    """The value as JSON, with each hostile value in that place."""
    whole = {"": copy.deepcopy(value)}
    place: Any = whole
    for key in ("", *way)[:-1]:
        place = place[key]
    place[("", *way)[-1]] = MARK
    before, after = json.dumps(whole[""]).encode().split(f'"{MARK}"'.encode())
    for name, hostile in HOSTILE.items():
        if not (way and way[-1] in TIMES and name in ("1.5", "true")):
            yield name, before + (hostile if isinstance(hostile, bytes) else hostile.encode()) + after


@pytest.mark.parametrize("route", BODIES)
def test_each_value_of_a_body_may_be_anything(mcmock_server: McmockServer, control: HTTPConnection, route: str) -> None:
    method, path = route.split()
    sid = start(mcmock_server.emulator)
    send(mcmock_server.emulator, sid, "ping", 1)
    asked = 0
    for value in BODIES[route]:
        for way in places(value):
            for name, text in texts(value, way):
                status, answer = ask_raw(control, method, path, text)
                assert status < 500, (name, way, answer[:300])
                assert status < 400 or 0 < len(json.loads(answer)["error"]["message"]) < 2000, (name, way)
                json.loads(answer, parse_constant=pytest.fail)
                asked += 1
    assert asked >= len(HOSTILE)
    mcmock_server.faults.clear()
    assert mcmock_server.summary().broken == 0


def ask_raw(wire: HTTPConnection, method: str, path: str, text: bytes = b"") -> tuple[int, bytes]:
    wire.request(method, f"/__admin{path}", text, {"Content-Type": "application/json"})
    answer = wire.getresponse()
    return answer.status, answer.read()


@pytest.fixture
def control(mcmock_server: McmockServer) -> Iterator[HTTPConnection]:
    with contextlib.closing(HTTPConnection(mcmock_server.url.removeprefix("http://"), timeout=5)) as connection:
        yield connection


WORDS = [
    "",
    "-1",
    "0",
    "1.5",
    "9" * 30,
    "9" * 4000,
    "٣",
    "NaN",
    "1e999",
    "1.0e999",
    "true",
    "a{99999999999}",
    "(" * 2000,
    "^(a+)+$",
    "\0",
    "\r\nA: b",
    "\ud800",
    "\x1b[2J",
    "[1]",
    "..",
    "*",
]
NAMES = [
    "since",
    "limit",
    "order",
    "brief",
    "strict",
    "scope",
    *FIELDS,
    *PARTS,
    "rule",
    "nothing",
    *(
        f"{field}{rest}"
        for field in ("event", "playhead", "params.x", "metadata", "rule", "kind", "x" * 3000)
        for rest in (".min", ".max", ".matches", ".exists", ".", "..", ".min.max")
    ),
]
LISTS = ["/requests", "/requests.ndjson", "/requests.har", "/sessions", "/summary", "/scopes", "/faults", "/losses"]


@pytest.mark.parametrize("path", LISTS)
def test_each_word_of_a_query_may_be_anything(mcmock_server: McmockServer, control: HTTPConnection, path: str) -> None:
    start(mcmock_server.emulator)
    for turn, (name, word) in enumerate(product(NAMES, WORDS), LISTS.index(path)):
        first = f"{quote(name)}={quote(word, errors='surrogatepass')}"
        queries = (first, f"{first}&{first}", f"{first}&{quote(name)}.x=1", f"params=1&{first}")
        query = queries[turn % 4]  # eight paths: each query is asked at two of them
        status, answer = ask_raw(control, "GET", f"{path}?{query}")
        assert status < 500, (query, answer[:300])
    assert mcmock_server.summary().broken == 0


@pytest.mark.parametrize(
    "path", ["/requests/{}", "/sessions/{}", "/sessions/{}/report", "/faults/{}", "/inspector/{}", "/{}"]
)
def test_each_part_of_a_path_may_be_anything(control: HTTPConnection, path: str) -> None:
    for word in [*WORDS, "x" * 5000]:
        status, answer = ask_raw(control, "GET", path.format(quote(word, "", errors="surrogatepass")))
        assert status < 500, (word, answer[:300])
        assert len(answer) < 2000 or status < 400


# -- what is taken breaks nothing later -----------------------------------------------------------------------------------

BROKEN_ANSWERS = [
    (
        {"type": "status", "code": 503, "body": "\ud800"},
        "effect.body must be text that UTF-8 can hold, but it has half of",
    ),
    ({"type": "status", "code": 503, "body": {"a": ["\udfff"]}}, "effect.body must be text that UTF-8 can hold"),
    ({"type": "status", "code": 503, "body": {"\ud800": 1}}, "effect.body must be text that UTF-8 can hold"),
    (
        {"type": "status", "code": 503, "body": "x" * (1024 * 1024 + 1)},
        "effect.body must be at most 1,048,576 bytes, not 1,048,577",
    ),
    (
        {"type": "status", "code": 503, "body": float("nan")},
        "effect.body must be text, or what JSON knows, but it holds nan",
    ),
    (
        {"type": "status", "code": 503, "body": datetime.date(2026, 1, 1)},
        "effect.body must be text, or what JSON knows, but it",
    ),
    ({"type": "status", "code": 99}, "effect.code must be a whole number from 200 to 599, not 99"),
    ({"type": "status", "code": 1000}, "effect.code must be a whole number from 200 to 599, not 1000"),
    (
        {"type": "status", "code": 503, "headers": {"A\r\nB": "c"}},
        "effect.headers must be the name of a header, such as",
    ),
    ({"type": "status", "code": 503, "headers": {"": "c"}}, "effect.headers must be the name of a header, such as"),
    (
        {"type": "status", "code": 503, "headers": {"A" * 129: "c"}},
        "effect.headers must be at most 128 characters, not 129",
    ),
    ({"type": "status", "code": 503, "headers": {"A": "b\nC: d"}}, "effect.headers must be text on one line"),
    ({"type": "status", "code": 503, "headers": {"A": "\x1b[2J"}}, "effect.headers must be text on one line"),
    ({"type": "status", "code": 503, "headers": {"A": "\x7f"}}, "effect.headers must be text on one line"),
    (
        {"type": "status", "code": 503, "headers": {f"A{n}": "b" for n in range(65)}},
        "effect.headers must be at most 64 headers",
    ),
    ({"type": "set_header", "name": "A", "value": "\u2603"}, "effect.value must be text on one line"),
    (
        {"type": "set_header", "name": "A", "value": "x" * 4097},
        "effect.value must be at most 4,096 characters, not 4,097",
    ),
    ({"type": "set_header", "name": "Ä", "value": ""}, "effect.name must be the name of a header"),
    (
        {"type": "delay", "seconds": 1e308},
        "effect.seconds must be a number of 0 or more, at most 1,000,000,000,000, not 1e+308",
    ),
    ({"type": "delay", "seconds": float("nan")}, "effect.seconds must be a number of 0 or more, not nan"),
    ({"type": "delay", "uniform": [0, 1e308]}, "effect.uniform must be two numbers of seconds"),
    ({"type": "drip", "bytesPerSecond": -1}, "effect.bytesPerSecond must be a number above 0, not -1"),
    ({"type": "truncate", "bytes": -1}, "effect.bytes must be a whole number of 0 or more, not -1"),
    (
        {"type": "truncate", "bytes": 10**5000},
        "effect.bytes must be a whole number of 0 or more, at most 1,000,000,000,000, not a",
    ),
    (
        {"type": "rate_limit", "perSecond": 1, "retryAfter": 10**30},
        "effect.retryAfter must be a whole number of 0 or more, at most",
    ),
]


@pytest.mark.parametrize(("effect", "said"), BROKEN_ANSWERS, ids=[said for _, said in BROKEN_ANSWERS])
def test_an_effect_that_would_break_an_answer_is_refused_when_it_is_added(effect: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is compared
        faults.rule_from_json({"effect": effect})
    assert str(refused.value).startswith(f"fault: {said}")


def test_half_a_surrogate_pair_is_refused_by_the_control_api_and_by_a_file(mcmock_server: McmockServer) -> None:
    fault = {"effect": {"type": "status", "code": 503, "body": "\ud800"}}
    assert ask(mcmock_server, "POST", "/faults", fault)[0] == 400
    with pytest.raises(ValueError, match=r"fault 1: effect\.body must be text that UTF-8 can hold"):
        faults.load(json.dumps([fault]), "json")
    with Wire(mcmock_server.url) as wire:
        assert wire.post("/api/v1/sessions", body("sessionStart")).startswith(b"HTTP/1.1 201 ")


ANY_TEXT = st.text(max_size=6) | st.sampled_from(
    ["\ud800", "\r\n", "\0", "{session}", "{host}{value}", "Content-Length", "Ā"]
)
ANY_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | ANY_TEXT
    | st.sampled_from([10**30, 1e-320, 1e12, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def effects(draw: st.DrawFn) -> dict[str, Any]:
    """An effect that may well be taken: its attributes are near what they should be."""
    kind = draw(st.sampled_from(sorted(EFFECTS)))
    near: dict[str, Any] = {
        "code": st.integers(199, 600),
        "body": ANY_VALUE,
        "headers": st.dictionaries(ANY_TEXT | st.just("X-A"), ANY_TEXT, max_size=3),
        "name": st.sampled_from(["Location", "Content-Length", "X-A"]) | ANY_TEXT,
        "value": ANY_TEXT,
        "form": st.sampled_from(sorted(FAULT_FORMS)),
        "retryAfterAs": st.sampled_from(["seconds", "date"]),
        "every": st.booleans(),
        "seconds": st.floats(0, 1e12),
        "bytes": st.integers(0, 400),
        "bytesPerSecond": st.floats(0, 1e12),
        "perSecond": st.floats(0, 9),
        "retryAfter": st.none() | st.integers(0, 10**12),
        "uniform": st.lists(st.floats(0, 1e12), min_size=2, max_size=2).map(sorted),
        "lognormal": st.fixed_dictionaries({"median": st.floats(0, 1e12), "sigma": st.floats(0, 10)}),
    }
    assert set(near) == {name for effect in EFFECTS.values() for name in effect.attributes or ()}
    names = draw(st.sets(st.sampled_from(sorted(EFFECTS[kind].attributes)))) if EFFECTS[kind].attributes else set()
    return {
        "type": kind,
        **{
            name: draw(near[name] | ANY_VALUE if draw(st.integers(0, 9)) == 0 else near[name]) for name in sorted(names)
        },
    }


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(effect=effects(), side=st.sampled_from(["before", "after", None]), sid=ANY_TEXT)
def test_an_effect_that_is_taken_makes_an_answer(effect: dict[str, Any], side: str | None, sid: str) -> None:
    try:
        rule = faults.rule_from_json({"effect": effect, "side": side})
    except ValueError:
        return
    emulator = Emulator(seed=1)
    known = start(emulator)
    emulator.add_fault(rule)
    for session in (known, sid):
        path = f"/api/v1/sessions/{quote(session, '', errors='surrogatepass')}/events"
        answer = emulator.handle(post(path, body("ping")))
        assert answer.response.raw.count(b"\r\n\r\n") <= 2
        for step in answer.steps:
            assert all(value is None or value >= 0 for value in step if isinstance(value, int | float))
    assert emulator.summary().broken == 0
    json.dumps([state.rule.to_json() for state in emulator.faults()], allow_nan=False)


def test_a_session_id_that_a_client_makes_up_ends_no_line_of_an_answer(mcmock_server: McmockServer) -> None:
    mcmock_server.faults.add(faults.set_header("X-Session", "{session}"))
    with Wire(mcmock_server.url) as wire:
        answer = wire.post("/api/v1/sessions/a%0d%0aSet-Cookie:%20b%ff/events", body("ping"))
    assert b"\r\nX-Session: a%0D%0ASet-Cookie%3A%20b%FF\r\n" in answer
    assert b"\r\nSet-Cookie" not in answer


# -- Python, the command line, files --------------------------------------------------------------------------------------

DEEP: Any = []
for _ in range(5000):
    DEEP = [DEEP]
PYTHON = [
    DEEP,
    10**5000,
    float("nan"),
    object(),
    b"x",
    datetime.date(2026, 1, 1),
    {1: 2},
    {"x"},
    lambda: 1,
    "\ud800",
    -1,
    [DEEP],
]


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python_gets_a_value_error_of_one_line(number: int) -> None:
    value = PYTHON[number]
    calls: list[Any] = [
        lambda: Match(value),
        lambda: Match({"event": value, "status": value}),
        lambda: Match({"params": {"x": value, "y": DEEP}}),
        lambda: verification.check(count=value, at_least=DEEP),
        lambda: verification.check(sequence=[value]),
        lambda: verification.check_from_json(value),
        lambda: verification.check(sequence=[{"event": value, "playhead": DEEP}]),
        lambda: verification.check(within=DEEP, match={"kind": value}),
        lambda: faults.rule_from_json(value),
        lambda: faults.rule_from_json({"effect": value}),
        lambda: faults.status(value),
        lambda: faults.status(99, body=value, headers=value),
        lambda: faults.delay(seconds=DEEP, uniform=value, lognormal=value),
        lambda: faults.reset(match=value, event=DEEP),
        lambda: faults.set_header(value, "\n"),
        lambda: faults.set_header("\n", value),
        lambda: faults.drip(DEEP, side=value),
        lambda: faults.reset(name=value, skip=DEEP),
        lambda: faults.preset(value),
        lambda: faults.load_value({"faults": value, "more": 1}),
        lambda: faults.load_value([value]),
    ]
    for place, call in enumerate(calls):
        with pytest.raises(ValueError) as refused:  # noqa: PT011, PT012 - whichever field it is
            call()
            pytest.fail(f"call {place} took {number}")
        assert len(str(refused.value).splitlines()) == 1
        assert len(str(refused.value)) < 2000


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", nested(900)),
        ("json", nested(100_000)),
        ("json", "9" * 5000),
        ("json", '{"fault": [{"effect": "reset", "effect": "hang"}]}'),
        ("json", '[{"effect": "reset", "match": {"playhead": NaN}}]'),
        ("json", '[{"effect": "reset", "match": {"event": "\\ud800", "x": 1}}]'),
        ("toml", f"fault = {nested(900)}"),
        ("toml", f"fault = {nested(100_000)}"),
        ("toml", "fault = " + "9" * 5000),
        ("toml", '[[fault]]\neffect = "reset"\nmatch = { playhead = nan }'),
        ("toml", '[[fault]]\neffect = "reset"\nskip = inf'),
        ("toml", '[[fault]]\neffect = "reset"\nmatch = { params = { x = 2026-01-01 } }'),
        ("toml", '[[fault]]\neffect = { type = "status", code = 500, body = 2026-01-01T00:00:00Z }'),
        ("toml", '[[fault]]\neffect = "reset"\nmatch = { path = { matches = "(?=a)" } }'),
        ("toml", f'[[fault]]\neffect = "reset"\nmatch = {{ event = {nested(100)} }}'),
    ],
)
def test_a_file_of_faults_gets_one_line(tmp_path: Path, form: str, text: str) -> None:
    path = tmp_path / f"faults.{form}"
    path.write_text(text)
    with pytest.raises(ValueError, match=str(path)) as refused:
        faults.load_file(path)
    assert len(str(refused.value).splitlines()) == 1
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--faults", str(path)])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "asked",
    ["params=1 params.x=2", "event.matches=(?=a)", "event.matches=a{99999999999}", "status=" + "9" * 5000, "x.y=1"],
)
def test_the_command_line_gets_one_line(asked: str) -> None:
    result = CliRunner().invoke(main, ["find", *asked.split()])
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)


def test_a_sequence_is_bounded_with_its_numbers_written_out() -> None:
    assert Pattern(["ping{1000}", "play{999}"]) is not None
    with pytest.raises(ValueError, match=r"sequence has more than 2,000 steps"):
        Pattern(["ping{0,1000}"] * (MAX_STEPS // 1000 + 1))
    with pytest.raises(ValueError, match="is not an event"):
        Pattern(["ping{" + "9" * 5000 + "}"])


def test_64_levels_are_taken_and_65_are_not(control: HTTPConnection) -> None:
    """The match itself and its field are two of them."""
    asked = '{"params": {"x": %s}}'
    assert ask_raw(control, "POST", "/requests/find", (asked % nested(MAX_DEPTH - 2)).encode())[0] == 200
    status, answer = ask_raw(control, "POST", "/requests/find", (asked % nested(MAX_DEPTH - 1)).encode())
    assert status == 400
    assert json.loads(answer)["error"]["message"] == "the body is nested deeper than 64 levels"


def test_a_key_twice_is_asked_back(control: HTTPConnection) -> None:
    status, answer = ask_raw(control, "POST", "/requests/find", b'{"event": "play", "event": "ping"}')
    assert status == 400
    assert json.loads(answer)["error"]["message"] == "event stands twice in one object of the body: which one is meant?"


# -- many rules -----------------------------------------------------------------------------------------------------------


class Counted(str):
    """A name that counts how often it is compared, or looked up."""

    __slots__ = ()
    times = 0

    def __eq__(self, other: object) -> bool:
        Counted.times += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        Counted.times += 1
        return str.__hash__(self)


def lookups(number: int) -> int:
    """How often a name is looked at until so many named rules are in force instead of others."""
    rules = faults.load_value({"faults": [{"effect": "reset", "name": Counted(f"f{one}")} for one in range(number)]})
    emulator = Emulator(seed=1)
    Counted.times = 0
    faults.rules_from([rule.to_json() for rule in rules])
    emulator.replace_faults(rules)
    emulator.put_faults(rules)
    return Counted.times


def lines(number: int) -> int:
    """How many lines of Python run until so many rules without a name are in force instead of others."""
    rules, emulator, count = [faults.reset()] * number, Emulator(seed=1), 0

    def count_line(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return count_line

    before = sys.gettrace()
    sys.settrace(count_line)
    try:
        emulator.replace_faults(rules)
    finally:
        sys.settrace(before)
    return count


def test_3000_rules_cost_three_times_what_1000_do() -> None:
    assert lookups(3000) <= 3.1 * lookups(1000)
    assert lines(3000) <= 3.1 * lines(1000)


def test_3000_rules_are_put_in_force_by_one_request(mcmock_server: McmockServer) -> None:
    status, answer = ask(
        mcmock_server, "PUT", "/faults", {"faults": [{"effect": "reset", "match": {"event": "play"}}] * 3000}
    )
    assert status == 200
    assert [fault["name"] for fault in answer["faults"]] == ["reset", *(f"reset-{number}" for number in range(2, 3001))]
    status, answer = ask(mcmock_server, "PUT", "/faults", {"faults": [{"effect": "reset"}] * 5001})
    assert (status, answer["message"]) == (
        400,
        "at most 5,000 faults may be in force: each is looked at for every request",
    )
    assert len(mcmock_server.emulator.faults()) == 3000


def test_a_name_that_is_given_is_not_chosen_for_another(mcmock_server: McmockServer) -> None:
    _, answer = ask(
        mcmock_server, "PUT", "/faults", {"faults": [{"effect": "reset"}, {"effect": "hang", "name": "reset"}]}
    )
    assert [fault["name"] for fault in answer["faults"]] == ["reset-2", "reset"]


# -- what is compared letter by letter ------------------------------------------------------------------------------------


def test_only_short_words_are_compared_letter_by_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """To compare takes the product of two lengths, and a client's event type, or a control request's, may be a megabyte."""
    compared: list[int] = []
    matcher = difflib.SequenceMatcher

    class Measured(matcher):  # type: ignore[valid-type, misc]
        def set_seq2(self, b: Any) -> None:
            compared.append(len(b))
            super().set_seq2(b)

    monkeypatch.setattr(difflib, "SequenceMatcher", Measured)
    monkeypatch.setattr(verification, "SequenceMatcher", Measured)
    emulator, word = Emulator(seed=1), "pign" * 1000
    sid = start(emulator)
    send(emulator, sid, word, 1)
    send(emulator, sid, "ping", 1)
    assert emulator.verify(verification.check({"event": word + "!"})).result == "fail"
    for wrong in (
        {"match": {word: 1}},
        {"match": {"kind": word}},
        {word: 1},
        {"sequence": [word]},
        {"match": {"event": word}, "count": 0},
    ):
        with contextlib.suppress(ValueError):
            verification.check_from_json(wrong)
    with pytest.raises(ValueError, match="did you mean ping"):
        faults.reset(event="pign")
    assert compared
    assert max(compared) <= 200
