"""`mcmock play`: which scenarios there are, what each comes to at a real server, and what is said of the answers."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from click.testing import Result

from mcmock import __version__, faults
from mcmock.cli import main
from mcmock.cli.play import GROUPS, MISTAKES, VIEWERS
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, body, cli_runner

pytestmark = pytest.mark.mcmock(fail_on="never")  # much of what is played is wrong on purpose

SHOWN = {
    "ad-outside-break": "ad-outside-break",
    "ad-not-closed": "ad-not-closed",
    "location-joined-twice": "misdirected",
    "ts-in-seconds": "ts-unit",
    "playhead-in-milliseconds": "playhead-unit",
    "playhead-in-ad": "playhead-moved-in-ad",
    "pings-stop": "ping-gap",
    "never-played": "session-never-played",
    "media-id-empty": "media-id-empty",
    "metadata-on-wrong-event": "metadata-on-wrong-event",
    "chapter-overlap": "chapter-overlap",
    "out-of-order": "timestamp-backwards",
    "sent-twice": "duplicate-event",
    "play-after-complete": "play-after-complete",
}
"""What mcmock says of each mistake, but of the one that only time shows and the one that opens no session."""


def run(*arguments: str, env: dict[str, str | None] | None = None) -> Result:
    return cli_runner().invoke(main, ["play", *arguments], env={"MCMOCK_URL": None, "MCMOCK_PORT": None, **(env or {})})


def play(server: McmockServer, *arguments: str) -> Result:
    return run(*arguments, "--to", server.url, "--flat-out")


# -- scenarios ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VIEWERS)
def test_a_viewer_does_nothing_wrong(mcmock_server: McmockServer, name: str) -> None:
    result = play(mcmock_server, name)
    assert result.exit_code == 0, result.output
    assert ": nothing is wrong\n" in result.output
    assert [one.outcome for one in mcmock_server.requests() if one.outcome != "good"] == []


@pytest.mark.parametrize(("name", "rule"), SHOWN.items())
def test_a_mistake_is_what_its_name_says(mcmock_server: McmockServer, name: str, rule: str) -> None:
    result = play(mcmock_server, name)
    assert result.exit_code == 0, result.output
    assert re.search(rf"^  (error|warning|info) {rule} × \d+: ", result.output, re.M), result.output


def test_a_refused_start_opens_nothing_and_its_answer_is_told(mcmock_server: McmockServer) -> None:
    result = play(mcmock_server, "start-refused")
    assert result.exit_code == 0
    assert "  1 × 400: params.media.playerName is required, but was not sent\n" in result.output
    assert result.output.endswith("refused: no session was opened\n")


def test_a_session_that_is_never_ended_is_said_to_be_open_until_the_server_gives_it_up(
    mcmock_server: McmockServer,
) -> None:
    result = play(mcmock_server, "never-ended")
    assert "its session is still open: nothing is wrong" in result.output
    mcmock_server.clock.advance(601)
    assert [one.rule for one in mcmock_server.session().findings] == ["session-not-ended"]


def test_all_of_these_are_shown_by_a_test() -> None:
    assert {*SHOWN, "never-ended", "start-refused"} == set(MISTAKES)


def test_the_list_names_each_and_every_other_timeline() -> None:
    result = run("--list")
    assert result.exit_code == 0
    listed = re.findall(r"^  (\S+) +\d+ requests? ", result.output, re.M)
    assert listed == [*VIEWERS, *MISTAKES]
    timelines = {one.stem for one in (Path(__file__).parents[2] / "fixtures" / "timelines").glob("*.json")}
    others = set(result.output.splitlines()[-1].partition(": ")[2].split(", "))
    assert others | {one for known in GROUPS.values() for one in known.values()} == timelines


def test_a_group_s_name_and_a_timeline_s_name_are_scenarios(mcmock_server: McmockServer) -> None:
    result = play(mcmock_server, "viewers", "resume")
    assert result.exit_code == 0, result.output
    assert len(mcmock_server.sessions()) == len(VIEWERS) + 1
    assert "A session resumed at half a minute: nothing is wrong" in result.output


def test_a_file_of_one_s_own_is_played(mcmock_server: McmockServer, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    opened = {"at": 0, "send": body("sessionStart", params=START_PARAMS)}
    file.write_text(json.dumps({"name": "my own", "steps": [opened, {"at": 1, "send": body("play")}]}))
    result = play(mcmock_server, str(file))
    assert result.exit_code == 0, result.output
    assert mcmock_server.session().events == ["sessionStart", "play"]


# -- the answers ----------------------------------------------------------------------------------------------------------


def test_a_single_player_is_told_step_by_step_and_summed_up(mcmock_server: McmockServer) -> None:
    first, *steps = play(mcmock_server, "leave-early").output.splitlines()
    assert first == "The viewer leaves after 25 seconds"
    assert steps[0].split() == ["0.000", "s", "sessionStart", "at", "0", "201"]
    assert re.fullmatch(r"5 requests by 1 player in \d+\.\d s: 1 × 201, 4 × 204", steps[5])
    assert re.fullmatch(r"answered in [\d.]+ ms \(median\), [\d.]+ ms \(99 of 100\), [\d.]+ ms \(slowest\)", steps[6])
    assert steps[8] == f"  {mcmock_server.admin_url}/#/session/{mcmock_server.session().id}"


def test_many_players_are_viewers_of_their_own(mcmock_server: McmockServer) -> None:
    """Their content is the same: taken for one, they would be a player that starts again and again."""
    result = play(mcmock_server, "location-joined-twice", "vod", "--players", "20")
    assert result.exit_code == 0, result.output
    assert re.search(r"^260 requests by 40 players in .*: 40 × 201, 160 × 204, 60 × 404$", result.output, re.M)
    assert {found.rule for one in mcmock_server.sessions() for found in one.findings} == set()
    agents = {dict(one.request_headers)["User-Agent"] for one in mcmock_server.requests()}
    assert len(agents) == 40
    assert all(one.startswith(f"mcmock-play/{__version__} (viewer ") for one in agents)


def test_a_speed_factor_shortens_the_waits(mcmock_server: McmockServer) -> None:
    result = run("metadata-on-wrong-event", "--to", mcmock_server.url, "--speed", "50")
    assert result.exit_code == 0
    took = re.search(r"3 requests by 1 player in ([\d.]+) s", result.output)
    assert took, result.output
    assert float(took[1]) >= 0.2  # of 10.2 s


def test_refusals_are_counted_by_what_was_said(mcmock_server: McmockServer) -> None:
    mcmock_server.faults.add(faults.status(503, event="ping"))
    result = play(mcmock_server, "leave-early", "--players", "3")
    assert result.exit_code == 0
    assert "3 × 201, 6 × 204, 6 × 503" in result.output
    assert re.search(r"^  6 × 503", result.output, re.M)


def test_a_missing_answer_exits_1(mcmock_server: McmockServer) -> None:
    mcmock_server.faults.add(faults.reset(event="ping"))
    result = play(mcmock_server, "leave-early")
    assert result.exit_code == 1
    assert "1 × 201, 2 × 204, 2 without an answer" in result.output
    assert re.search(r"^  2 × no answer", result.output, re.M)


class Collector:
    """A collector of somebody else's: no mcmock. It answers `answers` requests, then its port is closed."""

    def __init__(self, answers: int) -> None:
        self._left, self._ready, self.url = answers, Event(), ""
        self._thread = Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Collector:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._over.wait()
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        self._left -= 1
        if self._left == 0:
            self._server.close()
        status = b"201 Created\r\nLocation: /api/v1/sessions/s1" if b"/sessions HTTP" in head else b"204 No Content"
        wanted = head.startswith(b"POST ")
        status = status if wanted else b"404 Not Found"
        writer.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        writer.close()


