"""The loss ledger: what became of each request that a fault met, and what users would have lost.

Two requests are the same event when session and event type are the same, and the event's own id, or, where its API has none,
`ts`. Two sessions are the same viewing when visitor and content are; a visitor who is not known yet may be anybody. It knows no
rules of faults, and no log: who keeps a ledger tells it of each request, oldest first, and of what has left.

Only what a fault met is remembered, and of each session who watches what in it: a request costs a look at what it may decide.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from mcmock.core import turns
from mcmock.core.events import VISITOR_KEYS, Event
from mcmock.core.model import COUNTED_KINDS, TAKEN, Exchange, FaultHit, Kind
from mcmock.core.printable import printable
from mcmock.core.tables import short_key

VIEWING: Final = (*VISITOR_KEYS, "media.id")
"""The params of sessionStart that tell who watches what."""

MAX_ELSEWHERE: Final = 100
"""Later requests of other sessions that are looked at, at most, to find where one that was lost has moved to."""


FORGOTTEN_AT_ONCE: Final = 64


class Fate(StrEnum):
    """What became of a request that a fault met."""

    RETRIED = "retried"  # the same event came again
    MOVED = "moved"  # a new session of the same viewing received it
    DUPLICATED = "duplicated"  # it was counted, came again, and was counted again
    COUNTED = "counted"  # it was counted once; only its answer was lost or changed
    ORPHANED = "orphaned"  # a session was opened for it, and nobody ever used it: its viewing is lost
    LOST = "lost"  # it was counted nowhere


class Loss(NamedTuple):
    """One request that a fault met. `other` is the seq of the request that decided its fate, if there is one."""

    seq: int
    fault: FaultHit
    session_id: str | None
    event_type: str | None
    ts: int | None
    fate: Fate
    other: int | None = None
    kind: Kind = Kind.EVENT


class Losses(NamedTuple):
    """The ledger, in the order of the log. `evicted` requests had left the log, and may be missing in it."""

    requests: tuple[Loss, ...]
    evicted: int = 0

    def of(self, fate: Fate | str) -> tuple[Loss, ...]:
        return tuple(one for one in self.requests if one.fate == fate)

    @property
    def faulted(self) -> int:
        return len(self.requests)

    @property
    def retried(self) -> int:
        return len(self.of(Fate.RETRIED))

    @property
    def moved(self) -> int:
        return len(self.of(Fate.MOVED))

    @property
    def duplicated(self) -> int:
        return len(self.of(Fate.DUPLICATED))

    @property
    def counted(self) -> int:
        return len(self.of(Fate.COUNTED))

    @property
    def orphaned(self) -> int:
        return len(self.of(Fate.ORPHANED))

    @property
    def lost(self) -> int:
        return len(self.of(Fate.LOST))

    def __str__(self) -> str:
        """`5 requests met a fault: 3 retried, 0 moved, 1 duplicated, 0 counted, 1 lost`, and a line for each lost one."""
        totals = ", ".join(f"{len(self.of(fate))} {fate}" for fate in Fate)
        lines = [f"{self.faulted} {'request' if self.faulted == 1 else 'requests'} met a fault: {totals}"]
        told = (Fate.LOST, Fate.ORPHANED, Fate.DUPLICATED)
        lines += [f"  {printable(_line(one))}" for one in self.requests if one.fate in told]
        return "\n".join(lines)


class LossPage(NamedTuple):
    """Some of a ledger's losses, and how many there are of each fate. `next` is the seq behind which the next page begins."""

    counts: Mapping[Fate, int]
    requests: Sequence[Loss]
    evicted: int
    next: int | None


_NOTHING_MORE: Final = "a browser sends nothing after a refused preflight"


def _line(loss: Loss) -> str:
    session = f" of session {loss.session_id[:8]}" if loss.session_id else ""
    again = f", again as #{loss.other}" if loss.other else ""
    if loss.kind is Kind.PREFLIGHT:
        return f"{loss.fate}: #{loss.seq} preflight, by {loss.fault.rule}{again}: {_NOTHING_MORE}"
    if loss.fate is Fate.ORPHANED:
        again += ", and nobody used its session: its viewing is lost"
    return (
        f"{loss.fate}: #{loss.seq} {loss.event_type or 'no event'}{session}, ts {loss.ts}, by {loss.fault.rule}{again}"
    )


