"""An Emulator whose log and sessions are kept by a ledger: they outlive the process, or are shared with other processes.

It decides nothing of its own. Whatever changes the emulator is run as it is, is looked at for what it read and what it
changed, and is handed to the ledger as one Change. A private ledger (a file) takes it and that is all. A shared one
(Redis) may have news instead: then what was done is undone, the news is taken in, and it is done again. It knows neither
files nor sockets, but a shared ledger makes it wait: `blocks` tells the shell. In layers: `tables`, `trying` (one act, and
how it is undone), `following` (what is news), `handing` (what becomes of it), and here its doors.

Rules of this file:

1. Under a shared ledger the log changes in one place only, `Following._apply`: our own Changes come back as news like any
   other's. A lazy emulator takes in sessions and counters at once, and reads the log when somebody asks or listens.
2. The lock is never held while the ledger is waited for, but for loading it whole.
3. A ledger that is away is answered 503, and never guessed at. What was answered so is logged once it is back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from mcmock.core import clock
from mcmock.core.model import Answer, Delivery, Request
from mcmock.engine import DEFAULT_SCOPE, Emulator
from mcmock.engine.log import Listener
from mcmock.faults import FaultRule
from mcmock.storage import ledger
from mcmock.storage.ledger import Cell, Change, Ledgers, StoreAway
from mcmock.storage.replica.commit_queue import Handing
from mcmock.storage.replica.tables import Wanted, new_version

__all__ = ["KeptEmulator"]


class KeptEmulator(Handing):
    """An Emulator kept by `store`. Takes the options of Emulator but `time`, which is the store's.

    A `lazy` one takes in what others did when it is told to `catch_up`, or somebody subscribes: for a server, whose control
    API does so with each question. Raises StoreAway when the store cannot be reached, ValueError when what it holds cannot
    be read.
    """

    def __init__(
        self,
        store: Ledgers,
        *,
        scope: str = DEFAULT_SCOPE,
        seed: int | None = None,
        faults: Iterable[FaultRule] = (),
        time: clock.Clock | None = None,
        lazy: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(store, scope=scope, seed=seed, time=time, lazy=lazy, **options)
        self._options_given = seed, tuple(faults)
        self._begin()
        if not lazy:
            self._follow()

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

    def _follow(self) -> None:
        if self._ledger.shared:
            self._ledger.follow(self._on_news)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        stop = super().subscribe(listener)
        self._follow()
        return stop

    def on_release(self, wake: Callable[[], None]) -> Callable[[], None]:
        stop = super().on_release(wake)
        self._follow()
        return stop

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
            self._enqueue(Wanted(lambda: super(KeptEmulator, self).handle(request), became))

    def settle(self, seq: int, delivery: Delivery) -> None:
        """Known here at once, and to others in a moment."""
        super().settle(seq, delivery)
        if not seq:
            return  # a request that was put off has no entry yet
        if not self._ledger.shared:
            self._ledger.commit(Change(deliveries=((seq, delivery),)))
        else:
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

    def reset(self) -> None:
        seed = Cell(ledger.SEED, "", self.seed)
        if self._ledger.shared:
            version = Cell(ledger.VERSION, "", new_version())
            self._run(lambda: self._get_ready(Change(writes=(seed, version, self._fresh_rules()), notice="reset")))
            return
        with self._lock:
            super().reset()
            for fact in self._facts.values():
                fact.clear()
            self._put(seed)
            self._ledger.commit(Change(writes=(seed,), notice="reset"))
