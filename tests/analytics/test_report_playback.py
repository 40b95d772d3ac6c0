"""Whose time it is where ads, pauses and the end of the content meet: what one state hides, and what it gives back."""

from __future__ import annotations

from mcmock.analytics import Report
from mcmock.core.events import Event
from tests.analytics.test_report import event, judged, rules_of


def report_of(*events: Event) -> Report:
    return judged(event(1, 0, "sessionStart"), *events).report


def seconds(report: Report, name: str) -> list[tuple[float, float]]:
    """The stretches that a duration is the sum of, in seconds of the session."""
    assert report.first_ts is not None
    return [((span.start - report.first_ts) / 1000, (span.end - report.first_ts) / 1000) for span in report.why(name)]


# -- an ad outside its break ----------------------------------------------------------------------------------------------


def test_a_break_behind_a_stray_ad_gives_back_the_pause_that_the_ad_hid() -> None:
    report = report_of(
        event(2, 1, "play"), event(3, 11, "pauseStart", 10), event(4, 13, "adStart", 10),  # outside any break
        event(5, 16, "adBreakStart", 10), event(6, 16.1, "adStart", 10), event(7, 21, "adComplete", 10),
        event(8, 21.1, "adBreakComplete", 10), event(9, 31, "ping", 10),
    )  # fmt: skip
    assert seconds(report, "content_time_spent") == [(1, 11), (13, 16)]
    assert seconds(report, "pause_time") == [(11, 13), (21.1, 31)]
    assert report.ad_time_spent == 4.9
    assert report.state == "paused"
    assert report.pause_count == 1


def test_a_break_behind_a_stray_ad_gives_back_content_that_played() -> None:
    report = report_of(
        event(2, 1, "play"), event(3, 5, "adStart", 4), event(4, 8, "adBreakStart", 7), event(5, 8.1, "adStart", 7),
        event(6, 12, "adComplete", 7), event(7, 12.1, "adBreakComplete", 7), event(8, 20, "ping", 15),
    )  # fmt: skip
    assert seconds(report, "content_time_spent") == [(1, 8), (12.1, 20)]
    assert report.state == "playing"


def test_a_stray_ad_gives_back_what_was_there_before_the_first_of_several() -> None:
    report = report_of(
        event(2, 1, "play"), event(3, 2, "bufferStart", 1), event(4, 3, "adStart", 1), event(5, 5, "adStart", 1),
        event(6, 7, "adComplete", 1), event(7, 9, "ping", 1),
    )  # fmt: skip
    assert seconds(report, "buffer_time") == [(2, 3), (7, 9)]
    assert report.buffer_count == 1


def test_what_the_player_says_during_a_stray_ad_outlasts_it() -> None:
    report = report_of(
        event(2, 1, "play"), event(3, 2, "adStart", 1), event(4, 4, "pauseStart", 3), event(5, 6, "adComplete", 3),
        event(6, 8, "ping", 3),
    )  # fmt: skip
    assert seconds(report, "pause_time") == [(4, 8)]
    assert report.pause_count == 1


def test_a_playhead_that_rests_under_a_stray_ad_is_no_stall() -> None:
    """The ad plays in front of the content, which therefore stands still."""
    resting = [event(seq, at, "ping", 9) for seq, at in enumerate((11, 12, 13, 14, 15), 4)]
    report = report_of(event(2, 1, "play"), event(3, 10, "adStart", 9), *resting, event(9, 16, "adComplete", 9))
    assert (report.stall_count, report.stall_time) == (0, 0)
    assert seconds(report, "content_time_spent") == [(1, 16)]


def test_the_same_playhead_without_the_stray_ad_is_a_stall() -> None:
    resting = [event(seq, at, "ping", 9) for seq, at in enumerate((11, 12, 13, 14, 15), 4)]
    report = report_of(event(2, 1, "play"), event(3, 10, "ping", 9), *resting)
    assert (report.stall_count, seconds(report, "stall_time")) == (1, [(12, 15)])


def test_what_was_seen_before_a_stray_ad_does_not_count_for_a_stall_after_it() -> None:
    report = report_of(
        event(2, 1, "play"), event(3, 10, "ping", 9), event(4, 12, "ping", 9), event(5, 13, "adStart", 9),
        event(6, 15, "adComplete", 9), event(7, 17, "ping", 9), event(8, 19, "ping", 9),
    )  # fmt: skip
    assert report.stall_count == 0


