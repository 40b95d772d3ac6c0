"""The rows of docs/fidelity.md that are about HTTP: paths, statuses, header lines and their order, CORS, session ids."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from mcmock.engine import Emulator
from mcmock.protocols.media_collection import routes
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, body, post, send, start

pytestmark = pytest.mark.mcmock(fail_on="never")

SESSIONS = "/api/v1/sessions"
UNKNOWN = f"{SESSIONS}/{'0' * 64}/events"
CORS = [
    "Access-Control-Allow-Origin: *",
    "Access-Control-Allow-Methods: OPTIONS,POST,PUT",
    "Access-Control-Allow-Headers: Content-Type",
    "Access-Control-Expose-Headers: Location",
]
DATE = re.compile(r"^Date: (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$")


def lines(answer: bytes) -> list[str]:
    """The lines of an answer's head, its date without its value once that has the right form."""
    head = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    return ["Date" if DATE.match(line) else line for line in head]


def message(answer: bytes) -> str:
    value = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert set(value) == {"message"}
    return str(value["message"])


def ask(connection: Wire, method: str, path: str, *headers: str) -> bytes:
    connection.send("\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers]).encode() + b"\r\n\r\n")
    return connection.answer()


def opened(connection: Wire, **parts: Any) -> str:
    answer = connection.post(SESSIONS, body("sessionStart", **parts))
    found = re.search(rb"\r\nLocation: /api/v1/sessions/([0-9a-f]{64})\r\n", answer)
    assert found, answer
    return f"{SESSIONS}/{found[1].decode()}/events"


# -- endpoints and answers ------------------------------------------------------------------------------------------------


@pytest.mark.fidelity("H-01")
@pytest.mark.fidelity("H-05")
@pytest.mark.fidelity("C-36")
def test_a_session_is_created_with_201_no_body_and_the_documented_lines(wire: Wire) -> None:
    answer = wire.post(SESSIONS, body("sessionStart"))
    *first, location, one, two, three, four = lines(answer)
    assert first == [
        "HTTP/1.1 201 Created", "Server: nginx/1.13.5", "Date", "Content-Type: application/octet-stream",
        "Content-Length: 0", "Connection: keep-alive",
    ]  # fmt: skip
    assert re.fullmatch("Location: /api/v1/sessions/[0-9a-f]{64}", location)
    assert [one, two, three, four] == CORS
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.fidelity("H-02")
@pytest.mark.fidelity("H-05")
@pytest.mark.fidelity("C-36")
def test_an_event_is_answered_204_without_a_body_type_or_length(wire: Wire) -> None:
    answer = wire.post(opened(wire), body("play"))
    head = ["HTTP/1.1 204 No Content", "Server: nginx/1.13.5", "Date", "Connection: keep-alive"]
    assert lines(answer) == [*head, *CORS]
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.fidelity("H-03")
@pytest.mark.fidelity("C-46")
@pytest.mark.fidelity("C-58")
def test_a_schema_is_draft_04_says_where_it_is_and_has_no_cors_lines(wire: Wire) -> None:
    wire.send(b"GET /api/v1/schemas/sessionStart HTTP/1.1\r\nHost: collect.example:81\r\n\r\n")
    answer = wire.answer()
    text = answer.partition(b"\r\n\r\n")[2]
    assert lines(answer) == [
        "HTTP/1.1 200 OK", "Server: nginx/1.13.5", "Date", "Content-Type: application/json",
        f"Content-Length: {len(text)}", "Connection: keep-alive",
    ]  # fmt: skip
    document = json.loads(text)
    assert document["$schema"] == "http://json-schema.org/draft-04/schema#"
    assert document["id"] == "http://collect.example:81/api/v1/schemas/sessionStart"
    assert document["$ref"] == "#/definitions/sessionStart"
    assert {"playerTime", "eventType", "qoeData", "customMetadata", "sessionStart"} <= set(document["definitions"])
    assert text == json.dumps(document, separators=(",", ":")).encode(), "served without blanks"


@pytest.mark.fidelity("H-04")
def test_downloaded_content_is_created_with_201_and_a_location(wire: Wire) -> None:
    answer = wire.post("/api/v1/downloaded", [body("sessionStart"), body("play", 0, 1_700_000_000_001)])
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert re.search(rb"\r\nLocation: /api/v1/sessions/[0-9a-f]{64}\r\n", answer)


@pytest.mark.fidelity("H-06")
def test_an_unknown_session_is_404_and_one_that_ended_410(wire: Wire) -> None:
    assert lines(wire.post(UNKNOWN, body("play")))[0] == "HTTP/1.1 404 Not Found"
    path = opened(wire)
    wire.post(path, body("sessionEnd"))
    assert lines(wire.post(path, body("play")))[0] == "HTTP/1.1 410 Gone"


@pytest.mark.fidelity("H-07")
def test_an_unknown_event_type_has_no_schema(wire: Wire) -> None:
    answer = ask(wire, "GET", "/api/v1/schemas/seekStart")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert "seekStart" in message(answer)


@pytest.mark.fidelity("H-08")
def test_preflights_pass_on_every_path(wire: Wire) -> None:
    for path in (SESSIONS, UNKNOWN, "/api/v1/downloaded", "/api/v1/schemas/ping"):
        answer = ask(wire, "OPTIONS", path, "Origin: http://player.example", "Access-Control-Request-Method: POST",
                     "Access-Control-Request-Headers: content-type")  # fmt: skip
        assert lines(answer)[0] == "HTTP/1.1 204 No Content"
        assert lines(answer)[-4:] == CORS


@pytest.mark.fidelity("H-09")
def test_another_method_is_405_and_another_path_404(wire: Wire) -> None:
    assert lines(ask(wire, "GET", SESSIONS))[0] == "HTTP/1.1 405 Method Not Allowed"
    assert lines(ask(wire, "DELETE", "/api/v1/nothing"))[0] == "HTTP/1.1 404 Not Found"


@pytest.mark.fidelity("C-11")
def test_put_is_named_in_the_cors_lines_and_answered_405(wire: Wire) -> None:
    for path in (SESSIONS, UNKNOWN, "/api/v1/downloaded"):
        answer = wire_put(wire, path)
        assert lines(answer)[0] == "HTTP/1.1 405 Method Not Allowed"
        assert "Allow: POST, OPTIONS" in lines(answer)
        assert CORS[1] in lines(answer)


def wire_put(connection: Wire, path: str) -> bytes:
    return ask(connection, "PUT", path, "Content-Length: 0")


@pytest.mark.fidelity("H-10")
def test_nothing_has_to_be_proven_and_unknown_headers_are_no_matter(wire: Wire) -> None:
    extra = (
        "X-Adobe-AEP-Validation-Token: t",
        "Authorization: Bearer x",
        "X-Api-Key: y",
        "cOnTeNt-TyPe: application/json",
    )
    assert wire.post(SESSIONS, body("sessionStart"), *extra).startswith(b"HTTP/1.1 201 ")


@pytest.mark.fidelity("H-11")
def test_header_names_are_read_in_any_spelling(mcmock_server: McmockServer, wire: Wire) -> None:
    """iOS writes `Content-type`."""
    wire.post(SESSIONS, body("sessionStart"), "Content-type: application/json")
    assert mcmock_server.request().findings == ()


@pytest.mark.fidelity("C-31")
@pytest.mark.parametrize(("mode", "severity"), [({}, "info"), ({"strict": True}, "warning"), ({"loose": True}, "info")])
def test_the_content_type_is_not_enforced(mode: dict[str, bool], severity: str) -> None:
    emulator = Emulator(seed=1, **mode)  # type: ignore[arg-type]
    for sent in (b"text/plain;charset=UTF-8", b"application/x-www-form-urlencoded"):
        answer = emulator.handle(post(SESSIONS, body("sessionStart"), (b"Content-Type", sent)))
        assert answer.response.status == 201
        exchange = emulator.request(answer.seq)
        assert exchange is not None
        assert ("content-type", severity) in [(one.rule, one.severity) for one in exchange.findings]


@pytest.mark.fidelity("C-32")
@pytest.mark.parametrize(("mode", "severity"), [({}, "info"), ({"strict": True}, "warning")])
def test_a_trailing_slash_is_taken_and_the_typing_mistake_is_not(mode: dict[str, bool], severity: str) -> None:
    emulator = Emulator(seed=1, **mode)  # type: ignore[arg-type]
    answer = emulator.handle(post(SESSIONS + "/", body("sessionStart")))
    assert answer.response.status == 201
    exchange = emulator.request(answer.seq)
    assert exchange is not None
    assert ("trailing-slash", severity) in [(one.rule, one.severity) for one in exchange.findings]
    sid = exchange.session_id
    assert emulator.handle(post(f"{SESSIONS}/{sid}/events/", body("play"))).response.status == 204
    assert emulator.handle(post(f"/api/v1/{sid}/events", body("play"))).response.status == 404


# -- errors ---------------------------------------------------------------------------------------------------------------


@pytest.mark.fidelity("C-49")
@pytest.mark.fidelity("C-58")
def test_every_error_is_a_message_in_json_that_a_browser_may_read(wire: Wire) -> None:
    ended = opened(wire)
    wire.post(ended, body("sessionEnd"))
    answers = {
        400: wire.post(SESSIONS, b"{"), 404: wire.post(UNKNOWN, body("play")), 410: wire.post(ended, body("play")),
        405: wire_put(wire, SESSIONS),
    }  # fmt: skip
    for status, answer in answers.items():
        text = answer.partition(b"\r\n\r\n")[2]
        head = [line for line in lines(answer) if not line.startswith("Allow: ")]
        assert head[0].startswith(f"HTTP/1.1 {status} ")
        assert head[1:] == [
            "Server: nginx/1.13.5", "Date", "Content-Type: application/json", f"Content-Length: {len(text)}",
            "Connection: keep-alive", *CORS,
        ]  # fmt: skip
        assert message(answer)


@pytest.mark.fidelity("C-57")
def test_a_body_is_judged_before_its_session_is_looked_up(wire: Wire) -> None:
    ended = opened(wire)
    wire.post(ended, body("sessionEnd"))
    for path in (UNKNOWN, ended):
        assert wire.post(path, {"eventType": "ping"}).startswith(b"HTTP/1.1 400 ")


@pytest.mark.fidelity("C-57")
def test_a_body_of_64_kb_is_no_matter_and_the_limit_is_a_mebibyte(wire: Wire) -> None:
    assert wire.post(SESSIONS, body("sessionStart", customMetadata={"x": "y" * 70_000})).startswith(b"HTTP/1.1 201 ")


# -- session ids ----------------------------------------------------------------------------------------------------------


@pytest.mark.fidelity("C-37")
@pytest.mark.fidelity("H-12")
def test_a_session_id_is_64_lower_case_hex_digits_and_no_two_are_alike(wire: Wire) -> None:
    paths = {opened(wire) for _ in range(50)}
    assert len(paths) == 50
    for sid in ("a" * 63, "a" * 65, "A" * 64, "1482236761294786918253"):
        assert wire.post(f"{SESSIONS}/{sid}/events", body("play")).startswith(b"HTTP/1.1 404 ")


@pytest.mark.fidelity("H-13")
@pytest.mark.parametrize(
    "target", [SESSIONS, SESSIONS + "/", "http://collect.example/api/v1/sessions", SESSIONS + "?a=b"]
)
def test_the_location_is_a_path_from_the_root_whatever_was_asked(wire: Wire, target: str) -> None:
    answer = wire.post(target, body("sessionStart"), "X-Forwarded-Host: collect.example", host="collect.example")
    assert re.search(rb"\r\nLocation: /api/v1/sessions/[0-9a-f]{64}\r\n", answer)


@pytest.mark.fidelity("H-12")
def test_the_client_cannot_choose_the_session_id(wire: Wire) -> None:
    assert wire.post(f"{SESSIONS}/{'a' * 64}", body("sessionStart")).startswith(b"HTTP/1.1 404 ")


# -- the end of a session, as HTTP sees it --------------------------------------------------------------------------------


@pytest.fixture(params=["gone", "drop"])
def after_end(request: pytest.FixtureRequest) -> tuple[str, Emulator]:
    return request.param, Emulator(seed=1, after_end=request.param)


@pytest.mark.fidelity("C-20")
def test_after_the_end_events_are_410_or_dropped_without_a_word(after_end: tuple[str, Emulator]) -> None:
    option, emulator = after_end
    sid = start(emulator)
    for event in ("play", "sessionEnd"):
        assert send(emulator, sid, event).response.status == 204
    wanted = 410 if option == "gone" else 204
    assert [send(emulator, sid, event, 9).response.status for event in ("ping", "play")] == [wanted, wanted]
    outcomes = [str(one.outcome) for one in emulator.requests()]
    assert outcomes[3:] == (["bad", "bad"] if option == "gone" else ["ignored", "ignored"])
    view = emulator.session(sid)
    assert view is not None
    assert view.report.content_time_spent == 0, "what was dropped counts nowhere"


@pytest.mark.fidelity("C-22")
@pytest.mark.fidelity("X-05")
def test_a_session_that_timed_out_is_410_for_ever(emulator: Emulator) -> None:
    emulator.freeze()
    sid = start(emulator)
    emulator.advance(600)
    for days in (0, 1, 365):
        emulator.advance(days * 86_400)
        assert send(emulator, sid, "ping").response.status == 410
    assert emulator.handle(post(UNKNOWN, body("ping"))).response.status == 404


@pytest.mark.fidelity("H-14")
def test_the_tables_name_every_path_once() -> None:
    assert [path.template for path in routes.PATHS] == [
        "/api/v1/sessions/{sid}/events", "/api/v1/sessions", "/api/v1/downloaded", "/api/v1/schemas/{eventType}",
    ]  # fmt: skip
