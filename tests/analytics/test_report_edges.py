"""Where the numbers of a report begin and end: the very limits of its rules, and the first and last event behind a span."""

from __future__ import annotations

import pytest

from mcmock.analytics import Close, Report
from tests.analytics.test_report import START_S, event, judged, rules_of

START = event(1, 0, "sessionStart")
PLAY = event(2, 1, "play")
Shown = list[tuple[float, float, tuple[int, ...]]]


def spans(report: Report, name: str) -> Shown:
    """What explains a number: from, to (seconds of the session, or of playhead) and the requests that say so."""
    assert report.first_ts is not None
    found = report.why(name)
    zero = [0.0 if span.axis == "playhead" else report.first_ts for span in found]
    return [((s.start - at) / 1000, (s.end - at) / 1000, s.seqs) for s, at in zip(found, zero, strict=True)]


# -- spans ----------------------------------------------------------------------------------------------------------------


def test_a_span_begins_with_the_event_before_it_and_ends_with_the_one_that_ends_it() -> None:
    report = judged(
        START, PLAY, event(3, 11, "ping", 10), event(4, 21, "ping", 20), event(5, 22, "pauseStart", 21),
        event(6, 32, "play", 21), event(7, 42, "ping", 31),
    ).report  # fmt: skip
    assert spans(report, "unattributed_time") == [(0, 1, (1, 2))]
    assert spans(report, "content_time_spent") == [(1, 22, (2, 3, 4, 5)), (32, 42, (6, 7))]
    assert spans(report, "pause_time") == [(22, 32, (5, 6))]


def test_each_stretch_that_was_watched_has_a_span_of_its_own() -> None:
    """A seek while playing ends one, and so does a pause behind which the playhead is elsewhere."""
    report = judged(
        START, PLAY, event(3, 11, "ping", 10), event(4, 21, "ping", 20), event(5, 22, "ping", 300),
        event(6, 32, "ping", 310), event(7, 33, "pauseStart", 311), event(8, 43, "play", 400), event(9, 53, "ping", 410),
    ).report  # fmt: skip
    assert spans(report, "unique_time_played") == [
        (0, 20, (2, 3, 4)), (300, 311, (5, 6, 7)), (400, 410, (8, 9)),
    ]  # fmt: skip
    assert report.unique_time_played == 41


def test_what_is_watched_twice_is_unique_once_and_shown_as_two_stretches() -> None:
    report = judged(
        START, PLAY, event(3, 11, "ping", 10), event(4, 12, "pauseStart", 11), event(5, 13, "play", 5),
        event(6, 23, "ping", 15),
    ).report  # fmt: skip
    assert report.unique_time_played == 15
    assert sum(end - start for start, end, _ in spans(report, "unique_time_played")) == 15


def test_a_second_ad_has_a_span_of_its_own_without_a_moment_between() -> None:
    """The same account, but another ad's."""
    report = judged(
        START, event(2, 1, "adBreakStart"), event(3, 1, "adStart"), event(4, 6, "adComplete"), event(5, 6, "adStart"),
        event(6, 9, "adComplete"), event(7, 9, "adBreakComplete"),
    ).report  # fmt: skip
    assert [(start, end) for start, end, _ in spans(report, "ads.0")] == [(1, 6)]
    assert [(start, end) for start, end, _ in spans(report, "ads.1")] == [(6, 9)]
    assert [ad.time_spent for ad in report.ads] == [5, 3]


# -- limits ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("playhead", "watched"), [(24.99, 24.99), (25, 25), (25.01, 0), (0, 0), (-1, 0)])
def test_twice_the_time_and_five_seconds_were_watched_and_more_was_a_seek(playhead: float, watched: float) -> None:
    assert judged(START, PLAY, event(3, 11, "ping", playhead)).report.unique_time_played == watched


@pytest.mark.parametrize(("gap_ms", "found"), [(250, []), (251, ["gap-between-ads"])])
def test_ads_of_a_break_may_be_a_quarter_of_a_second_apart(gap_ms: int, found: list[str]) -> None:
    ads = [START, event(2, 1, "adBreakStart"), event(3, 1.1, "adStart"), event(4, 2, "adComplete")]
    assert rules_of(judged(*ads, event(5, 2 + gap_ms / 1000, "adStart")), 5) == found


