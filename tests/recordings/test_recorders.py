"""What recorders leave out, in each one's way: it is read, or said to be missing, and never the player's fault."""

from __future__ import annotations

import base64
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

import mcmock
from mcmock.core.findings import RULES
from mcmock.recordings import formats, replay_plan
from mcmock.recordings.check import Checkup
from tests.conftest import START_PARAMS, body
from tests.recordings.test_check import EVENTS, SID, TS, WATCHED, entry, event, har, judged, opening, outcomes, rules_of

PLAYER_S_FAULT = {"not-json", "not-an-object", "wrong-event", "missing-key", "content-type"}


def sent_as(kept: Any, one: dict[str, Any] = WATCHED[1], **more: Any) -> dict[str, Any]:
    """An entry with another `postData`, and other parts of its request."""
    request = {key: value for key, value in one["request"].items() if key != "postData"}
    return {**one, "request": {**request, **({"postData": kept} if kept is not None else {}), **more}}


def text_of(one: dict[str, Any]) -> str:
    return str(one["request"]["postData"]["text"])


def is_blamed(done: Checkup) -> bool:
    return not PLAYER_S_FAULT.isdisjoint(rules_of(done))


# -- bodies ---------------------------------------------------------------------------------------------------------------

FORM = "application/x-www-form-urlencoded"
TRICKY = json.dumps(body("sessionStart", ts=TS, params={**START_PARAMS, "media.name": "x=1&y=2"}))


@pytest.mark.parametrize(
    "params",
    [
        [{"name": text_of(WATCHED[1]), "value": ""}],
        [{"name": text_of(WATCHED[1])}],
        [{"name": text_of(WATCHED[1]), "value": None}],
        [{"name": text_of(WATCHED[1]).replace('"', "%22").replace(" ", "+"), "value": ""}],
    ],
)  # fmt: skip
def test_a_body_that_was_split_into_form_fields_is_read(params: Any) -> None:
    done = judged(har(WATCHED[0], sent_as({"mimeType": FORM, "params": params}), *WATCHED[2:]))
    assert (done.problems, outcomes(done)) == ((), ["good"] * 4)


def test_a_body_with_the_signs_of_a_form_in_it_is_put_together_again() -> None:
    before, _, after = TRICKY.partition("=")
    params = [{"name": before, "value": after.partition("&")[0]}, {"name": "y", "value": TRICKY.partition("y=")[2]}]
    done = judged(har(sent_as({"mimeType": FORM, "params": params}, WATCHED[0]), *WATCHED[1:]))
    assert (done.problems, done.sessions[0].report.params["media.name"]) == ((), "x=1&y=2")


@pytest.mark.parametrize(
    "kept",
    [
        text_of(WATCHED[1]),
        {"text": json.loads(text_of(WATCHED[1]))},
        {
            "mimeType": "application/json",
            "text": base64.b64encode(text_of(WATCHED[1]).encode()).decode(),
            "encoding": "base64",
        },
        {"params": {text_of(WATCHED[1]): ""}},
    ],
)
def test_a_body_is_read_in_whatever_form_it_was_kept(kept: Any) -> None:
    assert judged(har(WATCHED[0], sent_as(kept), *WATCHED[2:])).problems == ()


def test_a_response_that_cannot_be_decoded_hides_nothing() -> None:
    """Of any page in the file."""
    page = entry(0, "/logo.png", None, 200, method="GET")
    page["response"]["content"] = {"text": "no base64 at all!", "encoding": "base64"}
    assert judged(har(page, *WATCHED)).problems == ()


def test_form_fields_that_make_up_no_json_again_were_not_recorded() -> None:
    kept = {"mimeType": FORM, "params": [{"name": '{"eventType": "pl', "value": "…"}]}
    done = judged(har(WATCHED[0], sent_as(kept)))
    assert rules_of(done) == ["body-not-recorded"]


