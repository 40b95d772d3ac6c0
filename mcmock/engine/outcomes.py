"""What Analytics makes of a session, derived when somebody asks: outcomes, findings, what only other sessions can tell.

It reads the log and the sessions and changes neither; what it keeps are caches, and it forgets them when it is told.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from mcmock import analytics
from mcmock.core import turns
from mcmock.core.events import Event
from mcmock.core.findings import ignores, make_finding
from mcmock.core.http import header
from mcmock.core.model import Exchange, Finding, Mode, Outcome, Verdict
from mcmock.core.sessions import Session
from mcmock.core.tables import short_key
from mcmock.engine.decisions import session_at
from mcmock.engine.log import Entry, Log
from mcmock.engine.log_index import Ignored, LogIndex
from mcmock.engine.neighbours import Neighbours
from mcmock.engine.session_analysis import SessionAnalysis, is_taken, settled_outcome
from mcmock.engine.state import State
from mcmock.protocols.base import ApiProtocol

if TYPE_CHECKING:
    from mcmock.analytics import Close, Judgement, View
    from mcmock.analytics import Summary as SessionSummary
    from mcmock.analytics.plan import ItemId, Plan, Use
    from mcmock.analytics.views import SessionOutline, SessionView

    Summaries = dict[str, tuple[int, SessionSummary]]
    """What sessions are to each other, by their ids, as one question knows it, and of which version of a session that is."""

MAX_ANALYSES: Final = 64 * 1024 * 1024
"""Bytes of what reports are made from beside ANALYSES_PER_LOG times the log. Beyond, what can be read in the log again goes,
then the oldest, whose reports shrink."""

ANALYSES_PER_LOG: Final = 3
"""How many times as many bytes as in the log an event has in its session's report."""

FED_AT_ONCE: Final = 8
"""Entries that a Judge is told between two looks at the time: a third of a millisecond."""

LOOKED_AT: Final = 64
"""Of so many of the oldest analyses, those go first that can be made again."""

DROPPED_AT_ONCE: Final = 8

LOOKED_AT_ONCE: Final = 256
"""Findings looked through between two looks at the time."""


