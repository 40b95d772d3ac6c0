"""What holds for the judgement of any session, and what no single timeline can show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mcmock.analytics import (
    METRICS,
    RECORD_METRICS,
    Close,
    Judge,
    Judgement,
    Report,
    Summary,
    camel,
    compare,
    judge_session,
)
from mcmock.core.events import Event
from mcmock.core.findings import RULES
from mcmock.core.model import Mode, Severity
from mcmock.engine import Emulator
from mcmock.protocols.media_collection.events import event_from
from tests.conftest import body, post, send, start

ROOT = Path(__file__).parents[2]
RECORDINGS = sorted((ROOT / "fixtures" / "clients").glob("*.jsonl"))
START_S = 1_700_000_000.0
START_MS = 1_700_000_000_000
OPEN = Close("open", START_S)

ACCOUNTS = ("content_time_spent", "ad_time_spent", "pause_time", "buffer_time", "stall_time", "unattributed_time")
ALWAYS: dict[str, dict[str, Any]] = {
    "sessionStart": {"media.id": "film-1", "media.length": 60, "visitor.marketingCloudUserId": "viewer-1"},
    "adBreakStart": {"media.ad.podIndex": 1, "media.ad.podSecond": 0},
    "adStart": {"media.ad.id": "ad-1", "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "p"},
    "chapterStart": {"media.chapter.index": 1, "media.chapter.offset": 0, "media.chapter.length": 5},
    "stateStart": {"media.state.name": "mute"},
    "stateEnd": {"media.state.name": "mute"},
    "statesUpdate": {"statesStart": [{"media.state.name": "mute"}], "statesEnd": [{"media.state.name": "fullScreen"}]},
}
EVENT_TYPES = (
    "play", "ping", "pauseStart", "bufferStart", "adBreakStart", "adBreakComplete", "adStart", "adComplete", "adSkip",
    "chapterStart", "chapterComplete", "chapterSkip", "stateStart", "stateEnd", "statesUpdate", "bitrateChange", "error",
    "sessionComplete", "sessionEnd",
)  # fmt: skip


def event(seq: int, at: float, event_type: str, playhead: float = 0, *, ts: float | None = None, **parts: Any) -> Event:
    """An event that arrives `at` seconds after the start; `ts` is in the same seconds and follows `at` if left out."""
    params = {**ALWAYS.get(event_type, {}), **parts.get("params", {})}
    stamp = START_MS + round((at if ts is None else ts) * 1000)
    after_end = bool(parts.get("after_end"))
    return Event(seq, START_S + at, event_type, playhead, stamp, params, parts.get("qoe", {}), {}, after_end)


def judged(*events: Event, mode: Mode = Mode.DEFAULT, close: Close = OPEN) -> Judgement:
    return judge_session("sid", events, close, mode)


def rules_of(judgement: Judgement, seq: int) -> list[str]:
    return [finding.rule for finding in judgement.findings.get(seq, ())]


# -- any session --------------------------------------------------------------------------------------------------------

qualities = st.fixed_dictionaries(
    {}, optional={"media.qoe.bitrate": st.integers(0, 9000), "media.qoe.droppedFrames": st.integers(0, 9)}
)


@st.composite
def sessions(draw: st.DrawFn, orderly: bool = False) -> list[Event]:
    """A sessionStart and up to 30 events. Orderly: in order of a strictly growing `ts`, as they happened."""
    arrival, made = 0.0, [event(1, 0.0, "sessionStart", qoe=draw(qualities))]
    for seq in range(2, draw(st.integers(2, 32))):
        arrival = round(arrival + draw(st.sampled_from((0.001, 0.05, 0.5, 1.0, 3.0, 10.0, 20.0))), 3)
        ts = (
            arrival
            if orderly
            else round(arrival + draw(st.sampled_from((-40.0, -6.0, -1.0, -0.002, 0.0, 0.0, 0.0, 2.0))), 3)
        )
        playhead = draw(st.sampled_from((0.0, 5.0, 10.0, 25.5, 59.0, 70.0, arrival)))
        made.append(event(seq, arrival, draw(st.sampled_from(EVENT_TYPES)), playhead, ts=ts, qoe=draw(qualities)))
    return made


def first_window(events: list[Event]) -> list[Event]:
    """The events of the first window, by the rule as documented: 5 s from the first of them, or more than 10."""
    buffered = events[1:]
    return [one for one in buffered if one.at - buffered[0].at < 5.0][:11]


@given(sessions())
@settings(max_examples=150, deadline=None)
def test_the_accounts_add_up_to_the_time_between_the_first_and_the_last_ts_in_any_order(events: list[Event]) -> None:
    report = judged(*events).report
    first = min(one.ts for one in [events[0], *first_window(events)])
    last = max(one.ts for one in events)
    total_ms = sum(round(getattr(report, name) * 1000) for name in ACCOUNTS)
    assert total_ms == last - first == round(report.session_time * 1000)
    assert (report.first_ts, report.last_ts) == (first, last)


@given(sessions(), st.sampled_from(("open", "ended", "idle", "stalled", "expired", "forgotten")))
@settings(max_examples=100, deadline=None)
def test_no_number_is_negative_and_every_report_is_json(events: list[Event], reason: str) -> None:
    judgement = judged(*events, close=Close(reason, events[-1].at + 1))
    for name in METRICS:
        value = getattr(judgement.report, name)
        assert not isinstance(value, int | float) or value >= 0, name
    records: list[Any] = [*judgement.report.ads, *judgement.report.chapters, *judgement.report.ad_breaks]
    assert all(record.time_spent >= 0 for record in records)
    assert json.loads(json.dumps(judgement.report.to_json())) == judgement.report.to_json()
    assert sorted(judgement.order) == [one.seq for one in events]


@given(sessions())
@settings(max_examples=100, deadline=None)
def test_every_duration_is_the_sum_of_its_spans_in_any_order(events: list[Event]) -> None:
    report = judged(*events, close=Close("idle", events[-1].at + 600)).report
    names = [name for name, metric in METRICS.items() if metric.unit == "s" and name != "time_to_start"]
    for name in names:
        assert explained(report, name) == pytest.approx(getattr(report, name), abs=0.0005), name
    for kind in ("ads", "ad_breaks", "chapters"):
        for place, record in enumerate(getattr(report, kind)):
            assert explained(report, f"{kind}.{place}") == pytest.approx(record.time_spent, abs=0.0005)
    for state in report.states:
        assert explained(report, f"states.{state.name}") == pytest.approx(state.time, abs=0.0005)


def explained(report: Report, name: str) -> float:
    return sum(span.seconds for span in report.why(name))


@given(sessions())
@settings(max_examples=80, deadline=None)
def test_asking_at_any_moment_changes_nothing_and_equals_a_judgement_from_scratch(events: list[Event]) -> None:
    bench = Judge("sid")
    for place, one in enumerate(events, 1):
        bench.add(one)
        asked, fresh = bench.judgement(OPEN), judged(*events[:place])
        assert asked.report == fresh.report
        assert dict(asked.findings) == dict(fresh.findings)
        assert (asked.order, asked.session_findings) == (fresh.order, fresh.session_findings)


@given(sessions(), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_a_judgement_is_not_changed_by_what_comes_after_it(events: list[Event], place: int) -> None:
    assume(place < len(events))
    bench = Judge("sid")
    for one in events[:place]:
        bench.add(one)
    early = bench.judgement(OPEN)
    for one in events[place:]:
        bench.add(one)
    assert early.report == judged(*events[:place]).report
    assert early.order == judged(*events[:place]).order
    assert early.report.to_json() == judged(*events[:place]).report.to_json()


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_within_a_window_only_ts_decides(data: st.DataObject) -> None:
    """Up to ten events inside five seconds, each with a ts of its own, may arrive in any order."""
    count = data.draw(st.integers(1, 10))
    made = [
        event(place + 2, 0.1 * place, data.draw(st.sampled_from(EVENT_TYPES)), place, ts=10 + 3 * place)
        for place in range(count)
    ]
    shuffled = [one._replace(at=START_S + 0.1 * place) for place, one in enumerate(data.draw(st.permutations(made)))]
    start = event(1, 0, "sessionStart")
    close = Close("ended", START_S + 60)
    assert judged(start, *made, close=close).report == judged(start, *shuffled, close=close).report


TIME_ATTRIBUTION = {
    # An ad outside its break moves time to main content, and with it what is derived from that time.
    "content_time_spent", "media_time_spent", "unique_time_played", "average_minute_audience", "estimated_streams",
    "pause_time", "buffer_time", "stall_time", "stall_count", "stall_impacted", "unattributed_time", "bitrate_average",
    "bitrate_average_bucket", "state",
}  # fmt: skip
IGNORABLE = (
    "adStart",
    "adComplete",
    "adSkip",
    "adBreakComplete",
    "chapterComplete",
    "chapterSkip",
    "stateStart",
    "stateEnd",
)


@given(sessions(orderly=True), st.sampled_from(IGNORABLE), st.integers(1, 30), st.floats(0, 100))
@settings(max_examples=300, deadline=None)
def test_an_ignored_event_changes_nothing_but_whose_time_it_was(
    events: list[Event], event_type: str, place: int, playhead: float
) -> None:
    """Nothing at all, but for an ad outside its break, whose time goes to main content as documented."""
    assume(place < len(events))
    before, after = events[place - 1], events[place]
    assume(after.ts - before.ts >= 2)
    middle = (before.ts + after.ts) // 2
    extra = event(999, 0, event_type, playhead, qoe={"media.qoe.bitrate": 77})._replace(
        ts=middle, at=START_S + (middle - START_MS) / 1000
    )
    judgement = judged(*events[:place], extra, *events[place:])
    found = rules_of(judgement, 999)
    assume(any(RULES[rule].ignores for rule in found))
    with_it, without = numbers(judgement.report), numbers(judged(*events).report)
    different = {name for name in with_it if with_it[name] != without[name]}
    assert different <= (TIME_ATTRIBUTION if "ad-outside-break" in found else set())


def numbers(report: Report) -> dict[str, Any]:
    """Every metric, and the records without the times that a chapter takes from the content's."""
    records: dict[str, Any] = {
        "ads": [(ad.seq, ad.outcome, ad.time_spent) for ad in report.ads],
        "ad_breaks": [(one.seq, one.outcome, one.time_spent, one.ad_count) for one in report.ad_breaks],
        "chapters": [(chapter.seq, chapter.outcome) for chapter in report.chapters],
        "states": [(state.name, state.count, state.time) for state in report.states],
    }
    return {**{name: getattr(report, name) for name in METRICS}, **records}


