"""The log: every request in the order of its arrival, bounded in bytes, never blocking.

Rules of this file:

1. An entry is a plain tuple of atoms (strings, bytes, numbers, tuples of them): Python's garbage collector forgets such
   tuples after one look, so that a log of a million entries costs no pause. Header lines are interned, because a player
   sends the same ones with every ping.
2. An entry never changes. What becomes of its answer, the one late fact, is a byte in an array beside it.
3. When the log is full the oldest entries go, and are counted. No verdict depends on what was evicted.

It knows neither sessions nor outcomes: those are derived by the Emulator, which also holds the lock around every call.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from mcmock import wire
from mcmock.model import Delivery, FaultHit, Finding, Headers, Kind, RawHeaders, Verdict

ENTRY_COST = 400
"""Bytes an entry costs beside its body, its own headers and its answer's body; measured by bench/log.py."""

FINDING_COST = 200
"""Bytes a finding costs beside its own words."""

BLOCK = 256
"""Entries stored together."""

MOST_LEFT = 200_000
"""Session ids, known or made up, of which it is remembered how many entries had to go."""

MOST_INTERNED = 4096
"""Distinct header sets remembered; past that, interning starts over."""


class Entry(NamedTuple):
    """The columns of an entry. Stored as plain tuples; `Entry._make` gives one its names back."""

    seq: int
    at: float
    kind: Kind
    method: str
    target: str
    headers: RawHeaders
    body: bytes
    event_type: str | None
    session_id: str | None
    verdict: Verdict
    status: int
    response_headers: Headers
    response_body: bytes
    findings: tuple[Finding, ...]
    fault: FaultHit | None
    after_end: bool


# The collector forgets a tuple only if it holds nothing that it looks after itself, and it looks after members of an enum.
_TEXTS: dict[Kind | Verdict, str] = {member: str(member.value) for member in (*Kind, *Verdict)}
_KINDS = {str(kind.value): kind for kind in Kind}
_VERDICTS = {str(verdict.value): verdict for verdict in Verdict}


def _entry(row: tuple[Any, ...]) -> Entry:
    """A stored row with its names, and its words, given back."""
    return Entry._make((*row[:2], _KINDS[row[2]], *row[3:9], _VERDICTS[row[9]], *row[10:]))


class Notice(NamedTuple):
    """Told to listeners: "exchange" and "delivery" with the seq, "reset", "cleared", "evicted", "clock" or "faults" with 0."""

    what: str
    seq: int


Listener = Callable[[Notice], None]


def weight_of_findings(findings: tuple[Finding, ...]) -> int:
    """What they count in the log's bound: one body can have more of them than it has bytes of its own."""
    return sum(FINDING_COST + len(one.path) + len(one.message) for one in findings) if findings else 0


_DELIVERIES = tuple(Delivery)
_DELIVERY_CODES = {delivery: code for code, delivery in enumerate(_DELIVERIES)}