def test_form_fields_that_the_player_really_sent_are_its_own() -> None:
    kept = {"mimeType": FORM, "params": [{"name": "eventType", "value": "play"}, {"name": "playhead", "value": "1"}]}
    assert "not-json" in rules_of(judged(har(WATCHED[0], sent_as(kept))))


@pytest.mark.parametrize(
    "kept", [None, {}, {"mimeType": "application/json"}, {"mimeType": "", "text": "", "params": []}]
)
@pytest.mark.parametrize("size", [-1, 0, 90, None])
@pytest.mark.parametrize("headers", [[], None, [{"name": "Content-Type", "value": "application/json"}]])
def test_a_body_that_is_not_there_was_not_recorded(kept: Any, size: Any, headers: Any) -> None:
    for one in (WATCHED[0], WATCHED[1]):
        blank = sent_as(kept, one, bodySize=size, headers=headers)
        done = judged(har(WATCHED[0], blank) if one is not WATCHED[0] else har(blank, WATCHED[1]))
        assert "body-not-recorded" in rules_of(done)
        assert not is_blamed(done)


def test_a_request_that_says_itself_that_it_has_no_body_is_judged() -> None:
    empty = sent_as(None, headers=[{"name": "content-length", "value": "0"}])
    assert "not-json" in rules_of(judged(har(WATCHED[0], empty)))


def test_a_recording_without_any_body_proves_nothing() -> None:
    done = judged(har(*(sent_as(None, one) for one in WATCHED)))
    assert (set(rules_of(done)), done.fails()) == ({"body-not-recorded", "nothing-to-check"}, True)


def test_a_body_that_was_cut_off_was_not_recorded() -> None:
    """Browsers keep the first part of what is long."""
    text = text_of(WATCHED[1])
    for more in ({"bodySize": len(text)}, {"headers": [{"name": "Content-Length", "value": str(len(text))}]}):
        done = judged(har(WATCHED[0], sent_as({"mimeType": "application/json", "text": text[:40]}, **more)))
        assert rules_of(done) == ["body-not-recorded"]
        assert done.problems[0].message == f"Not checked: the recorder kept 40 of the {len(text)} bytes that were sent."
    whole = sent_as({"mimeType": "application/json", "text": text[:40]}, bodySize=40)
    assert "not-json" in rules_of(judged(har(WATCHED[0], whole)))


def test_a_recorder_that_lists_some_headers_and_no_type_hides_none() -> None:
    """Chromium's provisional headers."""
    some = [{"name": "User-Agent", "value": "x"}]
    kept = {"text": text_of(WATCHED[1])}
    assert judged(har(WATCHED[0], sent_as(kept, headers=some))).problems == ()
    assert rules_of(judged(har(WATCHED[0], sent_as({**kept, "mimeType": ""}, headers=some)))) == ["content-type"]


@pytest.mark.parametrize("posted", [{"mimeType": "application/json"}, {"mimeType": ""}, {}])
def test_a_recorder_that_lists_no_headers_hides_no_type(posted: Any) -> None:
    kept = {**posted, "text": text_of(WATCHED[1])}
    unlisted: list[Any] = [[], None]
    for headers in unlisted:
        assert judged(har(WATCHED[0], sent_as(kept, headers=headers))).problems == ()


# -- bodies in files of their own: Playwright's attach ------------------------------------------------------------------------


def attached(name: str = "body.json") -> dict[str, Any]:
    return har(WATCHED[0], sent_as({"mimeType": "application/json", "text": "", "params": [], "_file": name}))


def test_an_attached_body_lies_beside_the_har(tmp_path: Path) -> None:
    (tmp_path / "player.har").write_text(json.dumps(attached()))
    (tmp_path / "body.json").write_text(text_of(WATCHED[1]))
    assert mcmock.check(tmp_path / "player.har").problems == ()


