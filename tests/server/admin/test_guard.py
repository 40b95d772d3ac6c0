"""Who may use the control API: the decisions, and every route over a real socket."""

from __future__ import annotations

import json
import re
from contextlib import closing
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from mcmock.server.admin.access import Guard
from mcmock.server.admin.routes import ROUTES
from mcmock.server.endpoint import Endpoint
from mcmock.testing.server import McmockServer

TOKEN = "a-token-of-this-test"
GUARDED = [route for route in ROUTES if not route.is_open]
OPEN = [route for route in ROUTES if route.is_open]


class Answer(NamedTuple):
    status: int
    headers: Any
    body: Any

    @property
    def code(self) -> tuple[int, str]:
        return self.status, self.body["error"]["code"]


def ask(url: str, method: str, path: str, *, prefix: str = "/__admin", **headers: str) -> Answer:
    """The answer to one request; a stream's is not read. Header names have _ for -."""
    split = urlsplit(url)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(HTTPConnection(str(split.hostname), split.port, timeout=5)) as connection:
        connection.request(method, f"{prefix}{path}", headers=sent)
        with connection.getresponse() as answer:
            kind = answer.headers.get("Content-Type", "")
            text = b"" if kind.startswith("text/event-stream") else answer.read()
            return Answer(
                answer.status, answer.headers, json.loads(text) if kind.startswith("application/json") else text
            )


def path_of(template: str) -> str:
    return re.sub(r"\{file\}", "style.css", re.sub(r"\{(seq|sid|name)\}", "1", template))


@pytest.fixture(scope="module")
def guarded() -> Any:
    with McmockServer(admin_token=TOKEN) as server:
        yield server


def test_most_routes_are_guarded() -> None:
    assert {route.template for route in OPEN} == {"", "/", "/inspector/{file}", "/health", "/ca.pem", "/trust"}
    assert all(route.method == "GET" for route in OPEN)
    assert len(GUARDED) > 20


@pytest.mark.parametrize("route", [pytest.param(one, id=f"{one.method} {one.template}") for one in GUARDED])
def test_every_guarded_route_wants_the_token(guarded: McmockServer, route: Any) -> None:
    path = path_of(route.template)
    assert ask(guarded.url, route.method, path).code == (401, "token-needed")
    assert ask(guarded.url, route.method, path, Authorization="Bearer wrong").code == (401, "token-wrong")
    assert ask(guarded.url, route.method, path, Authorization=f"Basic {TOKEN}").code == (401, "token-needed")


@pytest.mark.parametrize("route", [pytest.param(one, id=f"{one.method} {one.template}") for one in OPEN])
def test_open_routes_answer_without_the_token_but_not_to_a_wrong_one(guarded: McmockServer, route: Any) -> None:
    path = path_of(route.template)
    assert ask(guarded.url, route.method, path).status != 401
    assert ask(guarded.url, route.method, path, Authorization="Bearer wrong").code == (401, "token-wrong")


def test_the_right_token_is_enough(guarded: McmockServer) -> None:
    for scheme in ("Bearer", "bearer"):
        assert ask(guarded.url, "GET", "/summary", Authorization=f"{scheme} {TOKEN}").status == 200


def test_what_is_no_route_does_not_tell_without_the_token(guarded: McmockServer) -> None:
    assert ask(guarded.url, "GET", "/no-such-thing").code == (401, "token-needed")
    assert ask(guarded.url, "PATCH", "/summary").code == (401, "token-needed")
    assert ask(guarded.url, "GET", "/no-such-thing", Authorization=f"Bearer {TOKEN}").code == (404, "no-route")


def test_a_scope_is_guarded_like_the_rest(guarded: McmockServer) -> None:
    assert ask(guarded.url, "GET", "/~tv/__admin/summary", prefix="").status == 401


def test_the_401_says_how(guarded: McmockServer) -> None:
    assert ask(guarded.url, "GET", "/__admin/summary", prefix="").headers["WWW-Authenticate"] == 'Bearer realm="mcmock"'


def test_the_emulated_api_stays_open_as_the_real_one_is(guarded: McmockServer) -> None:
    assert ask(guarded.url, "GET", "/api/v1/schemas/ping", prefix="").status == 200


# -- names, and pages of other sites ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8410", "localhost", "[::1]:8410", "192.168.1.7:8410", "mcmock:8410", "laptop.local", "tv.lan", "a.test",
     "host.docker.internal:8410", "mcmock.team.svc.cluster.local", "sub.localhost:1", "LOCALHOST", "laptop.local.", ""],
)  # fmt: skip
def test_a_name_that_nobody_else_can_own_is_served(host: str) -> None:
    assert Guard().refuse({"Host": host}) is None


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8410", "localhost.evil.example", "local.com"])
def test_a_public_name_is_refused_unless_it_was_allowed(host: str) -> None:
    """DNS rebinding: the page's own name points here by now, so `Origin` and `Host` agree."""
    refused = Guard().refuse({"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"})
    assert refused is not None
    assert (refused.status, refused.code) == (403, "unknown-host")
    assert Guard(hosts=[host.partition(":")[0]]).refuse({"Host": host}) is None


def test_rebinding_is_refused_over_the_socket(mcmock_server: McmockServer) -> None:
    answer = ask(mcmock_server.url, "POST", "/reset", Host="evil.example")
    assert answer.code == (403, "unknown-host")
    assert "--allow-host evil.example" in answer.body["error"]["message"]
    with McmockServer(allow_host=["mock.example"]) as server:
        assert ask(server.url, "GET", "/summary", Host="mock.example").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:1"},
    ],
)
def test_a_page_of_another_site_is_refused(mcmock_server: McmockServer, headers: dict[str, str]) -> None:
    mcmock_server.emulator.freeze()
    assert ask(mcmock_server.url, "POST", "/reset", **headers).code == (403, "cross-site")
    assert mcmock_server.emulator.frozen


def test_our_own_page_is_not(mcmock_server: McmockServer) -> None:
    own = {"Origin": mcmock_server.url, "Sec-Fetch-Site": "same-origin"}
    assert ask(mcmock_server.url, "POST", "/reset", **own).status == 200


def test_a_right_token_does_not_help_a_page_of_another_site() -> None:
    refused = Guard(TOKEN).refuse(
        {"Host": "localhost", "Origin": "http://e.example", "Authorization": f"Bearer {TOKEN}"}
    )
    assert refused is not None
    assert refused.code == "cross-site"


def test_a_token_of_any_bytes_is_compared_and_refused() -> None:
    for given in ("Bearer \udcff", "Bearer ", "Bearer", "Bearer ü", f"Bearer {TOKEN}x"):
        refused = Guard(TOKEN).refuse({"Host": "localhost", "Authorization": given})
        assert refused is not None
        assert refused.status == 401


# -- when there has to be a token ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_loopback_no_token_is_needed(host: str) -> None:
    assert Endpoint(host=host).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.7", "mcmock.example"])
def test_away_from_loopback_one_is_made(host: str) -> None:
    first, second = Endpoint(host=host), Endpoint(host=host)
    assert first.made_token
    assert first.token is not None
    assert len(first.token) >= 32
    assert first.token != second.token
    given = Endpoint(host=host, admin_token="mine")
    assert (given.token, given.made_token) == ("mine", False)


@pytest.mark.parametrize("token", ["", "  ", "two\nlines", "schlüssel"])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="--admin-token must be"):
        Endpoint(admin_token=token)
