"""Scopes: who shares a server sees only what is their own, however their requests say whose they are."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest

from mcmock import faults
from mcmock.core.model import Request
from mcmock.engine import Emulator
from mcmock.engine.scopes import IDLE_AFTER, MIN_SCOPE_AGE, Scopes, rules_from, split
from mcmock.server import Service, ServiceThread
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, Wire, body, post
from tests.protocols import edge

TOKEN = "X-Adobe-AEP-Validation-Token"


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def scopes(hands: Hands) -> Scopes:
    return Scopes(Emulator(seed=1), now=hands)


def handle(scopes: Scopes, request: Request) -> tuple[str, int, str]:
    """Which scope judged it, the status, and the session that was opened, if one was."""
    emulator, asked = scopes.place(request)
    response = emulator.handle(asked).response
    return emulator.scope, response.status, dict(response.headers).get("Location", "").rpartition("/")[2]


def start(scopes: Scopes, prefix: str = "", *headers: tuple[bytes, bytes], **params: Any) -> tuple[str, int, str]:
    value = body("sessionStart", params={**START_PARAMS, **params})
    return handle(scopes, post(f"{prefix}/api/v1/sessions", value, *headers))


def ping(scopes: Scopes, session_id: str, prefix: str = "") -> tuple[str, int]:
    return handle(scopes, post(f"{prefix}/api/v1/sessions/{session_id}/events", body("ping")))[:2]


# -- by path and by session id --------------------------------------------------------------------------------------------


def test_a_prefix_names_a_scope_and_its_log_has_paths_without_it(scopes: Scopes) -> None:
    assert start(scopes, "/~one")[:2] == ("one", 201)
    assert start(scopes)[:2] == ("default", 201)
    assert [exchange.path for exchange in scopes.named("one").requests()] == ["/api/v1/sessions"]
    assert [exchange.scope for exchange in scopes.named("one").requests()] == ["one"]


def test_a_session_id_finds_its_scope_without_the_prefix(scopes: Scopes) -> None:
    sids = {name: start(scopes, f"/~{name}")[2] for name in ("one", "two")}
    mine = start(scopes)[2]
    assert [ping(scopes, sids["one"]), ping(scopes, sids["two"]), ping(scopes, mine)] == [
        ("one", 204), ("two", 204), ("default", 204),
    ]  # fmt: skip


def test_session_ids_are_64_hex_and_differ_between_scopes(scopes: Scopes) -> None:
    found = {start(scopes, prefix)[2] for prefix in ("", "/~one", "/~two")}
    assert len(found) == 3
    assert all(len(sid) == 64 and set(sid) <= set("0123456789abcdef") for sid in found)


def test_a_session_of_another_scope_is_unknown_where_the_prefix_says_so(scopes: Scopes) -> None:
    session_id = start(scopes, "/~one")[2]
    assert ping(scopes, session_id, "/~two") == ("two", 404)
    assert ping(scopes, session_id, "/~one") == ("one", 204)


def test_default_is_the_name_of_the_default_scope(scopes: Scopes) -> None:
    assert start(scopes, "/~default")[:2] == ("default", 201)
    assert scopes.each() == [scopes.default]


@pytest.mark.parametrize("name", ["", ".hidden", "a b", "%2e%2e", "x" * 65, "naïve"])
def test_what_is_no_name_is_refused_in_the_apis_own_form_and_logged(scopes: Scopes, name: str) -> None:
    emulator, asked = scopes.place(post(f"/~{name}/api/v1/sessions", body("sessionStart")))
    response = emulator.handle(asked).response
    assert (emulator.scope, response.status) == ("default", 400)
    assert "scope" in json.loads(response.body)["message"]
    assert [finding.rule for finding in emulator.requests()[0].findings] == ["scope-refused"]


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("/~a/api/v1/sessions", ("a", "/api/v1/sessions")),
        ("/~a", ("a", "/")),
        ("/~a?x=1", ("a", "/?x=1")),
        ("/~", ("", "/")),
    ],
)
def test_split(target: str, wanted: tuple[str, str]) -> None:
    assert split(target) == wanted


# -- what is a scope's own ------------------------------------------------------------------------------------------------


def test_log_sessions_clock_faults_and_reset_are_each_scopes_own(scopes: Scopes) -> None:
    one, two = scopes.named("one"), scopes.named("two")
    first, second = start(scopes, "/~one")[2], start(scopes, "/~two")[2]
    one.advance(600)
    two.add_fault(faults.status(503, event="ping"))
    assert ping(scopes, first) == ("one", 410)
    assert ping(scopes, second) == ("two", 503)
    one.reset()
    assert (one.summary().total, two.summary().total) == (0, 2)
    assert ping(scopes, first) == ("one", 404)


def test_a_new_scope_has_the_options_of_the_server_and_begins_with_its_faults() -> None:
    scopes = Scopes(Emulator(seed=7, strict=True, max_body_bytes=5, faults=[faults.status(503)]))
    one = scopes.named("one")
    assert (one.seed, one.mode, one.max_body_bytes) == (7, scopes.default.mode, 5)
    assert [state.rule.effect for state in one.faults()] == ["status"]


def test_the_summary_over_all_adds_up(scopes: Scopes) -> None:
    start(scopes)
    start(scopes, "/~one")
    start(scopes, "/~two")
    ping(scopes, "f" * 64)
    assert scopes.summary() == scopes.default.summary()._replace(total=4, good=3, bad=1, sessions=3)


# -- how long they live ---------------------------------------------------------------------------------------------------


def test_an_idle_scope_is_forgotten_and_a_used_one_is_not(scopes: Scopes, hands: Hands) -> None:
    session_id, kept = start(scopes, "/~idle")[2], start(scopes, "/~used")[2]
    for _ in range(2):
        hands.at += IDLE_AFTER / 2
        ping(scopes, kept)
    assert [view.name for view in scopes.views()] == ["default", "used"]
    assert scopes.get("idle") is None
    assert ping(scopes, session_id) == ("default", 404)
    assert scopes.named("idle").summary().total == 0


def test_a_scope_is_not_idle_because_its_own_clock_was_advanced(scopes: Scopes) -> None:
    scopes.named("one").advance(10 * IDLE_AFTER)
    assert scopes.get("one") is not None


def test_one_scope_too_many_displaces_the_one_that_was_idle_longest(hands: Hands) -> None:
    scopes = Scopes(Emulator(), most=2, now=hands)
    for name in ("a", "b"):
        start(scopes, f"/~{name}")
        hands.at += MIN_SCOPE_AGE
    start(scopes, "/~c")
    assert [emulator.scope for emulator in scopes.each()] == ["default", "b", "c"]


def test_scopes_in_use_are_not_displaced_however_many_a_client_names(hands: Hands) -> None:
    scopes = Scopes(Emulator(), most=2, now=hands)
    assert [start(scopes, f"/~{name}")[1] for name in "abc"] == [201, 201, 400]
    assert [emulator.scope for emulator in scopes.each()] == ["default", "a", "b"]


# -- rules over headers and visitors --------------------------------------------------------------------------------------


def ruled(*tables: dict[str, Any]) -> Scopes:
    return Scopes(Emulator(seed=1), rules=rules_from(tables))


def test_a_header_names_the_scope() -> None:
    scopes = ruled({"name": "annas-phone", "header": TOKEN, "is": "abc"}, {"header": TOKEN})
    line = TOKEN.lower().encode()
    assert start(scopes, "", (line, b"abc"))[0] == "annas-phone"
    assert start(scopes, "", (line, b"a session of Bob's"))[0] == "a-session-of-Bob-s"
    assert start(scopes)[0] == "default"


def test_events_follow_their_session_with_or_without_the_header() -> None:
    scopes = ruled({"name": "phone", "header": TOKEN})
    session_id = start(scopes, "", (TOKEN.encode(), b"x"))[2]
    assert ping(scopes, session_id) == ("phone", 204)


def test_a_visitor_names_the_scope() -> None:
    scopes = ruled({"name": "lab", "visitor": ["1", "2"]}, {"name": "tv", "visitor": {"matches": "^tv-"}})
    assert start(scopes, **{"visitor.marketingCloudUserId": "2"})[0] == "lab"
    assert start(scopes, **{"analytics.visitorId": "tv-9"})[0] == "tv"
    assert start(scopes, **{"analytics.visitorId": "9"})[0] == "default"


def test_a_datastream_names_the_scope_and_its_events_follow() -> None:
    rules = rules_from([{"name": "tv", "datastream": ["tv-dev", "tv-prod"]}, {"datastream": {"matches": "^job-"}}])
    scopes = Scopes(Emulator(seed=1), rules=rules)
    for config, scope in (("tv-dev", "tv"), ("job-7", "job-7"), ("other", "default")):
        emulator, answer = scopes.handle(
            edge.request("sessionStart", edge.body(edge.xdm("sessionStart")), config=config)
        )
        assert emulator.scope == scope
        played = edge.request("play", edge.body(edge.xdm("play", edge.session_in(answer))), config="elsewhere")
        assert scopes.handle(played)[0].scope == scope
    view = edge.request("interact", edge.body({"eventType": "web.view"}), config="job-8")
    assert scopes.handle(view)[0].scope == "job-8"
    assert scopes.handle(post("/api/v1/sessions?configId=job-9", body("sessionStart")))[0].scope == "default"


def test_a_path_is_stronger_than_a_rule() -> None:
    scopes = ruled({"name": "phone", "header": TOKEN})
    assert start(scopes, "/~one", (TOKEN.encode(), b"x"))[0] == "one"


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b"[1]", b'{"params": 1}', b'{"params": {"analytics.aid": {}}}'])
def test_bodies_of_any_kind_do_not_disturb_the_rules(sent: bytes) -> None:
    scopes = ruled({"name": "lab", "visitor": "1"})
    assert handle(scopes, post("/api/v1/sessions", sent))[:2] == ("default", 400)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"name": "x"}, "scope rule 1: say one of header, visitor and datastream"),
        ({"datastream": "x", "is": "y"}, "scope rule 1: a rule by datastream has no is"),
        ({"name": "x", "header": "A", "visitor": "1"}, "scope rule 1: say one of header, visitor and datastream"),
        ({"visitor": "1"}, "scope rule 1: a rule by visitor needs name, and no is"),
        ({"name": "a b", "header": "A"}, "scope rule 1: name is 'a b', but a scope's name is"),
        (
            {"name": "x", "header": "A", "value": 1},
            "scope rule 1: value is not known; the keys are name, header, is, visitor",
        ),
        ({"name": "x", "header": 5}, "scope rule 1: header must be a header's name, not 5"),
        (
            {"name": "x", "header": "A", "is": {"matches": "("}},
            "scope rule 1: the value.matches is no regular expression",
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_one_line(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match="^" + words.replace("(", r"\(")) as caught:
        rules_from([table])
    assert "\n" not in str(caught.value)


# -- over sockets ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def url() -> Iterator[str]:
    thread = ServiceThread(Service(Scopes(Emulator(seed=1))))
    thread.start()
    yield thread.service.url
    thread.stop()


def ask(url: str, method: str = "GET", value: Any = None) -> Any:
    sent = json.dumps(value).encode() if value is not None else None
    try:
        with urlopen(HttpRequest(url, sent, {"Content-Type": "application/json"}, method=method), timeout=10) as answer:
            return json.loads(answer.read() or "null")
    except HTTPError as error:
        with error:
            return error.code


def test_location_has_no_prefix_and_the_fast_path_finds_the_scope(url: str) -> None:
    with Wire(url) as wire:
        head = wire.post("/~one/api/v1/sessions", body("sessionStart"), "Content-Type: application/json").decode()
        path = head.partition("Location: ")[2].partition("\r\n")[0]
        assert path.startswith("/api/v1/sessions/")
        for _ in range(3):  # from the second on, the header block is known
            assert wire.post(f"{path}/events", body("ping"), "Content-Type: application/json").startswith(
                b"HTTP/1.1 204"
            )
    assert ask(f"{url}/__admin/summary?scope=one")["total"] == 4
    assert ask(f"{url}/~one/__admin/summary")["good"] == 4
    assert ask(f"{url}/__admin/summary")["total"] == 0
    assert ask(f"{url}/__admin/summary?scope=*")["total"] == 4
    assert [one["delivery"] for one in ask(f"{url}/~one/__admin/requests")["requests"]] == ["sent"] * 4


def test_the_control_api_changes_one_scope_only(url: str) -> None:
    assert (
        ask(f"{url}/__admin/clock/advance?scope=one", "POST", {"seconds": 1000})["now"]
        > ask(f"{url}/__admin/clock")["now"]
    )
    assert [one["name"] for one in ask(f"{url}/__admin/scopes")["scopes"]] == ["default", "one"]
    assert ask(f"{url}/__admin/scopes/one", "DELETE") == {}
    assert ask(f"{url}/__admin/scopes/one", "DELETE") == 404
    assert ask(f"{url}/__admin/summary?scope=one") == 404
    assert ask(f"{url}/__admin/reset?scope=a%20b", "POST") == 400


@pytest.mark.parametrize("path", ["requests/find", "verify"])
def test_a_question_about_a_misspelt_scope_is_not_answered_as_if_nothing_went_wrong(url: str, path: str) -> None:
    nothing_bad = {"match": {"outcome": "bad"}, "count": 0, "allowNoSessions": True} if path == "verify" else {}
    assert ask(f"{url}/__admin/{path}?scope=mispelt", "POST", nothing_bad) == 404
    assert ask(f"{url}/~mispelt/__admin/{path}", "POST", nothing_bad) == 404
    assert [one["name"] for one in ask(f"{url}/__admin/scopes")["scopes"]] == ["default"]


@pytest.mark.parametrize(
    ("path", "question"),
    [("requests/wait", {"match": {"event": "play"}, "timeout": 0.01}), ("verify", {"count": 1, "within": 0.01})],
)
def test_one_can_wait_for_the_first_request_of_a_scope(url: str, path: str, question: Any) -> None:
    assert ask(f"{url}/~one/__admin/{path}", "POST", question)["matched"] == 0
    assert [one["name"] for one in ask(f"{url}/__admin/scopes")["scopes"]] == ["default", "one"]


@pytest.mark.parametrize("path", ["health", "", "/", "inspector/app.js", "vocabulary", "openapi.json", "presets"])
def test_what_is_the_servers_is_answered_under_a_scopes_name_before_its_first_request(url: str, path: str) -> None:
    with urlopen(f"{url}/~one/__admin{'/' if path.strip('/') else ''}{path}", timeout=10) as answer:
        assert answer.status == 200
        assert answer.url.startswith(f"{url}/~one/__admin/")
    assert [one["name"] for one in ask(f"{url}/__admin/scopes")["scopes"]] == ["default"]


def test_the_way_to_the_page_keeps_the_scope_that_was_asked_for(url: str) -> None:
    with urlopen(f"{url}/__admin?scope=one", timeout=10) as answer:
        assert answer.url == f"{url}/__admin/?scope=one"


def test_the_scopes_in_brief_have_no_counts(url: str) -> None:
    ask(f"{url}/__admin/reset?scope=one", "POST")
    whole, brief = ask(f"{url}/__admin/scopes")["scopes"], ask(f"{url}/__admin/scopes?brief=1")["scopes"]
    assert [one["name"] for one in brief] == [one["name"] for one in whole] == ["default", "one"]
    assert [set(one) for one in brief] == [{"name", "idle"}] * 2
    assert [set(one) for one in whole] == [{"name", "idle", "summary"}] * 2


PLAYER = """
import json, sys
from urllib.request import Request, urlopen
url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
start, ping = json.loads(sys.argv[4]), json.loads(sys.argv[5])
def post(address, value):
    return urlopen(Request(address, json.dumps(value).encode(), {"Content-Type": "application/json"}), timeout=20)