@pytest.mark.parametrize("folder", ["", "deep/"])
def test_an_attached_body_lies_in_the_same_zip(tmp_path: Path, folder: str) -> None:
    with zipfile.ZipFile(tmp_path / "player.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{folder}body.json", text_of(WATCHED[1]))
        archive.writestr(f"{folder}har.har", json.dumps(attached()))
    done = mcmock.check(tmp_path / "player.zip")
    assert (done.kind, done.problems, outcomes(done)) == ("a HAR", (), ["good", "good"])


@pytest.mark.parametrize("name", ["gone.json", "../secret.json", "/etc/hostname", ".", ""])
def test_an_attached_body_that_is_not_there_was_not_recorded(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.json").write_text(text_of(WATCHED[1]))
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "player.har").write_text(json.dumps(attached(name)))
    assert rules_of(mcmock.check(tmp_path / "here" / "player.har")) == ["body-not-recorded"]


def test_a_zip_that_holds_no_har_is_named(tmp_path: Path) -> None:
    for inner, said in (
        ("x.trace", "a trace of Playwright"),
        ("raw/1_c.txt", "a session of Fiddler"),
        ("a.txt", "without a HAR"),
    ):
        with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
            archive.writestr(inner, "")
        with pytest.raises(ValueError, match=said):
            mcmock.check(tmp_path / "some.zip")
    (tmp_path / "some.zip").write_bytes((tmp_path / "some.zip").read_bytes()[:20])
    with pytest.raises(ValueError, match="cannot be read"):
        mcmock.check(tmp_path / "some.zip")


# -- what never left, and what may have arrived -------------------------------------------------------------------------------

STOPPED = [
    {"_error": "net::ERR_BLOCKED_BY_CLIENT"},
    {"_error": "net::ERR_BLOCKED_BY_CSP"},
    {"_error": "net::ERR_NAME_NOT_RESOLVED"},
    {"_error": "net::ERR_PROXY_CONNECTION_FAILED"},
    {"_failureText": "net::ERR_CONNECTION_REFUSED"},
    {"_failureText": "NS_ERROR_CONNECTION_REFUSED"},
    {"_failureText": "NS_ERROR_UNKNOWN_HOST"},
    {"_failureText": "NS_ERROR_OFFLINE"},
    {"_failureText": "Could not connect to the server."},
    {"_failureText": "A server with the specified hostname could not be found."},
    {"_failureText": "Blocked by Web Inspector"},
    {"_blocked_reason": "adblock"},
    {"_blockedReason": "csp"},
    {"_blocked": True},
]
MAYBE = [
    {}, {"_error": "net::ERR_ABORTED"}, {"_error": "net::ERR_BLOCKED_BY_RESPONSE"}, {"_error": "net::ERR_BLOCKED_BY_ORB"},
    {"_failureText": "NS_BINDING_ABORTED"}, {"_failureText": "cancelled"}, {"_error": "net::ERR_CONNECTION_RESET"},
    {"_canceled": True}, {"_blocked_queueing": 1.5},
]  # fmt: skip


@pytest.mark.parametrize("said", [*STOPPED, *MAYBE])
@pytest.mark.parametrize("where", ["response", "entry"])
@pytest.mark.parametrize("with_body", [True, False])
def test_a_request_without_an_answer_is_never_the_player_s_fault(said: Any, where: str, with_body: bool) -> None:
    one = event(11, "ping", 10) if with_body else sent_as(None, event(11, "ping", 10))
    answer = {"status": 0, "headers": [], "content": {}}
    one = {**one, "response": {**answer, **said}} if where == "response" else {**one, **said, "response": answer}
    done = judged(har(*WATCHED[:2], one))
    if not with_body:
        assert (rules_of(done), done.fails("warning")) == (["body-not-recorded"], False)
    elif said in STOPPED:
        assert (rules_of(done), outcomes(done)) == (["answer-differs"], ["good", "good", "faulted"])
        assert done.problems[0].message.startswith("it reached no server (")
    else:
        assert (done.problems, outcomes(done)) == ((), ["good"] * 3)


