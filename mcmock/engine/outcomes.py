"""What Analytics makes of a session, derived when somebody asks: outcomes, findings, what only other sessions can tell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from mcmock.analytics import Judge, Judgement, View, compare, view_of
from mcmock.analytics import Summary as SessionSummary
from mcmock.core import clock, json_decoding
from mcmock.core import findings as rules
from mcmock.core.model import Exchange, Finding, Outcome, Verdict
from mcmock.engine.decisions import Desk
from mcmock.engine.log import Entry
from mcmock.engine.session_analysis import Fed
from mcmock.engine.types import JUDGED_OF_LOG, MOST_JUDGED, NEIGHBOURS, close_of, part_of, settled_outcome, short


class Analyst(Desk):
    """Keeps a Judge for each session that was asked about, and feeds it from the log."""

    def _exchange(self, entry: Entry) -> Exchange:
        outcome, findings = self._derived(entry)
        return Exchange(
            seq=entry.seq,
            at=entry.at,
            scope=self.scope,
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
            delivery=self._journal.delivery(entry.seq),
        )

    def _derived(self, entry: Entry) -> tuple[Outcome, tuple[Finding, ...]]:
        """The outcome and all findings of an entry, as its session stands now."""
        settled = settled_outcome(entry)
        if settled is not None:
            return settled, entry.findings
        derived = self._judgement(str(entry.session_id)).findings.get(entry.seq, ())
        findings = entry.findings + derived
        return (Outcome.IGNORED if rules.ignores(findings) else Outcome.GOOD), findings

    def _count_outcomes(self, entries: Iterator[Entry], counts: dict[Outcome, int], until: float = math.inf) -> bool:
        """Add how many of the entries have which outcome, up to a moment; whether that was all.

        Each session is judged once, however many entries it has.
        """
        derived: dict[str | None, Mapping[int, tuple[Finding, ...]]] = {}
        for entry in entries:
            settled = settled_outcome(entry)
            if settled is None:
                session_id = entry.session_id
                if session_id not in derived:
                    derived[session_id] = self._judgement(str(session_id)).findings
                found = entry.findings + derived[session_id].get(entry.seq, ())
                settled = Outcome.IGNORED if found and rules.ignores(found) else Outcome.GOOD
            counts[settled] += 1
            if until < math.inf and clock.monotonic() > until:
                return False
        return True

    def _judgement(self, session_id: str) -> Judgement:
        """What the session's events come to, in processing order; kept until another event or its end changes it."""
        return self._standing(session_id, self._fed(session_id))

    def _standing(self, session_id: str, fed: Fed) -> Judgement:
        missing = max(0, self._journal.evicted_of(session_id) + len(self._journal.seqs_of(session_id)) - fed.count)
        return fed.judgement(close_of(self._session(session_id, self._clock.now()))._replace(evicted=missing))

    def _fed(self, session_id: str) -> Fed:
        """The session's Judge, told of all that is in the log."""
        self._make_room_for_reports()
        fed = self._judges.get(session_id)
        if fed is None:
            session = self._session(session_id, self._clock.now())
            downloaded = session is not None and session.downloaded
            fed = self._judges[session_id] = Fed(Judge(session_id, self.mode, downloaded))
            self._judged += fed.weight
        for seq in self._journal.seqs_of(session_id, fed.upto):
            if (entry := self._journal.get(seq)) is not None:
                self._feed(fed, entry)
        return fed

    def _feed(self, fed: Fed, entry: Entry) -> None:
        before = fed.weight
        fed.feed(entry)
        self._judged += fed.weight - before

    def _make_room_for_reports(self) -> None:
        """Forget what reports are made from, an eighth at once: first where the log has it all, then the oldest."""
        most = self._most(MOST_JUDGED) + JUDGED_OF_LOG * self._journal.bytes
        if self._judged <= most:
            return
        for whole in (True, False):
            for session_id in list(self._judges):
                if self._judged <= most - most // 8:
                    return
                if not whole or not self._journal.evicted_of(session_id):
                    self._drop_judge(session_id)

    def _note_views(self) -> None:
        """Look up, in the log, whose view each session is that was opened since the last time."""
        if len(self._view_of) == len(self._sessions):
            return
        for session_id in [one for one in self._sessions if one not in self._view_of]:
            view = self._view_in_log(session_id)
            alike = self._views.setdefault(view, []) if view is not None else []
            self._view_of[session_id] = view, len(alike)
            alike.append(session_id)

    def _view_in_log(self, session_id: str) -> View | None:
        for seq in self._journal.seqs_of(session_id)[:1]:
            entry = self._journal.get(seq)
            if entry is not None and entry.verdict is Verdict.CREATED:
                body = json_decoding.decode(entry.body)
                view = view_of(part_of(body[0] if isinstance(body, list) else body, "params"))
                return (tuple(map(short, view[0])), short(view[1])) if view is not None else None
        return None

    def _compared(self, session_id: str, judgement: Judgement) -> Judgement:
        """The judgement, with what only the other sessions of the same view can tell of one that stayed empty."""
        self._note_views()
        view, place = self._view_of.get(session_id, (None, 0))
        if view is None or len(self._views[view]) < 2 or self._summary(session_id).events:
            return judgement
        near = self._views[view][max(0, place - NEIGHBOURS) : place + NEIGHBOURS + 1]
        found = compare(map(self._summary, filter(None, near)), self.mode).get(session_id, ())
        return replace(judgement, session_findings=judgement.session_findings + found) if found else judgement

    def _summary(self, session_id: str) -> SessionSummary:
        return self._fed(session_id).summary(close_of(self._session(session_id, self._clock.now())))
