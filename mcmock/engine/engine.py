"""The parts of an emulator, and what they do with one request: read it, decide, note it in the log.

It composes and decides nothing itself but one thing: a bug of ours is answered 500 and harms no other request. Who calls
it holds `lock`; when and where the state is kept is the committer's business.
"""

from __future__ import annotations

import posixpath
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mcmock.core.model import Answer, Delivery, Finding, Kind, Outcome, RawHeaders, Request, Response, Verdict
from mcmock.core.sessions import Phase, Session
from mcmock.engine.decisions import DecisionContext, IssueId, broken, decide, session_at, take_event, with_refusal
from mcmock.engine.fault_injection import FaultInjector, blamed_on_start
from mcmock.engine.known_requests import KnownRequests
from mcmock.engine.log import Entry, Log
from mcmock.engine.outcomes import Analysis
from mcmock.engine.policy import Policy
from mcmock.engine.state import State, Transaction
from mcmock.engine.types import Call, Decision
from mcmock.protocols.base import ApiProtocol, KnownLine, ParsedRequest

MAX_SESSIONS: Final = 100_000
"""Sessions remembered: some 50 MB. Beyond, closed ones that the log has no request of go, the oldest first, and are counted;
an event to one of them is answered 404, no longer 410."""

MAX_SESSIONS_AT_ALL: Final = 500_000
"""Sessions remembered, open ones and those in the log included: some 200 MB. Beyond, one goes for each that is opened: of two
that were opened before all others, the one that has been silent for longer."""


