"""Faults of the Media Edge API: every effect over a socket, in that API's own form, and each of its presets."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from mcmock import faults
from mcmock.faults import FaultRule
from mcmock.faults.effects import EFFECTS
from mcmock.protocols.media_edge import identity
from mcmock.testing.server import McmockServer

ORIGIN = "https://app.example"
STREAMING = {"konductorConfig": {"streaming": {"enabled": True, "recordSeparator": "\u0000", "lineFeed": "\n"}}}
DETAILS = {"name": "film", "playerName": "player", "length": 60, "channel": "channel", "contentType": "vod"}


class Player:
    """A client of the Media Edge API that tidies nothing: one request, one connection."""

    def __init__(self, server: McmockServer, **more: Any) -> None:
        self.server, self.more = server, more
        self.session_id = self.hint = ""
        self.second = 0

    def post(self, path: str, xdm: Mapping[str, Any], timeout: float = 5) -> http.client.HTTPResponse:
        value = {"events": [{"xdm": {**xdm, "timestamp": f"2026-11-28T00:00:{self.second:02}Z"}}], **self.more}
        with closing(http.client.HTTPConnection(urlsplit(self.server.url).netloc, timeout=timeout)) as client:
            target = f"/ee{self.hint}{path}?configId=datastream"
            client.request("POST", target, json.dumps(value), {"Content-Type": "application/json", "Origin": ORIGIN})
            self.answer = client.getresponse()
            self.text = self.answer.read()
        return self.answer

    def start(self) -> http.client.HTTPResponse:
        xdm = {"eventType": "media.sessionStart", "mediaCollection": {"playhead": 0, "sessionDetails": DETAILS}}
        answer = self.post("/va/v1/sessionStart", xdm)
        for handle in self.document().get("handle", ()):
            if handle["type"] == "media-analytics:new-session":
                self.session_id = handle["payload"][0]["sessionId"]
        return answer

    def send(self, event: str = "ping", **options: Any) -> http.client.HTTPResponse:
        self.second += 1
        collection = {"playhead": self.second, "sessionID": self.session_id}
        return self.post(f"/va/v1/{event}", {"eventType": f"media.{event}", "mediaCollection": collection}, **options)

    def document(self) -> dict[str, Any]:
        """The answer's body, whole or as a record; a length that was wrong would leave something of it behind."""
        text = self.text.strip(b"\0\n")
        return json.loads(text) if text else {}

    def hints(self) -> tuple[str, str]:
        """What the answer's handle says, and its cookie."""
        handles = {one["type"]: one["payload"] for one in self.document()["handle"]}
        (hint,) = (one["hint"] for one in handles["locationHint:result"] if one["scope"] == "EdgeNetwork")
        (cookie,) = (one["value"] for one in handles["state:store"] if one["key"].endswith("_cluster"))
        return hint, cookie


@pytest.fixture
def player(mcmock_server: McmockServer) -> Player:
    playing = Player(mcmock_server)
    playing.start()
    return playing


@pytest.fixture
def mobile(mcmock_server: McmockServer) -> Player:
    return Player(mcmock_server, meta=STREAMING)


# -- every effect ---------------------------------------------------------------------------------------------------------

PING = "/va/v1/ping"
RULES: dict[str, tuple[FaultRule, str]] = {
    "status": (faults.status(503, event="ping"), "503"),
    "delay": (faults.delay(0.01, event="ping"), "204"),
    "reset": (faults.reset(event="ping"), "ConnectionResetError"),
    "close": (faults.close(event="ping"), "RemoteDisconnected"),
    "truncate": (faults.truncate(event="ping"), "RemoteDisconnected or cut"),
    "malformed": (faults.malformed(event="ping"), "BadStatusLine"),
    "drip": (faults.drip(100_000, event="ping"), "204"),
    "hang": (faults.hang(event="ping"), "TimeoutError"),
    "expire_session": (faults.expire_session(event="ping"), "410"),
    "forget_session": (faults.forget_session(event="ping"), "404"),
    "drop_header": (faults.drop_header("X-Konductor", event="ping"), "204"),
    "set_header": (faults.set_header("X-Konductor", "{session}/{value}", event="ping"), "204"),
    "rate_limit": (faults.rate_limit(0.001, event="ping"), "204"),
    "alter": (faults.alter("no-handle", event="ping"), "200"),
}


