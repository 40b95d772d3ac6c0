"""Faults: one may fire before a request is processed, or after it was. It knows which rules are in force, not how they came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mcmock.core import sessions
from mcmock.core.events import Event
from mcmock.core.model import COUNTED_KINDS, FaultHit, Finding, Kind, Outcome, Severity, Verdict
from mcmock.core.sessions import Phase, Session
from mcmock.core.tables import short_key
from mcmock.engine.decisions import DecisionContext, decide, session_at
from mcmock.engine.state import Transaction
from mcmock.engine.types import Call, Decision
from mcmock.faults import effects
from mcmock.faults.effects import AFTER, BEFORE, NO_ANSWER
from mcmock.faults.selection import FaultCandidate, FaultQuery, Fired

SESSION_EFFECTS: Final[Mapping[str, Phase]] = {"expire_session": Phase.EXPIRED, "forget_session": Phase.FORGOTTEN}
"""What the faults that act on a session make of it."""

Preview = Callable[[Call, Decision, Session | None], tuple[Outcome, tuple[Finding, ...]]]
"""Returns the outcome and all findings of a request that was decided and is not in the log yet."""


class FaultInjector:
    """Puts faults between a request and its decision. `keeps_up` says whether a session that is looked at for one request need
    not be looked at again for the next."""

    def __init__(self, preview: Preview, keeps_up: Callable[[], bool]) -> None:
        self._preview, self._keeps_up = preview, keeps_up

    def around(self, tx: Transaction, call: Call, scene: DecisionContext) -> Decision:
        """Return what is decided about a request, and what a fault makes of it. One that is not whole meets none."""
        if not call.request.complete:
            return decide(tx, call, scene)
        if tx.rules.has(BEFORE) and (met := self._before(tx, call, scene)) is not None:
            return met
        decision = decide(tx, call, scene)
        if decision.fault is not None or not tx.rules.has(AFTER):
            return decision
        return self._after(tx, call, decision, scene)

    def _before(self, tx: Transaction, call: Call, scene: DecisionContext) -> Decision | None:
        named = call.parsed.session_id
        asked = self._ask(tx, call, BEFORE, named, scene)
        fired = tx.rules.decide(asked, tx.seed)
        if fired is None:
            return None
        if fired.hit.effect not in SESSION_EFFECTS:
            return _changed(Decision(Verdict.FAULTED, NO_ANSWER, named), fired, asked)
        _close_sessions(tx, fired, str(named), call.now)
        return decide(tx, call, scene)._replace(fault=fired.hit)

    def _after(self, tx: Transaction, call: Call, decision: Decision, scene: DecisionContext) -> Decision:
        asked = self._ask(tx, call, AFTER, decision.session_id, scene, decision)
        if tx.rules.foresee() and self._keeps_up():
            asked.seen.look_ahead()  # with each event, so that none waits for a long session to be judged in one piece
        fired = tx.rules.decide(asked, tx.seed)
        if fired is None:
            return decision
        if fired.hit.effect in SESSION_EFFECTS:
            _close_sessions(tx, fired, str(decision.session_id), call.now)
        return _changed(decision, fired, asked)

    def _ask(
        self,
        tx: Transaction,
        call: Call,
        side: str,
        session_id: str | None,
        scene: DecisionContext,
        decision: Decision | None = None,
    ) -> FaultQuery:
        """Return what the rules are asked about a request."""
        request, parsed = call.request, call.parsed
        session = session_at(tx, session_id, call.now) if session_id is not None else None
        context = effects.EffectContext(
            decision.response if decision is not None else None, session_id,
            session is not None and session.phase is Phase.OPEN, request.host, request.method == "HEAD",
            lambda status, message: call.protocol.error(status, message, request, call.now),
            lambda form, truth: call.protocol.altered(form, truth, request, call.now), call.now,
        )  # fmt: skip
        known = (
            parsed.kind, parsed.event_type, session_id, scene.scope, request.target, lambda: _event_in(call),
        )  # fmt: skip
        if decision is None:
            seen = FaultCandidate(*known)
        else:
            preview = lambda: self._preview(call, decision, session)  # noqa: E731
            seen = FaultCandidate(*known, decision.verdict, decision.response.status, preview)
        return FaultQuery(side, seen, context, short_key(session_id) if session_id else call.content, call.now)


def close_session(tx: Transaction, session_id: str, phase: Phase, now: float) -> bool:
    """Close a session by hand or by a fault. Returns False if there is no such session."""
    session = session_at(tx, session_id, now)
    if session is None:
        return False
    tx.sessions.put(session_id, sessions.close(session, phase, now))
    return True


def _close_sessions(tx: Transaction, fired: Fired, session_id: str, now: float) -> None:
    """Close a session, or every one; what comes for it from now on is the fault's doing."""
    phase, hit = SESSION_EFFECTS[fired.hit.effect], fired.hit._replace(side=BEFORE)
    for one in tx.sessions.scan() if fired.armed.rule.attributes["every"] else [session_id]:
        session = session_at(tx, one, now)
        if session is not None and session.phase is Phase.OPEN:
            close_session(tx, one, phase, now)
            tx.closed_by_fault.put(one, hit)


