"""Adobe's Web SDK against the Media Edge API: what it sends in each of its four ways, what of that is counted, and what it
makes of a service that refuses, throttles or forgets it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest

import mcmock
from mcmock import faults
from mcmock.protocols.media_edge import fields, problems
from mcmock.testing.server import McmockServer
from tests.clients import stories, web_sdk
from tests.clients.stories import Step, Story
from tests.clients.web_sdk import Viewer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

pytestmark = pytest.mark.mcmock(clock="frozen")

WAYS = ("playerId", "byHand", "sendEvent", "bridge")
PINGS = ("playerId", "bridge")
"""The ways in which the SDK pings by itself; in the others the page does."""

ONE_SHORT = [way if way == "playerId" else pytest.param(way, marks=pytest.mark.long) for way in WAYS]
FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with web_sdk.pages() as url:
        yield url


@pytest.fixture(scope="module")
def browser(mcmock_running: McmockServer) -> Iterator[Browser]:
    with web_sdk.browser(mcmock_running.https_url) as launched:
        yield launched


@pytest.fixture
def viewer(browser: Browser, address: str, mcmock_server: McmockServer) -> Iterator[Viewer]:
    context: BrowserContext = browser.new_context(ignore_https_errors=True)
    yield web_sdk.open_page(context, address, mcmock_server.clock)
    context.close()


# -- what is counted -------------------------------------------------------------------------------------------------------

COUNTED: dict[str, tuple[Story, dict[str, Any]]] = {
    "vod": (
        stories.VOD,
        {
            "content_time_spent": 27.3, "unique_time_played": 27, "pause_count": 2, "pause_time": 2.0, "buffer_count": 1,
            "buffer_time": 0.8, "content_completes": True, "progress_75": True, "progress_95": False,
        },
    ),
    "ads": (
        stories.ADS,
        {
            "content_time_spent": 7.85, "media_time_spent": 25.5, "ad_starts": 3, "ad_completes": 2, "ad_break_count": 2,
            "ad_time_spent": 17.65, "pause_count": 0,
        },
    ),
    "chapters": (
        stories.CHAPTERS,
        {"chapter_starts": 3, "chapter_completes": 2, "content_time_spent": 17.7, "content_completes": False},
    ),
    "states": (stories.STATES, {"content_time_spent": 8.7, "error_count": 0}),
    "errors": (
        stories.ERRORS,
        {
            "error_count": 1, "player_errors": ("MEDIA_ERR_DECODE:3",), "bitrate_change_count": 1, "dropped_frames": 11,
            "time_to_start": 1.251,
        },
    ),
}  # fmt: skip
"""Each story, and what of the report it is for."""


SHORT = {*((way, "vod") for way in WAYS), ("playerId", "errors")}
TOLD = [
    pytest.param(way, name, marks=() if (way, name) in SHORT else pytest.mark.long) for way in WAYS for name in COUNTED
]


@pytest.mark.parametrize(("way", "name"), TOLD)
def test_each_way_tells_a_story_and_it_is_counted(
    viewer: Viewer, mcmock_server: McmockServer, way: str, name: str
) -> None:
    story, numbers = COUNTED[name]
    viewer.watch(way, story)
    assert viewer.refused == []
    session = mcmock_server.session()
    assert {one: getattr(session.report, one) for one in numbers} == numbers
    assert {one.rule for one in session.findings if one.severity != "info"} == set()
    wanted = [event for _, event, *_ in story]
    assert [one for one in session.events if one != "ping"] == wanted
    assert mcmock_server.verdict("warning").passed


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_states_are_told_apart(viewer: Viewer, mcmock_server: McmockServer, way: str) -> None:
    viewer.watch(way, stories.STATES)
    (full, mute) = mcmock_server.session().report.states
    assert (full.name, full.count, full.time) == ("fullscreen", 1, 4.0)
    assert (mute.name, mute.count) == ("mute", 1)


def test_the_doors_it_takes_and_the_hint_it_follows(viewer: Viewer, mcmock_server: McmockServer) -> None:
    viewer.watch("playerId", stories.ERRORS)
    viewer.tell("sendEvent", "play")  # an event without a session, by the other door
    paths = [urlsplit(one.path).path for one in mcmock_server.requests()]
    assert paths[0] == "/ee/v1/interact"
    assert {path.rpartition("/")[0] for path in paths[1:-1]} == {"/ee/irl1/va/v1"}
    assert paths[-1] == "/ee/irl1/v1/interact"
    kinds = {str(one.kind) for one in mcmock_server.requests()}
    assert "preflight" not in kinds, "it posts text/plain"


@pytest.mark.parametrize("domain", ["localhost:8443", "https://localhost"])
def test_a_domain_with_more_than_a_name_ends_all_commands(
    viewer: Viewer, address: str, mcmock_server: McmockServer, domain: str
) -> None:
    viewer.page.goto(f"{address}?edgeDomain={domain}")
    assert "edgeDomain" in viewer.page.evaluate("configured.then(() => '', (error) => error.message)")
    viewer.tell("playerId", "sessionStart", details=stories.START)
    ((event, error),) = viewer.refused
    assert (event, "configure" in error) == ("sessionStart", True)
    assert mcmock_server.requests() == []


# -- the same as the Media SDK ---------------------------------------------------------------------------------------------


def told_by_the_app(recording: Path) -> Story:
    """What the app told the Media SDK in a recording of it: without the events that this SDK adds by itself."""
    lines = (json.loads(line) for line in recording.read_text().splitlines())
    bodies = [line["body"] for line in lines if line.get("body")]
    first, before = bodies[0]["playerTime"]["ts"], ""
    story: list[Step] = []
    for body in bodies:
        event, time = body["eventType"], body["playerTime"]
        if event != "ping" and not (event == "play" and before in ("adStart", "play")):
            details = fields.write(body.get("params", {}), body.get("qoeData"), body.get("customMetadata"))
            story.append(((time["ts"] - first) / 1000, event, time["playhead"], details))
        before = event
    return tuple(story)


@pytest.mark.parametrize("way", ONE_SHORT)
def test_the_story_ads_is_counted_as_when_the_media_sdk_told_it(
    viewer: Viewer, mcmock_server: McmockServer, way: str
) -> None:
    recording = FIXTURES / "clients" / "js3__ads.jsonl"
    (old,) = mcmock.check(recording).sessions
    viewer.watch(way, told_by_the_app(recording))
    before, after = (one.report.to_json() for one in (old, mcmock_server.session()))
    numbers, other = before["exact"], after["exact"]
    for exact in (numbers, other):
        for name in ("sessionId", "firstTs", "lastTs"):
            del exact[name]
    # Its playheads are whole seconds, and so each of the two stretches may be one shorter.
    assert other.pop("uniqueTimePlayed") == pytest.approx(numbers.pop("uniqueTimePlayed"), abs=2)
    # The legacy bridge rounds the length, of which this is the part that was watched.
    rounded = pytest.approx(numbers.pop("averageMinuteAudience"), rel=0.01)
    assert other.pop("averageMinuteAudience") == rounded
    assert other == numbers
    for name in ("ads", "adBreaks"):
        assert [one["exact"] for one in after[name]] == [one["exact"] for one in before[name]]
    mcmock_server.assert_same_report(str(recording), mcmock_server.session(), within=0.1)


# -- a service that does not do as it should -------------------------------------------------------------------------------

REFUSED_START = {
    "playerId": "Session ID is not available for playerId: player-1",
    "byHand": "Invalid sendMediaEvent command options",
    "sendEvent": "$.events[0].xdm.mediaCollection.sessionID",
    "bridge": "Session ID is not available for playerId: ",
}
"""What each event is rejected with after a start without a session."""


@pytest.mark.parametrize(
    "way", ["playerId", "sendEvent", *(pytest.param(way, marks=pytest.mark.long) for way in ("byHand", "bridge"))]
)
def test_a_start_that_is_refused_seems_to_succeed_and_nothing_is_counted(
    viewer: Viewer, mcmock_server: McmockServer, way: str
) -> None:
    if way == "bridge":  # which begins every session at 0
        mcmock_server.faults.add(faults.status(207, kind="session", times=1))
    (start, *rest) = stories.ERRORS
    viewer.watch(way, ((0, "sessionStart", 90_000, start[3]), *rest))  # a live stream that counts past a day
    told = dict(viewer.told)
    assert told.pop("sessionStart") is None, "its promise is kept: an app does not hear of it"
    assert {event: REFUSED_START[way] in str(error) for event, error in told.items()} == dict.fromkeys(told, True)
    statuses = [one.status for one in mcmock_server.requests()]
    later = len(told) if way == "sendEvent" else 0  # only this way goes on to send, without a session id
    assert statuses == [207, *[400] * later]
    answer = mcmock_server.requests()[0].response_body.decode()
    assert (problems.PLAYHEAD_RANGE in answer, "va-edge-0400-400" in answer) == (way != "bridge", True)
    assert mcmock_server.verdict().passed == (way == "bridge"), "a fault is what the test asked for"
    found = {one.rule for exchange in mcmock_server.requests() for one in exchange.findings}
    assert ("refused-in-207" in found, "session-id-missing" in found) == (way != "bridge", way == "sendEvent")


@pytest.mark.parametrize("way", ONE_SHORT)
def test_a_throttled_event_comes_again_when_it_was_told_to(
    viewer: Viewer, mcmock_server: McmockServer, way: str
) -> None:
    mcmock_server.faults.add(faults.status(429, None, {"Retry-After": "7"}, event="bufferStart", times=1))
    viewer.watch(way, stories.VOD)
    first, again = mcmock_server.requests(event="bufferStart")
    assert (first.status, again.status) == (429, 200 if way == "sendEvent" else 204)
    assert again.at - first.at == pytest.approx(7, abs=1)
    assert again.path == first.path, "with the same requestId"
    assert viewer.refused == []
    mcmock_server.assert_no_losses()
    assert mcmock_server.session().report.buffer_count == 1


@pytest.mark.parametrize("way", ONE_SHORT)
def test_a_session_that_is_forgotten_is_never_begun_anew(viewer: Viewer, mcmock_server: McmockServer, way: str) -> None:
    mcmock_server.faults.add(faults.forget_session(event="pauseStart", times=1))
    viewer.watch(way, stories.VOD)
    viewer.wait(35)
    lost = [event for _, event, *_ in stories.VOD[2:]]
    assert len(mcmock_server.requests(kind="session")) == 1
    assert [event for event, _ in viewer.refused if event != "ping"] == lost
    failed = [one.event_type for one in mcmock_server.requests(status=404)]
    assert [event for event in failed if event != "ping"] == lost
    assert failed[-2:] == ["ping", "sessionComplete"], "nothing comes after the end"
    if way in PINGS:
        assert failed.count("ping") == 1, "a ping was due since the last good event; none follows one that failed"


def test_a_session_that_a_sleeping_laptop_has_outlived(viewer: Viewer, mcmock_server: McmockServer) -> None:
    viewer.watch("playerId", stories.VOD[:3])
    viewer.sleep(3600)
    viewer.tell("playerId", "play", 12.1)
    assert [one.status for one in mcmock_server.requests()] == [200, 204, 204, 204, 404, 404]
    assert [event for event, _ in viewer.refused] == ["play"]
    assert len(mcmock_server.sessions()) == 1
    assert "session-not-ended" in {one.rule for one in mcmock_server.session().findings}


@pytest.mark.parametrize("side", ["before", pytest.param("after", marks=pytest.mark.long)])
def test_an_end_that_fails_leaves_its_pings_going_for_ever(
    viewer: Viewer, mcmock_server: McmockServer, side: str
) -> None:
    mcmock_server.faults.add(faults.status(500, event="sessionComplete", times=1, side=side))
    viewer.watch("playerId", stories.VOD)
    pings = len(mcmock_server.requests(event="ping"))
    viewer.wait(35)
    assert [event for event, _ in viewer.refused] == ["sessionComplete"]
    assert len(mcmock_server.requests(event="ping")) >= pings + 3
    assert (mcmock_server.losses().lost, mcmock_server.losses().counted) == ((1, 0) if side == "before" else (0, 1))
    found = {one.rule for exchange in mcmock_server.requests(event="ping") for one in exchange.findings}
    assert ("ping-after-complete" in found) == (side == "after")


# -- the faults of the Media Edge API, by the names of docs/faults.md -------------------------------------------------------


class Seen(NamedTuple):
    """What one viewing under a preset comes to: statuses in order of arrival, calls that are rejected, and what was lost."""

    statuses: list[int]
    rejected: int
    became: dict[str, int]


EVENTS = len(stories.VOD) - 1
GOOD = [204] * (EVENTS + 2)
"""All but the start, with two pings."""

UNDER = {
    "edge-refused-start": Seen([207], EVENTS, {"lost": 1}),
    "edge-no-session-id": Seen([200], EVENTS, {"orphaned": 1}),
    "edge-unknown-datastream": Seen([400], EVENTS + 1, {"lost": 1}),
    "edge-empty-session-id": Seen([200], EVENTS, {"orphaned": 1}),
    "edge-not-streamed": Seen([200, *GOOD], 0, {}),
    "edge-no-handle": Seen(
        [200] * (EVENTS + 2), EVENTS, {"counted": EVENTS + 1}
    ),  # one ping: a rejected event ends them
    "edge-lost-session": Seen([200, 204, 404, *GOOD[2:]], 0, {"lost": 1}),  # the ping, whose call is nobody's
    "edge-retry-after": Seen([200, 429, *GOOD], 0, {"retried": 1}),
    "edge-retry-after-hidden": Seen([200, 429, *GOOD], 0, {"retried": 1}),
    "edge-hint-changes": Seen([200, 204, 200, *GOOD[2:]], 0, {"counted": 1}),
    "edge-hints-differ": Seen([200, *GOOD], 0, {"counted": 1}),
    "edge-cors-wildcard": Seen([200], EVENTS + 1, {"orphaned": 1}),
}


@pytest.mark.long
@pytest.mark.parametrize("preset", [name for name in faults.PRESETS if name.startswith("edge-")])
def test_what_each_preset_does_to_it(viewer: Viewer, mcmock_server: McmockServer, preset: str) -> None:
    mcmock_server.prepare(clock="frozen", preset=preset)
    viewer.watch("playerId", stories.VOD)
    losses = mcmock_server.losses()
    counts = {name: getattr(losses, name) for name in ("retried", "moved", "duplicated", "counted", "lost", "orphaned")}
    became = {name: count for name, count in counts.items() if count}
    statuses = [one.status for one in mcmock_server.requests()]
    assert Seen(statuses, len(viewer.refused), became) == UNDER[preset]


@pytest.mark.long
@pytest.mark.parametrize(("preset", "first"), [("edge-hint-changes", "pauseStart"), ("edge-hints-differ", "play")])
def test_it_goes_to_the_region_that_the_cookie_names(
    viewer: Viewer, mcmock_server: McmockServer, preset: str, first: str
) -> None:
    mcmock_server.prepare(clock="frozen", preset=preset)
    viewer.watch("playerId", stories.VOD)
    elsewhere = [
        one.event_type for one in mcmock_server.requests() if not one.path.startswith(("/ee/irl1/", "/ee/v1/"))
    ]
    assert elsewhere[0] == first
    assert len(elsewhere) == len(mcmock_server.requests()) - (3 if first == "pauseStart" else 1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("preset", "soonest", "latest"), [("edge-retry-after", 2, 2.1), ("edge-retry-after-hidden", 0.7, 1.4)]
)
def test_a_retry_after_that_it_may_not_read_is_its_own_second(
    viewer: Viewer, mcmock_server: McmockServer, preset: str, soonest: float, latest: float
) -> None:
    mcmock_server.prepare(clock="frozen", preset=preset)
    viewer.watch("playerId", stories.VOD[:2])
    for _ in range(25):
        viewer.wait(0.1)
    refused, again = mcmock_server.requests(event="play")
    assert soonest - 0.01 <= again.at - refused.at <= latest + 0.01
