"""The events that a body holds. Any accepted body can be read, also one that loose mode let through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from mcmock.core import json_decoding
from mcmock.core.events import Event, FieldPaths, number_or_none
from mcmock.protocols.media_edge import fields, identity, times
from mcmock.protocols.media_edge.routes import DOWNLOADED, START

PREFIX: Final = "media."


class Item(NamedTuple):
    """One media event of a body: its place in `events`, its type without `media.`, its XDM, and what that collects.

    `sdk` is the name by which the client's library calls itself, if it does.
    """

    place: int
    event_type: str
    xdm: Mapping[str, Any]
    sdk: Any = None

    @property
    def collection(self) -> Mapping[str, Any]:
        return part_of(self.xdm, "mediaCollection")

    @property
    def session_id(self) -> str | None:
        named = self.collection.get("sessionID")
        return named if isinstance(named, str) else None


class _Arrival(NamedTuple):
    """How the request of an event came."""

    seq: int
    at: float
    after_end: bool
    request_id: str | None


def items_in(value: Any) -> list[Item]:
    """Return the media events of a decoded body."""
    events = value.get("events") if isinstance(value, dict) else None
    if not isinstance(events, list):
        return []
    sdk = part_of(part_of(value, "xdm"), "implementationDetails").get("name")
    return [one for index, event in enumerate(events) if (one := _item(index, event, sdk)) is not None]


def _item(place: int, event: Any, sdk: Any) -> Item | None:
    xdm = event.get("xdm") if isinstance(event, dict) else None
    if not isinstance(xdm, dict):
        return None
    sent = xdm.get("eventType")
    named = sent.removeprefix(PREFIX) if isinstance(sent, str) and sent.startswith(PREFIX) else ""
    return Item(place, named, xdm, sdk) if named else None


def events_in(
    body: bytes, seq: int, at: float, after_end: bool = False, request_id: str | None = None
) -> tuple[Event, ...]:
    """Return the events of a body, those of downloaded sessions one by one; none where it is no JSON.

    An event without an `_id` is told from others by the id of its request.
    """
    try:
        value = json_decoding.decode(body)
    except json_decoding.BadJson:
        return ()
    items = items_in(value)
    came = _Arrival(seq, at, after_end, request_id if len(items) == 1 else None)
    return tuple(event for item in items for event in _events(item, value, came))


def _events(item: Item, whole: Mapping[str, Any], came: _Arrival) -> Iterator[Event]:
    if item.event_type != DOWNLOADED:
        paths = _live_paths(item.place)
        ts = times.ms_of(item.xdm.get("timestamp"), item.sdk)
        yield _event(item.event_type, item.xdm, ts, paths, _Holders(item.xdm, whole), came)
        return
    for part, one in enumerate(downloaded_in(item.xdm)):
        named = str(one.get("mediaEventType")).removeprefix(PREFIX)
        paths, alone = _downloaded_paths(item.place, part), came._replace(request_id=None)
        ts = times.ms_of(one.get("mediaEventTimestamp"), item.sdk)
        yield _event(named, one, ts, paths, _Holders(item.xdm, whole), alone)


def downloaded_in(xdm: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the events of a downloaded session, in their order."""
    listed = xdm.get("mediaDownloadedEvents")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def told_in(item: Item) -> tuple[float | None, int | None]:
    """Return the playhead and the time in ms that an item says, of a downloaded session those of its last event."""
    if item.event_type != DOWNLOADED:
        return _number(item.collection.get("playhead")), times.ms_of(item.xdm.get("timestamp"), item.sdk)
    last = next(reversed(downloaded_in(item.xdm)), None) or {}
    return _number(part_of(last, "mediaCollection").get("playhead")), times.ms_of(
        last.get("mediaEventTimestamp"), item.sdk
    )


class _Holders(NamedTuple):
    """Where an identity may stand: the event's XDM, and the whole body."""

    xdm: Mapping[str, Any]
    whole: Mapping[str, Any]

    @property
    def ecid(self) -> str | None:
        cookies = identity.cookies_in(self.whole.get("meta"), None)
        return identity.ecid_of(self.xdm, part_of(self.whole, "xdm"), cookies)


def _event(
    event_type: str, one: Mapping[str, Any], sent_ts: int | None, paths: FieldPaths, holders: _Holders, came: _Arrival
) -> Event:
    """Return one event. A time that is none, or was left out, is that of the arrival (assumed)."""
    collection = part_of(one, "mediaCollection")
    sent_playhead = _number(collection.get("playhead"))
    playhead = number_or_none(sent_playhead)
    found = fields.read(collection)
    if event_type == START and (ecid := holders.ecid) is not None:
        found.params[fields.ECID_KEY] = ecid
    return Event(
        seq=came.seq,
        at=came.at,
        event_type=event_type,
        playhead=0.0 if playhead is None else playhead,
        ts=int(came.at * 1000) if sent_ts is None else sent_ts,
        params=found.params,
        qoe=found.qoe,
        metadata=found.metadata,
        after_end=came.after_end,
        paths=paths,
        sent_playhead=sent_playhead,
        sent_ts=sent_ts,
        id=named if isinstance(named := one.get("_id"), str) and named else came.request_id,
    )


@lru_cache(maxsize=256)
def _live_paths(place: int) -> FieldPaths:
    return _paths(f".events[{place}].xdm", "timestamp", "eventType")


@lru_cache(maxsize=256)
def _downloaded_paths(place: int, part: int) -> FieldPaths:
    return _paths(f".events[{place}].xdm.mediaDownloadedEvents[{part}]", "mediaEventTimestamp", "mediaEventType")


def _paths(at: str, time: str, event_type: str) -> FieldPaths:
    def moved(path: str) -> str:
        if path.startswith(".events["):
            return path
        return f"{at}.{event_type}" if path == ".eventType" else at + fields.moved(path)

    return FieldPaths(
        f"{at}.{time}", f"{at}.mediaCollection.playhead", ".params", ".customMetadata", moved,
        "the sessionId in the answer", "a 207, a handle that was missing, or an answer that took longer than the player waits?",
    )  # fmt: skip


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def part_of(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object by its key; an empty one where there is none, or something else in its place."""
    part = holder.get(key)
    return part if isinstance(part, dict) else {}
