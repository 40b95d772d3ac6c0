"""What stands where in the log, and how it counts: kept between two questions, so that one costs what is new and what is shown.

Rules of this file:

1. Nothing is done when a request comes. A question that needs the index brings it up to date, in turns. It takes some
   thirty bytes an entry, from the first such question on.
2. What an entry's columns say never changes, nor what was found on its arrival. What only its session can tell, whether it is
   ignored, is looked up for the sessions of which something came since, and there for what may have changed. What else was
   found of it later is looked up where it is asked for, session by session.
3. What has left the log leaves the index with the next question.

It judges nothing: who makes it hands in how that is done.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import merge
from itertools import groupby, islice
from typing import Any, Final, NamedTuple

from mcmock.core import turns
from mcmock.core.findings import ignores
from mcmock.core.match import RULE, Match
from mcmock.core.model import Finding, Outcome
from mcmock.engine.log import Entry, Log
from mcmock.engine.session_analysis import settled_outcome

AT_ONCE: Final = 32
"""Entries taken in, or looked up, between two looks at the time."""

SCANNED_AT_ONCE: Final = 4096
"""Outcomes looked through at once."""

COLUMNS: Final = ("event", "kind", "verdict", "status")
"""The fields of a Match that have lists of their own."""

_OUTCOMES: Final = tuple(Outcome)
_CODES: Final = {outcome: code for code, outcome in enumerate(_OUTCOMES)}
_GOOD: Final = _CODES[Outcome.GOOD]
_IGNORED: Final = _CODES[Outcome.IGNORED]
_DROPPED: Final = len(_OUTCOMES)
"""The code of what is ignored for what its own body says: no other event changes that."""


class Ignored(NamedTuple):
    """Which of a session's requests are ignored: `final` those that came to it since the last `mark`, `still_open` those of the
    window that is open. `mark` says where the next look goes on."""

    final: Iterable[int]
    still_open: Iterable[int]
    mark: object


LookAt = Callable[[str, object], Ignored]
"""Judges a session, and tells what is ignored since a mark; None is from the beginning."""

FoundIn = Callable[[str], Mapping[int, tuple[Finding, ...]]]
"""Judges a session, and tells what it says of which of its requests."""


class _Judged(NamedTuple):
    """Up to where a session was looked at, and what was ignored then in its open window."""

    mark: object
    still_open: tuple[int, ...]


class LogIndex:
    """The seqs of the log by what the columns say, and the outcome of each entry."""

    def __init__(self, log: Log, look_at: LookAt, found_in: FoundIn) -> None:
        self._log, self._look_at, self._found_in = log, look_at, found_in
        self.clear()

    def clear(self) -> None:
        """Forget everything: the log was emptied."""
        self._first = self._shortened = self._log.first_seq  # the oldest entry that is known here
        self._upto = self._first - 1
        self._lists: dict[tuple[str, Any], array[int]] = {}
        self._codes = bytearray()
        self._counts = [0] * (len(_OUTCOMES) + 1)
        self._judged: dict[str, _Judged] = {}
        self._stale: dict[str, None] = {}  # sessions of which something came since they were judged
        self._early: set[int] = set()  # ignored, and not taken in yet

    def remains(self) -> list[object]:
        """Return what of it takes long to let go of."""
        return [*self._judged.values()]

    # -- what is new ------------------------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Take in what came since the last time."""
        self._let_go()
        while self._upto < self._log.next_seq - 1:
            for entry in islice(self._log.entries(self._upto), AT_ONCE):
                self._enter(entry)
            turns.pause()
            self._let_go()

    def _enter(self, entry: Entry) -> None:
        seq = self._upto = entry.seq
        columns = entry.event_type, entry.kind, entry.verdict, entry.status
        for key in zip(COLUMNS, columns, strict=True):
            self._list(key, seq)
        for rule in {found.rule for found in entry.findings} if entry.findings else ():
            self._list((RULE, rule), seq)
        code = self._code_of(entry)
        self._codes.append(code)
        self._counts[code] += 1

    def _list(self, key: tuple[str, Any], seq: int) -> None:
        seqs = self._lists.get(key)
        if seqs is None:
            seqs = self._lists[key] = array("Q")
        seqs.append(seq)

    def _code_of(self, entry: Entry) -> int:
        settled = settled_outcome(entry)
        if settled is not None:
            return _CODES[settled]
        self._stale[str(entry.session_id)] = None
        if entry.findings and ignores(entry.findings):
            return _DROPPED
        if self._early and entry.seq in self._early:
            self._early.discard(entry.seq)
            return _IGNORED
        return _GOOD

    def _let_go(self) -> None:
        """Let go of what has left the log."""
        gone = self._log.first_seq - self._first
        if gone > len(self._codes):
            self.clear()
        elif gone > 0:
            left = self._codes[:gone]
            del self._codes[:gone]
            self._counts = [count - left.count(code) for code, count in enumerate(self._counts)]
            self._first += gone
            if self._first - self._shortened > max(SCANNED_AT_ONCE, len(self._codes) // 4):
                self._shorten()

    def _shorten(self) -> None:
        self._shortened = self._first
        for key, seqs in list(self._lists.items()):
            del seqs[: bisect_left(seqs, self._first)]
            if not seqs:
                del self._lists[key]
        for session_id in [one for one in self._judged if not self._log.knows(one)]:
            del self._judged[session_id]

    # -- what only a session can tell -------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Look at every session of which something came since the last time."""
        self.catch_up()
        while self._stale:
            session_id = next(iter(self._stale))
            known = self._judged.get(session_id)
            found = self._look_at(session_id, known.mark if known is not None else None)
            if session_id in self._stale:  # or the log was emptied meanwhile, or another question was faster
                del self._stale[session_id]
                self._note(session_id, found)
            turns.pause()

    def _note(self, session_id: str, found: Ignored) -> None:
        known, still_open = self._judged.get(session_id), tuple(found.still_open)
        for seq in known.still_open if known is not None else ():
            self._turn(seq, _IGNORED, _GOOD)
        for seq in (*found.final, *still_open):
            self._turn(seq, _GOOD, _IGNORED)
        self._judged[session_id] = _Judged(found.mark, still_open)

    def _turn(self, seq: int, before: int, after: int) -> None:
        place = seq - self._first
        if place >= len(self._codes):
            (self._early.add if after == _IGNORED else self._early.discard)(seq)
        elif place >= 0 and self._codes[place] == before:
            self._codes[place] = after
            self._counts[before] -= 1
            self._counts[after] += 1

    # -- answers ----------------------------------------------------------------------------------------------------------

    def outcomes(self) -> dict[Outcome, int]:
        """Return how many entries have which outcome."""
        self.judge()
        counts = dict(zip(_OUTCOMES, self._counts, strict=False))
        counts[Outcome.IGNORED] += self._counts[_DROPPED]
        return counts

    def count(self, match: Match, since: int, latest: int) -> int | None:
        """Return how many of the entries after seq `since` up to `latest` match; None where it takes a look at each to know."""
        if len(match.wanted) != 1:
            return None
        field = next(iter(match.wanted))
        if field == "outcome":
            self.judge()
            wanted = _table(match)
            first, end = max(0, since + 1 - self._first), max(0, latest + 1 - self._first)
            return self._codes[first:end].translate(wanted).count(1)
        if field not in COLUMNS:
            return None
        self.catch_up()
        keys = self._keys(match, field)
        return sum(len(self._between(key, max(since + 1, self._first), latest + 1)) for key in keys)

    def candidates(self, match: Match, since: int, latest: int, *, newest_first: bool) -> Iterator[int] | None:
        """Return the seqs after `since` up to `latest` that may match, by the shortest list there is; None without one."""
        if not match.wanted.keys().isdisjoint((*COLUMNS, RULE)):
            self.catch_up()
        found = [self._keys(match, field) for field in COLUMNS if field in match.wanted]
        by_length = sorted(found, key=self._length)
        if "outcome" in match.wanted and (not by_length or self._length(by_length[0]) > AT_ONCE):
            self.judge()
            wanted = _table(match)
            if not by_length or self._codes.translate(wanted).count(1) < self._length(by_length[0]):
                return self._with_outcome(wanted, since, latest, newest_first)
        elif RULE in match.wanted and not match.allows(RULE, []):
            ids = self._log.session_ids()
            if not by_length or self._length(by_length[0]) > len(ids):
                return self._with_rule(match, ids, since, latest, newest_first)
        if not by_length:
            return None
        return self._merged(by_length[0], since, latest, newest_first)

    def _merged(self, keys: Iterable[tuple[str, Any]], since: int, latest: int, newest_first: bool) -> Iterator[int]:
        walk = self._newest if newest_first else self._oldest
        return merge(*(walk(key, since, latest) for key in keys), reverse=newest_first)

    def _with_rule(
        self, match: Match, session_ids: Iterable[str], since: int, latest: int, newest_first: bool
    ) -> Iterator[int]:
        """Yield the seqs of which the match allows something that was found, on arrival or by a session."""
        later = [
            seq
            for found in map(self._found_in, turns.paused(session_ids))
            for seq in turns.paused([*found])
            if since < seq <= latest and match.allows(RULE, [one.rule for one in found.get(seq, ())])
        ]
        by_sessions = turns.sorted_in_turns(later, int)
        on_arrival = self._merged(self._keys(match, RULE), since, latest, newest_first)
        both = merge(on_arrival, reversed(by_sessions) if newest_first else by_sessions, reverse=newest_first)
        return (seq for seq, _ in groupby(both))

    def _keys(self, match: Match, field: str) -> list[tuple[str, Any]]:
        """Return the lists that have all that may match by what it wants of a field."""
        wanted = match.wanted[field]
        if isinstance(wanted, dict):
            return [key for key in self._lists if key[0] == field and match.allows(field, _column(*key))]
        return [(field, value) for value in dict.fromkeys(wanted if isinstance(wanted, list) else [wanted])]

    def _length(self, keys: Iterable[tuple[str, Any]]) -> int:
        return sum(len(self._lists[key]) for key in keys if key in self._lists)

    def _oldest(self, key: tuple[str, Any], since: int, latest: int) -> Iterator[int]:
        since = max(since, self._first - 1)
        while seqs := self._between(key, since + 1, min(self._upto, latest) + 1)[:AT_ONCE]:
            yield from seqs
            since = seqs[-1]

    def _newest(self, key: tuple[str, Any], since: int, latest: int) -> Iterator[int]:
        first, end = max(since + 1, self._first), min(self._upto, latest) + 1
        while seqs := self._between(key, first, end)[-AT_ONCE:]:
            yield from reversed(seqs)
            end = seqs[0]

    def _between(self, key: tuple[str, Any], first: int, end: int) -> array[int]:
        """Return the seqs of a list from `first` to before `end`: while one is looked at the list may become another."""
        known = self._lists.get(key, array("Q"))
        return known[bisect_left(known, first) : bisect_left(known, end)]

    def _with_outcome(self, wanted: bytes, since: int, latest: int, newest_first: bool) -> Iterator[int]:
        first, end = max(since + 1, self._first), min(self._upto, latest) + 1
        while first < end:
            low, high = (
                (max(first, end - SCANNED_AT_ONCE), end) if newest_first else (first, min(end, first + SCANNED_AT_ONCE))
            )
            low = max(low, self._first)
            places = self._codes[low - self._first : max(0, high - self._first)].translate(wanted)
            yield from _places(places, low, newest_first)
            first, end = (first, low) if newest_first else (high, end)
            turns.pause()
            first = max(first, self._first)


def _column(field: str, value: Any) -> Any:
    """Return what a request of a list has in that field, as a match reads it."""
    return [value] if field == RULE else value


def _places(flags: bytearray, first: int, newest_first: bool) -> Iterator[int]:
    """Yield the numbers of what is set, the first of which is `first`."""
    place = flags.rfind(1) if newest_first else flags.find(1)
    while place >= 0:
        yield first + place
        place = flags.rfind(1, 0, place) if newest_first else flags.find(1, place + 1)


def _table(match: Match) -> bytes:
    """Return a table that turns the code of each outcome that a match allows into 1, and others into 0."""
    allowed = [match.allows_outcome([outcome]) for outcome in (*_OUTCOMES, Outcome.IGNORED)]
    return bytes(allowed).ljust(256, b"\0")
