"""Every list of the control API that may be long has pages: followed by `next`, they are what is told in one piece."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest

from mcmock import faults
from mcmock.core.paging import Window
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, send, start

PLAN = {
    "all": {"events": ["chapterStart"], "sessionStart": {"metadata": dict.fromkeys("abcde", "required")}},
}
AD = {"media.ad.id": "ad-1", "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
SESSIONS = 5
FAULTS = ("one", "two", "Three", "4", "last")


def told(server: McmockServer, path: str, value: Any = None, method: str = "GET") -> Any:
    body = None if value is None else json.dumps(value).encode()
    request = Request(server.admin_url + path, body, {"Content-Type": "application/json"}, method=method)
    with urlopen(request, timeout=20) as answer:
        return json.load(answer)


def refusal(server: McmockServer, path: str, value: Any = None, method: str = "GET") -> str:
    with pytest.raises(HTTPError) as caught:
        told(server, path, value, method)
    with caught.value as answer:
        assert answer.status == 400
        message: str = json.load(answer)["error"]["message"]
    return message


@pytest.fixture(scope="module")
def server() -> Iterator[McmockServer]:
    """A server that has more than two of everything."""
    with McmockServer(plan=PLAN) as running:
        running.faults.replace(*(faults.status(503, event="error", name=name) for name in FAULTS))
        for number in range(SESSIONS):
            sid = start(running.emulator, params={**START_PARAMS, "media.id": f"film-{number}"})
            for place, name in enumerate(["play", *["adComplete", "ping", "error"] * number]):
                send(running.emulator, sid, name, place, ts=1_700_000_000_000 + place * 1000)
            send(running.emulator, sid, "adStart", 99, params=AD)
        for name in ("x", "y", "z", "zz"):
            told(running, f"/faults?scope={name}", {"faults": []}, "PUT")
        running.clock.advance(3600)  # the sessions time out, and their ads are left open
        yield running


def followed(server: McmockServer, path: str, cursor: str) -> Iterator[dict[str, Any]]:
    """Yield the pages of two of a list: where `next` of one stands, the next one begins."""
    further: str | int | None = ""
    while further is not None:
        place = "" if further == "" else f"&{cursor}={quote(str(further))}"
        page = told(server, f"{path}{'&' if '?' in path else '?'}limit=2{place}")
        yield page
        further = page["next"]


LISTS = {
    "/requests?brief=1": ("since", "requests"),
    "/requests?brief=1&event=ping": ("since", "requests"),
    "/requests?brief=1&order=desc": ("before", "requests"),
    "/requests?brief=1&order=desc&event=ping": ("before", "requests"),
    "/requests?brief=1&order=desc&outcome=ignored": ("before", "requests"),
    "/requests?brief=1&order=desc&playhead.min=2": ("before", "requests"),
    "/losses": ("since", "requests"),
    "/faults": ("since", "faults"),
    "/presets": ("since", "presets"),
    "/scopes?brief=1": ("since", "scopes"),
    "/plan/coverage": ("since", "items"),
    "/verdict?failOn=warning": ("since", "requests findings"),
}


@pytest.mark.parametrize("path", LISTS)
def test_the_pages_of_a_list_are_the_list(server: McmockServer, path: str) -> None:
    cursor, names = LISTS[path]
    whole = told(server, path)
    pages = [*followed(server, path, cursor)]
    assert len(pages) > 2
    assert whole["next"] is None
    for name in names.split():
        for page in pages:
            assert len(page[name]) <= 2
        shown = [one for page in pages for one in page[name]]
        assert len(shown) > 2
        assert list(map(ageless, shown)) == list(map(ageless, whole[name]))
    for page in pages:
        assert {key: value for key, value in page.items() if key in NUMBERS} == {
            key: value for key, value in whole.items() if key in NUMBERS
        }


NUMBERS = ("total", "exercised", "faulted", "lost", "counts", "result", "message")
"""What says the same on each page: it is about all that there is."""


def ageless(one: dict[str, Any]) -> dict[str, Any]:
    """Return an item without the real time for which a scope has been idle."""
    return {**one, "idle": 0}


def test_the_pages_of_a_comparison_are_the_comparison(server: McmockServer) -> None:
    old, *_, new = server.emulator.session_ids()
    path = f"/compare?old={old}&new={new}"
    whole, pages = told(server, path), [*followed(server, path, "since")]
    assert len(pages) > 2
    assert whole["next"] is None
    for name in ("differences", "pairs"):
        assert [one for page in pages for one in page[name]] == whole[name]
        assert max(len(page[name]) for page in pages) == 2
    for place, known in enumerate(whole["known"]):
        assert [one for page in pages for one in page["known"][place]["differences"]] == known["differences"]


def test_a_page_that_begins_nowhere_is_refused(server: McmockServer) -> None:
    for path in ("/faults", "/presets", "/scopes"):
        assert refusal(server, f"{path}?since=nobody") == (
            "since must be a name of this list, as next says it, not 'nobody'"
        )
    for path in ("/plan/coverage", "/verdict", "/losses", "/requests"):
        assert "since must be a whole number" in refusal(server, f"{path}?since=nobody")
    assert "before must be a whole number" in refusal(server, "/requests?before=nobody")
    for path in ("/faults", "/presets", "/scopes", "/plan/coverage", "/verdict"):
        assert "limit must be a whole number" in refusal(server, f"{path}?limit=few")
    assert told(server, "/faults?limit=0") == {"faults": [], "total": 5, "next": None}


def test_the_list_of_faults_may_be_sent_back_but_not_a_page_of_it(server: McmockServer) -> None:
    whole = told(server, "/faults")
    assert named(told(server, "/faults", whole, "PUT")) == named(whole) == [*FAULTS]
    assert "ask without limit" in refusal(server, "/faults", told(server, "/faults?limit=2"), "PUT")
    assert named(told(server, "/faults")) == [*FAULTS]


def named(answer: dict[str, Any]) -> list[str]:
    return [fault["name"] for fault in answer["faults"]]


def test_a_window_is_a_part_of_a_list_and_says_where_the_next_one_begins() -> None:
    assert Window().of("abc") == "abc"
    assert Window(1, 1).of("abc") == "b"
    assert [Window(since, 2).next(5) for since in (0, 2, 3, 9)] == [2, 4, None, None]
    assert [Window(0, limit).next(5) for limit in (None, 0, 5)] == [None, None, None]
