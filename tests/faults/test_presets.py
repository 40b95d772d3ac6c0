"""Each preset, as a plain client on a socket sees it."""

from __future__ import annotations

import http.client
import json
import re
from collections import Counter
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mcmock import faults
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, Wire, body

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"


class Player:
    """A client that tidies nothing: one request, one connection."""

    def __init__(self, server: McmockServer) -> None:
        self.server = server
        self.path = ""
        self.second = 0

    def send(self, path: str, value: object) -> http.client.HTTPResponse:
        client = http.client.HTTPConnection(urlsplit(self.server.url).netloc, timeout=5)
        try:
            client.request("POST", path, json.dumps(value), {"Content-Type": "application/json"})
            answer = client.getresponse()
            answer.read()
            return answer
        finally:
            client.close()

    def start(self, media: str = "film") -> http.client.HTTPResponse:
        answer = self.send("/api/v1/sessions", body("sessionStart", params={**START_PARAMS, "media.id": media}))
        if answer.status == 201 and answer.headers["Location"]:
            self.path = f"{answer.headers['Location']}/events"
        return answer

    def ping(self) -> http.client.HTTPResponse:
        self.second += 1
        return self.send(self.path, body("ping", self.second, ts=1_700_000_000_000 + self.second * 1000))

    def fate(self) -> str:
        """What a ping came to: its status, or how the connection ended."""
        try:
            return str(self.ping().status)
        except http.client.RemoteDisconnected:
            return "closed"
        except ConnectionResetError:
            return "reset"


@pytest.fixture
def player(mcmock_server: McmockServer) -> Player:
    return Player(mcmock_server)


def test_every_preset_is_tried_here_and_told_of_in_the_docs() -> None:
    tried = set(re.findall(r'preset\("([\w-]+)"\)', Path(__file__).read_text()))
    family = {name for name in faults.PRESETS if name.startswith(("bad-location-", "edge-"))}
    assert tried - {"storm"} | family == set(faults.PRESETS)
    for name in faults.PRESETS:
        assert f"`{name}`" in PAGE.read_text(), f"docs/faults.md says nothing of {name}"


def test_a_preset_that_is_not_there_is_refused_with_those_that_are(mcmock_server: McmockServer) -> None:
    with pytest.raises(
        ValueError, match="there is no preset 'storm'; the presets are expired-session, unknown-session"
    ):
        mcmock_server.faults.preset("storm")


@pytest.mark.parametrize("preset", faults.PRESETS.values(), ids=lambda preset: preset.name)
def test_the_rules_of_a_preset_have_names_of_their_own(preset: faults.Preset) -> None:
    names = [rule.name for rule in preset.rules]
    assert len(set(names)) == len(names) > 0
    assert all(name.startswith(preset.name) for name in names)
    assert faults.load_value([rule.to_json() for rule in preset.rules]) == preset.rules


def test_expired_session(mcmock_server: McmockServer, player: Player) -> None:
    player.start()
    mcmock_server.faults.preset("expired-session")
    assert [player.fate() for _ in range(2)] == ["410", "410"]
    player.start()
    assert player.fate() == "204"


def test_unknown_session(mcmock_server: McmockServer, player: Player) -> None:
    player.start()
    mcmock_server.faults.preset("unknown-session")
    assert [player.fate() for _ in range(2)] == ["404", "404"]
    player.start()
    assert player.fate() == "204"


def test_outage_lasts_a_minute_of_the_emulators_clock(mcmock_server: McmockServer, player: Player) -> None:
    mcmock_server.clock.freeze()
    player.start()
    mcmock_server.faults.preset("outage")
    answer = player.ping()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    assert player.start().status == 503
    mcmock_server.clock.advance(60)
    assert player.fate() == "204"
    assert mcmock_server.summary().faulted == 2


@pytest.mark.mcmock(seed=1)
def test_flaky_is_a_share_of_resets_and_500s(mcmock_server: McmockServer, player: Player) -> None:
    player.start()
    mcmock_server.faults.preset("flaky")
    met = Counter(player.fate() for _ in range(200))
    assert set(met) == {"204", "500", "reset"}
    assert 8 <= met["reset"] <= 36
    assert 8 <= met["500"] <= 36
    assert mcmock_server.losses().lost == met["500"] + met["reset"]


def test_slow_network_answers_late_and_truly(mcmock_server: McmockServer, player: Player) -> None:
    player.start()
    mcmock_server.clock.freeze()
    mcmock_server.faults.preset("slow-network")
    content = json.dumps(body("ping")).encode()
    with Wire(mcmock_server.url) as wire:
        wire.send(
            f"POST {player.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content
        )
        (waiting,) = mcmock_server.wait_for(event="ping")
        assert (waiting.outcome, waiting.delivery) == ("good", "pending")
        mcmock_server.clock.advance(30)
        assert wire.answer().startswith(b"HTTP/1.1 204")


