"""Faults: one may fire before a request is processed, or after it was; what they hold back, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable

from mcmock.core.model import Answer, Finding, Kind, Outcome, Verdict
from mcmock.core.sessions import Phase
from mcmock.engine.decisions import DECIDERS
from mcmock.engine.log import Entry
from mcmock.engine.outcomes import Analyst
from mcmock.engine.types import COUNTED, STRIKES, Call, Decision, body_of, changed, content_of, settled_outcome, short
from mcmock.faults.active import FaultState, Hold
from mcmock.faults.effects import AFTER, BEFORE, NO_ANSWER, Scene
from mcmock.faults.losses import Losses, ledger
from mcmock.faults.rule import FaultRule
from mcmock.faults.selection import Asked, Fired, Seen


class Meddling(Analyst):
    """Puts faults between a request and its decision."""

    def _meet_faults(self, call: Call) -> Decision:
        """Process a request while there are faults. One that never arrived whole meets none."""
        decide = DECIDERS[call.route.kind]
        if not call.request.complete:
            return decide(self, call)
        if self._faults.has(BEFORE) and (met := self._meet_faults_before(call)) is not None:
            return met
        decision = decide(self, call)
        if decision.fault is not None or not self._faults.has(AFTER):
            return decision
        return self._meet_faults_after(call, decision)

    def _meet_faults_before(self, call: Call) -> Decision | None:
        named = call.route.argument if call.route.kind in (Kind.EVENT, Kind.PREFLIGHT) else None
        asked = self._asked(call, BEFORE, named if "/sessions/" in call.request.target else None)
        fired = self._faults.decide(asked, self.seed)
        if fired is None:
            return None
        if fired.hit.effect not in STRIKES:
            return changed(Decision(Verdict.FAULTED, NO_ANSWER, asked.seen.session_id), fired, asked)
        self._strike(fired, str(named), call.now)
        return DECIDERS[call.route.kind](self, call)._replace(fault=fired.hit)

    def _meet_faults_after(self, call: Call, decision: Decision) -> Decision:
        asked = self._asked(call, AFTER, decision.session_id, decision)
        fired = self._faults.decide(asked, self.seed)
        if fired is None:
            return decision
        if fired.hit.effect in STRIKES:
            self._strike(fired, str(decision.session_id), call.now)
        return changed(decision, fired, asked)

    def _asked(self, call: Call, side: str, session_id: str | None, decision: Decision | None = None) -> Asked:
        request, kind, event_type = call.request, call.route.kind, call.judged.event_type if call.judged else None
        session = self._session(session_id, call.now) if session_id is not None else None
        scene = Scene(
            decision.response if decision is not None else None, session_id,
            session is not None and session.phase is Phase.OPEN, request.host, request.method == "HEAD",
            lambda status, message: self._answers.error(status, message, call.now, request.keep_alive),
        )  # fmt: skip
        place = (kind, event_type, session_id, self.scope, request.target, lambda: body_of(request.body))
        if decision is None:
            seen = Seen(*place)
        else:
            entry = Entry._make(self._entry(call, decision))
            seen = Seen(*place, decision.verdict, decision.response.status, lambda: self._foresee(entry))
        return Asked(side, seen, scene, short(session_id) if session_id else content_of(call), call.now)

    def _foresee(self, entry: Entry) -> tuple[Outcome, tuple[Finding, ...]]:
        """The outcome and all findings of an entry that is not in the log yet."""
        if settled_outcome(entry) is None:
            self._feed(self._fed(str(entry.session_id)), entry)  # which knows all that came before it
        return self._derived(entry)

    def _strike(self, fired: Fired, session_id: str, now: float) -> None:
        """Close a session, or every one; what comes for it from now on is the fault's doing."""
        every = fired.armed.rule.attributes["every"]
        for one in list(self._sessions) if every else [session_id]:
            session = self._session(one, now)
            if session is not None and session.phase is Phase.OPEN:
                self._close(one, STRIKES[fired.hit.effect])
                self._doomed[one] = fired.hit._replace(side=BEFORE)

    def faults(self) -> list[FaultState]:
        """The rules in force, in the order they are tried, with their hits."""
        with self._lock:
            return self._faults.states(self._clock.now())

    def add_fault(self, rule: FaultRule) -> FaultRule:
        """Put a rule behind those in force; returns it with its name. Raises ValueError for a name that is taken."""
        return self.add_faults([rule])[0]

    def add_faults(self, rules: Iterable[FaultRule]) -> tuple[FaultRule, ...]:
        """Put rules, all or none of them, behind those in force. Raises ValueError for a name that is taken."""
        with self._lock:
            return self._released(self._faults.extend(rules, self._clock.now()))

    def put_faults(self, rules: Iterable[FaultRule]) -> tuple[FaultRule, ...]:
        """Put rules behind those in force, each instead of the one of its name: a preset can be applied twice."""
        with self._lock:
            return self._released(self._faults.put(rules, self._clock.now()))

    def replace_faults(self, rules: Iterable[FaultRule]) -> tuple[FaultRule, ...]:
        """These rules instead of those in force. Raises ValueError, and changes nothing, if a name is there twice."""
        with self._lock:
            return self._released(self._faults.replace(rules, self._clock.now()))

    def begin_with_faults(self, rules: Iterable[FaultRule]) -> tuple[FaultRule, ...]:
        """These rules instead of those in force, now and after every reset: what a changed file of faults asks for."""
        with self._lock:
            return self._released(self._faults.begin_with(rules, self._clock.now()))

    def remove_fault(self, name: str) -> bool:
        """Lift the fault of that name, and free what it holds. False if there is none."""
        with self._lock:
            return self._released(self._faults.remove(name))

    def clear_faults(self) -> None:
        """Lift every fault, and free what they hold."""
        self.replace_faults(())

    def losses(self) -> Losses:
        """What became of each request that a fault met: retried, moved, duplicated, counted or lost."""
        with self._lock:
            entries = [entry for entry in self._journal.entries() if entry.kind in COUNTED]
            first = next((entry.seq for entry in entries if entry.fault is not None), self._journal.next_seq)
            told = (entry for entry in entries if entry.seq >= first or entry.kind is not Kind.EVENT)
            return ledger(map(self._exchange, told), self._journal.evicted)

    def hold(self, answer: Answer) -> Hold:
        """Whether the rule that holds this answer back still does."""
        with self._lock:
            return Hold.FREED if answer.hold is None else self._faults.hold(answer.hold)
