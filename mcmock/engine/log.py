"""The log: every request in the order of its arrival, bounded in bytes, never blocking.

Rules of this file:

1. An entry is a plain tuple of atoms (strings, bytes, numbers, tuples of them): Python's garbage collector forgets such
   tuples after one look, so that a log of a million entries costs no pause.
2. An entry never changes. What becomes of its answer, the one late fact, is a byte in an array beside it.
3. When the log is full the oldest entries go, and are counted. No verdict depends on what was evicted.
4. What entries share (header lines, a session's id and path) is kept once, counts once, and goes with the last of them:
   `bytes` is what the process pays for the log.

It knows neither sessions nor outcomes: those are derived by the Emulator, which also holds the lock around every call.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from sys import getsizeof
from typing import Any, NamedTuple

from mcmock.core import http, turns
from mcmock.core.collector import collector
from mcmock.core.model import Delivery, FaultHit, Finding, Headers, Kind, RawHeaders, Severity, Verdict, headers_from
from mcmock.core.notices import Listener, Notice
from mcmock.core.tables import DirectTable, drop_oldest
from mcmock.engine import weights
from mcmock.engine.weights import ENTRY_COST

BLOCK = 128
"""Entries stored together, and between two looks of the collector, which at more looks for so long that others wait for it."""

ROOM = 1024
"""When the log is full, so many-th a part of it is made free at once: to let one entry go each time costs three times as much."""

MAX_FOUND, MAX_FOUND_BYTES = 256, 2048
"""Findings that are looked for, because the next entry may have the same ones, and what they may weigh together."""

MAX_INTERNED = 4096
"""Distinct header sets that are looked for; past that, the oldest ones are kept only as long as entries have them."""


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
    response_header_text: str
    response_body: bytes
    findings: tuple[Finding, ...]
    fault: FaultHit | None
    after_end: bool
    protocol: str

    @property
    def response_headers(self) -> Headers:
        """The header lines of the answer, in their order."""
        return headers_from(self.response_header_text)


# The collector forgets a tuple only if it holds nothing that it looks after itself, and it looks after members of an enum.
_TEXTS: dict[Kind | Verdict, str] = {member: str(member.value) for member in (*Kind, *Verdict)}
_KINDS = {str(kind.value): kind for kind in Kind}
_VERDICTS = {str(verdict.value): verdict for verdict in Verdict}


_Findings = tuple[tuple[str, ...], ...]


def _atoms_of(finding: Finding) -> tuple[str, ...]:
    return finding.rule, _SEVERITY_TEXTS[finding.severity], finding.path, finding.message, finding.source


def findings_from(found: Iterable[Iterable[str]]) -> tuple[Finding, ...]:
    """Return the findings of a row, or of JSON. Raises ValueError or TypeError for what is none."""
    return tuple([_finding_of(*one) for one in found])


def _finding_of(rule: str, severity: str, path: str, message: str, source: str) -> Finding:
    return Finding(rule, Severity(severity), path, message, source)


_SEVERITY_TEXTS = {one: str(one.value) for one in Severity}

# The methods whose name the HTTP parser has but once.
_METHODS = frozenset({"POST", "GET", "OPTIONS", "HEAD", "PUT", "DELETE", "PATCH"})


def weight_of(entry: Entry, of_headers: int | None = None) -> int:
    """Return what an entry weighs that shares nothing with others, as one in a file does.

    `of_headers` is what its header lines weigh, where that is known.
    """
    if of_headers is None:
        of_headers = weights.of_headers(entry.headers)
    return (
        ENTRY_COST + len(entry.body) + of_headers + getsizeof(entry.target)
        + getsizeof(entry.session_id) + weights.of_answer(entry.response_header_text, entry.response_body)
        + getsizeof(entry.event_type) + weights.of_findings(entry.findings) + _weight_of_oddities(entry.method, entry.fault)
    )  # fmt: skip


def _weight_of_oddities(method: str, fault: FaultHit | None) -> int:
    """Return what a plain ping has none of."""
    weight = weights.of_fault(fault)
    return weight if method in _METHODS else weight + getsizeof(method)


DELIVERIES = tuple(Delivery)
"""What may have become of an answer, by the number that stands for it beside an entry."""

_DELIVERY_CODES = {delivery: code for code, delivery in enumerate(DELIVERIES)}


@dataclass(slots=True)
class NewEntries:
    """Entries that follow each other, for whoever keeps the log elsewhere.

    `rows` have the columns of Entry, where kind and verdict are texts, and the header lines a number; `lines` are those by
    number, and `deliveries` what became of the answers, as places in DELIVERIES.
    """

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    lines: dict[int, RawHeaders] = field(default_factory=dict)
    deliveries: bytearray = field(default_factory=bytearray)

    def __len__(self) -> int:
        return len(self.rows)

    def extend(self, later: NewEntries) -> None:
        """Add the ones that follow these."""
        self.rows += later.rows
        self.lines |= later.lines
        self.deliveries += later.deliveries

    def session_ids(self) -> set[str]:
        """Return the sessions that they name."""
        return set(map(_SESSION_ID, self.rows)) - {None}

    def part(self, begin: int, end: int | None = None) -> NewEntries:
        """Return those at these places."""
        return NewEntries(self.rows[begin:end], self.lines, self.deliveries[begin:end])


_NUMBER_OF_LINES, _SESSION_ID = itemgetter(5), itemgetter(8)


class _Block(NamedTuple):
    """Entries that follow each other, and beside them what each weighs for itself, and what became of its answer."""

    rows: list[tuple[Any, ...]]
    sizes: array[int]
    deliveries: bytearray


class _Trail:
    """The entries of one session id: what they share, and where they are. `gone` of them have left the log."""

    __slots__ = ("gone", "id", "seqs", "target", "weight")

    def __init__(self, session_id: str, target: str, gone: int) -> None:
        self.id, self.target, self.gone = session_id, target, gone
        self.seqs = array("Q")
        self.weight = weights.SESSION_COST + getsizeof(session_id) + getsizeof(target)

    def share(self, target: str) -> int:
        """Share this path from now on, and return by how much it weighs more than the one before."""
        more = getsizeof(target) - getsizeof(self.target)
        self.target = target
        self.weight += more
        return more


class _Lines:
    """One set of header lines, as it came and as it is kept, and how many entries have it."""

    __slots__ = ("came", "kept", "number", "uses", "weight")

    def __init__(self, came: RawHeaders, number: int) -> None:
        self.came, self.number, self.uses = came, number, 0
        self.kept = http.without_secrets(came)
        self.weight = weights.of_headers(came)
        if self.kept != came:
            self.weight += weights.of_headers(self.kept)


class Log:
    """A bounded log of entries. `max_bytes` bounds all that is kept for them.

    `is_session` tells whether a session id is known beside the log: of those it is remembered how many entries had to go.
    `event_types` are kept once: a body's is a new string each time.
    """

    def __init__(
        self, max_bytes: int, is_session: Callable[[str], bool] = lambda _: False, event_types: Iterable[str] = ()
    ) -> None:
        self.max_bytes = max_bytes
        self._is_session = is_session
        self._event_types: dict[str | None, tuple[str | None, int]] = {one: (one, 0) for one in (None, *event_types)}
        self._next = 1
        self._listeners: list[Listener] = []
        self._taken = 0  # the last entry that whoever keeps the log elsewhere has
        self._keeper: Callable[[], None] | None = None
        self._empty()

    def _empty(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._trails: dict[str, _Trail] = {}
        self._left: dict[str, int] = {}  # how many entries had to go of a session that has none here any more
        self._lines: dict[int, _Lines] = {}
        self._interned = DirectTable[RawHeaders, _Lines]()
        self._same: dict[int, _Lines] = {}  # by the id of the tuple that came: to find it needs no look at the lines
        self._lines_made = 0
        self._found: dict[int, tuple[tuple[Finding, ...], _Findings, int]] = {}
        self._answers = "", ""  # the header lines of answers that others may share: the latest two
        self._first = self._origin = self._next  # the oldest entry kept; the first since the log was empty
        self.bytes = 0
        self.evicted = 0

    # -- writing ------------------------------------------------------------------------------------------------------

    @property
    def next_seq(self) -> int:
        return self._next

    @property
    def first_seq(self) -> int:
        """The number of the oldest entry; where there is none, of the next one."""
        return self._first

    def append(self, entry: tuple[Any, ...], delivery: Delivery = Delivery.PENDING) -> None:
        """Add an entry, the columns of Entry with `seq` = `next_seq`. Secrets among its headers are not kept.

        `delivery` is what is known of its answer by now.
        """
        self.add(*entry[1:], delivery)  # type: ignore[call-arg]

    def add(
        self, at: float, kind: Kind, method: str, target: str, headers: RawHeaders, body: bytes, event_type: str | None,
        session_id: str | None, verdict: Verdict, status: int, answer: str, answer_body: bytes,
        findings: tuple[Finding, ...], fault: FaultHit | None, after_end: bool, protocol: str, delivery: Delivery,
    ) -> None:  # fmt: skip
        """`append` for who has no entry made yet; it is the next one."""
        seq = self._next
        self._next = seq + 1
        if seq % BLOCK == 0 or seq == self._origin:
            self._open = self._blocks[seq // BLOCK] = _Block([], array("Q"), bytearray())
            collector.look()
        event_type, weight = self._event_types.get(event_type) or (event_type, getsizeof(event_type))
        weight += ENTRY_COST + len(body)
        if session_id is None:
            weight += getsizeof(target)
        else:
            trail = self._trails.get(session_id) or self._new_trail(session_id, target)
            trail.seqs.append(seq)
            session_id = trail.id
            if target == trail.target:
                target = trail.target
            else:
                weight += self._weight_of_target(target, trail)
        lines = self._same.get(id(headers))
        if lines is None or lines.came is not headers:
            lines = self._interned.get(headers) or self._new_lines(headers)
        lines.uses += 1
        found: _Findings = ()
        if findings:
            found, more = self._found_in(findings)
            weight += more
        if fault or method not in _METHODS:
            weight += _weight_of_oddities(method, fault)
        latest, other = self._answers
        if answer is not latest and answer is not other:
            weight += weights.of_answer(answer, answer_body)
            if verdict is not Verdict.CREATED:  # where its session is stands in no other
                self._answers = answer, latest
        block = self._open
        block.rows.append((
            seq, at, _TEXTS[kind], method, target, lines.number, body, event_type, session_id, _TEXTS[verdict], status,
            answer, answer_body, found, fault and tuple(fault), after_end, protocol,
        ))  # fmt: skip
        block.sizes.append(weight)
        block.deliveries.append(_DELIVERY_CODES[delivery])
        self.bytes += weight
        if self.bytes > self.max_bytes:
            self._evict()
        if self._listeners:
            self._tell_of(seq, delivery)

    def _tell_of(self, seq: int, delivery: Delivery) -> None:
        self.tell("exchange", seq)
        if delivery is not Delivery.PENDING:
            self.tell("delivery", seq)

    def _found_in(self, findings: tuple[Finding, ...]) -> tuple[_Findings, int]:
        """Return findings as a row has them, and what they weigh: those that are the same ones are made once."""
        known = self._found.get(id(findings))
        if known is not None and known[0] is findings:
            return known[1:]
        found, weight = tuple(map(_atoms_of, findings)), weights.of_findings(findings)
        if weight <= MAX_FOUND_BYTES:
            if len(self._found) >= MAX_FOUND:
                self._found.clear()
            self._found[id(findings)] = findings, found, weight
        return found, weight

    def _weight_of_target(self, target: str, trail: _Trail) -> int:
        """Return what a path weighs that is not the one its session shares; the first event, behind its start, has that one."""
        if len(trail.seqs) != 2 or trail.gone:
            return getsizeof(target)
        weight = getsizeof(trail.target)
        self.bytes += trail.share(target)
        return weight

    def _new_trail(self, session_id: str, target: str) -> _Trail:
        trail = self._trails[session_id] = _Trail(session_id, target, self._left.pop(session_id, 0))
        self.bytes += trail.weight
        return trail

    def _new_lines(self, headers: RawHeaders) -> _Lines:
        self._lines_made += 1
        lines = self._interned[headers] = self._lines[self._lines_made] = _Lines(headers, self._lines_made)
        self._same[id(headers)] = lines
        self.bytes += lines.weight
        drop_oldest(self._interned, MAX_INTERNED)
        return lines

    def settle(self, seq: int, delivery: Delivery) -> None:
        """Note what became of the answer. A seq that is no longer in the log is passed over."""
        if self._first <= seq < self._next:
            block, place = self._place(seq)
            block.deliveries[place] = _DELIVERY_CODES[delivery]
            if self._listeners:
                self.tell("delivery", seq)

    def clear(self) -> None:
        """Forget every entry; seqs go on counting."""
        self._empty()
        self.tell("cleared", 0)

    def remains(self) -> list[list[Any]]:
        """Return what takes long to let go of once the log is emptied."""
        rows = [row for block in turns.paused([*self._blocks.values()]) for row in block.rows]
        return [rows, [*self._trails.values()]]

    def begin_at(self, next_seq: int, evicted: int) -> None:
        """Empty, and go on as a log does that had `evicted` entries leave and whose next one is `next_seq`."""
        self._next = next_seq
        self._empty()
        self.evicted = evicted

    def bound(self, max_bytes: int) -> None:
        """Keep no more than this from now on."""
        self.max_bytes = max_bytes
        if self.bytes > max_bytes:
            self._evict()

    def _evict(self) -> None:
        """Drop the oldest entries until the rest fits, with a little room for the next; the newest one always stays."""
        most, newest = self.max_bytes - self.max_bytes // ROOM, self._next - 1
        seq, trails, shared = self._first, self._trails, self._lines
        while self.bytes > most and seq < newest:
            if self._keeper is not None and seq > self._taken:
                self._keeper()
            block, begin = self._place(seq)
            rows, sizes, held = block.rows, block.sizes, self.bytes
            end = begin + min(newest, self._taken + 1 if self._keeper is not None else newest) - seq
            for place in range(begin, min(end, len(rows))):
                row = rows[place]
                rows[place] = ()
                seq += 1
                held -= sizes[place]
                lines = shared[row[5]]
                lines.uses -= 1
                if not lines.uses:
                    held -= self._forget_lines(lines)
                if (session_id := row[8]) is not None:
                    trail = trails[session_id]
                    trail.gone += 1
                    if trail.seqs[-1] < seq:
                        held -= self._end(trail)
                    elif trail.gone % BLOCK == 0:  # not each time: it would be copied for every entry
                        del trail.seqs[: bisect_left(trail.seqs, seq)]
                if held <= most:
                    break
            self.evicted += seq - self._first
            self._first, self.bytes = seq, held
            if seq % BLOCK == 0:
                del self._blocks[seq // BLOCK - 1]
        self.tell("evicted", 0)

    def _forget_lines(self, lines: _Lines) -> int:
        """Forget header lines that no entry has any more, and return how many bytes that frees."""
        del self._lines[lines.number], self._same[id(lines.came)]
        if self._interned.get(lines.came) is lines:
            del self._interned[lines.came]
        return lines.weight

    def _end(self, trail: _Trail) -> int:
        """Forget where the entries of a session were, all of which have left, and return how many bytes that frees."""
        del self._trails[trail.id]
        if self._is_session(trail.id):
            self._left[trail.id] = trail.gone
        return trail.weight

    # -- for whoever keeps it elsewhere -------------------------------------------------------------------------------

    def keep_with(self, keeper: Callable[[], None]) -> None:
        """Call `keeper` before an entry goes that was not taken; those that are here now count as taken."""
        self._keeper, self._taken = keeper, self._next - 1

    def take_new(self) -> NewEntries:
        """Return the entries since the last time, oldest first, without those that were cleared."""
        first, self._taken = max(self._taken + 1, self._first), self._next - 1
        rows, deliveries = list[tuple[Any, ...]](), bytearray()
        for number in range(first // BLOCK, self._taken // BLOCK + 1) if first <= self._taken else ():
            block, begin = self._blocks[number], max(number * BLOCK, self._origin)
            rows += block.rows[max(first - begin, 0) :]
            deliveries += block.deliveries[max(first - begin, 0) :]
        numbers = set(map(_NUMBER_OF_LINES, rows))
        return NewEntries(rows, {number: self._lines[number].kept for number in numbers}, deliveries)

    def is_taken(self, seq: int) -> bool:
        """Return whether `take_new` has returned that entry, so that what becomes of its answer now is news."""
        return seq <= self._taken

    # -- reading ------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._next - self._first

    def get(self, seq: int) -> Entry | None:
        """Return the entry of that number, or None if there is none (any more)."""
        if not self._first <= seq < self._next:
            return None
        block, place = self._place(seq)
        return self._entry(block.rows[place])

    def has(self, seq: int) -> bool:
        """Return whether the entry of that number is in the log."""
        return self._first <= seq < self._next

    def delivery(self, seq: int) -> Delivery:
        """Return what became of an answer; of an entry that has left meanwhile it is not known."""
        if not self.has(seq):
            return Delivery.PENDING
        block, place = self._place(seq)
        return DELIVERIES[block.deliveries[place]]

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        """Return a stored row with its names, and its words, given back."""
        (
            seq, at, kind, method, target, number, body, event_type, session_id, verdict, status, answer, answer_body, found,
            met, after_end, protocol,
        ) = row  # fmt: skip
        return Entry(
            seq, at, _KINDS[kind], method, target, self._lines[number].kept, body, event_type, session_id, _VERDICTS[verdict],
            status, answer, answer_body, findings_from(found), FaultHit(*met) if met else None, after_end, protocol,
        )  # fmt: skip

    def entries(self, since: int = 0, *, newest_first: bool = False) -> Iterator[Entry]:
        """Yield the entries after seq `since`, as they are while you iterate: an entry evicted meanwhile is left out."""
        first = max(self._first, since + 1)
        numbers = range(first // BLOCK, (self._next - 1) // BLOCK + 1)
        for number in reversed(numbers) if newest_first else numbers:
            block = self._blocks.get(number)
            rows = block.rows if block is not None else []
            if number == first // BLOCK:
                rows = rows[first - max(number * BLOCK, self._origin) :]
            for row in reversed(rows) if newest_first else rows:
                if row and row[0] >= self._first:  # the log may have been emptied meanwhile
                    yield self._entry(row)

    def seqs_of(self, session_id: str, since: int = 0, most: int | None = None) -> array[int]:
        """Return the numbers, after `since`, of a session's entries that are still in the log; the first `most` of them."""
        trail = self._trails.get(session_id)
        if trail is None:
            return array("Q")
        place = self._place_after(trail, since)
        return trail.seqs[place : place + most] if most is not None else trail.seqs[place:]

    def count_of(self, session_id: str, since: int = 0) -> int:
        """Return how many entries of a session, after `since`, are still in the log."""
        trail = self._trails.get(session_id)
        return len(trail.seqs) - self._place_after(trail, since) if trail is not None else 0

    def _place_after(self, trail: _Trail, since: int) -> int:
        return bisect_left(trail.seqs, max(self._first, since + 1))

    def evicted_of(self, session_id: str) -> int:
        """Return how many of a session's entries had to go since the log was last emptied."""
        trail = self._trails.get(session_id)
        return trail.gone if trail is not None else self._left.get(session_id, 0)

    def knows(self, session_id: str) -> bool:
        """Return whether an entry of that session is in the log."""
        return session_id in self._trails

    def forget(self, session_id: str) -> None:
        """Keep nothing of a session without entries, not even how many it had."""
        self._left.pop(session_id, None)

    def session_ids(self) -> list[str]:
        """Return the ids named by requests in the log, known or not, in the order they first appeared."""
        return list(self._trails)

    def _place(self, seq: int) -> tuple[_Block, int]:
        """Return the block of a seq and its place there: the log may have been emptied in the midst of its first block."""
        number = seq // BLOCK
        return self._blocks[number], seq - max(number * BLOCK, self._origin)

    # -- listeners ----------------------------------------------------------------------------------------------------

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for every Notice, under the emulator's lock: it may only hand over. Returns how to stop it."""
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    @property
    def listener_count(self) -> int:
        """How many are told of what happens."""
        return len(self._listeners)

    def tell(self, what: str, seq: int) -> None:
        for listener in self._listeners:
            listener(Notice(what, seq))
