"""`mcmock find`, `wait` and `verify` against a running server: what they print, and how they exit."""

from __future__ import annotations

import json
import threading

import pytest
from click.testing import Result

from mcmock.checks.verification import check
from mcmock.cli import main
from mcmock.testing.server import McmockServer
from tests.conftest import cli_runner, send, start


@pytest.fixture
def session_id(mcmock_server: McmockServer) -> str:
    """A session with two pings."""
    session_id = start(mcmock_server.emulator)
    for playhead in (10, 20):
        send(mcmock_server.emulator, session_id, "ping", playhead)
    return session_id


def run(server: McmockServer, *arguments: str) -> Result:
    return cli_runner().invoke(main, [arguments[0], "--url", server.url, *arguments[1:]])


def test_find_prints_one_request_a_line(mcmock_server: McmockServer, session_id: str) -> None:
    found = run(mcmock_server, "find", "event=ping", "playhead.min=15", f"session={session_id}")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["body"]["playerTime"]["playhead"] == 20
    latest = run(mcmock_server, "find", "--limit", "1", "--newest-first")
    assert json.loads(latest.stdout)["eventType"] == "ping"
    assert latest.stderr == "mcmock: 2 more match; --limit shows more\n"


def test_verify_exits_by_the_result_and_prints_the_message_of_python(
    mcmock_server: McmockServer, session_id: str
) -> None:
    passed = run(mcmock_server, "verify", "event=ping", "--count", "2")
    assert (passed.exit_code, passed.output) == (0, "expected exactly 2 requests with event=ping, and 2 came\n")
    failed = run(mcmock_server, "verify", "event=adStart")
    assert failed.exit_code == 1
    assert failed.stdout == mcmock_server.emulator.verify(check({"event": "adStart"})).message + "\n"
    assert run(mcmock_server, "verify", "event=ping", "--at-most", "1").exit_code == 1
    assert run(mcmock_server, "verify", "event=ping", "--at-least", "1", "--at-most", "3").exit_code == 0
    assert run(mcmock_server, "verify", "event=adStart", "--count", "0", "--within", "0.01").exit_code == 0


def test_verify_takes_a_sequence_as_one_text(mcmock_server: McmockServer, session_id: str) -> None:
    assert run(mcmock_server, "verify", "--sequence", "sessionStart ping*").exit_code == 0
    assert run(mcmock_server, "verify", "--sequence", "ping ping", "--gaps").exit_code == 0
    assert "where ping or the end was due" not in run(mcmock_server, "verify", "--sequence", "sessionStart ping").output
    assert run(mcmock_server, "verify", "--sequence", "sessionStart ping").exit_code == 1


def test_a_check_over_no_session_fails_here_too(mcmock_server: McmockServer) -> None:
    assert run(mcmock_server, "verify", "event=ping", "--count", "0").exit_code == 1
    assert run(mcmock_server, "verify", "event=ping", "--count", "0", "--allow-no-sessions").exit_code == 0


def test_wait_returns_with_the_arrival(mcmock_server: McmockServer, session_id: str) -> None:
    sender = threading.Thread(target=lambda: send(mcmock_server.emulator, session_id, "play", 30))
    sender.start()
    found = run(mcmock_server, "wait", "event=play", "--timeout", "60", "--json")
    sender.join()
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["matched"] == 1
    assert run(mcmock_server, "wait", "event=adStart", "--timeout", "0.01").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "ping"], "'ping' is not FIELD=VALUE, such as event=ping or playhead.min=10"),
        (["verify", "evnt=ping"], "match.evnt is not known (did you mean event?)"),
        (["verify", "playhead=soon"], "playhead must be a number, not 'soon'"),
        (["verify", "--sequence", "pnig"], "sequence item 1, 'pnig', names no event type pnig (did you mean ping?)"),
        (["verify", "--count", "1", "--at-least", "1"], "count is exact: it excludes at_least and at_most"),
        (["wait", "--count", "0"], "Invalid value for '--count'"),
    ],
)
def test_a_wrong_question_is_one_line_and_exit_2(
    mcmock_server: McmockServer, arguments: list[str], message: str
) -> None:
    found = run(mcmock_server, *arguments)
    assert found.exit_code == 2
    assert found.stderr.startswith(f"mcmock: {message}")
    assert found.stderr.count("\n") == 1