def met(player: Player) -> str:
    try:
        return str(player.send(timeout=0.3).status)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__


def test_every_effect_is_tried_here() -> None:
    assert set(RULES) == set(EFFECTS)


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_meets_this_api(mcmock_server: McmockServer, player: Player, name: str) -> None:
    rule, expected = RULES[name]
    mcmock_server.faults.add(rule)
    if name == "rate_limit":
        assert [met(player), met(player)] == ["204", "429"]
    elif name == "truncate":
        assert met(player) in ("204", "RemoteDisconnected")  # http.client takes a head without its end for one
        assert mcmock_server.request(event="ping").delivery == "aborted"
    else:
        assert met(player) == expected
    if name == "set_header":
        assert player.answer.headers["X-Konductor"].startswith(f"{player.session_id}/23.3")
    if name == "drop_header":
        assert "X-Konductor" not in player.answer.headers
    assert [one.hits for one in mcmock_server.faults] == [1]
    mcmock_server.faults.clear()
    assert met(player) == {"expire_session": "410", "forget_session": "404"}.get(name, "204")


@pytest.mark.parametrize("code", [400, 401, 404, 408, 410, 413, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("side", ["before", "after"])
def test_an_error_is_a_problem_document_that_pages_may_read(
    mcmock_server: McmockServer, player: Player, code: int, side: str
) -> None:
    mcmock_server.faults.add(faults.status(code, None, {"Retry-After": "7"}, event="ping", side=side))
    answer = player.send()
    assert (answer.status, answer.headers["Retry-After"]) == (code, "7")
    document = player.document()
    assert document["status"] == code
    assert document["type"].startswith("https://ns.adobe.com/aep/errors/")
    assert answer.headers["Content-Type"].startswith("application/")
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("body", ["in words", {"title": "mine"}])
def test_a_body_of_ones_own_has_its_length(mcmock_server: McmockServer, player: Player, body: Any) -> None:
    mcmock_server.faults.add(faults.status(500, body, event="ping"))
    player.send()
    assert player.text.decode() == (body if isinstance(body, str) else json.dumps(body))
    assert int(player.answer.headers["Content-Length"]) == len(player.text)


def test_a_match_tells_datastreams_and_apis_apart(mcmock_server: McmockServer, player: Player) -> None:
    mcmock_server.faults.add(faults.status(500, path={"matches": r"configId=other\b"}))
    assert player.send().status == 204
    mcmock_server.faults.replace(faults.status(500, path={"matches": r"/va/v1/ping\?.*configId=datastream\b"}))
    assert [player.send().status, player.send("play").status] == [500, 204]
    mcmock_server.faults.replace(faults.status(500, path={"matches": "^/api/"}))
    assert player.send().status == 204


def test_a_limit_says_its_end_as_a_date(mcmock_server: McmockServer, player: Player) -> None:
    now = mcmock_server.clock.freeze()
    mcmock_server.faults.add(faults.rate_limit(0.001, retry_after=90, retry_after_as="date", event="ping"))
    player.send()
    until = parsedate_to_datetime(player.send().headers["Retry-After"]).timestamp()
    assert now + 90 <= until < now + 91


# -- presets --------------------------------------------------------------------------------------------------------------


def test_edge_refused_start(mcmock_server: McmockServer, mobile: Player) -> None:
    mcmock_server.faults.preset("edge-refused-start")
    for second, player in enumerate((mobile, Player(mcmock_server))):
        player.second = second
        assert player.start().status == 207
        (error,) = player.document()["errors"]
        assert (error["status"], error["type"]) == (400, "https://ns.adobe.com/aep/errors/va-edge-0400-400")
        assert player.session_id == ""
        assert player.text.startswith(b"\0") is (player is mobile)  # it is streamed, too
    assert mcmock_server.sessions() == []
    assert mcmock_server.losses().lost == 2


def test_edge_unknown_datastream(mcmock_server: McmockServer, mobile: Player) -> None:
    mcmock_server.faults.preset("edge-unknown-datastream")
    assert mobile.start().status == 400
    assert mobile.document()["type"].endswith("/EXEG-0003-400")
    assert mcmock_server.sessions() == []


@pytest.mark.parametrize("preset", ["edge-no-session-id", "edge-empty-session-id"])
def test_edge_no_session_id(mcmock_server: McmockServer, mobile: Player, preset: str) -> None:
    mcmock_server.faults.preset(preset)
    assert mobile.start().status == 200
    types = [one["type"] for one in mobile.document()["handle"]]
    assert ("media-analytics:new-session" in types) is (preset == "edge-empty-session-id")
    assert types[-1] == "state:store"
    assert (mobile.text[:1], mobile.text[-1:]) == (b"\0", b"\n")  # still a record
    assert mobile.session_id == ""
    assert mcmock_server.losses().orphaned == 1


def test_edge_not_streamed(mcmock_server: McmockServer, mobile: Player) -> None:
    mcmock_server.faults.preset("edge-not-streamed")
    mobile.start()
    assert mobile.text.startswith(b"{")
    assert int(mobile.answer.headers["Content-Length"]) == len(mobile.text)
    assert mobile.send().status == 204
    Player(mcmock_server).start()  # who did not ask for records is not met
    assert [one.hits for one in mcmock_server.faults] == [1]


def test_the_separator_of_records(mcmock_server: McmockServer, mobile: Player) -> None:
    mcmock_server.faults.add(faults.alter("newline-separator"))
    mobile.start()
    assert mobile.text.startswith(b'\n{"requestId"')


def test_edge_no_handle(mcmock_server: McmockServer, player: Player) -> None:
    mcmock_server.faults.preset("edge-no-handle")
    assert (player.send().status, player.text) == (200, b"{}")
    assert mcmock_server.losses().counted == 1


def test_edge_lost_session(mcmock_server: McmockServer, player: Player) -> None:
    mcmock_server.faults.preset("edge-lost-session")
    assert [player.send().status for _ in range(2)] == [204, 404]
    assert player.document()["type"].endswith("/va-edge-0404-404")
    assert player.document()["report"]["details"].startswith("Error processing request. If the session is longer")
    assert player.send().status == 204
    assert mcmock_server.losses().lost == 1


@pytest.mark.parametrize("preset", ["edge-retry-after", "edge-retry-after-hidden"])
def test_edge_retry_after(mcmock_server: McmockServer, player: Player, preset: str) -> None:
    mcmock_server.faults.preset(preset)
    answer = player.send()
    assert (answer.status, answer.headers["Retry-After"]) == (429, "2")
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert ("Retry-After" in exposed) is (preset == "edge-retry-after")
    player.second -= 1
    assert player.send().status == 204
    assert mcmock_server.losses().retried == 1


def test_edge_hint_changes(mcmock_server: McmockServer, player: Player) -> None:
    mcmock_server.faults.preset("edge-hint-changes")
    player.hint = "/irl1"
    assert [player.send().status, player.send().status] == [204, 200]
    assert player.hints() == ("ind1", "ind1")
    player.hint = "/ind1"
    assert player.send().status == 204
    assert mcmock_server.losses().counted == 1


def test_edge_hints_differ(mcmock_server: McmockServer, player: Player) -> None:
    assert player.start()
    assert player.hints() == ("irl1", "irl1")
    mcmock_server.faults.preset("edge-hints-differ")
    player.start()
    assert player.hints() == ("irl1", "ind1")
    assert player.send().status == 204


@pytest.mark.parametrize(
    "form", ["no-session-id", "empty-session-id", "not-streamed", "newline-separator", "hints-differ"]
)
def test_a_form_leaves_alone_what_it_has_nothing_to_do_with(
    mcmock_server: McmockServer, player: Player, form: str
) -> None:
    mcmock_server.faults.add(faults.alter(form))
    assert (player.send().status, player.text) == (204, b"")
    player.session_id = "0" * 64
    assert player.send().status == 404
    xdm = {"eventType": "web.webpagedetails.pageViews"}
    assert player.post("/v1/interact", xdm).status == 200
    assert player.document()["handle"] == []
    assert [one.hits for one in mcmock_server.faults] == [0]


def test_the_region_after_one_that_nobody_knows(mcmock_server: McmockServer, player: Player) -> None:
    mcmock_server.faults.add(faults.alter("next-hint", event="ping"))
    player.hint = "/xyz9"
    player.send()
    assert player.hints() == ("or2", "or2")
    player.hint = "/aus3"
    player.send()
    assert player.hints() == ("or2", "or2")


@pytest.mark.parametrize("form", ["next-hint", "hints-differ"])
def test_another_region_makes_nobody_of_the_visitor(mcmock_server: McmockServer, form: str) -> None:
    mcmock_server.faults.add(faults.alter(form, kind="session"))
    player = Player(mcmock_server, query={"identity": {"fetch": ["ECID"]}})
    player.start()
    handles = {one["type"]: one["payload"] for one in player.document()["handle"]}
    assert [*handles] == ["media-analytics:new-session", "identity:result", "locationHint:result", "state:store"]
    cookies = {one["key"]: one["value"] for one in handles["state:store"]}
    assert identity.ecid_of({}, {}, cookies) == handles["identity:result"][0]["id"]
    assert player.hints() == ("ind1" if form == "next-hint" else "irl1", "ind1")


def test_edge_cors_wildcard(mcmock_server: McmockServer, player: Player) -> None:
    mcmock_server.faults.preset("edge-cors-wildcard")
    assert player.send().headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("name", [name for name in faults.PRESETS if name.startswith("edge-")])
def test_what_is_of_this_api_leaves_the_other_alone(mcmock_server: McmockServer, name: str) -> None:
    assert faults.PRESETS[name].apis == ("media-edge",)
    mcmock_server.faults.preset(name)
    value = {"eventType": "sessionStart", "playerTime": {"playhead": 0, "ts": 1}, "params": {}}
    with closing(http.client.HTTPConnection(urlsplit(mcmock_server.url).netloc, timeout=5)) as client:
        client.request("POST", "/api/v1/sessions", json.dumps(value), {"Content-Type": "application/json"})
        client.getresponse().read()
    assert [one.hits for one in mcmock_server.faults] == [0]


def test_no_cors_is_of_both(mcmock_server: McmockServer, player: Player) -> None:
    assert faults.PRESETS["no-cors"].apis == ("media-collection", "media-edge")
    assert len(faults.preset("no-cors")) == 1
    mcmock_server.faults.preset("no-cors")
    assert "Access-Control-Allow-Origin" not in player.send().headers


@pytest.mark.parametrize("name", [name for name in faults.PRESETS if name.startswith("bad-location")])
def test_what_is_of_the_other_api_leaves_this_one_alone(mcmock_server: McmockServer, name: str) -> None:
    assert faults.PRESETS[name].apis == ("media-collection",)
    mcmock_server.faults.preset(name)
    player = Player(mcmock_server)
    assert player.start().status == 200
    assert "Location" not in player.answer.headers
    assert {one.hits for one in mcmock_server.faults} == {0}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("expired-session", "410"),
        ("unknown-session", "404"),
        ("outage", "503"),
        ("deploy", "404"),
        ("throttled", "429"),
    ],
)
def test_presets_for_both_meet_this_one(mcmock_server: McmockServer, player: Player, name: str, expected: str) -> None:
    mcmock_server.faults.preset(name)
    assert expected in (met(player), met(player))
    assert player.document()["status"] == int(expected)
