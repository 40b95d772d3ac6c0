"""`mcmock replay`: what is read from a file, what is sent, what counts as a difference, and what the command says of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from mcmock.cli import main
from mcmock.core.model import Kind
from mcmock.engine import Emulator
from mcmock.protocols.base import SID
from mcmock.recordings import formats, replay_plan
from mcmock.recordings.replay_plan import Plan, PlannedRequest, ReplayAnswer, Run
from mcmock.serialization import ndjson
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, body, cli_runner, post, send, start

pytestmark = pytest.mark.mcmock(fail_on="never")

FIXTURES = Path(__file__).parents[2] / "fixtures"
START_MS = 1_700_000_000_000


def run(*arguments: str) -> Result:
    return cli_runner().invoke(main, ["replay", *arguments])


def timeline(*steps: dict[str, Any], **rest: Any) -> dict[str, Any]:
    opened = {"at": 0, "send": body("sessionStart", params=START_PARAMS), "expect": {"status": 201}}
    return {"name": "a session", "steps": [opened, *steps], **rest}


def step(event: str, at: float, status: int | None = 204, **parts: Any) -> dict[str, Any]:
    return {"at": at, "send": body(event, **parts), "expect": {} if status is None else {"status": status}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "session.json"


# -- reading --------------------------------------------------------------------------------------------------------------


def test_a_timeline_begins_with_its_first_step_whenever_that_was_recorded() -> None:
    late = {
        "name": "late",
        "steps": [{"at": 9000, "send": [body("sessionStart")]}, {"at": 9010, "send": {"eventType": "ping"}}],
    }
    plan = replay_plan.plan(formats.read(json.dumps(late).encode()), "late.json", START_MS)
    assert [one.at for one in plan.steps] == [0, 10]
    assert [one.kind for one in plan.steps] == [Kind.DOWNLOADED, Kind.EVENT]


def test_a_timeline_s_missing_ts_is_filled_in_from_now() -> None:
    plan = replay_plan.plan(formats.read((FIXTURES / "timelines" / "ads.json").read_bytes()), "ads.json", START_MS)
    assert json.loads(plan.steps[0].body)["playerTime"]["ts"] == START_MS
    assert json.loads(plan.steps[-1].body)["playerTime"]["ts"] == START_MS + 88_000


@pytest.mark.parametrize("path", sorted((FIXTURES / "clients").glob("*.jsonl")), ids=lambda path: path.stem)
def test_a_recording_is_sent_byte_for_byte(path: Path) -> None:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    plan = replay_plan.plan(formats.read(path.read_bytes()), path.name, START_MS)
    assert [one.body.decode() for one in plan.steps] == [line["body_raw"] for line in lines]
    assert [one.status for one in plan.steps] == [line["response"]["status"] for line in lines]
    assert all(SID in one.target for one in plan.steps if one.kind is Kind.EVENT)
    assert plan.left_out == 0


def exported(emulator: Emulator) -> bytes:
    return b"".join(ndjson.write(emulator.requests()))


def test_a_log_export_expects_the_answers_that_were_given(emulator: Emulator) -> None:
    sid = start(emulator)
    send(emulator, sid, "play")
    emulator.handle(post(f"/api/v1/sessions/{sid}/events", b"{"))
    emulator.handle(post(f"/api/v1/sessions/{'0' * 64}/events", body("ping")))
    emulator.handle(post("/nothing", b""))
    plan = replay_plan.plan(formats.read(exported(emulator)), "log.ndjson", START_MS)
    assert [(one.target, one.status) for one in plan.steps] == [
        ("/api/v1/sessions", 201),
        ("/api/v1/sessions/{sid}/events", 204),
        ("/api/v1/sessions/{sid}/events", 400),
        (f"/api/v1/sessions/{'0' * 64}/events", 404),
    ]
    assert plan.steps[2].body == b"{"


def test_events_of_a_session_that_began_before_the_log_are_left_out_and_counted(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.clear_log()
    send(emulator, sid, "play")
    start(emulator)
    plan = replay_plan.plan(formats.read(exported(emulator)), "log.ndjson", START_MS)
    assert (len(plan.steps), plan.left_out) == (1, 1)


def test_a_har_is_picked_for_requests_to_this_api_on_any_host_behind_any_prefix() -> None:
    sid = "f" * 64
    api = "https://collect.example/first-party/api/v1"
    har = {"log": {"entries": [
        entry("GET", "https://player.example/app.js", 200),
        entry("POST", f"{api}/sessions", 201, body("sessionStart"), f"/api/v1/sessions/{sid}"),
        entry("POST", f"{api}/sessions/{sid}/events", 204, body("play")),
    ]}}  # fmt: skip
    plan = replay_plan.plan(formats.read(json.dumps(har).encode()), "session.har", START_MS)
    assert [(one.target, one.status, one.words) for one in plan.steps] == [
        ("/api/v1/sessions", 201, "sessionStart at 0"),
        ("/api/v1/sessions/{sid}/events", 204, "play at 0"),
    ]


def entry(method: str, url: str, status: int, sent: Any = None, location: str | None = None) -> dict[str, Any]:
    request: dict[str, Any] = {"method": method, "url": url, "headers": [{"name": ":path", "value": "/"}]}
    if sent is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(sent)}
    headers = [{"name": "location", "value": location}] if location else []
    return {
        "startedDateTime": "2026-11-21T10:00:00.000Z", "request": request,
        "response": {"status": status, "headers": headers, "content": {}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"hello", "line 1: it is not JSON"),
        (b"[1, 2]", "neither a timeline"),
        (b'{"mcmock": 99}', "99"),
        (b'{\n"a": 1\n}', "neither a timeline"),
        (b'{"name": "x", "steps": []}', "steps must hold at least one step"),
        (b'{"log": {"entries": []}}', "no request to this API"),
        (b"\xff\xfe\x00", "line 1: it is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_sent_is_refused_in_one_line(text: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        replay_plan.plan(formats.read(text), "file", START_MS)
    assert "\n" not in str(refused.value)


# -- differences ----------------------------------------------------------------------------------------------------------

PLANNED = PlannedRequest(0, Kind.EVENT, "POST", "/api/v1/sessions/{sid}/events", (), b"", "a", "ping at 0", 204)
OPENS = PlannedRequest(0, Kind.SESSION, "POST", "/api/v1/sessions", (), b"", "a", "sessionStart at 0", 201)


def test_an_answer_differs_by_its_status() -> None:
    assert replay_plan.difference(PLANNED, ReplayAnswer(204)) is None
    assert replay_plan.difference(PLANNED, ReplayAnswer(400, body=b'{"message": "no"}')) == "expected 204, got 400: no"
    assert replay_plan.difference(PLANNED._replace(status=None), ReplayAnswer(500)) is None
    assert replay_plan.difference(PLANNED, ReplayAnswer(None, error="no answer")) == "expected 204, got no answer"


@pytest.mark.parametrize(
    "location",
    [None, "https://h/api/v1/sessions/x", "/p/api/v1/sessions/x", "/api/v1/sessions/x/", "/api/v1/sessions/x?y", "x"],
)
def test_a_location_that_sdks_cannot_read_is_a_difference(location: str | None) -> None:
    headers = (("Location", location),) if location is not None else ()
    said = replay_plan.difference(OPENS, ReplayAnswer(201, headers)) or ""
    assert "SDKs read nothing but" in said or said == "answered without a Location, which names the session"
    assert replay_plan.difference(OPENS, ReplayAnswer(201, (("Location", "/api/v1/sessions/x"),))) is None


def test_a_run_puts_the_new_session_id_where_the_old_one_was() -> None:
    played = Run(Plan("a", (OPENS, PLANNED)))
    assert played.request(PLANNED) is None
    played.take(OPENS, ReplayAnswer(201, (("Location", "/api/v1/sessions/abc"),)))
    assert played.request(PLANNED) == ("/api/v1/sessions/abc/events", b"")
    assert played.request(OPENS) == ("/api/v1/sessions", b"")


# -- the command ----------------------------------------------------------------------------------------------------------


def test_each_step_is_printed_with_expected_and_got(mcmock_server: McmockServer) -> None:
    result = run("fixtures/timelines/leave-early.json", "--to", mcmock_server.url, "--flat-out")
    assert result.exit_code == 0
    first, *steps, last = result.output.splitlines()
    assert first == "The viewer leaves after 25 seconds"
    assert re.split(r"\s{2,}", steps[0].strip()) == [
        "0.000 s",
        "sessionStart at 0",
        "expected 201",
        "got 201",
    ]
    assert last == "5 requests of 1 file: all as expected"
    assert mcmock_server.session().events[0] == "sessionStart"


def test_a_difference_is_marked_and_exits_1(mcmock_server: McmockServer, file: Path) -> None:
    file.write_text(json.dumps(timeline(step("play", 0.1), step("nonsense", 0.2), step("ping", 0.3, 410))))
    result = run(str(file), "--to", mcmock_server.url, "--flat-out")
    assert result.exit_code == 1
    assert "DIFFERS: expected 204, got 400: eventType must be one of the API's event types" in result.output
    assert "DIFFERS: expected 410, got 204" in result.output
    assert result.output.endswith("4 requests of 1 file: 2 differences\n")


def test_findings_and_reports_are_compared_where_the_server_is_mcmock(mcmock_server: McmockServer, file: Path) -> None:
    wrong = timeline(step("play", 1, ts=START_MS), report={"content_starts": False})
    wrong["steps"][1]["expect"]["findings"] = ["ad-outside-break"]
    file.write_text(json.dumps(wrong))
    result = run(str(file), "--to", mcmock_server.url, "--advance")
    assert result.exit_code == 1
    assert "play at 0: expected the findings ad-outside-break, got " in result.output
    assert "report: expected content_starts False, got True" in result.output


def test_lists_and_what_is_said_of_the_session_are_compared_too(mcmock_server: McmockServer, file: Path) -> None:
    wrong = json.loads((Path(__file__).parents[2] / "fixtures" / "timelines" / "chapters.json").read_text())
    wrong["report"]["chapters"][1]["time_spent"] = 999.0
    wrong["findings"] = ["session-never-played"]
    wrong["mediaReporting"]["chapters"][0]["chapterDetails"]["isCompleted"] = False
    file.write_text(json.dumps(wrong))
    result = run(str(file), "--to", mcmock_server.url, "--advance")
    assert result.exit_code == 1
    assert "report.chapters[1].timeSpent: expected 999.0, got 19.0" in result.output
    assert "session: expected the findings session-never-played, got none" in result.output
    assert "mediaReporting.chapters[0].chapterDetails.isCompleted: expected False, got True" in result.output


@pytest.mark.parametrize(("expected", "code"), [("missing-key", 0), ("wrong-type", 1)])
def test_so_are_the_findings_of_a_start_that_is_refused(
    mcmock_server: McmockServer, file: Path, expected: str, code: int
) -> None:
    sent = {"eventType": "sessionStart", "playerTime": {"playhead": 0}}
    refused = {"at": 0, "send": sent, "expect": {"status": 400, "findings": [expected]}}
    file.write_text(json.dumps({"name": "refused", "steps": [refused]}))
    result = run(str(file), "--to", mcmock_server.url, "--advance")
    assert result.exit_code == code, result.output
    assert ("expected the findings wrong-type, got missing-key" in result.output) is bool(code)


def test_advance_moves_the_server_s_clock_and_lets_it_run_again(mcmock_server: McmockServer, file: Path) -> None:
    file.write_text(json.dumps(timeline(step("ping", 599), step("ping", 1198), step("ping", 1799, 410))))
    result = run(str(file), "--to", mcmock_server.url, "--advance")
    assert result.exit_code == 0, result.output
    assert not mcmock_server.emulator.frozen


def test_several_sessions_at_once_and_their_differences_counted(mcmock_server: McmockServer, file: Path) -> None:
    file.write_text(json.dumps(timeline(step("play", 0.1), step("ping", 0.2, 400))))
    result = run(str(file), "--to", mcmock_server.url, "--flat-out", "--sessions", "20")
    assert result.exit_code == 1
    assert "  20 × expected 400, got 204" in result.output
    assert len(mcmock_server.sessions()) == 20


def test_a_speed_factor_shortens_the_waits(mcmock_server: McmockServer, file: Path) -> None:
    file.write_text(json.dumps(timeline(step("ping", 100))))
    result = run(str(file), "--to", mcmock_server.url, "--speed", "2000")
    assert result.exit_code == 0
    first, second = mcmock_server.requests()
    assert second.at - first.at >= 0.045


def test_a_log_export_can_be_replayed(mcmock_server: McmockServer, tmp_path: Path) -> None:
    run("fixtures/clients/theo__vod.jsonl", "--to", mcmock_server.url, "--flat-out")
    file = tmp_path / "log.ndjson"
    file.write_bytes(exported(mcmock_server.emulator))
    result = run(str(file), "--to", mcmock_server.url, "--flat-out")
    assert result.exit_code == 0, result.output
    first, second = mcmock_server.sessions()
    assert first.events == second.events
    assert [one.body_bytes for one in first.exchanges] == [one.body_bytes for one in second.exchanges]


def test_everything_that_comes_with_the_package_is_as_expected(mcmock_server: McmockServer) -> None:
    result = run("--all", "--to", mcmock_server.url, "--advance")
    assert result.exit_code == 0, [line for line in result.output.splitlines() if "DIFFERS" in line]
    assert re.search(r"\d{3,} requests of 1\d\d files: all as expected$", result.output.strip())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "http://127.0.0.1:1"), "name a FILE, or give --all"),
        (("nope.json", "--to", "http://127.0.0.1:1"), "nope.json: no such file; mcmock itself has fixtures/timelines/"),
        (("fixtures/../pyproject.toml.json", "--to", "http://127.0.0.1:1"), "no such file"),
        (("x", "--to", "127.0.0.1:1"), "it must begin with http:// or https://"),
        (("x", "--to", "http://127.0.0.1:1/api/v1/"), "leave /api/v1 out"),
        (("x", "--to", "http://127.0.0.1:1", "--speed", "2", "--flat-out"), "exclude each other"),
        (("x", "--to", "http://127.0.0.1:1", "--advance", "--sessions", "2"), "takes --sessions 1"),
        (("x",), "Missing option '--to'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1


@pytest.mark.parametrize("pace", ["--flat-out", "--advance"])
def test_a_server_that_is_not_there_is_one_line_and_exit_4(pace: str) -> None:
    result = run("fixtures/timelines/ads.json", "--to", "http://127.0.0.1:1", pace)
    assert result.exit_code == 4
    assert result.output.strip().splitlines()[-1].startswith("mcmock: ")
    assert "127.0.0.1:1" in result.output
