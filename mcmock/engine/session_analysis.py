"""What one session's Judge has been told so far, and the counts that come of it. It knows neither lock nor log."""

from __future__ import annotations

from mcmock.analytics import Close, Judge, Judgement, event_from
from mcmock.analytics import Summary as SessionSummary
from mcmock.core import findings as rules
from mcmock.core import json_decoding
from mcmock.core.model import Finding, Outcome, Severity, Verdict
from mcmock.engine.log import Entry
from mcmock.engine.types import COUNTED, settled_outcome

JUDGE_COST = 16_000
"""Bytes that a session's Judge and its report take before the first event."""

EVENT_COST = 500
"""Bytes that an event takes there, beside what it says."""

TEXT_COST = 3
"""How many times as long as a body is what is read from it."""


class Fed:
    """A session's Judge, and up to where in the log it has been told."""

    def __init__(self, judge: Judge) -> None:
        self.upto = 0
        self.count = 0
        self.weight = JUDGE_COST  # what it takes in bytes, about
        self._counts = dict.fromkeys(Outcome, 0)
        self._severities = dict.fromkeys(Severity, 0)
        self._dropped: set[int] = set()
        self._judge = judge
        self._known: tuple[Close, Judgement] | None = None

    def standing(self, judgement: Judgement) -> tuple[dict[Outcome, int], dict[Severity, int]]:
        """How many requests had which outcome, and how many findings which severity, as `judgement` has it."""
        counts, severities, dropped = dict(self._counts), dict(self._severities), set(self._dropped)
        for seq, derived in judgement.findings.items():
            if rules.ignores(derived):
                dropped.add(seq)
            tally(severities, derived)
        tally(severities, judgement.session_findings)
        counts[Outcome.GOOD] -= len(dropped)
        counts[Outcome.IGNORED] += len(dropped)
        return counts, severities

    def _count(self, entry: Entry) -> None:
        """Good until found to be ignored: the rest is settled on arrival."""
        settled = settled_outcome(entry)
        self._counts[settled or Outcome.GOOD] += 1
        tally(self._severities, entry.findings)
        if settled is None and rules.ignores(entry.findings):
            self._dropped.add(entry.seq)

    def judgement(self, close: Close) -> Judgement:
        if self._known is None or self._known[0] != close:
            self._known = close, self._judge.judgement(close)
        return self._known[1]

    def summary(self, close: Close) -> SessionSummary:
        return self._judge.summary(close)

    def feed(self, entry: Entry) -> None:
        self.upto = entry.seq
        self.count += 1
        self.weight += EVENT_COST + TEXT_COST * len(entry.body)
        self._known = None
        self._count(entry)
        if entry.verdict not in (Verdict.CREATED, Verdict.ACCEPTED) or entry.kind not in COUNTED:
            return
        body = json_decoding.decode(entry.body)
        for event in body if isinstance(body, list) else [body]:
            self._judge.add(event_from(event, entry.seq, entry.at, entry.after_end))


def tally(severities: dict[Severity, int], findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        severities[finding.severity] += 1
