"""What a playhead says: the arithmetic of pieces, steps and midnight, at its limits."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mcmock.analytics.playhead import DAY, Pace, Piece, length_of, moved, unite

SECONDS = 10.0
MOST = 2 * SECONDS + 5  # what may be watched in that time


@pytest.mark.parametrize(
    ("head", "playhead", "seen"),
    [
        (100, 100, ()), (100, 99, ()), (100, 100.5, ((100, 100.5),)), (100, 100 + MOST, ((100, 100 + MOST),)),
        (100, 100 + MOST + 0.01, ()), (0, 0.25, ((0, 0.25),)),
    ],
)  # fmt: skip
def test_a_step_was_watched_up_to_twice_its_time_and_five_seconds(
    head: float, playhead: float, seen: tuple[Piece, ...]
) -> None:
    assert first_step(head, playhead, SECONDS, 3600) == seen


@pytest.mark.parametrize(
    ("head", "playhead", "seen"),
    [
        (DAY - 5, 5, ((DAY - 5, DAY), (0, 5))),
        (DAY - 5, MOST - 5, ((DAY - 5, DAY), (0, MOST - 5))),
        (DAY - 5, MOST - 4.99, ()),
        (DAY - 20, 40, ()),  # a seek over midnight
        (DAY / 2, 0, ()),  # half a day back is a seek back, not one over midnight
        (DAY / 2 + 100, 50, ()),
        (2000, 1000, ()),
    ],
)
def test_a_live_day_begins_again_at_midnight(head: float, playhead: float, seen: tuple[Piece, ...]) -> None:
    assert first_step(head, playhead, SECONDS, DAY) == seen
    assert first_step(head, playhead, SECONDS, DAY - 1) == ()  # a film as long as that has no midnight


@pytest.mark.parametrize(
    ("head", "playhead", "length", "far"),
    [
        (10, 25, 3600, 15), (25, 10, 3600, -15), (DAY - 5, 5, DAY, 10), (DAY - 5, 5, 3600, 10 - DAY),
        (DAY / 2, 0, DAY, -DAY / 2), (DAY / 2 + 1, 0, DAY, DAY / 2 - 1), (DAY / 2 - 1, 0, DAY, 1 - DAY / 2),
    ],
)  # fmt: skip
def test_how_far_it_went(head: float, playhead: float, length: float, far: float) -> None:
    assert moved(head, playhead, length) == far


def first_step(head: float, playhead: float, seconds: float, length: float) -> tuple[Piece, ...]:
    """What was watched in a step before which nothing is known of the speed."""
    return tuple(piece for piece, _ in Pace().step(head, playhead, seconds, length, 1)[1])


def played(*samples: tuple[float, float]) -> list[tuple[float, float]]:
    """What was watched, by samples of the playhead and of the time in seconds."""
    pace, seen = Pace(), []
    for place, ((before, head), (now, playhead)) in enumerate(pairwise(samples), 1):
        pace, steps = pace.step(head, playhead, now - before, 3600, place)
        seen += steps
    assert [place for _, place in seen] == sorted(place for _, place in seen)
    return [piece for piece, _ in seen]


@pytest.mark.parametrize("rate", [0.25, 0.5, 1, 2, 2.4, 3, 4, 8, 16])
def test_a_steady_speed_is_no_seek(rate: float) -> None:
    samples = [(second, rate * second) for second in (0, 10, 20, 30, 31, 31.5, 40, 50, 60)]
    assert sum(end - start for start, end in played(*samples)) == 60 * rate


@pytest.mark.parametrize(
    ("samples", "seen"),
    [
        (((0, 0), (10, 30)), 0),  # one step may be a seek
        (((0, 0), (10, 30), (20, 40)), 10),  # it was one: the next is at the usual speed
        (((0, 0), (10, 30), (20, 60), (30, 300), (40, 330)), 90),  # a seek against the speed so far
        (((0, 0), (10, 30), (20, 60), (30, 30)), 60),  # backwards
        (((0, 0), (10, 30), (20, 60), (30, 70), (40, 100), (50, 110)), 80),  # a seek against the usual speed again
        (((0, 0), (10, 10_000), (20, 20_000), (30, 30_000)), 0),  # milliseconds
        (((0, 0), (10, 30), (10, 30), (20, 60)), 60),  # two events at once between them
        (((0, 0), (10, 30), (20, 30), (30, 60)), 0),  # it stood still between them
        (((0, 0), (10, 30), (20, 67.5), (30, 100)), 100),  # within a quarter
        (((0, 0), (10, 30), (20, 70), (30, 80)), 10),
    ],
)
def test_a_seek_is_a_jump_against_the_speed_so_far(samples: tuple[tuple[float, float], ...], seen: float) -> None:
    assert sum(end - start for start, end in played(*samples)) == seen


PIECES: tuple[Piece, ...] = ((10, 20), (30, 40), (50, 60))


@pytest.mark.parametrize(
    ("start", "end", "united"),
    [
        (0, 5, ((0, 5), *PIECES)), (70, 80, (*PIECES, (70, 80))), (22, 28, ((10, 20), (22, 28), *PIECES[1:])),
        (20, 30, ((10, 40), (50, 60))),  # touches on both sides
        (5, 10, ((5, 20), *PIECES[1:])), (60, 61, (*PIECES[:2], (50, 61))), (12, 18, PIECES),
        (15, 55, ((10, 60),)), (0, 100, ((0, 100),)), (35, 45, ((10, 20), (30, 45), (50, 60))),
        (25, 35, ((10, 20), (25, 40), (50, 60))),
    ],
)  # fmt: skip
def test_what_touches_becomes_one_piece_and_the_rest_stays(start: float, end: float, united: tuple[Piece, ...]) -> None:
    assert unite(PIECES, start, end) == united
    assert length_of(united) == sum(b - a for a, b in united)
