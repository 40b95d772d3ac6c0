"""The pattern language for the order of a session's events: what a pattern means, and where a session departs from it.

    "play"                 this event
    "play|pauseStart"      one of these
    "!ping"                any event but this one; "!ping|bufferStart" any but these
    "any"                  any one event
    "..."                  any events, any number of them
    "ping?" "ping*" "ping+" "ping{3}" "ping{2,5}" "ping{2,}"      how often: at most once, any number, at least once …
    {"event": "ping+", "playhead": {"min": 10}}                   a Match; its event may say how often

A pattern holds for the whole session, first event to last. With gaps, other events may stand before, between and after.
It looks at exchanges and knows neither where they come from nor which session they belong to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mcmock.core import turns
from mcmock.core.events import EVENT_TYPES
from mcmock.core.match import Match, phrase
from mcmock.core.model import Exchange
from mcmock.core.wording import did_you_mean, named, shown

ANY = "any"
GAP = "..."
MOST = 1000
"""The largest number a `{…}` may hold."""
MAX_STEPS = 2000
"""Steps of a pattern with its numbers written out: each may have to be looked at for each event."""

_WORD = re.compile(r"(?P<no>!?)(?P<names>\w+(?:\|\w+)*)(?P<often>[?*+]|\{[0-9]{1,9}(?:,[0-9]{0,9})?\})?")
_OFTEN: dict[str | None, tuple[int, int | None]] = {None: (1, 1), "?": (0, 1), "*": (0, None), "+": (1, None)}

Test = Callable[[Exchange], bool]


class _Atom(NamedTuple):
    """One step of the pattern: an event that fits, may be left out, or may come again."""

    label: str
    fits: Test
    optional: bool = False
    loops: bool = False


def _anything(one: Exchange) -> bool:
    return True


class Departure(NamedTuple):
    """Where a session leaves the pattern: at the event of this place, or, at its length, by ending too early."""

    place: int
    wanted: tuple[str, ...]


class Pattern:
    """A compiled pattern. `items` is what it was made from, in the form that JSON knows."""

    def __init__(self, items: Iterable[str | Mapping[str, Any]], *, gaps: bool = False) -> None:
        """Raises ValueError, naming the item, for what the language does not know."""
        self.items = _listed(items)
        self.gaps = gaps
        parts = _compiled(self.items)
        gap = _atoms(GAP, _anything, 0, None)
        between = gap if gaps else []
        self._atoms = [*between, *(atom for part in parts for atom in (*part, *between))]

    def departure(self, events: Sequence[Exchange]) -> Departure | None:
        """Return where `events` leave the pattern, or None if they follow it to the end."""
        places = self._skip({0})
        for index, event in enumerate(turns.paused(events)):
            after = self._step(places, event)
            if not after:
                return Departure(index, self._wanted(places))
            places = after
        return None if len(self._atoms) in places else Departure(len(events), self._wanted(places))

    def _step(self, places: set[int], event: Exchange) -> set[int]:
        after = set()
        for place in places:
            if place < len(self._atoms) and self._atoms[place].fits(event):
                after.add(place if self._atoms[place].loops else place + 1)
        return self._skip(after)

    def _skip(self, places: set[int]) -> set[int]:
        """Those places, and those reached from them by leaving optional steps out."""
        reached = set(places)
        for place in places:
            behind = place + 1
            while behind not in reached and behind <= len(self._atoms) and self._atoms[behind - 1].optional:
                reached.add(behind)
                behind += 1
        return reached

    def _wanted(self, places: set[int]) -> tuple[str, ...]:
        labels = [self._atoms[place].label for place in sorted(places) if place < len(self._atoms)]
        named = [label for label in labels if label != GAP] or labels
        ended = ("the end",) if len(self._atoms) in places else ()
        return (*dict.fromkeys(named), *ended)

    def __str__(self) -> str:
        words = " ".join(item if isinstance(item, str) else _described(item) for item in self.items)
        return f"{words} (with gaps)" if self.gaps else words


def _listed(items: Iterable[str | Mapping[str, Any]]) -> list[str | Mapping[str, Any]]:
    listed = [] if isinstance(items, str | Mapping) or not isinstance(items, Iterable) else list(items)
    if not listed:
        raise ValueError('sequence must be a list of events, such as ["sessionStart", "play", "ping*", "sessionEnd"]')
    return listed


def _compiled(items: Sequence[str | Mapping[str, Any]]) -> list[list[_Atom]]:
    parts, steps = [], 0
    for number, item in enumerate(items, 1):
        parts.append(_compile(item, number))
        steps += len(parts[-1])
        if steps > MAX_STEPS:
            raise ValueError(f"sequence has more than {MAX_STEPS:,} steps, its numbers written out")
    return parts


def _compile(item: str | Mapping[str, Any], number: int) -> list[_Atom]:
    if isinstance(item, str):
        return _compile_word(item, f"sequence item {number}, {shown(item)},")
    if isinstance(item, Mapping):
        return _compile_match(item, number)
    raise ValueError(f"sequence item {number} must be text or a match, not {shown(item)}")


def _compile_match(item: Mapping[str, Any], number: int) -> list[_Atom]:
    word, rest = item.get("event"), {field: value for field, value in item.items() if field != "event"}
    match = Match(rest)
    if not isinstance(word, str):
        whole = Match(item)
        return _atoms(_described(item), whole.holds, 1, 1)
    (atom, *_), (least, most) = _compile_word(word, f"sequence item {number}, {shown(word)},"), _often(word)
    return _atoms(_described(item), lambda one: atom.fits(one) and match.holds(one), least, most)


def _compile_word(word: str, where: str) -> list[_Atom]:
    if word == GAP:
        return _atoms(GAP, _anything, 0, None)
    found = _WORD.fullmatch(word)
    if found is None:
        raise ValueError(
            f"{where} is not an event; write an event type, with ? * + {{2}} {{2,5}} for how often, or '...'"
        )
    label = found["no"] + found["names"]
    return _atoms(label, _test(found["no"] == "!", found["names"].split("|"), where), *_often(word))


def _often(word: str) -> tuple[int, int | None]:
    found = _WORD.fullmatch(word)
    sign = found["often"] if found else None
    if sign in _OFTEN:
        return _OFTEN[sign]
    low, comma, high = str(sign)[1:-1].partition(",")
    least, most = int(low), int(high) if high else None if comma else int(low)
    if max(least, most or 0) > MOST or (most is not None and most < max(least, 1)):
        raise ValueError(f"in {shown(word)} the numbers must rise and be at most {MOST}")
    return least, most


def _test(negated: bool, names: list[str], where: str) -> Test:
    if names == [ANY] and not negated:
        return _anything
    for name in names:
        if name not in EVENT_TYPES:
            hint = did_you_mean(name, EVENT_TYPES, f"; the types are {', '.join(EVENT_TYPES)}")
            raise ValueError(f"{where} names no event type {named(name)}{hint}")
    return lambda one: (one.event_type in names) is not negated


def _atoms(label: str, fits: Test, least: int, most: int | None) -> list[_Atom]:
    """`least` steps that must be there, then those that may."""
    needed = [_Atom(label, fits)] * least
    if most is None:
        return [*needed, _Atom(label, fits, optional=True, loops=True)]
    return [*needed, *[_Atom(label, fits, optional=True)] * (most - least)]


def _described(item: Mapping[str, Any]) -> str:
    rest = {field: value for field, value in item.items() if field != "event"}
    event = phrase(item.get("event", ANY))
    return f"{event}({Match(rest)})" if rest else event
