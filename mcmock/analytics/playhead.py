"""What the playhead says while main content plays: which parts were watched, and whether it stands still.

Both are immutable values that a new sample replaces. They know the session's running clock and the playhead, nothing of
events; the tally decides when there is something to sample.
"""

from __future__ import annotations

from bisect import bisect_left
from math import copysign, inf
from typing import Final, NamedTuple

Piece = tuple[float, float]
"""A stretch of content, from one playhead to another, in seconds."""

DAY: Final = 86_400.0
"""Live content of unknown length: its playhead is the second of the day, and begins again at midnight."""

SEEK_SLACK: Final = 5.0  # s; a step of up to twice the time plus this was watched at once, whatever the speed so far
USUAL_RATE: Final = 2.0
RATE_SLACK: Final = 1.25  # two steps agree on a speed within a quarter
MAX_RATE: Final = 16.0  # nobody watches faster; a playhead in milliseconds runs at 1000
SAMPLE_GAP_MS: Final = 1_000  # two events within a second are one burst, not two samples of the playhead
STALL_SAMPLES: Final = 3  # "did not move for three consecutive events" -- metrics/stall-events


class StallDetector(NamedTuple):
    """How often in a row the playhead was seen at one place. At the third time a stall begins, not earlier (no back-dating)."""

    playhead: float
    sampled_ms: int
    samples: int = 1

    @property
    def stalled(self) -> bool:
        return self.samples >= STALL_SAMPLES

    def sample(self, playhead: float, now_ms: int) -> StallDetector:
        if playhead != self.playhead:
            return StallDetector(playhead, now_ms)
        if now_ms - self.sampled_ms < SAMPLE_GAP_MS:
            return self
        return StallDetector(playhead, now_ms, self.samples + 1)


class WatchedRun(NamedTuple):
    """Content watched without a jump, and the first and last event (as places in the processing order) that show it."""

    start: float
    end: float
    first: int
    last: int


Step = tuple[Piece, int]
"""What was watched, and the place in the processing order of the event that says so."""


class Doubt(NamedTuple):
    """A step that was too fast for the speed so far: a seek, or the first at another speed, as the next one will tell."""

    start: float
    end: float
    rate: float
    place: int


class Pace(NamedTuple):
    """How fast content has run, in seconds of content a second: 1, until two steps in a row agree on more."""

    rate: float = 1.0
    doubt: Doubt | None = None

    def reach(self, seconds: float) -> float:
        """Return how far the playhead can go in `seconds` without a seek."""
        return max(USUAL_RATE, self.rate * RATE_SLACK) * seconds + SEEK_SLACK

    def confirms(self, rate: float) -> bool:
        return self.doubt is not None and abs(rate - self.doubt.rate) <= (RATE_SLACK - 1) * self.doubt.rate

    def step(self, head: float, playhead: float, seconds: float, length: float, place: int) -> tuple[Pace, list[Step]]:
        """Return the pace after the playhead went from `head` to `playhead`, and what was watched of which events' steps."""
        far = moved(head, playhead, length)
        if far <= 0:
            return (self if far == 0 and seconds < 1 else self._replace(doubt=None)), []
        rate, seen = (
            far / seconds if seconds > 0 else inf,
            [(piece, place) for piece in _pieces(head, playhead, length)],
        )
        if self.doubt is not None and self.confirms(rate):
            before = [(piece, self.doubt.place) for piece in _pieces(self.doubt.start, self.doubt.end, length)]
            return Pace(self.doubt.rate), [*before, *seen]
        if far <= self.reach(seconds):
            return (Pace() if rate <= USUAL_RATE and seconds >= 1 else self._replace(doubt=None)), seen
        return self._replace(doubt=Doubt(head, playhead, rate, place) if rate <= MAX_RATE else None), []


def _pieces(head: float, playhead: float, length: float) -> tuple[Piece, ...]:
    """Return the way from `head` to `playhead`, in two where midnight lies between them."""
    return ((head, playhead),) if playhead > head or length != DAY else ((head, DAY), (0.0, playhead))


def moved(head: float, playhead: float, length: float) -> float:
    """Return how far the playhead went, in seconds, forward over midnight where the content is a live day."""
    far = playhead - head
    return far + DAY if length == DAY and far < -DAY / 2 else far


def relative(base: float, playhead: float, length: float) -> float:
    """Return how far a live playhead stands from another, in seconds; the nearer way where midnight may lie between."""
    far = playhead - base
    return far - copysign(DAY, far) if length == DAY and abs(far) > DAY / 2 else far


def unite(pieces: tuple[Piece, ...], start: float, end: float) -> tuple[Piece, ...]:
    """`pieces` (disjoint, ascending) with one more; what touches becomes one."""
    low = bisect_left(pieces, start, key=lambda piece: piece[1])
    high = low
    while high < len(pieces) and pieces[high][0] <= end:
        start, end = min(start, pieces[high][0]), max(end, pieces[high][1])
        high += 1
    return (*pieces[:low], (start, end), *pieces[high:])


def length_of(pieces: tuple[Piece, ...]) -> float:
    return sum(end - start for start, end in pieces)