def test_a_start_that_was_blocked_begins_no_session() -> None:
    blocked = {**opening(0), "response": {"status": 0, "_error": "net::ERR_BLOCKED_BY_CLIENT"}}
    done = judged(har(blocked, opening(1), event(2, "play")))
    assert [view.id for view in done.sessions] == [SID]


@pytest.mark.parametrize("said", STOPPED)
@pytest.mark.parametrize("response", [None, {}, {"status": 0}, {"status": None}, {"status": "0"}, {"status": -1}])
def test_whatever_stands_for_no_answer_is_read(said: Any, response: Any) -> None:
    done = judged(har(*WATCHED[:2], {**event(11, "ping", 10), **said, "response": response}))
    assert not is_blamed(done)


# -- which session --------------------------------------------------------------------------------------------------------

OTHER = "07e5" * 16


def start_of(at: float, media_id: str, **more: Any) -> dict[str, Any]:
    """A start whose answer has no header lines."""
    playhead, ts, params = (
        more.pop("playhead", 0),
        more.pop("ts", TS + round(at * 1000)),
        {"media.id": media_id, "media.length": 600, **more},
    )
    value = body("sessionStart", playhead, ts, params={**START_PARAMS, **params})
    return entry(at, "/api/v1/sessions", value, 201, headers=[])


def of(sid: str, at: float, event_type: str, playhead: float, **more: Any) -> dict[str, Any]:
    return event(at, event_type, playhead, path=f"/api/v1/sessions/{sid}/events", **more)


def media(done: Checkup) -> dict[str, Any]:
    return {view.id: view.report.params.get("media.id") for view in done.sessions}


def test_two_players_are_told_apart_by_their_playheads() -> None:
    """By order alone it would be the other way round."""
    done = judged(
        har(start_of(0, "A"), start_of(0.2, "B", playhead=300), of(SID, 1, "play", 300), of(OTHER, 1.5, "play", 0))
    )
    assert media(done) == {SID: "B", OTHER: "A"}
    guesses = [problem for problem in done.problems if problem.rule == "session-guessed"]
    assert [problem.session_id for problem in guesses] == [SID, OTHER]
    assert "media.id B" in guesses[0].message
    assert "fits what is played" in guesses[0].message


def test_two_players_are_told_apart_by_their_clocks() -> None:
    """Two devices, one of which is five minutes fast."""
    fast = 300_000
    done = judged(har(
        start_of(0, "A"), start_of(0.2, "B", ts=TS + fast),
        entry(1, f"/api/v1/sessions/{SID}/events", body("play", 0, TS + 1000 + fast)), of(OTHER, 1.5, "play", 0),
    ))  # fmt: skip
    assert media(done) == {SID: "B", OTHER: "A"}


@pytest.mark.parametrize("key", ["media.id", "media.length"])
def test_two_players_are_told_apart_by_what_they_play(key: str) -> None:
    short: dict[str, Any] = {"media.length": 30}
    told = of(SID, 1, "play", 0, params={"media.id": "B"}) if key == "media.id" else of(SID, 1, "play", 0)
    late = of(SID, 100, "ping", 99)
    done = judged(har(start_of(0, "A", **short), start_of(0.2, "B"), told, of(OTHER, 1.5, "play", 0), late))
    assert media(done) == {SID: "B", OTHER: "A"}


def test_a_choice_by_order_alone_is_said_to_be_a_guess() -> None:
    done = judged(har(start_of(0, "A"), start_of(0.2, "B"), of(SID, 1, "play", 0), of(OTHER, 1.5, "play", 0)))
    guesses = [problem.message for problem in done.problems if problem.rule == "session-guessed"]
    assert ["by order alone" in said for said in guesses] == [True, True]
    assert not done.fails("warning")