class Viewing(NamedTuple):
    """Who watches what, by the params of sessionStart."""

    visitor: tuple[str, ...]
    content: str

    def may_go_on_as(self, later: Viewing) -> bool:
        """Return whether a later viewing may be this one: a visitor is unknown until the service has told who it is."""
        is_known = any(one != str(None) for one in self.visitor)
        return self.content == later.content and (self.visitor == later.visitor or not is_known)


class _Attempt(NamedTuple):
    """One time that an event was sent. `parts` is more than one event only for downloaded content."""

    seq: int
    kind: Kind
    session_id: str | None
    event_type: str | None
    ts: int | None
    playhead: float | None
    counted: bool
    fault: FaultHit | None
    viewing: Viewing | str | None
    is_whole: bool = False  # a session that arrived whole
    id: str | None = None  # the event's own, the same when it is sent again
    said: str = ""  # what the event is about: which state, which ad

    def is_again(self, other: _Attempt) -> bool:
        """Return whether the next attempt in its session is the same event once more, with a `ts` of its own."""
        alike = (other.event_type, other.playhead, other.said) == (self.event_type, self.playhead, self.said)
        return alike and self.event_type is not None

    @property
    def event(self) -> Hashable:
        """What is the same when the event is sent again: a start has no session yet, but a viewing."""
        owner = self.viewing if self.kind is not Kind.EVENT else self.session_id
        return (self.kind, owner, self.event_type, self.ts if self.id is None else self.id)


def ledger(exchanges: Iterable[Exchange], evicted: int = 0) -> Losses:
    """Return what became of each request in `exchanges`, oldest first, that a fault met and that had something to count."""
    kept = LossLedger()
    for one in turns.paused(exchanges):
        kept.add(one)
    return kept.losses(evicted)


def may_lose(kind: Kind) -> bool:
    """Return whether a request of that kind may have something to lose: events, and what a fault sends astray."""
    return kind is not Kind.SCHEMA


class _Session:
    """What is known of a session: who watches what, the seqs of its start and of the first request that a fault met."""

    __slots__ = ("has_losses", "is_alive", "is_played", "last", "opened", "struck", "viewing", "waiting")

    def __init__(self) -> None:
        self.viewing: Viewing | None = None
        self.opened = self.struck = 0
        self.is_alive = self.is_played = False  # it received events, and a play among them
        self.has_losses = False
        self.last: _Struck | None = None  # the latest attempt of an event, if a fault met it
        self.waiting: list[_Struck] = []  # whose fate may change when events or a play come

    def will_tell(self, struck: _Struck) -> None:
        """Remember whose fate may be another one when the session receives events, or a play."""
        if not self.is_played:
            self.waiting.append(struck)


class _Later(NamedTuple):
    """A request that may decide the fate of an earlier one, and its session."""

    seq: int
    session: _Session
    is_whole: bool = False


class _Struck:
    """A request that a fault met, and what came later that may decide its fate."""

    __slots__ = ("again", "attempt", "content", "elsewhere", "fate", "fresh", "session", "tried")

    def __init__(self, attempt: _Attempt, session: _Session) -> None:
        self.attempt, self.session = attempt, session
        viewing = session.viewing if attempt.kind is Kind.EVENT else attempt.viewing
        self.content = viewing.content if isinstance(viewing, Viewing) else None  # what is watched
        self.again: _Later | None = None  # the same event, counted
        self.tried: int | None = None  # the same event, met by a fault again
        self.fresh: tuple[int, bool] | None = (
            None  # the same once more with a time of its own, and whether it was counted
        )
        self.elsewhere: list[_Later] = []  # in other sessions of the same viewing: the event, or their starts
        self.fate: Fate | None = None  # as it was counted


