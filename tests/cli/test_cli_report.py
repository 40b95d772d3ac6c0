"""`mcmock report`: a table of what was counted, of the session that is meant, and one line for what cannot be told."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

import pytest
from click.testing import Result

from mcmock.analytics.text import report_text
from mcmock.cli import main
from mcmock.engine import Emulator
from mcmock.server import Service, ServiceThread
from mcmock.server.admin import listings
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, body, cli_runner, post, send, start

TS = 1_700_000_000_000
AD = {"media.ad.id": "ad-1", "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
POD = {"media.ad.podFriendlyName": "pre-roll", "media.ad.podIndex": 0, "media.ad.podSecond": 0}
CHAPTER = {"media.chapter.index": 1, "media.chapter.offset": 0, "media.chapter.length": 5}


def run(*arguments: str, **environment: str) -> Result:
    return cli_runner().invoke(main, ["report", *arguments], env={"MCMOCK_URL": None, **environment})


def watched(emulator: Emulator, media_id: str = "film-1") -> str:
    """A session with an ad of 5 s, 10 s of content and 2 s of pause, muted all the while."""
    sid = start(emulator, ts=TS, params={**START_PARAMS, "media.id": media_id})
    steps: list[tuple[float, str, float, dict[str, Any]]] = [
        (0.001, "stateStart", 0, {"params": {"media.state.name": "mute"}}),
        (0.002, "adBreakStart", 0, {"params": POD}),
        (0.003, "adStart", 0, {"params": AD}),
        (5.003, "adComplete", 0, {}),
        (5.004, "adBreakComplete", 0, {}),
        (5.005, "chapterStart", 0, {"params": CHAPTER}),
        (5.006, "play", 0, {"qoeData": {"media.qoe.bitrate": 2400}}),
        (15.006, "pauseStart", 10, {}),
        (17.006, "play", 10, {}),
        (17.007, "chapterComplete", 10, {}),
        (17.008, "sessionEnd", 10, {}),
    ]
    for at, event_type, playhead, parts in steps:
        send(emulator, sid, event_type, playhead, ts=TS + round(at * 1000), **parts)
    return sid


def test_the_only_session_is_told_in_full(mcmock_server: McmockServer) -> None:
    sid = watched(mcmock_server.emulator)
    done = run(mcmock_server.url)
    assert (done.exit_code, done.output.splitlines()[0]) == (0, f"session {sid[:8]}, ended, playing, film-1, vod")
    told = [" ".join(line.split()) for line in done.output.splitlines()]
    for line in (
        "content time spent 10.002 s timePlayed",
        "ad count 1 adCount",
        "pause time 2.000 s pauseTime",
        "bitrate average 2400 kbps bitrateAverage",
        "1 pre-roll at 0 s 1 complete 5.000 s",
        "ad-1 1 complete 5.000 s",
        "mute 1 17.007 s",
    ):
        assert line in told, done.output
    assert max(map(len, done.output.splitlines())) < 80


def test_all_has_every_number_and_the_plain_table_none_that_is_nought(mcmock_server: McmockServer) -> None:
    watched(mcmock_server.emulator)
    brief, full = run(mcmock_server.url).output, run("--all", mcmock_server.url).output
    assert ("stall count" in brief, "stall count" in full) == (False, True)
    assert ("dropped before start" in brief, "dropped before start" in full) == (False, True)


def test_findings_are_counted_and_those_of_the_session_told(mcmock_server: McmockServer) -> None:
    sid = start(mcmock_server.emulator, ts=TS)
    send(mcmock_server.emulator, sid, "adStart", ts=TS + 10, params=AD)
    mcmock_server.clock.advance(601)
    out = run(mcmock_server.url).output
    assert "findings: 1 error, 2 info" in out
    assert "info session-never-played: closed before any play on main content" in out


def test_several_sessions_are_a_line_each(mcmock_server: McmockServer) -> None:
    first, second = watched(mcmock_server.emulator), watched(mcmock_server.emulator, "film-2")
    head, one, other = run(mcmock_server.url).output.splitlines()
    assert head.split() == ["session", "state", "content", "ads", "num", "findings", "media"]
    assert one.split() == [first[:8], "ended", "10.0", "s", "5.0", "s", "1", "–", "film-1"]
    assert other.split()[-1] == "film-2"
    assert len(run("--limit", "1", mcmock_server.url).output.splitlines()) > 10  # the latest, in full
    assert run(mcmock_server.url, second[:10]).output.startswith(f"session {second[:8]}, ended")


def test_a_session_alone_is_looked_for_where_the_environment_says(mcmock_server: McmockServer) -> None:
    sid = watched(mcmock_server.emulator)
    assert run(sid, MCMOCK_URL=mcmock_server.url).output.startswith(f"session {sid[:8]}, ended")
    assert run(MCMOCK_URL=mcmock_server.url).output.startswith(f"session {sid[:8]}, ended")


def test_json_is_what_the_control_api_gives(mcmock_server: McmockServer) -> None:
    sid = watched(mcmock_server.emulator)
    wanted = json.loads(json.dumps(mcmock_server.session(sid).report.to_json()))
    assert json.loads(run("--json", mcmock_server.url, sid).output) == wanted
    assert json.loads(run("--json", mcmock_server.url).output) == {"sessions": [wanted]}


def test_what_cannot_be_told_is_one_line(mcmock_server: McmockServer) -> None:
    none = run(mcmock_server.url)
    assert (none.exit_code, none.output) == (1, "mcmock: no session has been opened yet\n")
    watched(mcmock_server.emulator)
    unknown = run(mcmock_server.url, "xyz")
    assert (unknown.exit_code, unknown.output) == (1, "mcmock: no session xyz…\n")
    for _ in range(16):
        watched(mcmock_server.emulator)
    every = {one.id[0] for one in mcmock_server.sessions()}
    twice = next(one for one in sorted(every) if sum(view.id[0] == one for view in mcmock_server.sessions()) > 1)
    several = run(mcmock_server.url, twice)
    assert (several.exit_code, "session ids: give more of it" in several.output) == (2, True)


def test_a_session_is_found_on_whichever_page_it_is(
    mcmock_server: McmockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "PAGE", 2)
    ids = [watched(mcmock_server.emulator) for _ in range(5)]
    for sid in ids:
        assert run(mcmock_server.url, sid).output.startswith(f"session {sid[:8]}, ended")


def test_a_scope_has_sessions_of_its_own(mcmock_server: McmockServer) -> None:
    other = post("/~mine/api/v1/sessions", body("sessionStart", ts=TS))
    urlopen(Request(mcmock_server.url + other.target, other.body, {"Content-Type": "application/json"})).close()
    watched(mcmock_server.emulator)
    assert "starting, film-1" in run("--scope", "mine", mcmock_server.url).output
    assert "ended, playing, film-1" in run(mcmock_server.url).output
    unknown = run("--scope", "nobody's", mcmock_server.url)
    assert (unknown.exit_code, "there is no scope" in unknown.output) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a", "b", "c"), "'c' is one argument too many"),
        (("a", "b"), "'a' is not a URL"),
        (("http://127.0.0.1:1",), "does not answer"),
    ],
)
def test_a_wrong_call_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code in (2, 4)
    assert said in done.output
    assert done.output.count("\n") == 1


def test_a_token_is_shown_to_the_server() -> None:
    emulator = Emulator(seed=1)
    sid = watched(emulator)
    thread = ServiceThread(Service(emulator, host="127.0.0.1", port=0, admin_token="secret"))
    thread.start()
    try:
        url = thread.service.url
        assert (run(url).exit_code, "requires a token" in run(url).output) == (2, True)
        assert run("--token", "secret", url).output.startswith(f"session {sid[:8]}")
        assert run(url, MCMOCK_ADMIN_TOKEN="secret").exit_code == 0
    finally:
        thread.stop()


def test_a_report_with_a_gap_says_so_first() -> None:
    emulator = Emulator(seed=1, max_log_bytes=8_000)
    sid = start(emulator, ts=TS)
    for second in range(1, 40):
        send(emulator, sid, "ping", ts=TS + second)
    view = emulator.session(sid)
    assert view is not None
    gap = report_text(view.report.to_json()).splitlines()[1]
    assert gap == f"  ! {view.report.evicted} requests left the full log uncounted: these numbers miss them"


def test_a_table_keeps_to_the_terminal_whatever_a_player_calls_things() -> None:
    emulator = Emulator(seed=1)
    sid = start(emulator, ts=TS, params={**START_PARAMS, "media.id": "x" * 500 + "\n\x1b[31m"})
    send(emulator, sid, "adBreakStart", ts=TS + 1, params={**POD, "media.ad.podFriendlyName": "é\t" * 100})
    send(emulator, sid, "adStart", ts=TS + 2, params={**AD, "media.ad.id": "a" * 300})
    send(emulator, sid, "stateStart", ts=TS + 3, params={"media.state.name": "s" * 60})
    view = emulator.session(sid)
    assert view is not None
    lines = report_text(view.report.to_json(), everything=True).splitlines()
    assert max(map(len, lines)) < 80
    assert all(line.isprintable() for line in lines)
