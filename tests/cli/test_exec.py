"""`mcmock exec -- CMD`: a server for one command, its exit code, its signals, and what was rejected."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mcmock.analytics.text import report_text
from mcmock.cli import exec as exec_command
from mcmock.engine import Emulator
from mcmock.server.listener import Service
from tests.conftest import body, post

PYTHON = sys.executable
QUIET = {name: value for name, value in os.environ.items() if not name.startswith("MCMOCK_")}

SEND = """
import json, os, sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen
for path, body in json.loads(sys.argv[1]):
    try:
        urlopen(Request(os.environ["MCMOCK_URL"] + path, json.dumps(body).encode(), {"Content-Type": "application/json"})).close()
    except HTTPError as error:
        error.close()
"""


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    settings: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 60, "env": QUIET, **options}
    return subprocess.run([PYTHON, "-m", "mcmock", "exec", *arguments], check=False, **settings)


def sending(*requests: tuple[str, Any]) -> tuple[str, ...]:
    return ("--", PYTHON, "-c", SEND, json.dumps(requests))


GOOD = ("/api/v1/sessions", body("sessionStart"))
BAD = ("/api/v1/sessions", {"eventType": "sessionStart"})


def test_the_command_finds_a_server_that_lives_as_long_as_it_does() -> None:
    script = "import os, urllib.request as r; u = os.environ['MCMOCK_URL']; print(u, r.urlopen(u + '/__admin/health').status)"
    done = run("--allow", "nothing-sent", "--", PYTHON, "-c", script)
    url, status = done.stdout.split()
    assert (done.returncode, status, done.stderr) == (0, "200", "")
    assert url.startswith("http://127.0.0.1:")
    assert subprocess.run([PYTHON, "-m", "mcmock", "ready", url], check=False, capture_output=True).returncode == 1


@pytest.mark.parametrize(
    ("command", "code"),
    [(("sh", "-c", "exit 7"), 7), (("sh", "-c", "kill -TERM $$"), 143), (("true",), 0), (("no-such-command",), 127)],
)
def test_it_exits_as_the_command_did(command: tuple[str, ...], code: int) -> None:
    assert run("--allow", "nothing-sent", "--", *command).returncode == code


def test_a_command_that_cannot_run_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    done = run("--", str(tmp_path / "text"))
    assert done.returncode == 126
    assert done.stderr == f"mcmock: {tmp_path / 'text'}: Permission denied\n"
    assert run("--", "no-such-command").stderr == "mcmock: no-such-command: no such command\n"
    assert run().returncode == 2


def test_the_commands_own_options_are_left_to_it() -> None:
    assert run("--strict", "echo", "--port", "x").stdout == "--port x\n"


def test_options_of_serve_hold(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    script = "import sys, json; print(json.load(open(sys.argv[1]))['seed'])"
    assert run("--seed", "7", "--ready-file", str(ready), "--", PYTHON, "-c", script, str(ready)).stdout == "7\n"
    assert run("--strict", "--loose", "--", "true").returncode == 2


def test_a_port_in_a_file_or_variable_is_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "mcmock.toml").write_text("port = 1\n")
    done = run(
        "--allow", "nothing-sent", "--", "sh", "-c", "echo $MCMOCK_URL", cwd=tmp_path, env={**QUIET, "MCMOCK_PORT": "2"}
    )
    assert done.returncode == 0
    assert int(done.stdout.rpartition(":")[2]) > 1024


LOCATION_TWICE = ("/api/v1/sessions/api/v1/sessions/1/events", body("play"))


def test_what_is_lost_is_told_and_fails_a_command_that_is_content() -> None:
    done = run(*sending(GOOD, BAD, LOCATION_TWICE))
    assert done.returncode == 1
    assert "mcmock: 2 requests are lost: 1 rejected, 1 misdirected\n  #2 sessionStart: 400 missing-key: " in done.stderr
    assert "this path holds Location twice" in done.stderr
    assert "If that is meant: --allow missing-key --allow misdirected" in done.stderr
    good = run(*sending(GOOD))
    assert (good.returncode, good.stderr) == (0, "")
    assert run("--", "sh", "-c", "exit 7").returncode == 7


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ((), 1),
        (("--fail-on", "never"), 0),
        (("--fail-on", "rejected"), 0),
        (("--fail-on", "warning"), 1),
        (("--allow", "misdirected"), 0),
        (("--allow", "gone", "--allow", "misdirected"), 0),
        (("--allow", "gone"), 1),
    ],
)
def test_the_level_and_what_is_allowed_decide(flags: tuple[str, ...], code: int) -> None:
    assert run(*flags, *sending(LOCATION_TWICE)).returncode == code


@pytest.mark.parametrize("flags", [("--fail-on", "bad"), ("--allow", "misdirectd"), ("--fail-on-bad",)])
def test_a_level_or_rule_there_is_not_is_wrong_usage(flags: tuple[str, ...]) -> None:
    assert run(*flags, "--", "true").returncode == 2


def test_a_command_that_sends_nothing_fails_unless_that_is_meant() -> None:
    done = run("--", "true")
    assert done.returncode == 1
    assert "the command sent nothing to MCMOCK_URL" in done.stderr
    assert "--allow nothing-sent" in done.stderr
    health = "import os, urllib.request as r; r.urlopen(os.environ['MCMOCK_URL'] + '/__admin/health')"
    assert run("--", PYTHON, "-c", health).returncode == 1, "the control API is no player"
    for flags in (("--allow", "nothing-sent"), ("--fail-on", "never")):
        allowed = run(*flags, "--", "true")
        assert (allowed.returncode, allowed.stderr) == (0, "")


def test_what_was_sent_and_then_emptied_by_a_reset_was_sent() -> None:
    reset = "import os, urllib.request as r; r.urlopen(r.Request(os.environ['MCMOCK_URL'] + '/__admin/reset', method='POST'))"
    script = f"{SEND}\n{reset}"
    assert run("--", PYTHON, "-c", script, json.dumps([GOOD])).returncode == 0


def test_the_text_is_the_one_that_python_shows() -> None:
    """Up to the header line that only a request over HTTP has, and the second it came."""
    emulator = Emulator(seed=3)
    emulator.handle(post(*BAD))
    assert emulator.verdict().story(emulator) in run("--seed", "3", *sending(BAD)).stderr


def test_what_a_fault_did_is_not_the_commands_fault(tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text('[[fault]]\nname = "gone"\neffect = {type = "status", code = 400}\n')
    done = run("--faults", str(tmp_path / "faults.toml"), *sending(GOOD))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_report_says_what_would_be_counted() -> None:
    done = run("--report", "--seed", "3", *sending(GOOD))
    emulator = Emulator(seed=3)
    emulator.handle(post(*GOOD))
    (view,) = emulator.sessions()
    assert done.returncode == 0
    assert report_text(view.report.to_json(why=False)) in done.stderr
    assert "no session was opened" in run("--report", "--", "true").stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_are_passed_on(number: signal.Signals, tmp_path: Path) -> None:
    script = (
        "import signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(40 + {int(number)}))\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [PYTHON, "-m", "mcmock", "exec", "--", PYTHON, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=QUIET, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(30) == 40 + number


def test_a_signal_that_comes_while_the_command_starts_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    start = asyncio.create_subprocess_exec

    async def signalled(*command: str, **options: Any) -> asyncio.subprocess.Process:
        os.kill(os.getpid(), signal.SIGUSR1)
        return await start(*command, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", signalled)

    async def play() -> int:
        service = Service(Emulator(seed=1))
        await service.start()
        try:
            return await exec_command._run(service, ("sleep", "60"))
        finally:
            await service.stop()

    assert asyncio.run(play()) == 128 + signal.SIGUSR1


def test_a_taken_port_is_one_line() -> None:
    done = run(
        "--fail-on", "never", "--", "sh", "-c", f"exec {PYTHON} -m mcmock exec --port ${{MCMOCK_URL##*:}} -- true"
    )
    assert done.returncode == 3
    assert done.stderr.startswith("mcmock: cannot listen on ")
    assert done.stderr.count("\n") == 1


def test_a_control_api_at_a_port_of_its_own_answers_while_players_are_refused() -> None:
    script = """
import json, os
from urllib.error import URLError
from urllib.request import Request, urlopen
admin = os.environ["MCMOCK_ADMIN_URL"]
text = json.dumps({"forSeconds": 3600}).encode()
urlopen(Request(admin + "/refusal", text, {"Content-Type": "application/json"})).close()
try:
    urlopen(os.environ["MCMOCK_URL"])
except URLError as error:
    print(type(error.reason).__name__)
print(json.load(urlopen(admin + "/refusal"))["refusing"])
"""
    done = run("--admin-port", "0", "--allow", "nothing-sent", "--", PYTHON, "-c", script)
    assert (done.returncode, done.stdout.split()) == (0, ["ConnectionRefusedError", "True"]), done.stderr