class LossLedger:
    """What became of each request that a fault met, as it is known by now."""

    def __init__(self) -> None:
        self._struck: dict[int, _Struck] = {}
        self._seqs = array("Q")
        self._sessions: dict[str | None, _Session] = defaultdict(_Session)
        self._same: dict[Hashable, deque[_Struck]] = {}  # by what is the same when it is sent again
        self._alike: dict[Hashable, deque[_Struck]] = {}  # events by type and time
        self._starts: dict[str, deque[_Struck]] = {}  # starts by what is watched
        self._contents: Counter[str] = Counter()  # what is watched where a fault met an event
        self._undecided: dict[int, _Struck] = {}  # whose fate may be another one by now
        self._counts = dict.fromkeys(Fate, 0)

    def __len__(self) -> int:
        return len(self._struck)

    # -- what comes -------------------------------------------------------------------------------------------------------

    def add(self, exchange: Exchange) -> None:
        """Take in the next request."""
        if may_lose(exchange.kind):
            self._enter(_attempt(exchange))

    def pass_by(self, session_id: str | None, event_type: str | None, *, counted: bool) -> bool:
        """Take in the next request, an event that no fault met. Returns False, and does nothing, where more has to be known."""
        session = self._sessions[session_id]
        viewing = session.viewing
        if session.has_losses or (viewing is not None and viewing.content in self._contents):
            return False
        if counted:
            self._receive(session, event_type)
        return True

    def _enter(self, one: _Attempt) -> None:
        session = self._sessions[one.session_id]
        self._decide_same(one, session)
        if one.kind is Kind.EVENT:
            self._decide_last(one, session)
            if one.counted:
                self._decide_moved(one, session)
                self._receive(session, one.event_type)
        if one.kind in (Kind.SESSION, Kind.DOWNLOADED) and one.counted and isinstance(one.viewing, Viewing):
            self._open(one, one.viewing, session)
        if one.fault is not None:
            self._strike(one, session)

    def _decide_same(self, one: _Attempt, session: _Session) -> None:
        for struck in self._same.get(one.event, ()):
            if one.counted and struck.again is None:
                struck.again = _Later(one.seq, session)
                session.will_tell(struck)
            if one.fault is not None and struck.tried is None:
                struck.tried = one.seq
            self._undecided[struck.attempt.seq] = struck

    def _decide_last(self, one: _Attempt, session: _Session) -> None:
        struck, session.last = session.last, None
        if struck is not None and struck.attempt.is_again(one):
            struck.fresh = one.seq, one.counted
            self._undecided[struck.attempt.seq] = struck

    def _decide_moved(self, one: _Attempt, session: _Session) -> None:
        """Note an event for those of other sessions that may have moved here: not to one that was open before the fault."""
        if session.viewing is None:
            return
        for struck in self._alike.get((one.event_type, one.ts), ()):
            viewing = struck.session.viewing
            is_later = session.opened > struck.session.struck
            if is_later and viewing is not None and viewing.may_go_on_as(session.viewing):
                self._note_elsewhere(struck, _Later(one.seq, session))

    def _open(self, one: _Attempt, viewing: Viewing, session: _Session) -> None:
        session.viewing, session.opened = viewing, one.seq
        for struck in self._starts.get(viewing.content, ()):
            earlier = struck.attempt.viewing
            if isinstance(earlier, Viewing) and earlier.may_go_on_as(viewing):
                self._note_elsewhere(struck, _Later(one.seq, session, one.is_whole))

    def _note_elsewhere(self, struck: _Struck, later: _Later) -> None:
        if len(struck.elsewhere) == MAX_ELSEWHERE or any(_is_settled(struck, known) for known in struck.elsewhere):
            return  # what comes after that decides nothing
        struck.elsewhere.append(later)
        later.session.will_tell(struck)
        if struck.attempt.kind is Kind.EVENT:
            struck.session.will_tell(struck)
        self._undecided[struck.attempt.seq] = struck

    def _receive(self, session: _Session, event_type: str | None) -> None:
        """Note that a session received an event: others may have waited for that."""
        is_news = not session.is_alive or (event_type == "play" and not session.is_played)
        session.is_alive = True
        session.is_played = session.is_played or event_type == "play"
        if is_news and session.waiting:
            self._undecided.update((struck.attempt.seq, struck) for struck in session.waiting)
            if session.is_played:
                session.waiting = []

    def _strike(self, one: _Attempt, session: _Session) -> None:
        struck = self._struck[one.seq] = self._undecided[one.seq] = _Struck(one, session)
        self._seqs.append(one.seq)
        session.struck = session.struck or one.seq
        session.has_losses = True
        self._same.setdefault(one.event, deque()).append(struck)
        if one.kind is Kind.EVENT:
            session.last = struck
            self._alike.setdefault((one.event_type, one.ts), deque()).append(struck)
            if struck.content is not None:
                self._contents[struck.content] += 1
        elif struck.content is not None:
            session.will_tell(struck)
            self._starts.setdefault(struck.content, deque()).append(struck)

    # -- what leaves ------------------------------------------------------------------------------------------------------

    def forget_before(self, first: int) -> None:
        """Forget the requests before seq `first`."""
        while self._seqs and self._seqs[0] < first:
            gone = self._seqs[: bisect_left(self._seqs, first)][:FORGOTTEN_AT_ONCE]
            for seq in gone:
                self._forget(self._struck.pop(seq))
            del self._seqs[: len(gone)]
            turns.pause()

    def _forget(self, struck: _Struck) -> None:
        one = struck.attempt
        self._undecided.pop(one.seq, None)
        if struck.fate is not None:
            self._counts[struck.fate] -= 1
        _drop_first(self._same, one.event)
        if one.kind is Kind.EVENT:
            _drop_first(self._alike, (one.event_type, one.ts))
            if struck.content is not None:
                self._contents[struck.content] -= 1
                if not self._contents[struck.content]:
                    del self._contents[struck.content]
        elif struck.content is not None:
            _drop_first(self._starts, struck.content)

    def forget_sessions(self, is_known: Callable[[str], bool]) -> None:
        """Forget the sessions that are not known any more."""
        for session_id in [one for one in self._sessions if one is not None and not is_known(one)]:
            del self._sessions[session_id]

    @property
    def sessions(self) -> int:
        """How many sessions are remembered."""
        return len(self._sessions)

    # -- what became of them ----------------------------------------------------------------------------------------------

    def counts(self) -> dict[Fate, int]:
        """Return how many requests have which fate."""
        self._decide()
        return dict(self._counts)

    def page(self, since: int = 0, limit: int | None = None) -> tuple[list[Loss], int | None]:
        """Return the first `limit` losses after seq `since`, and the seq of the last one if there are more."""
        place = bisect_right(self._seqs, since)
        seqs = self._seqs[place : None if limit is None else place + limit]
        is_all = place + len(seqs) == len(self._seqs)
        losses = [_loss(struck) for seq in turns.paused(seqs) if (struck := self._struck.get(seq)) is not None]
        return losses, seqs[-1] if seqs and not is_all else None

    def losses(self, evicted: int = 0) -> Losses:
        """Return all of them; `evicted` requests had left the log."""
        return Losses(tuple(self.page()[0]), evicted)

    def _decide(self) -> None:
        while self._undecided:
            seq = next(iter(self._undecided))
            struck = self._undecided.pop(seq)
            if seq not in self._struck:
                continue  # it has left, and a session still waited with it
            if struck.fate is not None:
                self._counts[struck.fate] -= 1
            struck.fate, _ = _fate(struck)
            self._counts[struck.fate] += 1
            turns.pause()


