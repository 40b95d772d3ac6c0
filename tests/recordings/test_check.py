"""Recorded traffic judged as a server would have judged it: every kind of file, what it lacks, and what is made of it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st

import mcmock
from mcmock import faults
from mcmock.cli import main
from mcmock.core import clock
from mcmock.core.clock import Clock
from mcmock.core.model import Outcome, Verdict
from mcmock.engine import Emulator
from mcmock.recordings import formats
from mcmock.recordings.check import REMARKS, Checkup, checkup
from mcmock.serialization import har as har_export
from mcmock.serialization import ndjson
from tests import programs
from tests.analytics.test_report import documented
from tests.conftest import START_PARAMS, body, cli_runner, post, send, start

ROOT = Path(__file__).parents[2]
TIMELINES = sorted((ROOT / "fixtures" / "timelines").glob("*.json"))
RECORDINGS = sorted((ROOT / "fixtures" / "clients").glob("*.jsonl"))
TS = 1_700_000_000_000
SID = "5e55" * 16
EVENTS = f"/api/v1/sessions/{SID}/events"
AD = {"media.ad.id": "ad-1", "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "p"}


def judged(document: Any) -> Checkup:
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    return checkup(formats.read(text), "a file")


def rules_of(done: Checkup) -> list[str]:
    return [problem.rule for problem in done.problems]


def outcomes(done: Checkup) -> list[str]:
    return [str(one.exchange.outcome) for one in done.requests]


# -- HAR: a browser's, as little of it as there may be --------------------------------------------------------------------


def entry(at: float, path: str, value: Any, status: int | None = 204, **more: Any) -> dict[str, Any]:
    """One entry of a HAR. `more`: method, host, location, headers."""
    method, host = more.get("method", "POST"), more.get("host", "https://collect.example")
    headers = more.get("headers", [{"name": "Content-Type", "value": "application/json"}])
    answered = [{"name": "location", "value": more["location"]}] if more.get("location") else []
    sent: dict[str, Any] = {"method": method, "url": host + path, "headers": headers}
    if value is not None:
        sent["postData"] = {
            "mimeType": "application/json",
            "text": value if isinstance(value, str) else json.dumps(value),
        }
    answer = {"status": status or 0, "headers": answered, "content": {}}
    return {"startedDateTime": clock.iso(TS / 1000 + at), "request": sent, "response": answer}


def opening(at: float = 0, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"location": f"/api/v1/sessions/{SID}", "status": 201, **more}
    return entry(at, given.pop("path", "/api/v1/sessions"), body("sessionStart", ts=TS + round(at * 1000)), **given)


def event(at: float, event_type: str, playhead: float = 0, path: str = EVENTS, **more: Any) -> dict[str, Any]:
    parts = {key: more.pop(key) for key in ("params", "qoeData") if key in more}
    return entry(at, path, body(event_type, playhead, TS + round(at * 1000), **parts), **more)


def har(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"log": {"version": "1.2", "creator": {"name": "a browser", "version": "1"}, "entries": list(entries)}}


WATCHED = (opening(), event(1, "play"), event(11, "ping", 10), event(12, "sessionEnd", 11))


def test_a_har_is_judged_as_the_server_would_have_judged_it() -> None:
    done = judged(har(*WATCHED))
    assert (done.kind, done.problems, outcomes(done)) == ("a HAR", (), ["good"] * 4)
    [view] = done.sessions
    assert (view.id, view.state, view.report.content_time_spent) == (SID, "ended", 11.0)
    assert [one.place for one in done.requests] == [f"entries[{place}]" for place in range(4)]


def test_entries_are_judged_in_order_of_time_and_named_by_their_place() -> None:
    done = judged(har(WATCHED[3], WATCHED[0], WATCHED[2], WATCHED[1]))
    assert (done.problems, [one.place for one in done.requests]) == (
        (),
        ["entries[1]", "entries[3]", "entries[2]", "entries[0]"],
    )


def test_an_ad_outside_its_break_is_an_error_though_it_was_answered_204() -> None:
    done = judged(har(*WATCHED[:2], event(2, "adStart", 1, params=AD), event(7, "adComplete", 1), WATCHED[3]))
    assert [(one.severity, one.rule, one.place, one.event_type) for one in done.problems] == [
        ("error", "ad-outside-break", "entries[2]", "adStart"),
        ("error", "ad-outside-break", "entries[3]", "adComplete"),
    ]
    assert (done.fails(), outcomes(done)[2]) == (True, "ignored")


def test_requests_to_others_are_left_out() -> None:
    """Among them another service's own /api/v1/sessions: only a host that was sent an event is meant."""
    page = entry(0, "/index.html", None, 200, method="GET")
    login = entry(0.5, "/api/v1/sessions", {"email": "a@b.example"}, 200, host="https://shop.example")
    users = entry(0.6, "/api/v1/users", {"name": "a"}, 200)
    done = judged(har(page, login, users, *WATCHED))
    assert (done.others, len(done.requests), done.problems) == (3, 4, ())


