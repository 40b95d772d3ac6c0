"""`mcmock plan`, `mcmock certify` and `--plan`, as processes: what they write, print and exit with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from xml.etree import ElementTree

import pytest

from mcmock.analytics import plan_format
from mcmock.checks.certification import POINTS
from tests.conftest import START_PARAMS, body
from tests.serving import Serving

ROOT = Path(__file__).parents[2]
ADS = str(ROOT / "fixtures" / "clients" / "js3__ads.jsonl")
EARLY = str(ROOT / "fixtures" / "clients" / "theo__end_early.jsonl")
PLAN = '[all.sessionStart.params]\n"media.show" = "required"\n'


def mcmock(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("MCMOCK_")}
    command = [sys.executable, "-m", "mcmock", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=quiet, timeout=60)


def ask(url: str, method: str, path: str, value: Any = None) -> tuple[int, Any]:
    data = None if value is None else json.dumps(value).encode()
    request = Request(f"{url}/__admin{path}", data, {"Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def start(url: str, **params: Any) -> None:
    sent = json.dumps(body("sessionStart", params={**START_PARAMS, **params})).encode()
    with urlopen(Request(f"{url}/api/v1/sessions", sent, {"Content-Type": "application/json"})) as answer:
        assert answer.status == 201


# -- mcmock plan ------------------------------------------------------------------------------------------------------------


def test_init_writes_a_plan_that_its_recording_keeps(tmp_path: Path) -> None:
    done = mcmock("plan", "init", ADS, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "mcmock: wrote plan.toml: 37 rows from 1 session\n")
    kept = mcmock("plan", "check", ADS, cwd=tmp_path)
    assert kept.returncode == 0, kept.stdout
    again = mcmock("plan", "init", ADS, cwd=tmp_path)
    assert again.returncode == 2
    assert again.stderr == ("mcmock: plan.toml is there already: --force writes over it, --plan names another file\n")
    assert mcmock("plan", "init", "--force", ADS, cwd=tmp_path).returncode == 0
    printed = mcmock("plan", "init", "--plan", "-", ADS)
    assert printed.stdout == (tmp_path / "plan.toml").read_text()


def test_check_fails_once_a_key_is_taken_away(tmp_path: Path) -> None:
    assert mcmock("plan", "init", ADS, cwd=tmp_path).returncode == 0
    lines = [json.loads(line) for line in Path(ADS).read_text().splitlines()]
    for line in lines:
        sent = json.loads(line["body_raw"]) if line["body_raw"] else {}
        sent.get("params", {}).pop("media.name", None)
        line["body_raw"] = json.dumps(sent) if line["body_raw"] else ""
    changed = tmp_path / "changed.jsonl"
    changed.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = mcmock("plan", "check", str(changed), cwd=tmp_path)
    assert done.returncode == 1
    assert "plan-missing  sessionStart line 2" in done.stdout
    judged = json.loads(mcmock("plan", "check", "--format", "json", str(changed), cwd=tmp_path).stdout)
    assert [one["rule"] for one in judged["files"][0]["problems"]] == ["plan-missing"]
    suite = ElementTree.fromstring(mcmock("plan", "check", "--format", "junit", str(changed), cwd=tmp_path).stdout)
    assert [one.get("type") for one in suite.iter("failure")] == ["plan-missing"]
    by_check = mcmock("check", "--plan", "plan.toml", str(changed), cwd=tmp_path)
    assert (by_check.returncode, "plan-missing" in by_check.stdout) == (1, True)


def test_check_tells_what_was_refused_too(tmp_path: Path) -> None:
    """A session that the API refuses is not there for a plan to judge: that is no reason to pass."""
    (tmp_path / "plan.toml").write_text(PLAN)
    bare = {
        "method": "POST",
        "path": "/api/v1/sessions",
        "headers": [],
        "body_raw": json.dumps(body("sessionStart", params={})),
    }
    (tmp_path / "one.jsonl").write_text(json.dumps({**bare, "epoch_ms": 1_700_000_000_000}) + "\n")
    done = mcmock("plan", "check", "one.jsonl", cwd=tmp_path)
    assert (done.returncode, "missing-key" in done.stdout) == (1, True)


def test_coverage_marks_what_no_session_exercised(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(
        '[content.vod.sessionStart.params]\n"media.streamType" = ["video", "audio"]\n\n'
        '[content.live.sessionStart.params]\n"media.network" = "required"\n'
    )
    done = mcmock("plan", "coverage", ADS, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == [
        "sessionStart of vod content",
        "       1       –  params.media.streamType (required)",
        "                  never sent: audio",
        "sessionStart of live content",
        "!      –       –  params.media.network (required)",
        "",
        "1 of 2 rows exercised, 1 not",
    ]
    assert mcmock("plan", "coverage", "--fail", ADS, cwd=tmp_path).returncode == 1
    covered = json.loads(mcmock("plan", "coverage", "--json", ADS, EARLY, cwd=tmp_path).stdout)
    assert (covered["exercised"], covered["total"]) == (1, 2)


@pytest.mark.parametrize(
    "command", [["plan", "check", ADS], ["check", "--plan", "plan.toml", ADS], ["serve", "--plan", "plan.toml"]]
)
def test_a_wrong_plan_is_one_line_with_its_own(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text('name = "TV"\n[content.vod]\npingSecond = 10\n')
    done = mcmock(*command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "mcmock: plan.toml: line 3: content.vod.pingSecond is not known here (did you mean pingSeconds?); the keys are"
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command", [["plan", "check", ADS], ["plan", "coverage", ADS], ["serve", "--plan", "plan.toml"]]
)
def test_a_plan_that_is_not_there_is_one_line(command: list[str], tmp_path: Path) -> None:
    done = mcmock(*command, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "mcmock: plan.toml: No such file or directory\n")


def test_a_recording_without_a_session_writes_no_plan(tmp_path: Path) -> None:
    (tmp_path / "other.har").write_text(json.dumps({"log": {"version": "1.2", "entries": []}}))
    done = mcmock("plan", "init", "other.har", cwd=tmp_path)
    assert (done.returncode, (tmp_path / "plan.toml").exists()) == (2, False)
    assert done.stderr == (
        "mcmock: no session with a sessionStart was found, so that there is nothing to write a plan from\n"
    )


def test_the_schema_is_printed() -> None:
    assert json.loads(mcmock("plan", "schema").stdout) == plan_format.schema()


# -- a server ---------------------------------------------------------------------------------------------------------------


def test_a_server_judges_by_its_plan_and_by_another_until_it_is_reset(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    with Serving("--plan", str(tmp_path / "plan.toml")) as server:
        start(server.url)
        assert ask(server.url, "GET", "/requests?rule=plan-missing")[1]["matched"] == 1
        assert ask(server.url, "GET", "/plan") == (
            200,
            {"plan": {"all": {"sessionStart": {"params": {"media.show": "required"}}}}},
        )
        other: dict[str, Any] = {"content": {"live": {}}}
        assert ask(server.url, "PUT", "/plan", other) == (200, {"plan": other})
        assert ask(server.url, "GET", "/requests?rule=plan-missing")[1]["matched"] == 0
        assert ask(server.url, "GET", "/requests?rule=plan-unexpected")[1]["matched"] == 1
        assert ask(server.url, "DELETE", "/plan") == (200, {})
        assert ask(server.url, "GET", "/plan") == (200, {"plan": None})
        assert ask(server.url, "GET", "/plan/coverage") == (
            200,
            {"items": [], "exercised": 0, "total": 0, "next": None},
        )
        assert ask(server.url, "POST", "/reset") == (200, {})
        start(server.url)
        (item,) = ask(server.url, "GET", "/plan/coverage")[1]["items"]
        assert (item["key"], item["judged"], item["failed"]) == ("params.media.show", 1, 1)
        status, answer = ask(server.url, "PUT", "/plan", {"al": {}})
        assert (status, answer["error"]["message"]) == (
            400,
            "al is not known here (did you mean all?); the keys are name, all, content",
        )
        done = mcmock("plan", "coverage", "--plan", str(tmp_path / "plan.toml"), server.url)
        assert "1 of 1 row exercised, 0 not" in done.stdout, done.stderr


def test_watch_reads_a_plan_again(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    with Serving("--plan", str(path), "--watch") as server:
        path.write_text('[all]\npingSeconds = 10\nevents = ["play"]\n')
        until = time.monotonic() + 10
        while ask(server.url, "GET", "/plan/coverage")[1]["total"] != 2:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_exec_hands_its_plan_to_the_server_that_the_command_finds(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    url = "os.environ['MCMOCK_URL'] + '/__admin/plan'"
    script = f"import os, urllib.request; print(urllib.request.urlopen({url}).read().decode())"
    done = mcmock("exec", "--plan", "plan.toml", "--", sys.executable, "-c", script, cwd=tmp_path)
    assert json.loads(done.stdout)["plan"] == {"all": {"sessionStart": {"params": {"media.show": "required"}}}}, (
        done.stderr
    )


# -- mcmock certify ----------------------------------------------------------------------------------------------------------


def test_a_certificate_passes_fails_and_asks_for_what_is_required() -> None:
    passed = mcmock("certify", ADS)
    assert (passed.returncode, passed.stdout.splitlines()[-1]) == (
        0, "30 points over 1 session: 14 passed, 0 failed, 16 not exercised"
    )  # fmt: skip
    failed = mcmock("certify", EARLY)
    assert failed.returncode == 1
    assert "FAIL ad-breaks" in failed.stdout
    assert "(line 4 adStart at 2.707 s)" in " ".join(failed.stdout.split())
    required = mcmock("certify", "--require", "seek", "--require", "preroll", ADS)
    assert required.returncode == 1
    assert "required, but no session exercised it" in required.stdout
    assert mcmock("certify", "--require", "preroll", ADS).returncode == 0
    assert mcmock("certify", "--require", "all", ADS).returncode == 1


def test_a_point_that_there_is_not_is_refused_with_the_nearest() -> None:
    done = mcmock("certify", "--require", "prerol", ADS)
    assert (done.returncode, done.stderr) == (
        2,
        "mcmock: --require prerol: there is no such point (did you mean preroll?)\n",
    )


def test_a_certificate_as_json_names_the_requests_that_show_it() -> None:
    done = json.loads(mcmock("certify", "--format", "json", EARLY).stdout)
    assert (done["result"], done["sessions"], done["counts"]["failed"]) == ("fail", 1, 3)
    assert [one["id"] for one in done["points"]] == [one.id for one in POINTS]
    point = next(one for one in done["points"] if one["id"] == "ads")
    (request,) = point["sessions"][0]["occasions"][0]["requests"]
    assert (request["event"], request["place"], request["playhead"]) == ("adStart", "line 4", 2.707)


def test_a_certificate_as_junit() -> None:
    root = ElementTree.fromstring(mcmock("certify", "--format", "junit", EARLY).stdout)
    cases = {case.get("classname"): {child.tag for child in case} for case in root.iter("testcase")}
    assert (cases["ads"], cases["seek"], cases["play"]) == ({"failure"}, {"skipped"}, {"system-out"})
    assert sum(int(suite.get("failures", "")) for suite in root) == 3


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_a_certificate_as_one_page_that_asks_for_nothing(tmp_path: Path) -> None:
    evil = tmp_path / "<script>alert(1)<" / "x&y.jsonl"
    evil.parent.mkdir()
    evil.write_text(Path(EARLY).read_text().replace("THEOplayer", "<img src=x onerror=alert(1)>"))
    text = mcmock("certify", "--format", "html", str(evil)).stdout
    page = Page()
    page.feed(text)
    assert {"script", "img", "link", "iframe"}.isdisjoint(page.tags)
    assert not any(name.startswith("on") or name in ("src", "href") for name, _ in page.attributes)
    assert page.tags.count("tr") == len(POINTS) + len({one.group for one in POINTS})
    assert "@media print" in text
    assert "url(" not in text


def test_a_certificate_of_a_running_server_names_its_own_numbers() -> None:
    with Serving() as server:
        replayed = mcmock("replay", str(ROOT / "fixtures" / "timelines" / "ads.json"), "--to", server.url, "--flat-out")
        assert replayed.returncode == 0, replayed.stdout
        done = json.loads(mcmock("certify", "--format", "json", server.url).stdout)
        point = next(one for one in done["points"] if one["id"] == "preroll")
        (request,) = point["sessions"][0]["occasions"][0]["requests"]
        assert (
            ask(server.url, "GET", f"/requests/{request['seq']}")[1]["eventType"] == request["event"] == "adBreakStart"
        )


def test_nothing_is_certified_without_a_session(tmp_path: Path) -> None:
    (tmp_path / "other.har").write_text(json.dumps({"log": {"version": "1.2", "entries": []}}))
    done = mcmock("certify", str(tmp_path / "other.har"))
    assert done.returncode == 1
    assert "there is no session, so nothing was proven" in done.stdout
