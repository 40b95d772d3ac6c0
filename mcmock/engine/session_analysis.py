"""What one session's Judge has been told so far, and the counts that come of it. It knows neither lock nor log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mcmock import analytics
from mcmock.core import http
from mcmock.core.events import Event
from mcmock.core.findings import ignores
from mcmock.core.model import COUNTED_KINDS, TAKEN, Finding, Kind, Outcome, Severity, Verdict
from mcmock.engine.log import Entry
from mcmock.engine.types import outcome_by_verdict
from mcmock.faults.effects import BEFORE

if TYPE_CHECKING:
    from mcmock.analytics import Close, Judge, Judgement
    from mcmock.analytics import Summary as SessionSummary
    from mcmock.analytics.plan import PlannedSession
    from mcmock.analytics.views import SessionOutline


def settled_outcome(entry: Entry) -> Outcome | None:
    """Return the outcome that the verdict alone decides, or None where it takes the session to know."""
    settled = outcome_by_verdict(entry.verdict, entry.fault is not None and entry.fault.side == BEFORE)
    if settled is None and (entry.kind not in COUNTED_KINDS or entry.session_id is None):
        return Outcome.OTHER
    return settled


def is_taken(entry: Entry) -> bool:
    """Return whether the events of an entry were taken in."""
    return entry.verdict in TAKEN and entry.kind in COUNTED_KINDS


ANALYSIS_COST: Final = 16_000
"""Bytes that a session's Judge and its report take before the first event."""

EVENT_COST: Final = 500
"""Bytes that an event takes there, beside what it says."""

PLAN_COST: Final = 400
"""Bytes that an event takes where a tracking plan judges it, and each finding and each row that was judged again, about."""

LONG: Final = 1000
"""Requests of a session, or rows of a plan, from which on it takes long to let go of what is known of it."""

TEXT_COST: Final = 3
"""How many times as long as a body is what is read from it."""


