"""The Emulator: one object that is the whole service, without a socket.

It composes the rest of the core and adds one thing of its own: the order in which a request is judged. There is one door
for requests, `handle`, and one lock, which every method that touches state takes. The control API, the pytest fixture and
the command line are three ways to call the same methods.

Rules of this file:

1. The log entry is written before `handle` returns: the log is complete before the first byte of the answer leaves.
2. The verdict is decided here, on arrival, and never changes. Good or ignored is derived from the session's events in
   processing order whenever somebody asks (`mcmock.report`).
3. A bug of ours is answered 500, logged with the verdict `broken`, and harms no other request.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeVar

from mcmock import body as bodies
from mcmock import clock, jsontext, rules, schemas, sessions, wire
from mcmock.faults.effects import AFTER, BEFORE, NO_ANSWER, Scene
from mcmock.faults.force import FaultState, Hold, InForce
from mcmock.faults.plan import Asked, Fired, Seen
from mcmock.faults.rule import FaultRule
from mcmock.journal import Entry, Journal, Listener
from mcmock.losses import Losses, ledger
from mcmock.match import Match
from mcmock.model import (
    Answer,
    Delivery,
    Exchange,
    FaultHit,
    Finding,
    Kind,
    Mode,
    Outcome,
    RawHeaders,
    Request,
    Response,
    Severity,
    Step,
    Verdict,
)
from mcmock.report import Close, Judge, Judgement, View, compare, event_from, view_of
from mcmock.report import Summary as SessionSummary
from mcmock.sessions import Phase, Session
from mcmock.verify import Check, Verification, verify, waiting
from mcmock.views import SessionOutline, SessionView
from mcmock.watch import Watch

DEFAULT_LOG_BYTES = 64 * 1024 * 1024
DEFAULT_BODY_BYTES = 1024 * 1024
DEFAULT_SCOPE = "default"

MOST_SESSIONS = 100_000
"""Sessions remembered: some 50 MB. Beyond, closed ones that the log has no request of go, the oldest first, and are counted;
an event to one of them is answered 404, no longer 410."""

MOST_JUDGED = 10_000
"""Sessions whose events are kept for their report though the log has let them go. Beyond, the oldest reports shrink."""

TURN = 0.002
"""Seconds that a question about the whole log takes before others get their turn."""

LONGEST_CONTENT = 512
"""Characters that stand for what is watched; more are stood for by their hash."""

MARK_LENGTH = 12
"""Characters at the end of a session id that say which named scope issued it."""

AfterEnd = Literal["gone", "drop"]
"""What an event after sessionEnd is answered: 410, or a 204 that drops it in silence (C-20)."""

# What a verdict means for the outcome; that of the accepted ones takes the session to know.
_OUTCOMES = {
    Verdict.MALFORMED: Outcome.BAD,
    Verdict.UNKNOWN: Outcome.BAD,
    Verdict.GONE: Outcome.BAD,
    Verdict.FAULTED: Outcome.FAULTED,
    Verdict.NO_ROUTE: Outcome.OTHER,
    Verdict.BROKEN: Outcome.OTHER,
}
_ACCEPTED = Verdict.ACCEPTED
_TURNED_AWAY = (Verdict.UNKNOWN, Verdict.GONE)
# The outcomes an exchange may have, once it is known what its verdict alone decides.
_POSSIBLE: dict[Outcome | None, tuple[Outcome, ...]] = {
    None: (Outcome.GOOD, Outcome.IGNORED),
    **{outcome: (outcome,) for outcome in Outcome},
}
_COUNTED = (Kind.SESSION, Kind.EVENT, Kind.DOWNLOADED)

_NEIGHBOURS = 8
"""Sessions of one view that an empty one is compared with, on either side: players try to start one three times."""

_MESSAGES = {
    Verdict.UNKNOWN: "There is no session {sid}.",
    Verdict.GONE: "Session {sid} takes no more events: {why}.",
}
_WHY = {
    Phase.ENDED: "it was ended",
    Phase.IDLE: f"it had no event for {sessions.IDLE_AFTER / 60:.0f} minutes",
    Phase.STALLED: f"its playhead did not move for {sessions.STALLED_AFTER / 60:.0f} minutes",
    Phase.EXPIRED: "it has expired",
}


# What the faults that act on a session make of it.
_STRIKES = {"expire_session": Phase.EXPIRED, "forget_session": Phase.FORGOTTEN}

# The params that tell what is watched, for the ids of sessions; no visitor: a browser may make up a new one each time.
_CONTENT = ("media.id", "media.playerName", "media.channel", "media.contentType", "media.length")

_Any = TypeVar("_Any")


class Summary(NamedTuple):
    """The counts a test asks for first. `total` is all that is in the log; the outcomes add up to it.

    `forgotten` are sessions that are remembered no more, because there were more than MOST_SESSIONS.
    """

    total: int
    good: int
    bad: int
    ignored: int
    faulted: int
    other: int
    evicted: int
    sessions: int
    broken: int
    forgotten: int = 0


class LogSize(NamedTuple):
    """Requests in the log, and what they weigh in bytes."""

    requests: int
    bytes: int


class _Call(NamedTuple):
    """A request on its way through `handle`."""

    request: Request
    now: float
    route: wire.Route
    judged: bodies.Judged | None


class _Decision(NamedTuple):
    verdict: Verdict
    response: Response
    session_id: str | None = None
    findings: tuple[Finding, ...] = ()
    after_end: bool = False
    fault: FaultHit | None = None
    steps: tuple[Step, ...] = ()
    hold: int | None = None


class Emulator:
    """Adobe's Media Collection API, in memory.

    `seed` makes session ids and fault decisions repeatable; left out, one is drawn and can be read from `.seed`.
    `strict` and `loose` choose another column of docs/fidelity.md. `max_log_bytes` bounds the log, `max_body_bytes` a
    request's body. `after_end` is what events after sessionEnd are answered: "gone" (410) or "drop" (a silent 204).
    `cors_headers` and `cors_max_age` widen the preflight for browsers that ask for more than Content-Type.
    `faults` are in force from the start, and again after every reset.
    Raises ValueError for options that contradict each other.
    """

    has_store = False
    """Whether a store keeps it, which may know of scopes that this process has not made."""

    blocks = False
    """Whether `handle` may wait for something outside this process, so that an event loop must not call it."""

    def __init__(
        self,
        *,
        seed: int | None = None,
        strict: bool = False,
        loose: bool = False,
        max_log_bytes: int = DEFAULT_LOG_BYTES,
        max_body_bytes: int = DEFAULT_BODY_BYTES,
        after_end: AfterEnd = "gone",
        cors_headers: str = wire.ALLOW_HEADERS,
        cors_max_age: int | None = None,
        time: clock.Clock | None = None,
        scope: str = DEFAULT_SCOPE,
        faults: Iterable[FaultRule] = (),
    ) -> None:
        self.scope = scope
        self.max_body_bytes = max_body_bytes
        self._clock = time or clock.Clock()
        self._bounds: dict[str, Any] = {
            "max_log_bytes": max_log_bytes, "max_body_bytes": max_body_bytes,
            "cors_headers": cors_headers, "cors_max_age": cors_max_age,
        }  # fmt: skip
        self._answers = wire.Answers(cors_headers, cors_max_age)
        self._journal = Journal(max_log_bytes)
        self._lock = threading.RLock()
        self._faults = InForce(faults, self._clock.now())
        self._wakes: list[Callable[[], None]] = []
        self.configure(seed=seed, strict=strict, loose=loose, after_end=after_end)
        self._forget_all()

    def configure(
        self, *, seed: int | None = None, strict: bool = False, loose: bool = False, after_end: AfterEnd = "gone"
    ) -> None:
        """Judge by these options from the next request on; what was judged before stays as it was. Raises ValueError."""
        if strict and loose:
            raise ValueError("strict and loose exclude each other: choose one")
        if after_end not in ("gone", "drop"):
            raise ValueError(f"after_end must be 'gone' or 'drop', not {after_end!r}")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise ValueError(f"seed must be a whole number, not {seed!r}")
        with self._lock:
            self.seed = secrets.randbits(32) if seed is None else seed
            self.mode = Mode.STRICT if strict else Mode.LOOSE if loose else Mode.DEFAULT
            self._after_end: AfterEnd = after_end

    def sibling(self, scope: str) -> Emulator:
        """Another emulator with these options, for a scope of its own: empty, its clock running with the wall clock."""
        return Emulator(scope=scope, **self._options())

    def catch_up(self) -> None:
        """Take in what other processes have done: there is none that shares this one's memory."""

    def find_scope(self, mark: str) -> str | None:  # noqa: ARG002
        """The named scope whose session ids end in `mark`, if others know one that this process does not."""
        return None

    def close(self) -> None:
        """Let go of what is outside this process: there is nothing."""

    def retire(self) -> None:
        """Free whoever waits here: its scope is forgotten."""
        self.reset()

    def _options(self) -> dict[str, Any]:
        """What an emulator like this one is made with."""
        return {
            "seed": self.seed, "strict": self.mode is Mode.STRICT, "loose": self.mode is Mode.LOOSE,
            "after_end": self._after_end, "faults": self._faults.initial, "time": self._clock.another(), **self._bounds,
        }  # fmt: skip

    def _forget_all(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._issued: dict[str, int] = {}
        self._doomed: dict[str, FaultHit] = {}  # sessions that a fault has closed
        self._judges: dict[str, _Fed] = {}
        self._views: dict[View, list[str]] = {}  # sessions of the same viewer and content, oldest first
        self._view_of: dict[str, tuple[View | None, int]] = {}  # which of them a session is
        self._broken = self._forgotten = 0
        self._aging: deque[str] = deque()  # sessions to look at before others are forgotten
        self._reported: deque[str] = deque()  # the same for their reports

    # -- the door -----------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Answer:
        """Judge one request, log it, and say what to answer. Never raises: see rule 3."""
        with self._lock:
            now = self._clock.now()
            try:
                call = self._look(request, now)
                decision = self._meet_faults(call) if self._faults.armed else _DECIDERS[call.route.kind](self, call)
            except Exception as error:  # rule 3: whatever it is, the client gets an answer and the log an entry
                self._broken += 1
                call = _Call(request, now, wire.Route(Kind.OTHER), None)
                decision = self._break(call, error)
            return self._record(call, decision)

    def submit(self, request: Request, done: Callable[[Answer], None]) -> None:
        """`handle` for a caller that must not wait: `done` gets the answer, here and now or later on another thread."""
        done(self.handle(request))

    def settle(self, seq: int, delivery: Delivery) -> None:
        """Note what became of the answer to request `seq`."""
        with self._lock:
            self._journal.settle(seq, delivery)

    def _look(self, request: Request, now: float) -> _Call:
        """Everything that can be known of a request without knowing any session."""
        route = wire.route(request.method, request.target)
        judged = None
        if route.kind in _COUNTED and request.refusal is None:
            judged = bodies.judge(route.kind, request.body, self.mode)
        return _Call(request, now, route, judged)

    # -- decisions: validity first, then the session is looked up, then it must be open ------------------------------

    def _decide_event(self, call: _Call) -> _Decision:
        request, now, route, judged = call
        if request.refusal is not None or judged is None or judged.refusal is not None:
            return self._refuse(call)
        session = self._session(str(route.argument), now)
        if session is None:
            return self._turn_away(Verdict.UNKNOWN, str(route.argument), call)
        session_id = session.id  # one string for all its entries
        verdict = sessions.VERDICTS[session.phase]
        if verdict is _ACCEPTED:
            event = judged.events[0]
            self._sessions[session_id] = sessions.take(session, event["eventType"], _playhead(event, session.playhead), now)
            return _Decision(_ACCEPTED, self._answers.accepted(now, request.keep_alive), session_id, self._findings(call))
        if session.phase is Phase.ENDED and self._after_end == "drop":
            response = self._answers.accepted(now, request.keep_alive)
            return _Decision(_ACCEPTED, response, session_id, self._findings(call), after_end=True)
        return self._turn_away(verdict, session_id, call, session.phase)

    def _decide_start(self, call: _Call) -> _Decision:
        if call.request.refusal is not None or call.judged is None or call.judged.refusal is not None:
            return self._refuse(call)
        session_id = self._issue(_content(call))
        events = call.judged.events
        playhead = _playhead(events[-1], 0.0)
        opened = sessions.downloaded_session if call.judged.whole else sessions.open_session
        self._sessions[session_id] = opened(session_id, playhead, call.now)
        if len(self._sessions) > MOST_SESSIONS:
            self._forget_old(call.now)
        response = self._answers.created(session_id, call.now, call.request.keep_alive)
        return _Decision(Verdict.CREATED, response, session_id, self._findings(call))

    def _decide_schema(self, call: _Call) -> _Decision:
        request, event_type = call.request, str(call.route.argument)
        head = request.method == "HEAD"
        if event_type not in schemas.EVENT_TYPES:
            known = ", ".join(schemas.EVENT_TYPES)
            return self._error(call, 404, f"There is no event type {event_type}; the types are {known}.", head=head)
        document = schemas.served(event_type, request.scheme, request.host)
        response = self._answers.schema(document, call.now, request.keep_alive, head=head)
        return _Decision(Verdict.ACCEPTED, response)

    def _decide_preflight(self, call: _Call) -> _Decision:
        response = self._answers.preflight(call.now, call.request.keep_alive)
        return _Decision(Verdict.ACCEPTED, response, call.route.argument if "/sessions/" in call.request.target else None)

    def _decide_other(self, call: _Call) -> _Decision:
        if call.request.refusal is not None:
            return self._refuse(call)
        head = call.request.method == "HEAD"
        if call.route.status == 405:
            message = f"{call.request.method} is no method of this path; it takes {call.route.allow}."
            return self._error(call, 405, message, head=head)
        return self._error(call, 404, "There is no such path.", head=head)

    def _refuse(self, call: _Call) -> _Decision:
        """400 for a body that is not what its schema asks for, or whatever status the HTTP layer had to answer."""
        refusal, judged = call.request.refusal, call.judged
        session_id = call.route.argument if call.route.kind is Kind.EVENT else None
        if refusal is not None:
            found = rules.finding(refusal.rule, self.mode, "$", refusal.message)
            head = call.request.method == "HEAD"
            response = self._answers.error(refusal.status, refusal.message, call.now, False, head=head)
            return _Decision(Verdict.MALFORMED, response, session_id, (found,) if found else ())
        assert judged is not None
        response = self._answers.error(400, str(judged.refusal), call.now, call.request.keep_alive)
        return _Decision(Verdict.MALFORMED, response, session_id, self._findings(call))

    def _turn_away(self, verdict: Verdict, session_id: str, call: _Call, phase: Phase | None = None) -> _Decision:
        """404 for a session nobody knows, 410 for one that takes no more."""
        why = _WHY.get(phase, "it is closed") if phase else ""
        message = _MESSAGES[verdict].format(sid=session_id, why=why)
        status = 404 if verdict is Verdict.UNKNOWN else 410
        response = self._answers.error(status, message, call.now, call.request.keep_alive)
        return _Decision(verdict, response, session_id, self._findings(call), fault=self._doomed.get(session_id))

    def _error(self, call: _Call, status: int, message: str, *, head: bool = False) -> _Decision:
        allow = call.route.allow
        response = self._answers.error(status, message, call.now, call.request.keep_alive, allow=allow, head=head)
        return _Decision(Verdict.NO_ROUTE, response)

    def _break(self, call: _Call, error: Exception) -> _Decision:
        trace = "".join(traceback.format_exception(error))
        response = self._answers.error(500, f"mcmock failed: {error!r}", call.now, False)
        return _Decision(Verdict.BROKEN, response, call.route.argument, self._remark("broken", trace))

    def _findings(self, call: _Call) -> tuple[Finding, ...]:
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
        found = rules.finding(rule, self.mode, "", message)
        return (found,) if found else ()

    # -- faults: one may fire before the request is processed, or after it was ----------------------------------------

    def _meet_faults(self, call: _Call) -> _Decision:
        """Process a request while there are faults. One that never arrived whole meets none."""
        decide = _DECIDERS[call.route.kind]
        if not call.request.complete:
            return decide(self, call)
        if self._faults.has(BEFORE) and (met := self._meet_faults_before(call)) is not None:
            return met
        decision = decide(self, call)
        if decision.fault is not None or not self._faults.has(AFTER):
            return decision
        return self._meet_faults_after(call, decision)

    def _meet_faults_before(self, call: _Call) -> _Decision | None:
        named = call.route.argument if call.route.kind in (Kind.EVENT, Kind.PREFLIGHT) else None
        asked = self._asked(call, BEFORE, named if "/sessions/" in call.request.target else None)
        fired = self._faults.decide(asked, self.seed)
        if fired is None:
            return None
        if fired.hit.effect not in _STRIKES:
            return _changed(_Decision(Verdict.FAULTED, NO_ANSWER, asked.seen.session_id), fired, asked)
        self._strike(fired, str(named), call.now)
        return _DECIDERS[call.route.kind](self, call)._replace(fault=fired.hit)

    def _meet_faults_after(self, call: _Call, decision: _Decision) -> _Decision:
        asked = self._asked(call, AFTER, decision.session_id, decision)
        fired = self._faults.decide(asked, self.seed)
        if fired is None:
            return decision
        if fired.hit.effect in _STRIKES:
            self._strike(fired, str(decision.session_id), call.now)
        return _changed(decision, fired, asked)

    def _asked(self, call: _Call, side: str, session_id: str | None, decision: _Decision | None = None) -> Asked:
        request, kind, event_type = call.request, call.route.kind, call.judged.event_type if call.judged else None
        session = self._session(session_id, call.now) if session_id is not None else None
        scene = Scene(
            decision.response if decision is not None else None, session_id,
            session is not None and session.phase is Phase.OPEN, request.host, request.method == "HEAD",
            lambda status, message: self._answers.error(status, message, call.now, request.keep_alive),
        )  # fmt: skip
        place = (kind, event_type, session_id, self.scope, request.target, lambda: _body(request.body))
        if decision is None:
            seen = Seen(*place)
        else:
            entry = Entry._make(self._entry(call, decision, request.headers))
            seen = Seen(*place, decision.verdict, decision.response.status, lambda: self._foresee(entry))
        return Asked(side, seen, scene, session_id or _content(call), call.now)

    def _foresee(self, entry: Entry) -> tuple[Outcome, tuple[Finding, ...]]:
        """The outcome and all findings of an entry that is not in the log yet."""
        if _settled(entry) is None:
            self._judgement(str(entry.session_id))  # all that came before it
            self._judges[str(entry.session_id)].feed(entry)
        return self._derived(entry)

    def _strike(self, fired: Fired, session_id: str, now: float) -> None:
        """Close a session, or every one; what comes for it from now on is the fault's doing."""
        every = fired.armed.rule.attributes["every"]
        for one in list(self._sessions) if every else [session_id]:
            session = self._session(one, now)
            if session is not None and session.phase is Phase.OPEN:
                self._close(one, _STRIKES[fired.hit.effect])
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
            entries = [entry for entry in self._journal.entries() if entry.kind in _COUNTED]
            first = next((entry.seq for entry in entries if entry.fault is not None), self._journal.next_seq)
            told = (entry for entry in entries if entry.seq >= first or entry.kind is not Kind.EVENT)
            return ledger(map(self._exchange, told), self._journal.evicted)

    def hold(self, answer: Answer) -> Hold:
        """Whether the rule that holds this answer back still does."""
        with self._lock:
            return Hold.FREED if answer.hold is None else self._faults.hold(answer.hold)

    def on_release(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake`, under the lock, whenever held answers may go on: time or faults changed. Returns how to stop."""
        with self._lock:
            self._wakes.append(wake)

        def stop() -> None:
            with self._lock:
                self._wakes.remove(wake)

        return stop

    def _released(self, result: _Any, notice: str = "faults") -> _Any:
        """Wake those who hold answers back, and tell listeners why."""
        for wake in self._wakes:
            wake()
        self._journal.tell(notice, 0)
        return result

    # -- sessions -----------------------------------------------------------------------------------------------------

    def _issue(self, content: str) -> str:
        """A new session id: 64 lower-case hex, the same ones again for the same seed.

        It depends on what is watched and on how often that was before, not on the order in which players arrive: so that
        parallel load gets the same ids, and with them the same faults, each time.
        """
        number = self._issued[content] = self._issued.get(content, 0) + 1
        drawn = hashlib.sha256(f"{self.seed}/{self.scope}/{content}/{number}".encode()).hexdigest()
        return drawn if self.scope == DEFAULT_SCOPE else drawn[:-MARK_LENGTH] + mark(self.scope)

    def _session(self, session_id: str, now: float) -> Session | None:
        session = self._sessions.get(session_id)
        if session is None:
            return None
        current = sessions.at(session, now)
        if current is not session:
            self._sessions[session_id] = current
        return current

    def _forget_old(self, now: float) -> None:
        """Look at two of the oldest sessions for each new one, so that no request pays for all of them."""
        if self.has_store:
            return  # which sessions there are is for the store to say
        for session_id in _turn(self._aging, self._sessions):
            session = self._session(session_id, now)
            if session is not None and session.phase is not Phase.OPEN and not self._journal.knows(session_id):
                self._drop_session(session_id)

    def _drop_session(self, session_id: str) -> None:
        del self._sessions[session_id]
        self._doomed.pop(session_id, None)
        self._judges.pop(session_id, None)
        self._journal.forget(session_id)
        self._forgotten += 1
        view, place = self._view_of.pop(session_id, (None, 0))
        if view is None:
            return
        alike = self._views[view]
        alike[place] = ""  # the others keep their places
        while alike and not alike[-1]:
            alike.pop()
        if not alike:
            del self._views[view]

    # -- the log ------------------------------------------------------------------------------------------------------

    def _record(self, call: _Call, decision: _Decision) -> Answer:
        request, response, journal = call.request, decision.response, self._journal
        headers, cost = journal.intern(request.headers)
        seq = journal.next_seq
        journal.append(self._entry(call, decision, headers), len(request.body) + len(response.body) + cost)
        return Answer(
            seq, response, decision.steps, decision.hold, call.now, call.route.kind, decision.verdict, decision.fault
        )

    def _entry(self, call: _Call, decision: _Decision, headers: RawHeaders) -> tuple[Any, ...]:
        """What the log keeps, with the number it will have there."""
        request, response = call.request, decision.response
        target = self._journal.intern_target(decision.session_id, request.target)
        event_type = call.judged.event_type if call.judged is not None else None
        return (
            self._journal.next_seq, call.now, call.route.kind, request.method, target, headers, request.body,
            event_type, decision.session_id, decision.verdict, response.status, response.headers, response.body,
            decision.findings, decision.fault, decision.after_end,
        )  # fmt: skip

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
        settled = _settled(entry)
        if settled is not None:
            return settled, entry.findings
        derived = self._judgement(str(entry.session_id)).findings.get(entry.seq, ())
        findings = entry.findings + derived
        return (Outcome.IGNORED if rules.ignores(findings) else Outcome.GOOD), findings

    def requests(
        self, match: Match | None = None, *, since: int = 0, limit: int | None = None, newest_first: bool = False
    ) -> list[Exchange]:
        """The exchanges that `match`, those after seq `since`, at most `limit`, oldest first unless told otherwise."""
        with self._lock:
            return self._matching(match, self._candidates(match, since, newest_first), limit)[0]

    def requests_in_turns(
        self, match: Match | None = None, *, since: int = 0, newest_first: bool = False
    ) -> Iterator[list[Exchange]]:
        """What `requests` gives, in pieces; the lock is held for TURN seconds at a time, and let go of in between."""
        with self._lock:
            entries = self._candidates(match, since, newest_first)
        is_last = False
        while not is_last:
            with self._lock:
                found, is_last = self._matching(match, entries, until=clock.monotonic() + TURN)
            yield found

    def _matching(
        self, match: Match | None, entries: Iterator[Entry], limit: int | None = None, until: float = math.inf
    ) -> tuple[list[Exchange], bool]:
        """Those of the entries that match, up to a number or a moment; and whether that was all that is wanted."""
        found: list[Exchange] = []
        oldest = self._journal.next_seq - len(self._journal)
        for entry in entries:
            if entry.seq >= oldest and _may_match(match, entry):
                exchange = self._exchange(entry)
                if match is None or match.holds(exchange):
                    found.append(exchange)
                    if len(found) == limit:
                        break
            if until < math.inf and clock.monotonic() > until:
                return found, False
        return found, True

    def _candidates(self, match: Match | None, since: int, newest_first: bool) -> Iterator[Entry]:
        """The entries worth looking at: a session's own, by the index, where the match names one."""
        session_id = match.exact("session") if match is not None else None
        if session_id is None:
            return self._journal.entries(since, newest_first=newest_first)
        seqs = self._journal.seqs_of(session_id, since)
        entries = map(self._journal.get, reversed(seqs) if newest_first else seqs)
        return (entry for entry in entries if entry is not None)

    def rejected(self) -> list[Exchange]:
        """The bad requests that nobody arranged: no fault met them, neither time nor a hand had closed their session."""
        with self._lock:
            bad = self.requests(Match({"outcome": "bad"}))
            return [one for one in bad if one.fault is None and not self._arranged(one)]

    def _arranged(self, one: Exchange) -> bool:
        if one.verdict not in (Verdict.GONE, Verdict.UNKNOWN) or one.session_id is None:
            return False
        session = self._session(one.session_id, self._clock.now())
        return session is not None and session.phase not in (Phase.OPEN, Phase.ENDED)

    def each(self, match: Match | None = None, *, since: int = 0, page: int = 64) -> Iterator[Exchange]:
        """What `requests` gives, oldest first and up to this moment, one by one: it holds neither them nor the lock."""
        latest = self.kept().stop - 1
        while batch := self.requests(match, since=since, limit=page):
            for exchange in batch:
                if exchange.seq > latest:
                    return
                yield exchange
            since = batch[-1].seq

    def kept(self) -> range:
        """The seqs that are in the log; where it is empty, the one that comes next is the start of an empty range."""
        with self._lock:
            return range(self._journal.next_seq - len(self._journal), self._journal.next_seq)

    def request(self, seq: int) -> Exchange | None:
        """The exchange of that number, or None if the log has none (any more)."""
        with self._lock:
            entry = self._journal.get(seq)
            return self._exchange(entry) if entry is not None else None

    def wait_for(self, match: Match, count: int = 1, timeout: float = 5.0) -> list[Exchange]:
        """The exchanges that `match`, as soon as there are `count` of them, or those there are after `timeout` seconds.

        Answered by arrival: nothing is polled. `timeout` is real time, whatever the emulator's clock does.
        """
        return list(self.verify(waiting(match, count, timeout)).requests)

    def verify(self, asked: Check) -> Verification:
        """Whether it is so, and if not, what was there instead. Blocks for at most `asked.within` seconds."""
        if not asked.within:
            with self._lock:
                return verify(self, asked)
        arrived = threading.Event()
        deadline = clock.monotonic() + asked.within
        with Watch(self, asked, arrived.set) as watch:
            while (answer := watch.look()) is None and (left := deadline - clock.monotonic()) > 0:
                arrived.wait(left)
                arrived.clear()
            return answer or watch.answer()

    @property
    def last_seq(self) -> int:
        """The number of the latest request, 0 if there was none."""
        with self._lock:
            return self._journal.next_seq - 1

    @property
    def evicted(self) -> int:
        """How many requests the log had to let go."""
        with self._lock:
            return self._journal.evicted

    def log_size(self) -> LogSize:
        """How much the log holds."""
        with self._lock:
            return LogSize(len(self._journal), self._journal.bytes)

    def sessions_since(self, seq: int) -> set[str]:
        """The sessions named by requests after number `seq`."""
        with self._lock:
            return {entry.session_id for entry in self._journal.entries(seq) if entry.session_id is not None}

    def clear_log(self) -> None:
        """Forget every request; sessions live on."""
        with self._lock:
            self._journal.clear()
            self._judges.clear()
            self._broken = 0

    def summary(self) -> Summary:
        with self._lock:
            counts = dict.fromkeys(Outcome, 0)
            self._count_outcomes(self._journal.entries(), counts)
            return self._summed(counts)

    def summaries(self) -> Iterator[Summary]:
        """`summary` in turns of TURN seconds: each is what has been counted so far, the last one all."""
        counts, entries, is_last = dict.fromkeys(Outcome, 0), self._journal.entries(), False
        while not is_last:
            with self._lock:
                is_last = self._count_outcomes(entries, counts, clock.monotonic() + TURN)
                summed = self._summed(counts)
            yield summed

    def _summed(self, counts: dict[Outcome, int]) -> Summary:
        by_name = {str(outcome): count for outcome, count in counts.items()}
        return Summary(
            total=sum(counts.values()), **by_name,
            evicted=self._journal.evicted, sessions=len(self._sessions), broken=self._broken,
            forgotten=self._forgotten,
        )  # fmt: skip

    def _count_outcomes(self, entries: Iterator[Entry], counts: dict[Outcome, int], until: float = math.inf) -> bool:
        """Add how many of the entries have which outcome, up to a moment; whether that was all.

        Each session is judged once, however many entries it has.
        """
        derived: dict[str | None, Mapping[int, tuple[Finding, ...]]] = {}
        for entry in entries:
            settled = _settled(entry)
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

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of every exchange, delivery and reset, under the lock: it may only hand over, never wait."""
        with self._lock:
            return self._journal.subscribe(listener)

    # -- sessions, as people look at them -----------------------------------------------------------------------------

    def sessions(self) -> list[SessionView]:
        """Every session that was opened, oldest first."""
        with self._lock:
            return [self._view(session_id) for session_id in self._sessions]

    def session_ids(self) -> list[str]:
        """The ids of all sessions that were opened, oldest first."""
        with self._lock:
            return list(self._sessions)

    def knows(self, session_id: str) -> bool:
        """Whether such a session was opened."""
        with self._lock:
            return session_id in self._sessions

    def session(self, session_id: str) -> SessionView | None:
        with self._lock:
            return self._view(session_id) if session_id in self._sessions else None

    def _view(self, session_id: str) -> SessionView:
        session = self._session(session_id, self._clock.now())
        assert session is not None
        entries = (self._journal.get(seq) for seq in self._journal.seqs_of(session_id))
        exchanges = tuple(self._exchange(entry) for entry in entries if entry is not None)
        return SessionView(session, exchanges, self._compared(session_id, self._judgement(session_id)))

    def outlines(self, limit: int | None = None) -> list[SessionOutline]:
        """The latest `limit` sessions in brief, oldest first: what a list of hundreds can afford to show."""
        with self._lock:
            ids = list(self._sessions)
            return [self._outline(session_id) for session_id in ids[max(0, len(ids) - limit) if limit is not None else 0 :]]

    def outline(self, session_id: str) -> SessionOutline | None:
        with self._lock:
            return self._outline(session_id) if session_id in self._sessions else None

    def _outline(self, session_id: str) -> SessionOutline:
        session = self._session(session_id, self._clock.now())
        assert session is not None
        judgement = self._compared(session_id, self._judgement(session_id))
        counts, severities = self._judges[session_id].standing(judgement)
        return SessionOutline(session, judgement, counts, severities)

    def expire(self, session_id: str) -> bool:
        """From now on the session answers 410. False if there is no such session."""
        return self._close(session_id, Phase.EXPIRED)

    def forget(self, session_id: str) -> bool:
        """From now on the session answers 404, as if it had never been issued. False if there is no such session."""
        return self._close(session_id, Phase.FORGOTTEN)

    def _close(self, session_id: str, phase: Phase) -> bool:
        with self._lock:
            now = self._clock.now()
            session = self._session(session_id, now)
            if session is None:
                return False
            self._sessions[session_id] = sessions.close(session, phase, now)
            return True

    # -- what Analytics makes of it -----------------------------------------------------------------------------------

    def _judgement(self, session_id: str) -> Judgement:
        """What the session's events come to, in processing order; kept until another event or its end changes it."""
        fed = self._judges.get(session_id)
        session = self._session(session_id, self._clock.now())
        if fed is None:
            downloaded = session is not None and session.downloaded
            if len(self._judges) >= MOST_JUDGED:
                for old in _turn(self._reported, self._judges):
                    if not self._journal.knows(old):
                        self._judges.pop(old, None)
            fed = self._judges[session_id] = _Fed(Judge(session_id, self.mode, downloaded))
        for seq in self._journal.seqs_of(session_id, fed.upto):
            if (entry := self._journal.get(seq)) is not None:
                fed.feed(entry)
        missing = max(0, self._journal.evicted_of(session_id) + len(self._journal.seqs_of(session_id)) - fed.count)
        return fed.judgement(_close_of(session)._replace(evicted=missing))

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
                body = jsontext.decode(entry.body)
                return view_of(_part(body[0] if isinstance(body, list) else body, "params"))
        return None

    def _compared(self, session_id: str, judgement: Judgement) -> Judgement:
        """The judgement, with what only the other sessions of the same view can tell of one that stayed empty."""
        self._note_views()
        view, place = self._view_of.get(session_id, (None, 0))
        if view is None or len(self._views[view]) < 2 or self._summary(session_id).events:
            return judgement
        near = self._views[view][max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1]
        found = compare(map(self._summary, filter(None, near)), self.mode).get(session_id, ())
        return replace(judgement, session_findings=judgement.session_findings + found) if found else judgement

    def _summary(self, session_id: str) -> SessionSummary:
        self._judgement(session_id)
        return self._judges[session_id].summary(_close_of(self._session(session_id, self._clock.now())))

    # -- time and rest ------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        with self._lock:
            return self._clock.now()

    @property
    def frozen(self) -> bool:
        with self._lock:
            return self._clock.frozen

    def advance(self, seconds: float) -> float:
        """Move the emulator's clock forward and return its time. Raises ValueError for a negative step."""
        with self._lock:
            return self._released(self._clock.advance(seconds), "clock")

    def freeze(self) -> float:
        with self._lock:
            return self._released(self._clock.freeze(), "clock")

    def resume(self) -> float:
        with self._lock:
            return self._released(self._clock.resume(), "clock")

    def reset(self) -> None:
        """Empty the log, forget every session, let the clock run with the wall clock again."""
        with self._lock:
            self._forget_all()
            self._clock.reset()
            self._faults.reset(self._clock.now())
            self._journal.clear()
            self._released(None, "reset")


def mark(scope: str) -> str:
    """The end of the session ids that a named scope issues, by which such an id finds its scope."""
    return hashlib.sha256(f"scope {scope}".encode()).hexdigest()[:MARK_LENGTH]


class _Fed:
    """A session's Judge, and up to where in the log it has been told."""

    def __init__(self, judge: Judge) -> None:
        self.upto = 0
        self.count = 0
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
            _tally(severities, derived)
        _tally(severities, judgement.session_findings)
        counts[Outcome.GOOD] -= len(dropped)
        counts[Outcome.IGNORED] += len(dropped)
        return counts, severities

    def _count(self, entry: Entry) -> None:
        """Good until found to be ignored: the rest is settled on arrival."""
        settled = _settled(entry)
        self._counts[settled or Outcome.GOOD] += 1
        _tally(self._severities, entry.findings)
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
        self._known = None
        self._count(entry)
        if entry.verdict not in (Verdict.CREATED, Verdict.ACCEPTED) or entry.kind not in _COUNTED:
            return
        body = jsontext.decode(entry.body)
        for event in body if isinstance(body, list) else [body]:
            self._judge.add(event_from(event, entry.seq, entry.at, entry.after_end))


def _tally(severities: dict[Severity, int], findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        severities[finding.severity] += 1


def _settled(entry: Entry) -> Outcome | None:
    """The outcome that the verdict alone decides, or None where it takes the session to know."""
    settled = _by_verdict(entry.verdict, entry.fault is not None and entry.fault.side == BEFORE)
    if settled is None and (entry.kind not in _COUNTED or entry.session_id is None):
        return Outcome.OTHER
    return settled


def _by_verdict(verdict: Verdict, met_before: bool) -> Outcome | None:
    """The outcome that goes with a verdict; `met_before` says that a fault fired before the request was processed."""
    settled = _OUTCOMES.get(verdict)
    return Outcome.FAULTED if settled is Outcome.BAD and met_before and verdict in _TURNED_AWAY else settled


def outcome_by(kind: Kind, verdict: Verdict, met_before: bool) -> Outcome:
    """The outcome of a request on its arrival: what may yet turn out to be ignored is good."""
    settled = _by_verdict(verdict, met_before)
    return settled or (Outcome.GOOD if kind in _COUNTED else Outcome.OTHER)


def _may_match(match: Match | None, entry: Entry) -> bool:
    """Whether an entry is worth a closer look: what its columns alone rule out is."""
    return match is None or (match.prefilter(entry) and match.allows_outcome(_POSSIBLE[_settled(entry)]))


def _content(call: _Call) -> str:
    """What stands for a session that is not open yet: what is watched; for other requests, their target."""
    events = call.judged.events if call.judged is not None else ()
    if call.route.kind not in (Kind.SESSION, Kind.DOWNLOADED) or not events:
        return call.request.target
    params = _part(events[0], "params")
    content = "/".join([str(params.get(key)) for key in _CONTENT])
    return content if len(content) <= LONGEST_CONTENT else hashlib.sha256(content.encode()).hexdigest()


def _turn(waiting: deque[str], every: Iterable[str]) -> list[str]:
    """The next two of those `waiting` to be looked at; when none are left, all begin anew."""
    if not waiting:
        waiting.extend(every)
    return [waiting.popleft() for _ in range(min(2, len(waiting)))]


def _changed(decision: _Decision, fired: Fired, asked: Asked) -> _Decision:
    """The decision, with the answer that the fault makes of it."""
    rule = fired.armed.rule
    change = rule.row.act(rule.attributes, asked.scene, fired.dice)
    return decision._replace(response=change.response, steps=change.steps, fault=fired.hit, hold=fired.armed.serial)


def _body(text: bytes) -> Any:
    try:
        return jsontext.decode(text)
    except jsontext.BadJson:
        return None


def _playhead(event: dict[str, Any], otherwise: float) -> float:
    """The playhead of an accepted event; in loose mode even playerTime may be anything."""
    time = event["playerTime"]
    return _number(time.get("playhead"), otherwise) if isinstance(time, dict) else otherwise


def _number(value: object, otherwise: float) -> float:
    """A number as sent; in loose mode anything may have been."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else otherwise


def _part(event: dict[str, Any], key: str) -> dict[str, Any]:
    part = event.get(key)
    return part if isinstance(part, dict) else {}


def _close_of(session: Session | None) -> Close:
    """How the session stands; a live report goes up to the latest event."""
    if session is None:
        return Close("open", 0.0)
    return Close(str(session.phase), session.touched_at if session.closed_at is None else session.closed_at)


# Who decides about a request of which kind.
_DECIDERS: dict[Kind, Callable[[Emulator, _Call], _Decision]] = {
    Kind.SESSION: Emulator._decide_start,
    Kind.EVENT: Emulator._decide_event,
    Kind.DOWNLOADED: Emulator._decide_start,
    Kind.SCHEMA: Emulator._decide_schema,
    Kind.PREFLIGHT: Emulator._decide_preflight,
    Kind.OTHER: Emulator._decide_other,
}
