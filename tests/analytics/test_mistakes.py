"""The mistakes of integrators: for each rule sessions that meet it, and beside them those that must not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcmock.analytics import METRICS, Report, judge_session
from mcmock.analytics.records import Close
from mcmock.analytics.text import report_text
from mcmock.core.clock import Clock
from mcmock.core.events import Event
from mcmock.core.findings import RULES
from mcmock.core.model import Mode, Severity
from mcmock.engine import Emulator
from mcmock.protocols.media_collection.events import event_from
from mcmock.recordings import formats
from mcmock.recordings.check import checkup
from tests.conftest import START_PARAMS, body, post, start

ROOT = Path(__file__).parents[2]
RECORDINGS = sorted((ROOT / "fixtures" / "clients").glob("*.jsonl"))
NAMES = list(RULES)
MISTAKES = frozenset(NAMES[NAMES.index("ts-unit") : NAMES.index("time-to-start-revised") + 1])
BETWEEN = frozenset({"view-continued", "details-carried-over", "quality-carried-over", "two-devices"})  # see below
NOW = 1_790_000_000  # 2026

HELD_UP: dict[float, float] = {70: 10.5, 70.1: 20.5, 70.2: 30.5, 70.3: 40.5, 70.4: 50.5, 70.6: 60.5}

Step = tuple[Any, ...]
"""(at, event type, playhead) and then, if wanted, its params and its quality."""


def events(*steps: Step, ts: Any = None, **start: Any) -> list[Event]:
    """A session with a sessionStart before `steps`; `ts` makes the player's time of the seconds that have passed."""
    params = {"media.id": "film-1", "media.length": 600, "media.contentType": "vod", "media.streamType": "video"}
    params |= {f"media.{key}": value for key, value in start.items() if key != "playhead"}
    made = []
    for seq, (at, kind, playhead, *rest) in enumerate(
        ((0, "sessionStart", start.get("playhead", 0), params), *steps), 1
    ):
        sent: dict[str, Any] = {"eventType": kind, "playerTime": {"playhead": playhead, "ts": round((NOW + at) * 1000)}}
        sent["params"] = rest[0] if rest else {}
        sent["qoeData"] = {f"media.qoe.{key}": value for key, value in (rest[1] if len(rest) > 1 else {}).items()}
        if ts is not None:
            sent["playerTime"]["ts"] = ts(at)
        made.append(event_from(sent, seq, NOW + at))
    return made


def found(*steps: Step, ts: Any = None, mode: Mode = Mode.DEFAULT, **start: Any) -> list[str]:
    judgement = judge_session("sid", events(*steps, ts=ts, **start), Close("open", NOW), mode)
    return [one.rule for seq in sorted(judgement.findings) for one in judgement.findings[seq]]


def playing(*heads: float, begin: float = 0) -> list[Step]:
    """A play and pings every ten seconds with these playheads."""
    return [(0.5, "play", begin), *[(10.5 + 10 * place, "ping", head) for place, head in enumerate(heads)]]


def ad(
    at: float, end: float, length: float = 15, position: int = 1, *between: Step, close: str = "adComplete"
) -> list[Step]:
    params = {"media.ad.id": f"ad-{at}", "media.ad.length": length, "media.ad.podPosition": position}
    return [(at, "adStart", 0, params), *between, (end, close, 0)]


def pod(
    *ads: Step, at: float = 0.1, end: float = 16, index: int = 1, second: float = 0, playhead: float = 0
) -> list[Step]:
    params = {"media.ad.podIndex": index, "media.ad.podSecond": second}
    inside = [(moment, kind, playhead, *rest) for moment, kind, _, *rest in ads]
    return [(at, "adBreakStart", playhead, params), *inside, (end, "adBreakComplete", playhead)]


def chapter(index: int, offset: float, length: float) -> dict[str, Any]:
    return {"media.chapter.index": index, "media.chapter.offset": offset, "media.chapter.length": length}


PINGS = playing(10, 20, 30)
RATE = {"bitrate": 2500}

EPOCHS = ("page was loaded", "page was loaded an hour ago", "since 2001")  # in milliseconds, all of them

