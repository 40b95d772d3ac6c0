"""An Emulator whose log and sessions are kept by a ledger: they outlive the process, or are shared with other processes.

It decides nothing of its own. Whatever changes the emulator is run as it is, is looked at for what it read and what it
changed, and is handed to the ledger as one Change. A private ledger (a file) takes it and that is all. A shared one
(Redis) may have news instead: then what was done is undone, the news is taken in, and it is done again. It knows neither
files nor sockets, but a shared ledger makes it wait: `blocks` tells the shell.

Rules of this file:

1. Under a shared ledger the state changes in one place only, `_apply`: our own Changes come back as news like any other's.
2. The lock is never held while the ledger is waited for, but for loading it whole.
3. A ledger that is away is answered 503, and never guessed at. What was answered so is logged once it is back.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar, cast

from mcmock import clock, ledger, sessions, wire
from mcmock.emulator import DEFAULT_SCOPE, Emulator
from mcmock.faults import FaultRule
from mcmock.faults.effects import AFTER
from mcmock.faults.force import Standing
from mcmock.faults.plan import Tally
from mcmock.journal import ENTRY_COST, Entry, Journal, Listener
from mcmock.ledger import Cell, Change, Ledger, Snapshot, Store, StoreAway, Taken
from mcmock.model import Answer, Delivery, Finding, Kind, Outcome, RawHeaders, Request, Severity, Verdict
from mcmock.sessions import Session

BATCH = 64
"""Changes that are handed to a shared ledger at once, if so many wait."""

MOST_UNLOGGED = 10_000
"""Requests answered 503 that are remembered until the store is back."""

MOST_UNSETTLED = 100_000
"""Deliveries that are remembered until then."""

# What is one value each, and no table: the only key is "".
_FACTS = (ledger.CLOCK, ledger.FAULTS, ledger.SEED, ledger.VERSION)

# What every Change rests on. Whoever changes clock or rules draws another version, so these need not be compared.
_COVERED = (ledger.CLOCK, ledger.FAULTS)

_Result = TypeVar("_Result")
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Table(dict[_Key, _Value]):
    """A dict that notes, while `before` is one, what stood at each place that was looked at or changed."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.before: dict[_Key, _Value | None] | None = None

    def _note(self, key: _Key) -> None:
        if self.before is not None and key not in self.before:
            self.before[key] = super().get(key)

    def __getitem__(self, key: _Key) -> _Value:
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._note(key)  # type: ignore[arg-type]
        return super().__contains__(key)

    def get(self, key: _Key, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def __setitem__(self, key: _Key, value: _Value) -> None:
        self._note(key)
        super().__setitem__(key, value)

    def put(self, key: Any, value: Any) -> None:
        """Set, or remove by None, without a note."""
        if value is None:
            super().pop(key, None)
        else:
            super().__setitem__(key, value)

    def reads(self) -> list[Cell]:
        return [Cell(self.name, key, value) for key, value in (self.before or {}).items()]

    def writes(self) -> list[Cell]:
        now = super().get
        return [Cell(self.name, key, now(key)) for key, value in (self.before or {}).items() if now(key) is not value]

    def pop(self, key: _Key, *otherwise: Any) -> Any:
        self._note(key)
        return super().pop(key, *otherwise)

    def __delitem__(self, key: _Key) -> None:
        self._note(key)
        super().__delitem__(key)


class _Wanted:
    """Something to be done, who is told of it (the result, then the entry's number, or why not),"""

    __slots__ = ("act", "done")

    def __init__(self, act: Callable[[], Any], done: Callable[[Any, int | Exception], None]) -> None:
        self.act, self.done = act, done


class _Tried(NamedTuple):
    """What became of it, what that changes, and how to undo it."""

    result: Any
    change: Change
    undo: Callable[[], None]
    wanted: _Wanted = _Wanted(lambda: None, lambda *_: None)


_NO_RULES = Standing((), 0, 0, ())


class _Before(NamedTuple):
    """How things stood that are no tables."""

    clock: tuple[float, float | None]
    standing: Standing
    tally: Tally
    broken: int


class KeptEmulator(Emulator):
    """An Emulator kept by `store`. Takes the options of Emulator but `time`, which is the store's.

    Raises StoreAway when the store cannot be reached, ValueError when what it holds cannot be read.
    """

    has_store = True

    def __init__(
        self,
        store: Store,
        *,
        scope: str = DEFAULT_SCOPE,
        seed: int | None = None,
        faults: Iterable[FaultRule] = (),
        time: clock.Clock | None = None,
        lazy: bool = False,
        **options: Any,
    ) -> None:
        self.store = store
        self._lazy = lazy
        self._fresh: dict[tuple[str, Any], int] = {}
        self._facts: dict[str, Table[str, Any]] = {name: Table(name) for name in _FACTS}
        self._trying = False
        self._notice = ""
        self._staged: tuple[Any, ...] = ()
        self._ready: Change | None = None
        self._wanted: deque[_Wanted] = deque()
        self._position = 0
        self._unsettled: list[tuple[int, Delivery]] = []
        self._logging = threading.Lock()
        self._unlogged: deque[Change] = deque(maxlen=MOST_UNLOGGED)
        super().__init__(seed=seed, scope=scope, time=time or clock.Clock(store.now), **options)
        self._ledger: Ledger = store.ledger(scope, self._journal.max_bytes)
        self.blocks = self._ledger.shared
        self._options_given: tuple[int | None, tuple[FaultRule, ...]] = seed, tuple(faults)
        self._begin()
        if not lazy:
            self._ledger.follow(self._on_news)

    def sibling(self, scope: str) -> Emulator:
        return KeptEmulator(self.store, scope=scope, lazy=self._lazy, **self._options())

    def find_scope(self, mark: str) -> str | None:
        return self.store.scope_of(mark)

    def close(self) -> None:
        """Tell the last deliveries, and close the store."""
        self._tell_settled()
        self.store.close()

    def retire(self) -> None:
        """A private ledger forgets the scope, too; a shared one may be in use elsewhere, and forgets it when it is idle."""
        if not self._ledger.shared:
            self.reset()
        self._ledger.close()
        with self._lock:
            self._faults.reset(self._clock.now())
            super()._released(None, "reset")

    # -- what it begins with ------------------------------------------------------------------------------------------

    def _forget_all(self) -> None:
        super()._forget_all()
        self._sessions = Table(ledger.SESSIONS)
        self._issued = Table(ledger.ISSUED)
        self._doomed = Table(ledger.DOOMED)

    def _load(self) -> None:
        """All that the ledger holds instead of what is here."""
        held = self._ledger.load()
        with self._lock:
            self._empty()
            self._fresh = {}
            self._journal.begin_at(held.first_seq, held.evicted)
            for cell in _in_order(held):
                self._put(cell)
            for change in held.log:
                self._apply_to_log(change)
            self._position = held.position

    def _empty(self) -> None:
        self._forget_all()
        self._clock.reset()
        for fact in self._facts.values():
            fact.clear()
        if self._ledger.shared:
            self._faults.stand(_NO_RULES, _Tally())

    def _begin(self) -> None:
        """Bring together what the ledger knows and what the options say: the seed, and the rules of a shared one."""
        self._load()
        for act in self._options_asked():
            self._make(act)

    def _options_asked(self) -> list[Callable[[], object]]:
        seed, rules = self._options_given
        agree = partial(self._agree_on_seed, seed)
        return [agree, partial(self._begin_with, rules)] if rules or not self._ledger.shared else [agree]

    def _agree_on_seed(self, asked: int | None) -> None:
        known = self._facts[ledger.SEED].get("")
        if asked is None and known is not None:
            self.seed = known
            return
        self.seed = self.seed if asked is None else asked
        self._facts[ledger.SEED][""] = self.seed

    # -- one change ---------------------------------------------------------------------------------------------------

    def _make(self, act: Callable[[], _Result]) -> tuple[_Result, int]:
        """Do it, and have the ledger take what it changed; returns the result, and its entry's number if it has one."""
        if self._ledger.shared:
            return self._run(act)
        with self._lock:
            tried = self._try(act)
            self._ledger.commit(tried.change)
            return tried.result, tried.change.seq

    def _run(self, act: Callable[[], Any]) -> tuple[Any, int]:
        """The same for a shared ledger: wait until it was done. Not for the ledger's own thread."""
        self._ledger.check()
        answered: SimpleQueue[tuple[Any, int | Exception]] = SimpleQueue()
        self._enqueue(_Wanted(act, lambda result, became: answered.put((result, became))))
        result, became = answered.get()
        if isinstance(became, Exception):
            raise became
        return result, became

    def _enqueue(self, wanted: _Wanted) -> None:
        self._wanted.append(wanted)
        self._ledger.work(self._commit_wanted)

    def _commit_wanted(self) -> None:
        """Do all that is wanted, batch by batch. Runs on the ledger's thread, and nowhere else."""
        while self._wanted:
            self._commit_batch()

    def _commit_batch(self) -> None:
        with self._lock:
            batch, since = self._decide_batch(), self._position
            settled, self._unsettled = tuple(self._unsettled), []
        if not batch:
            self._put_back(settled)
            return
        first, *rest = [tried.change for tried in batch]
        news = self._keeps_up() or any(tried.change.notice for tried in batch)
        try:
            answers = self._ledger.commit_all([first._replace(deliveries=settled), *rest], since, news)
            whole = self._take_in(answers[0]) if news or answers[0].lost else self._take_in_cells(batch, answers)
        except Exception as error:
            self._put_back(settled)
            away = error if isinstance(error, StoreAway) else StoreAway(f"{self.store.name} failed: {error!r}")
            for tried in batch:
                tried.wanted.done(None, away)
            return
        if not answers[0].accepted:
            self._put_back(settled)
        self._conclude(batch, answers, whole)

    def _decide_batch(self) -> list[_Tried]:
        """Do what is wanted, one upon the other, and undo it all: it has happened when it is news."""
        batch: list[_Tried] = []
        while self._wanted and len(batch) < BATCH:
            wanted = self._wanted.popleft()
            try:
                batch.append(self._try(wanted.act)._replace(wanted=wanted))
            except Exception as error:  # the caller's mistake, and theirs to hear of
                wanted.done(None, error)
            if not self._chains():
                break
        for tried in reversed(batch):
            tried.undo()
        return batch

    def _chains(self) -> bool:
        """Whether something else may be decided upon what was just done, before it is news."""
        return isinstance(self._faults.tally, _Tally) and not any(
            one.rule.side == AFTER and one.rule.match.derived for one in self._faults.armed
        )

    def _conclude(self, batch: list[_Tried], answers: list[Taken], whole: bool) -> None:
        """Tell those whose Change was taken; the others are decided again, before all that came later."""
        judged = list(zip(batch, answers, strict=True))
        late = [tried.wanted for tried, answer in judged if not answer.accepted]
        self._wanted.extendleft(reversed(late))
        if not whole:
            with suppress(StoreAway):  # those who are late are told
                self._load_anew()
        for tried, answer in judged:
            if answer.accepted:
                tried.wanted.done(tried.result, answer.seq)

    def _put_back(self, settled: tuple[tuple[int, Delivery], ...]) -> None:
        with self._lock:
            self._unsettled = [*settled, *self._unsettled][-MOST_UNSETTLED:]

    def _try(self, act: Callable[[], _Result]) -> _Tried:
        """Run `act` and see what it changed."""
        before = _Before(self._clock.state, self._faults.standing, self._faults.tally, self._broken)
        tables = [*self._facts.values(), *self._tables(before.tally)]
        self._notice, self._staged, self._ready, self._trying = "", (), None, True
        for table in tables:
            table.before = {}
        self._facts[ledger.VERSION].get("")
        try:
            result = act()
            self._note_facts(before)
            return _Tried(result, self._ready or self._change(tables), self._undoing(before, tables))
        except BaseException:
            self._undoing(before, tables)()
            raise
        finally:
            self._trying = False
            for table in tables:
                table.before = None

    def _tables(self, tally: Tally) -> list[Table[Any, Any]]:
        every = (self._sessions, self._issued, self._doomed, tally.counts, tally.buckets)
        return [table for table in every if isinstance(table, Table)]

    def _note_facts(self, before: _Before) -> None:
        """Put the clock and the rules, which are no tables, into theirs, if they have changed."""
        if self._clock.state != before.clock:
            self._facts[ledger.CLOCK][""] = self._clock.state
            self._facts[ledger.VERSION][""] = _version()
        if not self._ledger.shared or _same(self._faults.standing, before.standing):
            return
        self._facts[ledger.FAULTS][""] = self._faults.standing
        self._facts[ledger.VERSION][""] = _version()
        if self._faults.tally is not before.tally:
            for table in (before.tally.counts, before.tally.buckets):
                for key in list(table):
                    del table[key]  # type: ignore[arg-type]

    def _change(self, tables: list[Table[Any, Any]]) -> Change:
        rested_on = [table for table in tables if table.name not in _COVERED] if self._ledger.shared else []
        reads = tuple(cell for table in rested_on for cell in table.reads())
        writes = tuple(cell for table in tables for cell in table.writes())
        if not self._staged:
            return Change(reads, writes, notice=self._notice)
        return Change(reads, writes, self._staged, _weight(self._staged), notice=self._notice, seq=self._staged[0])

    def _undoing(self, before: _Before, tables: list[Table[Any, Any]]) -> Callable[[], None]:
        """How to make it as it was."""
        stood = [(table, table.before or {}) for table in tables]

        def undo() -> None:
            for table, places in stood:
                for key, value in places.items():
                    table.put(key, value)
            self._clock.restore(before.clock)
            self._faults.stand(before.standing, before.tally)
            self._broken = before.broken

        return undo

    # -- taking in what the ledger has --------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Take in whatever others have done up to now. Raises StoreAway."""
        self._ledger.check()
        if self._ledger.shared:
            self._log_unlogged()
            if self._unsettled:
                self._run(lambda: None)  # which takes them along
                if self._keeps_up():
                    return
            if not self._take_in(self._ledger.news(self._position)):
                self._load_anew()

    def _tidy(self) -> None:
        """Forget which places were ahead of the log, and bring the sessions into the order in which they were opened."""
        self._fresh = {place: position for place, position in self._fresh.items() if position > self._position}
        opened = sorted(self._sessions.values(), key=lambda session: session.opened_at)
        self._sessions.clear()
        self._sessions.update((session.id, session) for session in opened)

    def _on_news(self) -> None:
        if not self._keeps_up():
            self._ledger.leave()
            return
        with suppress(StoreAway):  # its thread tries again, and calls
            self.catch_up()

    def _tell_settled(self) -> None:
        with suppress(StoreAway):  # they are told with the next Change
            if self._unsettled:
                self._run(lambda: None)

    # -- a lazy one, which takes in what others do when somebody asks --------------------------------------------------

    def _keeps_up(self) -> bool:
        """Whether somebody listens, or a decision may rest on the log."""
        return not self._lazy or self._journal.has_listeners or bool(self._wakes) or not self._chains()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        stop = super().subscribe(listener)
        self._ledger.follow(self._on_news)
        return stop

    def on_release(self, wake: Callable[[], None]) -> Callable[[], None]:
        stop = super().on_release(wake)
        self._ledger.follow(self._on_news)
        return stop

    def _take_in_cells(self, batch: list[_Tried], answers: list[Taken]) -> bool:
        """Take in the places that were written, or were found to be otherwise; the log, and all else, is read later.

        Whether that is all that is needed: clock and rules of another version are not told by their places.
        """
        whole = True
        with self._lock:
            for tried, answer in zip(batch, answers, strict=True):
                for cell in tried.change.writes if answer.accepted else answer.current:
                    if cell.table == ledger.VERSION:
                        whole = whole and cell.value == self._facts[ledger.VERSION].get("")
                        continue
                    self._fresh[cell.table, cell.key] = answer.position
                    self._put(cell)
            since = self._position
        return whole or self._take_in(self._ledger.news(since))

    def _take_in(self, taken: Taken) -> bool:
        """Whether that was all that was missing; if not, it has to be loaded anew."""
        with self._lock:
            for change in taken.news:
                if change.position == self._position + 1:
                    self._apply(change)
            if self._fresh and taken.news:
                self._tidy()
            return not taken.lost and (not taken.news or taken.news[-1].position <= self._position)

    def _load_anew(self) -> None:
        """The ledger has gone on without us for too long, or was emptied behind our back."""
        self._load()
        asked = [_Wanted(act, lambda *_: None) for act in self._options_asked()]
        self._wanted.extendleft(reversed(asked))
        self._ledger.work(self._commit_wanted)
        with self._lock:
            super()._released(None, "reset")

    def _apply(self, change: Change) -> None:
        self._position = change.position
        if change.notice == "reset":
            later = [place for place, position in self._fresh.items() if position > change.position]
            kept = [Cell(table, key, self._standing_at(table, key)) for table, key in later]
            self._empty()
            self._journal.clear()
            for cell in kept:
                self._put(cell)
        elif change.notice == "cleared":
            super().clear_log()
        for cell in change.writes:
            if not self._fresh or self._fresh.get((cell.table, cell.key), 0) <= change.position:
                self._put(cell)
        self._apply_to_log(change)
        if change.notice not in ("", "cleared"):
            super()._released(None, change.notice)

    def _put(self, cell: Cell) -> None:
        """Set one place of one table."""
        table = self._sessions if cell.table == ledger.SESSIONS else self._table(cell.table)
        if not isinstance(table, Table):
            return  # what fault rules count is of no use to a private ledger: its rules begin anew with each process
        if cell.table == ledger.SESSIONS and cell.value is None:
            self._drop_known(str(cell.key))
        table.put(cell.key, cell.value)
        if cell.table == ledger.CLOCK:
            self._clock.restore(cell.value or (0.0, None))
        elif cell.table == ledger.FAULTS:
            self._faults.stand(cell.value, self._faults.tally)
        elif cell.table == ledger.SEED and cell.value is not None:
            self.seed = cell.value

    def _table(self, name: str) -> Table[Any, Any] | None:
        tables = (*self._facts.values(), *self._tables(self._faults.tally))
        return next((table for table in tables if table.name == name), None)

    def _standing_at(self, name: str, key: Any) -> Any:
        table = self._table(name)
        return table.get(key) if table is not None else None

    def _apply_to_log(self, change: Change) -> None:
        if change.entry is not None:
            entry = Entry._make(change.entry)
            headers, _ = self._journal.intern(entry.headers)
            self._journal.append(
                entry._replace(seq=self._journal.next_seq, headers=headers), change.weight - ENTRY_COST
            )
            self._broken += entry.verdict is Verdict.BROKEN
        for seq, delivery in change.deliveries:
            if seq in self.kept() and self._journal.delivery(seq) is not delivery:
                self._journal.settle(seq, delivery)

    # -- what changes it: as in the Emulator, through the ledger ------------------------------------------------------

    def handle(self, request: Request) -> Answer:
        try:
            self._ledger.check()
            if self._unlogged:
                self._log_unlogged()
            answer, seq = self._make(lambda: super(KeptEmulator, self).handle(request))
        except StoreAway as away:
            return self._put_off(request, away)
        return answer._replace(seq=seq)

    def submit(self, request: Request, done: Callable[[Answer], None]) -> None:
        if not self._ledger.shared:
            super().submit(request, done)
            return

        def became(answer: Answer, what: int | Exception) -> None:
            done(answer._replace(seq=what) if isinstance(what, int) else self._put_off(request, what))

        try:
            self._ledger.check()
        except StoreAway as away:
            done(self._put_off(request, away))
        else:
            if self._unlogged:
                self._ledger.soon(self._log_later)
            self._enqueue(_Wanted(lambda: super(KeptEmulator, self).handle(request), became))

    def _record(self, call: Any, decision: Any) -> Answer:
        if not self._ledger.shared:
            answer = super()._record(call, decision)
            self._staged = tuple(self._journal.get(answer.seq) or ())
            return answer
        journal, desk = self._journal, _Desk()
        self._journal = cast(Journal, desk)
        try:
            answer = super()._record(call, decision)
        finally:
            self._journal = journal
        self._staged = desk.entry
        return answer

    def _session(self, session_id: str, now: float) -> Session | None:
        """As it stands now; what only time has done to it is no change."""
        session = self._sessions.get(session_id)
        return sessions.at(session, now) if session is not None else None

    def _drop_session(self, session_id: str) -> None:
        """Under a shared ledger only the places are emptied; what else hangs on them goes when that is news."""
        if not self._ledger.shared:
            super()._drop_session(session_id)
        else:
            del self._sessions[session_id]
            self._doomed.pop(session_id, None)

    def _drop_known(self, session_id: str) -> None:
        if session_id in self._sessions:
            super()._drop_session(session_id)

    def _foresee(self, entry: Entry) -> tuple[Outcome, tuple[Finding, ...]]:
        foreseen = super()._foresee(entry)
        self._judges.pop(str(entry.session_id), None)  # it was told of an entry that may not come
        return foreseen

    def _released(self, result: _Result, notice: str = "faults") -> _Result:
        if self._trying and self._ledger.shared:
            self._notice = notice
            return result
        return super()._released(result, notice)

    def settle(self, seq: int, delivery: Delivery) -> None:
        """Known here at once, and to others in a moment."""
        super().settle(seq, delivery)
        if not self._ledger.shared:
            self._ledger.commit(Change(deliveries=((seq, delivery),)))
        elif seq:
            with self._lock:
                self._unsettled.append((seq, delivery))
            self._ledger.soon(self._tell_settled)

    def add_faults(self, rules: Iterable[FaultRule]) -> tuple[FaultRule, ...]:
        rules = tuple(rules)
        return self._make(lambda: super(KeptEmulator, self).add_faults(rules))[0]

    def put_faults(self, rules: Iterable[FaultRule]) -> tuple[FaultRule, ...]:
        rules = tuple(rules)
        return self._make(lambda: super(KeptEmulator, self).put_faults(rules))[0]

    def replace_faults(self, rules: Iterable[FaultRule]) -> tuple[FaultRule, ...]:
        rules = tuple(rules)
        return self._make(lambda: super(KeptEmulator, self).replace_faults(rules))[0]

    def begin_with_faults(self, rules: Iterable[FaultRule]) -> tuple[FaultRule, ...]:
        return self._make(partial(self._begin_with, tuple(rules)))[0]

    def _begin_with(self, rules: tuple[FaultRule, ...]) -> tuple[FaultRule, ...]:
        """Those that share a ledger read the same files: what the first of them did, the others leave as it is."""
        if self._ledger.shared and self._faults.initial == rules:
            return tuple(one.rule for one in self._faults.armed)
        return super().begin_with_faults(rules)

    def remove_fault(self, name: str) -> bool:
        return self._make(lambda: super(KeptEmulator, self).remove_fault(name))[0]

    def expire(self, session_id: str) -> bool:
        return self._make(lambda: super(KeptEmulator, self).expire(session_id))[0]

    def forget(self, session_id: str) -> bool:
        return self._make(lambda: super(KeptEmulator, self).forget(session_id))[0]

    def advance(self, seconds: float) -> float:
        return self._make(lambda: super(KeptEmulator, self).advance(seconds))[0]

    def freeze(self) -> float:
        return self._make(super().freeze)[0]

    def resume(self) -> float:
        return self._make(super().resume)[0]

    def clear_log(self) -> None:
        if self._ledger.shared:
            self._run(lambda: self._get_ready(Change(notice="cleared")))
            return
        with self._lock:
            super().clear_log()
            self._ledger.commit(Change(notice="cleared"))

    def _get_ready(self, change: Change) -> None:
        """Let this be the Change, whatever else was done."""
        self._ready = change

    def reset(self) -> None:
        seed = Cell(ledger.SEED, "", self.seed)
        if self._ledger.shared:
            version = Cell(ledger.VERSION, "", _version())
            self._run(lambda: self._get_ready(Change(writes=(seed, version, self._fresh_rules()), notice="reset")))
            return
        with self._lock:
            super().reset()
            for fact in self._facts.values():
                fact.clear()
            self._put(seed)
            self._ledger.commit(Change(writes=(seed,), notice="reset"))

    def _fresh_rules(self) -> Cell:
        """The rules as a reset leaves them."""
        with self._lock:
            standing, tally = self._faults.standing, self._faults.tally
            self._faults.reset(self._clock.another().now())
            fresh = self._faults.standing
            self._faults.stand(standing, tally)
            return Cell(ledger.FAULTS, "", fresh)

    # -- without the store --------------------------------------------------------------------------------------------

    def _put_off(self, request: Request, away: Exception) -> Answer:
        """503 for a request that nothing can be said about; it is logged when the store is back."""
        message = f"mcmock cannot answer, because {away}. Nothing was counted; try again."
        now = self._clock.now()
        response = self._answers.error(503, message, now, request.keep_alive)
        found = Finding("store-away", Severity.ERROR, "", message, "mcmock")
        entry = (
            0, now, Kind.OTHER, request.method, request.target, wire.without_secrets(request.headers), request.body, None, None,
            Verdict.BROKEN, response.status, response.headers, response.body, (found,), None, False,
        )  # fmt: skip
        self._unlogged.append(Change(entry=entry, weight=_weight(entry)))
        return Answer(0, response, at=now)

    def _log_unlogged(self) -> None:
        with self._logging:
            while self._unlogged:
                self._log_one(self._unlogged[0])
                self._unlogged.popleft()

    def _log_later(self) -> None:
        with suppress(StoreAway):  # it stays where it is
            self._log_unlogged()

    def _log_one(self, change: Change) -> None:
        if self._ledger.shared:
            self._run(lambda: self._get_ready(change))
            return
        with self._lock:
            seq = self._journal.next_seq
            self._apply_to_log(change)
            self._ledger.commit(change._replace(seq=seq))


class _Desk:
    """Stands in for the log while an entry is written that the ledger has yet to take."""

    next_seq = 0

    def __init__(self) -> None:
        self.entry: tuple[Any, ...] = ()

    def append(self, entry: tuple[Any, ...], size: int) -> None:  # noqa: ARG002
        self.entry = entry

    def intern(self, headers: RawHeaders) -> tuple[RawHeaders, int]:
        return wire.without_secrets(headers), 0

    def intern_target(self, session_id: str | None, target: str) -> str:  # noqa: ARG002
        return target


class _Tally(Tally):
    """A Tally in tables."""

    def __init__(self) -> None:
        self.counts = Table(ledger.COUNTS)
        self.buckets = Table(ledger.RATES)


def _in_order(held: Snapshot) -> list[Cell]:
    """The cells, and among them the sessions as they were opened; those of the same moment by their first entry."""
    first: dict[Any, int] = {}
    for change in held.log:
        if change.entry is not None:
            first.setdefault(change.entry[8], change.seq)
    opened = [cell for cell in held.cells if cell.table == ledger.SESSIONS]
    opened.sort(key=lambda cell: (cell.value.opened_at, first.get(cell.key, 0)))
    return [*(cell for cell in held.cells if cell.table != ledger.SESSIONS), *opened]


def _version() -> str:
    """Of clock and rules: unlike any other, whoever else draws one at the same moment."""
    return secrets.token_hex(6)


def _same(one: Standing, other: Standing) -> bool:
    """Whether they are the same rules, at a price that every request can pay."""
    return one.armed is other.armed and one.initial is other.initial and one[1:3] == other[1:3]


def _weight(entry: tuple[Any, ...]) -> int:
    """What an entry counts in the log's bound, wherever it is kept."""
    one = Entry._make(entry)
    return (
        ENTRY_COST + len(one.body) + len(one.response_body) + sum(len(name) + len(value) for name, value in one.headers)
    )