def _drop_first(lists: dict[Any, deque[_Struck]], key: Hashable) -> None:
    """Forget the oldest of a list, which is the one that leaves."""
    known = lists[key]
    known.popleft()
    if not known:
        del lists[key]


def _loss(struck: _Struck) -> Loss:
    one, (fate, other) = struck.attempt, _fate(struck)
    assert one.fault is not None
    return Loss(one.seq, one.fault, one.session_id, one.event_type, one.ts, fate, other, one.kind)


def _fate(struck: _Struck) -> tuple[Fate, int | None]:
    one, fresh = struck.attempt, struck.fresh
    again = struck.again or _elsewhere(struck)
    if one.counted:
        return _fate_of_counted(struck, again)
    if again is not None:
        return (Fate.RETRIED if struck.again is not None else Fate.MOVED), again.seq
    # Tried again, in vain: what is lost is one event, and the last try stands for it.
    next_try = fresh[0] if fresh is not None else struck.tried
    return (Fate.RETRIED, next_try) if next_try is not None else (Fate.LOST, None)


def _fate_of_counted(struck: _Struck, again: _Later | None) -> tuple[Fate, int | None]:
    """Of what was counted, only its answer was lost or changed: it may be there twice, or of no use to anybody."""
    one, fresh = struck.attempt, struck.fresh
    if one.kind is Kind.SESSION and not one.is_whole and not struck.session.is_alive:
        lives = again is not None and again.session.is_alive
        return (Fate.DUPLICATED if lives else Fate.ORPHANED), again.seq if again is not None else None
    if again is not None:
        return Fate.DUPLICATED, again.seq
    if (
        fresh is not None and fresh[1] and one.event_type != "ping"
    ):  # one that stands still says the same again all the time
        return Fate.DUPLICATED, fresh[0]
    return Fate.COUNTED, None


