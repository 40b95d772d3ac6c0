"""State that several servers share: an operation is decided, offered to the store, and true once the store has taken it.

An operation runs over an Overlay and changes nothing. What it rests on and what it writes is offered as a Change; the store
takes it if what it rests on still stands. Taken Changes come back as news, ours like any other's, and only news changes the
engine. One that came too late is decided again.

Rules of this file:

1. The log changes in one place only, `_apply`. A lazy committer takes in sessions and counters at once, and reads the log
   when somebody asks or listens.
2. The lock is never held while the store is waited for, but for loading it whole.
3. Changes are offered by one thread of the store, in batches; nobody else offers any.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from queue import SimpleQueue
from typing import Any, Final, NamedTuple

from mcmock.core import http
from mcmock.core.clock import Clock
from mcmock.core.model import Answer, Delivery, RawHeaders, Request
from mcmock.core.tables import DirectTable
from mcmock.engine.changes import Change, Row, StoreUnavailable
from mcmock.engine.committer import Committer, Result
from mcmock.engine.engine import Engine
from mcmock.engine.log import Entry, weight_of
from mcmock.engine.state import Transaction
from mcmock.faults.active import ActiveRules
from mcmock.faults.effects import AFTER
from mcmock.faults.rule import FaultRule
from mcmock.protocols.base import KnownLine
from mcmock.storage import codec
from mcmock.storage.base import CommitResult, Ledgers, SharedLedger
from mcmock.storage.kept import KeptState, Unlogged, agreed_seed
from mcmock.storage.known_events import KnownEvents
from mcmock.storage.overlay import Ahead, Overlay, new_version, version_of

_logger = logging.getLogger("mcmock")

BATCH: Final = 64
"""Changes that are offered at once, if so many wait."""

COMPANY: Final = 0.0005
"""Seconds that Changes are waited for, if those that were offered before had company."""

MAX_UNSETTLED: Final = 100_000
"""Deliveries that are remembered while the store is away."""


class Operation(NamedTuple):
    """Something to do, and who is told of it: the result and the entry's number, or why it was not done."""

    act: Callable[[Overlay], tuple[Any, Change]]
    done: Callable[[Any, int | Exception], None]


class Asked(NamedTuple):
    """A request to be judged, and who gets the answer."""

    request: Request
    give: Callable[[Answer], None]


class Attempt(NamedTuple):
    """An operation that was decided: its result, and the Change that makes it true."""

    operation: Operation | Asked
    result: Any
    change: Change


class SharedBacking:
    """An emulator's state in a store that other servers share. A `lazy` one reads the log when somebody asks."""

    def __init__(self, store: Ledgers, *, lazy: bool) -> None:
        self.store, self._lazy = store, lazy

    def clock(self) -> Clock:
        return Clock(self.store.now)

    def table(self) -> DirectTable[Any, Any]:
        return DirectTable()

    def committer(self, engine: Engine, seed: int | None, faults: tuple[FaultRule, ...]) -> Committer:
        kept = self.store.ledger(engine.scope, engine.policy.max_log_bytes)
        assert kept.shared
        committer = OptimisticCommitter(engine, self.store, kept, seed, faults, lazy=self._lazy)
        committer.begin()
        return committer


