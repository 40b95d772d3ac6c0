"""Handing Changes to a ledger: one upon the other, in batches, again if others were faster, and not at all while it is away."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from mcmock.core.model import Answer, Delivery, Finding, Kind, Request, Severity, Verdict
from mcmock.engine.log import Entry, weight_of
from mcmock.faults import FaultRule
from mcmock.protocols.media_collection import wire
from mcmock.storage import ledger
from mcmock.storage.ledger import Change, StoreAway, Taken
from mcmock.storage.replica.apply import Following
from mcmock.storage.replica.tables import Tried, Wanted

_logger = logging.getLogger("mcmock")

BATCH = 64
"""Changes that are handed to a shared ledger at once, if so many wait."""

MOST_UNSETTLED = 100_000
"""Deliveries that are remembered while the store is away."""

Result = TypeVar("Result")


class Handing(Following):
    """An emulator whose Changes a ledger takes."""

    _options_given: tuple[int | None, tuple[FaultRule, ...]] = (None, ())

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

    def _begin_with(self, rules: tuple[FaultRule, ...]) -> tuple[FaultRule, ...]:
        """Those that share a ledger read the same files: what the first of them did, the others leave as it is."""
        if self._ledger.shared and self._faults.initial == rules:
            return tuple(one.rule for one in self._faults.armed)
        return super().begin_with_faults(rules)

    def _make(self, act: Callable[[], Result]) -> tuple[Result, int]:
        """Do it, and have the ledger take what it changed; returns the result, and its entry's number if it has one."""
        if self._ledger.shared:
            return self._run(act)
        with self._lock:
            tried = self._try(Wanted(act, lambda *_: None))
            self._ledger.commit(tried.change)
            return tried.result, tried.change.seq

    def _run(self, act: Callable[[], Any]) -> tuple[Any, int]:
        """The same for a shared ledger: wait until it was done. Not for the ledger's own thread."""
        self._ledger.check()
        answered: SimpleQueue[tuple[Any, int | Exception]] = SimpleQueue()
        self._enqueue(Wanted(act, lambda result, became: answered.put((result, became))))
        result, became = answered.get()
        if isinstance(became, Exception):
            raise became
        return result, became

    def _enqueue(self, wanted: Wanted) -> None:
        self._wanted.append(wanted)
        self._shared.work(self._commit_wanted)

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
            answers = self._shared.commit_all([first._replace(deliveries=settled), *rest], since, news)
            whole = self._take_in(answers[0]) if news or answers[0].lost else self._take_in_cells(batch, answers)
        except BaseException as error:
            self._put_back(settled)
            away = self._away(error)
            for tried in batch:
                _tell(tried.wanted, None, away)
            return
        if not answers[0].accepted:
            self._put_back(settled)
        self._conclude(batch, answers, whole)

    def _away(self, error: BaseException) -> StoreAway:
        """What those are told who wait for a Change; a bug of ours is in the server's own log, too."""
        if isinstance(error, StoreAway):
            return error
        _logger.error("a change for %s failed", self.store.name, exc_info=error)
        return StoreAway(f"{self.store.name} failed: {error!r}", asked=True)

    def _decide_batch(self) -> list[Tried]:
        """Do what is wanted, one upon the other, and undo it all: it has happened when it is news."""
        batch: list[Tried] = []
        while self._wanted and len(batch) < BATCH:
            wanted = self._wanted.popleft()
            try:
                batch.append(self._try(wanted))
            except Exception as error:  # the caller's mistake, and theirs to hear of
                _tell(wanted, None, error)
            if not self._chains():
                break
        for tried in reversed(batch):
            tried.undo()
        return batch

    def _conclude(self, batch: list[Tried], answers: list[Taken], whole: bool) -> None:
        """Tell those whose Change was taken; the others are decided again, before all that came later."""
        judged = list(zip(batch, answers, strict=True))
        late = [tried.wanted for tried, answer in judged if not answer.accepted]
        self._wanted.extendleft(reversed(late))
        if not whole:
            try:
                self._load_anew()
            except BaseException as error:
                away = self._away(error)
                for _ in late:
                    _tell(self._wanted.popleft(), None, away)
        for tried, answer in judged:
            if answer.accepted:
                _tell(tried.wanted, tried.result, answer.seq)

    def _put_back(self, settled: tuple[tuple[int, Delivery], ...]) -> None:
        with self._lock:
            self._unsettled = [*settled, *self._unsettled][-MOST_UNSETTLED:]

    def _load_anew(self) -> None:
        """The ledger has gone on without us for too long, or was emptied behind our back."""
        try:
            self._load()
        except ValueError as error:  # by a newer mcmock, say
            raise StoreAway(f"{self.store.name} cannot be read: {error}") from None
        asked = [Wanted(act, lambda *_: None) for act in self._options_asked()]
        self._wanted.extendleft(reversed(asked))
        self._shared.work(self._commit_wanted)
        with self._lock:
            super()._released(None, "reset")

    def catch_up(self) -> None:
        """Take in whatever others have done up to now. Raises StoreAway."""
        self._ledger.check()
        if not self._ledger.shared:
            return
        self._log_unlogged()
        if self._unsettled:
            self._run(lambda: None)  # which takes them along
            if self._keeps_up():
                return
        if not self._take_in(self._ledger.news(self._position)):
            self._load_anew()

    def _on_news(self) -> None:
        if not self._keeps_up():
            self._shared.leave()
            return
        with suppress(StoreAway):  # its thread tries again, and calls
            self.catch_up()

    def _tell_settled(self) -> None:
        with suppress(StoreAway):  # they are told with the next Change
            if self._unsettled:
                self._run(lambda: None)

    def _put_off(self, request: Request, away: Exception) -> Answer:
        """503 for a request that nothing can be said about; it is logged when the store is back."""
        counted = (
            "Whether it was counted is not known"
            if isinstance(away, StoreAway) and away.asked
            else "Nothing was counted"
        )
        message = f"mcmock cannot answer, because {away}. {counted}; try again."
        now = self._clock.now()
        response = self._answers.error(503, message, now, request.keep_alive)
        found = Finding("store-away", Severity.ERROR, "", message, "mcmock")
        entry = (
            0, now, Kind.OTHER, request.method, request.target, wire.without_secrets(request.headers), request.body, None, None,
            Verdict.BROKEN, response.status, response.headers, response.body, (found,), None, False,
        )  # fmt: skip
        self._unlogged.append(Change(entry=entry, weight=weight_of(Entry._make(entry))))
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


def _tell(wanted: Wanted, result: Any, became: int | Exception) -> None:
    """Tell who waits what became of it. One who cannot be told keeps nobody else waiting."""
    try:
        wanted.done(result, became)
    except Exception:
        _logger.exception("nobody could be told what became of a change")
