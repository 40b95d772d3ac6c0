"""Decides about a request: validity first, then the session is looked up, then it must be open. It knows no faults."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from mcmock.core import findings, sessions
from mcmock.core.model import Answer, Finding, Kind, Request, Verdict
from mcmock.core.sessions import Phase
from mcmock.engine.state import State
from mcmock.engine.types import ACCEPTED, COUNTED, MESSAGES, MOST_SESSIONS, WHY, Call, Decision, content_of, playhead_of
from mcmock.protocols.media_collection import body as bodies
from mcmock.protocols.media_collection import schemas, wire


class Desk(State):
    """Makes a Decision of a Call, and a log entry of both."""

    def _look(self, request: Request, now: float) -> Call:
        """Everything that can be known of a request without knowing any session."""
        route = wire.route(request.method, request.target)
        judged = None
        if route.kind in COUNTED and request.refusal is None:
            judged = bodies.judge(route.kind, request.body, self.mode)
        return Call(request, now, route, judged)

    def _decide_event(self, call: Call) -> Decision:
        request, now, route, judged = call
        if request.refusal is not None or judged is None or judged.refusal is not None:
            return self._refuse(call)
        session = self._session(str(route.argument), now)
        if session is None:
            return self._turn_away(Verdict.UNKNOWN, str(route.argument), call)
        session_id = session.id  # one string for all its entries
        verdict = sessions.VERDICTS[session.phase]
        if verdict is ACCEPTED:
            event = judged.events[0]
            self._sessions[session_id] = sessions.take(
                session, event["eventType"], playhead_of(event, session.playhead), now
            )
            return Decision(ACCEPTED, self._answers.accepted(now, request.keep_alive), session_id, self._findings(call))
        if session.phase is Phase.ENDED and self._after_end == "drop":
            response = self._answers.accepted(now, request.keep_alive)
            return Decision(ACCEPTED, response, session_id, self._findings(call), after_end=True)
        return self._turn_away(verdict, session_id, call, session.phase)

    def _decide_start(self, call: Call) -> Decision:
        if call.request.refusal is not None or call.judged is None or call.judged.refusal is not None:
            return self._refuse(call)
        session_id = self._issue(content_of(call))
        events = call.judged.events
        playhead = playhead_of(events[-1], 0.0)
        opened = sessions.downloaded_session if call.judged.whole else sessions.open_session
        self._sessions[session_id] = opened(session_id, playhead, call.now)
        if len(self._sessions) > self._most(MOST_SESSIONS):
            self._forget_old(call.now)
        response = self._answers.created(session_id, call.now, call.request.keep_alive)
        return Decision(Verdict.CREATED, response, session_id, self._findings(call))

    def _decide_schema(self, call: Call) -> Decision:
        request, event_type = call.request, str(call.route.argument)
        head = request.method == "HEAD"
        if event_type not in schemas.EVENT_TYPES:
            known = ", ".join(schemas.EVENT_TYPES)
            return self._error(call, 404, f"There is no event type {event_type}; the types are {known}.", head=head)
        document = schemas.served(event_type, request.scheme, request.host)
        response = self._answers.schema(document, call.now, request.keep_alive, head=head)
        return Decision(Verdict.ACCEPTED, response)

    def _decide_preflight(self, call: Call) -> Decision:
        response = self._answers.preflight(call.now, call.request.keep_alive)
        return Decision(
            Verdict.ACCEPTED, response, call.route.argument if "/sessions/" in call.request.target else None
        )

    def _decide_other(self, call: Call) -> Decision:
        if call.request.refusal is not None:
            return self._refuse(call)
        head = call.request.method == "HEAD"
        if call.route.status == 405:
            message = f"{call.request.method} is no method of this path; it takes {call.route.allow}."
            return self._error(call, 405, message, head=head)
        return self._error(call, 404, "There is no such path.", head=head)

    def _refuse(self, call: Call) -> Decision:
        """400 for a body that is not what its schema asks for, or whatever status the HTTP layer had to answer."""
        refusal, judged = call.request.refusal, call.judged
        session_id = call.route.argument if call.route.kind is Kind.EVENT else None
        if refusal is not None:
            found = findings.finding(refusal.rule, self.mode, "$", refusal.message)
            head = call.request.method == "HEAD"
            response = self._answers.error(refusal.status, refusal.message, call.now, False, head=head)
            return Decision(Verdict.MALFORMED, response, session_id, (found,) if found else ())
        assert judged is not None
        response = self._answers.error(400, str(judged.refusal), call.now, call.request.keep_alive)
        return Decision(Verdict.MALFORMED, response, session_id, self._findings(call))

    def _turn_away(self, verdict: Verdict, session_id: str, call: Call, phase: Phase | None = None) -> Decision:
        """404 for a session nobody knows, 410 for one that takes no more."""
        why = WHY.get(phase, "it is closed") if phase else ""
        message = MESSAGES[verdict].format(sid=session_id, why=why)
        status = 404 if verdict is Verdict.UNKNOWN else 410
        response = self._answers.error(status, message, call.now, call.request.keep_alive)
        return Decision(verdict, response, session_id, self._findings(call), fault=self._doomed.get(session_id))

    def _error(self, call: Call, status: int, message: str, *, head: bool = False) -> Decision:
        allow = call.route.allow
        response = self._answers.error(status, message, call.now, call.request.keep_alive, allow=allow, head=head)
        return Decision(Verdict.NO_ROUTE, response)

    def _break(self, call: Call, error: Exception) -> Decision:
        trace = "".join(traceback.format_exception(error))
        response = self._answers.error(500, f"mcmock failed: {error!r}", call.now, False)
        return Decision(Verdict.BROKEN, response, call.route.argument, self._remark("broken", trace))

    def _findings(self, call: Call) -> tuple[Finding, ...]:
        """What was found on arrival: in the body, and in how it was sent."""
        found = call.judged.findings if call.judged is not None else ()
        content_type = wire.header(call.request.headers, b"content-type")
        if content_type is None or content_type[:16].lower() != b"application/json":
            sent = "no Content-Type" if content_type is None else content_type.decode("latin-1")
            found += self._remark("content-type", f"{sent} was sent; application/json is asked for")
        if call.route.slash:
            found += self._remark("trailing-slash", "the path ends in a slash")
        return found

    def _remark(self, rule: str, message: str) -> tuple[Finding, ...]:
        found = findings.finding(rule, self.mode, "", message)
        return (found,) if found else ()

    def _record(self, call: Call, decision: Decision) -> Answer:
        response, journal = decision.response, self._journal
        seq = journal.next_seq
        journal.append(self._entry(call, decision))
        return Answer(
            seq, response, decision.steps, decision.hold, call.now, call.route.kind, decision.verdict, decision.fault
        )

    def _entry(self, call: Call, decision: Decision) -> tuple[Any, ...]:
        """What the log keeps, with the number it will have there."""
        request, response = call.request, decision.response
        event_type = call.judged.event_type if call.judged is not None else None
        return (
            self._journal.next_seq, call.now, call.route.kind, request.method, request.target, request.headers, request.body,
            event_type, decision.session_id, decision.verdict, response.status, response.headers, response.body,
            decision.findings, decision.fault, decision.after_end,
        )  # fmt: skip


# Who decides about a request of which kind.
DECIDERS: dict[Kind, Callable[[Desk, Call], Decision]] = {
    Kind.SESSION: Desk._decide_start,
    Kind.EVENT: Desk._decide_event,
    Kind.DOWNLOADED: Desk._decide_start,
    Kind.SCHEMA: Desk._decide_schema,
    Kind.PREFLIGHT: Desk._decide_preflight,
    Kind.OTHER: Desk._decide_other,
}
