"""Two sessions side by side: what is the same, what differs, what was lost or is new, and what is set apart as known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mcmock.analytics.views import SessionView
from mcmock.checks import comparison
from mcmock.checks.alignment import Sent, aligned, events_sent
from mcmock.checks.comparison import KNOWN, Change, Comparison, Part, compare
from mcmock.checks.comparison_text import text
from mcmock.recordings import formats
from mcmock.recordings.check import checkup
from mcmock.recordings.files import check
from tests.conftest import START_PARAMS

ROOT = Path(__file__).parents[2]
CLIENTS, EDGE = ROOT / "fixtures" / "clients", ROOT / "fixtures" / "edge"

Event = tuple[float, str, float, dict[str, Any]]
START: Event = (0, "sessionStart", 0, {"params": START_PARAMS})
END: Event = (30, "sessionComplete", 30, {})
PLAIN: tuple[Event, ...] = (START, (0, "play", 0, {}), (10, "ping", 10, {}), (20, "ping", 20, {}), END)
BREAK: Event = (5, "adBreakStart", 5, {"params": {"media.ad.podIndex": 1, "media.ad.podSecond": 5}})


def ad(at: float, name: str, **params: Any) -> Event:
    known = {"media.ad.id": name, "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
    return (at, "adStart", 5, {"params": {**known, **params}})


CONTENT_BEGINS: Event = (1, "play", 1, {})
AFTER_SEEK: tuple[Event, ...] = (
    (11, "bufferStart", 22, {}), (12, "play", 22, {}), (20, "sessionComplete", 30, {}),
)  # fmt: skip
PREROLL: tuple[Event, ...] = (
    (0.2, "adBreakStart", 0, BREAK[3]), (0.2, "adStart", 0, ad(0, "a")[3]), (5, "adComplete", 0, {}),
    (5, "adBreakComplete", 0, {}), (5, "play", 0, {}),
)  # fmt: skip
ADS: tuple[Event, ...] = (START, PLAIN[1], BREAK, ad(5, "a"))


def session(*events: Event) -> SessionView:
    """Return the session of a timeline with these events: seconds, type, playhead, and the rest of the body."""
    steps = [
        {"at": at, "send": {"eventType": kind, "playerTime": {"playhead": playhead}, **rest}}
        for at, kind, playhead, rest in events
    ]
    document = json.dumps({"name": "t", "steps": steps}).encode()
    (view,) = checkup(formats.read(document), "t").sessions
    return view


def recorded(folder: Path, name: str) -> SessionView:
    (view,) = check(folder / f"{name}.jsonl").sessions
    return view


def told(done: Comparison) -> list[tuple[str, str, str | None]]:
    return [(one.change, one.name, one.known) for one in done.differences]


def changed(events: tuple[Event, ...], place: int, **rest: Any) -> tuple[Event, ...]:
    at, kind, playhead, body_ = events[place]
    return (
        *events[:place],
        (rest.pop("at", at), kind, rest.pop("playhead", playhead), {**body_, **rest}),
        *events[place + 1 :],
    )


# -- the recordings of two SDKs ---------------------------------------------------------------------------------------------


def test_the_same_story_by_the_media_sdk_and_the_web_sdk_is_the_same_report() -> None:
    done = compare(recorded(CLIENTS, "js3__ads"), recorded(EDGE, "alloy__ads"))
    assert done.counted() == ()
    counts = {name: len(found) for name, found in done.set_apart.items()}
    assert counts == {"repeated-play": 4, "play-before-ads": 1, "whole-numbers": 9, "set-elsewhere": 9}
    assert "the same, times and playheads within 1 s; 23 known differences set apart" in text(done)


def test_a_recording_is_the_same_as_itself() -> None:
    for path in [*CLIENTS.glob("*.jsonl"), *EDGE.glob("*.jsonl")]:
        for view in check(path).sessions:
            assert compare(view, view, 0.0).differences == (), path.name


def test_what_was_swapped_is_lost_one_way_and_new_the_other() -> None:
    old, new = recorded(CLIENTS, "js3__vod"), recorded(EDGE, "alloy__chapters")
    there, back = compare(old, new), compare(new, old)
    swapped = {Change.LOST: Change.NEW, Change.NEW: Change.LOST, Change.DIFFERENT: Change.DIFFERENT}
    assert [one.name for one in there.counted(parts=[Part.REPORT])] == [
        one.name for one in back.counted(parts=[Part.REPORT])
    ]
    events = {(one.change, one.name) for one in there.counted(parts=[Part.PARAMS, Part.METADATA])}
    assert {(swapped[change], name) for change, name in events} == {
        (one.change, one.name) for one in back.counted(parts=[Part.PARAMS, Part.METADATA])
    }


# -- events -----------------------------------------------------------------------------------------------------------------


def test_an_event_that_is_missing_is_lost_and_the_rest_stays_paired() -> None:
    pause: tuple[Event, ...] = ((12, "pauseStart", 12, {}), (14, "play", 12, {}))
    old = session(*PLAIN[:3], *pause, *PLAIN[3:])
    done = compare(old, session(*PLAIN))
    events = [one for one in done.differences if one.part is Part.EVENTS and one.name == "event"]
    assert [(one.change, one.about.partition(" ")[0]) for one in events] == [("lost", "pauseStart"), ("lost", "play")]
    assert [one.name for one in done.counted(parts=[Part.REPORT])] == [
        "contentTimeSpent", "mediaTimeSpent", "averageMinuteAudience", "pauseCount", "pauseImpacted", "pauseTime",
    ]  # fmt: skip


def test_ads_are_paired_by_what_they_are_and_not_by_their_place() -> None:
    old = session(
        START, PLAIN[1], BREAK, ad(5, "a"), (10, "adComplete", 5, {}), ad(10, "b"), (15, "adComplete", 5, {}), END
    )
    new = session(START, PLAIN[1], BREAK, ad(5, "b"), (10, "adComplete", 5, {}), END)
    lost = [one.about for one in compare(old, new).differences if one.change is Change.LOST and one.name == "event"]
    assert lost[0].startswith("adStart 'a'")


def test_an_ad_that_was_completed_there_and_skipped_here_is_one_difference() -> None:
    rest: tuple[Event, ...] = ((10, "adBreakComplete", 5, {}), (10, "play", 5, {}), END)
    done = compare(
        session(*ADS, (10, "adComplete", 5, {}), *rest), session(*ADS, (10, "adSkip", 5, {}), *rest)
    )  # fmt: skip
    events = [one for one in done.differences if one.part is Part.EVENTS]
    assert [(one.name, one.old, one.new) for one in events] == [("event", "adComplete", "adSkip")]


def test_the_pairs_say_what_becomes_of_each_event() -> None:
    old = changed((*PLAIN[:2], CONTENT_BEGINS, *PLAIN[2:]), 5, playhead=30.25)
    new = changed(PLAIN, 0, params={**START_PARAMS, "media.name": "New"})
    pairs = compare(session(*old), session(*new)).pairs
    assert [(pair.event.event_type, pair.change, pair.known) for pair in pairs] == [
        ("sessionStart", "different", None), ("play", None, None), ("play", "lost", "repeated-play"), ("ping", None, None),
        ("ping", None, None), ("sessionComplete", None, "whole-numbers"),
    ]  # fmt: skip


def test_one_long_pause_is_one_difference_of_time() -> None:
    pause: tuple[Event, ...] = ((10, "pauseStart", 10, {}), (12, "play", 10, {}))
    rest: tuple[Event, ...] = ((15, "pauseStart", 13, {}), (16, "play", 13, {}), (20, "sessionComplete", 17, {}))
    longer = tuple((at + 8, kind, playhead, rest) for at, kind, playhead, rest in (pause[1], *rest))
    done = compare(session(*PLAIN[:2], *pause, *rest), session(*PLAIN[:2], pause[0], *longer))
    times = [one for one in done.differences if one.name == "time"]
    assert [(one.old, one.new) for one in times] == [(2.0, 10.0)]


def test_what_was_rejected_is_a_difference_of_outcome() -> None:
    wrong = changed(PLAIN, 1, params={"nobody": 1})
    done = compare(session(*PLAIN), session(*wrong))
    assert ("different", "outcome", None) in told(done)


@pytest.mark.parametrize(
    ("within", "same"), [(0.4, False), (0.5, True), (1.0, True)], ids=["less", "just", "more"]
)  # fmt: skip
def test_times_and_playheads_may_be_so_far_apart(within: float, same: bool) -> None:
    new = changed(changed(PLAIN, 4, at=30.5, playhead=30.5), 1, playhead=0)
    done = compare(session(*PLAIN), session(*new), within)
    assert (done.counted() == ()) is same, told(done)


# -- values -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"media.name": "New"}, ("different", "media.name")),
        ({"media.show": "Show"}, ("new", "media.show")),
        ({"media.channel": "other"}, ("different", "media.channel")),
        ({"media.resume": True}, ("new", "media.resume")),
        ({"media.resume": False}, None),
        ({"visitor.marketingCloudUserId": "2" * 38}, None),
    ],
)  # fmt: skip
def test_a_param(params: dict[str, Any], expected: tuple[str, str] | None) -> None:
    base = {**START_PARAMS, "media.name": "Old", "visitor.marketingCloudUserId": "1" * 38}
    old, new = (
        (at, kind, playhead, {"params": p})
        for (at, kind, playhead, _), p in ((START, base), (START, {**base, **params}))
    )
    done = compare(session(old, *PLAIN[1:]), session(new, *PLAIN[1:]))
    found = [(one.change, one.name) for one in done.differences if one.part is Part.PARAMS]
    assert found == ([expected] if expected else [])


def test_metadata_and_quality_are_compared_by_key() -> None:
    old = changed(changed(PLAIN, 0, customMetadata={"a": "1", "b": "2"}), 1, qoeData={"media.qoe.bitrate": 1000})
    new = changed(changed(PLAIN, 0, customMetadata={"b": "3", "c": "4"}), 1, qoeData={"media.qoe.bitrate": 2000})
    done = compare(session(*old), session(*new))
    found = [(one.part, one.change, one.name) for one in done.differences if one.part in (Part.METADATA, Part.QUALITY)]
    assert found == [
        (Part.METADATA, Change.LOST, "a"), (Part.METADATA, Change.DIFFERENT, "b"), (Part.METADATA, Change.NEW, "c"),
        (Part.QUALITY, Change.DIFFERENT, "media.qoe.bitrate"),
    ]  # fmt: skip


def test_quality_that_one_session_alone_sends_is_new() -> None:
    new = changed(PLAIN, 4, qoeData={"media.qoe.droppedFrames": 3})
    found = [(one.change, one.name) for one in compare(session(*PLAIN), session(*new)).counted(parts=[Part.QUALITY])]
    assert found == [("new", "media.qoe.droppedFrames")]


def test_a_quality_value_holds_until_another_is_sent() -> None:
    rate = {"media.qoe.bitrate": 1000}
    old, new = changed(PLAIN, 1, qoeData=rate), changed(changed(PLAIN, 1, qoeData=rate), 4, qoeData=rate)
    assert compare(session(*old), session(*new)).differences == ()


# -- what is known ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "known"),
    [
        (( *PLAIN[:2], CONTENT_BEGINS, *PLAIN[2:]), PLAIN, "repeated-play"),
        (
            (START, *PREROLL), (START, (0, "play", 0, {}), *PREROLL),
            "play-before-ads",
        ),
        (PLAIN, (*PLAIN[:2], (12, "ping", 12, {}), (22, "ping", 22, {}), END), "ping-times"),
        ((*ADS, (8, "adSkip", 5, {}), (8, "adBreakComplete", 5, {}), (8, "sessionEnd", 5, {})), (*ADS, (8, "sessionEnd", 5, {})),
         "closing-events"),
        ((*PLAIN[:2], (5, "stateStart", 5, {"params": {"media.state.name": "mute"}}), *PLAIN[2:]),
         (*PLAIN[:2], (5, "statesUpdate", 5, {"params": {"statesStart": [{"media.state.name": "mute"}]}}), *PLAIN[2:]),
         "states-in-one-update"),
        (changed(PLAIN, 4, playhead=30.25), PLAIN, "whole-numbers"),
        ((*PLAIN[:2], (8, "pauseStart", 8, {}), (9, "play", 8, {}), *AFTER_SEEK),
         (*PLAIN[:2], (8, "pauseStart", 8, {}), (9, "play", 20, {}), *AFTER_SEEK), "playhead-after-seek"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_sdks_are_known_to_do_is_set_apart(old: tuple[Event, ...], new: tuple[Event, ...], known: str) -> None:
    done = compare(session(*old), session(*new))
    assert set(done.set_apart) == {known}
    assert done.counted() == ()
    assert done.counted(count_known=True) == done.differences


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        (PLAIN, (*PLAIN[:2], PLAIN[4]), "pings"),  # no ping for half a minute
        ((*PLAIN[:2], (8, "pauseStart", 8, {}), (9, "play", 8, {}), END), (*PLAIN[:2], (8, "pauseStart", 8, {}), END), "event"),
        ((*ADS, (8, "adSkip", 5, {}), (8, "adBreakComplete", 5, {}), (8, "play", 5, {}), END),
         (*ADS, (8, "adBreakComplete", 5, {}), (8, "play", 5, {}), END), "event"),  # not at the end
        ((*PLAIN[:2], (4, "pauseStart", 4, {}), (5, "play", 4, {}), *PLAIN[2:]),
         (*PLAIN[:2], (4, "pauseStart", 4, {}), (5, "play", 14, {}), *PLAIN[2:4], (30, "sessionComplete", 60, {})), "playhead"),
    ],
    ids=["pings that are not sent", "the play after a pause", "a skip in the middle", "a playhead that stays away"],
)  # fmt: skip
def test_its_neighbours_count(old: tuple[Event, ...], new: tuple[Event, ...], lost: str) -> None:
    assert lost in [one.name for one in compare(session(*old), session(*new)).counted(parts=[Part.EVENTS])]


def test_a_number_that_follows_from_playheads_counts_where_an_event_was_lost() -> None:
    old = changed((*PLAIN[:2], (8, "pauseStart", 8, {}), (9, "play", 8, {}), END), 4, playhead=30.25)
    new = (*PLAIN[:2], (8, "pauseStart", 8, {}), END)
    done = compare(session(*old), session(*new))
    assert "uniqueTimePlayed" in [one.name for one in done.counted(parts=[Part.REPORT])]


def test_between_sessions_of_one_api_params_of_the_account_count() -> None:
    new = changed(PLAIN, 0, params={**START_PARAMS, "analytics.reportSuite": "other"})
    assert told(compare(session(*PLAIN), session(*new))) == [("different", "analytics.reportSuite", None)]


# -- long sessions ----------------------------------------------------------------------------------------------------------


def many(count: int) -> list[Sent]:
    moments = ((float(place), kind) for place in range(count) for kind in ("pauseStart", "play"))
    return events_sent(session(START, *((at, kind, at, {}) for at, kind in moments)))


def test_a_loss_in_a_long_session_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcmock.checks.alignment.MAX_CELLS", 1000)
    old = many(150)
    new = [*old[:100], *old[104:]]
    lost = [at for at, other in aligned(old, new) if other is None]
    assert lost == [100, 101, 102, 103]


def test_what_is_too_much_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MAX_EVENTS", 3)
    pause: tuple[Event, ...] = ((12, "pauseStart", 12, {}), (14, "play", 12, {}))
    view = session(*PLAIN[:3], *pause, *PLAIN[3:])
    done = compare(view, view)
    assert (done.left_out, len([pair for pair in done.pairs if pair.event.event_type != "ping"])) == (4, 3)
    assert "4 events of these long sessions were not compared" in text(done)


# -- words ------------------------------------------------------------------------------------------------------------------


def test_the_text_names_both_sides_and_fits_a_terminal() -> None:
    done = compare(recorded(CLIENTS, "js3__ads"), recorded(CLIENTS, "theo__ads_mobile"))
    said = text(done, "old.jsonl", "new.jsonl")
    assert said.splitlines()[0] == "old  old.jsonl"
    assert max(map(len, said.splitlines())) <= 80
    assert "  ! adCount  3 -> 4" in said
    assert re.search(r"^  - media.ad.advertiser {2}\"Acme\"", said, re.M)


def test_what_was_recorded_cannot_write_lines_of_its_own() -> None:
    evil = changed(PLAIN, 0, params={**START_PARAMS, "media.name": "a\n  ! adCount  1 -> 2\x1b[2J"})
    said = text(compare(session(*PLAIN), session(*evil)), "na\nme")
    assert "\x1b" not in said
    assert not [line for line in said.splitlines() if line.startswith("  ! adCount")]


def test_a_long_name_is_not_repeated_with_every_difference() -> None:
    old = (*PLAIN[:2], BREAK, ad(5, "a" * 10_000), *PLAIN[4:])
    new = (*PLAIN[:2], BREAK, ad(5, "a" * 10_000, **{"media.ad.length": 6, "media.ad.podPosition": 2}), *PLAIN[4:])
    abouts = [one.about for one in compare(session(*old), session(*new)).differences if one.part is Part.PARAMS]
    assert [len(about) < 100 for about in abouts] == [True, True]


def test_the_page_has_a_line_for_each_known_difference() -> None:
    page = (ROOT / "docs" / "migration.md").read_text("utf-8")
    assert re.findall(r"^\| `([a-z][a-z-]+)` \|", page, re.M) == [*KNOWN]
