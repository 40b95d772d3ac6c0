"""Events as requests of this API, whichever API brought them. What its schemas have no place for is left out, and named."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from math import floor
from typing import Any, Final

from mcmock.core.events import Event
from mcmock.protocols.base import Account, Written
from mcmock.protocols.media_collection import routes, schemas

_QOE: Final = ("media.qoe.bitrate", "media.qoe.droppedFrames", "media.qoe.framesPerSecond", "media.qoe.timeToStart")
_INTEGERS: Final = (*_QOE, "media.ad.podIndex", "media.ad.podPosition", "media.chapter.index")
_ERROR: Final = ("media.qoe.errorID", "media.qoe.errorSource")
_NAME: Final = re.compile(r"[a-zA-Z0-9_.]+", re.ASCII)
_STATES: Final = (("statesStart", "stateStart"), ("statesEnd", "stateEnd"))


def written(events: Sequence[Event], session_id: str, account: Account, *, downloaded: bool) -> Written:
    """Return the request that says what these events say; an array where they are a downloaded session."""
    left_out: list[str] = []
    bodies = [_body(event, account, left_out) for event in events]
    if downloaded:
        target = routes.DOWNLOADED
    elif events[0].event_type == "sessionStart":
        target = routes.SESSIONS
    else:
        target = f"{routes.SESSIONS}/{session_id}{routes.EVENTS}"
    text = json.dumps(bodies if downloaded else bodies[0], separators=(",", ":"))
    return Written(target, text.encode(), tuple(left_out))


def _body(event: Event, account: Account, left_out: list[str]) -> dict[str, Any]:
    event_type, params = _of_one_state(event)
    if event_type == "sessionStart":
        own = {
            "analytics.reportSuite": account.report_suite, "analytics.trackingServer": account.tracking_server,
            "visitor.marketingCloudOrgId": account.org_id,
        }  # fmt: skip
        params = {**own, **params}
    parts = {
        "params": _kept(params, schemas.params_of(event_type), left_out),
        "qoeData": _quality(event, left_out),
        "customMetadata": _metadata(event.metadata, left_out),
    }
    time = {"playhead": event.playhead, "ts": event.ts}
    return {"eventType": event_type, "playerTime": time, **{name: part for name, part in parts.items() if part}}


def _of_one_state(event: Event) -> tuple[str, Mapping[str, Any]]:
    """Return the event of a state, which the specification has, for an update of one; everything else as it is."""
    if event.event_type == "statesUpdate":
        changed = [(kind, state) for key, kind in _STATES for state in event.params.get(key) or ()]
        if len(changed) == 1 and isinstance(changed[0][1], Mapping):
            return changed[0]
    return event.event_type, event.params


def _kept(params: Mapping[str, Any], known: Mapping[str, bool], left_out: list[str]) -> dict[str, Any]:
    left_out += [name for name, value in params.items() if name not in known and value is not None]
    return {name: _whole(name, value) for name, value in params.items() if name in known and value is not None}


def _quality(event: Event, left_out: list[str]) -> dict[str, Any]:
    known = (*_QOE, *_ERROR) if event.event_type == "error" else _QOE
    return _kept(event.qoe, dict.fromkeys(known, False), left_out)


def _whole(name: str, value: Any) -> Any:
    """Return the value; half a one counts as a whole one, where there must be none."""
    return floor(value + 0.5) if name in _INTEGERS and isinstance(value, float) else value


def _metadata(metadata: Mapping[str, Any], left_out: list[str]) -> dict[str, str]:
    fits = {name: value for name, value in metadata.items() if _NAME.fullmatch(name) and value is not None}
    left_out += [name for name in metadata if name not in fits]
    return {name: _text(value) for name, value in fits.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
