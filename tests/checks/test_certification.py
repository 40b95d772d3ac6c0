"""The validation checklists: each point with a session that passes it and one that fails it, and over all recordings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mcmock.checks.certification import POINTS, Certified, Result, certify
from mcmock.core.clock import Clock
from mcmock.engine import Emulator
from mcmock.recordings.files import check
from tests.conftest import START_PARAMS, body, post

ROOT = Path(__file__).parents[2]
AT = 1_700_000_000.0
AD = {"media.ad.id": "ad-1", "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
POD = {"media.ad.podIndex": 1, "media.ad.podSecond": 0}
CHAPTER = {"media.chapter.index": 1, "media.chapter.offset": 0, "media.chapter.length": 20}
START = {**START_PARAMS, "visitor.marketingCloudUserId": "38586762001234567890123456789012345678"}

Step = tuple[float, str, float, dict[str, Any]]


def step(at: float, event_type: str, playhead: float = 0.0, **parts: Any) -> Step:
    """An event: seconds since the start, its type, the playhead, and what else is in the body."""
    return at, event_type, playhead, parts


def sessions(*watched: list[Step], then: float = 0.0, **start: Any) -> tuple[Certified, ...]:
    """What the points say of sessions that follow each other; `then` seconds go by after the last."""
    now = [AT]
    emulator = Emulator(seed=1, time=Clock(lambda: now[0]))
    for steps in watched:
        began = now[0]
        params = {**START, **start}
        for _, event_type, _, parts in steps:
            if event_type == "sessionStart":
                params = {**params, **parts}
        answer = _post(emulator, "/api/v1/sessions", "sessionStart", 0.0, began, {"params": params})
        path = f"{dict(answer.response.headers)['Location']}/events"
        for at, event_type, playhead, parts in steps:
            now[0] = began + at
            if event_type != "sessionStart":
                _post(emulator, path, event_type, playhead, now[0], parts)
        now[0] += 1
    now[0] += then
    return certify(emulator.sessions())


def _post(emulator: Emulator, path: str, event_type: str, playhead: float, at: float, parts: dict[str, Any]) -> Any:
    return emulator.handle(post(path, body(event_type, playhead, ts=round(at * 1000), **parts)))


def of(certified: tuple[Certified, ...], point: str) -> Certified:
    return next(one for one in certified if one.point.id == point)


PLAY = step(0.1, "play")
END = [step(59, "sessionComplete", 59), step(59.1, "sessionEnd", 59)]
PREROLL = [
    step(0.01, "adBreakStart", params=POD), step(0.02, "adStart", params=AD), step(5, "ping"), step(8, "adComplete"),
    step(8.01, "adBreakComplete"), step(8.02, "play"),
]  # fmt: skip

GOOD: list[Step] = [
    *PREROLL, step(8.03, "chapterStart", params=CHAPTER), step(8.04, "stateStart", params={"media.state.name": "mute"}),
    step(18, "ping", 10, qoeData={"media.qoe.bitrate": 3000}), step(19, "bitrateChange", 11, qoeData={"media.qoe.bitrate": 5000}),
    step(20, "pauseStart", 12), step(30, "ping", 12), step(40, "ping", 12), step(50, "ping", 12), step(55, "play", 12),
    step(60, "bufferStart", 17), step(62, "play", 17), step(63, "pauseStart", 18), step(64, "play", 40),
    step(65, "chapterComplete", 41), step(66, "stateEnd", 42, params={"media.state.name": "mute"}),
    step(67, "error", 43, qoeData={"media.qoe.errorID": "e1", "media.qoe.errorSource": "player"}),
    step(70, "adBreakStart", 46, params={**POD, "media.ad.podIndex": 2, "media.ad.podSecond": 46}),
    step(70.1, "adStart", 46, params=AD), step(71, "pauseStart", 46), step(75, "play", 46), step(76, "adSkip", 46),
    step(76.1, "adBreakComplete", 46), step(86, "ping", 56), step(89, "sessionComplete", 59), step(89.1, "sessionEnd", 59),
]  # fmt: skip

NEXT: Step = (0, "sessionStart", 0, {"media.id": "film-2"})

FAILS: dict[str, list[list[Step]]] = {
    "session-start": [[], [PLAY, *END]],
    "play": [[step(10, "ping", 10)]],
    "content-pings": [[PLAY, step(10, "ping", 10), step(30, "ping", 30)]],
    "playhead": [[PLAY, step(10, "ping", 10), step(20, "ping", 10)]],
    "complete": [[PLAY, *(step(at, "ping", at) for at in range(10, 70, 10)), step(61, "sessionEnd", 60)]],
    "quiet-end": [[PLAY, step(5, "sessionEnd", 5), step(15, "ping", 15)]],
    "replay": [[PLAY, *END[:1], step(61, "play", 0)]],
    "next-media": [
        [PLAY, step(10, "ping", 10)], [NEXT, PLAY, step(10, "ping", 10)]
    ],
    "pause": [[PLAY, step(5, "pauseStart", 5), step(15, "ping", 15)]],
    "pause-pings": [[PLAY, step(5, "pauseStart", 5), step(45, "play", 5)]],
    "buffer": [[PLAY, step(5, "bufferStart", 5), step(15, "ping", 15)]],
    "seek": [[PLAY, step(10, "ping", 10), step(20, "ping", 50), step(30, "ping", 60)]],
    "background": [[PLAY, step(10, "ping", 10), step(100, "ping", 20)]],
    "ad-breaks": [[step(0.1, "adStart", params=AD), step(5, "adComplete")]],
    "ads": [[step(0.1, "adBreakStart", params=POD), step(0.2, "adStart", params=AD), step(5, "adBreakComplete")]],
    "ad-details": [[step(0.1, "adBreakStart", params=POD), step(0.2, "adStart", params={**AD, "media.ad.length": 0})]],
    "ad-pings": [[step(0.1, "adBreakStart", params=POD), step(0.2, "adStart", params=AD), step(20, "adComplete")]],
    "ad-playhead": [[step(0.1, "adBreakStart", params=POD), step(0.2, "adStart", params=AD), step(5, "ping", 5)]],
    "preroll": [[PLAY, step(0.2, "adBreakStart", params=POD), step(0.3, "adStart", params=AD)]],
    "ad-pause": [
        [step(0, "adBreakStart", params=POD), step(0, "adStart", params=AD), step(1, "pauseStart"), step(9, "ping", 8)]
    ],
    "chapters": [[PLAY, step(1, "chapterStart", 1, params=CHAPTER), step(9, "chapterStart", 9, params=CHAPTER)]],
    "chapter-details": [[PLAY, step(1, "chapterStart", 1, params={**CHAPTER, "media.chapter.length": 0})]],
    "states": [[PLAY, step(1, "stateEnd", 1, params={"media.state.name": "mute"})]],
    "error": [[PLAY, step(1, "error", 1, qoeData={"media.qoe.errorID": "e1"})]],
    "bitrate": [[PLAY, step(1, "bitrateChange", 1)]],
    "counted": [[PLAY, step(1, "adComplete", 1)]],
}  # fmt: skip
STARTED_WRONG: dict[str, dict[str, Any]] = {
    "account": {"visitor.marketingCloudOrgId": "38586762001234567890123456789012345678"},
    "visitor": {"visitor.marketingCloudUserId": ""},
    "content-details": {"media.channel": " "},
}
BETWEEN_SESSIONS = ("replay", "next-media")


@pytest.mark.parametrize("point", [one.id for one in POINTS if one.id not in BETWEEN_SESSIONS])
def test_a_session_that_is_right_passes_every_point_that_it_exercises(point: str) -> None:
    assert of(sessions(GOOD), point).result is Result.PASSED


@pytest.mark.parametrize("point", [one.id for one in POINTS])
def test_a_session_that_is_wrong_fails_the_point_and_shows_by_what(point: str) -> None:
    if point == "end":
        failed = of(sessions([PLAY, step(10, "ping", 10)], then=4000), point)
    elif point in STARTED_WRONG:
        failed = of(sessions(GOOD, **STARTED_WRONG[point]), point)
    else:
        failed = of(sessions(*FAILS[point]), point)
    assert failed.result is Result.FAILED
    (first, *_) = [occasion for one in failed.sessions for occasion in one.occasions if not occasion.passed]
    assert first.message
    assert first.events


def test_what_comes_between_sessions_passes_where_each_is_closed() -> None:
    second = [NEXT, *GOOD]
    done = sessions(GOOD, GOOD, second)
    assert {point: of(done, point).result for point in BETWEEN_SESSIONS} == dict.fromkeys(
        BETWEEN_SESSIONS, Result.PASSED
    )


def test_what_was_dropped_after_the_end_is_not_looked_at() -> None:
    now = [AT]
    emulator = Emulator(seed=1, time=Clock(lambda: now[0]), after_end="drop")
    answer = _post(emulator, "/api/v1/sessions", "sessionStart", 0.0, AT, {"params": START})
    path = f"{dict(answer.response.headers)['Location']}/events"
    for at, event_type in ((1, "play"), (5, "sessionEnd"), (15, "ping"), (25, "error")):
        now[0] = AT + at
        _post(emulator, path, event_type, at, now[0], {})
    done = certify(emulator.sessions())
    assert of(done, "error").result is Result.NOT_EXERCISED
    assert of(done, "quiet-end").result is Result.FAILED


def test_a_pause_that_times_out_had_no_pings() -> None:
    done = sessions([PLAY, step(10, "ping", 10), step(12, "pauseStart", 12)], then=4000)
    assert of(done, "pause-pings").result is of(done, "end").result is Result.FAILED


def test_one_session_exercises_no_point_about_two_and_none_exercises_nothing() -> None:
    assert [of(sessions(GOOD), point).result for point in BETWEEN_SESSIONS] == [Result.NOT_EXERCISED] * 2
    assert {one.result for one in certify([])} == {Result.NOT_EXERCISED}


def test_an_open_session_is_not_blamed_for_what_may_yet_come() -> None:
    done = sessions([PLAY, step(1, "chapterStart", 1, params=CHAPTER), step(2, "pauseStart", 2), step(3, "ping", 2)])
    assert {one.point.id for one in done if one.result is Result.FAILED} == set()
    assert of(done, "chapters").result is of(done, "end").result is Result.NOT_EXERCISED


@pytest.mark.parametrize(
    ("point", "watched", "start"),
    [
        ("content-details", GOOD, {"media.length": 59_000}),
        ("ads", [step(0.1, "adBreakStart", params=POD), step(0.2, "adStart", params=AD), step(0.3, "adComplete")], {}),
        ("complete", [PLAY, step(10, "ping", 10), step(12, "sessionComplete", 12)], {"media.length": 600}),
    ],
)
def test_a_point_fails_for_every_way_to_get_it_wrong(point: str, watched: list[Step], start: dict[str, Any]) -> None:
    assert of(sessions(watched, **start), point).result is Result.FAILED


@pytest.mark.parametrize("rate", [0.5, 0.25, 2, 3])
def test_a_steady_speed_is_neither_a_seek_nor_a_playhead_that_creeps(rate: float) -> None:
    watched = [PLAY, *(step(at, "ping", at * rate) for at in range(10, 60, 10))]
    long: dict[str, Any] = {"media.length": 600}
    done = sessions(watched, **long)
    assert of(done, "playhead").result is Result.PASSED
    assert of(done, "seek").result is Result.NOT_EXERCISED


def test_a_seek_passes_where_it_is_told_by_what_comes_next() -> None:
    done = sessions([PLAY, step(5, "bufferStart", 30), step(6, "play", 30), step(16, "ping", 40)])
    assert of(done, "seek").result is Result.PASSED


@pytest.mark.parametrize("path", sorted((ROOT / "fixtures" / "clients").glob("js3*")), ids=lambda path: path.stem)
def test_adobes_own_sdk_fails_nothing(path: Path) -> None:
    done = certify(check(path).sessions)
    assert [one.point.id for one in done if one.result is Result.FAILED] == []
    assert sum(one.result is Result.PASSED for one in done) >= 7


KNOWN: dict[str, set[str]] = {
    "theo__ads_mobile": {"visitor"}, "theo__chapters": {"visitor", "chapters"},
    "theo__end_early": {"visitor", "ads", "ad-breaks"}, "theo__vod": {"visitor", "bitrate"},
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_what_another_client_fails_is_what_is_known_of_it(name: str) -> None:
    done = certify(check(ROOT / "fixtures" / "clients" / f"{name}.jsonl").sessions)
    assert {one.point.id for one in done if one.result is Result.FAILED} == KNOWN[name]


@pytest.mark.parametrize(
    "name", ["ads", "chapters", "live", "downloaded", "buffering-and-pause", "preroll-queued", "rewatch"]
)
def test_documented_timelines_fail_nothing_but_a_visitor_that_they_do_not_name(name: str) -> None:
    done = certify(check(ROOT / "fixtures" / "timelines" / f"{name}.json").sessions)
    assert [one.point.id for one in done if one.result is Result.FAILED] == ["visitor"]


def test_the_page_tells_every_point_as_the_table_does() -> None:
    page = (ROOT / "docs" / "certify.md").read_text("utf-8")
    told = re.findall(r"^\| `([\w-]+)` \| (.*?) \| (.*?) \| (.*?) \|$", page, re.M)
    assert told == [(one.id, one.title, one.asks, one.source) for one in POINTS]
