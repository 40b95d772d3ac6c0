"""Events as requests of this API, whichever API brought them. What mediaCollection has no field for is left out, and named.

Playheads and offsets are cut to whole seconds, as its clients do; other numbers that are integers here are rounded. A playhead
beyond a day is that of live content, which counts from midnight. Standard states are spelled as they are here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import floor
from typing import Any, Final
from urllib.parse import quote

from mcmock.core.events import Event
from mcmock.protocols.base import Account, Written
from mcmock.protocols.media_edge import fields, identity, routes, times
from mcmock.protocols.media_edge.lint import STANDARD_STATES
from mcmock.protocols.media_edge.routes import DEFAULT_HINT

DAY: Final = 86_400
"""The largest playhead, in seconds."""

_STATES: Final = {"stateStart": "statesStart", "stateEnd": "statesEnd"}
_WHOLE: Final = (
    "media.length", "media.ad.length", "media.ad.podPosition", "media.ad.podIndex", "media.ad.podSecond",
    "media.chapter.index", "media.chapter.offset", "media.chapter.length", "media.qoe.bitrate", "media.qoe.droppedFrames",
    "media.qoe.framesPerSecond", "media.qoe.timeToStart",
)  # fmt: skip
_POSITIONS: Final = ("media.ad.podSecond", "media.chapter.offset")
_SPELLED: Final = {name.lower(): name for name in STANDARD_STATES}
_ERROR: Final = ("media.qoe.errorID", "media.qoe.errorSource")


def written(events: Sequence[Event], session_id: str, account: Account, *, downloaded: bool) -> Written:
    """Return the request that says what these events say; several are a downloaded session."""
    left_out: list[str] = []
    if downloaded:
        word, xdm = routes.DOWNLOADED, _downloaded(events, left_out)
    else:
        word, xdm = _type_of(events[0]), _live(events[0], session_id, left_out)
    whole: dict[str, Any] = {"events": [{"xdm": xdm}]}
    if word in (routes.START, routes.DOWNLOADED):
        whole |= _identified(xdm, events[0], session_id, is_required=downloaded)
    path = routes.path_for(word)
    if word not in (routes.START, routes.DOWNLOADED):  # a client goes where the answer to its start sent it
        path = f"{routes.BASE}/{DEFAULT_HINT}{path.removeprefix(routes.BASE)}"
    target = f"{path}?configId={quote(account.datastream, safe='')}"
    return Written(target, json.dumps(whole, separators=(",", ":")).encode(), tuple(left_out))


def _identified(xdm: dict[str, Any], event: Event, session_id: str, *, is_required: bool) -> dict[str, Any]:
    """Say who watches: what the event says, one made up where there must be one, or the question for one, which is returned."""
    ecid = event.params.get(fields.ECID_KEY)
    if not isinstance(ecid, str) and is_required:
        ecid = identity.made_up(session_id)
    if not isinstance(ecid, str):
        return {"query": {"identity": {"fetch": ["ECID"]}}}
    xdm["identityMap"] = {"ECID": [{"id": ecid, "primary": True}]}
    return {}


def _live(event: Event, session_id: str, left_out: list[str]) -> dict[str, Any]:
    collection = _collection(event, left_out)
    if event.event_type != routes.START:
        collection = {"sessionID": session_id, **collection}
    return {
        "eventType": f"media.{_type_of(event)}", "timestamp": times.text_of(event.ts), "mediaCollection": collection,
    }  # fmt: skip


def _downloaded(events: Sequence[Event], left_out: list[str]) -> dict[str, Any]:
    listed = [
        {
            "mediaEventType": f"media.{_type_of(event)}", "mediaEventTimestamp": times.text_of(event.ts),
            "mediaCollection": _collection(event, left_out),
        }
        for event in events
    ]  # fmt: skip
    return {
        "eventType": f"media.{routes.DOWNLOADED}", "timestamp": times.text_of(events[-1].ts),
        "mediaDownloadedEvents": listed,
    }  # fmt: skip


def _type_of(event: Event) -> str:
    return "statesUpdate" if event.event_type in _STATES else event.event_type


def _collection(event: Event, left_out: list[str]) -> dict[str, Any]:
    params = {name: _whole(name, value) for name, value in event.params.items() if value is not None}
    if (key := _STATES.get(event.event_type)) is not None:
        params = {key: [{fields.STATE_NAME: params.get(fields.STATE_NAME)}]}
    params |= {
        key: [_state(item) for item in params[key]] for key in fields.STATES if isinstance(params.get(key), list)
    }
    qoe = {name: _whole(name, value) for name, value in event.qoe.items() if value is not None}
    if event.event_type != "error":
        left_out += [name for name in qoe if name in _ERROR]
        qoe = {name: value for name, value in qoe.items() if name not in _ERROR}
    left_out += [name for name in fields.unplaced(params) if name != fields.ECID_KEY]
    made = {"playhead": _playhead(event.playhead), **fields.write(params, qoe, event.metadata)}
    return {**made, "qoeDataDetails": made.get("qoeDataDetails", {})} if event.event_type == "bitrateChange" else made


def _state(item: Any) -> Any:
    name = item.get(fields.STATE_NAME) if isinstance(item, Mapping) else None
    return {**item, fields.STATE_NAME: _SPELLED.get(name.lower(), name)} if isinstance(name, str) else item


def _playhead(seconds: float) -> int:
    whole = max(0, floor(seconds))
    return whole if whole <= DAY else whole % DAY


def _whole(name: str, value: Any) -> Any:
    """Return the value; half a second of a length counts as a whole one."""
    if not isinstance(value, float) or name not in _WHOLE:
        return value
    return floor(value) if name in _POSITIONS else floor(value + 0.5)
