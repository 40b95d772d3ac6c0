"""What a newcomer sees: help, hints, what to do next, tables on a terminal, completion, annotations in CI."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from mcmock.cli import COMMANDS, github, main
from mcmock.cli.serve import _for_media_edge
from mcmock.server.endpoint import Endpoint
from mcmock.testing.server import McmockServer
from tests.conftest import Wire, cli_runner, send, start

FIXTURES = Path(__file__).parents[2] / "fixtures"


def run(*arguments: str, **environment: str) -> Result:
    return cli_runner().invoke(main, list(arguments), env=environment, prog_name="mcmock")


def on_a_terminal(*arguments: str, until: bytes) -> str:
    """Return what `mcmock` writes to a terminal, until it ends or has written `until`."""
    ours, theirs = pty.openpty()
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("MCMOCK_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "mcmock", *arguments], stdout=theirs, stderr=subprocess.PIPE, env=quiet
    )
    os.close(theirs)
    text = b""
    try:
        while until not in text and (more := _read(ours)):
            text += more
    finally:
        process.terminate()
        process.communicate(timeout=30)
        os.close(ours)
    return text.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # nobody has the other end any more
        return b""


# -- help and hints ---------------------------------------------------------------------------------------------------


def test_mcmock_alone_prints_help() -> None:
    done = run()
    assert done.exit_code == 0
    assert all(f"\n  {command} " in done.stdout for command in COMMANDS)
    group = run("ca")
    assert group.exit_code == 0
    assert "\n  show " in group.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["srve"], "No such command 'srve' (did you mean serve?)"),
        (["zzz"], "No such command 'zzz'; mcmock --help lists them"),
        (["serve", "--prot", "1"], "No such option --prot (did you mean --port?)"),
        (["serve", "--no-wach"], "No such option --no-wach (did you mean --no-watch?)"),
        (["ready", "--wiat", "3"], "No such option --wiat (did you mean --wait?)"),
        (["check", "--zzz", "x"], "No such option --zzz; mcmock check --help lists them"),
        (["--vresion"], "No such option --vresion (did you mean --version?)"),
    ],
)
def test_a_misspelt_word_names_the_nearest(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"mcmock: {message}\n")


# -- serve and find ---------------------------------------------------------------------------------------------------


def test_serve_says_on_a_terminal_what_to_do_next() -> None:
    text = on_a_terminal("serve", "--port", "0", "--seed", "7", until=b"Ctrl+C")
    lines = [line.split(maxsplit=1) for line in text.splitlines()]
    assert text.startswith("mcmock is ready.\n")
    url = text.partition("Point your player at")[2].split()[0]
    assert url.startswith("http://127.0.0.1:")
    assert ["Inspector", f"{url}/__admin/"] in lines
    assert "Seed                  7  (" in text
    assert "Stop                  Ctrl+C" in text


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ([], {"Media Edge SDKs": "take HTTPS alone, most of them at port 443: add --https-port 443"}),
        (
            ["--https-port", "0"],
            {
                "Web SDK": 'edgeDomain "edge.localhost"',
                "in Chromium": '--host-resolver-rules="MAP edge.localhost:443 127.0.0.1:PORT"',
                "Edge on Android": 'edge.domain "10.0.2.2:PORT"',
                "Edge on iOS, Roku": "edge.domain is a dotted name at port 443: --https-port 443 --tls-name NAME",
            },
        ),
        (["--https-port", "0", "--tls-name", "tv.example.test"], {"Web SDK": 'edgeDomain "tv.example.test"'}),
    ],
)
def test_serve_says_on_a_terminal_what_each_sdk_is_configured_with(
    tmp_path: Path, arguments: list[str], rows: dict[str, str]
) -> None:
    text = on_a_terminal("serve", "--port", "0", "--state-dir", str(tmp_path), *arguments, until=b"Ctrl+C")
    port = text.partition("https://127.0.0.1:")[2].split("\n")[0]
    said = {line[:22].strip(): line[24:].replace(port or "none", "PORT") for line in text.splitlines()}
    assert {name: said.get(name) for name in rows} == rows


@pytest.mark.parametrize(
    ("port", "name", "row"),
    [
        (443, "tv.example.test", 'edge.domain "tv.example.test"'),
        (443, "television", "edge.domain is a dotted name at port 443: --https-port 443 --tls-name NAME"),
        (8443, "tv.example.test", "edge.domain is a dotted name at port 443: --https-port 443 --tls-name NAME"),
    ],
)
def test_a_name_alone_is_of_use_where_it_has_a_dot_and_port_443(port: int, name: str, row: str) -> None:
    rows = dict(_for_media_edge(Endpoint(https_port=port, tls_name=[name], host="tv.example.test", admin_token="t")))
    assert rows["Edge on iOS, Roku"] == row
    assert rows["Edge on Android"] == f'edge.domain "tv.example.test{"" if port == 443 else f":{port}"}"'
    assert ("  in Chromium" in rows) == (port != 443)


def test_serve_says_it_in_one_line_elsewhere() -> None:
    command = [sys.executable, "-m", "mcmock", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.terminate()
        rest = process.communicate(timeout=30)
    assert first.startswith("mcmock listens on http://127.0.0.1:")
    assert rest == ("", "")


def test_find_prints_a_table_on_a_terminal_and_ndjson_into_a_pipe(mcmock_server: McmockServer) -> None:
    session_id = start(mcmock_server.emulator)
    send(mcmock_server.emulator, session_id, "ping", 10)
    text = on_a_terminal("find", "--url", mcmock_server.url, until=b"NEVER")
    head, *rows = text.splitlines()
    assert head.split("\x1b")[1].endswith("   seq time         outcome session  event            playhead status")
    assert len(rows) == 2
    assert session_id[:8] in rows[1]
    assert " ping " in rows[1]
    assert " 10.0 " in rows[1]
    piped = run("find", "--url", mcmock_server.url)
    assert [json.loads(line)["eventType"] for line in piped.stdout.splitlines()] == ["sessionStart", "ping"]


@pytest.mark.parametrize("words", ["mcmock se", "mcmock serve --po"])
def test_a_shell_completes(words: str) -> None:
    asked = {"_MCMOCK_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-c", "from mcmock.cli import main; main(prog_name='mcmock')"],
        env={**os.environ, **asked}, capture_output=True, text=True,
    )  # fmt: skip
    assert {"mcmock se": "serve", "mcmock serve --po": "--port"}[words] in done.stdout


# -- a browser at the bare address ------------------------------------------------------------------------------------

BROWSER = b"Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"


def asked_of(server: McmockServer, method: bytes, path: bytes, headers: bytes = BROWSER) -> bytes:
    with Wire(server.url) as wire:
        wire.send(method + b" " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + headers + b"\r\n")
        return wire.rest()


@pytest.mark.parametrize(
    ("path", "target"),
    [(b"/", b"__admin/"), (b"/?a=//b", b"__admin/"), (b"/~kim/", b"__admin/"), (b"/~kim", b"~kim/__admin/")],
)
def test_a_browser_at_the_bare_address_is_led_to_the_inspector(
    mcmock_server: McmockServer, path: bytes, target: bytes
) -> None:
    mcmock_server.faults.add({"effect": {"type": "close"}})
    for method in (b"GET", b"HEAD"):
        answer = asked_of(mcmock_server, method, path)
        assert answer.startswith(b"HTTP/1.1 307 ")
        assert b"\r\nLocation: " + target + b"\r\n" in answer
    assert mcmock_server.requests() == []


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        (b"GET", b"/", b"Accept: */*\r\n"),
        (b"GET", b"/", b""),
        (b"GET", b"//", BROWSER),
        (b"GET", b"/index.html", BROWSER),
        (b"GET", b"/api/v1/sessions", BROWSER),
        (b"POST", b"/", BROWSER),
    ],
)
def test_everybody_else_meets_the_api(mcmock_server: McmockServer, method: bytes, path: bytes, headers: bytes) -> None:
    answer = asked_of(mcmock_server, method, path, headers)
    assert answer.split(b" ")[1] in (b"404", b"405")
    assert len(mcmock_server.requests()) == 1
    mcmock_server.requests(verdict="no_route")


# -- annotations ------------------------------------------------------------------------------------------------------


def test_check_annotates_and_writes_a_job_summary(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    path = str(FIXTURES / "clients" / "js3-3.0.0__short.jsonl")
    expected = json.loads(run("check", path, "--format", "json").stdout)["files"][0]["problems"]
    done = run("check", path, "--format", "github", GITHUB_STEP_SUMMARY=str(summary))
    assert done.exit_code == run("check", path).exit_code
    lines = done.stdout.splitlines()
    assert len(lines) == len(expected) + 1 > 1
    level = {"error": "error", "warning": "warning", "info": "notice"}
    assert sorted(line.split(" ")[0] for line in lines[:-1]) == sorted(
        f"::{level[one['severity']]}" for one in expected
    )
    assert all(f"title={one['rule']}::" in done.stdout for one in expected)
    written = summary.read_text()
    assert written.startswith("before\n### mcmock check: ")
    assert all(f"| {one['severity']} | {one['rule']} |" in written for one in expected)


def test_verify_annotates_what_fails(mcmock_server: McmockServer, tmp_path: Path) -> None:
    start(mcmock_server.emulator)
    summary = tmp_path / "summary.md"
    asked = ["verify", "--url", mcmock_server.url, "event=ping", "--format", "github"]
    done = run(*asked, GITHUB_STEP_SUMMARY=str(summary))
    assert done.exit_code == 1
    assert done.stdout.startswith("::error title=mcmock verify::expected at least 1 request with event=ping, ")
    assert "%0A" in done.stdout
    assert done.stdout.count("\n") == 1
    assert summary.read_text().startswith("### mcmock verify: fail\n\n```text\nexpected")
    assert run(*asked, "--count", "0", GITHUB_STEP_SUMMARY="").stdout.startswith("::notice title=mcmock verify::")


def test_what_was_recorded_is_no_command_and_no_markup(tmp_path: Path) -> None:
    hostile: dict[str, Any] = {"result": "fail", "message": "a%\n::add-mask::x\r``` <img> | y"}
    summary = tmp_path / "summary.md"
    text = github.verification(hostile, {"GITHUB_STEP_SUMMARY": str(summary)})
    assert "\n" not in text
    assert text.startswith("::error title=mcmock verify::a%25%0A::add-mask::x")
    assert "\n````text\n" in summary.read_text()
    assert github.annotation("error", "m", file="a:b,c%\n", line="") == "::error file=a%3Ab%2Cc%25%0A::m"


def test_a_summary_that_cannot_be_written_is_said_and_changes_nothing() -> None:
    done = run("check", str(FIXTURES / "timelines" / "ads.json"), "--format", "github", GITHUB_STEP_SUMMARY="/no/where")
    assert done.exit_code == 0
    assert done.stderr == "mcmock: GITHUB_STEP_SUMMARY /no/where: No such file or directory\n"


def test_each_command_says_in_one_whole_line_what_it_does() -> None:
    shown = cli_runner().invoke(main, ["--help"], terminal_width=80).output
    lines = shown.partition("Commands:\n")[2].splitlines()
    assert len(lines) > 10
    assert [line for line in lines if not line.endswith(".") or line.endswith("...")] == []