def test_any_prefix_may_stand_before_the_path() -> None:
    prefixed = [event(1, "play", path=f"/collect/eu{EVENTS}"), event(5, "sessionEnd", 4, path=f"/collect/eu{EVENTS}")]
    done = judged(har(opening(path="/collect/eu/api/v1/sessions"), *prefixed))
    assert (done.problems, len(done.requests), done.sessions[0].id) == ((), 4 - 1, SID)


def test_preflights_are_requests_that_count_for_nothing() -> None:
    done = judged(har(entry(0, "/api/v1/sessions", None, 200, method="OPTIONS"), *WATCHED))
    assert (outcomes(done)[0], done.problems) == ("other", ())


def test_sessions_are_found_by_order_where_answers_have_no_location() -> None:
    other = "07e5" * 16
    first, second = opening(0, location=None), opening(1, location=None)
    done = judged(har(
        first, second, event(2, "play"), event(3, "play", path=f"/api/v1/sessions/{other}/events"), event(4, "ping", 2),
    ))  # fmt: skip
    assert [(view.id, view.events) for view in done.sessions] == [
        (SID, ["sessionStart", "play", "ping"]),
        (other, ["sessionStart", "play"]),
    ]
    assert "start-not-recorded" not in rules_of(done)


def test_a_session_that_began_before_the_recording_is_judged_from_there_on() -> None:
    done = judged(har(*WATCHED[1:]))
    assert rules_of(done) == ["start-not-recorded"]
    assert (done.sessions[0].report.media_starts, done.sessions[0].report.content_time_spent) == (False, 11.0)
    assert not done.fails()


def test_a_request_without_a_recorded_answer_has_arrived() -> None:
    """The last one of a page that is left has none."""
    done = judged(har(*WATCHED[:3], event(12, "sessionEnd", 11, status=None)))
    assert (done.problems, done.sessions[0].state) == ((), "ended")


def test_what_the_recorded_service_refused_is_not_counted_twice() -> None:
    """A ping is answered 503 and sent again: it counts once."""
    again = event(11.5, "ping", 10)
    lost = {**again, "startedDateTime": event(11, "ping")["startedDateTime"], "response": {"status": 503}}
    done = judged(har(*WATCHED[:2], lost, again))
    assert (outcomes(done), rules_of(done)) == (["good", "good", "faulted", "good"], ["answer-differs"])
    assert done.problems[0].message == "answered 503, so it is not counted; mcmock answers 204"
    assert done.sessions[0].events == ["sessionStart", "play", "ping"]


@pytest.mark.parametrize(("said", "counted"), [("net::ERR_BLOCKED_BY_CLIENT", 0), ("net::ERR_CONNECTION_RESET", 1)])
def test_a_request_that_reached_nobody_is_not_counted(said: str, counted: int) -> None:
    """An ad blocker stops it in the browser; where a connection broke, it may have arrived."""
    blocked = {**event(11, "ping", 10), "response": {"status": 0, "_error": said}}
    done = judged(har(*WATCHED[:2], blocked))
    assert done.sessions[0].events.count("ping") == counted
    assert rules_of(done) == ["answer-differs"] * (1 - counted)