# -- windows and order --------------------------------------------------------------------------------------------------


def test_the_eleventh_event_closes_the_window_at_once() -> None:
    """More than 10 have arrived: what is older and comes after them is late."""
    pings = [event(seq, 0.1 * seq, "ping", ts=seq) for seq in range(2, 13)]
    late = event(13, 2.0, "pauseStart", ts=1.5)
    assert rules_of(judged(event(1, 0, "sessionStart"), *pings, late), 13) == ["late-event"]
    assert rules_of(judged(event(1, 0, "sessionStart"), *pings[1:], late), 13) == ["timestamp-backwards"]


def test_five_seconds_after_its_first_event_the_window_closes() -> None:
    start, first = event(1, 0, "sessionStart"), event(2, 1, "ping", ts=1)
    second, older = event(3, 2, "ping", ts=20), "pauseStart"
    assert rules_of(judged(start, first, second, event(4, 5.999, older, ts=5)), 4) == ["timestamp-backwards"]
    assert rules_of(judged(start, first, second, event(4, 6.0, older, ts=5)), 4) == ["late-event"]


def test_the_order_is_the_processing_order() -> None:
    judgement = judged(
        event(1, 0, "sessionStart"), event(2, 0.1, "play", ts=0.9), event(3, 0.2, "adBreakStart", ts=0.2)
    )
    assert judgement.order == (1, 3, 2)