def test_a_collector_that_is_no_mcmock_is_loaded_and_not_asked_for_findings() -> None:
    with Collector(answers=1000) as collector:
        result = run("leave-early", "--to", collector.url, "--flat-out", "--players", "4")
    assert result.exit_code == 0, result.output
    assert "20 requests by 4 players" in result.output
    assert "4 × 201, 16 × 204" in result.output
    assert "wrong" not in result.output


def test_a_server_that_goes_away_is_a_missing_answer_and_what_came_is_summed_up() -> None:
    with Collector(answers=2) as collector:
        result = run("leave-early", "--to", collector.url, "--flat-out")
    assert result.exit_code == 1
    assert "1 × 201, 1 × 204, 3 without an answer" in result.output
    assert f"  3 × nothing answers at {collector.url}" in result.output


def test_more_players_than_files_may_be_open_is_said_and_not_blamed_on_the_server(mcmock_server: McmockServer) -> None:
    play = f"{sys.executable} -m mcmock play vod --players 200 --flat-out --to {mcmock_server.url}"
    done = subprocess.run(["sh", "-c", f"ulimit -n 64; exec {play}"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert re.search(r"^  \d+ × not sent: no more files may be open here, see `ulimit -n`$", done.stdout, re.M)


# -- where, and wrong usage -----------------------------------------------------------------------------------------------


def test_without_to_it_plays_where_serve_listens(mcmock_server: McmockServer) -> None:
    result = run("leave-early", "--flat-out", env={"MCMOCK_PORT": mcmock_server.url.rpartition(":")[2]})
    assert result.exit_code == 0, result.output
    assert len(mcmock_server.session().events) == 5


def test_without_a_server_it_says_how_to_start_one_and_exits_4() -> None:
    result = run("vod", "--flat-out", env={"MCMOCK_PORT": "1"})
    assert result.exit_code == 4
    *_, said = result.output.strip().splitlines()
    assert said.startswith("mcmock: nothing answers at http://127.0.0.1:1: ")
    assert said.endswith("; start one with `mcmock serve`, or name a server with --to")
    assert "requests by" not in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a SCENARIO, such as vod; --list prints them"),
        (("vdo",), "vdo: no such scenario (did you mean vod?); --list prints them"),
        (("nope.json",), "nope.json: no such file"),
        (("pyproject.toml/x.json",), "pyproject.toml/x.json: "),
        (("vod", "--speed", "2", "--flat-out"), "--speed and --flat-out exclude each other"),
        (("vod", "--players", "0"), "0 is not in the range x>=1"),
        (("vod", "--to", "127.0.0.1:1"), "it must begin with http:// or https://"),
        (("vod", "--to", "http://127.0.0.1:1/api/v1/"), "leave /api/v1 out"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1


@pytest.fixture
def playing(mcmock_server: McmockServer) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "mcmock", "play", "live-segment", "--to", mcmock_server.url]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    yield process
    process.kill()
    process.communicate()


def test_ctrl_c_ends_it_with_what_was_answered_until_then(
    mcmock_server: McmockServer, playing: subprocess.Popen[str]
) -> None:
    assert playing.stdout is not None
    while "sessionStart" not in playing.stdout.readline():  # printed once its answer has come
        pass
    playing.send_signal(signal.SIGINT)
    out, err = playing.communicate(timeout=60)
    assert playing.returncode == 130
    assert "by 1 player in" in out
    assert "Traceback" not in err
