"""`mcmock tail`: a line a request, colour on a terminal only, and on again after a restart."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import click
import pytest

from mcmock.cli.tail import Event, events, line
from mcmock.core.model import FaultHit
from mcmock.engine import Emulator
from mcmock.serialization.json_shapes import exchange_to_json, fault_hit_to_json
from mcmock.server import Service, ServiceThread
from mcmock.testing.server import McmockServer
from tests.conftest import body, post, send, start

AD = {"media.ad.id": "a", "media.ad.length": 15.0, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
COMMAND = [sys.executable, "-m", "mcmock", "tail"]


# -- a line ---------------------------------------------------------------------------------------------------------------


def plain(exchange: Any, **changes: Any) -> str:
    text = line(Event("exchange", "1", {**exchange_to_json(exchange), **changes}))
    assert text is not None
    return re.sub(r"^\d\d:\d\d:\d\d\.\d{3} ", "", click.unstyle(text))


def test_a_line_for_each_outcome(emulator: Emulator) -> None:
    sid = start(emulator, ts=1_700_000_000_000)
    send(emulator, sid, "play", ts=1_700_000_000_010)
    send(emulator, sid, "adStart", 12.5, ts=1_700_000_000_020, params=AD)
    send(emulator, sid, "chapterStart", 13)
    send(emulator, "0" * 64, "ping")
    emulator.handle(post("/api/v1/nowhere", {}))
    first, second, third, fourth, fifth, sixth = (plain(one) for one in emulator.requests())
    assert first == f"GOOD    {sid[:8]} sessionStart          0.0 201"
    assert second == f"GOOD    {sid[:8]} play                  0.0 204"
    assert third.startswith(f"IGNORED {sid[:8]} adStart              12.5 204  ad-outside-break: ")
    assert fourth.startswith(f"BAD     {sid[:8]} chapterStart         13.0 400  missing-key: params is required")
    assert fifth == f"BAD     00000000 ping                  0.0 404  There is no session {'0' * 64}."
    assert sixth == "OTHER   -        POST /api/v1/nowhere        - 404"


def test_a_fault_is_named(emulator: Emulator) -> None:
    sid = start(emulator)
    hit = fault_hit_to_json(FaultHit("flaky", "status", "before", None))
    text = plain(emulator.requests()[0], outcome="faulted", status=503, fault=hit)
    assert text == f"FAULT   {sid[:8]} sessionStart          0.0 503  fault flaky"


def test_what_a_client_sent_cannot_move_the_cursor(emulator: Emulator) -> None:
    start(emulator)
    text = plain(emulator.requests()[0], eventType=None, method="GET", path="/\x1b[2J\r\nGOOD", sessionId=None)
    assert "\x1b" not in text
    assert "\n" not in text
    text = plain(emulator.requests()[0], eventType="\x1b[2Jplay\n", sessionId="\x1b]0;x\x07ab")
    assert "\x1b" not in text
    assert "\n" not in text


def test_what_changes_later_gets_a_line_of_its_own() -> None:
    changed = {"seq": 7, "sessionId": "s", "outcome": "good", "findings": []}
    assert click.unstyle(line(Event("outcome", None, changed)) or "").strip() == "#7 is GOOD now"
    assert "3 requests left the log" in (line(Event("missed", None, {"missed": 3, "next": 4})) or "")
    assert "the log was emptied" in (line(Event("cleared", None, {})) or "")
    assert "the emulator was reset" in (line(Event("reset", None, {})) or "")
    assert line(Event("delivery", None, {"seq": 1, "delivery": "sent"})) is None


def test_events_are_read_as_the_standard_says() -> None:
    text = [b"retry: 1000\n", b"id: 4\n", b"\n", b": quiet\n", b"\n", b"id:5\r\n", b"event: exchange\r\n", b'data: {"a": 1}\r\n',
            b"\r\n", b"event: exchange\n", b'data: {"cut":']  # fmt: skip
    assert list(events(text)) == [Event("", "4", None), Event("", None, None), Event("exchange", "5", {"a": 1})]


# -- the command ----------------------------------------------------------------------------------------------------------


@contextmanager
def tailing(*arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("MCMOCK_")}
    settings: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "env": quiet,
        **options,
    }
    process = subprocess.Popen([*COMMAND, *arguments], **settings)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_it_follows_a_server_and_begins_where_it_is_told(mcmock_server: McmockServer) -> None:
    sid = start(mcmock_server.emulator)
    with tailing(mcmock_server.url, "--from-start") as process:
        assert f"GOOD    {sid[:8]} sessionStart" in next_line(process)
        send(mcmock_server.emulator, sid, "play")
        text = next_line(process)
        assert f"GOOD    {sid[:8]} play" in text
        assert "\x1b" not in text


def test_it_goes_on_after_a_restart_with_everything_it_was_not_told(tmp_path: Path) -> None:
    emulator = Emulator(seed=1)
    thread = ServiceThread(Service(emulator))
    thread.start()
    url, port = thread.service.url, thread.service.port
    with tailing(url, "--from-start") as process:
        try:
            first = start(emulator)
            assert first[:8] in next_line(process)
        finally:
            thread.stop()
        assert process.stderr is not None
        assert "; waiting" in process.stderr.readline()
        again = Emulator(seed=2)
        second = start(again)
        thread = ServiceThread(Service(again, port=port))
        thread.start()
        try:
            send(again, second, "play")
            assert f"{second[:8]} play" in "\n".join(next_line(process) for _ in range(1))
        finally:
            thread.stop()


def test_colour_is_for_a_terminal(mcmock_server: McmockServer) -> None:
    sid = start(mcmock_server.emulator)
    theirs, ours = pty.openpty()
    with tailing(mcmock_server.url, "--from-start", stdout=ours):
        os.close(ours)
        text = b""
        while sid[:8].encode() not in text:
            text += os.read(theirs, 4096)
    os.close(theirs)
    assert b"\x1b[32mGOOD" in text


def test_it_ends_quietly_when_nobody_reads_on(mcmock_server: McmockServer) -> None:
    start(mcmock_server.emulator)
    with tailing(mcmock_server.url, "--from-start") as process:
        next_line(process)
        assert process.stdout is not None
        process.stdout.close()
        start(mcmock_server.emulator)
        start(mcmock_server.emulator)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        process.stdout = None


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "no-url", "http://"])
def test_nothing_to_follow_is_one_line(url: str) -> None:
    done = subprocess.run([*COMMAND, url], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (4 if url.startswith("http://1") else 2, "")
    assert re.fullmatch(r"mcmock: .+ (does not answer: .+|is not a URL, such as .+)\n", done.stderr)


def test_a_token_is_asked_for_and_sent() -> None:
    thread = ServiceThread(Service(Emulator(seed=1), admin_token="s3cret"))
    thread.start()
    try:
        url = thread.service.url
        sid = start(thread.service.emulator)
        with tailing(url) as process:
            assert process.wait(20) == 2
            assert process.stderr is not None
            assert "pass --token" in process.stderr.read()
        with tailing(url, "--token", "s3cret", "--from-start") as process:
            assert sid[:8] in next_line(process)
    finally:
        thread.stop()


def test_a_scope_is_waited_for_and_told_from_its_first_request(mcmock_server: McmockServer) -> None:
    with tailing(f"{mcmock_server.url}/~later") as process:
        assert process.stderr is not None
        assert process.stderr.readline().endswith("no request has come to this scope yet; waiting\n")
        text = json.dumps(body("sessionStart")).encode()
        with urlopen(Request(f"{mcmock_server.url}/~later/api/v1/sessions", text)) as answer:
            sid = answer.headers["Location"].rpartition("/")[2]
        assert f"{sid[:8]} sessionStart" in next_line(process)


def test_it_follows_over_https(tmp_path: Path) -> None:
    thread = ServiceThread(Service(Emulator(seed=1), https_port=0, state_dir=tmp_path))
    thread.start()
    try:
        service = thread.service
        sid = start(service.emulator)
        with tailing(str(service.https_url), "--ca-file", str(service.ca_file), "--from-start") as process:
            assert sid[:8] in next_line(process)
        with tailing(str(service.https_url), "--ca-file", str(tmp_path / "none")) as process:
            assert process.wait(20) == 2
    finally:
        thread.stop()