def test_a_long_queued_preroll_is_no_late_event() -> None:
    """More pings than a window holds, all older than sessionStart, observed in theo after a fifteen-second pre-roll."""
    ad = {"media.ad.length": 16}
    queue = [event(2, 20.01, "adBreakStart", ts=0), event(3, 20.02, "adStart", ts=0.1, params=ad)]
    queue += [event(4 + n, 20.03 + n / 100, "ping", ts=1.1 + n) for n in range(15)]
    queue += [event(19, 20.3, "adComplete", ts=16.1), event(20, 20.4, "adBreakComplete", ts=16.2)]
    judgement = judged(event(1, 20, "sessionStart"), *queue, event(21, 20.5, "play"), event(22, 30.5, "ping", 10))
    assert {rule for seq in judgement.order for rule in rules_of(judgement, seq)} == {"timestamp-backwards"}
    assert judgement.report.ad_time_spent == 16.0
    assert judgement.report.content_time_spent == 10.0


def test_a_session_whose_start_was_not_seen_is_judged_all_the_same() -> None:
    """A recording may begin in the middle."""
    report = judged(event(1, 0, "play"), event(2, 10, "ping", 10)).report
    assert (report.media_starts, report.content_starts, report.content_time_spent) == (False, True, 10.0)
    assert report.average_minute_audience is None


