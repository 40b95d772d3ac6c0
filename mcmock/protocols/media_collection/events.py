"""The events that a body holds. Any accepted body can be read, also one that loose mode let through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcmock.core import json_decoding
from mcmock.core.events import Event, FieldPaths, number_or_none

PATHS = FieldPaths(".playerTime.ts", ".playerTime.playhead", ".params", ".customMetadata")


def events_in(body: bytes, seq: int, at: float, after_end: bool = False) -> tuple[Event, ...]:
    """Return the events of a body: one, all elements of an array, or none where it is not JSON."""
    try:
        value = json_decoding.decode(body)
    except json_decoding.BadJson:
        return ()
    parts = value if isinstance(value, list) else [value]
    return tuple(event_from(part, seq, at, after_end) for part in parts if isinstance(part, dict))


def event_from(body: Mapping[str, Any], seq: int, at: float, after_end: bool = False) -> Event:
    """Return one event. A `ts` that is not a number (let through by loose mode) is taken from the arrival."""
    time = part_of(body, "playerTime")
    sent_ts, sent_playhead = _number(time.get("ts")), _number(time.get("playhead"))
    ts, playhead = number_or_none(sent_ts), number_or_none(sent_playhead)
    return Event(
        seq=seq,
        at=at,
        event_type=str(body.get("eventType")),
        playhead=0.0 if playhead is None else playhead,
        ts=int(at * 1000 if ts is None else ts),
        params=part_of(body, "params"),
        qoe=part_of(body, "qoeData"),
        metadata=part_of(body, "customMetadata"),
        after_end=after_end,
        paths=PATHS,
        sent_playhead=sent_playhead,
        sent_ts=sent_ts,
    )


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def playhead_of(body: Mapping[str, Any]) -> float | None:
    """Return the playhead in seconds; None where there is none, or something else in its place."""
    time = body.get("playerTime")
    value = time.get("playhead") if type(time) is dict else None
    return value if type(value) in _NUMBERS else None


_NUMBERS = (float, int)  # and not bool, which is an int to isinstance


def ts_of(body: Mapping[str, Any]) -> int | None:
    """Return the player's own time in milliseconds; None where there is none, or something else in its place."""
    ts = number_or_none(part_of(body, "playerTime").get("ts"))
    return None if ts is None else int(ts)


def part_of(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object of the body; an empty one where there is none, or something else in its place."""
    part = body.get(key)
    return part if isinstance(part, dict) else {}