def test_a_start_that_was_refused_begins_no_session() -> None:
    done = judged(har(opening(0, status=500, location=None), opening(1), event(2, "play")))
    assert ([view.id for view in done.sessions], outcomes(done)) == ([SID], ["faulted", "good", "good"])


def test_what_is_wrong_in_a_body_is_an_error_whatever_was_answered() -> None:
    done = judged(har(*WATCHED[:2], entry(3, EVENTS, {"eventType": "ping"}, 200)))
    assert [(one.rule, one.severity) for one in done.problems] == [("missing-key", "error"), ("answer-differs", "info")]
    assert done.problems[1].message == "answered 200; mcmock answers 400"


def test_an_event_after_the_end_is_dropped_or_refused_as_the_recorded_service_did() -> None:
    dropped = judged(har(*WATCHED, event(13, "ping", 11)))
    assert (outcomes(dropped)[-1], rules_of(dropped)) == ("ignored", ["event-after-end"])
    refused = judged(har(*WATCHED, event(13, "ping", 11, status=410)))
    assert (outcomes(refused)[-1], rules_of(refused)) == ("bad", ["gone"])


def test_a_session_nobody_opened_is_an_error_where_it_was_refused() -> None:
    done = judged(har(*WATCHED, event(13, "ping", 11, path="/api/v1/sessions/typo/events", status=404)))
    assert [(one.rule, one.severity) for one in done.problems] == [("unknown", "error")]


def test_ten_idle_minutes_close_a_session_in_recorded_time() -> None:
    done = judged(har(*WATCHED[:2], event(700, "ping", 10, status=410)))
    assert (done.sessions[0].state, outcomes(done)[-1]) == ("idle", "bad")
    assert "session-not-ended" in rules_of(done)


@pytest.mark.parametrize(
    "sent", ["https://collect.example/api/v1/sessions/", "/eu/api/v1/sessions/", "//x/api/v1/sessions/"]
)
def test_a_location_that_sdks_cannot_read_is_worth_a_line(sent: str) -> None:
    done = judged(har(opening(location=sent + SID), event(1, "play")))
    assert rules_of(done) == ["answer-differs"]
    assert done.problems[0].message.startswith(f"answered Location: {sent}")
    assert done.sessions[0].id == SID


def test_a_body_that_the_recorder_left_out_is_not_held_against_the_player() -> None:
    beacon = entry(11, EVENTS, None, headers=[{"name": "content-length", "value": "90"}])
    done = judged(har(*WATCHED[:2], beacon))
    assert (rules_of(done), len(done.requests)) == (["body-not-recorded"], 2)


def test_a_recorder_that_lists_no_headers_does_not_hide_the_type_of_the_body() -> None:
    assert (
        judged(har(*(entry(0, "/api/v1/sessions", body("sessionStart", ts=TS), 201, headers=[]), WATCHED[1]))).problems
        == ()
    )


def test_two_sessions_for_one_view_are_seen_side_by_side() -> None:
    viewer = {**START_PARAMS, "visitor.marketingCloudUserId": "1" * 38}
    starts = [
        entry(
            at, "/api/v1/sessions", body("sessionStart", ts=TS + at * 1000, params=viewer), 201,
            location=f"/api/v1/sessions/{sid}",
        )
        for at, sid in enumerate(("a" * 64, SID))
    ]  # fmt: skip
    done = judged(har(*starts, event(2, "play")))
    assert [(one.rule, one.session_id) for one in done.problems] == [("location-unread", "a" * 64)]


def test_a_file_without_any_request_to_this_api_is_no_proof_of_anything() -> None:
    done = judged(har(entry(0, "/index.html", None, 200, method="GET")))
    assert (rules_of(done), done.fails()) == (["nothing-to-check"], True)
    assert judged(har()).fails()


# -- logs of mcmock's own: the same judgement again -----------------------------------------------------------------------


