"""The loss ledger for the Media Edge API: how its clients send again, and what became of what they sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcmock import faults
from mcmock.core.model import Answer, Request
from mcmock.engine import Emulator
from mcmock.faults import FaultRule
from mcmock.faults.losses import Fate
from tests.protocols.edge import IDENTITY, body, session_in, start, xdm

RECORDINGS = Path(__file__).parent / "recordings"


def fates(emulator: Emulator) -> list[tuple[str | None, Fate]]:
    return [(one.event_type, one.fate) for one in emulator.losses().requests]


# -- as they were recorded ------------------------------------------------------------------------------------------------


def play(emulator: Emulator, name: str) -> None:
    """Send what a real client sent, and have it meet the fault that it met then: what it did next was its answer to that."""
    ids: dict[str, str] = {}
    for line in (RECORDINGS / f"{name}.jsonl").read_text().splitlines():
        sent = json.loads(line)
        expected, text = sent["response"], sent["body_raw"]
        for recorded, ours in ids.items():
            text = text.replace(recorded, ours)
        emulator.replace_faults(rules_of(sent))
        headers = tuple((key.encode(), value.encode()) for key, value in sent["headers"])
        answer = emulator.handle(Request("POST", sent["path"], headers, text.encode()))
        assert answer.response.status == expected["status"]
        if sent["kind"] == "session" and expected["sid"] is not None:
            ids[expected["sid"]] = json.loads(answer.response.body.strip(b"\0\n"))["handle"][0]["payload"][0][
                "sessionId"
            ]


def rules_of(sent: dict[str, Any]) -> list[FaultRule]:
    status = sent["response"]["status"]
    if status == 200 and sent["response"]["sid"] is None:
        return list(faults.preset("edge-no-session-id"))
    return [] if status in (200, 204) else [faults.status(status)]


@pytest.mark.parametrize(
    ("recording", "expected"),
    [
        ("alloy__ev_429_retry", [("play", Fate.RETRIED)]),  # the same requestId after Retry-After
        ("alloy__ev_404_once", [("play", Fate.LOST)]),  # rejected, and it goes on
        ("alloy__complete_404", [("sessionComplete", Fate.LOST)]),  # and pings for ever after
        ("alloy__ses_207", [("sessionStart", Fate.LOST)]),  # no retry, no session
        ("android__ses_207", [("sessionStart", Fate.LOST)]),
        (
            "android__ev_503_always",
            [("play", Fate.RETRIED)] * 3 + [("play", Fate.LOST)],
        ),  # the same _id in new requests
        ("roku__ses_no_handle", [("sessionStart", Fate.ORPHANED)]),
    ],
)
def test_a_recorded_client_loses_what_it_lost(
    emulator: Emulator, recording: str, expected: list[tuple[str, Fate]]
) -> None:
    play(emulator, recording)
    assert fates(emulator) == expected


# -- one client after the other -------------------------------------------------------------------------------------------


def post(emulator: Emulator, word: str, event: dict[str, Any], request_id: str | None = None, **more: Any) -> Answer:
    query = "?configId=ds-1" + (f"&requestId={request_id}" if request_id else "")
    path = "/ee/v1/interact" if word == "interact" else f"/ee/va/v1/{word}"
    text = json.dumps(body(event, **more)).encode()
    return emulator.handle(Request("POST", path + query, ((b"Content-Type", b"application/json"),), text))


def ping(session_id: str, second: int = 1, **more: Any) -> dict[str, Any]:
    return {**xdm("ping", session_id, f"2023-11-14T22:13:{20 + second:02}.000Z", playhead=second), **more}


@pytest.mark.parametrize("tries", [2, 3, 4])
def test_alloy_sends_the_same_request_up_to_four_times(emulator: Emulator, tries: int) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event="ping", times=3))
    for _ in range(tries):
        post(emulator, "ping", ping(sid), "r-1")
    counted = tries == 4
    assert [fate for _, fate in fates(emulator)] == [Fate.RETRIED] * (tries - 1) + [Fate.LOST] * (not counted)


def test_alloy_s_later_events_overtake_the_one_that_waits(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(429, None, {"Retry-After": "2"}, event="ping", times=1))
    post(emulator, "ping", ping(sid, 1), "r-1")
    post(emulator, "ping", ping(sid, 2), "r-2")
    assert fates(emulator) == [("ping", Fate.LOST)]
    post(emulator, "ping", ping(sid, 1), "r-1")
    assert fates(emulator) == [("ping", Fate.RETRIED)]


def test_a_browser_that_posts_again_on_a_connection_that_broke_counts_twice(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.reset(side="after", event="ping", times=1))
    for _ in range(2):
        post(emulator, "ping", ping(sid), "r-1")
    assert fates(emulator) == [("ping", Fate.DUPLICATED)]


@pytest.mark.parametrize("request_ids", [("r-1", "r-2"), ("r-1", "r-1")], ids=["android", "roku"])
def test_an_event_with_an_id_is_the_same_in_another_request(emulator: Emulator, request_ids: tuple[str, str]) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event="ping", times=1))
    for request_id in request_ids:
        post(emulator, "ping", ping(sid, _id="e-1"), request_id)
    assert fates(emulator) == [("ping", Fate.RETRIED)]


def test_android_s_time_out_sends_again_what_was_counted(emulator: Emulator) -> None:
    """It gives an answer five seconds, and a late one is no answer."""
    sid = start(emulator)
    emulator.add_fault(faults.delay(7, event="ping", times=1))
    post(emulator, "ping", ping(sid, _id="e-1"), "r-1")
    assert fates(emulator) == [("ping", Fate.COUNTED)]
    post(emulator, "ping", ping(sid, _id="e-1"), "r-2")
    assert fates(emulator) == [("ping", Fate.DUPLICATED)]


def test_android_s_second_start_leaves_an_orphan_behind(emulator: Emulator) -> None:
    emulator.add_fault(faults.delay(7, kind="session", times=1))
    first = {**xdm("sessionStart"), "_id": "e-1"}
    post(emulator, "sessionStart", first, "r-1")
    assert fates(emulator) == [("sessionStart", Fate.ORPHANED)]
    sid = session_in(post(emulator, "sessionStart", first, "r-2"))
    post(emulator, "ping", ping(sid, _id="e-2"), "r-3")
    assert fates(emulator) == [("sessionStart", Fate.DUPLICATED)]


@pytest.mark.parametrize(("ids", "more"), [(("e-1", "e-2"), {}), ((None, None), {})], ids=["_id", "requestId"])
def test_two_events_of_the_same_moment_are_two(emulator: Emulator, ids: tuple[Any, Any], more: dict[str, Any]) -> None:
    """A Roku's milliseconds are not padded, and a page may do two things at once."""
    sid = start(emulator)
    emulator.add_fault(faults.status(400, event="statesUpdate", times=1))
    for number, name in enumerate(("mute", "fullscreen")):
        event = {**xdm("statesUpdate", sid, statesStart=[{"name": name}]), **more}
        post(emulator, "statesUpdate", event if ids[number] is None else {**event, "_id": ids[number]}, f"r-{number}")
    assert fates(emulator) == [("statesUpdate", Fate.LOST)]


