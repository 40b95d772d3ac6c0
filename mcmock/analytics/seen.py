"""What the finders of mistakes remember of a session: a few values, replaced and never grown, so that a fork costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

THOUSAND: Final = (500, 2000)
"""How many times as large as expected a number is that was sent in thousandths: with room for rates of playback."""


TS_WRONG: Final = "ts-wrong"
"""Said of a session whose `ts` was found to be wrong: what follows from that is not said of its later events."""


class Still(NamedTuple):
    """That the playhead has been at one place since `since_ms`, and how many pings said so."""

    playhead: float
    since_ms: int
    pings: int = 0


class Stretch(NamedTuple):
    """How far the playhead moved in how many seconds, in `steps` steps that all ran as fast, or as slowly."""

    moved: float
    seconds: float
    steps: int = 1
    whole: bool = True  # all playheads were whole numbers: the way may be off by one

    @property
    def rate(self) -> float:
        return self.moved / self.seconds

    def with_step(self, moved: float, seconds: float, whole: bool) -> Stretch:
        return Stretch(self.moved + moved, self.seconds + seconds, self.steps + 1, self.whole and whole)


class Seen(NamedTuple):
    """See the file's head. `other` is the playhead, and when it was heard, from which the one before it jumped away."""

    rules: frozenset[str] = frozenset()  # those that were met
    pace: Stretch | None = None  # how the playhead has moved since it last jumped or stood
    still: Still | None = None
    moved: bool = False  # the playhead has moved while content played
    other: tuple[float, int] | None = None
    swaps: int = 0
    before_play: tuple[float, int] | None = (
        None  # playhead and clock at sessionStart, or where a break ended before any play
    )
    paused_ms: int = 0  # since when content or ad is paused or buffering
    ad_like: str = ""  # an ad as long as the content is said to be
    alike: int = 0  # ads in a row at the same position of their break
    overlapped: bool = False  # two chapters were open at once: what is said of the second one's length is a consequence
    began: float | None = None  # the playhead at the first play
    first_quality: Mapping[str, Any] | None = None
    last_quality: Mapping[str, Any] | None = None
    dropped: float = 0.0
    start_ms: float | None = None  # the time to start as it was reported last, since the first play
    revisions: int = 0  # how often it was another one


def is_thousandfold(sent: float, expected: float) -> bool:
    """Return whether `sent` is about a thousand times what it should be."""
    low, high = THOUSAND
    return expected > 0 and low <= sent / expected <= high
