"""Two sessions' events, each made comparable and paired with the one of the other session that it belongs to.

Events have the names of the Media Collection API, whichever API brought them. A statesUpdate is one event for each of its
states. Nothing here says what is a difference: `mcmock.checks.comparison` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mcmock.analytics.records import state_key
from mcmock.analytics.views import SessionView
from mcmock.checks.verification import events_of
from mcmock.core import turns
from mcmock.core.events import Event
from mcmock.core.model import TAKEN, Exchange, Outcome

MAX_CELLS: Final = 400_000
"""Pairs of events that are looked at. Of long sessions those are looked at whose places are near each other."""

LEAST_BAND: Final = 50
"""Places by which an event may have moved in the longest sessions."""

MAX_NAMED: Final = 60
"""Characters of what an event is about: a player may send any length, and every difference of the event repeats it."""

ERROR_VALUES: Final = ("media.qoe.errorID", "media.qoe.errorSource")
"""The quality values that are about one event; every other one holds until another is sent."""


class Sent(NamedTuple):
    """One event of a session as it is compared.

    `at` is in seconds since the session began, by the player's clock. `content` tells two events of a type apart. `quality`
    is what holds from here on, and `says_quality` whether the event sent any of it. `in_update` says that it was part of a
    statesUpdate, `repeats` of a play that it played already.
    """

    seq: int
    event_type: str
    at: float
    playhead: float
    content: str
    params: Mapping[str, Any]
    metadata: Mapping[str, Any]
    quality: Mapping[str, Any]
    says_quality: bool
    outcome: Outcome
    in_update: bool = False
    repeats: bool = False

    @property
    def words(self) -> str:
        named = f" {self.content[:MAX_NAMED]!r}" if self.content else ""
        return f"{self.event_type}{named} at {self.at:.1f} s"


# -- the events of one session --------------------------------------------------------------------------------------------


def events_sent(view: SessionView) -> list[Sent]:
    """Return the events of a session in processing order, those that were rejected too; without what a fault refused."""
    made: list[Sent] = []
    quality: dict[str, Any] = {}
    start: int | None = None
    for exchange, event in turns.paused(_taken(view)):
        start = event.ts if start is None else start
        own = {key: value for key, value in event.qoe.items() if value is not None}
        quality = {**{key: value for key, value in quality.items() if key not in ERROR_VALUES}, **own}
        made += _as_sent(exchange, event, (event.ts - start) / 1000, quality, bool(own))
    turns.let_go_in_turns(made)
    repeated = _with_repeats(made)
    turns.let_go_in_turns([*repeated])
    return repeated


def _taken(view: SessionView) -> Iterator[tuple[Exchange, Event]]:
    for one in events_of(view):
        if one.verdict in TAKEN or one.outcome is Outcome.BAD:
            for event in [one.event] if one.event is not None else one.events:
                yield one, event


def _as_sent(exchange: Exchange, event: Event, at: float, quality: Mapping[str, Any], says: bool) -> list[Sent]:
    plain = Sent(
        exchange.seq, event.event_type, at, event.playhead, _content(event), event.params, event.metadata, quality, says,
        exchange.outcome,
    )  # fmt: skip
    states = list(_states_of(event)) if event.event_type == "statesUpdate" else []
    parts = [
        plain._replace(event_type=kind, content=state_key(name), params={STATE: name}, in_update=True)
        for kind, name in states
    ]
    return parts or [plain]


STATE: Final = "media.state.name"
_UPDATES: Final = {"statesEnd": "stateEnd", "statesStart": "stateStart"}


def _states_of(event: Event) -> Iterator[tuple[str, Any]]:
    """Yield what a statesUpdate does, as the events that do the same, in the order in which they count."""
    for key, kind in _UPDATES.items():
        items = event.params.get(key)
        for item in items if isinstance(items, list) else ():
            yield kind, item.get(STATE) if isinstance(item, Mapping) else None


_CONTENT: Final[Mapping[str, tuple[str, ...]]] = {
    "adStart": ("media.ad.id", "media.ad.name"),
    "adBreakStart": ("media.ad.podFriendlyName", "media.ad.podIndex"),
    "chapterStart": ("media.chapter.friendlyName", "media.chapter.index"),
    "error": ("media.qoe.errorID",),
}


def _content(event: Event) -> str:
    """Return what the event is about, where there are several of its type."""
    if event.event_type in _UPDATES.values():
        return state_key(event.params.get(STATE))
    values = (event.params.get(key, event.qoe.get(key)) for key in _CONTENT.get(event.event_type, ()))
    return next((str(value) for value in values if value not in (None, "")), "")


_STOPS: Final = ("sessionStart", "pauseStart", "bufferStart", "adBreakComplete", "sessionComplete", "sessionEnd")


def _with_repeats(events: Sequence[Sent]) -> list[Sent]:
    """Mark each play that came while it was playing; an ad plays from its start on."""
    playing, made = False, []
    for one in turns.paused(events):
        made.append(one._replace(repeats=playing) if one.event_type == "play" else one)
        playing = one.event_type in ("play", "adStart") or (playing and one.event_type not in _STOPS)
    return made


# -- pairing --------------------------------------------------------------------------------------------------------------

_GAP: Final = 1.0
"""What it costs that one session alone has an event; a pair never costs as much as two of these."""

_CONFUSABLE: Final = ({"adComplete", "adSkip"}, {"chapterComplete", "chapterSkip"})
"""Events of two types that stand for the same moment."""

_FAR: Final = 60.0
"""Seconds from which on it makes no difference how far two events are apart."""

_NEVER: Final = float("inf")
_BOTH, _OLD, _NEW = 0, 1, 2


def aligned(old: Sequence[Sent], new: Sequence[Sent]) -> list[tuple[int | None, int | None]]:
    """Return the places of both lists in their order, those of two events that belong together as one pair.

    It is the cheapest way from one list to the other, found by dynamic programming in a band of places near each other.
    """
    rows, columns = len(old), len(new)
    band = max(LEAST_BAND, MAX_CELLS // (2 * max(rows, columns, 1)), abs(rows - columns))
    ways: list[tuple[int, bytearray]] = []
    above: list[float] = []
    above_low = 0
    for row in range(rows + 1):
        middle = row * columns // max(rows, 1)
        low, high = max(0, middle - band), min(columns, middle + band)
        costs: list[float] = []
        ways_here = bytearray(high - low + 1)
        for column in turns.paused(range(low, high + 1)):
            best, way = (_NEVER, _BOTH) if row or column else (0.0, _BOTH)
            over = column - above_low
            if 0 <= over < len(above) and above[over] + _GAP < best:
                best, way = above[over] + _GAP, _OLD
            if costs and costs[-1] + _GAP < best:
                best, way = costs[-1] + _GAP, _NEW
            if (
                column
                and 0 < over <= len(above)
                and (cost := above[over - 1] + _apart(old[row - 1], new[column - 1])) <= best
            ):
                best, way = cost, _BOTH
            costs.append(best)
            ways_here[column - low] = way
        ways.append((low, ways_here))
        above, above_low = costs, low
    return _walked(ways, rows, columns)


def _walked(ways: Sequence[tuple[int, bytearray]], row: int, column: int) -> list[tuple[int | None, int | None]]:
    found: list[tuple[int | None, int | None]] = []
    while row or column:
        low, here = ways[row]
        way = here[column - low]
        row -= way != _NEW
        column -= way != _OLD
        found.append((row if way != _NEW else None, column if way != _OLD else None))
    return found[::-1]


def _apart(one: Sent, other: Sent) -> float:
    """Return what it costs to pair two events: nothing where they are alike, infinitely much for two of other types."""
    if one.event_type == other.event_type:
        cost = 0.5 if one.content != other.content else 0.0
    elif any(one.event_type in kin and other.event_type in kin for kin in _CONFUSABLE):
        cost = 0.5
    else:
        return _NEVER
    cost += (min(abs(one.at - other.at), _FAR) + min(abs(one.playhead - other.playhead), _FAR)) / _FAR * 0.4
    return cost + (0.3 if one.repeats != other.repeats else 0.0)
