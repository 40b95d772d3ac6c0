"""Causes first: what follows in a session from an event that was never taken says so, and names it.

An event was refused, or a fault kept it away; what is then found in those behind it is its consequence. A pure function of
findings and of what was not taken: it knows neither the log nor how findings come about.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from mcmock.core.model import Finding, Severity

_PLAYING: Final = ("play", "pauseStart", "bufferStart")
_AD_ENDS: Final = ("adComplete", "adSkip")
_CHAPTER_ENDS: Final = ("chapterComplete", "chapterSkip")

# The events whose absence may be behind a finding of each rule. An empty tuple stands for any event.
CAUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "ad-outside-break": ("adBreakStart",),
    "ad-close-without-start": ("adStart",),
    "ad-not-closed": _AD_ENDS,
    "ad-break-not-closed": ("adBreakComplete",),
    "ad-break-nested": ("adBreakComplete",),
    "ad-break-close-without-start": ("adBreakStart",),
    "ad-break-without-ads": ("adStart",),
    "gap-between-ads": ("adStart", *_AD_ENDS),
    "playback-before-ad": ("adStart",),
    "chapter-overlap": _CHAPTER_ENDS,
    "chapter-close-without-start": ("chapterStart",),
    "chapter-not-closed": _CHAPTER_ENDS,
    "state-already-open": ("stateEnd",),
    "state-not-open": ("stateStart",),
    "ping-gap": (),
    "ping-gap-in-ad": (),
    "playhead-moved-in-ad": ("adBreakComplete", "play"),
    "playhead-moved-in-pause": ("play",),
    "playhead-off-clock": (*_PLAYING, "adBreakStart", "adBreakComplete"),
    "playhead-still": (*_PLAYING, "adBreakStart"),
    "completed-while-paused": ("play",),
    "completed-never-played": ("play",),
    "play-missing": ("play",),
    "session-never-played": ("play",),
    "session-not-ended": ("sessionEnd", "sessionComplete"),
}

FOLLOWS: Final = "follows from #"
"""What the message of a consequence begins with."""


class Missing(NamedTuple):
    """An event that was not taken: `why` it was refused, or the `fault` that kept it away."""

    seq: int
    event_type: str
    why: str
    fault: str | None = None


def follows(message: str) -> bool:
    """Return whether a message is that of a consequence."""
    return message.startswith(FOLLOWS)


class Causes:
    """What was not taken in one session, and what was since; both grow with the log of the session."""

    def __init__(self) -> None:
        self._missing: list[Missing] = []
        self._taken: list[int] = []
        self._taken_as: dict[str, list[int]] = {}

    def miss(self, one: Missing) -> None:
        """Note an event that was not taken."""
        self._missing.append(one)

    def take(self, seq: int, event_type: str) -> None:
        """Note one that was: what was sent again is not missing any more."""
        if self._missing:
            self._taken.append(seq)
            self._taken_as.setdefault(event_type, []).append(seq)

    @property
    def is_empty(self) -> bool:
        return not self._missing

    def explain(self, findings: Mapping[int, tuple[Finding, ...]]) -> Mapping[int, tuple[Finding, ...]]:
        """Return the findings of each request, those that are consequences with their cause, and behind the others."""
        return _Explained(findings, self._explained)

    def explain_session(self, found: Sequence[Finding]) -> tuple[Finding, ...]:
        """The same for what was found in the session as a whole."""
        return self._explained(found, None)

    def _explained(self, found: Sequence[Finding], seq: int | None) -> tuple[Finding, ...]:
        told = [self._with_cause(one, seq) for one in found]
        return tuple(sorted(told, key=lambda one: follows(one.message)))

    def _with_cause(self, found: Finding, seq: int | None) -> Finding:
        types = CAUSES.get(found.rule)
        cause = self._cause(types, seq) if types is not None else None
        if cause is None or follows(found.message):
            return found
        if cause.fault is not None:
            message = (
                f"{FOLLOWS}{cause.seq} {cause.event_type}, which the fault {cause.fault} kept away: {found.message}"
            )
            return found._replace(severity=Severity.INFO, message=message)
        return found._replace(
            message=f"{FOLLOWS}{cause.seq} {cause.event_type}, which was refused ({cause.why}): {found.message}"
        )

    def _cause(self, types: tuple[str, ...], seq: int | None) -> Missing | None:
        """Return the latest missing event of those types before `seq` that was not taken later on."""
        place = len(self._missing) if seq is None else bisect_right(self._missing, seq, key=_SEQ)
        for one in reversed(self._missing[:place]):
            if types and one.event_type not in types:
                continue
            taken = self._taken_as.get(one.event_type, []) if types else self._taken
            if not _between(taken, one.seq, seq):
                return one
            if not types:
                return None
        return None


class _Explained(Mapping[int, tuple[Finding, ...]]):
    """Findings that are explained when somebody looks at them: most are never looked at."""

    def __init__(
        self,
        findings: Mapping[int, tuple[Finding, ...]],
        explain: Callable[[Sequence[Finding], int], tuple[Finding, ...]],
    ) -> None:
        self._findings, self._explain = findings, explain

    def __getitem__(self, seq: int) -> tuple[Finding, ...]:
        return self._explain(self._findings[seq], seq)

    def __iter__(self) -> Iterator[int]:
        return iter(self._findings)

    def __len__(self) -> int:
        return len(self._findings)


_SEQ: Final[Callable[[Missing], int]] = lambda one: one.seq  # noqa: E731


def _between(seqs: Sequence[int], after: int, before: int | None) -> bool:
    place = bisect_right(seqs, after)
    return place < len(seqs) and (before is None or seqs[place] < before)
