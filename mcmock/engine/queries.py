"""Every question to the log and to the sessions; a view or an answer, never a change."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

from mcmock.analytics.views import SessionOutline, SessionView
from mcmock.checks.verification import Check, Verification, verify, waiting
from mcmock.checks.waiting import Watch
from mcmock.core import clock
from mcmock.core.match import Match
from mcmock.core.model import Exchange, Outcome, Verdict
from mcmock.core.sessions import Phase
from mcmock.engine.fault_injection import Meddling
from mcmock.engine.log import Entry
from mcmock.engine.types import TURN, LogSize, Summary, may_match


class Asking(Meddling):
    """Answers questions, each under the lock."""

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
            if entry.seq >= oldest and may_match(match, entry):
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
            return [
                self._outline(session_id) for session_id in ids[max(0, len(ids) - limit) if limit is not None else 0 :]
            ]

    def outline(self, session_id: str) -> SessionOutline | None:
        with self._lock:
            return self._outline(session_id) if session_id in self._sessions else None

    def _outline(self, session_id: str) -> SessionOutline:
        session = self._session(session_id, self._clock.now())
        assert session is not None
        fed = self._fed(session_id)
        judgement = self._compared(session_id, self._standing(session_id, fed))
        counts, severities = fed.standing(judgement)
        return SessionOutline(session, judgement, counts, severities)
