"""The lines that a running server writes: in which form, of what, and that nothing goes wrong when nobody reads them."""

from __future__ import annotations

import io
import json
import logging

import pytest

from mcmock.cli.logs import Logs, request_facts
from mcmock.engine import Emulator
from mcmock.engine.scopes import Scopes
from tests.conftest import body, post, send, start

AT = 1_700_000_000.0


def written(form: str) -> tuple[Logs, io.StringIO]:
    out = io.StringIO()
    return Logs(form, out, lambda: AT), out


def test_a_message_is_a_line_as_text_or_as_json() -> None:
    logs, out = written("text")
    logs.say("mcmock: something happened")
    assert out.getvalue() == "mcmock: something happened\n"
    logs, out = written("json")
    logs.say("mcmock: something\nhappened")
    assert json.loads(out.getvalue()) == {
        "event": "message", "at": "2023-11-14T22:13:20.000Z", "level": "info", "message": "something\nhappened",
    }  # fmt: skip


def test_pythons_own_logging_is_heard_meanwhile() -> None:
    logs, out = written("json")
    with logs.heard():
        logging.getLogger("mcmock").warning("%d connections", 5)
        logging.getLogger("asyncio").info("not this")
        try:
            raise KeyError("a bug")
        except KeyError:
            logging.getLogger("mcmock").exception("failed")
    logging.getLogger("mcmock").warning("not this, either")
    first, second = map(json.loads, out.getvalue().splitlines())
    assert (first["level"], first["message"]) == ("warning", "5 connections")
    assert second["level"] == "error"
    assert second["message"].startswith("failed\nTraceback")
    assert second["message"].endswith("KeyError: 'a bug'")


async def test_requests_of_every_scope_are_told_in_their_order() -> None:
    logs, out = written("text")
    scopes = Scopes(Emulator(seed=1))
    logs.follow(scopes)
    session_id = start(scopes.default)
    send(scopes.default, session_id, "adStart")
    scopes.handle(post("/~tv/api/v1/sessions", body("sessionStart")))
    logs.flush()
    first, second, third = out.getvalue().splitlines()
    assert " GOOD POST /api/v1/sessions 201 " in first
    assert " BAD POST " in second or " IGNORED POST " in second
    assert "findings=[" in second
    assert "scope=tv" in third
    logs.flush()
    assert len(out.getvalue().splitlines()) == 3


async def test_a_request_that_is_gone_from_the_log_is_passed_over() -> None:
    logs, out = written("json")
    scopes = Scopes(Emulator())
    logs.follow(scopes)
    start(scopes.default)
    scopes.default.reset()
    logs.flush()
    assert out.getvalue() == ""


def test_no_bodies_and_no_headers_are_told() -> None:
    emulator = Emulator()
    start(emulator)
    facts = request_facts(emulator.requests()[0])
    assert "0123456789ABCDEF01234567@AdobeOrg" not in json.dumps(facts)
    assert not {"requestHeaders", "body"} & set(facts)


@pytest.mark.parametrize("broken", [BrokenPipeError, ValueError])
def test_a_stderr_that_nobody_reads_is_no_reason_to_stop(broken: type[Exception]) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise broken(text)

    Logs("text", Closed()).say("hello")
