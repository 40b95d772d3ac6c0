"""The Emulator: one object that is the whole service, without a socket.

It holds the engine, the questions to it and the committer, and has a method for each thing that a test, the control API or
the command line asks of an emulator. Each is one call on one of these parts.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from mcmock import checks
from mcmock.core import clock
from mcmock.core.findings import FailOn
from mcmock.core.match import Match
from mcmock.core.model import Answer, Delivery, Exchange, Finding, Mode, Request, Response
from mcmock.core.notices import Listener
from mcmock.core.sessions import Phase, Session
from mcmock.core.tables import DirectTable
from mcmock.core.wording import whole_number
from mcmock.engine import session_ids
from mcmock.engine.committer import Committer, DirectCommitter
from mcmock.engine.decisions import IssueId
from mcmock.engine.engine import Engine
from mcmock.engine.fault_injection import close_session
from mcmock.engine.policy import DEFAULT_BODY_BYTES, DEFAULT_LOG_BYTES, AfterEnd, Policy
from mcmock.engine.queries import Queries
from mcmock.engine.state import State, Transaction
from mcmock.engine.types import DEFAULT_SCOPE, Summary
from mcmock.faults.active import ActiveRules, FaultPage, FaultState, Hold
from mcmock.faults.rule import FaultRule
from mcmock.protocols.base import DEFAULT_ORG, ApiProtocol
from mcmock.protocols.registry import default_protocols

if TYPE_CHECKING:
    from mcmock.analytics.plan import Covered, Plan
    from mcmock.analytics.views import SessionOutline, SessionView
    from mcmock.checks.verdict import Lost
    from mcmock.checks.verification import Check, Verification
    from mcmock.faults.losses import Losses


class Backing(Protocol):
    """Where an emulator's state is kept, if not in this process alone."""

    def clock(self) -> clock.Clock:
        """Return a clock that all who share the state agree on."""
        ...

    def table(self) -> DirectTable[Any, Any]:
        """Return an empty table."""
        ...

    def committer(self, engine: Engine, seed: int | None, faults: tuple[FaultRule, ...]) -> Committer:
        """Load into the engine what is kept of its scope, and return what commits to it; `seed` and `faults` were asked for."""
        ...