class Engine:
    """`protocols` are the emulated APIs by name; the first is asked about what none of them knows."""

    def __init__(
        self, scope: str, policy: Policy, state: State, protocols: tuple[ApiProtocol, ...], issue: IssueId
    ) -> None:
        self.lock = threading.RLock()
        self.scope = scope
        self.state = state
        self._first = protocols[0]
        self._owners = protocols
        self._begins = posixpath.commonpath(path.template for path in self._first.paths) + "/"
        self.protocols: Mapping[str, ApiProtocol] = {protocol.name: protocol for protocol in protocols}
        event_types = [name for protocol in protocols for name in protocol.event_types]
        self.log = Log(policy.max_log_bytes, state.sessions.__contains__, event_types)
        self.analysis = Analysis(scope, self.log, state, policy.mode, self.protocols)
        self._issue = issue
        self.use(policy)
        self.analysis.plan = policy.plan
        self.shares_log = False  # whether others write it, too, so that what is decided here may not come next
        self.forgotten = self.broken = 0
        self._injector = FaultInjector(self._preview, lambda: not self.shares_log)
        self._wakes: list[Callable[[], None]] = []
        self._aging: deque[str] = deque()  # sessions to look at before others are forgotten
        state.on_forget = self._forget_what_hangs_on

    def use(self, policy: Policy) -> None:
        """Judge by this policy from the next request on; what was judged before stays as it was."""
        self.policy = policy
        self.analysis.mode = policy.mode
        self._scene = DecisionContext(self.scope, policy, self._issue)
        forms = self._first.known
        self._known = KnownRequests(forms, self.state, self._scene, self._found_in_preflight) if forms else None

    # -- one request --------------------------------------------------------------------------------------------------

    def judge(self, tx: Transaction, request: Request) -> tuple[Call, Decision]:
        """Decide about a request. Never raises: whatever it is, the client gets an answer and the log an entry."""
        try:
            call = self._read(tx, request)
            return call, self._decide(tx, call)
        except Exception as error:
            return self._break(tx, request, error)

    def take_known(self, line: KnownLine, target: str, headers: RawHeaders, body: bytes) -> Response | None:
        """`take` for what is known by its form: a request of the first API, on a connection that stays. It takes the lock itself.

        `line` is what its first line says; its header lines are usual. None, with nothing done: `take` has to look at it.
        """
        known, state = self._known, self.state
        with self.lock:
            if known is None or state.has_met_faults:
                return None
            try:
                now = state.now()
                decided = known.deciders[line.kind](line.session_id, headers, body, now)
                if decided is None:
                    return None
            except Exception:
                return None  # `take` says what it is
            kind, (verdict, session_id, event_type, findings, response) = line.kind, decided
            if verdict is Verdict.CREATED:
                self._forget_old(state, now)
            status, answer, answer_body, _ = response
            self.log.add(
                now, kind, "OPTIONS" if kind is Kind.PREFLIGHT else "POST", target, headers, body, event_type, session_id,
                verdict, status, answer, answer_body, findings, None, False, self._first.name, Delivery.SENT,
            )  # fmt: skip
            return response

    def _found_in_preflight(self, headers: RawHeaders) -> tuple[Finding, ...]:
        request = Request("OPTIONS", self._first.paths[0].template, headers, b"")
        return self._decide(self.state, self._read(self.state, request)).findings

    def take(self, request: Request) -> Response | Answer:
        """Decide about a request and note it, state being in memory. Never raises.

        A Response has only to be written, and is in the log as sent: an event that was accepted and met by nothing.
        """
        state, protocol = self.state, self.protocol_of(request)
        try:
            now, parsed = state.now(), protocol.read(request, self.policy.mode)
            if not state.has_met_faults and (session := take_event(state, parsed, now)) is not None:
                response = protocol.respond(Verdict.ACCEPTED, parsed, request, now, session.id, "")
                self.log.add(
                    now, Kind.EVENT, request.method, request.target, request.headers, request.body, parsed.event_type,
                    session.id, Verdict.ACCEPTED, response.status, response.header_text, response.body, parsed.findings, None,
                    False, protocol.name, Delivery.SENT,
                )  # fmt: skip
                return response
            call = Call(request, now, protocol, parsed)
            decision = self._decide(state, call)
        except Exception as error:
            call, decision = self._break(state, request, error)
        return self.record(call, decision)

    def _read(self, tx: Transaction, request: Request) -> Call:
        protocol = self.protocol_of(request)
        return Call(request, tx.now(), protocol, protocol.read(request, self.policy.mode))

    def _decide(self, tx: Transaction, call: Call) -> Decision:
        around = self._injector.around if tx.has_rules else decide
        decision = blamed_on_start(tx, call, around(tx, call, self._scene))
        if decision.verdict is Verdict.CREATED:
            self._forget_old(tx, call.now)
        if call.parsed.kind is Kind.PREFLIGHT:
            decision = with_refusal(call, decision, self.policy)
        return decision

    def _break(self, tx: Transaction, request: Request, error: Exception) -> tuple[Call, Decision]:
        call = Call(request, tx.now(), self.protocol_of(request), ParsedRequest(Kind.OTHER))
        return call, broken(call, error, self.policy)

    def protocol_of(self, request: Request) -> ApiProtocol:
        """Return the API that a request is for; the first one where none owns it."""
        target, first = request.target, self._first
        if target.startswith(self._begins):
            return first
        return next((one for one in self._owners if one.owns(target)), first)

    def entry(self, call: Call, decision: Decision, seq: int) -> tuple[Any, ...]:
        """Return the columns of the log's entry for a decision."""
        request, response, parsed = call.request, decision.response, call.parsed
        return (
            seq, call.now, parsed.kind, request.method, request.target, request.headers, request.body,
            parsed.event_type, decision.session_id, decision.verdict, response.status, response.header_text, response.body,
            decision.findings, decision.fault, decision.after_end, call.protocol.name,
        )  # fmt: skip

    def record(self, call: Call, decision: Decision) -> Answer:
        """Write the entry of a decision, and return the answer."""
        seq = self.log.next_seq
        self.log.append(self.entry(call, decision, seq))
        verdict = decision.verdict
        if verdict is Verdict.BROKEN:
            self.broken += 1
        return Answer(
            seq, decision.response, decision.steps, decision.hold, call.now, call.parsed.kind, verdict, decision.fault
        )  # fmt: skip

    def _preview(self, call: Call, decision: Decision, session: Session | None) -> tuple[Outcome, tuple[Finding, ...]]:
        entry = Entry._make(self.entry(call, decision, self.log.next_seq))
        return self.analysis.preview(entry, session, keep=not self.shares_log)

    def settle(self, seq: int, delivery: Delivery) -> None:
        """Note what became of the answer to request `seq`."""
        self.log.settle(seq, delivery)

    # -- forgetting ---------------------------------------------------------------------------------------------------

    def clear_log(self) -> None:
        """Forget every request; sessions live on."""
        self.log.clear()
        self.analysis.forget_log()
        self.broken = 0

    def clear_sessions(self) -> None:
        """Forget every session, and whatever was counted of them."""
        self.state.clear()
        self.analysis.clear()
        self._aging.clear()
        self.broken = self.forgotten = 0

    def reset(self) -> None:
        """Empty the log, forget every session, let the clock run with the wall clock again."""
        self.analysis.plan = self.policy.plan
        self.clear_sessions()
        self.state.clock.reset()
        self.state.rules.reset(self.state.clock.now())
        self.clear_log()
        self.release("reset")

    def _forget_old(self, tx: Transaction, now: float) -> None:
        """Look at two of the oldest sessions for each new one, so that no request pays for all of them."""
        held = self.state.sessions
        if len(held) <= self._most(MAX_SESSIONS):
            return
        looked_at = [session_at(tx, session_id, now) for session_id in _next_two(self._aging, held)]
        known = [session for session in looked_at if session is not None]
        gone = [one for one in known if one.phase is not Phase.OPEN and not self.log.knows(one.id)]
        if not gone and len(held) > self._most(MAX_SESSIONS_AT_ALL) and known:
            gone = [min(known, key=lambda session: session.touched_at)]
        for session in gone:
            tx.forget_session(session.id)

    def _most(self, number: int) -> int:
        """Return how many of something may be kept here, of which one emulator alone may keep `number`."""
        return int(number * self.state.part)

    def share(self, part: float) -> None:
        """Keep no more than this part of what one emulator may: there are others in this process."""
        self.state.share(part)
        self.log.bound(self._most(self.policy.max_log_bytes))

    def _forget_what_hangs_on(self, session_id: str) -> None:
        self.analysis.forget_session(session_id)
        self.log.forget(session_id)
        self.forgotten += 1

    # -- telling others -----------------------------------------------------------------------------------------------

    def on_release(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake`, under the lock, whenever held answers may go on: time or faults changed. Returns how to stop."""
        with self.lock:
            self._wakes.append(wake)

        def stop() -> None:
            with self.lock:
                self._wakes.remove(wake)

        return stop

    @property
    def has_followers(self) -> bool:
        """Whether anybody is told of what happens here."""
        return self.log.listener_count > 0 or bool(self._wakes)

    def release(self, notice: str) -> None:
        """Wake those who hold answers back, and tell listeners why: "clock", "faults" or "reset"."""
        for wake in self._wakes:
            wake()
        self.log.tell(notice, 0)


def _next_two(waiting: deque[str], every: Iterable[str]) -> list[str]:
    """Return the next two of those `waiting` to be looked at; when none are left, all begin anew."""
    if not waiting:
        waiting.extend(every)
    return [waiting.popleft() for _ in range(min(2, len(waiting)))]
