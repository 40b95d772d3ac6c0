"""Keeps the loss ledger of a log: brought up to date when somebody asks, in turns, for what came since the last time.

What has left the log leaves the ledger. Where no fault met anything there is nothing to keep.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Final

from mcmock import faults
from mcmock.core import turns
from mcmock.core.model import Exchange, Kind
from mcmock.engine.log import Entry, Log
from mcmock.engine.session_analysis import is_taken

if TYPE_CHECKING:
    from mcmock.faults.losses import LossLedger

AT_ONCE: Final = 16
"""Requests taken in between two looks at the time."""

FEW: Final = 1024
"""Requests that may leave the log before sessions are forgotten."""


class LossKeeper:
    """The ledger of one log. `exchange` returns what an entry of the log says, as it came."""

    def __init__(self, log: Log, exchange: Callable[[Entry], Exchange]) -> None:
        self._log, self._exchange = log, exchange
        self._begin()

    def _begin(self) -> None:
        self._ledger: LossLedger | None = None  # until somebody asks: its module takes time to load
        self._rewind()
        self._is_met = False  # whether a fault has met anything: before that nobody needs to know what came

    def _rewind(self) -> None:
        self._first = self._swept = self._log.first_seq
        self._upto = self._first - 1

    def ledger(self) -> LossLedger:
        """Return the ledger of all that is in the log."""
        self._let_go()
        while self._upto < self._log.next_seq - 1:
            for entry in islice(self._log.entries(self._upto), AT_ONCE):
                self._upto = entry.seq
                if self._is_met:
                    self._take(entry)
                elif entry.fault is not None:
                    self._is_met = True
                    self._rewind()
                    break
            turns.pause()
            self._let_go()
        return self._known()

    def _known(self) -> LossLedger:
        if self._ledger is None:
            self._ledger = faults.losses.LossLedger()
        return self._ledger

    def _take(self, entry: Entry) -> None:
        ledger = self._known()
        is_plain = entry.kind is Kind.EVENT and entry.fault is None
        if is_plain and ledger.pass_by(entry.session_id, entry.event_type, counted=is_taken(entry)):
            return
        ledger.add(self._exchange(entry))

    def _let_go(self) -> None:
        first = self._log.first_seq
        if first > max(self._upto, self._first):  # nothing of what is known here is in the log any more
            self._begin()
            return
        self._known().forget_before(first)
        if first - self._swept > max(FEW, len(self._log)):
            self._swept = first
            self._known().forget_sessions(self._log.knows)
