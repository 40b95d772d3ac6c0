"""Taking in what a ledger holds and what is new in it: the one place where an emulator under a shared ledger changes."""

from __future__ import annotations

from typing import Any

from mcmock.core import clock
from mcmock.core.model import Verdict
from mcmock.engine.log import Entry
from mcmock.storage import ledger
from mcmock.storage.ledger import Cell, Change, Taken
from mcmock.storage.replica.tables import NO_RULES, Table, TableTally, Tried, in_order
from mcmock.storage.replica.transaction import Trying


class Following(Trying):
    """An emulator that goes by a ledger."""

    def _load(self) -> None:
        """All that the ledger holds instead of what is here."""
        held = self._ledger.load()
        with self._lock:
            self._empty()
            self._fresh = {}
            self._journal.begin_at(held.first_seq, held.evicted)
            for cell in in_order(held):
                self._put(cell)
            for change in held.log:
                self._apply_to_log(change)
            self._position = held.position
            if not self._ledger.shared:  # the machine's clock may have been set back while nobody ran
                self._clock.not_before(max((entry.at for entry in self._journal.entries()), default=0.0))

    def _empty(self) -> None:
        self._forget_all()
        self._clock.reset()
        for fact in self._facts.values():
            fact.clear()
        if self._ledger.shared:
            self._faults.stand(NO_RULES, TableTally())

    def _keeps_up(self) -> bool:
        """Whether somebody listens, or a decision may rest on the log."""
        return not self._lazy or self._journal.has_listeners or bool(self._wakes) or not self._chains()

    def _take_in(self, taken: Taken) -> bool:
        """Whether that was all that was missing; if not, it has to be loaded anew."""
        with self._lock:
            for change in taken.news:
                if change.position == self._position + 1:
                    self._apply(change)
            if self._fresh and taken.news:
                self._tidy()
            if not taken.news:  # refused though nothing is new: what it rests on was taken away behind our back
                return taken.accepted and not taken.lost
            return not taken.lost and taken.news[-1].position <= self._position

    def _take_in_cells(self, batch: list[Tried], answers: list[Taken]) -> bool:
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
        return whole or self._take_in(self._shared.news(since))

    def _tidy(self) -> None:
        """Forget which places were ahead of the log, and bring the sessions into the order in which they were opened."""
        self._fresh = {place: position for place, position in self._fresh.items() if position > self._position}
        opened = sorted(self._sessions.values(), key=lambda session: session.opened_at)
        self._sessions.clear()
        self._sessions.update((session.id, session) for session in opened)

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
            self._clock.set(cell.value or clock.Setting())
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
            self._journal.append(entry._replace(seq=self._journal.next_seq))
            self._broken += entry.verdict is Verdict.BROKEN
        for seq, delivery in change.deliveries:
            if seq in self.kept() and self._journal.delivery(seq) is not delivery:
                self._journal.settle(seq, delivery)
