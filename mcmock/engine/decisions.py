"""Decides about a request: validity first, then the session is looked up, then it must be open. It knows no faults.

A decision reads and writes a Transaction, and rests on nothing else. The log never decides.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from mcmock.core import http, sessions
from mcmock.core.findings import findings_of, make_finding
from mcmock.core.model import Headers, Kind, Mode, Response, Severity, Verdict
from mcmock.core.sessions import Phase, Session
from mcmock.engine import session_ids
from mcmock.engine.policy import Policy
from mcmock.engine.state import Transaction
from mcmock.engine.types import Call, Decision
from mcmock.protocols.base import EXPIRED, ParsedRequest, Refused

ACCEPTED: Final = Verdict.ACCEPTED

_PHASE_REASONS: Final[Mapping[Phase, str]] = {
    Phase.ENDED: "it was ended",
    Phase.IDLE: f"it had no event for {sessions.IDLE_AFTER / 60:.0f} minutes",
    Phase.STALLED: f"its playhead did not move for {sessions.STALLED_AFTER / 60:.0f} minutes",
    Phase.EXPIRED: EXPIRED,
}


IssueId = Callable[[Transaction, str, str], str]
"""Returns a new session id, from the transaction, the scope and what is watched."""


class DecisionContext(NamedTuple):
    """What a decision rests on beside the state: the scope, its policy, and who gives out session ids."""

    scope: str
    policy: Policy
    issue: IssueId = session_ids.issue


def decide(tx: Transaction, call: Call, scene: DecisionContext) -> Decision:
    """Return what is decided about a request, and write what it changes."""
    parsed = call.parsed
    if parsed.refused is not None:
        return _refuse(call, parsed.refused)
    return _DECIDERS[parsed.kind](tx, call, scene)


def session_at(tx: Transaction, session_id: str, now: float) -> Session | None:
    """Return a session as it stands at `now`: it may have timed out since it was written."""
    session = tx.sessions.get(session_id)
    return sessions.at(session, now) if session is not None else None


def take_event(tx: Transaction, parsed: ParsedRequest, now: float) -> Session | None:
    """Return the open session that an event was added to; None, with nothing changed, where that takes a decision."""
    if parsed.kind is not Kind.EVENT or parsed.refused is not None:
        return None
    session = tx.sessions.get(str(parsed.session_id))
    if session is None or not sessions.is_open_at(session, now):
        return None
    _add(tx, session, parsed, now)
    return session


def _add(tx: Transaction, session: Session, parsed: ParsedRequest, now: float) -> None:
    playhead = session.playhead if parsed.playhead is None else parsed.playhead
    tx.sessions.put(session.id, sessions.take(session, str(parsed.event_type), playhead, now, parsed.ts))


def _decide_event(tx: Transaction, call: Call, scene: DecisionContext) -> Decision:
    parsed, now = call.parsed, call.now
    session = tx.sessions.get(str(parsed.session_id))
    if session is None:
        return _reject(tx, Verdict.UNKNOWN, str(parsed.session_id), call)
    session = sessions.at(session, now)
    session_id = session.id  # one string for all its entries
    verdict, event_type = sessions.VERDICTS[session.phase], str(parsed.event_type)
    if verdict is ACCEPTED:
        _add(tx, session, parsed, now)
        return Decision(ACCEPTED, call.respond(ACCEPTED, session_id), session_id, parsed.findings)
    if scene.policy.mode is not Mode.STRICT and sessions.was_overtaken(session, event_type, parsed.ts, now):
        return Decision(ACCEPTED, call.respond(ACCEPTED, session_id), session_id, parsed.findings)
    drops = session.phase is Phase.ENDED and scene.policy.after_end == "drop"
    if drops or sessions.ends_again(session, event_type):
        return Decision(ACCEPTED, call.respond(ACCEPTED, session_id), session_id, parsed.findings, after_end=True)
    return _reject(tx, verdict, session_id, call, session.phase)


def _decide_start(tx: Transaction, call: Call, scene: DecisionContext) -> Decision:
    parsed = call.parsed
    session_id = scene.issue(tx, scene.scope, call.content)
    opened = sessions.downloaded_session if parsed.downloaded else sessions.open_session
    tx.sessions.put(session_id, opened(session_id, parsed.playhead or 0.0, call.now))
    return Decision(Verdict.CREATED, call.respond(Verdict.CREATED, session_id), session_id, parsed.findings)


def _accept(tx: Transaction, call: Call, scene: DecisionContext) -> Decision:
    """Return the answer to what is no event: nothing depends on it."""
    return Decision(ACCEPTED, call.respond(ACCEPTED), call.parsed.session_id)


def _refuse(call: Call, refused: Refused) -> Decision:
    """Whatever it is for: it is not what the API takes."""
    return Decision(refused.verdict, call.respond(refused.verdict), call.parsed.session_id, call.parsed.findings)


def _reject(tx: Transaction, verdict: Verdict, session_id: str, call: Call, phase: Phase | None = None) -> Decision:
    """404 for a session nobody knows, 410 for one that takes no more."""
    reason = _PHASE_REASONS.get(phase, "it is closed") if phase else ""
    fault = tx.closed_by_fault.get(session_id)
    return Decision(verdict, call.respond(verdict, session_id, reason), session_id, call.parsed.findings, fault=fault)


def broken(call: Call, error: Exception, policy: Policy) -> Decision:
    """Return the decision about a request that met a bug of ours: 500, and a finding with the traceback."""
    trace = "".join(traceback.format_exception(error))
    found = findings_of("broken", policy.mode, "", trace)
    response = call.respond(Verdict.BROKEN, None, f"mcmock failed: {error!r}")
    return Decision(Verdict.BROKEN, response, None, found)


def with_refusal(call: Call, decision: Decision, policy: Policy) -> Decision:
    """Return the decision about a preflight, with a finding if the browser refuses its answer."""
    asked = http.preflight_lines(call.request.headers)
    if not http.is_preflight(asked):
        return decision
    refusal = _refusal(asked, decision.response)
    if refusal is None or any(one.rule == "misdirected" for one in decision.findings):
        return decision
    fault = decision.fault
    blamed = f" (by the fault {fault.rule})" if fault is not None else ""
    widened = (
        f'; --cors-headers "{", ".join(refusal.widened)}" lets it through' if refusal.widened and not fault else ""
    )
    message = f"{refusal.why}{blamed}: {_NOTHING_MORE}{widened}"
    found = make_finding("preflight-refused", policy.mode, "", message)
    if found is None:
        return decision
    blameless = found if fault is None else found._replace(severity=Severity.INFO)
    return decision._replace(findings=(*decision.findings, blameless))


def _refusal(asked: Headers, response: Response) -> http.PreflightRefusal | None:
    """Return why a browser refuses an answer; the same few questions and answers come again and again."""
    is_short = len(asked) <= MAX_KEPT_LINES and all(len(value) <= MAX_KEPT_VALUE for _, value in asked)
    return (_kept_refusal if is_short else http.preflight_refusal)(asked, response.status, response.headers)


_kept_refusal: Final = lru_cache(256)(http.preflight_refusal)
MAX_KEPT_LINES: Final = 8
MAX_KEPT_VALUE: Final = 256
"""Characters of a line of a preflight that is remembered: 2 kB for each of 256."""

_NOTHING_MORE: Final = "the browser sends nothing after it"


_DECIDERS: Final[Mapping[Kind, Callable[[Transaction, Call, DecisionContext], Decision]]] = {
    Kind.SESSION: _decide_start,
    Kind.EVENT: _decide_event,
    Kind.DOWNLOADED: _decide_start,
    Kind.INTERACT: _accept,
    Kind.SCHEMA: _accept,
    Kind.PREFLIGHT: _accept,
}