def a_log() -> Emulator:
    """What a server has seen in some minutes: good, ignored and bad requests, faults on both sides, a timeout."""
    moment = Clock(lambda: TS / 1000)
    emulator = Emulator(seed=1, time=moment)
    first, second = start(emulator, ts=TS), start(emulator, ts=TS)
    emulator.add_fault(faults.status(503, event="ping", times=1, side="before"))
    emulator.add_fault(faults.close(event="play", times=1, side="after"))
    for second_at, event_type in enumerate(("play", "adStart", "ping", "ping", "adComplete", "chapterComplete"), 1):
        emulator.advance(3)
        send(
            emulator,
            first,
            event_type,
            second_at,
            ts=TS + second_at * 3000,
            params=AD if event_type == "adStart" else {},
        )
    emulator.handle(post(f"/api/v1/sessions/{first}/events", b"{"))
    emulator.handle(post("/api/v1/sessions/nobody/events", body("ping")))
    emulator.advance(700)
    send(emulator, second, "play", ts=TS + 700_000)
    return emulator


@pytest.mark.parametrize("export", [ndjson.write, har_export.write])
def test_a_log_is_judged_as_it_was_when_it_was_written(export: Any) -> None:
    emulator = a_log()
    done = judged(b"".join(export(emulator.queries.iterate())))
    was = [(one.event_type, one.outcome, [found.rule for found in one.findings]) for one in emulator.requests()]
    now = [
        (one.exchange.event_type, one.exchange.outcome, [found.rule for found in one.exchange.findings])
        for one in done.requests
    ]
    assert now == was
    assert {Outcome.GOOD, Outcome.BAD, Outcome.IGNORED, Outcome.FAULTED} <= {outcome for _, outcome, _ in now}
    reports = {view.id: view.report for view in emulator.sessions()}
    for view in done.sessions:
        assert exact(view.report) == exact(reports[view.id])
    assert "answer-differs" not in rules_of(done)


def exact(report: Any) -> dict[str, Any]:
    return dict(report.to_json(why=False)["exact"])


def test_a_journal_is_a_recording_too(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    from mcmock.storage import open_store

    store = open_store(f"sqlite:{path}")
    emulator = store.emulator(seed=1)
    sid = start(emulator)
    send(emulator, sid, "play", ts=TS + 1000)
    store.close()
    done = run("--format", "json", str(path))
    [file] = json.loads(done.output)["files"]
    assert (done.exit_code, file["kind"], [one["id"] for one in file["sessions"]]) == (0, "a journal", [sid])
    in_python = mcmock.check(path)
    assert (in_python.kind, [view.id for view in in_python.sessions]) == ("a journal", [sid])


def test_a_log_of_which_some_lines_were_picked_is_still_one(tmp_path: Path) -> None:
    """As `jq -c 'select(.sessionId == …)'` leaves it: without the line that says what it is."""
    emulator = Emulator(seed=1)
    sid = start(emulator)
    send(emulator, sid, "play", ts=TS + 1000)
    path = tmp_path / "picked.ndjson"
    path.write_bytes(b"".join(list(ndjson.write(emulator.requests()))[1:]))
    done = mcmock.check(path)
    assert (done.kind, len(done.requests), [view.id for view in done.sessions]) == ("a log export", 2, [sid])


# -- timelines and recordings of clients ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", TIMELINES, ids=lambda path: path.stem)
def test_a_timeline_that_comes_out_as_it_says_has_no_problem(path: Path) -> None:
    done = mcmock.check(path)
    remarks = ["only-started"] if path.stem == "location-joined-twice" else []  # its events went elsewhere
    assert [problem.rule for problem in done.problems] == remarks
    assert len(done.requests) == len(json.loads(path.read_text())["steps"])


def altered(change: Any) -> Checkup:
    document = json.loads((ROOT / "fixtures" / "timelines" / "ad-outside-break.json").read_text())
    change(document)
    return judged(document)


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        (lambda one: one["steps"][0]["expect"].update(status=400), "steps[0]", "expected 400, got 201"),
        (
            lambda one: one["steps"][1]["expect"].update(findings=["ping-gap"]),
            "steps[1]",
            "expected the findings ping-gap",
        ),
        (lambda one: one["report"].update(ad_count=7), "", "expected ad_count 7, got 0"),
        (
            lambda one: one.update(findings=["chapter-not-closed"]),
            "",
            "session: expected the findings chapter-not-closed",
        ),
    ],
    ids=["status", "findings", "report", "findings of the session"],
)
def test_what_a_timeline_expects_and_does_not_get_is_an_error(change: Any, place: str, said: str) -> None:
    [problem] = altered(change).problems
    assert (problem.severity, problem.rule, problem.place) == ("error", "not-as-expected", place)
    assert said in problem.message