def test_content_that_is_complete_does_not_play_again_when_a_stray_ad_ends() -> None:
    report = report_of(
        event(2, 1, "play"), event(3, 11, "adStart", 10), event(4, 13, "sessionComplete", 12),
        event(5, 16, "adComplete", 12), event(6, 20, "ping", 12),
    )  # fmt: skip
    assert seconds(report, "content_time_spent") == [(1, 13)]
    assert report.unattributed_time == 8.0  # the second before play, and all after the end
    assert report.state == "completed"


# -- within a break -------------------------------------------------------------------------------------------------------


def test_a_pause_within_an_ad_ends_with_it_and_the_gap_behind_it_is_a_gap() -> None:
    report = report_of(
        event(2, 1, "play"), event(3, 5, "adBreakStart", 4), event(4, 5.1, "adStart", 4), event(5, 7, "pauseStart", 4),
        event(6, 10, "adComplete", 4), event(7, 12, "adStart", 4), event(8, 15, "adComplete", 4),
        event(9, 15.5, "adBreakComplete", 4), event(10, 20, "ping", 8.5),
    )  # fmt: skip
    assert seconds(report, "pause_time") == [(7, 10)]
    assert seconds(report, "ad_time_spent") == [(5.1, 7), (12, 15)]
    assert seconds(report, "unattributed_time") == [(0, 1), (5, 5.1), (10, 12), (15, 15.5)]
    assert seconds(report, "content_time_spent") == [(1, 5), (15.5, 20)]


def test_buffering_within_an_ad_ends_with_it_when_the_next_ad_closes_it() -> None:
    judgement = judged(
        event(1, 0, "sessionStart"), event(2, 1, "adBreakStart"), event(3, 1.1, "adStart"), event(4, 3, "bufferStart"),
        event(5, 5, "adStart"), event(6, 8, "adSkip"), event(7, 8.1, "adBreakComplete"),
    )  # fmt: skip
    assert rules_of(judgement, 5) == ["ad-not-closed"]
    assert seconds(judgement.report, "buffer_time") == [(3, 5)]
    assert seconds(judgement.report, "ad_time_spent") == [(1.1, 3), (5, 8)]


def test_a_pause_between_two_ads_is_a_pause_until_the_next_begins() -> None:
    report = report_of(
        event(2, 1, "adBreakStart"), event(3, 1.1, "adStart"), event(4, 3, "adComplete"), event(5, 3.1, "pauseStart"),
        event(6, 6, "adStart"), event(7, 8, "adComplete"), event(8, 9, "adBreakComplete"),
    )  # fmt: skip
    assert seconds(report, "pause_time") == [(3.1, 6)]
    assert seconds(report, "ad_time_spent") == [(1.1, 3), (6, 8)]


def test_content_that_was_paused_before_a_break_is_paused_after_it_whatever_the_break_did() -> None:
    report = report_of(
        event(2, 1, "play"), event(3, 3, "pauseStart", 2), event(4, 4, "adBreakStart", 2), event(5, 4.1, "adStart", 2),
        event(6, 5, "bufferStart", 2), event(7, 6, "play", 2), event(8, 7, "adComplete", 2),
        event(9, 7.1, "adBreakComplete", 2), event(10, 9, "ping", 2),
    )  # fmt: skip
    assert seconds(report, "pause_time") == [(3, 4), (7.1, 9)]
    assert seconds(report, "buffer_time") == [(5, 6)]
    assert seconds(report, "ad_time_spent") == [(4.1, 5), (6, 7)]


def test_content_that_completes_within_a_break_does_not_play_behind_it() -> None:
    report = report_of(
        event(2, 1, "play"), event(3, 5, "adBreakStart", 4), event(4, 5.1, "adStart", 4),
        event(5, 6, "sessionComplete", 4), event(6, 8, "adComplete", 4), event(7, 8.1, "adBreakComplete", 4),
        event(8, 12, "ping", 4),
    )  # fmt: skip
    assert seconds(report, "ad_time_spent") == [(5.1, 8)]
    assert seconds(report, "content_time_spent") == [(1, 5)]
    assert report.state == "completed"
