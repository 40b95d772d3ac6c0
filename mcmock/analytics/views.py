"""A session as people look at it: its state, what it sent, what became of that. A snapshot; it never changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mcmock.analytics import Judgement, Report
from mcmock.core import turns
from mcmock.core.events import Event
from mcmock.core.model import TAKEN, Exchange, Finding, Outcome, Severity
from mcmock.core.sessions import Phase, Session

_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2}


DROPPED = ("event-after-end", "session-ended-before")
"""The rules of what came after the end: answered 204, and dropped."""


class SessionOutline(NamedTuple):
    """A session in brief: how it stands and how much of what it sent was counted, without the requests themselves."""

    session: Session
    judgement: Judgement
    counts: Mapping[Outcome, int]
    severities: Mapping[Severity, int]

    @property
    def state(self) -> str:
        return state_of(self.session, self.judgement)

    @property
    def report(self) -> Report:
        return self.judgement.report


def state_of(session: Session, judgement: Judgement) -> str:
    """Return what it is doing (starting, playing, paused, buffering, in ad), or how it closed (ended, idle, expired …)."""
    return judgement.state if session.phase is Phase.OPEN else str(session.phase)


class SessionView(NamedTuple):
    session: Session
    exchanges: tuple[Exchange, ...]  # every request that named this session, oldest first
    judgement: Judgement

    @property
    def id(self) -> str:
        return self.session.id

    @property
    def state(self) -> str:
        return state_of(self.session, self.judgement)

    @property
    def events(self) -> list[str]:
        """The event types that were accepted, in the order of their arrival."""
        accepted = (one for one in turns.paused(self.exchanges) if one.verdict in TAKEN)
        return [str(one.event_type) for one in accepted if one.event_type is not None]

    @property
    def taken_in(self) -> tuple[Event, ...]:
        """The events that were accepted and not dropped for coming after the end, in the order of their arrival."""
        taken = (one for one in self.exchanges if one.verdict in TAKEN)
        kept = (one for one in taken if not any(found.rule in DROPPED for found in one.findings))
        return tuple(event for one in kept for event in one.events)

    @property
    def report(self) -> Report:
        """What Analytics would count."""
        return self.judgement.report

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found in its requests, then what was found in the session as a whole."""
        return tuple(one for exchange in self.exchanges for one in exchange.findings) + self.judgement.session_findings

    def assert_no_findings(self, min_severity: Severity | str = Severity.WARNING) -> None:
        """Raise AssertionError, listing them, if there is a finding of that severity or worse."""
        least = _RANK[Severity(min_severity)]
        found = [one for one in self.findings if _RANK[one.severity] >= least]
        if found:
            lines = "\n".join(f"  {one.severity} {one.rule}: {one.message}" for one in found)
            raise AssertionError(f"session {self.id[:8]} has findings:\n{lines}")