class Emulator:
    """Adobe's Media Collection API and Media Edge API, in memory.

    `seed` makes session ids and fault decisions repeatable; left out, one is drawn and can be read from `.seed`.
    `strict` and `loose` choose another column of docs/fidelity.md. `max_log_bytes` bounds the log, `max_body_bytes` a
    request's body. `after_end` is what events after sessionEnd are answered: "gone" (410) or "drop" (a silent 204).
    `cors_headers` and `cors_max_age` widen the preflight for browsers that ask for more than Content-Type;
    `cors_private_network` grants what a page of a public address asks of one in your network.
    `org_id`, `datastream` and `datastream_without_media` are the Edge Network's: the organization, the datastreams that there are
    (every one if none is named), and those that have no Media Analytics.
    `faults` are in force from the start, and again after every reset, and so is `plan`, the tracking plan. `backing`
    keeps the state elsewhere, and `protocols` are the emulated APIs, if not those that mcmock has. `issue` gives out ids of
    sessions.
    Raises ValueError for options that contradict each other.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        strict: bool = False,
        loose: bool = False,
        max_log_bytes: int = DEFAULT_LOG_BYTES,
        max_body_bytes: int = DEFAULT_BODY_BYTES,
        after_end: AfterEnd = "gone",
        cors_headers: str | None = None,
        cors_max_age: int | None = None,
        cors_private_network: bool = False,
        org_id: str = DEFAULT_ORG,
        datastream: Iterable[str] = (),
        datastream_without_media: Iterable[str] = (),
        time: clock.Clock | None = None,
        scope: str = DEFAULT_SCOPE,
        faults: Iterable[FaultRule] = (),
        plan: Plan | None = None,
        backing: Backing | None = None,
        protocols: tuple[ApiProtocol, ...] = (),
        issue: IssueId = session_ids.issue,
    ) -> None:
        policy = Policy(
            strict=strict, loose=loose, after_end=after_end, max_log_bytes=max_log_bytes, max_body_bytes=max_body_bytes,
            cors_headers=cors_headers, cors_max_age=cors_max_age, cors_private_network=cors_private_network, org_id=org_id,
            datastream=tuple(datastream), datastream_without_media=tuple(datastream_without_media), plan=plan,
        )  # fmt: skip
        rules, self.backing = tuple(faults), backing
        running = time or (clock.Clock() if backing is None else backing.clock())
        state = State(running, ActiveRules(), _seed(seed), DirectTable if backing is None else backing.table)
        self._protocols = protocols or default_protocols(policy.for_protocols)
        self.engine = Engine(scope, policy, state, self._protocols, issue)
        self.queries = Queries(self.engine)
        if backing is None:
            state.rules.begin_with(rules, running.now())
            self._committer: Committer = DirectCommitter(self.engine)
        else:
            self._committer = backing.committer(self.engine, seed, rules)
        self.has_store = self._committer.has_store
        """Whether a store keeps the state."""
        self.knows_scopes = self._committer.knows_scopes
        """Whether a store may know of named scopes that this process has not made."""
        self.take_known = self._committer.take_known
        """`take` for what is known by its form: see `Engine.take_known`."""
        self.blocks = self._committer.blocks
        """Whether `handle` may wait for something outside this process, so that an event loop must not call it."""

    def sibling(self, scope: str) -> Emulator:
        """Return another emulator with these options, for a scope of its own: empty, its clock running with the wall clock."""
        policy, state = self.engine.policy, self.engine.state
        return Emulator(
            **policy.settings(), seed=state.seed, time=state.clock.another(), scope=scope, faults=state.rules.initial,
            plan=policy.plan, backing=self.backing, protocols=self._protocols,
        )  # fmt: skip

    def configure(self, *, seed: int | None = None, **options: Any) -> None:
        """Judge by these options from the next request on; what was judged before stays as it was.

        `options` are those of `policy.LIVE`: strict, loose and after_end. Raises ValueError.
        """
        drawn = _seed(seed)
        with self.engine.lock:
            self.engine.use(self.engine.policy.with_live(**options))
            self.engine.state.seed = drawn

    # -- what it is ---------------------------------------------------------------------------------------------------

    @property
    def scope(self) -> str:
        return self.engine.scope

    @property
    def seed(self) -> int:
        return self.engine.state.seed

    @property
    def mode(self) -> Mode:
        return self.engine.policy.mode

    @property
    def max_body_bytes(self) -> int:
        return self.engine.policy.max_body_bytes

    @property
    def protocols(self) -> tuple[ApiProtocol, ...]:
        return self._protocols

    # -- requests -----------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Answer:
        """Judge one request, log it, and say what to answer. Never raises: a bug of ours is answered 500, and logged."""
        return self._committer.handle(request)

    def take(self, request: Request) -> Response | Answer:
        """`handle` for a caller that writes at once.

        A Response has only to be written, and is in the log as sent: that of an event that was accepted and met by nothing.
        """
        return self._committer.take(request)

    def submit(self, request: Request, done: Callable[[Answer], None]) -> None:
        """`handle` for a caller that must not wait: `done` gets the answer, here and now or later on another thread."""
        self._committer.submit(request, done)

    def settle(self, seq: int, delivery: Delivery) -> None:
        """Note what became of the answer to request `seq`."""
        self._committer.settle(seq, delivery)

    def hold(self, answer: Answer) -> Hold:
        """Return whether the rule that holds this answer back still does."""
        with self.engine.lock:
            return Hold.FREED if answer.hold is None else self.engine.state.rules.hold(answer.hold)

    # -- questions ----------------------------------------------------------------------------------------------------

    def requests(
        self, match: Match | None = None, *, since: int = 0, limit: int | None = None, newest_first: bool = False
    ) -> list[Exchange]:
        """Return the exchanges that `match`, those after seq `since`, at most `limit`, oldest first unless told otherwise."""
        return self.queries.requests(match, since=since, limit=limit, newest_first=newest_first)

    def request(self, seq: int) -> Exchange | None:
        """Return the exchange of that number, or None if the log has none (any more)."""
        return self.queries.request(seq)

    def with_finding(self, session_id: str, wanted: Callable[[Finding], bool]) -> list[Exchange]:
        """Return the exchanges of a session in which something `wanted` was found, oldest first."""
        return self.queries.with_finding(session_id, wanted)

    def arranged(self) -> frozenset[int]:
        """Return the seqs of the bad requests that somebody arranged: time or a hand had closed their session."""
        return self.queries.arranged()

    def verdict(
        self, fail_on: FailOn | str = FailOn.LOST, allow: Iterable[str] = (), expected: Collection[int] = ()
    ) -> Lost:
        """Return whether anything was lost, up to the level `fail_on`, beside what the rules of `allow` find.

        `expected` are the seqs of requests that were asked for. Raises ValueError for a level or a rule there is not.
        """
        level, allowed = checks.verdict.fail_on_of(fail_on), checks.verdict.allowed_of(allow)
        with self.engine.lock:
            return checks.verdict.judge(self, level, allowed, expected)

    def sessions(self) -> list[SessionView]:
        """Return every session that was opened, oldest first."""
        return self.queries.sessions()

    def session(self, session_id: str) -> SessionView | None:
        """Return a session with all its requests; None if there is no such session."""
        return self.queries.session(session_id)

    def session_ids(self) -> list[str]:
        """Return the ids of all sessions that were opened, oldest first."""
        return self.queries.session_ids()

    def outlines(self) -> list[SessionOutline]:
        """Return every session in brief, oldest first."""
        return self.queries.outlines()

    def sessions_since(self, seq: int) -> set[str]:
        """Return the sessions named by requests after number `seq`."""
        return self.queries.sessions_since(seq)

    def summary(self) -> Summary:
        """Return the counts over everything in the log."""
        return self.queries.summary()

    def losses(self) -> Losses:
        """Return what became of each request that a fault met: retried, moved, duplicated, counted or lost."""
        return self.queries.losses()

    @property
    def evicted(self) -> int:
        """How many requests the log had to let go."""
        return self.queries.evicted

    @property
    def last_seq(self) -> int:
        """The number of the latest request, 0 if there was none."""
        return self.queries.last_seq

    def wait_for(self, match: Match, count: int = 1, timeout: float = 5.0) -> list[Exchange]:
        """Return the exchanges that `match`, as soon as there are `count` of them, or those there are after `timeout` seconds.

        Answered by arrival: nothing is polled. `timeout` is real time, whatever the emulator's clock does.
        """
        return list(self.verify(checks.verification.waiting(match, count, timeout)).requests)

    def verify(self, asked: Check) -> Verification:
        """Return whether it is so, and if not, what was there instead. Blocks for at most `asked.within` seconds."""
        if not asked.within:
            with self.engine.lock:
                return checks.verification.verify(self, asked)
        arrived = threading.Event()
        deadline = clock.monotonic() + asked.within
        with checks.waiting.Watch(self, asked, arrived.set) as watch:
            while (answer := watch.look()) is None and (left := deadline - clock.monotonic()) > 0:
                arrived.wait(left)
                arrived.clear()
            return answer or watch.answer()

    # -- listening ----------------------------------------------------------------------------------------------------

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of every exchange, delivery and reset, under the lock: it may only hand over, never wait."""
        with self.engine.lock:
            stop = self.engine.log.subscribe(listener)
        self._committer.follow()
        return stop

    def on_release(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake`, under the lock, whenever held answers may go on: time or faults changed. Returns how to stop."""
        stop = self.engine.on_release(wake)
        self._committer.follow()
        return stop

    # -- faults -------------------------------------------------------------------------------------------------------

    def faults(self) -> list[FaultState]:
        """Return the rules in force, in the order they are tried, with their hits."""
        with self.engine.lock:
            return self.engine.state.rules.states(self.engine.state.clock.now())

    def fault(self, name: str) -> FaultState | None:
        """Return the rule of that name with its hits, None if there is none in force."""
        with self.engine.lock:
            return self.engine.state.rules.state(name, self.engine.state.clock.now())

    def fault_page(self, since: str | None = None, limit: int | None = None) -> FaultPage:
        """Return at most `limit` of `faults`, those behind the rule `since`. Raises ValueError where there is no such rule."""
        with self.engine.lock:
            return self.engine.state.rules.page(self.engine.state.clock.now(), since, limit)

    def add_fault(self, rule: FaultRule) -> FaultRule:
        """Put a rule behind those in force; returns it with its name. Raises ValueError for a name that is taken."""
        return self.add_faults([rule])[0]

    def add_faults(self, rules: Iterable[FaultRule]) -> tuple[FaultRule, ...]:
        """Put rules, all or none of them, behind those in force. Raises ValueError for a name that is taken."""
        wanted = tuple(rules)
        return self._committer.run(lambda tx: tx.rules.extend(wanted, tx.clock.now()), "faults")

    def put_faults(self, rules: Iterable[FaultRule]) -> tuple[FaultRule, ...]:
        """Put rules behind those in force, each instead of the one of its name: a preset can be applied twice."""
        wanted = tuple(rules)
        return self._committer.run(lambda tx: tx.rules.put(wanted, tx.clock.now()), "faults")

    def replace_faults(self, rules: Iterable[FaultRule]) -> tuple[FaultRule, ...]:
        """These rules instead of those in force. Raises ValueError, and changes nothing, if a name is there twice."""
        wanted = tuple(rules)
        return self._committer.run(lambda tx: tx.rules.replace(wanted, tx.clock.now()), "faults")

    def begin_with_faults(self, rules: Iterable[FaultRule]) -> tuple[FaultRule, ...]:
        """These rules instead of those in force, now and after every reset: what a changed file of faults asks for."""
        wanted = tuple(rules)
        return self._committer.run(lambda tx: tx.rules.begin_with(wanted, tx.clock.now()), "faults")

    def remove_fault(self, name: str) -> bool:
        """Lift the fault of that name, and free what it holds. False if there is none."""
        return self._committer.run(lambda tx: tx.rules.remove(name), "faults")

    def clear_faults(self) -> None:
        """Lift every fault, and free what they hold."""
        self.replace_faults(())

    # -- the tracking plan --------------------------------------------------------------------------------------------

    @property
    def plan(self) -> Plan | None:
        """The tracking plan that sessions are judged by, if there is one."""
        return self.engine.analysis.plan

    def set_plan(self, plan: Plan | None) -> None:
        """Judge every session by this plan until the next reset, also what is in the log already; by none if it is None.

        Raises ValueError where others share the log, who would go on judging by theirs.
        """
        with self.engine.lock:
            if self.engine.shares_log:
                raise ValueError(
                    "others share this server's state and would not know: start each of them with --plan FILE"
                )
            self.engine.analysis.plan = plan
            self.engine.release("plan")

    def begin_with_plan(self, plan: Plan | None) -> None:
        """Judge by this plan, now and after every reset: what a changed plan file asks for."""
        with self.engine.lock:
            self.engine.use(replace(self.engine.policy, plan=plan))
            self.engine.analysis.plan = plan
            self.engine.release("plan")

    def plan_coverage(self) -> tuple[Covered, ...]:
        """Return how much the sessions exercised each item of the plan; nothing where there is none."""
        return self.queries.plan_coverage()

    # -- time ---------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The emulator's time, in seconds since the epoch."""
        with self.engine.lock:
            return self.engine.state.clock.now()

    @property
    def frozen(self) -> bool:
        with self.engine.lock:
            return self.engine.state.clock.frozen

    def advance(self, seconds: float) -> float:
        """Move the emulator's clock forward and return its time. Raises ValueError for a negative step."""
        return self._committer.run(lambda tx: tx.clock.advance(seconds), "clock")

    def freeze(self) -> float:
        """Stop the emulator's clock and return its time."""
        return self._committer.run(lambda tx: tx.clock.freeze(), "clock")

    def resume(self) -> float:
        """Let the emulator's clock run again and return its time."""
        return self._committer.run(lambda tx: tx.clock.resume(), "clock")

    # -- by hand ------------------------------------------------------------------------------------------------------

    def expire(self, session_id: str) -> bool:
        """From now on the session answers 410. False if there is no such session."""
        return self._close_session(session_id, Phase.EXPIRED)

    def forget(self, session_id: str) -> bool:
        """From now on the session answers 404, as if it had never been issued. False if there is no such session."""
        return self._close_session(session_id, Phase.FORGOTTEN)

    def adopt(self, session: Session) -> bool:
        """Know a session that was opened elsewhere. False if it is known already."""

        def operation(tx: Transaction) -> bool:
            is_new = tx.sessions.get(session.id) is None
            if is_new:
                tx.sessions.put(session.id, session)
            return is_new

        return self._committer.run(operation)

    def _close_session(self, session_id: str, phase: Phase) -> bool:
        return self._committer.run(lambda tx: close_session(tx, session_id, phase, tx.clock.now()))

    def clear_log(self) -> None:
        """Forget every request; sessions live on."""
        self._committer.clear_log()

    def reset(self) -> None:
        """Empty the log, forget every session, let the clock run with the wall clock again."""
        self._committer.reset()

    def share(self, part: float) -> None:
        """Keep no more than this part of what one emulator may: there are others in this process."""
        with self.engine.lock:
            self.engine.share(part)

    # -- what others share --------------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Take in what other processes have done, where the state is shared. Raises StoreUnavailable."""
        self._committer.catch_up()

    def find_scope(self, mark: str) -> str | None:
        """Return the named scope whose session ids end in `mark`, if others know one that this process does not."""
        return self._committer.scope_of(mark)

    def retire(self) -> None:
        """Free whoever waits here: its scope is forgotten."""
        self._committer.retire()

    def close(self) -> None:
        """Let go of what is outside this process, once everything is in it."""
        self._committer.close()


def _seed(asked: int | None) -> int:
    return secrets.randbits(32) if asked is None else whole_number(asked, "seed")
