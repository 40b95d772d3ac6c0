"""Which of several events with one `ts` is processed first: what opens before what stands inside it, what closes after.

Clients send such events in one tick and in parallel, so that their arrival says nothing. Where neither of two opens or
closes anything for the other, nothing tells their order: arrival decides, and `cannot_be_told` says so.

It is asked between two events, so that it knows what is open at that moment. It must not count anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mcmock.analytics.effects import AD_ENDS, CHAPTER_ENDS
from mcmock.analytics.playback import PLAYBACK_EVENTS
from mcmock.analytics.records import state_key
from mcmock.analytics.tally import Signature, Tally
from mcmock.core.events import Event

RANKS: Final[dict[str, int]] = {
    "sessionStart": 0,
    **dict.fromkeys(AD_ENDS, 1),
    "adBreakComplete": 2,
    **dict.fromkeys(CHAPTER_ENDS, 3),
    "stateEnd": 4,
    "statesUpdate": 5,
    "stateStart": 6,
    "chapterStart": 7,
    "adBreakStart": 8,
    "adStart": 9,
    **dict.fromkeys(PLAYBACK_EVENTS, 10),
    "sessionComplete": 12,
    "sessionEnd": 13,
}
"""What else there is says nothing of the session's state, and stands between the playback events and the end."""

_OTHERS: Final = 11
_WAITS: Final = 100  # added where an event closes what another of the same ts is still to open


def signature(event: Event) -> Signature:
    return Signature(event.event_type, event.ts, event.playhead, event.params, event.qoe, event.id)


def first_of(tally: Tally, tied: Sequence[Event]) -> int:
    """Return which of the events, in their order of arrival, comes next: its place among them."""
    types = {event.event_type for event in tied}
    return min(range(len(tied)), key=lambda place: (*_rank(tally, tied[place], tied, types), place))


def _rank(tally: Tally, event: Event, tied: Sequence[Event], types: set[str]) -> tuple[int, str]:
    kind = event.event_type
    rank, name = RANKS.get(kind, _OTHERS), ""
    if kind in ("stateStart", "stateEnd"):
        name = state_key(event.params.get("media.state.name"))
    return (rank + _WAITS if _waits(tally, kind, name, tied, types) else rank), name


def _waits(tally: Tally, kind: str, name: str, tied: Sequence[Event], types: set[str]) -> bool:
    """Return whether the event closes something that is not open yet, or whose content is still to come."""
    if kind in AD_ENDS:
        return tally.ad is None and "adStart" in types
    if kind == "adBreakComplete" and tally.ad_break is None:
        return "adBreakStart" in types
    if kind == "adBreakComplete":  # ads with this ts are inside the open break, unless another one begins
        return "adStart" in types and "adBreakStart" not in types
    if kind in CHAPTER_ENDS:
        return tally.chapter is None and "chapterStart" in types
    if kind == "stateEnd":
        state = tally.states.get(name)
        starts = (one.params.get("media.state.name") for one in tied if one.event_type == "stateStart")
        return (state is None or state.opened_ms is None) and name in map(state_key, starts)
    return False


def cannot_be_told(one: Signature, other: Signature) -> bool:
    """Return whether nothing but arrival tells the order of two events with one ts, and it makes a difference."""
    ranks = RANKS.get(one.event_type, _OTHERS), RANKS.get(other.event_type, _OTHERS)
    if ranks[0] != ranks[1] or one == other:
        return False
    if ranks[0] == _OTHERS:
        return one.playhead != other.playhead or bool(one.qoe and other.qoe and one.qoe != other.qoe)
    return one.event_type not in ("stateStart", "stateEnd") or one.params == other.params