def test_an_empty_session_has_a_report() -> None:
    report = judge_session("sid", (), OPEN).report
    assert (report.session_time, report.first_ts, report.state) == (0.0, None, "starting")
    assert report.to_json()["exact"]["mediaStarts"] is False


@pytest.mark.fidelity("M-09")
def test_media_reporting_omits_what_adobes_close_call_omits() -> None:
    """False flags, zero counts, empty lists, and the times of what never was; `exact` has all of them."""
    ad = {"media.ad.id": "a", "media.ad.length": 5, "media.ad.podPosition": 1, "media.ad.playerName": "p"}
    made = judged(
        event(1, 0, "sessionStart"), event(2, 0.1, "adBreakStart", params={"media.ad.podIndex": 1, "media.ad.podSecond": 0}),
        event(3, 0.2, "adStart", params=ad), event(4, 5, "adSkip"), event(5, 5.1, "adBreakComplete"), event(6, 9, "sessionEnd"),
        close=Close("ended", START_S + 9),
    ).report.to_json()  # fmt: skip
    values = [*made["sessionDetails"].values(), *made["qoeDataDetails"].values()]
    assert [value for value in values if value is False or value == []] == [False], "hasResume alone"
    assert {key for key, value in made["sessionDetails"].items() if value == 0} <= {
        "hasResume", "timePlayed", "uniqueTimePlayed", "averageMinuteAudience", "secondsSinceLastCall",
    }  # fmt: skip
    assert not {"isDownloaded", "isPlayed", "pauseCount", "pauseTime", "hasProgress10", "chapterCount"} & set(
        made["sessionDetails"]
    )
    assert made["qoeDataDetails"] == {"isDroppedBeforeStart": True}
    assert "isCompleted" not in made["ads"][0]["advertisingDetails"]
    assert made["ads"][0]["exact"]["completed"] is False
    assert (made["exact"]["downloaded"], made["exact"]["pauseCount"], made["exact"]["bufferTime"]) == (False, 0, 0.0)


# -- what needs another option than a timeline has -------------------------------------------------------------------------


def test_what_comes_after_the_end_is_dropped_and_says_so() -> None:
    played = [event(1, 0, "sessionStart"), event(2, 0.1, "play"), event(3, 10.1, "sessionEnd", 10)]
    judgement = judged(*played, event(4, 12, "adBreakStart", 10, after_end=True), close=Close("ended", START_S + 10.1))
    assert rules_of(judgement, 4) == ["event-after-end"]
    assert judgement.report == judged(*played, close=Close("ended", START_S + 10.1)).report
    assert judgement.order == (1, 2, 3, 4)


def test_what_is_sorted_behind_the_end_in_its_window_still_counts() -> None:
    """The service sorts before it closes: a ping sent in parallel with sessionEnd is not lost."""
    judgement = judged(
        event(1, 0, "sessionStart"),
        event(2, 0.1, "play"),
        event(3, 10, "ping", 10, ts=10.1),
        event(4, 10.1, "sessionEnd", 9, ts=10),
    )
    assert judgement.report.content_time_spent == 10.0


def test_strict_mode_asks_for_a_ping_a_second_in_ads() -> None:
    ads = [event(1, 0, "sessionStart"), event(2, 0.1, "adBreakStart"), event(3, 0.2, "adStart"), event(4, 3.2, "ping")]
    assert rules_of(judged(*ads, mode=Mode.STRICT), 4) == ["ping-gap-in-ad"]
    assert rules_of(judged(*ads), 4) == []


def test_strict_mode_raises_the_severity() -> None:
    stray = [event(1, 0, "sessionStart"), event(2, 1, "chapterComplete")]
    assert judged(*stray).findings[2][0].severity is Severity.WARNING
    assert judged(*stray, mode=Mode.STRICT).findings[2][0].severity is Severity.ERROR


