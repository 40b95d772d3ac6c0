"""Routes and answers as tables: what leads where, and every byte of what is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcmock.core.http import REASONS, header, path_of, render
from mcmock.core.model import Kind
from mcmock.protocols.base import DEFAULT_CORS_HEADERS
from mcmock.protocols.media_collection.responses import Answers
from mcmock.protocols.media_collection.routes import PATHS, location, route

SID = "0123456789abcdef" * 4
NOW = 1_700_000_000.0

ROUTES = [
    ("POST", "/api/v1/sessions", Kind.SESSION, None),
    ("POST", "/api/v1/sessions/", Kind.SESSION, None),
    ("POST", "/api/v1/sessions?x=1", Kind.SESSION, None),
    ("POST", "http://h:1/api/v1/sessions", Kind.SESSION, None),
    ("POST", f"/api/v1/sessions/{SID}/events", Kind.EVENT, SID),
    ("POST", f"/api/v1/sessions/{SID}/events/", Kind.EVENT, SID),
    ("POST", f"/api/v1/sessions/{SID}/events?x", Kind.EVENT, SID),
    ("POST", "/api/v1/sessions/short/events", Kind.EVENT, "short"),
    ("POST", "/api/v1/sessions/%41/events", Kind.EVENT, "A"),
    ("POST", "/api/v1/downloaded", Kind.DOWNLOADED, None),
    ("GET", "/api/v1/schemas/ping", Kind.SCHEMA, "ping"),
    ("HEAD", "/api/v1/schemas/ping", Kind.SCHEMA, "ping"),
    ("OPTIONS", "/api/v1/sessions", Kind.PREFLIGHT, None),
    ("OPTIONS", f"/api/v1/sessions/{SID}/events", Kind.PREFLIGHT, SID),
    ("OPTIONS", "/api/v1/downloaded", Kind.PREFLIGHT, None),
]
NOWHERE = [
    ("PUT", "/api/v1/sessions", 405),
    ("GET", f"/api/v1/sessions/{SID}/events", 405),
    ("POST", "/api/v1/schemas/ping", 405),
    ("get", "/api/v1/schemas/ping", 405),
    ("POST", f"/api/v1/sessions/{SID}", 404),
    ("POST", f"/api/v1/sessions/{SID}/event", 404),
    ("POST", f"/api/v1/{SID}/events", 404),
    ("POST", "/api/v1/sessions/a/b/events", 404),
    ("POST", "/API/v1/sessions", 404),
    ("POST", "//api/v1/sessions", 404),
    ("POST", "/api/v1/./sessions", 404),
    ("POST", "/api/v2/sessions", 404),
    ("POST", "", 404),
    ("POST", "*", 404),
    ("POST", "http://[", 404),
]


@pytest.mark.parametrize(("method", "target", "kind", "argument"), ROUTES)
def test_a_target_leads_to_its_kind(method: str, target: str, kind: Kind, argument: str | None) -> None:
    found = route(method, target)
    assert (found.kind, found.argument, found.status) == (kind, argument, None)
    assert found.slash is target.endswith("/")


@pytest.mark.parametrize(("method", "target", "status"), NOWHERE)
def test_a_target_that_leads_nowhere(method: str, target: str, status: int) -> None:
    found = route(method, target)
    assert (found.kind, found.status) == (Kind.OTHER, status)
    assert (found.allow is None) is (status == 404)


@given(
    method=st.sampled_from(["POST", "GET", "PUT", "x"]),
    target=st.text(max_size=40) | st.sampled_from([one[1] for one in ROUTES]),
)
def test_any_target_has_a_route(method: str, target: str) -> None:
    found = route(method, target)
    assert (found.kind is Kind.OTHER) is (found.status is not None)


@given(st.text(alphabet="/ab%20?#", max_size=12))
def test_the_short_way_to_an_event_s_route_is_the_long_way(rest: str) -> None:
    """Whatever stands where the 64 characters of an id stand, the answer is that of the table."""
    target = f"/api/v1/sessions/{(rest + SID)[:64]}/events"
    found = route("POST", target)
    if "/" not in rest and "?" not in rest and "#" not in rest and "%" not in rest:
        assert (found.kind, found.argument) == (Kind.EVENT, (rest + SID)[:64])
    assert found.kind in (Kind.EVENT, Kind.OTHER)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a?b", "/a"),
        ("/a#b", "/a"),
        ("/%61", "/a"),
        ("http://h/a?b", "/a"),
        ("/a%2Fb", "/a/b"),
        ("/%zz", "/%zz"),
        ("x:80", "80"),
    ],
)
def test_paths_of_targets(target: str, path: str) -> None:
    assert path_of(target) == path


def test_headers_are_found_in_any_spelling_and_the_first_one_counts() -> None:
    headers = ((b"Host", b"a"), (b"content-TYPE", b"x"), (b"Content-Type", b"y"))
    assert header(headers, b"content-type") == b"x"
    assert header(headers, b"origin") is None


def test_the_bytes_of_every_answer() -> None:
    answers = Answers()
    assert answers.accepted(NOW, True).raw == (
        b"HTTP/1.1 204 No Content\r\nServer: nginx/1.13.5\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nConnection: keep-alive\r\n"
        b"Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: OPTIONS,POST,PUT\r\n"
        b"Access-Control-Allow-Headers: Content-Type\r\nAccess-Control-Expose-Headers: Location\r\n\r\n"
    )
    assert answers.created(SID, NOW, False).raw.split(b"\r\n")[4:7] == [
        b"Content-Length: 0", b"Connection: close", b"Location: /api/v1/sessions/" + SID.encode(),
    ]  # fmt: skip
    assert answers.error(404, 'no "such" thing', NOW, True).body == b'{"message": "no \\"such\\" thing"}'


def test_the_date_of_an_answer_is_the_second_it_was_asked_for() -> None:
    """The answers of one second are made once; a clock that is moved makes them anew."""
    answers = Answers()
    first = answers.accepted(NOW, True)
    assert answers.accepted(NOW + 0.9, True) is first
    assert dict(answers.accepted(NOW + 1, True).headers)["Date"] == "Tue, 14 Nov 2023 22:13:21 GMT"
    assert dict(answers.accepted(NOW - 86400, True).headers)["Date"] == "Mon, 13 Nov 2023 22:13:20 GMT"


def test_head_has_the_length_of_the_body_it_leaves_out() -> None:
    answers = Answers()
    whole, head = (answers.schema(b"{}", NOW, True, head=head) for head in (False, True))
    assert whole.raw == head.raw + b"{}"
    assert whole.headers == head.headers


def test_a_preflight_says_how_long_to_remember_it_only_when_told_to() -> None:
    assert "Access-Control-Max-Age" not in dict(Answers().preflight(NOW, True).headers)
    widened = Answers(f"{DEFAULT_CORS_HEADERS}, User-Agent", 600)
    assert dict(widened.preflight(NOW, True).headers)["Access-Control-Max-Age"] == "600"
    assert "Access-Control-Max-Age" not in dict(widened.accepted(NOW, True).headers)
    assert dict(widened.accepted(NOW, True).headers)["Access-Control-Allow-Headers"] == "Content-Type, User-Agent"


def test_a_header_cannot_be_split_by_what_it_says() -> None:
    assert b"Location: /api/v1/sessions/a%0D%0AX%3A%201\r\n" in Answers().created("a\r\nX: 1", NOW, True).raw
    assert location("a/b?c") == "/api/v1/sessions/a/b%3Fc"


def test_every_status_has_its_reason() -> None:
    for status in (200, 201, 204, 400, 404, 405, 408, 410, 413, 414, 415, 429, 431, 500, 503):
        assert REASONS[status]
        assert render(status, ()).raw.startswith(f"HTTP/1.1 {status} {REASONS[status]}\r\n".encode())
    assert render(799, ()).raw == b"HTTP/1.1 799 Unknown\r\n\r\n"


def test_the_table_of_paths_answers_preflights_everywhere() -> None:
    assert all(path.methods["OPTIONS"] is Kind.PREFLIGHT for path in PATHS)
