"""Every question to the log and to the sessions: a view or an answer, never a change. Each takes the lock."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from mcmock.analytics.plan import Coverage, Covered, ItemId, Use
from mcmock.analytics.views import SessionOutline, SessionView
from mcmock.core import clock
from mcmock.core.match import Match
from mcmock.core.model import Exchange, Kind, Outcome
from mcmock.core.sessions import Phase
from mcmock.engine.decisions import session_at
from mcmock.engine.engine import Engine
from mcmock.engine.log import Entry
from mcmock.engine.session_analysis import settled_outcome
from mcmock.engine.types import POSSIBLE_OUTCOMES, REJECTED_BY_SESSION, TIME_SLICE, LogSize, Summary
from mcmock.faults.losses import Losses, ledger, may_lose


class Queries:
    """Questions about what an engine holds. Those `in_turns` let others have the lock every TIME_SLICE seconds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock, self._log, self._analysis = engine.lock, engine.log, engine.analysis

    # -- requests -----------------------------------------------------------------------------------------------------

    def requests(
        self, match: Match | None = None, *, since: int = 0, limit: int | None = None, newest_first: bool = False
    ) -> list[Exchange]:
        """Return the exchanges that `match`, those after seq `since`, at most `limit`, oldest first unless told otherwise."""
        with self._lock:
            return self._matching(match, self._candidates(match, since, newest_first), limit)[0]

    def requests_in_turns(
        self, match: Match | None = None, *, since: int = 0, newest_first: bool = False
    ) -> Iterator[list[Exchange]]:
        """Yield what `requests` returns, in pieces."""
        with self._lock:
            entries = self._candidates(match, since, newest_first)
        is_last = False
        while not is_last:
            with self._lock:
                found, is_last = self._matching(match, entries, until=clock.monotonic() + TIME_SLICE)
            yield found

    def iterate(self, match: Match | None = None, *, since: int = 0, page: int = 64) -> Iterator[Exchange]:
        """Yield what `requests` returns, oldest first and up to this moment, one by one, holding neither them nor the lock."""
        latest = self.seq_range().stop - 1
        while batch := self.requests(match, since=since, limit=page):
            for exchange in batch:
                if exchange.seq > latest:
                    return
                yield exchange
            since = batch[-1].seq

    def request(self, seq: int) -> Exchange | None:
        """Return the exchange of that number, or None if the log has none (any more)."""
        with self._lock:
            entry = self._log.get(seq)
            return self._analysis.exchange(entry) if entry is not None else None

    def _matching(
        self, match: Match | None, entries: Iterator[Entry], limit: int | None = None, until: float = math.inf
    ) -> tuple[list[Exchange], bool]:
        """Those of the entries that match, up to a number or a moment; and whether that was all that is wanted."""
        found: list[Exchange] = []
        oldest = self._log.next_seq - len(self._log)
        for entry in entries:
            if entry.seq >= oldest and _could_match(match, entry):
                exchange = self._analysis.exchange(entry)
                if match is None or match.holds(exchange):
                    found.append(exchange)
                    if len(found) == limit:
                        break
            if until < math.inf and clock.monotonic() > until:
                return found, False
        return found, True

    def _candidates(self, match: Match | None, since: int, newest_first: bool) -> Iterator[Entry]:
        """Return the entries worth looking at: a session's own, by the index, where the match names one."""
        session_id = match.exact("session") if match is not None else None
        if session_id is None:
            return self._log.entries(since, newest_first=newest_first)
        seqs = self._log.seqs_of(session_id, since)
        entries = map(self._log.get, reversed(seqs) if newest_first else seqs)
        return (entry for entry in entries if entry is not None)

    def arranged(self) -> frozenset[int]:
        """Return the seqs of the bad requests that somebody arranged: time or a hand had closed their session."""
        with self._lock:
            bad = self.requests(Match({"outcome": "bad"}))
            return frozenset(one.seq for one in bad if self._is_arranged(one))

    def _is_arranged(self, one: Exchange) -> bool:
        if one.verdict not in REJECTED_BY_SESSION or one.session_id is None:
            return False
        session = session_at(self._engine.state, one.session_id, self._engine.state.clock.now())
        return session is not None and session.phase not in (Phase.OPEN, Phase.ENDED)

    # -- the log ------------------------------------------------------------------------------------------------------

    def seq_range(self) -> range:
        """Return the seqs that are in the log; where it is empty, the one that comes next starts an empty range."""
        with self._lock:
            return range(self._log.next_seq - len(self._log), self._log.next_seq)

    @property
    def last_seq(self) -> int:
        """The number of the latest request, 0 if there was none."""
        with self._lock:
            return self._log.next_seq - 1

    @property
    def evicted(self) -> int:
        """How many requests the log had to let go."""
        with self._lock:
            return self._log.evicted

    def log_size(self) -> LogSize:
        """Return how much the log holds."""
        with self._lock:
            return LogSize(len(self._log), self._log.bytes)

    def summary(self) -> Summary:
        """Return the counts over everything in the log."""
        with self._lock:
            counts = dict.fromkeys(Outcome, 0)
            self._analysis.count_outcomes(self._log.entries(), counts)
            return self._sum(counts)

    def summary_in_turns(self) -> Iterator[Summary]:
        """Yield what has been counted so far, again and again; the last one is all."""
        counts, entries, is_last = dict.fromkeys(Outcome, 0), self._log.entries(), False
        while not is_last:
            with self._lock:
                is_last = self._analysis.count_outcomes(entries, counts, clock.monotonic() + TIME_SLICE)
                summed = self._sum(counts)
            yield summed

    def _sum(self, counts: dict[Outcome, int]) -> Summary:
        engine, by_name = self._engine, {str(outcome): count for outcome, count in counts.items()}
        return Summary(
            total=sum(counts.values()), **by_name,
            evicted=self._log.evicted, sessions=len(engine.state.sessions), broken=engine.broken,
            forgotten=engine.forgotten,
        )  # fmt: skip

    def losses(self) -> Losses:
        """Return what became of each request that a fault met: retried, moved, duplicated, counted or lost."""
        with self._lock:
            entries = [entry for entry in self._log.entries() if may_lose(entry.kind)]
            first = next((entry.seq for entry in entries if entry.fault is not None), self._log.next_seq)
            told = (
                entry
                for entry in entries
                if entry.seq >= first or entry.kind is not Kind.EVENT or entry.event_type == "play"
            )
            return ledger(map(self._analysis.exchange, told), self._log.evicted)

    # -- sessions -----------------------------------------------------------------------------------------------------

    def sessions(self) -> list[SessionView]:
        """Return every session that was opened, oldest first."""
        with self._lock:
            views = map(self._analysis.view, list(self._engine.state.sessions))
            return [view for view in views if view is not None]

    def session(self, session_id: str) -> SessionView | None:
        """Return a session with all its requests; None if there is no such session."""
        with self._lock:
            return self._analysis.view(session_id)

    def session_ids(self) -> list[str]:
        """Return the ids of all sessions that were opened, oldest first."""
        with self._lock:
            return list(self._engine.state.sessions)

    def knows(self, session_id: str) -> bool:
        """Return whether such a session was opened."""
        with self._lock:
            return session_id in self._engine.state.sessions

    def outlines(self, limit: int | None = None) -> list[SessionOutline]:
        """Return the latest `limit` sessions in brief, oldest first: what a list of hundreds can afford to show."""
        with self._lock:
            ids = list(self._engine.state.sessions)
            latest = ids[max(0, len(ids) - limit) if limit is not None else 0 :]
            outlines = map(self._analysis.outline, latest)
            return [outline for outline in outlines if outline is not None]

    def plan_coverage_in_turns(self) -> Iterator[tuple[Covered, ...]]:
        """Yield how much the sessions exercised each item of the tracking plan, once all of them have been asked."""
        plan, since = self._analysis.plan, clock.monotonic()
        summed = Coverage(plan) if plan is not None else None
        for session_id in self.session_ids() if summed is not None else ():
            summed.add(self._plan_uses(session_id))  # type: ignore[union-attr]
            if clock.monotonic() - since > TIME_SLICE:
                yield ()
                since = clock.monotonic()
        yield summed.items() if summed is not None else ()

    def _plan_uses(self, session_id: str) -> Mapping[ItemId, Use]:
        with self._lock:
            return self._analysis.plan_uses(session_id)

    def outline(self, session_id: str) -> SessionOutline | None:
        """Return a session in brief; None if there is no such session."""
        with self._lock:
            return self._analysis.outline(session_id)

    def sessions_since(self, seq: int) -> set[str]:
        """Return the sessions named by requests after number `seq`."""
        with self._lock:
            return {entry.session_id for entry in self._log.entries(seq) if entry.session_id is not None}


def _could_match(match: Match | None, entry: Entry) -> bool:
    """Return whether an entry is worth a closer look: what its columns alone rule out is not."""
    if match is None:
        return True
    return match.prefilter(entry) and match.allows_outcome(POSSIBLE_OUTCOMES[settled_outcome(entry)])