def test_where_there_is_one_session_only_nothing_is_guessed() -> None:
    assert judged(har(start_of(0, "A"), of(SID, 1, "play", 0))).problems == ()


def test_what_fits_no_start_began_before_the_recording() -> None:
    done = judged(har(start_of(0, "A", **{"media.length": 30}), of(SID, 1, "ping", 4000), of(OTHER, 2, "play", 0)))
    assert media(done) == {SID: None, OTHER: "A"}
    assert "start-not-recorded" in rules_of(done)


def test_a_server_that_gives_out_one_id_to_all_is_told_by_what_is_played() -> None:
    """A stub, say."""
    first, second = opening(0), opening(1)
    value = json.loads(text_of(second))
    second["request"]["postData"]["text"] = json.dumps({**value, "playerTime": {"playhead": 500, "ts": TS + 1000}})
    done = judged(har(
        first, second, event(2, "play", 0), event(2.5, "play", 500), event(12, "ping", 10), event(12.5, "ping", 510),
    ))  # fmt: skip
    assert [[one.playhead for one in view.exchanges] for view in done.sessions] == [[0, 0, 10], [500, 500, 510]]
    assert rules_of(done).count("session-guessed") == 2


def test_a_refused_id_is_not_that_of_a_start_without_one() -> None:
    done = judged(har(start_of(0, "A"), of("undefined", 1, "play", 0, status=404), of(SID, 2, "play", 0)))
    assert media(done)[SID] == "A"
    assert "misdirected" in rules_of(done)


# -- files as they come ---------------------------------------------------------------------------------------------------


def texts(tmp_path: Path) -> dict[str, str]:
    from mcmock.engine import Emulator
    from mcmock.serialization import ndjson
    from tests.conftest import send, start

    emulator = Emulator(seed=1)
    send(emulator, start(emulator), "play", ts=TS + 1000)
    root = Path(__file__).parents[2] / "fixtures"
    return {
        "har": json.dumps(har(*WATCHED), indent=1), "har on one line": json.dumps(har(*WATCHED)),
        "ndjson": b"".join(ndjson.write(emulator.requests())).decode(),
        "timeline": (root / "timelines" / "ads.json").read_text(encoding="utf-8"),
        "client": (root / "clients" / "js3__ads.jsonl").read_text(encoding="utf-8"),
        "body": json.dumps(body("play", ts=TS)), "bodies": "\n".join(text_of(one) for one in WATCHED),
    }  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_marks_and_line_ends_make_no_difference(encoding: str, ends: str, tmp_path: Path) -> None:
    """Windows writes them: PowerShell's > makes UTF-16."""
    for name, text in texts(tmp_path).items():
        plain, marked = tmp_path / "plain", tmp_path / "marked"
        plain.write_bytes(text.encode())
        mark = "\ufeff" if encoding.endswith("-le") else ""
        marked.write_bytes((mark + text.replace("\n", ends)).encode(encoding))
        first, second = mcmock.check(plain), mcmock.check(marked)
        same = [(one.rule, one.message, one.place) for one in first.problems]
        assert [(one.rule, one.message, one.place) for one in second.problems] == same, name
        assert (second.kind, outcomes(second)) == (first.kind, outcomes(first)), name


# -- what is something else -------------------------------------------------------------------------------------------------


def test_one_body_is_judged_as_one_request(tmp_path: Path) -> None:
    start = {**body("sessionStart", ts=TS), "params": {**START_PARAMS, "media.length": "600"}}
    for text in (json.dumps(start), json.dumps(start, indent=2)):
        done = judged(text.encode())
        assert (done.kind, len(done.requests), done.requests[0].exchange.path) == (
            "the body of a request",
            1,
            "/api/v1/sessions",
        )
        assert rules_of(done) == ["wrong-type"]
    done = judged(body("play", ts=TS))
    assert (rules_of(done), outcomes(done)) == (["start-not-recorded"], ["good"])
    whole = judged(
        [
            {**body("sessionStart", ts=TS), "params": {**START_PARAMS, "media.downloaded": True}},
            body("play", ts=TS + 10),
        ]
    )
    assert (whole.problems, [one.exchange.kind for one in whole.requests]) == ((), ["downloaded"])
    assert "wrong-event" in rules_of(judged({"eventType": "plai", "playerTime": {"playhead": 0, "ts": TS}}))


