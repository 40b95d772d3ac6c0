"""Anything at all, at either API, beside a player that behaves: no failure, nothing unlogged, nobody else disturbed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import fuzz
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mcmock.core.events import EVENT_TYPES
from mcmock.server.admin.routes import ROUTES
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, Wire, body
from tests.protocols import edge
from tests.server.test_fast_path import raw
from tests.server.test_server import open_session

unhurried = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
WORDS = st.sampled_from([
    "match", "event", "ping", "count", "atLeast", "atMost", "within", "sequence", "timeout", "min", "max", "matches", "exists",
    "effect", "type", "status", "code", "delay", "seconds", "times", "skip", "probability", "per", "session", "forSeconds",
    "side", "before", "after", "name", "faults", "playhead", "params", "media.id", "outcome", "bad", "drip", "bytesPerSecond",
    "headers", "body", "set_header", "value", "rate_limit", "perSecond", "strict", "kind", "verdict", "rule", "qoe", "scope",
])  # fmt: skip
VOCABULARY = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers(-3, 700) | st.floats(-1, 2) | st.sampled_from(["(", "a+", 10**400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=15,
)
QUERIES = st.lists(
    st.tuples(
        st.sampled_from(["since", "limit", "order", "brief", "strict", "event", "playhead.min", "params.x", "scope", "seq", ""])
        | st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=8),
        st.sampled_from(["", "0", "1", "-1", "9" * 5000, "٣", "asc", "%00", "%ff", "*", "(", "1e9", "nan"])
        | st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=8),
    ),
    max_size=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def shared() -> Iterator[McmockServer]:
    with McmockServer() as server:
        yield server


def row(template: str) -> Any:
    return next(one for one in ROUTES if one.template == template)


# -- the control API ------------------------------------------------------------------------------------------------------


def of_route(route: Any, names: list[str]) -> str:
    path = route.template
    for name in ("seq", "sid", "name", "file"):
        path = path.replace(f"{{{name}}}", names[0] if names else "1", 1)
    return str(path)


@unhurried
@given(
    route=st.sampled_from([one for one in ROUTES if one.template not in ("/stream", "/metrics", "/clock/freeze")]),
    names=st.lists(
        st.sampled_from(["1", "0", "-1", "9" * 50, "9" * 5000, "a", "%00", "%2e%2e", "0" * 64, "outage"]), max_size=1
    ),
    query=QUERIES,
    value=st.none() | VOCABULARY | JSON,
)
@example(
    route=next(one for one in ROUTES if one.template == "/requests"),
    names=[],
    query=[("since", "9" * 5000)],
    value=None,
)
@example(
    route=next(one for one in ROUTES if one.template == "/requests/{seq}"), names=["9" * 5000], query=[], value=None
)
@example(
    route=next(one for one in ROUTES if one.template == "/clock/advance"),
    names=[],
    query=[],
    value={"seconds": 10**400},
)
@example(
    route=next(one for one in ROUTES if one.template == "/clock/advance"),
    names=[],
    query=[],
    value={"seconds": float("nan")},
)
def test_any_question_of_the_control_api_is_answered_and_never_with_a_5xx(
    shared: McmockServer, route: Any, names: list[str], query: list[tuple[str, str]], value: Any
) -> None:
    if isinstance(value, dict):  # wait for nothing: what is under test is how it is read
        value = {key: part for key, part in value.items() if key not in ("timeout", "within")}
    if route.template == "/requests/wait":
        value = {**value, "timeout": 0} if isinstance(value, dict) else value
    text = b"" if value is None else json.dumps(value).encode()
    asked = "&".join(f"{name}={part}" for name, part in query).encode("ascii", "ignore").decode()
    head = f"{route.method} /~fuzz/__admin{of_route(route, names)}?{asked} HTTP/1.1"
    with Wire(shared.url) as wire:
        sent = f"{head}\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        wire.send(sent.encode() + text)
        assert wire.answer()[:13] < b"HTTP/1.1 500 "
    assert shared.summary().total == 0, "the control API is never logged"


# -- pipelines ------------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.sampled_from(["ping", "play", "broken", "unknown", "number", "control", "schema", "preflight", "other"]), min_size=1,
    max_size=12,
)  # fmt: skip
EXPECTED = {
    "ping": b"204", "play": b"204", "broken": b"400", "unknown": b"404", "number": b"400", "control": b"200", "schema": b"200",
    "preflight": b"204", "other": b"404",
}  # fmt: skip


def packet(step: str, sid: str) -> bytes:
    """One request of a pipeline."""
    if step in ("ping", "play"):
        return raw(sid, body(step))
    if step in ("broken", "number"):
        return raw(sid, b"{" if step == "broken" else b"5")
    if step == "unknown":
        return raw("f" * 64, body("ping"))
    method, path = {
        "control": ("GET", "/__admin/health"),
        "schema": ("GET", "/api/v1/schemas/ping"),
        "preflight": ("OPTIONS", "/api/v1/sessions"),
        "other": ("GET", "/nothing"),
    }[step]
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


@unhurried
@given(steps=STEPS, cuts=st.lists(st.integers(1, 4000), max_size=5))
def test_requests_in_any_packets_are_answered_in_order_and_logged_once(
    shared: McmockServer, steps: list[str], cuts: list[int]
) -> None:
    shared.reset()
    with Wire(shared.url) as wire, Wire(shared.url) as witness:
        sid, other = open_session(wire), open_session(witness)
        sent = b"".join(packet(step, sid) for step in steps)
        places = sorted({0, len(sent), *(cut % len(sent) for cut in cuts)})
        for start, end in pairwise(places):
            wire.send(sent[start:end])
            witness.send(raw(other, body("ping")))
            assert witness.answer().startswith(b"HTTP/1.1 204 ")
        assert [wire.answer()[9:12] for _ in steps] == [EXPECTED[step] for step in steps]
    logged = [one for one in shared.requests() if one.session_id != other]
    assert [str(one.status).encode() for one in logged] == [
        b"201",
        *(EXPECTED[one] for one in steps if one != "control"),
    ]
    assert len(shared.requests(session=other)) == len(places)


# -- bodies: whatever is in them, other sessions do not notice ------------------------------------------------------------


@unhurried
@given(
    event=st.sampled_from(EVENT_TYPES),
    part=st.sampled_from(["params", "qoeData", "customMetadata", "playerTime", "eventType", "more"]),
    value=JSON,
)
def test_a_body_with_anything_in_it_disturbs_no_other_session(
    shared: McmockServer, event: str, part: str, value: Any
) -> None:
    shared.reset()
    with Wire(shared.url) as wire:
        sid, other = open_session(wire), open_session(wire)
        wire.send(raw(other, body("play")))
        wire.answer()
        before = standing(shared, other)
        wire.send(raw(sid, {**body(event), part: value}))
        assert wire.answer()[9:12] in (b"204", b"400")
        wire.post("/api/v1/sessions", {**body("sessionStart", params={**START_PARAMS, "media.id": "x"}), part: value})
        assert shared.summary().broken == 0
        assert standing(shared, other) == before
        shared.sessions()
        shared.emulator.losses()


def standing(server: McmockServer, session_id: str) -> Any:
    """How a session stands, and what would be counted of it."""
    view = server.emulator.session(session_id)
    assert view is not None
    return view.state, view.events, view.report.to_json(), view.findings


# -- the long run, in short -----------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_the_raw_fuzzer_finds_nothing_in_a_moment(shared: McmockServer) -> None:
    """bench/fuzz.py is the same for hours; it also checks that its witness is undisturbed."""
    with McmockServer() as server:
        counts, failures = await fuzz.fuzz(server.url, 2.0, 7, 8)
    assert failures == []
    assert counts["emulated"] > 20
    assert counts["control"] > 20


def test_the_fuzzer_sees_what_is_wrong() -> None:
    assert fuzz.wrong(True, b"x", b"HTTP/1.1 500 Internal Server Error\r\n\r\n") == "[500] came back"
    assert fuzz.wrong(True, b"x", b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 502 Bad\r\n\r\n") == "[502] came back"
    assert fuzz.wrong(False, b"x", b"garbage") == "no HTTP came back"
    assert fuzz.wrong(False, b"x", b"") is None


# -- the Media Edge API ---------------------------------------------------------------------------------------------------

PARTS = (
    "events", "meta", "query", "xdm", "sessionDetails", "advertisingDetails", "advertisingPodDetails", "chapterDetails",
    "errorDetails", "qoeDataDetails", "customMetadata", "statesStart", "playhead", "sessionID", "timestamp", "eventType",
    "identityMap", "_id", "mediaDownloadedEvents", "mediaCollection",
)  # fmt: skip


@settings(unhurried, max_examples=100)
@given(event=st.sampled_from(edge.EVENTS), part=st.sampled_from(PARTS), value=JSON, door=st.booleans())
@example(
    event="downloaded", part="mediaDownloadedEvents", value=[{"mediaEventType": 5, "mediaCollection": []}], door=False
)
@example(event="play", part="sessionID", value={"a": [None]}, door=True)
def test_an_edge_body_with_anything_in_it_is_answered_and_disturbs_no_other_session(
    shared: McmockServer, event: str, part: str, value: Any, door: bool
) -> None:
    shared.reset()
    emulator = shared.emulator
    sid, other = edge.start(emulator), edge.start(emulator)
    edge.handled(emulator, "play", other)
    before = standing(shared, other)
    one = edge.whole() if event == "downloaded" else edge.xdm(event, sid)
    sent: dict[str, Any] = edge.body(one)
    for holder in (sent, one, one.get("mediaCollection")):
        if isinstance(holder, dict) and (part in holder or (holder is sent and part in ("meta", "query", "xdm"))):
            holder[part] = value
    word = "interact" if door else event
    with Wire(shared.url) as wire:
        answer = wire.post(f"/ee/va/v1/{word}?configId=x" if not door else "/ee/v1/interact?configId=x", sent)
        assert answer[9:12] in (b"200", b"204", b"207", b"400", b"404")
    assert shared.summary().broken == 0
    assert standing(shared, other) == before
    shared.sessions()
    assert all(isinstance(one.params, dict) for one in shared.requests())
    emulator.losses()
