"""check, replay, report, HAR, log exports, timelines and golden sessions take recordings of the Media Edge API, too."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from mcmock.cli import main
from mcmock.core.model import Outcome
from mcmock.engine import Emulator
from mcmock.recordings import formats, replay_plan
from mcmock.recordings.check import Checkup, checkup
from mcmock.serialization import har, ndjson
from mcmock.testing import golden
from mcmock.testing.golden import GoldenStore
from mcmock.testing.server import McmockServer
from tests.analytics.test_report import documented
from tests.conftest import cli_runner
from tests.protocols.edge import IDENTITY, SID, body, request, session_in, xdm
from tests.recordings.test_edge_clients import RECORDINGS, play

pytestmark = pytest.mark.mcmock(fail_on="never")

START_MS = 1_700_000_000_000


def judged(content: bytes) -> Checkup:
    return checkup(formats.read(content), "a file")


def rules(done: Checkup) -> list[str]:
    return sorted({problem.rule for problem in done.problems})


def run(*arguments: str) -> Result:
    return cli_runner().invoke(main, list(arguments))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_of_a_client_is_judged_without_a_server(path: Path) -> None:
    done = judged(path.read_bytes())
    assert {one.exchange.outcome for one in done.requests} <= {Outcome.GOOD, Outcome.IGNORED, Outcome.OTHER}
    assert not {"start-not-recorded", "answer-differs", "malformed", "unknown", "gone"} & set(rules(done))
    assert [session.id for session in done.sessions] == [
        sent["response"]["sid"] for sent in map(json.loads, path.read_text().splitlines()) if sent["kind"] == "session"
    ]


def test_a_recording_has_exactly_the_findings_that_the_docs_defend() -> None:
    told = {row[0].strip("`"): row[1] for row in documented("Real clients of Media Edge", "findings.md")}
    found = {}
    for path in RECORDINGS:
        severities = {one.rule: str(one.severity) for one in judged(path.read_bytes()).problems}
        words = (
            f"`{rule}`" if severity == "info" else f"**`{rule}`**" for rule, severity in sorted(severities.items())
        )
        found[path.stem] = ", ".join(words) or "–"
    assert told == found


@pytest.mark.parametrize("path", RECORDINGS[::4], ids=lambda path: path.stem)
@pytest.mark.parametrize("export", [har, ndjson])
def test_what_a_server_logged_is_judged_as_it_was_there(mcmock_server: McmockServer, path: Path, export: Any) -> None:
    play(mcmock_server, path)
    log = mcmock_server.requests()
    done = judged(b"".join(export.write(log)))
    assert [(one.exchange.event_type, one.exchange.status, one.exchange.outcome) for one in done.requests] == [
        (one.event_type, one.status, one.outcome) for one in log
    ]
    assert [one.rule for session in done.sessions for one in session.findings] == [
        one.rule for session in mcmock_server.sessions() for one in session.findings
    ]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_is_sent_byte_for_byte_but_for_its_session(path: Path) -> None:
    recorded = [json.loads(line) for line in path.read_text().splitlines()]
    plan = replay_plan.plan(formats.read(path.read_bytes()), path.stem, START_MS)
    assert plan.left_out == 0
    [session_id] = {one["response"]["sid"] for one in recorded if one["kind"] == "session"}
    assert [one.body.decode().replace("{sid}", session_id) for one in plan.steps] == [
        one["body_raw"] for one in recorded
    ]
    assert [(one.target, one.status) for one in plan.steps] == [
        (one["path"], one["response"]["status"]) for one in recorded
    ]


def test_a_replay_at_a_server_finds_the_new_session_in_the_answers_body(mcmock_server: McmockServer) -> None:
    files = [str(path) for path in RECORDINGS if path.stem in ("android__vod", "alloy__with_pageviews")]
    done = run("replay", *files, "--flat-out", "--to", mcmock_server.url)
    assert done.exit_code == 0, done.output
    assert [str(session.state) for session in mcmock_server.sessions()] == ["completed", "completed"]
    assert mcmock_server.summary().bad == 0


def test_the_report_of_a_session_is_printed(mcmock_server: McmockServer) -> None:
    play(mcmock_server, next(path for path in RECORDINGS if path.stem == "android__ads"))
    done = run("report", mcmock_server.url)
    assert done.exit_code == 0, done.output
    assert "film-0001" in done.output


# -- a HAR of a browser, and what it does not hold --------------------------------------------------------------------------


def recorded(number: int, path: str, sent: Any, status: int, answer: Any = None) -> dict[str, Any]:
    return {
        "startedDateTime": f"2023-11-14T22:13:{20 + number:02}.000Z",
        "request": {
            "method": "POST", "url": f"https://data.example{path}", "headers": [{"name": "Content-Type", "value": "text/plain"}],
            "postData": {"mimeType": "text/plain", "text": json.dumps(sent)},
        },
        "response": {
            "status": status, "headers": [{"name": "x-adobe-edge", "value": "IRL1;6"}],
            "content": {"text": "" if answer is None else json.dumps(answer)},
        },
    }  # fmt: skip


def answer_with(session_id: str | None) -> dict[str, Any]:
    handle = {"type": "media-analytics:new-session", "payload": [{"sessionId": session_id}], "eventIndex": 0}
    return {"requestId": "r", "handle": [handle] if session_id else []}


def a_har(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"log": {"entries": list(entries)}}).encode()


def test_a_har_of_the_web_sdk_is_judged_with_its_page_views_and_any_base() -> None:
    view = body({"eventType": "web.webpagedetails.pageViews"})
    done = judged(a_har(
        recorded(0, "/my/ee/v1/interact?configId=x", view, 200, answer_with(None)),
        recorded(1, "/my/ee/irl1/v1/interact?configId=x", body(xdm("sessionStart")), 200, answer_with(SID)),
        recorded(2, "/my/ee/irl1/va/v1/play?configId=x", body(xdm("play", SID)), 204),
        recorded(3, "/b/ss/suite/1/JS-2.0", {}, 200),
    ))  # fmt: skip
    assert [str(one.exchange.outcome) for one in done.requests] == ["other", "good", "good"]
    assert [session.id for session in done.sessions] == [SID]


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (207, {"handle": [], "errors": [{"status": 400}]}, "answered 207, so it is not counted; mcmock answers 200"),
        (
            200,
            answer_with(None),
            "answered 200 without media-analytics:new-session, which names the session, so it is not",
        ),
    ],
)
def test_a_start_that_its_answer_refused_is_not_taken_for_a_session(status: int, answer: Any, said: str) -> None:
    done = judged(a_har(recorded(0, "/ee/v1/interact?configId=x", body(xdm("sessionStart")), status, answer)))
    assert not done.sessions
    [problem] = [one for one in done.problems if one.rule == "answer-differs"]
    assert problem.message.startswith(said)


def test_a_body_by_itself_goes_where_its_event_belongs() -> None:
    done = judged(json.dumps(body(xdm("sessionStart"))).encode())
    [one] = done.requests
    assert one.exchange.path.startswith("/ee/va/v1/sessionStart?")
    assert one.exchange.event_type == "sessionStart"
    lines = b"\n".join(json.dumps(one).encode() for one in (body(xdm("sessionStart")), body(xdm("play", SID))))
    assert [one.exchange.event_type for one in judged(lines).requests] == ["sessionStart", "play"]


# -- timelines --------------------------------------------------------------------------------------------------------------


def step(event_type: str, at: float, status: int, session_id: str | None = "{sid}", **parts: Any) -> dict[str, Any]:
    return {
        "at": at,
        "send": body(xdm(event_type, session_id, None, playhead=int(at), **parts)),
        "expect": {"status": status},
    }


STORY = {
    "name": "a film",
    "steps": [step("sessionStart", 0, 200), step("play", 0, 204), step("ping", 10, 204), step("sessionEnd", 20, 204)],
    "report": {"content_time_spent": 20.0, "content_starts": True},
}


def test_a_timeline_may_hold_bodies_of_this_api() -> None:
    assert rules(judged(json.dumps(STORY).encode())) == ["equal-timestamps"]
    wrong = copy.deepcopy(STORY)
    wrong["report"] = {"content_time_spent": 21.0}
    assert "not-as-expected" in rules(judged(json.dumps(wrong).encode()))


def test_a_timeline_is_played_to_a_server(mcmock_server: McmockServer, tmp_path: Path) -> None:
    path = tmp_path / "film.json"
    path.write_text(json.dumps(STORY))
    done = run("replay", str(path), "--to", mcmock_server.url, "--advance")
    assert done.exit_code == 0, done.output
    [session] = mcmock_server.sessions()
    assert session.report.content_time_spent == 20.0


def test_a_downloaded_session_in_a_timeline_gets_its_times() -> None:
    parts = [{"mediaEventType": f"media.{name}", "mediaCollection": xdm(name, None)["mediaCollection"]}
             for name in ("sessionStart", "play")]  # fmt: skip
    whole = body({"eventType": "media.downloaded", "identityMap": IDENTITY, "mediaDownloadedEvents": parts})
    done = judged(json.dumps({"name": "kept", "steps": [{"at": 0, "send": whole, "expect": {"status": 200}}]}).encode())
    assert [one.exchange.status for one in done.requests] == [200]


# -- golden sessions --------------------------------------------------------------------------------------------------------


def test_a_golden_session_keeps_params_by_the_names_that_both_apis_share(tmp_path: Path) -> None:
    emulator = Emulator(seed=1)
    session_id = session_in(emulator.handle(request("sessionStart", body(xdm("sessionStart")))))
    emulator.handle(request("play", body(xdm("play", session_id))))
    view = emulator.session(session_id)
    assert view is not None
    golden.recorded(view, GoldenStore(tmp_path)).assert_matches_golden("film")
    kept = json.loads((tmp_path / "film.golden.json").read_text())["events"]
    assert [(row["event"], row["status"]) for row in kept] == [("sessionStart", 200), ("play", 204)]
    assert kept[0]["params"]["media.id"] == "film-1"
    golden.recorded(view, GoldenStore(tmp_path, frozen=True)).assert_matches_golden("film")


# -- the checklist and the tracking plan ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stem", "visitor", "said"),
    [
        ("android__ads", "pass", "named by visitor.marketingCloudUserId"),
        ("alloy__metadata", "pass", "the start asks the Edge Network who it is"),
        ("theo01__preroll", "FAIL", "it has no identityMap and no identity cookie, and asks for no ECID"),
    ],
)
def test_the_checklist_says_who_names_the_visitor_and_the_account(stem: str, visitor: str, said: str) -> None:
    path = next(path for path in RECORDINGS if path.stem == stem)
    lines = [" ".join(line.split()) for line in run("certify", str(path)).output.splitlines()]
    at = lines.index(f"{visitor} visitor The visitor is named")
    assert said[:40] in " ".join(lines[at + 1 : at + 5])
    at = lines.index("pass account The account is named")
    assert lines[at + 1].startswith("the datastream names the organization and the report suites")


def test_a_tracking_plan_can_be_written_from_sessions_of_this_api() -> None:
    done = run("plan", "init", str(next(path for path in RECORDINGS if path.stem == "alloy__metadata")), "--plan", "-")
    assert done.exit_code == 0, done.output
    assert '"media.show" = ' in done.output