def ask(path):
    with urlopen(f"{url}/~{name}/__admin/{path}", timeout=20) as answer:
        return json.load(answer)
with post(f"{url}/~{name}/api/v1/sessions", start) as answer:
    path = answer.headers["Location"]
for number in range(count):
    post(f"{url}{path}/events", {**ping, "playerTime": {"playhead": number, "ts": 1700000000000 + number}}).close()
assert ask("summary")["total"] == count + 1, ask("summary")
seen = ask("requests")["requests"]
assert {one["scope"] for one in seen} == {name} and {one["sessionId"] for one in seen} == {path.rpartition("/")[2]}
assert [one["seq"] for one in seen] == list(range(1, count + 2))
"""


def test_eight_processes_in_eight_scopes_each_see_only_their_own(url: str) -> None:
    texts = json.dumps(body("sessionStart")), json.dumps(body("ping"))
    players = [
        subprocess.Popen(
            [sys.executable, "-c", PLAYER, url, f"job-{number}", str(20 + number), *texts], stderr=subprocess.PIPE
        )
        for number in range(8)
    ]
    errors = [player.communicate(timeout=60)[1].decode() for player in players]
    assert [player.returncode for player in players] == [0] * 8, errors
    assert ask(f"{url}/__admin/summary")["total"] == 0
    assert ask(f"{url}/__admin/summary?scope=*")["total"] == sum(21 + number for number in range(8))


def test_the_fixture_is_a_server_with_scopes_too(mcmock_server: McmockServer) -> None:
    assert ask(f"{mcmock_server.url}/~one/api/v1/sessions", "POST", body("sessionStart")) is None
    assert mcmock_server.summary().total == 0
    assert ask(f"{mcmock_server.admin_url}/summary?scope=one")["total"] == 1
    mcmock_server.reset()
    assert ask(f"{mcmock_server.admin_url}/summary?scope=one") == 404