MISLEADING: Final = ("set_header", "drop_header", "status", "alter")
"""Effects on the answer of a start after which its player may not know where the session is."""

LOCATION: Final = "location"
"""The key, among the sessions that a fault closed, of the fault that changed the answer of the latest start."""


def blamed_on_start(tx: Transaction, call: Call, decision: Decision) -> Decision:
    """Return a decision with the fault that gave its client a wrong address, or no session, if one did.

    The latest start that was answered decides: a player asks for its session once.
    """
    is_start = call.parsed.kind is Kind.SESSION
    if decision.verdict is Verdict.CREATED or (is_start and _is_good(decision.response.status)):
        return _note_start(tx, decision)
    is_nameless = call.parsed.kind is Kind.EVENT and decision.session_id is None
    astray = is_nameless or any(found.rule == "misdirected" for found in decision.findings)
    if not astray and (decision.fault is not None or decision.verdict is not Verdict.UNKNOWN):
        return decision
    hit = tx.closed_by_fault.get(LOCATION)
    if hit is None:
        return decision
    found = tuple(_blameless(found, hit) for found in decision.findings)
    return decision._replace(fault=decision.fault or hit, findings=found)


def _is_good(status: int) -> bool:
    """Return whether a client takes such an answer to a start for a session, as some take a refusal within a 207."""
    return 200 <= status < 300


def _note_start(tx: Transaction, decision: Decision) -> Decision:
    hit = decision.fault
    if hit is not None and hit.effect in MISLEADING:
        tx.closed_by_fault.put(LOCATION, hit._replace(side=BEFORE))
    elif tx.closed_by_fault.get(LOCATION) is not None:
        tx.closed_by_fault.remove(LOCATION)
    return decision


def _blameless(found: Finding, hit: FaultHit) -> Finding:
    if found.rule != "misdirected":
        return found
    message = f"{found.message}; the fault {hit.rule} changed the answer of its sessionStart"
    return found._replace(severity=Severity.INFO, message=message)


def _changed(decision: Decision, fired: Fired, asked: FaultQuery) -> Decision:
    """Return the decision, with the answer that the fault makes of it."""
    rule = fired.armed.rule
    change = rule.row.act(rule.attributes, asked.scene, fired.dice)
    hit: FaultHit = fired.hit
    return decision._replace(response=change.response, steps=change.steps, fault=hit, hold=fired.armed.serial)


def _event_in(call: Call) -> Event | None:
    """Return the one event of a request; None where it brings none, or several."""
    if call.parsed.kind not in COUNTED_KINDS or call.parsed.downloaded:
        return None
    events = call.protocol.events(call.request.body, 0, call.now)
    return events[0] if len(events) == 1 else None