def test_theo_sends_nothing_again(emulator: Emulator) -> None:
    """Version 0.1: neither an id nor a requestId, and the time of sending."""
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event="ping", times=1))
    post(emulator, "ping", ping(sid, 1))
    post(emulator, "ping", ping(sid, 2))
    assert fates(emulator) == [("ping", Fate.LOST)]


def test_where_there_is_no_id_the_time_tells(emulator: Emulator) -> None:
    sid = start(emulator)
    emulator.add_fault(faults.status(503, event="ping", times=1))
    for _ in range(2):
        post(emulator, "ping", ping(sid))
    assert fates(emulator) == [("ping", Fate.RETRIED)]


@pytest.mark.parametrize("preset", ["edge-refused-start", "edge-no-session-id"])
def test_theo_s_third_try_of_a_start_is_the_same_viewing(emulator: Emulator, preset: str) -> None:
    """Version 1.3: each try is a session of its own, and the service has told by then who watches."""
    emulator.add_faults(faults.preset(preset))
    anonymous, known = xdm("sessionStart"), {**xdm("sessionStart"), "identityMap": IDENTITY}
    del anonymous["identityMap"]
    post(emulator, "interact", {**anonymous, "timestamp": "2023-11-14T22:13:20Z"}, "r-1")
    post(emulator, "interact", {**known, "timestamp": "2023-11-14T22:13:21Z"}, "r-2")
    emulator.clear_faults()
    sid = session_in(post(emulator, "interact", {**known, "timestamp": "2023-11-14T22:13:23Z"}, "r-3"))
    answered = Fate.DUPLICATED if preset == "edge-no-session-id" else Fate.MOVED
    missed = Fate.ORPHANED if preset == "edge-no-session-id" else Fate.LOST
    assert [fate for _, fate in fates(emulator)] == [missed] * 2
    post(emulator, "play", xdm("play", sid, "2023-11-14T22:13:24Z"), "r-4")
    assert [fate for _, fate in fates(emulator)] == [answered] * 2


def test_a_visitor_who_is_known_does_not_become_another(emulator: Emulator) -> None:
    emulator.add_fault(faults.status(500, kind="session", times=1))
    other = {"ECID": [{"id": "1" * 38}]}
    post(emulator, "sessionStart", {**xdm("sessionStart"), "identityMap": other}, "r-1")
    sid = session_in(post(emulator, "sessionStart", xdm("sessionStart"), "r-2"))
    post(emulator, "play", xdm("play", sid), "r-3")
    assert fates(emulator) == [("sessionStart", Fate.LOST)]


@pytest.mark.parametrize("preset", ["edge-refused-start", "edge-no-session-id"])
def test_events_without_a_session_are_the_doing_of_the_fault_that_kept_it(emulator: Emulator, preset: str) -> None:
    """alloy's sendEvent goes on after a start that brought it no session."""
    nameless = xdm("play", None)
    emulator.add_faults(faults.preset(preset))
    post(emulator, "interact", xdm("sessionStart"), "r-1")
    emulator.clear_faults()
    answer = post(emulator, "interact", nameless, "r-2")
    assert (answer.response.status, answer.fault is not None) == (400, True)
    assert emulator.verdict().passed
    assert fates(emulator)[1:] == [("play", Fate.LOST)]
    session_in(post(emulator, "interact", xdm("sessionStart", ts="2023-11-14T22:14:00Z"), "r-3"))
    assert post(emulator, "interact", nameless, "r-4").fault is None
    assert not emulator.verdict().passed


def test_a_start_that_is_refused_for_what_it_is_excuses_nothing(emulator: Emulator) -> None:
    emulator.add_faults(faults.preset("edge-no-session-id"))
    post(emulator, "interact", xdm("sessionStart"), "r-1")
    emulator.clear_faults()
    assert post(emulator, "interact", xdm("sessionStart", sessionDetails=...), "r-2").response.status == 207
    assert post(emulator, "interact", xdm("play", None), "r-3").fault is None
