"""Every request that shipping clients of the Media Edge API were recorded to send, over a real socket, answered as each needs it.

What each client reads of an answer was found by running it: docs/media-edge.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcmock.core.model import Outcome, Verdict
from mcmock.testing.server import McmockServer
from tests.conftest import Wire
from tests.recordings.test_clients import header, raw

RECORDINGS = sorted((Path(__file__).parents[2] / "fixtures" / "edge").glob("*.jsonl"))
STREAMS = {"android"}
"""The clients that ask for answers as records, and read no other."""


def requests_of(path: Path) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def session_in(client: str, body: bytes) -> str:
    """The session id, as the client reads it: a record ends with a line feed, and begins with a NUL."""
    if client in STREAMS:
        assert body.startswith(b"\0")
        assert body.endswith(b"\n")
        body = body[1:-1]
    [handle] = [one for one in json.loads(body)["handle"] if one["type"] == "media-analytics:new-session"]
    return str(handle["payload"][0]["sessionId"])


def play(server: McmockServer, path: Path) -> dict[str, str]:
    """Send a recording, each answer checked; recorded session ids to ours."""
    client, ids = path.stem.partition("__")[0], dict[str, str]()
    with Wire(server.url) as wire:
        for sent in requests_of(path):
            for recorded, ours in ids.items():
                sent["body_raw"] = sent["body_raw"].replace(recorded, ours)
            wire.send(raw(sent, sent["path"]))
            answer = wire.answer()
            check_cors(sent, answer)
            if sent["kind"] == "event":
                assert answer.startswith(b"HTTP/1.1 204 "), (sent["body_raw"], answer)
                assert body_of(answer) == b""
                continue
            assert answer.startswith(b"HTTP/1.1 200 "), (sent["body_raw"], answer)
            if sent["kind"] == "session":
                ids[sent["response"]["sid"]] = session_in(client, body_of(answer))
            else:
                assert json.loads(body_of(answer))["handle"] == []
    return ids


def check_cors(sent: dict[str, Any], answer: bytes) -> None:
    """A browser that sends credentials takes its own origin, and no star; it reads Retry-After only where it is exposed."""
    origin = next((value for name, value in sent["headers"] if name.lower() == "origin"), None)
    assert header(answer, "Access-Control-Allow-Origin") == origin
    if origin is not None:
        assert header(answer, "Access-Control-Allow-Credentials") == "true"
        assert "Retry-After" in (header(answer, "Access-Control-Expose-Headers") or "")


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recorded_client_is_answered_as_it_needs(mcmock_server: McmockServer, path: Path) -> None:
    ids = play(mcmock_server, path)
    assert ids
    assert all(re.fullmatch("[0-9a-f]{64}", session_id) for session_id in ids.values())
    summary = mcmock_server.summary()
    assert (summary.bad, summary.broken) == (0, 0)
    assert [session.id for session in mcmock_server.sessions()] == list(ids.values())
    assert {one.verdict for one in mcmock_server.requests()} <= {Verdict.CREATED, Verdict.ACCEPTED}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_what_is_no_media_event_is_neither_counted_nor_lost(mcmock_server: McmockServer, path: Path) -> None:
    play(mcmock_server, path)
    others = mcmock_server.requests(outcome="other")
    assert {one.outcome for one in mcmock_server.requests()} <= {Outcome.GOOD, Outcome.IGNORED, Outcome.OTHER}
    assert [str(one.kind) for one in others] == ["interact"] * len(others)
    assert len(others) == (2 if path.stem == "alloy__with_pageviews" else 0)
