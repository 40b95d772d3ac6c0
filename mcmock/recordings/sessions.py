"""Which session each recorded request belongs to, where the recording does not say so itself.

A session is known by the id that the answer to its start gave out, and by the path of its events. Rules of this file:

1. An id that no recorded answer gave out is that of a start before it whose answer was not recorded: of the one that fits what
   is played (content, playheads, the player's own clock), and among those that fit as well, by order.
2. Events without an id, or with one that was given out twice, belong to the session that they fit best.
3. Where there was a choice, it is a guess, and said to be one. What fits nowhere is not made to fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

from mcmock.core.events import Event, number_or_none
from mcmock.core.model import Kind
from mcmock.recordings.records import Located

FITS: Final = 5.0
"""Seconds that a playhead or a clock may be off and still be that of the session: a step of a slider, a slow answer."""

_NEVER: Final = 1e9
_OVERHANG: Final = 10.0  # s; content may be somewhat longer than it says
_FASTEST: Final = 3.0  # playback, in seconds of content a second
MAX_PAIRS: Final = 100_000
"""Pairs of starts and ids that are compared; beyond, ids go by order alone."""


class Guess(NamedTuple):
    """What was taken for true without being recorded, in words. `place` is where in the list of requests, None for a session."""

    place: int | None
    session_id: str
    words: str


@dataclass
class Assigned:
    """The session of each start, and of each event that is of another one than it names, by its place in the list of requests;
    and what of it is a guess.
    """

    sessions: dict[int, str] = field(default_factory=dict)
    guesses: list[Guess] = field(default_factory=list)


def assign(requests: Sequence[Located]) -> Assigned:
    """Return which session each request belongs to."""
    assigned = Assigned()
    issued = {place: one.issued for place, one in enumerate(requests) if one.issued is not None}
    _match_starts(requests, issued, assigned)
    _follow(requests, {**issued, **assigned.sessions}, assigned)
    return assigned


# -- rule 1: starts without an id, and ids without a start ------------------------------------------------------------------


def _match_starts(requests: Sequence[Located], issued: Mapping[int, str], assigned: Assigned) -> None:
    groups = _unknown_ids(requests, set(issued.values()))
    starts = [place for place, one in enumerate(requests) if _may_begin(one) and place not in issued]
    pairs = list(_pairs(requests, starts, groups))
    free = {start for _, _, start in pairs}
    for cost, first, start in sorted(pairs):
        named = requests[first].named or ""
        if start not in free or named in assigned.sessions.values():
            continue
        free.discard(start)
        assigned.sessions[start] = named
        rivals = [other for other, at, one in pairs if (at == first) is not (one == start)]
        if rivals:
            words = _words(requests[start], by_order=min(rivals) <= cost)
            assigned.guesses.append(Guess(None, named, words))


def _unknown_ids(requests: Sequence[Located], issued: set[str]) -> dict[int, list[Located]]:
    """Return the events of each id that no answer gave out, by the place of the first; not those that were all refused."""
    groups: dict[str, list[int]] = {}
    for place, one in enumerate(requests):
        if one.kind is Kind.EVENT and one.named and one.named not in issued and not one.record.unaddressed:
            groups.setdefault(one.named, []).append(place)
    taken = [places for places in groups.values() if any(requests[place].was_taken for place in places)]
    return {places[0]: [requests[place] for place in places] for places in taken}


def _may_begin(one: Located) -> bool:
    return one.kind is Kind.SESSION and one.was_taken and not one.record.unaddressed and len(one.events) <= 1


def _pairs(
    requests: Sequence[Located], starts: Sequence[int], groups: Mapping[int, Sequence[Located]]
) -> Iterator[tuple[float, int, int]]:
    """Return how badly each id fits each start before it, with the places of its first event and of the start."""
    many = len(starts) * len(groups) > MAX_PAIRS
    openings = {} if many else {start: _event(requests[start]) for start in starts}
    for first, group in groups.items():
        before = [start for start in starts if start < first]
        events = [] if many else [event for one in group if (event := _event(one)) is not None]
        for start in before[-2:] if many else before:
            cost = 0.0 if many else _group_misfit(openings[start], events)
            if cost < _NEVER:
                yield (0.0 if cost <= FITS else cost), first, start


def _group_misfit(opening: Event | None, events: Sequence[Event]) -> float:
    if opening is None or not events:
        return 0.0
    if any(_contradicts(opening, event) for event in events):
        return _NEVER
    return _misfit(opening, events[0]) + max(_past_end(opening, event) for event in events)


def _words(start: Located, *, by_order: bool) -> str:
    opening = _event(start)
    media = opening.params.get("media.id") if opening is not None else None
    which = f"the start at {start.record.place}" + (f" (media.id {media})" if media else "")
    why = "by order alone: others fit as well" if by_order else "because it fits what is played"
    return f"the answer that gave out this id is not recorded; it is taken to be of {which}, {why}"


# -- rule 2: events that may be of several sessions -------------------------------------------------------------------------


class _Running(NamedTuple):
    """A session on its way: its start, and its latest event."""

    opening: Event | None
    latest: Event | None
    is_over: bool = False


def _follow(requests: Sequence[Located], begun: Mapping[int, str], assigned: Assigned) -> None:
    """Give each request its session, in order."""
    running: dict[str, _Running] = {}  # those that one name stands for several of: of others nobody asks what they play
    named_alike: dict[str, list[str]] = {}
    given_out = Counter(begun.values())
    starts = [place for place, one in enumerate(requests) if _begins(one, place, begun)]
    shared = {named for named, times in Counter(begun.get(place, "") for place in starts).items() if times > 1}
    chosen: Counter[str] = Counter()
    for place, one in enumerate(requests):
        if _begins(one, place, begun):
            named = begun.get(place, "")
            alike = named_alike.setdefault(named, [])
            session_id = named if named and not alike else _another_id(named, place)
            alike.append(session_id)
            assigned.sessions[place] = session_id
            if named in shared:
                running[session_id] = _Running(event := _event(one), event)
        elif one.kind is Kind.EVENT:
            named = "" if one.record.unaddressed else one.named or ""
            alike = named_alike.get(named, [])
            event = _event(one) if named in shared else None
            session_id = _best(alike, running, event) if len(alike) > 1 else alike[0] if alike else one.named or ""
            if session_id != one.named:
                assigned.sessions[place] = session_id
            if named not in shared:
                continue
            chosen[session_id] += len([other for other in alike if not running[other].is_over]) > 1
            if session_id in running and event is not None:
                over = event.event_type == "sessionEnd"
                running[session_id] = running[session_id]._replace(latest=event, is_over=over)
    _say_choices(named_alike, given_out, chosen, assigned)


def _begins(one: Located, place: int, begun: Mapping[int, str]) -> bool:
    """Return whether a session begins with it."""
    return one.is_start and one.was_taken and (place in begun or one.record.unaddressed)


def _say_choices(
    named_alike: Mapping[str, Sequence[str]],
    given_out: Mapping[str, int],
    chosen: Mapping[str, int],
    assigned: Assigned,
) -> None:
    for named, alike in named_alike.items():
        for session_id in alike if len(alike) > 1 else ():
            why = f"{given_out[named]} starts were answered with one id" if named else "these requests name no session"
            told = f"; {chosen[session_id]} of its events could be of another" if chosen[session_id] else ""
            words = f"{why}: events are told apart by what is played{told}"
            assigned.guesses.append(Guess(None, session_id, words))


def _another_id(named: str, place: int) -> str:
    return sha256(f"{named}/{place}".encode("utf-8", "surrogatepass")).hexdigest()


def _best(alike: Sequence[str], running: Mapping[str, _Running], event: Event | None) -> str:
    """Return the session that an event fits best; of those that fit as well, the one that began last and is not over."""

    def cost(session_id: str) -> tuple[bool, float]:
        session = running[session_id]
        if event is None or session.latest is None or session.opening is None:
            return session.is_over, 0.0
        if _contradicts(session.opening, event):
            return session.is_over, _NEVER
        return session.is_over, _misfit(session.latest, event) + _past_end(session.opening, event)

    return min(reversed(alike), key=cost)


# -- does it fit? -----------------------------------------------------------------------------------------------------------


def _event(one: Located) -> Event | None:
    return one.events[0] if one.events else None


def _contradicts(opening: Event, event: Event) -> bool:
    """Return whether an event cannot be of the session: it plays something else, or came before it by the player's own clock."""
    if opening.sent_ts is not None and event.sent_ts is not None and event.sent_ts < opening.sent_ts - FITS * 1000:
        return True
    shared = [key for key in opening.params if key.startswith(("media.", "visitor.")) and key in event.params]
    return any(opening.params[key] != event.params[key] for key in shared)


def _past_end(opening: Event, event: Event) -> float:
    """Return by how many seconds the event is past the end of what is played."""
    length = number_or_none(opening.params.get("media.length"))
    if length is None or length <= 0 or opening.params.get("media.contentType") in ("live", "linear"):
        return 0.0
    return max(0.0, (event.sent_playhead or 0.0) - length - _OVERHANG)


def _misfit(before: Event, event: Event) -> float:
    """Return by how many seconds the event is off from what would follow `before`."""
    off = 0.0
    elapsed = event.at - before.at
    if before.sent_ts is not None and event.sent_ts is not None:
        told = (event.sent_ts - before.sent_ts) / 1000
        off += max(0.0, abs(told - elapsed) - FITS)  # another clock: another device
        elapsed = told
    if before.sent_playhead is not None and event.sent_playhead is not None:
        moved = event.sent_playhead - before.sent_playhead
        off += max(0.0, -moved - 1.0, moved - _FASTEST * max(0.0, elapsed) - 1.0)
    return off