MEETS: dict[str, list[str]] = {
    # -- units ------------------------------------------------------------------------------------------------------------
    **{
        f"{'ts-epoch' if name in EPOCHS else 'ts-unit'} {name}": found(*PINGS, ts=ts)
        for name, ts in {
            "seconds": lambda at: NOW + round(at),
            "microseconds": lambda at: round((NOW + at) * 10**6),
            "nanoseconds": lambda at: (NOW + round(at)) * 10**9,
            ".NET ticks": lambda at: (NOW + 62135596800 + round(at)) * 10**7,
            "Windows file time": lambda at: (NOW + 11644473600 + round(at)) * 10**7,
            "100-nanosecond": lambda at: (NOW + round(at)) * 10**7,
            "page was loaded": lambda at: round(at * 1000),
            "page was loaded an hour ago": lambda at: 3_600_000 + round(at * 1000),
            "Apple seconds": lambda at: NOW - 978307200 + round(at),
            "since 2001": lambda at: (NOW - 978307200) * 1000 + round(at * 1000),
            "negative": lambda at: -1000 + round(at),
        }.items()
    },
    "ts-unit of some events only": found(
        (0.5, "play", 0), (10, "ping", 10), ts=lambda at: round((NOW + at) * 1000) if at < 1 else NOW + 10
    ),
    "clock-skew days behind": found(*PINGS, ts=lambda at: round((NOW + at - 5 * 86400) * 1000)),
    "clock-skew days ahead": found(*PINGS, ts=lambda at: round((NOW + at + 3 * 86400) * 1000)),
    "clock-skew never set": found(*PINGS, ts=lambda at: 946_684_900_000 + round(at * 1000)),
    "clock-set ahead": found(*PINGS, ts=lambda at: round((NOW + at + (3600 if at > 15 else 0)) * 1000)),
    "clock-set back": found(*PINGS, ts=lambda at: round((NOW + at - (3600 if at > 15 else 0)) * 1000)),
    "clock-set back a minute": found(
        *playing(10, 20, 30, 40, 50), ts=lambda at: round((NOW + at - (60 if at > 25 else 0)) * 1000)
    ),
    "playhead-unit milliseconds": found(*playing(10_000, 20_000, 30_000)),
    "playhead-unit milliseconds of a long film": found(*playing(10_000, 20_000), length=80_000),
    "playhead-unit epoch": found(*playing(NOW + 10, NOW + 20, begin=NOW), contentType="live", length=86400),
    "playhead-unit epoch in ms": found(*playing(NOW * 1000 + 10_000, begin=NOW * 1000), contentType="live", length=86400),
    "ts-unchanged": found(*PINGS, ts=lambda _: NOW * 1000),
    "ts-unchanged after the start": found(*playing(10, 20, 30, 40), ts=lambda at: round((NOW + min(at, 0.5)) * 1000)),
    "local-time east": found(*PINGS, ts=lambda at: round((NOW + at + 2 * 3600) * 1000)),
    "local-time west": found(*PINGS, ts=lambda at: round((NOW + at - 8 * 3600 + 2) * 1000)),
    "local-time half an hour": found(*PINGS, ts=lambda at: round((NOW + at + 5.5 * 3600) * 1000)),
    "playhead-unit microseconds": found(*playing(10_000_000, 20_000_000, 30_000_000)),
    "playhead-unit frames": found(*playing(250, 500, 750), length=6000),
    "playhead-unit frames of NTSC": found(*playing(299.7, 599.4, 899.1), length=6000),
    "playhead-unit part": found(*playing(10 / 600, 20 / 600, 30 / 600)),
    "playhead-unit percent": found(*playing(10 / 6, 20 / 6, 30 / 6)),
    "playhead-unit percent, whole": found(*playing(1, 3, 5, 6, 8, 10, 11)),
    "playhead-unit minutes": found(*playing(10 / 60, 20 / 60, 30 / 60)),
    "live-from-join": found(*playing(10, 20), contentType="live", length=86400),
    "playhead-negative": found(*playing(-8, -8, -8, begin=-8), contentType="live", length=86400),
    "day-on-demand length": found(*PINGS, length=86400),
    "day-on-demand playhead": found(
        *playing(NOW % 86400 + 10, begin=NOW % 86400), playhead=NOW % 86400, length=86399.5, contentType="vod"
    ),
    "length-unit content": found(*PINGS, length=600_000),
    "length-unit content seen whole": found(*playing(10, 20, 29), (31, "sessionComplete", 30), length=30_000),
    "part-unit ad": found(*pod(*ad(0.2, 15.2, 15_000))),
    "part-unit short ad": found(*pod(*ad(0.2, 5.2, 4_500))),
    "part-unit chapter": found((0.2, "chapterStart", 0, chapter(1, 0, 300_000)), *PINGS),
    "part-unit offset": found(
        *playing(10), *pod(*ad(11.2, 26.2), at=11.1, end=27, second=10_500, playhead=10.5)
    ),
    "length-unit live": found(*playing(10), length=86_400_000, contentType="live"),
    "length-of-ad": found(*pod(*ad(0.2, 15.2)), (16.1, "play", 0), (26, "ping", 10), (36, "ping", 20), length=15),
    "ad-length-not-positive": found(*pod(*ad(0.2, 15.2, 0))),
    # -- complete against time --------------------------------------------------------------------------------------------
    "ad-completed-early flushed": found(*pod(*ad(0.302, 0.303), at=0.301, end=0.304), *PINGS[1:]),
    "ad-completed-early skipped": found(*pod(*ad(0.2, 5.1, 30))),
    "ad-completed-late": found(*pod(*ad(0.2, 95.2), end=96)),
    "completed-while-paused ad": found(*pod(*ad(0.2, 40, 30, 1, (5, "pauseStart", 0)), end=40.1)),
    "completed-while-paused buffering ad": found(*pod(*ad(0.2, 20, 15, 1, (14, "bufferStart", 0)), end=20.1)),
    "completed-while-paused content": found(*PINGS, (31, "pauseStart", 31), (40, "sessionComplete", 31), length=31),
    "completed-while-paused chapter": found(
        (0.2, "chapterStart", 0, chapter(1, 0, 20)), *PINGS[:2], (12, "pauseStart", 11.5), (22, "chapterComplete", 11.5)
    ),
    "pause-at-end": found(*PINGS, (31, "pauseStart", 30.5), (31.01, "sessionComplete", 30.5), length=30.5),
    "completed-never-played": found((10, "ping", 0), (20, "sessionComplete", 0), length=20),
    "completed-early": found((0.5, "play", 0), (3.5, "sessionComplete", 3)),
    "chapter-completed-early": found(
        (0.2, "chapterStart", 0, chapter(1, 0, 120)), *PINGS[:2], (12, "chapterComplete", 11.5)
    ),
    "chapter-completed-late": found(
        (0.2, "chapterStart", 0, chapter(1, 0, 20)), *playing(*range(10, 140, 10)), (132, "chapterComplete", 131)
    ),
    "play-missing": found((10, "ping", 10), (20, "ping", 20)),
    "play-missing after a pre-roll": found(*pod(*ad(0.2, 15.2)), (20, "ping", 4), (30, "ping", 14)),
    "playhead-not-updated": found(*playing(0, 0, 0), (35, "pauseStart", 34.5)),
    "playhead-still from the start": found(*playing(0, 0, 0, 0)),
    "playhead-still on the edge": found(*playing(0, 0, 0, 0), contentType="live", length=86400),
    "playhead-still in the middle": found(*playing(10, *[10] * 7)),
    # -- positions --------------------------------------------------------------------------------------------------------
    "arguments-swapped chapter": found(*playing(10, 20), (21, "chapterStart", 20.5, chapter(2, 300, 20.5))),
    "arguments-swapped pod": found(
        *playing(*range(10, 310, 10), begin=0), *pod(*ad(311, 320, 9), at=310.6, end=321, index=310, second=2, playhead=310)
    ),
    "arguments-swapped ad": found(*pod(*ad(0.2, 15.2, 1, 15))),
    "pod-index-repeated": found(
        *pod(*ad(0.2, 15.2)), (16.1, "play", 0), (26, "ping", 10), *pod(*ad(26.2, 41.2), at=26.1, end=42, second=10, playhead=10)
    ),
    "pod-index-of-preroll": found(
        *pod(*ad(0.2, 15.2), index=0), (16.1, "play", 0), (26, "ping", 10),
        *pod(*ad(26.2, 41.2), at=26.1, end=42, index=0, second=10, playhead=10),
    ),
    "pod-position-repeated": found(*pod(*ad(0.2, 5.2, 5), *ad(5.3, 10.3, 5), end=11)),
    "pod-position-stuck": found(*pod(*ad(0.2, 5.2, 5), *ad(5.3, 10.3, 5), *ad(10.4, 15.4, 5), end=16)),
    "chapter-offset-differs": found(*PINGS, (31, "chapterStart", 30.5, chapter(3, 200, 100))),
    "chapter-past-end": found(*PINGS, (31, "chapterStart", 30.5, chapter(1, 30, 100)), length=100),
    "chapter-length-not-positive": found((0.2, "chapterStart", 0, chapter(1, 0, 0)), *PINGS),
    "chapter-index-repeated": found(
        (0.2, "chapterStart", 0, chapter(1, 0, 20)), *PINGS[:3], (20.6, "chapterComplete", 20),
        (20.7, "chapterStart", 20, chapter(1, 20, 20)),
    ),
    "two-players": found(*playing(10, 310, 30, 330, 50, 350, 70, begin=0), length=3600),
    "resume-at-zero": found(*PINGS, resume=True),
    # -- quality ----------------------------------------------------------------------------------------------------------
    "bitrate-too-low": found((0.5, "play", 0, {}, {"bitrate": 3})),
    "bitrate-too-low video in megabits": found(*PINGS, (31, "ping", 30.5, {}, {"bitrate": 25})),
    "bitrate-zero": found(*PINGS, (31, "ping", 30.5, {}, {"bitrate": 0})),
    "bitrate-missing": found(*PINGS, (31, "bitrateChange", 30.5)),
    "bitrate-never-reported": found(*playing(*range(10, 300, 10))),
    "frame-rate-impossible": found((0.5, "play", 0, {}, {"framesPerSecond": 29970})),
    "frame-rate-zero": found(*PINGS, (31, "ping", 30.5, {}, {"framesPerSecond": 0})),
    "dropped-frames-fall": found((0.5, "play", 0, {}, {"droppedFrames": 9}), (10.5, "ping", 10, {}, {"droppedFrames": 2})),
    "time-to-start-impossible microseconds": found((1.5, "play", 0, {}, {"timeToStart": 1_200_000})),
    "time-to-start-impossible moment": found((1.5, "play", 0, {}, {"timeToStart": NOW * 1000})),
    "time-to-start-impossible seconds": found((2.5, "play", 0, {}, {"timeToStart": 2})),
    "time-to-start-revised": found(
        (0.5, "play", 0, {}, {"timeToStart": 900}), (10.5, "ping", 10, {}, {"timeToStart": 10_900}),
        (20.5, "ping", 20, {}, {"timeToStart": 20_900}),
    ),
    "time-to-start-revised to nothing": found(
        (0.5, "play", 0, {}, {"timeToStart": 900}), (10.5, "ping", 10, {}, {"timeToStart": 0})
    ),
}  # fmt: skip