@pytest.mark.mcmock(seed=1)
def test_lost_answers_are_counted(mcmock_server: McmockServer, player: Player) -> None:
    player.start()
    mcmock_server.faults.preset("lost-answers")
    met = Counter(player.fate() for _ in range(100))
    assert set(met) == {"204", "closed"}
    assert 15 <= met["closed"] <= 55
    assert mcmock_server.summary().good == 101
    assert mcmock_server.assert_no_losses().counted == met["closed"]


def test_slow_start_takes_longer_than_the_sdks_wait(mcmock_server: McmockServer) -> None:
    mcmock_server.clock.freeze()
    mcmock_server.faults.preset("slow-start")
    content = json.dumps(body("sessionStart")).encode()
    with Wire(mcmock_server.url) as wire:
        wire.send(
            f"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content
        )
        mcmock_server.wait_for(kind="session")
        mcmock_server.clock.advance(5)
        assert mcmock_server.request(kind="session").delivery == "pending"
        mcmock_server.clock.advance(2)
        assert wire.answer().startswith(b"HTTP/1.1 201")


# How the SDKs read the session's id from Location.


def by_js(location: str | None) -> str | None:
    parts = (location or "").split("/")
    return parts[4] if len(parts) > 4 else None


def by_theo(location: str | None) -> str | None:
    return (location or "").split("/sessions/")[-1] or None


def by_aep(location: str | None) -> str | None:
    found = re.match("^/api/(.*)/sessions/(.*)", location or "")
    return found[2] if found else None


def test_bad_location_gives_each_new_session_another_form_and_none_of_them_works_for_all(
    mcmock_server: McmockServer, player: Player
) -> None:
    mcmock_server.faults.preset("bad-location")
    seen = []
    for number in range(7):
        location = player.start(media=str(number)).headers["Location"]
        sid = mcmock_server.sessions()[-1].id
        seen.append(str(location).replace(sid, "ID").replace(urlsplit(mcmock_server.url).netloc, "HOST"))
        works = [reads(location) == sid for reads in (by_js, by_theo, by_aep)]
        assert all(works) == (number == 6), (location, works)
    assert seen == [
        "http://HOST/api/v1/sessions/ID", "/prefix/api/v1/sessions/ID", "/api/v1/sessions/ID/", "/api/v1/sessions/ID?x=1",
        "ID", "None", "/api/v1/sessions/ID",
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["absolute", "prefixed", "slash", "query", "bare", "missing"])
def test_one_form_of_bad_location_can_be_had_for_every_session(
    mcmock_server: McmockServer, player: Player, form: str
) -> None:
    mcmock_server.faults.preset(f"bad-location-{form}")
    locations = [player.start().headers["Location"] for _ in range(2)]
    ids = [session.id for session in mcmock_server.sessions()]
    for location, sid in zip(locations, ids, strict=True):
        assert not all(reads(location) == sid for reads in (by_js, by_theo, by_aep))


def test_no_cors_drops_the_header_from_preflights_and_answers(
    mcmock_server: McmockServer, player: Player, wire: Wire
) -> None:
    mcmock_server.faults.preset("no-cors")
    answer = player.start()
    assert answer.headers["Access-Control-Allow-Origin"] is None
    assert answer.headers["Access-Control-Expose-Headers"] == "Location"
    wire.send(b"OPTIONS /api/v1/sessions HTTP/1.1\r\nHost: x\r\nOrigin: http://a.example\r\n\r\n")
    assert b"Allow-Origin" not in wire.answer()


def test_throttled_answers_429_with_retry_after_beyond_one_a_second(
    mcmock_server: McmockServer, player: Player
) -> None:
    mcmock_server.clock.freeze()
    player.start()
    mcmock_server.faults.preset("throttled")
    first, second = player.ping(), player.ping()
    assert (first.status, second.status, second.headers["Retry-After"]) == (204, 429, "1")
    mcmock_server.clock.advance(1)
    assert player.fate() == "204"


def test_deploy_forgets_all_sessions_at_once(mcmock_server: McmockServer) -> None:
    players = [Player(mcmock_server) for _ in range(3)]
    for number, one in enumerate(players):
        one.start(str(number))
    mcmock_server.faults.preset("deploy")
    assert [one.fate() for one in players] == ["404"] * 3
    players[0].start("again")
    assert [one.fate() for one in players] == ["204", "404", "404"]


def test_throttled_with_a_date(mcmock_server: McmockServer, player: Player) -> None:
    player.start()
    now = mcmock_server.clock.freeze()
    mcmock_server.faults.preset("throttled-date")
    assert player.ping().status == 204
    answer = player.ping()
    assert answer.status == 429
    assert now + 2 <= parsedate_to_datetime(answer.headers["Retry-After"]).timestamp() < now + 3
    mcmock_server.clock.advance(2)
    assert player.fate() == "204"