class SessionAnalysis:
    """A session's Judge, and up to where in the log it has been told. `weight` is what it takes in bytes, about.

    No other analysis has its `number`.
    """

    def __init__(self, judge: Judge, number: int = 0) -> None:
        self.number = number
        self.planned: PlannedSession | None = None
        self.agents: dict[bytes, None] = {}  # the User-Agents of its requests: the first, and the first other one
        self.astray = self.placed = 0  # events that went to no region although one was named, of those that had to
        self.upto = 0
        self.count = 0
        self.weight = ANALYSIS_COST
        self._counts = dict.fromkeys(Outcome, 0)
        self._severities = dict.fromkeys(Severity, 0)
        self._dropped: set[int] = set()
        self._judge = judge
        self._known: tuple[Close, Judgement] | None = None
        self.looked_at: object = None  # how it stood when somebody looked whether it has changed
        self.version = 0  # another one whenever it had
        self.outlined: SessionOutline | None = None  # while neither it nor one beside it has changed
        self._started = self._first = self._last = (
            0  # seqs: of its start, of the first and the last request that named it
        )
        self._start_fault: str | None = None
        self._causes = analytics.Causes()

    def feed(self, entry: Entry, events: tuple[Event, ...]) -> None:
        """Take in the next entry of the session, and the events it brought if they were taken."""
        self.upto = entry.seq
        self.count += 1
        self.weight += EVENT_COST + TEXT_COST * len(entry.body)
        self._known = self.looked_at = None
        self._note_place(entry)
        self._count(entry)
        if events and len(self.agents) < 2 and (agent := http.header(entry.headers, b"user-agent")) is not None:
            self.agents[agent] = None
        for event in events:
            self._judge.add(event)
        self._note_missing(entry, events)
        if events and entry.findings:
            self._judge.note(entry.findings)
        if self.planned is not None:
            self._plan(events)

    def remains(self) -> list[object]:
        """Return what of it takes long to let go of."""
        parts = self._judge.remains() if self.count > LONG else []
        if self.planned is not None and self.planned.size > LONG:
            parts += self.planned.remains()
        return parts

    def note_region(self, follows: bool | None) -> None:
        """Take in whether an event of the session went to the region that its start was told."""
        if follows is not None:
            self.placed += 1
            self.astray += not follows

    def judge_by(self, planned: PlannedSession | None, count: int) -> None:
        """Judge by a tracking plan from now on, and by none if it is None; it was told `count` events, all there are so far."""
        self.planned = planned
        self._known = self.looked_at = None
        if planned is not None:
            self.weight += PLAN_COST * (count + planned.size)

    def _plan(self, events: Iterable[Event]) -> None:
        assert self.planned is not None
        for event in events:
            before = self.planned.size
            self.planned.add(event)
            self.weight += PLAN_COST * (1 + self.planned.size - before)

    def judgement(self, close: Close) -> Judgement:
        """Return what is true of the session now; the same object until something changes."""
        if self._known is None or self._known[0] != close:
            judgement = self._judge.judgement(close)
            if self.planned is not None:
                judgement = self.planned.judgement(judgement, closed=close.reason != "open")
            if not self._causes.is_empty:
                judgement = replace(
                    judgement,
                    findings=self._causes.explain(judgement.findings),
                    session_findings=self._causes.explain_session(judgement.session_findings),
                )
            self._known = close, judgement
        return self._known[1]

    def summary(self, close: Close) -> SessionSummary:
        """Return what other sessions need to know of this one."""
        return self._judge.summary(close)._replace(
            started=self._started, first=self._first, last=self._last, fault=self._start_fault, whole=not close.evicted
        )

    def _note_missing(self, entry: Entry, events: tuple[Event, ...]) -> None:
        """Note what was refused or kept away by a fault, and what was taken since."""
        for event in events:
            self._causes.take(event.seq, event.event_type)
        if entry.event_type is None or entry.verdict not in (Verdict.MALFORMED, Verdict.FAULTED):
            return
        fault = entry.fault.rule if entry.fault is not None else None
        why = next((found.rule for found in entry.findings if found.severity is Severity.ERROR), str(entry.status))
        self._causes.miss(analytics.Missing(entry.seq, entry.event_type, why, fault))

    def _note_place(self, entry: Entry) -> None:
        if entry.kind is Kind.EVENT:
            self._first, self._last = self._first or entry.seq, entry.seq
        elif entry.kind in COUNTED_KINDS:
            self._started = entry.seq
            self._start_fault = entry.fault.rule if entry.fault is not None else None
            if entry.kind is Kind.DOWNLOADED or entry.body.lstrip()[:1] == b"[":
                self._first = self._last = entry.seq  # it brought its events with it

    @property
    def settled(self) -> int:
        """How often something was found for good of an event."""
        return len(self._judge.settled)

    def ignored_for_good(self, first: int, most: int) -> tuple[int, list[int]]:
        """Return how many of the `most` next of those times were looked at, and the seqs that are ignored for it."""
        seqs = self._judge.settled[first : first + most]
        return len(seqs), [seq for seq in seqs if ignores(self._judge.found(seq))]

    def ignored_as_yet(self) -> list[int]:
        """Return the seqs of the open window that are ignored if nothing else comes."""
        return [seq for seq, found in self._judge.found_in_window().items() if ignores(found)]

    def counts(self, judgement: Judgement) -> tuple[dict[Outcome, int], dict[Severity, int]]:
        """Return how many requests had which outcome, and how many findings which severity, as `judgement` has it."""
        counts, severities, dropped = dict(self._counts), dict(self._severities), set(self._dropped)
        for seq, derived in judgement.findings.items():
            if ignores(derived):
                dropped.add(seq)
            _count_severities(severities, derived)
        _count_severities(severities, judgement.session_findings)
        counts[Outcome.GOOD] -= len(dropped)
        counts[Outcome.IGNORED] += len(dropped)
        return counts, severities

    def _count(self, entry: Entry) -> None:
        """Good until found to be ignored: the rest is settled on arrival."""
        settled = settled_outcome(entry)
        self._counts[settled or Outcome.GOOD] += 1
        _count_severities(self._severities, entry.findings)
        if settled is None and ignores(entry.findings):
            self._dropped.add(entry.seq)


def _count_severities(severities: dict[Severity, int], findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        severities[finding.severity] += 1
