"""The events that a body holds. Any accepted body can be read, also one that loose mode let through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from mcmock.core import json_decoding
from mcmock.core.events import Event, FieldPaths, number_or_none
from mcmock.protocols.media_edge import fields, identity, times
from mcmock.protocols.media_edge.routes import DOWNLOADED, START

PREFIX: Final = "media."


class Item(NamedTuple):
    """One media event of a body: its place in `events`, its type without `media.`, its XDM, and what that collects."""

    place: int
    event_type: str
    xdm: Mapping[str, Any]

    @property
    def collection(self) -> Mapping[str, Any]:
        return part_of(self.xdm, "mediaCollection")

    @property
    def session_id(self) -> str | None:
        named = self.collection.get("sessionID")
        return named if isinstance(named, str) else None


def items_in(value: Any) -> list[Item]:
    """Return the media events of a decoded body."""
    events = value.get("events") if isinstance(value, dict) else None
    return (
        [one for index, event in enumerate(events) if (one := _item(index, event))] if isinstance(events, list) else []
    )


def _item(index: int, event: Any) -> Item | None:
    xdm = event.get("xdm") if isinstance(event, dict) else None
    if not isinstance(xdm, dict):
        return None
    sent = xdm.get("eventType")
    named = sent.removeprefix(PREFIX) if isinstance(sent, str) and sent.startswith(PREFIX) else ""
    return Item(index, named, xdm) if named else None


def events_in(body: bytes, seq: int, at: float, after_end: bool = False) -> tuple[Event, ...]:
    """Return the events of a body, those of downloaded sessions one by one; none where it is no JSON."""
    try:
        value = json_decoding.decode(body)
    except json_decoding.BadJson:
        return ()
    return tuple(event for item in items_in(value) for event in _events(item, value, seq, at, after_end))


def _events(item: Item, whole: Mapping[str, Any], seq: int, at: float, after_end: bool) -> Iterator[Event]:
    if item.event_type != DOWNLOADED:
        yield _event(
            item.event_type, item.xdm, item.collection, _live_paths(item.place), item.xdm, whole, seq, at, after_end
        )
        return
    for place, one in enumerate(downloaded_in(item.xdm)):
        named = str(one.get("mediaEventType")).removeprefix(PREFIX)
        paths = _downloaded_paths(item.place, place)
        time = {"timestamp": one.get("mediaEventTimestamp")}
        yield _event(named, time, part_of(one, "mediaCollection"), paths, item.xdm, whole, seq, at, after_end)


def downloaded_in(xdm: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the events of a downloaded session, in their order."""
    listed = xdm.get("mediaDownloadedEvents")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _event(
    event_type: str, xdm: Mapping[str, Any], collection: Mapping[str, Any], paths: FieldPaths, holder: Mapping[str, Any],
    whole: Mapping[str, Any], seq: int, at: float, after_end: bool,
) -> Event:  # fmt: skip
    """Return one event. A time that is none, or was left out, is that of the arrival (assumed)."""
    sent_ts, sent_playhead = times.ms_of(xdm.get("timestamp")), _number(collection.get("playhead"))
    playhead = number_or_none(sent_playhead)
    found = fields.read(collection)
    if event_type == START and (ecid := identity.ecid_of(holder, part_of(whole, "xdm"), _cookies(whole))) is not None:
        found.params[fields.ECID_KEY] = ecid
    return Event(
        seq=seq,
        at=at,
        event_type=event_type,
        playhead=0.0 if playhead is None else playhead,
        ts=int(at * 1000) if sent_ts is None else sent_ts,
        params=found.params,
        qoe=found.qoe,
        metadata=found.metadata,
        after_end=after_end,
        paths=paths,
        sent_playhead=sent_playhead,
        sent_ts=sent_ts,
    )


def _cookies(whole: Mapping[str, Any]) -> Mapping[str, str]:
    return identity.cookies_in(whole.get("meta"), None)


@cache
def _live_paths(index: int) -> FieldPaths:
    at = f".events[{index}].xdm"
    collection = f"{at}.mediaCollection"
    return FieldPaths(f"{at}.timestamp", f"{collection}.playhead", collection, f"{collection}.customMetadata")


@cache
def _downloaded_paths(index: int, place: int) -> FieldPaths:
    at = f".events[{index}].xdm.mediaDownloadedEvents[{place}]"
    collection = f"{at}.mediaCollection"
    return FieldPaths(f"{at}.mediaEventTimestamp", f"{collection}.playhead", collection, f"{collection}.customMetadata")


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def part_of(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object by its key; an empty one where there is none, or something else in its place."""
    part = holder.get(key)
    return part if isinstance(part, dict) else {}