class Journal:
    """A bounded log of entries. `max_bytes` counts bodies, headers, findings and `ENTRY_COST` an entry."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._next = 1
        self._listeners: list[Listener] = []
        self._empty()

    def _empty(self) -> None:
        self._blocks: dict[int, list[tuple[object, ...]]] = {}
        self._sizes: dict[int, array[int]] = {}
        self._deliveries: dict[int, bytearray] = {}
        self._sessions: dict[str, array[int]] = {}
        self._targets: dict[str, str] = {}
        self._leaving: set[str] = set()  # sessions with entries evicted from the oldest block
        self._left: dict[str, int] = {}  # how many entries of a session were evicted
        self._interned: dict[RawHeaders, RawHeaders] = {}
        self._first = self._origin = self._next  # the oldest entry kept; the first since the log was empty
        self.bytes = 0
        self.evicted = 0

    # -- writing ------------------------------------------------------------------------------------------------------

    @property
    def next_seq(self) -> int:
        return self._next

    def append(self, entry: tuple[object, ...], size: int) -> None:
        """Add an entry, the columns of Entry with `seq` = `next_seq`; `size` is what it weighs beside ENTRY_COST."""
        seq = self._next
        self._next = seq + 1
        if seq % BLOCK == 0 or seq == self._origin:
            self._open_block(seq // BLOCK)
        rows, sizes, deliveries = self._open
        rows.append((*entry[:2], _TEXTS[entry[2]], *entry[3:9], _TEXTS[entry[9]], *entry[10:]))  # type: ignore[index]
        deliveries.append(0)
        weight = size + ENTRY_COST
        sizes.append(weight)
        self.bytes += weight
        session_id = entry[8]
        if session_id is not None:
            seqs = self._sessions.get(session_id)  # type: ignore[call-overload]
            if seqs is None:
                seqs = self._sessions[session_id] = array("Q")  # type: ignore[index]
            seqs.append(seq)
        if self.bytes > self.max_bytes:
            self._evict()
        if self._listeners:
            self.tell("exchange", seq)

    def intern_target(self, session_id: str | None, target: str) -> str:
        """The stored copy of a request target: a session's events all have the same."""
        if session_id is None:
            return target
        known = self._targets.get(session_id)
        if known is None:
            known = self._targets[session_id] = target
        return known if known == target else target

    def intern(self, headers: RawHeaders) -> tuple[RawHeaders, int]:
        """The stored copy of these header lines, and how many bytes it costs to keep: none if they are known.

        Secrets are not stored, whoever may ask for the entry later.
        """
        known = self._interned.get(headers)
        if known is not None:
            return known, 0
        if len(self._interned) >= MOST_INTERNED:
            self._interned.clear()
        stored = self._interned[headers] = wire.without_secrets(headers)
        return stored, sum(len(name) + len(value) + 2 * 33 for name, value in stored)

    def settle(self, seq: int, delivery: Delivery) -> None:
        """Note what became of the answer. A seq that is no longer in the log is passed over."""
        if self._first <= seq < self._next:
            number, place = self._place(seq)
            self._deliveries[number][place] = _DELIVERY_CODES[delivery]
            if self._listeners:
                self.tell("delivery", seq)

    def clear(self) -> None:
        """Forget every entry; seqs go on counting."""
        self._empty()
        self.tell("cleared", 0)

    def begin_at(self, next_seq: int, evicted: int) -> None:
        """Empty, and go on as a log does that had `evicted` entries leave and whose next one is `next_seq`."""
        self._next = next_seq
        self._empty()
        self.evicted = evicted

    def _open_block(self, number: int) -> None:
        rows: list[tuple[object, ...]] = []
        self._open = rows, array("Q"), bytearray()
        self._blocks[number], self._sizes[number], self._deliveries[number] = self._open

    def _evict(self) -> None:
        """Drop the oldest entries until the rest fits; the newest one always stays."""
        while self.bytes > self.max_bytes and self._first < self._next - 1:
            number, place = self._place(self._first)
            block = self._blocks[number]
            session_id = block[place][8]
            if session_id is not None:
                self._leaving.add(str(session_id))
                self._left[str(session_id)] = self._left.get(str(session_id), 0) + 1
            self.bytes -= self._sizes[number][place]
            block[place] = ()
            self._first += 1
            self.evicted += 1
            if self._first % BLOCK == 0:
                self._drop_block(number)
        self.tell("evicted", 0)

    def _drop_block(self, number: int) -> None:
        del self._blocks[number], self._sizes[number], self._deliveries[number]
        for session_id in self._leaving:
            seqs = self._sessions[session_id]
            stale = bisect_left(seqs, self._first)
            if stale == len(seqs):
                del self._sessions[session_id]
                self._targets.pop(session_id, None)
            elif stale * 2 > len(seqs):  # not each time: a session as long as the log would be copied for every block
                del seqs[:stale]
        self._leaving.clear()
        while len(self._left) > MOST_LEFT:
            del self._left[next(iter(self._left))]

    # -- reading ------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._next - self._first

    def get(self, seq: int) -> Entry | None:
        """The entry of that number, or None if there is none (any more)."""
        if not self._first <= seq < self._next:
            return None
        number, place = self._place(seq)
        return _entry(self._blocks[number][place])

    def delivery(self, seq: int) -> Delivery:
        number, place = self._place(seq)
        return _DELIVERIES[self._deliveries[number][place]]

    def entries(self, since: int = 0, *, newest_first: bool = False) -> Iterator[Entry]:
        """The entries after seq `since`, as they are while you iterate: an entry evicted meanwhile is left out."""
        first = max(self._first, since + 1)
        numbers = range(first // BLOCK, (self._next - 1) // BLOCK + 1)
        for number in reversed(numbers) if newest_first else numbers:
            rows = self._blocks.get(number, [])
            if number == first // BLOCK:
                rows = rows[first - max(number * BLOCK, self._origin) :]
            for row in reversed(rows) if newest_first else rows:
                if row:
                    yield _entry(row)

    def seqs_of(self, session_id: str, since: int = 0) -> array[int]:
        """The numbers, after `since`, of a session's entries that are still in the log."""
        seqs = self._sessions.get(session_id)
        return seqs[bisect_left(seqs, max(self._first, since + 1)) :] if seqs is not None else array("Q")

    def evicted_of(self, session_id: str) -> int:
        """How many of a session's entries had to go since the log was last emptied."""
        return self._left.get(session_id, 0)

    def knows(self, session_id: str) -> bool:
        """Whether an entry of that session is in the log."""
        seqs = self._sessions.get(session_id)
        return seqs is not None and seqs[-1] >= self._first

    def forget(self, session_id: str) -> None:
        """Keep nothing of a session without entries, not even how many it had."""
        self._left.pop(session_id, None)

    def session_ids(self) -> list[str]:
        """The ids named by requests in the log, known or not, in the order they first appeared."""
        return list(self._sessions)

    def _place(self, seq: int) -> tuple[int, int]:
        """The block of a seq and its place there: the log may have been emptied in the midst of its first block."""
        number = seq // BLOCK
        return number, seq - max(number * BLOCK, self._origin)

    # -- listeners ----------------------------------------------------------------------------------------------------

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for every Notice, under the emulator's lock: it may only hand over. Returns how to stop it."""
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    @property
    def has_listeners(self) -> bool:
        return bool(self._listeners)

    def tell(self, what: str, seq: int) -> None:
        for listener in self._listeners:
            listener(Notice(what, seq))