def test_findings_name_the_place_in_a_downloaded_array() -> None:
    array = [event(1, 0, "sessionStart"), event(1, 0, "play", ts=1), event(1, 0, "chapterSkip", ts=5)]
    findings = judge_session("sid", array, Close("ended", START_S), downloaded=True).findings[1]
    assert [(finding.rule, finding.path) for finding in findings] == [("chapter-close-without-start", "$[2].eventType")]


# -- several sessions -----------------------------------------------------------------------------------------------------


def opened(
    session_id: str, at: float, *more: Event, closed: bool = False, params: dict[str, str] | None = None
) -> Summary:
    bench = Judge(session_id)
    bench.add(event(1, at, "sessionStart", params=params or {}))
    for one in more:
        bench.add(one)
    return bench.summary(Close("idle" if closed else "open", START_S + at + 600))


def test_a_session_left_empty_beside_another_of_the_same_view_is_found() -> None:
    """js3 and aep start again when sessionStart is slow to be answered."""
    orphan, used = opened("a", 0), opened("b", 3, event(2, 4, "play"))
    found = compare([orphan, used])
    assert {session_id: [finding.rule for finding in some] for session_id, some in found.items()} == {
        "a": ["two-sessions-for-one-view"]
    }


@pytest.mark.parametrize(
    "other",
    [
        opened("b", 90, event(2, 91, "play")),
        opened("b", 3, event(2, 4, "play"), params={"media.id": "film-2"}),
        opened("b", 3, event(2, 4, "play"), params={"visitor.marketingCloudUserId": "viewer-2"}),
        opened("b", 3),
    ],
    ids=["a minute later", "another film", "another viewer", "just as new"],
)
def test_sessions_that_have_nothing_to_do_with_each_other_are_left_alone(other: Summary) -> None:
    assert compare([opened("a", 0), other]) == {}


def test_two_viewers_without_a_name_are_not_compared() -> None:
    nameless = {"visitor.marketingCloudUserId": ""}
    assert compare([opened("a", 0, params=nameless), opened("b", 3, event(2, 4, "play"), params=nameless)]) == {}


def test_a_closed_empty_session_is_found_even_when_the_other_came_first() -> None:
    assert set(compare([opened("a", 0, event(2, 1, "play")), opened("b", 3, closed=True)])) == {"b"}


# -- asking why -----------------------------------------------------------------------------------------------------------


def test_why_shows_the_intervals_and_the_events_of_a_number() -> None:
    report = judged(
        event(1, 0, "sessionStart"), event(2, 1, "play"), event(3, 11, "ping", 10), event(4, 12, "pauseStart", 11),
        event(5, 20, "play", 11), event(6, 25, "ping", 16),
    ).report  # fmt: skip
    spans = [(span.start - START_MS, span.end - START_MS, span.seqs) for span in report.why("content_time_spent")]
    assert spans == [(1000, 12000, (2, 3, 4)), (20000, 25000, (5, 6))]
    assert [(span.start, span.end, span.axis) for span in report.why("unique_time_played")] == [(0, 16000, "playhead")]
    assert [(span.seqs, span.label) for span in report.why("pause_count")] == [((4,), "pauseStart")]
    assert report.to_json()["why"]["pauseTime"][0]["seqs"] == [4, 5]


def test_every_metric_can_be_asked_why() -> None:
    report = judged(event(1, 0, "sessionStart"), event(2, 1, "play")).report
    assert {name for name in METRICS if not isinstance(report.why(name), tuple)} == set()


@pytest.mark.parametrize("name", ["contentTime", "ads.0", "ads.x", "states.mute", "ads"])
def test_why_of_something_else_says_what_there_is(name: str) -> None:
    report = judged(event(1, 0, "sessionStart"), event(2, 1, "chapterStart")).report
    with pytest.raises(ValueError, match=r"not a metric|not a record of this report: it has chapters\.0"):
        report.why(name)


def test_the_report_and_the_table_have_the_same_numbers() -> None:
    records = {"ads", "ad_breaks", "chapters", "states", "params", "metadata", "evidence", "doubts"}
    assert set(Report.__dataclass_fields__) - records == set(METRICS)
    exact = judged(event(1, 0, "sessionStart")).report.to_json()["exact"]
    assert set(exact) == {camel(name) for name in METRICS}


def test_whole_seconds_are_rounded_half_up_and_the_exact_ones_stand_beside_them() -> None:
    made = judged(event(1, 0, "sessionStart"), event(2, 1, "play"), event(3, 3.5, "ping", 2.5)).report.to_json()
    assert made["sessionDetails"]["timePlayed"] == 3
    assert made["exact"]["contentTimeSpent"] == 2.5


