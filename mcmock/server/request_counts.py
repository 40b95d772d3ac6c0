"""Counts what a server has answered since it started, for its operators. It knows no log, which may be emptied, and no clock.

Counting is on every request's path, so it is one addition in a dict and one in a list; words are found when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import NamedTuple

from mcmock.core.model import Answer, Kind, Outcome, Verdict
from mcmock.engine.types import outcome_on_arrival

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Upper bounds, in seconds, of the histogram's buckets."""

SHORTEST = BOUNDS[0]


class Counted(NamedTuple):
    """So many requests had this kind, this outcome on their arrival, and this status."""

    kind: Kind
    outcome: Outcome
    status: int
    number: int


class RequestCounts:
    """Used on one thread only, that of the server's loop; read from any."""

    def __init__(self) -> None:
        self._counts: dict[tuple[Kind, Verdict, int, bool], int] = {}
        self._taken: defaultdict[tuple[Kind, int], int] = defaultdict(int)
        self._buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def note(self, answer: Answer, seconds: float) -> None:
        """Count an answer that took so long to be decided."""
        fault = answer.fault
        key = answer.kind, answer.verdict, answer.response.status, fault is not None and fault.side == "before"
        self._counts[key] = self._counts.get(key, 0) + 1
        self._note_time(seconds)

    def note_taken(self, kind: Kind, status: int, seconds: float) -> None:
        """Count a request that was taken, and met by nothing."""
        self._taken[kind, status] += 1
        if seconds <= SHORTEST:
            self._buckets[0] += 1
            self.seconds += seconds
        else:
            self._note_time(seconds)

    def _note_time(self, seconds: float) -> None:
        self._buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def counted(self) -> list[Counted]:
        """Return the counts, by the names of kind and outcome, and by status."""
        found: dict[tuple[Kind, Outcome, int], int] = {}
        for (kind, verdict, status, before), number in list(self._counts.items()):
            key = (kind, outcome_on_arrival(kind, verdict, before), status)
            found[key] = found.get(key, 0) + number
        for (kind, status), number in list(self._taken.items()):
            verdict = Verdict.CREATED if kind is Kind.SESSION else Verdict.ACCEPTED
            key = (kind, outcome_on_arrival(kind, verdict, False), status)
            found[key] = found.get(key, 0) + number
        return [Counted(*key, number) for key, number in sorted(found.items())]

    def buckets(self) -> list[tuple[str, int]]:
        """Return the histogram, each bucket with those below it, by its upper bound; the last one is all."""
        below, summed = 0, []
        for bound, number in zip([*map(str, BOUNDS), "+Inf"], list(self._buckets), strict=True):
            below += number
            summed.append((bound, below))
        return summed