def _elsewhere(struck: _Struck) -> _Later | None:
    """The same event in a later session of the same viewing; for a start, that session's own start."""
    if struck.attempt.kind is not Kind.EVENT and struck.session.is_alive:
        return None  # its player got the answer after all: a later start is another viewing
    decisive = next((later for later in struck.elsewhere if _is_decisive(struck, later)), None)
    if decisive is None and struck.attempt.kind is not Kind.EVENT and struck.attempt.counted:
        return next(iter(struck.elsewhere), None)
    return decisive


def _is_settled(struck: _Struck, later: _Later) -> bool:
    """Return whether it is the same for good: an event may move to another session only until its own one goes on."""
    return later.session.is_played if struck.attempt.kind is Kind.EVENT else _is_decisive(struck, later)


def _is_decisive(struck: _Struck, later: _Later) -> bool:
    """Return whether what came later says for itself that it is the same: what comes behind it is not."""
    if struck.attempt.kind is Kind.EVENT:
        return later.session.is_played or not struck.session.is_played
    if struck.attempt.counted:
        return later.session.is_alive
    return later.is_whole or later.session.is_played


def _attempt(exchange: Exchange) -> _Attempt:
    is_event = exchange.kind in COUNTED_KINDS
    astray = not is_event and any(found.rule in _ASTRAY for found in exchange.findings)
    first = next(iter(exchange.events), None)
    viewing = None if first is None or exchange.kind is Kind.EVENT else _viewing(first.params)
    ts = first.sent_ts if first is not None and isinstance(first.sent_ts, int) else None
    return _Attempt(
        exchange.seq, exchange.kind, exchange.session_id, exchange.event_type, ts, exchange.playhead,
        exchange.verdict in TAKEN and not astray, exchange.fault if is_event or astray else None,
        viewing if is_event else exchange.path, exchange.kind is Kind.DOWNLOADED or isinstance(exchange.body, list),
        short_key(first.id) if first is not None and first.id is not None else None, "" if first is None else _said(first),
    )  # fmt: skip


_ABOUT_QUALITY: Final = ("bitrateChange", "error")


def _said(event: Event) -> str:
    """Return what an event is about, as text. Quality changes from one try to the next, but for events about it."""
    said = (event.params, event.qoe if event.event_type in _ABOUT_QUALITY else None)
    return "" if said == ({}, None) else short_key(repr(said))


def _viewing(params: Mapping[str, object]) -> Viewing:
    *visitor, content = (short_key(str(params.get(key))) for key in VIEWING)
    return Viewing(tuple(visitor), content)


_ASTRAY: Final = ("misdirected", "preflight-refused")
"""What is found in requests of other kinds that a fault kept from being counted."""