def test_what_was_told_apart_is_sent_again_to_the_sessions_that_it_belongs_to() -> None:
    """By `mcmock replay`: a recording without a Location has no ids to replace, and bodies have no paths."""
    without = har(
        start_of(0, "A"), start_of(0.2, "B", playhead=300), of(SID, 1, "play", 300), of(OTHER, 1.5, "play", 0)
    )
    bodies = "\n".join(text_of(one) for one in without["log"]["entries"])
    for text in (json.dumps(without), bodies):
        plan = replay_plan.plan(formats.read(text.encode()), "a file", TS)
        first, second, of_second, of_first = plan.steps
        assert (plan.left_out, of_second.session, of_first.session) == (0, second.session, first.session)
        assert {of_first.target, of_second.target} == {"/api/v1/sessions/{sid}/events"}


def test_bodies_one_a_line_are_the_sessions_that_they_begin() -> None:
    done = judged("\n".join(text_of(one) for one in WATCHED).encode())
    assert (done.kind, done.problems) == ("bodies, one a line", ())
    [view] = done.sessions
    assert (view.events, view.report.content_time_spent) == (["sessionStart", "play", "ping", "sessionEnd"], 11.0)
    assert [one.place for one in done.requests] == [f"line {number}" for number in range(1, 5)]


ELSE = {
    "a Postman collection": {
        "info": {"name": "MC", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/"},
        "item": [],
    },
    "an export of Insomnia": {"_type": "export", "__export_format": 4, "resources": []},
    "a session of Charles": [
        {"status": "COMPLETE", "method": "POST", "protocolVersion": "HTTP/1.1", "times": {}, "request": {}}
    ],
    "an OpenAPI document": {"openapi": "3.0.1", "paths": {}},
    "one entry of a HAR": WATCHED[0],
}
BEGINNINGS = {
    "a file of XML": b"<?xml version='1.0'?><log/>",
    "a session of Charles": b"<?xml version='1.0'?><charles-session>",
    "a capture of packets": b"\xd4\xc3\xb2\xa1\x02\x00",
    "a file packed with gzip": b"\x1f\x8b\x08\x00",
    "a command": b"curl 'https://x.example/api/v1/sessions' --data-raw '{}'",
    "a page of HTML": b"<!DOCTYPE html>\n<html></html>",
    "a file of flows of mitmproxy": b"1234:9:websocket;0:~8:response;",
}


@pytest.mark.parametrize("name", ELSE)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_of_another_kind_is_named_with_what_to_do(name: str, indent: int | None) -> None:
    with pytest.raises(ValueError, match=f"^it is {name}: .") as told:
        judged(json.dumps(ELSE[name], indent=indent).encode())
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_file_of_another_kind_is_named_with_what_to_do(name: str) -> None:
    with pytest.raises(ValueError, match=f"^it is {name}"):
        judged(BEGINNINGS[name])


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/b/ss/suite/1/JS-2.0", "1 to Analytics' own image requests, which mcmock does not emulate"),
    ],
)
def test_a_recording_of_another_api_says_which(path: str, said: str) -> None:
    [problem] = judged(har(entry(0, path, {"events": []}, 200))).problems
    assert (problem.rule, problem.severity) == ("nothing-to-check", "error")
    assert said in problem.message


def test_every_rule_that_would_blame_the_player_exists() -> None:
    assert set(RULES) >= PLAYER_S_FAULT
    assert EVENTS.endswith("/events")
