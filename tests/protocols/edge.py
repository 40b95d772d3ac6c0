"""Bodies and requests of the Media Edge API that are valid, and what an answer holds."""

from __future__ import annotations

import json
from typing import Any

from mcmock.core.model import Answer, Request
from mcmock.engine import Emulator
from mcmock.protocols.media_edge.routes import DOORS, DOWNLOADED, EVENT_TYPES

TS = "2023-11-14T22:13:20.000Z"
ECID = "38586762001234567890123456789012345678"
IDENTITY = {"ECID": [{"id": ECID, "authenticatedState": "ambiguous", "primary": False}]}
DETAILS: dict[str, Any] = {
    "name": "film-1", "playerName": "a player", "length": 60, "channel": "a channel", "contentType": "vod",
    "streamType": "video",
}  # fmt: skip
AD = {"name": "ad-1", "length": 15, "podPosition": 1, "playerName": "a player"}
POD = {"index": 1, "offset": 0}
CHAPTER = {"index": 1, "offset": 0, "length": 10}
SID = "0123456789abcdef" * 4

EVENTS = (*EVENT_TYPES, DOWNLOADED)
NEEDED: dict[str, dict[str, Any]] = {
    "sessionStart": {"sessionDetails": DETAILS}, "adBreakStart": {"advertisingPodDetails": POD},
    "adStart": {"advertisingDetails": AD}, "chapterStart": {"chapterDetails": CHAPTER},
    "bitrateChange": {"qoeDataDetails": {"bitrate": 3200}}, "error": {"errorDetails": {"name": "e1", "source": "player"}},
    "statesUpdate": {"statesStart": [{"name": "mute"}]},
}  # fmt: skip
"""What an event of a type must have beside its playhead and its session."""


def xdm(event_type: str, session_id: str | None = SID, ts: str | None = TS, **parts: Any) -> dict[str, Any]:
    """Return the XDM of a valid event; `parts` replace fields of its mediaCollection, None leaves one out."""
    collection = {"playhead": 0, **NEEDED.get(event_type, {})}
    if event_type != "sessionStart" and session_id is not None:
        collection["sessionID"] = session_id
    collection = {name: value for name, value in {**collection, **parts}.items() if value is not ...}
    made: dict[str, Any] = {"eventType": f"media.{event_type}", "mediaCollection": collection}
    if event_type == "sessionStart":
        made["identityMap"] = IDENTITY
    return made if ts is None else {**made, "timestamp": ts}


def whole() -> dict[str, Any]:
    """Return the XDM of a session that comes whole."""
    parts = [
        {
            "mediaEventType": f"media.{name}",
            "mediaEventTimestamp": TS,
            "mediaCollection": xdm(name, None)["mediaCollection"],
        }
        for name in ("sessionStart", "play", "sessionEnd")
    ]
    return {"eventType": "media.downloaded", "identityMap": IDENTITY, "mediaDownloadedEvents": parts}


def body(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"events": [{"xdm": event} for event in events], **more}


def request(word: str, value: Any, *lines: tuple[str, str], config: str | None = "ds-1", base: str = "/ee") -> Request:
    """Return a POST to the path with this last word."""
    path = f"{base}/v1/{word}" if word in DOORS else f"{base}/va/v1/{word}"
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    headers = {"Content-Type": "application/json", **dict(lines)}
    raw = tuple((name.encode(), sent.encode()) for name, sent in headers.items())
    return Request("POST", path + (f"?configId={config}" if config else ""), raw, text)


def handled(
    emulator: Emulator, event_type: str, session_id: str | None = SID, ts: str | None = TS, **parts: Any
) -> Answer:
    """Send an event to its own path."""
    return emulator.handle(request(event_type, body(xdm(event_type, session_id, ts, **parts))))


def start(emulator: Emulator, **parts: Any) -> str:
    """Open a session; returns its id."""
    answer = handled(emulator, "sessionStart", **parts)
    assert answer.response.status == 200, answer.response.body
    return session_in(answer)


def value_of(answer: Answer) -> Any:
    return json.loads(answer.response.body)


def handles(answer: Answer) -> dict[str, list[dict[str, Any]]]:
    """Return the payload of each handle by its type."""
    return {one["type"]: one["payload"] for one in value_of(answer)["handle"]}


def session_in(answer: Answer) -> str:
    return str(handles(answer)["media-analytics:new-session"][0]["sessionId"])


def details(answer: Answer) -> Any:
    """Return what is wrong with an event, or with a start: the path and the reason of each."""
    value = value_of(answer)
    found = value["errors"][0]["report"]["details"] if "errors" in value else value["report"]["details"]
    return found if isinstance(found, str) else [(one["name"], one["reason"]) for one in found]