class OptimisticCommitter:
    """See the file's head. `seed` and `faults` are what was asked for: all who share the store agree on them."""

    has_store = knows_scopes = blocks = True

    def __init__(
        self,
        engine: Engine,
        store: Ledgers,
        kept: SharedLedger,
        seed: int | None,
        faults: tuple[FaultRule, ...],
        *,
        lazy: bool,
    ) -> None:
        self._engine, self._store, self._ledger = engine, store, kept
        self._asked, self._lazy = (seed, faults), lazy
        self._kept, self._unlogged = KeptState(engine), Unlogged(engine)
        self._logging = threading.Lock()
        self._known = KnownEvents(engine)
        self._waiting: deque[Operation | Asked] = deque()
        self._position = 0
        self._is_asked = self._is_telling = (
            False  # whether the store's threads were asked to commit, to tell deliveries
        )
        self._company = 0  # how many were offered together the last time
        self._fresh: dict[tuple[str, Any], int] = {}  # places that are ahead of the log, and since which Change
        self._unsettled: deque[tuple[int, Delivery]] = deque(maxlen=MAX_UNSETTLED)
        engine.shares_log = True

    def begin(self) -> None:
        """Load what is kept, and bring it together with what was asked for."""
        self._load()
        for act in self._agreements():
            self._wait_for(act)
        if not self._lazy:
            self.follow()

    # -- operations ---------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Answer:
        try:
            self._ledger.check()
            self._log_deferred()
            answer, seq = self._wait_for(lambda tx: self._judge(tx, request))
        except StoreUnavailable as away:
            return self._unlogged.answer(request, away)
        judged: Answer = answer
        return judged._replace(seq=seq)

    def take(self, request: Request) -> Answer:
        return self.handle(request)

    def take_known(self, line: KnownLine, target: str, headers: RawHeaders, body: bytes) -> None:  # noqa: ARG002
        """Return None: the store has to be told."""
        return

    def submit(self, request: Request, done: Callable[[Answer], None]) -> None:
        try:
            self._ledger.check()
        except StoreUnavailable as away:
            done(self._unlogged.answer(request, away))
            return
        if self._unlogged.waiting:
            self._ledger.soon(self._log_later)
        self._enqueue(Asked(request, done))

    def run(self, operation: Callable[[Transaction], Result], notice: str = "") -> Result:
        def act(tx: Overlay) -> tuple[Result, Change]:
            result = operation(tx)
            return result, tx.change(notice=notice)

        result: Result = self._wait_for(act)[0]
        return result

    def _judge(self, tx: Overlay, request: Request) -> tuple[Answer, Change]:
        call, decision = self._engine.judge(tx, request)
        columns = self._engine.entry(call, decision, 0)
        entry = Entry._make((*columns[:5], http.without_secrets(columns[5]), *columns[6:]))
        answer = Answer(
            0, decision.response, decision.steps, decision.hold, call.now, call.parsed.kind, decision.verdict, decision.fault
        )  # fmt: skip
        return answer, tx.change(entry, weight_of(entry))

    def settle(self, seq: int, delivery: Delivery) -> None:
        """Known to others in a moment, and here at once where the log is kept up to date."""
        if not seq:
            return  # a request that was put off has no entry yet
        if not self._lazy or self._engine.has_followers:
            with self._engine.lock:
                self._engine.log.settle(seq, delivery)
        self._unsettled.append((seq, delivery))
        if not self._is_telling:  # what comes until it is told goes with it
            self._is_telling = True
            self._ledger.soon(self._publish_deliveries)

    def clear_log(self) -> None:
        self._wait_for(lambda _: (None, Change(notice="cleared")))

    def reset(self) -> None:
        def act(tx: Overlay) -> tuple[None, Change]:
            now = self._engine.state.clock.another().now()
            fresh = ActiveRules(tx.rules.snapshot)
            fresh.reset(now)
            seed, version = Row(codec.SEED, "", tx.seed), Row(codec.VERSION, "", new_version())
            return None, Change(writes=(seed, version, Row(codec.FAULTS, "", fresh.snapshot)), notice="reset")

        self._wait_for(act)

    # -- agreeing with the others -------------------------------------------------------------------------------------

    def _agreements(self) -> list[Callable[[Overlay], tuple[None, Change]]]:
        """Return what was asked for, as operations."""
        return [self._agree_on_seed, self._begin_with_rules] if self._asked[1] else [self._agree_on_seed]

    def _agree_on_seed(self, tx: Overlay) -> tuple[None, Change]:
        fact = tx.fact(codec.SEED)
        known = fact.get("")
        seed = agreed_seed(self._asked[0], known, tx.seed)
        if seed != known:
            fact.put("", seed)
        return None, tx.change()

    def _begin_with_rules(self, tx: Overlay) -> tuple[None, Change]:
        """Those that share a store read the same files: what the first of them did, the others leave as it is."""
        rules = self._asked[1]
        if tx.rules.initial != rules:
            tx.rules.begin_with(rules, tx.clock.now())
        return None, tx.change()

    # -- offering Changes ---------------------------------------------------------------------------------------------

    def _wait_for(self, act: Callable[[Overlay], tuple[Any, Change]]) -> tuple[Any, int]:
        """Have it done and wait until it was. Returns the result and its entry's number. Not for the store's own thread."""
        self._ledger.check()
        answered: SimpleQueue[tuple[Any, int | Exception]] = SimpleQueue()
        self._enqueue(Operation(act, lambda result, became: answered.put((result, became))))
        result, became = answered.get()
        if isinstance(became, Exception):
            raise became
        return result, became

    def _enqueue(self, operation: Operation | Asked) -> None:
        self._waiting.append(operation)
        if not self._is_asked:  # whoever asked before is not served yet
            self._is_asked = True
            self._ledger.work(self._commit_waiting)

    def _commit_waiting(self) -> None:
        """Do all that waits, batch by batch. Runs on the store's thread, and nowhere else."""
        self._is_asked = False
        while self._waiting:
            self._gather()
            self._commit_batch()

    def _gather(self) -> None:
        """Wait a moment for company, where there was some before: players who were answered together send together."""
        if self._company > 1 and len(self._waiting) < self._company:
            time.sleep(COMPANY)

    def _commit_batch(self) -> None:
        with self._engine.lock:
            batch, since = self._decide_batch(), self._position
            settled = tuple([self._unsettled.popleft() for _ in range(len(self._unsettled))])
        self._company = len(batch)
        if not batch:
            self._put_back(settled)
            return
        first, *rest = [attempt.change for attempt in batch]
        news = self._keeps_up() or any(attempt.change.notice for attempt in batch)
        try:
            answers = self._ledger.commit_all([first._replace(deliveries=settled), *rest], since, news)
            whole = self._take_in(answers[0]) if news or answers[0].lost else self._take_in_cells(batch, answers)
        except BaseException as error:
            self._put_back(settled)
            away = self._away(error)
            for attempt in batch:
                self._tell(attempt.operation, None, away)
            return
        if not answers[0].accepted:
            self._put_back(settled)
        self._conclude(batch, answers, whole)

    def _away(self, error: BaseException) -> StoreUnavailable:
        """Return what those are told who wait for a Change; a bug of ours is in the server's own log, too."""
        if isinstance(error, StoreUnavailable):
            return error
        _logger.error("a change for %s failed", self._store.name, exc_info=error)
        return StoreUnavailable(f"{self._store.name} failed: {error!r}", asked=True)

    def _decide_batch(self) -> list[Attempt]:
        """Decide about what waits, one upon the other. Nothing is true yet."""
        batch: list[Attempt] = []
        ahead = Ahead()
        version = version_of(self._kept.facts, ahead)
        while self._waiting and len(batch) < BATCH:
            operation = self._waiting.popleft()
            if isinstance(operation, Asked):
                known = self._known.decide(operation.request, ahead, version)
                if known is not None:
                    batch.append(Attempt(operation, *known))
                    continue
            tx = Overlay(self._engine.state, self._kept.facts, ahead)
            try:
                result, change = (
                    self._judge(tx, operation.request) if isinstance(operation, Asked) else operation.act(tx)
                )
            except Exception as error:  # the caller's mistake, and theirs to hear of
                self._tell(operation, None, error)
                continue
            batch.append(Attempt(operation, result, change))
            ahead.add(change)
            if change.notice or not self._can_pipeline(tx):
                break
        return batch

    def _can_pipeline(self, tx: Transaction) -> bool:
        """Whether something else may be decided upon what was just decided, before it is news: no rule looks at the log."""
        if not tx.has_rules:
            return True
        return not any(one.rule.side == AFTER and one.rule.match.derived for one in tx.rules.armed)

    def _conclude(self, batch: list[Attempt], answers: list[CommitResult], whole: bool) -> None:
        """Tell those whose Change was taken; the others are decided again, before all that came later."""
        judged = list(zip(batch, answers, strict=True))
        late = [attempt.operation for attempt, answer in judged if not answer.accepted]
        self._waiting.extendleft(reversed(late))
        if not whole:
            try:
                self._reload()
            except BaseException as error:
                away = self._away(error)
                for _ in late:
                    self._tell(self._waiting.popleft(), None, away)
        for attempt, answer in judged:
            if answer.accepted:
                self._tell(attempt.operation, attempt.result, answer.seq)

    def _tell(self, operation: Operation | Asked, result: Any, became: int | Exception) -> None:
        """Tell who waits what became of it. One who cannot be told keeps nobody else waiting."""
        try:
            if isinstance(operation, Operation):
                operation.done(result, became)
            elif isinstance(became, int):
                operation.give(Answer(became, *result[1:]))
            else:
                operation.give(self._unlogged.answer(operation.request, became))
        except Exception:
            _logger.exception("could not report the result of a change")

    def _put_back(self, settled: tuple[tuple[int, Delivery], ...]) -> None:
        room = MAX_UNSETTLED - len(self._unsettled)
        self._unsettled.extendleft(islice(reversed(settled), room))

    # -- taking in news -----------------------------------------------------------------------------------------------

    def _load(self) -> None:
        """All that the store holds instead of what is here."""
        held = self._ledger.load()
        with self._engine.lock:
            self._fresh = {}
            self._empty()
            self._kept.load(held)
            self._position = held.position

    def _empty(self) -> None:
        self._kept.clear()
        rules = self._engine.state.rules
        rules.snapshot = rules.snapshot._replace(armed=(), serial=0, dropped=0, initial=())
        for table in (self._kept.table(codec.COUNTS), self._kept.table(codec.RATES)):
            assert table is not None
            table.clear()

    def _reload(self) -> None:
        """The store has gone on without us for too long, or was emptied behind our back."""
        try:
            self._load()
        except ValueError as error:  # by a newer mcmock, say
            raise StoreUnavailable(f"{self._store.name} cannot be read: {error}") from None
        self._waiting.extendleft(reversed([Operation(act, lambda *_: None) for act in self._agreements()]))
        self._ledger.work(self._commit_waiting)
        with self._engine.lock:
            self._engine.release("reset")

    def _keeps_up(self) -> bool:
        """Return whether somebody listens, or a decision may rest on the log."""
        return not self._lazy or self._engine.has_followers or not self._can_pipeline(self._engine.state)

    def _take_in(self, taken: CommitResult) -> bool:
        """Return whether that was all that was missing; if not, it has to be loaded anew."""
        with self._engine.lock:
            for change in taken.news:
                if change.position == self._position + 1:
                    self._apply(change)
            if self._fresh and taken.news:
                self._tidy()
            if not taken.news:  # refused though nothing is new: what it rests on was taken away behind our back
                return taken.accepted and not taken.lost
            return not taken.lost and taken.news[-1].position <= self._position

    def _take_in_cells(self, batch: list[Attempt], answers: list[CommitResult]) -> bool:
        """Take in the places that were written, or were found to be otherwise; the log, and all else, is read later.

        Returns whether that is all that is needed: what stands at every place is not told by the one that counts them.
        """
        whole = True
        with self._engine.lock:
            for attempt, answer in zip(batch, answers, strict=True):
                for cell in attempt.change.writes if answer.accepted else answer.current:
                    if cell.table == codec.VERSION or (cell.table == codec.OPENED and not answer.accepted):
                        whole = whole and cell.value == self._kept.at(cell.table, "")
                        continue
                    self._fresh[cell.table, cell.key] = answer.position
                    self._kept.put(cell)
            since = self._position
        return whole or self._take_in(self._ledger.news(since))

    def _tidy(self) -> None:
        """Forget which places were ahead of the log, and bring the sessions into the order in which they were opened."""
        self._fresh = {place: position for place, position in self._fresh.items() if position > self._position}
        sessions = self._engine.state.sessions
        opened = sorted(sessions.values(), key=lambda session: session.opened_at)
        sessions.clear()
        sessions.update((session.id, session) for session in opened)

    def _apply(self, change: Change) -> None:
        self._position = change.position
        if change.notice == "reset":
            later = [place for place, position in self._fresh.items() if position > change.position]
            kept = [Row(table, key, self._kept.at(table, key)) for table, key in later]
            self._empty()
            self._engine.clear_log()
            for cell in kept:
                self._kept.put(cell)
        elif change.notice == "cleared":
            self._engine.clear_log()
        for cell in change.writes:
            if not self._fresh or self._fresh.get((cell.table, cell.key), 0) <= change.position:
                self._kept.put(cell)
        self._kept.apply_to_log(change)
        if change.notice not in ("", "cleared"):
            self._engine.release(change.notice)

    # -- others -------------------------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Take in whatever others have done up to now. Raises StoreUnavailable."""
        self._ledger.check()
        self._log_deferred()
        if self._unsettled:
            self._commit_settled()
            if self._keeps_up():
                return
        if not self._take_in(self._ledger.news(self._position)):
            self._reload()

    def follow(self) -> None:
        self._ledger.follow(self._on_news)

    def _on_news(self) -> None:
        if not self._keeps_up():
            self._ledger.leave()
            return
        with suppress(StoreUnavailable):  # its thread tries again, and calls
            self.catch_up()

    def _commit_settled(self) -> None:
        """Commit an empty Change, which takes along what became of answers."""
        self._wait_for(lambda _: (None, Change()))

    def _publish_deliveries(self) -> None:
        self._is_telling = False
        with suppress(StoreUnavailable):  # they are told with the next Change
            if self._unsettled:
                self._commit_settled()

    def _log_deferred(self) -> None:
        if self._unlogged.waiting:
            with self._logging:
                self._unlogged.log(self._log_one)

    def _log_one(self, change: Change) -> None:
        self._wait_for(lambda _: (None, change))

    def _log_later(self) -> None:
        with suppress(StoreUnavailable):  # they stay where they are
            self._log_deferred()

    def scope_of(self, mark: str) -> str | None:
        return self._store.scope_of(mark)

    def retire(self) -> None:
        """The scope may be in use elsewhere: the store forgets it when it is idle there, too."""
        self._ledger.close()
        with self._engine.lock:
            rules = self._engine.state.rules
            rules.reset(self._engine.state.clock.now())
            self._engine.release("reset")

    def close(self) -> None:
        """Tell the last deliveries, and close the store."""
        self._publish_deliveries()
        self._store.close()
