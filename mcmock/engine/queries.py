"""Every question to the log and to the sessions: a view or an answer, never a change. Each takes the lock.

Those that may take long pause between two steps (`mcmock.core.turns`): asked in turns, they tell of the log as it was when they
began, without what has left it since, each request as its session stands when it is looked at.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from mcmock import faults
from mcmock.core import turns
from mcmock.core.match import Match
from mcmock.core.model import TAKEN, Exchange, Finding, Outcome
from mcmock.core.sessions import Phase
from mcmock.engine.coverage_keeper import CoverageKeeper
from mcmock.engine.decisions import session_at
from mcmock.engine.engine import Engine
from mcmock.engine.log import Entry
from mcmock.engine.loss_keeper import LossKeeper
from mcmock.engine.session_analysis import settled_outcome
from mcmock.engine.types import POSSIBLE_OUTCOMES, REJECTED_BY_SESSION, LogSize, Summary

if TYPE_CHECKING:
    from mcmock.analytics.plan import Covered
    from mcmock.analytics.views import SessionOutline, SessionView
    from mcmock.engine.outcomes import Summaries
    from mcmock.faults.losses import Losses, LossPage


class SessionSheet(NamedTuple):
    """A session in brief with a list of its own: the types of the events that were accepted, in the order of their arrival.

    `counts` are of its requests that are in the log.
    """

    outline: SessionOutline
    events: list[str]
    counts: dict[Outcome, int]


class Walk(Iterator["Exchange"]):
    """Exchanges, each as it stands when it is taken. Between two of them any time may pass, and any thread may take the next."""

    def __init__(self, lock: threading.RLock, exchanges: Iterator[Exchange], known: int | None) -> None:
        self._lock, self._exchanges, self._known = lock, exchanges, known
        self._taken = 0

    def __next__(self) -> Exchange:
        with self._lock:
            exchange = next(self._exchanges)
            self._taken += 1
            return exchange

    def total(self) -> int:
        """Return how many match altogether. Where the log does not know, this looks at all that were not taken."""
        if self._known is None:
            for _ in self:
                pass
            self._known = self._taken
        return self._known


class Queries:
    """Questions about what an engine holds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock, self._log, self._analysis = engine.lock, engine.log, engine.analysis
        self._coverage = CoverageKeeper(self._analysis)
        self._losses = LossKeeper(self._log, self._analysis.as_it_came)

    # -- requests -----------------------------------------------------------------------------------------------------

    def requests(
        self, match: Match | None = None, *, since: int = 0, limit: int | None = None, newest_first: bool = False
    ) -> list[Exchange]:
        """Return the exchanges that `match`, those after seq `since`, at most `limit`, oldest first unless told otherwise."""
        with self._lock:
            found: list[Exchange] = []
            for exchange in self._matching(match, since, newest_first):
                found.append(exchange)
                if len(found) == limit:
                    break
            turns.let_go_in_turns([*found])
            return found

    def walk(
        self, match: Match | None = None, *, since: int = 0, before: int | None = None, newest_first: bool = False
    ) -> Walk:
        """Return the exchanges that `match`, one after the other as they are asked for: of those in the log now, those after seq
        `since` and, where it is given, before seq `before`.

        Where the log knows how many there are, a page of it costs no more than the page.
        """
        with self._lock:
            latest = (self._log.next_seq if before is None else min(before, self._log.next_seq)) - 1
            matching = self._matching(match, since, newest_first, latest)
            return Walk(self._lock, matching, self._count(match, since, latest))

    def _count(self, match: Match | None, since: int, latest: int) -> int | None:
        """Return how many entries match, where it takes no look at each of them to know."""
        if match is None or not match.wanted:
            return len(range(max(self._log.first_seq, since + 1), latest + 1))
        session_id = match.exact("session")
        if isinstance(session_id, str) and len(match.wanted) == 1:
            return self._log.count_of(session_id, since) - self._log.count_of(session_id, max(since, latest))
        return self._analysis.index.count(match, since, latest)

    def with_finding(self, session_id: str, wanted: Callable[[Finding], bool]) -> list[Exchange]:
        """Return the exchanges of a session in which something `wanted` was found, oldest first."""
        with self._lock:
            exchanges: list[Exchange] = []
            by_session = self._analysis.judgement(session_id).findings
            for seq in turns.paused(self._log.seqs_of(session_id)):
                entry = self._log.get(seq)
                if entry is not None and any(map(wanted, (*entry.findings, *by_session.get(seq, ())))):
                    exchanges.append(self._analysis.exchange(entry))
            return exchanges

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

    def request_as(self, seq: int, outcome: Outcome, findings: tuple[Finding, ...]) -> Exchange | None:
        """Return the exchange of that number, of which it is known what became of it: its session is not judged again."""
        with self._lock:
            entry = self._log.get(seq)
            return self._analysis.exchange_as(entry, outcome, findings) if entry is not None else None

    def _matching(
        self, match: Match | None, since: int, newest_first: bool, latest: int | None = None
    ) -> Iterator[Exchange]:
        """Yield those of the entries that match, and came before now or up to `latest`."""
        latest = self._log.next_seq - 1 if latest is None else latest
        for entry in self._candidates(match, since, latest, newest_first):
            if entry.seq > latest:
                return  # all that follow came later
            if self._log.has(entry.seq) and _could_match(match, entry):
                exchange = self._analysis.exchange(entry)
                if match is None or match.holds(exchange):
                    yield exchange
            turns.pause()

    def _candidates(self, match: Match | None, since: int, latest: int, newest_first: bool) -> Iterator[Entry]:
        """Return the entries worth looking at: a session's own where the match names one, or else what an index has of it."""
        seqs = self._listed(match, since, latest, newest_first) if match is not None else None
        if seqs is None and newest_first:
            seqs = range(latest, max(self._log.first_seq, since + 1) - 1, -1)
        if seqs is None:
            return self._log.entries(since)
        return (entry for entry in map(self._log.get, seqs) if entry is not None)

    def _listed(self, match: Match, since: int, latest: int, newest_first: bool) -> Iterable[int] | None:
        session_id = match.exact("session")
        if session_id is None:
            return self._analysis.index.candidates(match, since, latest, newest_first=newest_first)
        seqs = self._log.seqs_of(session_id, since)
        return reversed(seqs[: bisect_right(seqs, latest)]) if newest_first else seqs

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
            return range(self._log.first_seq, self._log.next_seq)

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
            return self._sum(self._analysis.index.outcomes())

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
            return self._losses.ledger().losses(self._log.evicted)

    def loss_page(self, since: int = 0, limit: int | None = None) -> LossPage:
        """Return how many requests have which fate, and the first `limit` of those after seq `since`."""
        with self._lock:
            ledger = self._losses.ledger()
            counts = ledger.counts()
            page, further = ledger.page(since, limit)
            return faults.losses.LossPage(counts, page, self._log.evicted, further)

    def remains(self) -> list[list[Any]]:
        """Return the log, the sessions, and what was made of them for questions: whoever empties it lets go of that in turns."""
        with self._lock:
            sessions = [*self._engine.state.sessions.values()]
            return [sessions, *self._log.remains(), *self._analysis.remains()]

    # -- sessions -----------------------------------------------------------------------------------------------------

    def sessions(self) -> list[SessionView]:
        """Return every session that was opened, oldest first."""
        with self._lock:
            views = map(self._analysis.view, list(self._engine.state.sessions))
            return [view for view in turns.paused(views) if view is not None]

    def session(self, session_id: str) -> SessionView | None:
        """Return a session with all its requests; None if there is no such session."""
        with self._lock:
            return self._analysis.view(session_id)

    def session_ids(self) -> list[str]:
        """Return the ids of all sessions that were opened, oldest first."""
        with self._lock:
            return list(self._engine.state.sessions)

    def knows(self, session_id: str) -> bool:
        """Return whether such a session was opened. It does not wait: one look at a table needs no lock."""
        return session_id in self._engine.state.sessions

    def outlines(self, limit: int | None = None) -> list[SessionOutline]:
        """Return the latest `limit` sessions in brief, oldest first: what a list of hundreds can afford to show."""
        with self._lock:
            ids = list(self._engine.state.sessions)
            return [*self.each_outline(ids[max(0, len(ids) - limit) if limit is not None else 0 :])]

    def each_outline(self, session_ids: Iterable[str]) -> Iterator[SessionOutline]:
        """Yield these sessions in brief, without those that there are not (any more)."""
        others: Summaries = {}
        ids = [*session_ids]
        with self._lock:
            self._analysis.look_at(ids)
        for session_id in turns.paused(ids):
            with self._lock:
                outline = self._analysis.outline(session_id, others)
            if outline is not None:
                yield outline

    def session_page(self, limit: int | None = None, before: str | None = None) -> tuple[list[str], str | None]:
        """Return the ids of the latest `limit` sessions, oldest first, of those opened before session `before`; and, if there
        are earlier ones, where their page ends."""
        with self._lock:
            ids = list(self._engine.state.sessions)
        stop = ids.index(before) if before is not None and before in ids else len(ids)
        start = max(0, stop - limit) if limit is not None else 0
        page = ids[start:stop]
        return page, page[0] if start and page else None

    def sheet(self, session_id: str) -> SessionSheet | None:
        """Return a session with the types of its events, without the requests themselves; None if there is no such session."""
        with self._lock:
            outline = self.outline(session_id)
            if outline is None:
                return None
            entries = (self._log.get(seq) for seq in self._log.seqs_of(session_id))
            counts = dict.fromkeys(Outcome, 0)
            events: list[str] = []
            for entry in turns.paused(entries):
                if entry is not None:
                    counts[self._analysis.outcome_by(outline.judgement, entry)] += 1
                    if entry.verdict in TAKEN and entry.event_type is not None:
                        events.append(entry.event_type)
            return SessionSheet(outline, events, counts)

    def plan_coverage(self) -> tuple[Covered, ...]:
        """Return how much the sessions exercised each item of the tracking plan; nothing where there is none."""
        with self._lock:
            return self._coverage.covered(self.session_ids())

    def outline(self, session_id: str) -> SessionOutline | None:
        """Return a session in brief; None if there is no such session."""
        return next(self.each_outline([session_id]), None)

    def sessions_since(self, seq: int) -> set[str]:
        """Return the sessions named by requests after number `seq`."""
        with self._lock:
            return {entry.session_id for entry in turns.paused(self._log.entries(seq)) if entry.session_id is not None}


def _could_match(match: Match | None, entry: Entry) -> bool:
    """Return whether an entry is worth a closer look: what its columns alone rule out is not."""
    if match is None:
        return True
    return match.prefilter(entry) and match.allows_outcome(POSSIBLE_OUTCOMES[settled_outcome(entry)])