def test_an_ad_outside_its_break_makes_no_second_pause_of_one() -> None:
    """Found by the property above: the ad hides the pause, and the player says pauseStart again."""
    paused = [event(1, 0, "sessionStart"), event(2, 1, "pauseStart")]
    assert judged(*paused, event(3, 2, "adStart"), event(4, 3, "pauseStart")).report.pause_count == 1


def test_a_burst_of_different_states_is_no_repetition() -> None:
    """SDKs open several states at once when they resume: one ts, one playhead, different names."""
    burst = [
        event(seq, 1, "stateStart", params={"media.state.name": name}) for seq, name in ((2, "mute"), (3, "inFocus"))
    ]
    judgement = judged(event(1, 0, "sessionStart"), *burst)
    assert (rules_of(judgement, 3), rules_of(judgement, 2)) == ([], ["equal-timestamps"]), "by their names"
    repeated = judged(event(1, 0, "sessionStart"), burst[0], burst[0]._replace(seq=3))
    assert rules_of(repeated, 3) == ["duplicate-event", "state-already-open"]


# -- values that only loose mode lets through --------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", [None, "12", True, [], {}, float("inf"), float("nan"), 10**400, -5])
def test_odd_values_never_break_the_judge(odd: Any) -> None:
    ping = {
        "eventType": "ping",
        "playerTime": {"playhead": odd, "ts": odd},
        "params": odd,
        "qoeData": {"media.qoe.bitrate": odd},
    }
    start = {
        "eventType": "sessionStart",
        "playerTime": {"playhead": 0, "ts": START_MS},
        "params": {"media.id": odd, "media.length": odd},
        "qoeData": {"media.qoe.timeToStart": odd},
    }
    others = [
        {**ping, "eventType": kind, "params": dict.fromkeys(ALWAYS.get(kind, {}), odd)}
        for kind in (*EVENT_TYPES, *EVENT_TYPES)
    ]
    events = [event_from(one, seq, START_S + seq / 10) for seq, one in enumerate([start, ping, *others], 1)]
    report = judged(*events, close=Close("ended", START_S + 9)).report
    assert report.session_time >= 0
    json.dumps(report.to_json())


def test_a_request_that_is_no_event_brings_none(emulator: Emulator) -> None:
    for request in (post("/api/v1/sessions", body("sessionStart")), post("/nowhere", {}), post("/api/v1/sessions", [])):
        emulator.handle(request)
    engine = emulator.engine
    assert [len(engine.analysis.events_of(entry)) for entry in engine.log.entries()] == [1, 0, 0]


# -- the recordings -------------------------------------------------------------------------------------------------------


def documented(heading: str, name: str = "report.md") -> list[list[str]]:
    """The rows of the first table under a heading of a page."""
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line.startswith("|")
    ]
    return rows[2:]


def test_every_recording_is_in_the_docs() -> None:
    assert [row[0].strip("`") for row in documented("Real clients", "findings.md")] == [
        path.stem for path in RECORDINGS
    ]


# -- the docs -------------------------------------------------------------------------------------------------------------


def test_the_docs_have_a_row_for_every_metric() -> None:
    rows = documented("Every number of a session") + documented("Every number of a record")
    assert [row[:4] for row in rows] == [expected_row(name) for name in (*METRICS, *RECORD_METRICS)]


def expected_row(name: str) -> list[str]:
    metric = (METRICS | RECORD_METRICS)[name]
    field = f"`{metric.record}.{metric.field}`" if metric.field else "–"
    context = f"`a.media.{metric.context}`" if metric.context else "–"
    return [f"`{name}`", field, context, metric.unit]


def test_metadata_where_it_does_not_belong_takes_nothing_from_its_event(emulator: Emulator) -> None:
    """Only the metadata is dropped, and even that is assumed."""
    sid = start(emulator)
    send(emulator, sid, "play", ts=1_700_000_000_100)
    answer = send(emulator, sid, "pauseStart", ts=1_700_000_005_000, customMetadata={"a": "b"})
    found = emulator.request(answer.seq)
    assert found is not None
    assert (str(found.outcome), [one.rule for one in found.findings]) == ("good", ["metadata-on-wrong-event"])
    view = emulator.session(sid)
    assert view is not None
    assert view.report.pause_count == 1
