"""What is wrong with the address of a request that met no path: each of the ways in which it is put together wrongly."""

from __future__ import annotations

import pytest

from mcmock.core.model import Exchange
from mcmock.engine import Emulator
from tests.conftest import body, post, start


def sent(emulator: Emulator, path: str, method: str = "POST", text: bytes | None = None) -> Exchange:
    request = post(path, body("play") if text is None else text)._replace(method=method)
    found = emulator.request(emulator.handle(request).seq)
    assert found is not None
    return found


SID = "5" * 64
LOCATION = f"/api/v1/sessions/{SID}"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"/api/v1/sessions{LOCATION}/events", "holds Location twice"),
        (f"/api/v1/sessions/{LOCATION}/events", "holds Location twice"),
        (f"{LOCATION}{LOCATION}/events", "holds Location twice"),
        ("/api/v1/sessions/%2Fapi%2Fv1%2Fsessions%2F1/events", "holds Location twice"),
        (f"/http://127.0.0.1:8410{LOCATION}/events", "holds a whole address"),
        ("//api/v1/sessions", "the base URL ends with one"),
        (f"/{LOCATION}/events", "the base URL ends with one"),
        ("/api//v1/sessions", "two slashes"),
        (f"{LOCATION}//events", "two slashes"),
        ("/api/sessions", "has no version"),
        ("/api/v2/sessions", "has the version v2"),
        ("/sessions", "begins with /api/v1/"),
        (f"/v1/sessions/{SID}/events", "begins with /api/v1/"),
        (f"{LOCATION}/event", "ends in /event"),
        (LOCATION, "ends with the session's id"),
        (f"{LOCATION}/events/1", "goes on behind /events"),
        ("/api/v1/session", "has session"),
        ("/api/v1/download", "has download;"),
        ("/API/v1/Sessions", "capital letters"),
        ("/api/v1/sessions/undefined/events", "has undefined where the session's id"),
        ("/api/v1/sessions/null/events", "has null"),
        ("/api/v1/sessions/None/events", "has None"),
        ("/api/v1/sessions/[object%20Object]/events", "has [object Object]"),
        ("/api/v1/sessions/Optional(%22x%22)/events", "has Optional"),
        ("/api/v1/sessions/%7Bsid%7D/events", "placeholder"),
        ("/api/v1/sessions/:sid/events", "placeholder"),
        ("/api/v1/sessions/v1/events", "counting its slashes"),
        ("/api/v1/sessions//events", "has no session id"),
        ("/undefined/events", "holds undefined"),
        ("/api/v1undefined/events", "holds undefined"),
        (f"{LOCATION}events", "a slash is missing"),
        (f"/va{LOCATION}/events", "has /va before"),
        ("/", "path of the API is missing"),
        ("/nowhere", "no path of this API is like this one"),
    ],
)
def test_the_finding_says_what_is_wrong(emulator: Emulator, path: str, words: str) -> None:
    one = sent(emulator, path)
    assert one.status == 404
    (finding,) = [found for found in one.findings if found.rule == "misdirected"]
    assert words in finding.message
    assert not emulator.verdict().passed


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_wrong_method_is_named_with_those_that_are_right(emulator: Emulator, method: str) -> None:
    one = sent(emulator, f"{LOCATION}/events", method)
    assert one.status == 405
    assert one.findings[0].message == f"{method} is not a method of this path; it takes POST, OPTIONS"


def test_a_preflight_to_a_wrong_address_is_the_last_thing_that_a_browser_sends(emulator: Emulator) -> None:
    one = sent(emulator, f"/api/v1/sessions{LOCATION}/events", "OPTIONS", b"")
    assert "sends nothing after it" in one.findings[0].message


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/favicon.ico", b""),
        ("/robots.txt", b""),
        ("/apiary/events-of-the-day", b""),
        ("/b/ss", b'{"event": "eventType"}'),
    ],
)
def test_what_was_not_meant_for_the_api_is_nobodys_mistake(emulator: Emulator, path: str, text: bytes) -> None:
    assert sent(emulator, path, "GET" if not text else "POST", text).findings == ()
    assert emulator.verdict().passed


@pytest.mark.parametrize("text", [b'[{"eventType": "sessionStart"}]', b'{"eventType": '])
def test_a_body_tells_even_where_it_is_an_array_or_broken(emulator: Emulator, text: bytes) -> None:
    assert sent(emulator, "/anywhere", text=text).findings[0].rule == "misdirected"


def test_a_path_of_any_length_is_judged_at_once(emulator: Emulator) -> None:
    for path in ("/api" * 20_000, "/" * 60_000 + "api/v1/sessions", "/api/v1/sessions/" * 4_000, "/[object " * 6_000):
        sent(emulator, path)


def test_a_right_address_is_not_found_fault_with(emulator: Emulator) -> None:
    one = sent(emulator, f"/api/v1/sessions/{start(emulator)}/events")
    assert "misdirected" not in {finding.rule for finding in one.findings}