def test_a_timeline_that_expects_nothing_is_judged_like_any_recording() -> None:
    def forget(document: Any) -> None:
        for step in document["steps"]:
            step.pop("expect")

    assert set(rules_of(altered(forget))) == {"ad-outside-break"}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_has_exactly_the_findings_that_the_docs_defend(path: Path) -> None:
    """Those in bold are warnings; Adobe's own SDK has none, since its users could not act on one."""
    rows = {row[0].strip("`"): row[1] for row in documented("Real clients", "findings.md")}
    told = re.findall(r"(\*\*)?`([a-z0-9-]+)`", rows[path.stem])
    done = mcmock.check(path)
    assert {name for _, name in told} == set(rules_of(done))
    assert {name for bold, name in told if bold} == {one.rule for one in done.problems if one.severity != "info"}
    assert not done.fails()
    assert not (path.stem.startswith("js3") and done.fails("warning"))
    assert {one.exchange.verdict for one in done.requests} <= {Verdict.CREATED, Verdict.ACCEPTED}


# -- modes ----------------------------------------------------------------------------------------------------------------


def test_a_mode_is_that_of_the_server(tmp_path: Path) -> None:
    file = tmp_path / "player.har"
    file.write_text(json.dumps(har(*WATCHED[:2], event(3, "ping", 2, params={"media.qoe.bitrate": 1}))))
    assert mcmock.check(file).fails()
    assert not mcmock.check(file, loose=True).fails()
    strict = mcmock.check(ROOT / "fixtures" / "clients" / "js3-3.0.0__short.jsonl", strict=True)
    assert "states-update" not in rules_of(strict)
    assert "content-type" in {one.rule for one in strict.problems if one.severity == "warning"}
    with pytest.raises(ValueError, match="exclude each other"):
        mcmock.check(file, strict=True, loose=True)


# -- files that cannot be read --------------------------------------------------------------------------------------------


