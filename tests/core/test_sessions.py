"""The life of a session as values: nothing ticks, nobody's clock is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcmock.core.model import Verdict
from mcmock.core.sessions import (
    IDLE_AFTER,
    STALLED_AFTER,
    VERDICTS,
    Phase,
    Session,
    at,
    close,
    downloaded_session,
    open_session,
    take,
)

NOW = 1_000_000.0


def opened(playhead: float = 0) -> Session:
    return open_session("sid", playhead, NOW)


def test_every_phase_has_its_verdict() -> None:
    assert set(VERDICTS) == set(Phase)
    accepting = [phase for phase, verdict in VERDICTS.items() if verdict is Verdict.ACCEPTED]
    assert accepting == [Phase.OPEN]


@pytest.mark.parametrize(
    ("seconds", "phase"), [(0, Phase.OPEN), (599.999, Phase.OPEN), (600, Phase.IDLE), (1e9, Phase.IDLE)]
)
def test_silence_closes_it(seconds: float, phase: Phase) -> None:
    now = at(opened(), NOW + seconds)
    assert now.phase is phase
    assert now.closed_at == (NOW + IDLE_AFTER if phase is Phase.IDLE else None), (
        "when it was due, not when somebody looked"
    )


def test_a_playhead_that_stands_closes_it_and_one_that_moves_does_not() -> None:
    standing = moving = opened()
    for minute in range(1, 40):
        time = NOW + 60 * minute
        standing = (
            take(at(standing, time), "ping", 5, time) if at(standing, time).phase is Phase.OPEN else at(standing, time)
        )
        moving = take(at(moving, time), "ping", 60 * minute, time)
    assert (standing.phase, standing.closed_at) == (Phase.STALLED, NOW + 60 + STALLED_AFTER)
    assert moving.phase is Phase.OPEN


def test_the_timeout_that_came_first_is_the_one_that_closed_it() -> None:
    session = take(opened(), "ping", 0, NOW + 1300)
    assert at(session, NOW + 1e6).phase is Phase.STALLED
    session = take(opened(), "ping", 0, NOW + 1100)
    assert at(session, NOW + 1e6).phase is Phase.IDLE


def test_of_two_timeouts_at_one_moment_silence_is_the_reason() -> None:
    session = take(opened(), "ping", 0, NOW + STALLED_AFTER - IDLE_AFTER)
    assert at(session, NOW + STALLED_AFTER).phase is Phase.IDLE


def test_only_session_end_ends_it() -> None:
    assert take(opened(), "sessionComplete", 60, NOW + 1).phase is Phase.OPEN
    ended = take(opened(), "sessionEnd", 60, NOW + 1)
    assert (ended.phase, ended.closed_at) == (Phase.ENDED, NOW + 1)


def test_a_closed_session_stays_as_it_closed_but_can_be_forgotten() -> None:
    ended = take(opened(), "sessionEnd", 60, NOW + 1)
    assert close(ended, Phase.EXPIRED, NOW + 2) == ended
    assert at(ended, NOW + 1e9) == ended
    assert close(ended, Phase.FORGOTTEN, NOW + 2).phase is Phase.FORGOTTEN


def test_a_downloaded_session_is_closed_from_the_beginning() -> None:
    session = downloaded_session("sid", 60, NOW)
    assert (session.phase, session.closed_at, session.downloaded) == (Phase.ENDED, NOW, True)


STEPS = st.lists(st.tuples(st.floats(0, 700), st.floats(0, 100), st.booleans()), max_size=30)


@given(STEPS)
def test_looking_changes_nothing_but_what_was_due(steps: list[tuple[float, float, bool]]) -> None:
    """However often somebody looks in between, a session closes at the same moment for the same reason."""
    looked = left = opened()
    now = NOW
    for seconds, playhead, same in steps:
        now += seconds
        looked = at(at(looked, now - seconds / 2), now)
        left = at(left, now)
        assert looked == left
        if left.phase is Phase.OPEN:
            head = left.playhead if same else playhead
            looked, left = take(looked, "ping", head, now), take(left, "ping", head, now)


@given(STEPS)
def test_a_session_that_is_open_was_heard_of_within_ten_minutes_and_moved_within_thirty(
    steps: list[tuple[float, float, bool]],
) -> None:
    session, now = opened(), NOW
    for seconds, playhead, same in steps:
        now += seconds
        session = at(session, now)
        if session.phase is not Phase.OPEN:
            assert session.closed_at is not None
            assert session.closed_at <= now
            return
        assert now - session.touched_at < IDLE_AFTER
        assert now - session.moved_at < STALLED_AFTER
        session = take(session, "ping", session.playhead if same else playhead, now)