def test_the_first_ad_of_a_break_is_not_late_however_long_the_break_before_was_ago() -> None:
    judgement = judged(
        START, event(2, 1, "adBreakStart"), event(3, 1.1, "adStart"), event(4, 5, "adComplete"),
        event(5, 5.1, "adBreakComplete"), event(6, 9, "adBreakStart"), event(7, 9.5, "adStart"),
    )  # fmt: skip
    assert rules_of(judgement, 7) == []


@pytest.mark.parametrize(("ms", "stalls"), [(999, 0), (1000, 1)])
def test_events_less_than_a_second_apart_are_one_look_at_the_playhead(ms: int, stalls: int) -> None:
    at = ms / 1000
    report = judged(START, PLAY, event(3, 1 + at, "ping"), event(4, 1 + at + 1, "ping")).report
    assert report.stall_count == stalls


def test_what_moves_in_a_break_is_said_once_in_each() -> None:
    moved = [
        event(seq, at, kind, playhead)
        for seq, at, kind, playhead in (
            (2, 1, "adBreakStart", 0), (3, 1.1, "adStart", 0), (4, 2, "ping", 5), (5, 3, "ping", 6),
            (6, 4, "adComplete", 0), (7, 4.1, "adBreakComplete", 0), (8, 5, "adBreakStart", 0),
            (9, 5.1, "adStart", 0), (10, 6, "ping", 5),
        )
    ]  # fmt: skip
    judgement = judged(START, *moved)
    said = [seq for seq in judgement.order if "playhead-moved-in-ad" in rules_of(judgement, seq)]
    assert said == [4, 10]


def test_a_playhead_that_is_off_is_said_once_until_it_is_right_again() -> None:
    heads = [(3, 11, 100), (4, 21, 200), (5, 31, 210), (6, 41, 400)]
    judgement = judged(START, PLAY, *(event(seq, at, "ping", head) for seq, at, head in heads))
    said = [seq for seq in judgement.order if "playhead-off-clock" in rules_of(judgement, seq)]
    assert said == [3, 6]


def test_an_average_bitrate_is_exact_over_a_millisecond() -> None:
    rate = {"media.qoe.bitrate": 1000}
    report = judged(START, event(2, 1, "play", qoe=rate), event(3, 1.001, "ping", qoe=rate)).report
    assert report.bitrate_average == 1000


# -- what the mutants of effects.py showed to be unseen -------------------------------------------------------------------


@pytest.mark.parametrize("ad", ["ad-7", None])
def test_what_is_said_of_an_ad_outside_its_break_names_the_ad_where_it_has_a_name(ad: str | None) -> None:
    judgement = judged(START, event(2, 1, "adStart", params={"media.ad.id": ad}))
    subject = "adStart of 'ad-7'" if ad else "adStart"
    (found,) = [one for one in judgement.findings[2] if one.rule == "ad-outside-break"]
    assert found.message.startswith(f"{subject} outside adBreakStart")


def test_a_state_that_opened_twice_shows_both_times() -> None:
    mute = {"media.state.name": "mute"}
    report = judged(
        START, event(2, 1, "stateStart", params=mute), event(3, 3, "stateEnd", params=mute),
        event(4, 5, "stateStart", params=mute), event(5, 9, "stateEnd", params=mute), event(6, 10, "ping"),
    ).report  # fmt: skip
    assert spans(report, "states.mute") == [(1, 3, (2, 3)), (5, 9, (4, 5))]
    (state,) = report.states
    assert (state.count, state.time) == (2, 6)


def test_the_reason_of_a_close_is_shown_by_the_session_end() -> None:
    ended = judged(START, PLAY, event(3, 11, "sessionEnd", 10), close=Close("ended", START_S + 11)).report
    assert (ended.close_reason, [span.seqs for span in ended.why("close_reason")]) == ("ended", [(3,)])