BAD = {
    "nothing": (b"", "the file is empty"),
    "no JSON": (b'{"log":\n {"entries": [}\n}', "line 2: it is not JSON: Expecting value"),
    "no UTF-8": (b'{"log":\n\xff}', "line 2: it is not UTF-8"),
    "another JSON": (b'{"a": 1,\n "b": 2}', "it is neither a timeline, nor a HAR, nor a log export"),
    "a list": (b"[1, 2]", "it is neither a timeline, nor a HAR"),
    "nested too deep": (b"[" * 200_000, "it is JSON nested too deep"),
    "no entries": (b'{"log": {"entries": 7}}', "log.entries must be a JSON array"),
    "no request": (b'{"log": {"entries": [{}]}}', "log.entries[0] needs the key 'request'"),
    "no date": (json.dumps(har({**WATCHED[0], "startedDateTime": "yesterday"})).encode(), "log.entries[0] is no HAR entry"),
    "a newer log": (b'{"mcmock": 99}\n', "line 1: this export has format 99"),
    "half a log": (b'{"mcmock": 1}\n{"seq": 1', "line 2: it is not JSON"),
    "no exchange": (b'{"mcmock": 1}\n{"seq": 1}', "line 2: an exchange needs the key 'at'"),
    "half a recording": (RECORDINGS[0].read_bytes()[:-40], "line 10: not a recorded request"),
    "no recording": (b'{"a": 1}\n{"b": 2}', "line 1: a recorded request needs the key 'headers'"),
    "no timeline": (b'{"name": "x", "steps": [{"at": 0}]}', "steps[0].send is missing"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_cannot_be_read_is_named_with_the_place(kind: str, tmp_path: Path) -> None:
    text, said = BAD[kind]
    path = tmp_path / "bad.file"
    path.write_bytes(text)
    done = run(str(path))
    assert done.exit_code == 2
    assert done.output.startswith(f"mcmock: {path}: {said}")
    assert done.output.count("\n") == 1
    with pytest.raises(ValueError, match=r"bad\.file: "):
        mcmock.check(path)


def test_a_file_that_is_not_there_is_one_line() -> None:
    done = run("nowhere.har")
    assert (done.exit_code, done.output) == (2, "mcmock: nowhere.har: No such file or directory\n")


pieces = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


changed = st.sampled_from(("request", "response", "startedDateTime", "url", "postData", "status", "headers"))


@given(st.lists(st.tuples(st.integers(0, 3), changed, pieces), max_size=4))
def test_whatever_a_har_holds_it_is_judged_or_refused(changes: list[tuple[int, str, Any]]) -> None:
    entries = json.loads(json.dumps(WATCHED))
    for place, key, value in changes:
        one = entries[place]
        inner = (
            one if key in one else one.get("request") if key in ("url", "postData", "headers") else one.get("response")
        )
        if isinstance(inner, dict):
            inner[key] = value
    with suppress(ValueError):
        assert judged(har(*entries)).kind == "a HAR"


# -- the command ----------------------------------------------------------------------------------------------------------


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    return cli_runner().invoke(main, ["check", *arguments], input=stdin)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    warned = (*WATCHED[:2], event(2, "chapterComplete", 1))
    made = {
        "clean": har(*WATCHED),
        "warned": har(*warned),
        "wrong": har(*WATCHED[:2], event(2, "adStart", 1, params=AD), event(3, "adComplete", 1)),
    }
    for name, document in made.items():
        (tmp_path / f"{name}.har").write_text(json.dumps(document))
    return {name: str(tmp_path / f"{name}.har") for name in made}


def test_it_exits_by_the_worst_that_was_found(files: dict[str, str]) -> None:
    codes = {name: (run(path).exit_code, run("--fail-on", "warning", path).exit_code) for name, path in files.items()}
    assert codes == {"clean": (0, 0), "warned": (1, 1), "wrong": (1, 1)}
    assert run(*files.values()).exit_code == 1


def test_the_text_says_what_where_and_why(files: dict[str, str]) -> None:
    out = run(files["wrong"], files["clean"]).output
    assert f"{files['wrong']}: a HAR, 4 requests to this API, 1 session" in out
    assert "error    ad-outside-break  adStart entries[2], adComplete entries[3]" in out
    assert "its time goes to main content" in out
    assert out.endswith("2 files: 2 errors, 0 warnings, 0 infos; 1 of 2 failed\n")
    assert [line for line in out.splitlines() if len(line) > 79 and ".har: " not in line] == []


def test_the_report_can_stand_beside_it(files: dict[str, str]) -> None:
    assert "content time spent  " in run("--report", files["clean"]).output
    assert "content time spent  " not in run(files["clean"]).output


def test_a_file_can_come_from_standard_input() -> None:
    done = run("-", stdin=json.dumps(har(*WATCHED)).encode())
    assert (done.exit_code, done.output.partition(":")[0]) == (0, "standard input")


def test_json_has_all_of_it(files: dict[str, str]) -> None:
    told = json.loads(run("--format", "json", files["wrong"], files["clean"]).output)
    assert (told["result"], [file["result"] for file in told["files"]]) == ("fail", ["fail", "pass"])
    [wrong, _] = told["files"]
    assert wrong["counts"] == {"error": 2, "warning": 0, "info": 0}
    assert wrong["problems"][0] == {
        "severity": "error",
        "rule": "ad-outside-break",
        "message": "adStart of 'ad-1' outside adBreakStart … adBreakComplete: ignored, its time goes to main content",
        "place": "entries[2]",
        "eventType": "adStart",
        "sessionId": SID,
    }
    assert wrong["sessions"][0]["report"]["exact"]["contentTimeSpent"] == 2.0
    assert [(one["place"], one["answered"], one["status"]) for one in wrong["requests"]][:2] == [
        ("entries[0]", 201, 201),
        ("entries[1]", 204, 204),
    ]


def test_junit_has_a_case_for_each_session(files: dict[str, str]) -> None:
    root = ElementTree.fromstring(run("--format", "junit", files["wrong"], files["warned"]).output.encode())
    wrong, warned = root
    assert (wrong.get("tests"), wrong.get("failures"), warned.get("failures")) == ("2", "1", "1")
    [failure] = wrong.iter("failure")
    assert failure.get("type") == "ad-outside-break"
    assert "chapter-close-without-start" in "".join(warned.itertext())


def test_junit_is_xml_whatever_a_player_sent(tmp_path: Path) -> None:
    path = tmp_path / "odd.har"
    nasty = {**AD, "media.ad.id": "\0\ud800<&]]>"}
    path.write_text(json.dumps(har(*WATCHED[:2], event(2, "adStart", 1, params=nasty))))
    assert ElementTree.fromstring(run("--format", "junit", str(path)).output.encode("utf-8", "strict")) is not None


def test_long_files_tell_how_far_they_are() -> None:
    steps: list[int] = []
    recording = formats.read(json.dumps(har(entry(0, "/", None, 200, method="GET"), *WATCHED)).encode())
    checkup(recording, "a file", told=steps.append)
    assert sum(steps) == 2 * recording.length - 1  # a request to others is passed over once


def test_a_progress_bar_is_for_a_terminal_and_long_files_only(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    from mcmock.cli import check

    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    check.judged(files["clean"])
    assert terminal.getvalue() == ""
    monkeypatch.setattr(check, "LONG", 1)
    check.judged(files["clean"])
    assert "100%" in terminal.getvalue()


def test_every_remark_is_explained_in_the_docs() -> None:
    page = (ROOT / "docs" / "check.md").read_text()
    for name, severity in REMARKS.items():
        assert f"| `{name}` | {severity} |" in page


# -- a browser that is real -----------------------------------------------------------------------------------------------

PLAYER = """
async ([server, start, ad]) => {
    const post = (url, body, more) => fetch(url, {
        method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body), ...more,
    });
    const now = Date.now();
    const event = (eventType, second, playhead, params) =>
        ({eventType, playerTime: {playhead, ts: now + second * 1000}, ...(params ? {params} : {})});
    await fetch(server + '/api/v1/users').catch(() => null);
    const opened = await post(server + '/api/v1/sessions', {...start, playerTime: {playhead: 0, ts: now}});
    const events = server + opened.headers.get('Location') + '/events';
    await post(events, event('play', 0.5, 0));
    await post(events, event('adStart', 5, 4.5, ad));
    await post(events, event('adComplete', 10, 4.5));
    await post(events, {eventType: 'ping'});
    await post(events, event('sessionEnd', 15, 9.5), {keepalive: true});
}
"""


@pytest.fixture
def served() -> Iterator[str]:
    command = [sys.executable, "-m", "mcmock", "serve", "--port", "0", "--log-format", "json", "--seed", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
        process.terminate()


@pytest.fixture
def website() -> Iterator[str]:
    """A page on another port, so that the browser asks first (preflights) as it does for a real player."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<title>a player</title>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_har_saved_by_chromium_is_judged(served: str, website: str, tmp_path: Path) -> None:
    """A page plays a session against `mcmock serve`; the browser's own recording says what went wrong."""
    from playwright.sync_api import sync_playwright

    path = tmp_path / "player.har"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=programs.need("chromium"), args=["--no-sandbox"])
        context = browser.new_context(record_har_path=path)
        page = context.new_page()
        page.goto(website)
        page.evaluate(PLAYER, [served, body("sessionStart"), AD])
        context.close()
        browser.close()
    done = mcmock.check(path)
    assert [(one.rule, one.event_type) for one in done.problems if one.severity == "error"] == [
        ("ad-outside-break", "adStart"),
        ("ad-outside-break", "adComplete"),
        ("missing-key", "ping"),
    ]
    assert "answer-differs" not in rules_of(done)
    [view] = done.sessions
    assert (view.state, view.report.ad_count, view.report.content_time_spent) == ("ended", 0, 14.5)
    assert [one.answered for one in done.requests if one.exchange.method == "POST"] == [201, 204, 204, 204, 400, 204]