class Analysis:
    """Keeps a SessionAnalysis for each session that was asked about, and feeds it from the log."""

    def __init__(self, scope: str, log: Log, state: State, mode: Mode, protocols: Mapping[str, ApiProtocol]) -> None:
        self._scope, self._log, self._state, self._protocols = scope, log, state, protocols
        self.mode = mode
        self.plan: Plan | None = None
        self._made = 0
        self.index = LogIndex(log, self._ignored, lambda session_id: self.judgement(session_id).findings)
        self._neighbours = Neighbours(state.sessions, self._view_in_log)
        self._versions = 0
        self.most: int | None = None  # bytes that all reports may take together, where it is not the log that says so
        self.clear()

    def clear(self) -> None:
        """Forget everything: the sessions are gone."""
        self.forget_log()
        self._neighbours.clear()

    def forget_log(self) -> None:
        """Forget what the log said: it was emptied."""
        self._analyses: dict[str, SessionAnalysis] = {}
        self.index.clear()
        self.weight = 0  # bytes that they take together, about

    def remains(self) -> list[list[Any]]:
        """Return what takes long to let go of once it is forgotten, lists for `turns.let_go`, what holds others before them."""
        analyses = [*self._analyses.values()]
        parts = [part for one in turns.paused(analyses) for part in one.remains()]
        return [self.index.remains(), self._neighbours.remains(), analyses, parts]

    def forget_session(self, session_id: str) -> None:
        """Forget a session that is gone."""
        self._outdate(session_id)
        self._drop(session_id)
        self._neighbours.forget(session_id)

    def __len__(self) -> int:
        """Return how many sessions are analysed."""
        return len(self._analyses)

    # -- one request --------------------------------------------------------------------------------------------------

    def exchange(self, entry: Entry) -> Exchange:
        """Return the exchange of an entry, with its outcome and findings as its session stands now."""
        return self.exchange_as(entry, *self._derive(entry))

    def as_it_came(self, entry: Entry) -> Exchange:
        """Return the exchange of an entry without what its session says of it: its outcome is what it was on arrival."""
        return self.exchange_as(entry, settled_outcome(entry) or Outcome.GOOD, entry.findings)

    def exchange_as(self, entry: Entry, outcome: Outcome, findings: tuple[Finding, ...]) -> Exchange:
        """Return the exchange of an entry of which somebody knows the outcome and the findings."""
        return Exchange(
            seq=entry.seq,
            at=entry.at,
            scope=self._scope,
            kind=entry.kind,
            method=entry.method,
            path=entry.target,
            request_headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in entry.headers),
            body_bytes=entry.body,
            event_type=entry.event_type,
            session_id=entry.session_id,
            verdict=entry.verdict,
            outcome=outcome,
            status=entry.status,
            response_headers=entry.response_headers,
            response_body=entry.response_body,
            findings=findings,
            fault=entry.fault,
            delivery=self._log.delivery(entry.seq),
            protocol=self._protocols[entry.protocol],
        )

    def preview(self, entry: Entry, session: Session | None, *, keep: bool) -> tuple[Outcome, tuple[Finding, ...]]:
        """Return the outcome and findings of an entry that is not in the log yet; `session` is how its session will stand.

        `keep` says that it surely comes next, so that it need not be told twice.
        """
        settled = settled_outcome(entry)
        if settled is not None:
            return settled, entry.findings
        session_id = str(entry.session_id)
        analysis = self._fed(session_id)
        self._feed(analysis, entry)
        judgement = self._judge(session_id, analysis, session)
        if not keep:
            self._drop(session_id)
        return _with_derived(entry, judgement)

    def _derive(self, entry: Entry) -> tuple[Outcome, tuple[Finding, ...]]:
        settled = settled_outcome(entry)
        if settled is not None:
            return settled, entry.findings
        return _with_derived(entry, self.judgement(str(entry.session_id)))

    def _ignored(self, session_id: str, mark: object) -> Ignored:
        """Return which requests of a session are ignored, those for good since `mark`."""
        final: list[int] = []
        while True:
            analysis = self._fed(session_id)
            number, place = mark if isinstance(mark, tuple) else (0, 0)
            if number != analysis.number:
                place = 0
            looked_at, found = analysis.ignored_for_good(place, LOOKED_AT_ONCE)
            final += found
            mark = analysis.number, place + looked_at
            if place + looked_at == analysis.settled:
                return Ignored(final, analysis.ignored_as_yet(), mark)
            turns.pause()

    def outcome_by(self, judgement: Judgement, entry: Entry) -> Outcome:
        """Return the outcome of an entry of the session that `judgement` is of."""
        settled = settled_outcome(entry)
        if settled is not None:
            return settled
        return _with_derived(entry, judgement)[0]

    # -- one session --------------------------------------------------------------------------------------------------

    def view(self, session_id: str) -> SessionView | None:
        """Return a session with all its requests; None if there is no such session."""
        session = self._session(session_id)
        if session is None:
            return None
        entries = (self._log.get(seq) for seq in self._log.seqs_of(session_id))
        exchanges = [*turns.paused(self.exchange(entry) for entry in entries if entry is not None)]
        turns.let_go_in_turns(exchanges)
        return analytics.SessionView(session, tuple(exchanges), self._compared(session_id, self.judgement(session_id)))

    def look_at(self, session_ids: Iterable[str]) -> None:
        """See which of these sessions, and of those beside them, have changed: before their outlines are asked for."""
        self._neighbours.catch_up()
        concerned = dict.fromkeys(session_ids)
        if len(concerned) < len(self._state.sessions):
            near = map(self._neighbours.of, turns.paused([*concerned]))
            concerned |= dict.fromkeys(other for ids in near for other in ids)
        for session_id in turns.paused(concerned):
            if (session := self._session(session_id)) is not None:
                analysis = self._fed(session_id)
                looked_at = session, self._missing(session_id, analysis), self.mode
                if analysis.looked_at != looked_at:
                    analysis.looked_at = looked_at
                    self._versions += 1
                    analysis.version = self._versions
                    self._outdate(session_id)

    def _outdate(self, session_id: str) -> None:
        """Keep no outline that rests on a session, for it has changed."""
        for concerned in (session_id, *self._neighbours.resting_on(session_id)):
            if (analysis := self._analyses.get(concerned)) is not None:
                analysis.outlined = None

    def outline(self, session_id: str, others: Summaries) -> SessionOutline | None:
        """Return a session in brief; None if there is no such session. It is kept for the next question until it, or one that it
        is compared with, was found to have changed: `look_at` comes first.

        `others` are the sessions that were compared for the outlines before it, in the same question.
        """
        analysis = self._analyses.get(session_id)
        if analysis is not None and (known := analysis.outlined) is not None:
            return known._replace(judgement=known.judgement.without_report())
        session = self._session(session_id)
        if session is None:
            return None
        analysis = self._fed(session_id)
        versions = self._versions_around(session_id)
        judgement = self._compared(session_id, self._judge(session_id, analysis, session), others)
        outline = analytics.SessionOutline(session, judgement, *analysis.counts(judgement))
        if 0 not in versions.values() and versions == self._versions_around(session_id):
            analysis.outlined = outline._replace(judgement=judgement.without_report())  # nothing has happened meanwhile
        return outline

    def _versions_around(self, session_id: str) -> dict[str, int]:
        """Return the versions of a session and of those that it is compared with."""
        return {one: self.version_of(one) for one in self._neighbours.of(session_id)}

    def version_of(self, session_id: str) -> int:
        """Return which version of a session was looked at last: 0 where none was, a negative one where there is no session."""
        analysis = self._analyses.get(session_id)
        if analysis is not None:
            return analysis.version
        return 0 if session_id in self._state.sessions else -1

    def judgement(self, session_id: str) -> Judgement:
        """Return what the session's events come to, in processing order; kept until another event or its end changes it."""
        return self._judge(session_id, self._fed(session_id), self._session(session_id))

    def _judge(self, session_id: str, analysis: SessionAnalysis, session: Session | None) -> Judgement:
        return analysis.judgement(self._close(session_id, analysis, session))

    def _close(self, session_id: str, analysis: SessionAnalysis, session: Session | None) -> Close:
        """Return how a session stands, and how many of its requests were never told to its Judge."""
        return _close_of(session, self._missing(session_id, analysis))

    def _missing(self, session_id: str, analysis: SessionAnalysis) -> int:
        """Return how many of a session's requests had left the log before it was told of them."""
        return max(0, self._log.evicted_of(session_id) + self._log.count_of(session_id) - analysis.count)

    def _fed(self, session_id: str) -> SessionAnalysis:
        """Return the session's analysis, told all that is in the log."""
        self._make_room()
        analysis = self._analyses.get(session_id)
        if analysis is None:
            session = self._session(session_id)
            downloaded = session is not None and session.downloaded
            self._made += 1
            analysis = self._analyses[session_id] = SessionAnalysis(
                analytics.Judge(session_id, self.mode, downloaded), self._made
            )
            self.weight += analysis.weight
        if _plan_of(analysis) is not self.plan:
            self._judge_by_plan(session_id, analysis)
            if self._analyses.get(session_id) is not analysis or _plan_of(analysis) is not self.plan:
                return self._fed(session_id)  # it, or the plan, has become another one meanwhile
        while ahead := self._log.seqs_of(session_id, analysis.upto, FED_AT_ONCE):
            for entry in map(self._log.get, ahead):
                if entry is not None:
                    self._feed(analysis, entry)
            turns.pause()  # others may tell it more meanwhile: what is ahead is looked up anew
            if self._analyses.get(session_id) is not analysis:
                return self._fed(session_id)
        return analysis

    def _judge_by_plan(self, session_id: str, analysis: SessionAnalysis) -> None:
        """Let the session be judged by the plan that is in force now, as far back as the log goes."""
        session, plan, upto, count = self._session(session_id), self.plan, 0, 0
        downloaded = session is not None and session.downloaded
        planned = analytics.PlannedSession(plan, self.mode, downloaded) if plan is not None else None
        while planned is not None and (ahead := self._log.seqs_of(session_id, upto, FED_AT_ONCE)):
            if (upto := ahead[-1]) > analysis.upto:
                ahead = ahead[: bisect_right(ahead, analysis.upto)]
            for entry in map(self._log.get, ahead):
                for event in self.events_of(entry) if entry is not None else ():
                    planned.add(event)
                    count += 1
            if upto >= analysis.upto:
                break  # all that it was told: the rest comes to both
            turns.pause()
            if self._analyses.get(session_id) is not analysis:
                return  # nobody has it any more
        before = analysis.weight
        analysis.judge_by(planned, count)
        self.weight += analysis.weight - before

    def plan_uses(self, session_id: str) -> Mapping[ItemId, Use]:
        """Return how often each item of the plan was judged in a session; nothing where no plan is set."""
        planned, session = self._fed(session_id).planned, self._session(session_id)
        return planned.uses(closed=_close_of(session).reason != "open") if planned is not None else {}

    def _feed(self, analysis: SessionAnalysis, entry: Entry) -> None:
        before = analysis.weight
        analysis.feed(entry, self.events_of(entry))
        if is_taken(entry):
            analysis.note_region(self._protocols[entry.protocol].follows_hint(entry.target))
        self.weight += analysis.weight - before

    def _make_room(self) -> None:
        """Forget what a few of the oldest reports are made from, those first of which the log has all."""
        most = self.most
        if most is None:
            most = int(MAX_ANALYSES * self._state.part) + ANALYSES_PER_LOG * self._log.bytes
        if self.weight <= most:
            return
        first = list(islice(self._analyses, LOOKED_AT))
        for session_id in sorted(first, key=lambda one: self._log.evicted_of(one) > 0)[:DROPPED_AT_ONCE]:
            if self.weight > most and (dropped := self._drop(session_id)) is not None:
                remains = dropped.remains()
                del dropped
                turns.let_go(remains)

    def _drop(self, session_id: str) -> SessionAnalysis | None:
        analysis = self._analyses.pop(session_id, None)
        if analysis is not None:
            self.weight -= analysis.weight
        return analysis

    def events_of(self, entry: Entry) -> tuple[Event, ...]:
        """Return the events that an entry brought: none where it was not taken."""
        if not is_taken(entry):
            return ()
        return self._protocols[entry.protocol].events(entry.body, entry.seq, entry.at, entry.after_end, entry.target)

    def _session(self, session_id: str) -> Session | None:
        return session_at(self._state, session_id, self._state.clock.now())

    # -- several sessions ---------------------------------------------------------------------------------------------

    def _compared(self, session_id: str, judgement: Judgement, others: Summaries | None = None) -> Judgement:
        """Return the judgement, with what only the other sessions of the same viewer, or the requests' heads, can tell."""
        self._neighbours.catch_up()
        others = {} if others is None else others
        one = self._summary_once(session_id, others)
        alone = (*self._of_devices(session_id), *self._of_regions(session_id))
        found = (*alone, *self._after_previous(one, others), *self._beside_others(one, others))
        return replace(judgement, session_findings=judgement.session_findings + found)

    def _of_devices(self, session_id: str) -> tuple[Finding, ...]:
        agents = self._fed(session_id).agents
        if len(agents) < 2:
            return ()
        named = " and ".join(agent.decode("latin-1")[:80] for agent in agents)
        found = make_finding("two-devices", self.mode, "", f"requests of two devices: {named}")
        return () if found is None else (found,)

    def _of_regions(self, session_id: str) -> tuple[Finding, ...]:
        """Return what is to be said where no event went to the region that the start's answer named."""
        analysis = self._fed(session_id)
        if not analysis.placed or analysis.astray < analysis.placed:
            return ()
        message = f"{analysis.astray} events went to no region, although the answer to the start named one"
        found = make_finding("hint-not-followed", self.mode, "", message)
        return () if found is None else (found,)

    def _after_previous(self, one: SessionSummary, others: Summaries) -> tuple[Finding, ...]:
        """Return what the viewer's session before this one, and the one of the same content, tell of it."""
        previous, same = self._neighbours.before(one.session_id)
        before = [previous]
        if one.viewer and one.began is not None:
            before.append(same)  # it takes a play to tell
        known = [self._summary_once(other, others) for other in before if other in self._state.sessions]
        return tuple(found for other in known for found in analytics.compare_with_previous(other, one, self.mode))

    def _beside_others(self, one: SessionSummary, others: Summaries) -> tuple[Finding, ...]:
        """Return what the sessions of the same view tell of one."""
        near = self._neighbours.beside(one.session_id)
        if not near or not analytics.may_compare(one, self._opened(near[near.index(one.session_id) + 1 :])):
            return ()
        summaries = [self._summary_once(other, others) for other in near]
        return analytics.compare(summaries, self.mode).get(one.session_id, ())

    def _opened(self, session_ids: list[str]) -> float | None:
        """When the first of them was opened, by the emulator's clock."""
        session = self._state.sessions.get(session_ids[0]) if session_ids else None
        return session.opened_at if session is not None else None

    def _summary_once(self, session_id: str, others: Summaries) -> SessionSummary:
        version, known = self.version_of(session_id), others.get(session_id)
        if known is None or known[0] != version:
            known = others[session_id] = version, self._summary(session_id)
        return known[1]

    def _summary(self, session_id: str) -> SessionSummary:
        analysis, session = self._fed(session_id), self._session(session_id)
        return analysis.summary(self._close(session_id, analysis, session))

    def _view_in_log(self, session_id: str) -> View | None:
        for seq in self._log.seqs_of(session_id)[:1]:
            entry = self._log.get(seq)
            if entry is not None and entry.verdict is Verdict.CREATED:
                first = next(iter(self.events_of(entry)), None)
                agent = (header(entry.headers, b"user-agent") or b"").decode("latin-1")
                view = analytics.view_of(first.params, agent) if first is not None else None
                return (tuple(map(short_key, view[0])), short_key(view[1])) if view is not None else None
        return None


def _plan_of(analysis: SessionAnalysis) -> Plan | None:
    """Return the plan that a session was judged by."""
    return analysis.planned.plan if analysis.planned is not None else None


def _with_derived(entry: Entry, judgement: Judgement) -> tuple[Outcome, tuple[Finding, ...]]:
    findings = entry.findings + judgement.findings.get(entry.seq, ())
    return (Outcome.IGNORED if ignores(findings) else Outcome.GOOD), findings


def _close_of(session: Session | None, missing: int = 0) -> Close:
    """Return how the session stands; a live report goes up to the latest event."""
    if session is None:
        return analytics.Close("open", 0.0, missing)
    at = session.touched_at if session.closed_at is None else session.closed_at
    return analytics.Close(str(session.phase), at, missing)
