"""What the playhead says while main content plays: which parts were watched, and whether it stands still.

Both are immutable values that a new sample replaces. They know the session's running clock and the playhead, nothing of
events; the tally decides when there is something to sample.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, NamedTuple

Piece = tuple[float, float]
"""A stretch of content, from one playhead to another, in seconds."""

DAY: Final = 86_400.0
"""Live content of unknown length: its playhead is the second of the day, and begins again at midnight."""

SEEK_SLACK: Final = 5.0  # s; protocol: a step of up to twice the time plus this was watched, a bigger one was a seek
SAMPLE_GAP_MS: Final = 1_000  # two events within a second are one burst, not two samples of the playhead
STALL_SAMPLES: Final = 3  # "did not move for three consecutive events" -- metrics/stall-events


class Stillness(NamedTuple):
    """How often in a row the playhead was seen at one place. At the third time a stall begins, not earlier (no back-dating)."""

    playhead: float
    sampled_ms: int
    samples: int = 1

    @property
    def stalled(self) -> bool:
        return self.samples >= STALL_SAMPLES

    def sample(self, playhead: float, now_ms: int) -> Stillness:
        if playhead != self.playhead:
            return Stillness(playhead, now_ms)
        if now_ms - self.sampled_ms < SAMPLE_GAP_MS:
            return self
        return Stillness(playhead, now_ms, self.samples + 1)


class Run(NamedTuple):
    """Content watched without a jump, and the first and last event (as places in the processing order) that show it."""

    start: float
    end: float
    first: int
    last: int


def step(head: float, playhead: float, seconds: float, length: float) -> tuple[Piece, ...]:
    """The parts watched when the playhead went from `head` to `playhead` in `seconds`; none for a seek or standing still."""
    moved = playhead - head
    if length == DAY and moved < -DAY / 2:
        passed_midnight = moved + DAY <= 2 * seconds + SEEK_SLACK
        return ((head, DAY), (0.0, playhead)) if passed_midnight else ()
    return ((head, playhead),) if 0 < moved <= 2 * seconds + SEEK_SLACK else ()


def moved(head: float, playhead: float, length: float) -> float:
    """How far the playhead went, in seconds, forward over midnight where the content is a live day."""
    far = playhead - head
    return far + DAY if length == DAY and far < -DAY / 2 else far


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
