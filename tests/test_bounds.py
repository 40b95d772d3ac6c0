"""Whatever clients do, memory is bounded: what is let go of, in which order, and how it is told."""

from __future__ import annotations

import pytest

from mcmock.emulator import Emulator
from mcmock.emulator.terms import LONGEST_CONTENT
from mcmock.weights import ENTRY_COST
from tests.conftest import START_PARAMS, body, post, send, start

SMALL_LOG = 20_000


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Emulator:
    monkeypatch.setattr("mcmock.emulator.desk.MOST_SESSIONS", 50)
    monkeypatch.setattr("mcmock.emulator.analyst.MOST_JUDGED", 20)
    return Emulator(seed=1, max_log_bytes=SMALL_LOG)


def ended(emulator: Emulator, number: int) -> str:
    params = {**START_PARAMS, "analytics.visitorId": f"visitor {number % 7}", "media.id": f"film {number % 5}"}
    sid = start(emulator, params=params)
    assert send(emulator, sid, "sessionEnd").response.status == 204
    return sid


def test_closed_sessions_that_left_the_log_are_forgotten_oldest_first_and_counted(small: Emulator) -> None:
    sids = [ended(small, number) for number in range(500)]
    summary = small.summary()
    assert summary.forgotten + summary.sessions == 500
    assert 50 <= summary.sessions < 100
    assert send(small, sids[0], "ping").response.status == 404
    assert send(small, sids[-1], "ping").response.status == 410
    assert small.session_ids() == sids[-summary.sessions :]


def test_an_open_session_is_never_forgotten(small: Emulator) -> None:
    opened = start(small)
    for number in range(500):
        ended(small, number)
    assert send(small, opened, "ping").response.status == 204


def test_a_session_that_timed_out_counts_as_closed(small: Emulator) -> None:
    for _ in range(60):
        start(small)
    small.advance(601)
    for number in range(200):
        ended(small, number)
    assert small.summary().forgotten >= 60


def test_below_the_limit_nothing_is_forgotten_however_small_the_log(small: Emulator) -> None:
    sids = [ended(small, number) for number in range(50)]
    assert small.summary().forgotten == 0
    assert {send(small, sid, "ping").response.status for sid in sids} == {410}


def test_reports_of_all_sessions_that_are_left_can_still_be_asked_for(small: Emulator) -> None:
    for number in range(300):
        ended(small, number)
        if number % 10 == 0:
            assert len(small.sessions()) == len(small.outlines()) == small.summary().sessions
    assert len(small._judges) <= small.summary().sessions


def test_events_are_not_kept_for_reports_without_end(small: Emulator) -> None:
    for number in range(300):
        sid = start(small)
        assert small.outline(sid) is not None
        if number % 50 == 49:
            small.advance(1)
    assert len(small._judges) < 20 + SMALL_LOG // ENTRY_COST + 5


def test_made_up_session_ids_leave_nothing_behind(small: Emulator) -> None:
    for number in range(2000):
        small.handle(post(f"/api/v1/sessions/{number:064}/events", body("ping")))
    assert small._journal._left == {}
    assert small._journal.session_ids() == [f"{number:064}" for number in range(2000 - len(small.kept()), 2000)]
    assert small.summary().sessions == 0


def test_what_is_watched_may_have_a_name_of_any_length(small: Emulator) -> None:
    sid = start(small, params={**START_PARAMS, "media.id": "x" * 500_000})
    again = start(small, params={**START_PARAMS, "media.id": "x" * 500_000})
    assert sid != again
    assert max(map(len, small._issued)) <= LONGEST_CONTENT


def test_findings_count_in_the_bound_of_the_log() -> None:
    """A body of unknown keys has a finding for each, and they take more room than it does."""
    emulator = Emulator(seed=1, max_log_bytes=500_000)
    sid = start(emulator)
    for _ in range(20):
        assert send(emulator, sid, "ping", **{f"key{number}": 1 for number in range(1_000)}).response.status == 400
    assert emulator.evicted >= 19