CLEAN: dict[str, list[str]] = {
    "a plain session": found(*PINGS),
    "a fixed stamp of another year, as tests have it": found(*PINGS, ts=lambda at: 1_700_000_000_000 + round(at * 1000)),
    "a clock a minute off": found(*PINGS, ts=lambda at: round((NOW + at + 61) * 1000)),
    "events that were held up for a minute": found(
        (0.5, "play", 0), (70, "ping", 10), (70.1, "ping", 20), (70.2, "ping", 30), (70.3, "ping", 40), (70.4, "ping", 50),
        (70.6, "ping", 60), (70.7, "ping", 70), (80.5, "ping", 80),
        ts=lambda at: round((NOW + HELD_UP.get(float(at), float(at))) * 1000),
    ),
    "a test's clock that is advanced by an hour": found(
        *PINGS, (3600, "ping", 40), (3610, "ping", 50),
        ts=lambda at: round((NOW + (at if at < 100 else at - 3560 + 0.5)) * 1000),
    ),
    "a clock five minutes ahead": found(*PINGS, ts=lambda at: round((NOW + at + 300) * 1000)),
    "an event sent again and again": found(
        *PINGS, *[(31 + again, "ping", 30.5) for again in (1, 3, 7, 15, 31)], ts=lambda at: round((NOW + min(at, 31)) * 1000)
    ),
    "a queue that is sent at once": found(
        (60, "play", 0), (60.01, "ping", 10), (60.02, "ping", 20), (60.03, "ping", 30), ts=lambda _: NOW * 1000
    ),
    "a live day that begins near midnight": found(
        *playing(20, 30, begin=10), contentType="live", length=86400,
        ts=lambda at: round((NOW - NOW % 900 + 10 + at) * 1000),
    ),
    "slow motion": found(*playing(2.5, 5, 7.5), length=400),
    "fast forward": found(*playing(320, 640, 960), length=6000),
    "seeking on and on": found(*playing(260, 490, 760), length=6000),
    "a stream that stalls more than it plays": found(*playing(1, 1, 3, 3, 4), length=900),
    "twice the speed": found(*playing(20, 40, 60)),
    "a long audiobook": found(*PINGS, length=180_000, contentType="audiobook", streamType="audio"),
    "a live day": found(*playing(43210, 43220, begin=43200), contentType="live", length=86400),
    "an ad of its length": found(*pod(*ad(0.2, 15.1))),
    "an ad a little longer than said": found(*pod(*ad(0.2, 21))),
    "an ad that is skipped": found(*pod(*ad(0.2, 3, 30, close="adSkip"))),
    "an ad that was paused": found(*pod(*ad(0.2, 45.2, 15, 1, (5, "pauseStart", 0), (35, "play", 0)), end=46)),
    "an ad whose last frame waits for data": found(*pod(*ad(0.2, 15.4, 15, 1, (15, "bufferStart", 0)))),
    "the end a moment after the buffer ran dry": found(
        *PINGS, (31, "bufferStart", 30.5), (31.1, "sessionComplete", 30.5), length=31
    ),
    "credits that nobody watches": found(
        (0.5, "play", 0, {}, RATE), *playing(*range(10, 240, 10))[1:], (241, "sessionComplete", 240), length=290
    ),
    "a clip that ends a little early": found(*PINGS, (31, "sessionComplete", 30), length=60),
    "live that completes": found(
        *playing(43210, begin=43200), (11, "sessionComplete", 43210.5), contentType="live", length=86400
    ),
    "a chapter entered in its middle": found(
        *playing(10, begin=0), (11, "chapterStart", 10.5, chapter(1, 0, 20)), (20.5, "chapterComplete", 20)
    ),
    "two chapters": found(
        (0.2, "chapterStart", 0, chapter(1, 0, 20)), *PINGS[:3], (20.6, "chapterComplete", 20),
        (20.7, "chapterStart", 20, chapter(2, 20, 20)),
    ),
    "a break seen again after a seek has its index": found(
        *playing(10, begin=0), *pod(*ad(11.2, 16.2, 5), at=11.1, end=17, second=10.5, playhead=10.5), (18, "pauseStart", 11.5),
        (19, "play", 5), (24.5, "ping", 10.5), *pod(*ad(24.7, 29.7, 5), at=24.6, end=30, second=10.5, playhead=10.5),
    ),
    "a stall of half a minute": found(*playing(10, 10, 10, 10, 18, 28)),
    "a seek there and back": found(
        *playing(10), (11, "pauseStart", 10.5), (12, "play", 300), (22, "ping", 310), (23, "pauseStart", 311), (24, "play", 20),
        (34, "ping", 30),
    ),
    "paused from the start": found((1, "pauseStart", 0), (11, "ping", 0), (21, "ping", 0)),
    "a start that takes a minute": found((10, "ping", 0), (20, "ping", 0), (60, "play", 0)),
    "a resumed view": found(*playing(110, begin=100), playhead=0, resume=True),
    "quality as it should be": found(
        (0.5, "play", 0, {}, {"bitrate": 2500, "framesPerSecond": 60, "droppedFrames": 0, "timeToStart": 400}),
        (10.5, "ping", 10, {}, {"bitrate": 64, "framesPerSecond": 24, "droppedFrames": 3, "timeToStart": 400}),
    ),
    "audio without frames": found(
        *PINGS, (31, "ping", 30.5, {}, {"framesPerSecond": 0, "bitrate": 64}), streamType="audio", contentType="aod"
    ),
    "a bitrate once is enough": found((0.5, "play", 0, {}, RATE), *playing(*range(10, 300, 10))[1:]),
    "a time to start that is measured better once": found(
        (0.5, "play", 0, {}, {"timeToStart": 400}), (10.5, "ping", 10, {}, {"timeToStart": 450}),
        (20.5, "ping", 20, {}, {"timeToStart": 450}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MEETS)
def test_a_mistake_is_named_once_for_each_session(name: str) -> None:
    rule = name.split(maxsplit=1)[0]
    assert MEETS[name].count(rule) == 1, MEETS[name]


def documented(second: int, chapters: dict[str, float] | None = None) -> list[str]:
    """Adobe's second and third timeline; `chapters` are the playheads that the JSON has where the table has others."""
    if second == 2:  # an ad of 12 s that is said to have 7, an error without a name, and the end inside a break
        return found(
            *pod(*ad(0.002, 12, 7), at=0.001, end=12.001, index=0), (12.002, "play", 0), (20, "ping", 8), (30, "ping", 18),
            (32, "error", 20), (37, "play", 18), (40, "ping", 28),
            *pod(*ad(45.001, 99, 8)[:1], at=45, index=1, second=33, playhead=33)[:2], (48, "sessionEnd", 33), length=60.333,
        )  # fmt: skip
    heads = {"first": 1, "second": 44, **(chapters or {})}
    return found(  # both ads of the pre-roll are said to be the first
        *pod(*ad(0.002, 15), *ad(15.001, 22, 7), at=0.001, end=22.001, index=0), (22.002, "play", 0),
        (23, "chapterStart", heads["first"], chapter(1, 0, 20)), (30, "ping", 8), (33, "bufferStart", 11), (36, "play", 11),
        (40, "ping", 15), (45, "chapterComplete", 20),
        *pod(*ad(46.001, 54, 8, 2), at=46, end=54.001, index=1, second=21, playhead=21),
        (55, "chapterStart", 22, chapter(2, 22, 22)), (60, "ping", 27), (64, "pauseStart", 31), (70, "ping", 31),
        (74, "play", 31), (80, "ping", 37), (87, "chapterComplete", heads["second"]), (88, "sessionComplete", 45), length=60.333,
    )  # fmt: skip


@pytest.mark.parametrize("rules", [documented(2), documented(3), documented(3, {"first": 0, "second": 0})])
def test_the_documented_timelines_meet_no_rule_that_warns(rules: list[str]) -> None:
    """The first is fixtures/timelines/ads.json."""
    assert {rule for rule in MISTAKES.intersection(rules) if RULES[rule].default != "info"} == set()


@pytest.mark.parametrize("name", CLEAN)
def test_what_players_rightly_do_is_not_spoken_of(name: str) -> None:
    assert MISTAKES.isdisjoint(CLEAN[name]), CLEAN[name]


def test_every_rule_is_met_above() -> None:
    assert {name.split(maxsplit=1)[0] for name in MEETS} == MISTAKES - BETWEEN


ONLY = {
    # case                          what follows from the mistake and is not said beside it
    "ts-unit seconds": ["ts-unit"],
    "ts-epoch page was loaded": ["ts-epoch"],
    "ts-unit microseconds": ["ts-unit"],
    "clock-skew days behind": ["clock-skew"],
    "clock-set ahead": ["clock-set"],
    "playhead-unit milliseconds": ["playhead-unit"],
    "local-time east": ["local-time"],
    "live-from-join": ["live-from-join"],
    "playhead-unit epoch": ["playhead-unit"],
    "length-unit content": ["length-unit"],
    "length-unit content seen whole": ["length-unit"],
    "part-unit ad": ["part-unit"],
    "ad-completed-early skipped": ["ad-completed-early"],
    "pause-at-end": ["pause-at-end"],
    "completed-early": ["completed-early"],
    "play-missing": ["play-missing"],
}


@pytest.mark.parametrize("name", ONLY)
def test_a_mistake_is_named_and_its_consequences_are_not(name: str) -> None:
    assert MEETS[name] == ONLY[name]


@pytest.mark.parametrize("name", [name for name in MEETS if name.startswith(("ts-unit", "ts-epoch"))])
def test_the_likely_unit_is_named(name: str) -> None:
    words = {
        "seconds": "seconds since 1970", "microseconds": "microseconds", "nanoseconds": "nanoseconds", ".NET": ".NET ticks",
        "Windows": "Windows file time", "100-nanosecond": "100-nanosecond", "page": "page was loaded", "Apple": "Apple counts",
        "since": "Apple counts", "negative": "not milliseconds since 1970", "of": "seconds since 1970",
    }  # fmt: skip
    values = {
        "seconds": NOW, "microseconds": NOW * 10**6, "nanoseconds": NOW * 10**9, ".NET": (NOW + 62135596800) * 10**7,
        "Windows": (NOW + 11644473600) * 10**7, "100-nanosecond": NOW * 10**7, "page": 5000, "Apple": NOW - 978307200,
        "since": (NOW - 978307200) * 1000, "negative": -1, "of": NOW,
    }  # fmt: skip
    which = name.split()[1]
    judgement = judge_session("sid", events(ts=lambda _: values[which]), Close("open", NOW))
    (finding,) = judgement.findings[1]
    assert (finding.rule, finding.severity) == (name.split(maxsplit=1)[0], Severity.ERROR)
    assert words[which] in finding.message


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recordings_of_shipping_clients_meet_no_rule_that_warns(path: Path) -> None:
    done = checkup(formats.read(path.read_bytes()), path.name)
    warned = {problem.rule for problem in done.problems if problem.severity is not Severity.INFO}
    assert MISTAKES.isdisjoint(warned), warned


def test_the_numbers_that_a_rule_doubts_are_numbers_of_the_report() -> None:
    for name, rule in RULES.items():
        assert set(rule.doubts) <= set(METRICS), name


PARAMS = (
    "media.length", "media.contentType", "media.ad.length", "media.ad.podPosition", "media.ad.podIndex", "media.ad.podSecond",
    "media.chapter.offset", "media.chapter.length", "media.chapter.index", "media.ad.id",
)  # fmt: skip


# -- between sessions -----------------------------------------------------------------------------------------------------

Sent = tuple[str, dict[str, Any], list[Step]]
"""The id of a session's content, what its sessionStart has beside (params without media., quality, metadata), its steps."""


def after(*sessions: Sent, agents: tuple[str, ...] = ("player/1",), mode: Mode = Mode.DEFAULT) -> list[str]:
    """The rules about the last of these sessions of one viewer as a whole, each a minute after the one before it."""
    clock = Clock(lambda: float(NOW), frozen=True)
    emulator = Emulator(seed=1, time=clock, strict=mode is Mode.STRICT)
    sid = ""
    for number, (media, more, steps) in enumerate(sessions):
        began = NOW + 600 * number
        params = START_PARAMS | {"media.id": media, "media.length": 600, "visitor.marketingCloudUserId": "1" * 38}
        params |= {f"media.{key}": value for key, value in more.get("params", {}).items()}
        parts = {"qoeData": more.get("quality", {}), "customMetadata": more.get("metadata", {})}
        sid = ""
        for place, (at, kind, playhead, *rest) in enumerate(
            [(0, "sessionStart", more.get("playhead", 0), params), *steps]
        ):
            emulator.advance(began + at - emulator.now)
            sent = body(
                kind,
                playhead,
                round((began + at) * 1000),
                params=rest[0] if rest else {},
                **(parts if not place else {}),
            )
            if rest[1:]:
                sent["qoeData"] = {f"media.qoe.{key}": value for key, value in rest[1].items()}
            if kind == "ping":
                del sent["params"]
            agent = (b"User-Agent", agents[place % len(agents)].encode())
            path = f"/api/v1/sessions/{sid}/events" if sid else "/api/v1/sessions"
            answer = emulator.handle(post(path, sent, (b"Content-Type", b"application/json"), agent))
            assert answer.response.status in (201, 204), answer.response.body
            sid = sid or dict(answer.response.headers)["Location"].rpartition("/")[2]
    view = emulator.session(sid)
    assert view is not None
    return [finding.rule for finding in view.judgement.session_findings]


LEFT = [*PINGS, (31, "sessionEnd", 30.5)]
LIVE = {"length": 86400, "contentType": "live"}
QUALITY = {"media.qoe.droppedFrames": 7, "media.qoe.bitrate": 2500}
LAST = [(0.5, "play", 0, {}, {"droppedFrames": 7, "bitrate": 2500}), (9, "sessionEnd", 8.5)]


@pytest.mark.parametrize(("rule", "sessions"), [
    ("view-continued", (("film-1", {}, LEFT), ("film-1", {"playhead": 30.5}, playing(40, begin=30.5)))),
    ("view-continued", (("film-1", {}, LEFT), ("film-1", {}, playing(42, begin=32)))),
    ("view-continued", (("film-1", {}, LEFT), ("film-2", {}, PINGS), ("film-1", {}, playing(42, begin=32)))),
    ("details-carried-over", (
        ("film-1", {"params": {"name": "Film 1"}}, LEFT), ("film-2", {"params": {"name": "Film 1"}}, PINGS),
    )),
    ("details-carried-over", (("film-1", {}, LEFT), ("film-2", {"metadata": {"contentKey": "film-1"}}, PINGS))),
    ("details-carried-over", (
        ("film-1", {"metadata": {"videoTitle": "The First"}}, LEFT), ("film-2", {"metadata": {"videoTitle": "The First"}}, PINGS),
    )),
    ("details-carried-over", (
        ("film-1", {"params": {"show": "S", "season": "1", "episode": "2"}}, LEFT),
        ("film-2", {"params": {"show": "S", "season": "1", "episode": "2"}}, PINGS),
    )),
    ("quality-carried-over", (("film-1", {}, LAST), ("film-2", {"quality": QUALITY}, [(0.5, "play", 0)]))),
])  # fmt: skip
def test_what_one_session_leaves_in_the_next(rule: str, sessions: tuple[Sent, ...]) -> None:
    assert after(*sessions) == [rule]


@pytest.mark.parametrize("sessions", [
    (("film-1", {}, LEFT), ("film-1", {"params": {"resume": True}, "playhead": 30.5}, playing(40, begin=30.5))),
    (("film-1", {}, LEFT), ("film-1", {}, PINGS)),
    (("film-1", {}, LEFT), ("film-1", {}, playing(210, begin=200))),
    (("film-1", {}, LEFT), ("film-2", {}, playing(42, begin=32))),
    (
        ("live-1", {"params": LIVE}, [*playing(43210, begin=43200), (11, "sessionEnd", 43210.5)]),
        ("live-1", {"params": LIVE}, playing(43225, begin=43215)),
    ),
    (("film-1", {"params": {"name": "Film 1"}}, LEFT), ("film-2", {"params": {"name": "Film 2"}}, PINGS)),
    (("film-1", {"metadata": {"station": "Our TV"}}, LEFT), ("film-2", {"metadata": {"station": "Our TV"}}, PINGS)),
    (("film-1", {"params": {"show": "S", "season": "1"}}, LEFT), ("film-2", {"params": {"show": "S", "season": "1"}}, PINGS)),
    (("film-1", {}, LAST), ("film-2", {"quality": QUALITY | {"media.qoe.droppedFrames": 0}}, [(0.5, "play", 0)])),
])  # fmt: skip
def test_sessions_on_end_that_are_right(sessions: tuple[Sent, ...]) -> None:
    assert after(*sessions, mode=Mode.STRICT) == []


def test_one_session_from_two_devices() -> None:
    assert after(("film-1", {}, PINGS), agents=("phone/1", "tv/2")) == ["two-devices"]
    assert after(("film-1", {}, PINGS)) == []


def test_what_a_session_before_it_says_goes_with_that_session() -> None:
    """The viewer's session before is asked for, and one that is forgotten says nothing."""
    emulator = Emulator(seed=1)
    named = START_PARAMS | {"visitor.marketingCloudUserId": "1" * 38, "media.name": "A name"}
    start(emulator, params=named | {"media.id": "film-1"})
    second = start(emulator, params=named | {"media.id": "film-2"})
    view = emulator.session(second)
    assert view is not None
    assert [finding.rule for finding in view.judgement.session_findings] == ["details-carried-over"]


def report_of(*steps: Step, **start: Any) -> Report:
    return judge_session("sid", events(*steps, **start), Close("open", NOW)).report


def test_a_report_names_the_numbers_in_doubt_and_the_rules_that_doubt_them() -> None:
    late = report_of(*pod(*ad(0.2, 95.2), end=96))
    assert late.doubts["ad_time_spent"] == ("ad-completed-late", "ping-gap")
    assert "content_time_spent" not in report_of(*pod(*ad(0.2, 5.1, 30))).doubts
    early = report_of(*pod(*ad(0.2, 5.1, 30)))
    assert early.doubts == dict.fromkeys(("media_time_spent", "ad_completes", "ad_time_spent"), ("ad-completed-early",))
    assert early.to_json()["doubts"]["adTimeSpent"] == ["ad-completed-early"]
    assert report_of(*PINGS).doubts == {}


def test_numbers_in_doubt_are_marked_where_a_report_is_printed() -> None:
    lines = report_text(report_of((0.5, "play", 0), (3.5, "sessionComplete", 3)).to_json(why=False)).splitlines()
    (marked,) = [line for line in lines if line.lstrip().startswith("content completes")]
    assert "yes ?" in marked
    assert "  ? in doubt by completed-early" in lines
    assert "?" not in report_text(report_of(*PINGS).to_json(why=False))


def test_what_a_body_says_for_itself_puts_numbers_in_doubt_as_well() -> None:
    emulator = Emulator(seed=1)
    sid = start(emulator, params=START_PARAMS | {"media.length": 0})
    view = emulator.session(sid)
    assert view is not None
    assert view.report.doubts["average_minute_audience"] == ("length-not-positive",)


def test_what_a_session_lacks_puts_numbers_in_doubt_once_it_has_closed() -> None:
    steps = events(*pod(*ad(0.2, 15.2))[:-1])
    assert judge_session("sid", steps, Close("open", NOW)).report.doubts == {}
    closed = judge_session("sid", steps, Close("idle", NOW + 700)).report.doubts
    assert "ad-break-not-closed" in closed["ad_count"]


def test_half_the_values_may_be_missing() -> None:
    """What loose mode lets through: no rule breaks on it."""
    for kind in (
        "sessionStart",
        "adBreakStart",
        "adStart",
        "adComplete",
        "chapterStart",
        "chapterComplete",
        "sessionComplete",
    ):
        odd: tuple[Any, ...] = (None, "text", True, [], {}, 10**400, float("nan"), float("inf"))
        for value in odd:
            params = dict.fromkeys(PARAMS, value)
            quality = dict.fromkeys(("bitrate", "framesPerSecond", "droppedFrames", "timeToStart"), value)
            assert isinstance(
                found((1, kind, value, params, quality), (2, "ping", value), ts=lambda _, v=value: v), list
            )
    assert json.dumps(found((1, "play", 0)))
