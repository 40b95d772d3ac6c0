"""What a mediaCollection object holds, by the names of the Media Collection API, and the other way round.

An Event has params, quality values and metadata by those names, whichever API brought them. The tables are those of
`core/xdm.py`, with what only collected data has. A field that no param stands for keeps its place as its name:
`sessionDetails.ID`, or `media.resumed` for a key of mediaCollection itself, so that nothing that was sent is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

from mcmock.core import xdm
from mcmock.core.json_decoding import json_path

ECID_KEY: Final = "visitor.marketingCloudUserId"
"""The param that stands for the ECID of an identityMap, which is beside mediaCollection."""

OBJECTS: Final[Mapping[str, Mapping[str, str]]] = {
    # object of mediaCollection: param to field
    "sessionDetails": {**xdm.SESSION_DETAILS, "media.resume": "hasResume", "media.downloaded": "isDownloaded"},
    "advertisingPodDetails": xdm.POD_DETAILS,
    "advertisingDetails": xdm.AD_DETAILS,
    "chapterDetails": xdm.CHAPTER_DETAILS,
    "errorDetails": xdm.ERROR_DETAILS,
    "qoeDataDetails": xdm.QOE_DETAILS,
}

QUALITY: Final = ("errorDetails", "qoeDataDetails")
"""The objects whose values are quality values, and no params."""

STATES: Final = ("statesStart", "statesEnd")
STATE_NAME: Final = "media.state.name"
METADATA: Final = "customMetadata"
OWN: Final = frozenset({"playhead", "sessionID"})
"""The keys of mediaCollection that are no param: an Event has them apart."""

PLACES: Final[Mapping[str, tuple[str, str]]] = {
    param: (name, field) for name, table in OBJECTS.items() for param, field in table.items()
}
"""The object and the field in it that a param, or a quality value, stands for."""

_PARAMS: Final[Mapping[str, Mapping[str, str]]] = {
    name: {field: param for param, field in table.items()} for name, table in OBJECTS.items()
}


class Fields(NamedTuple):
    """What a mediaCollection object says, by Media Collection names; `metadata` may hold any JSON value."""

    params: dict[str, Any]
    qoe: dict[str, Any]
    metadata: dict[str, Any]


def read(collection: Mapping[str, Any]) -> Fields:
    """Return what a mediaCollection object holds. It may have any form: what has no form we know is a param by its key."""
    found = Fields({}, {}, {})
    for key, value in collection.items():
        if key in OWN:
            continue
        if key in OBJECTS and isinstance(value, dict):
            _read_object(key, value, found.qoe if key in QUALITY else found.params)
        elif key in STATES and isinstance(value, list):
            found.params[key] = [_state(item) for item in value]
        elif key == METADATA and isinstance(value, list):
            found.metadata.update(_metadata(value))
        elif value is not None:
            found.params[key] = value
    return found


def write(
    params: Mapping[str, Any], qoe: Mapping[str, Any] | None = None, metadata: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the mediaCollection object that `read` would read these from, without playhead and sessionID.

    What has no place in it is left out; `unplaced` names that.
    """
    collection: dict[str, Any] = {}
    for param, value in chain(params.items(), (qoe or {}).items()):
        if param in STATES and isinstance(value, list):
            collection[param] = [_edge_state(item) for item in value]
        elif (place := place_of(param)) is not None and (name := place[0]):
            collection.setdefault(name, {})[place[1]] = value
    if metadata:
        collection[METADATA] = [{"name": name, "value": value} for name, value in metadata.items()]
    return collection


def place_of(param: str) -> tuple[str, str] | None:
    """Return the object and the field that a param stands for; ("", key) for a key of mediaCollection itself; else None."""
    if (known := PLACES.get(param)) is not None:
        return known
    name, dot, field = param.partition(".")
    if dot and name in OBJECTS:
        return name, field
    return ("", param) if param in STATES else None


def unplaced(params: Iterable[str]) -> list[str]:
    """Return those of the params that mediaCollection has no field for: what says who is asked, and the SDK's own."""
    return [param for param in params if place_of(param) is None]


def moved(path: str) -> str:
    """Return the path, within an event's XDM, of what the first API has at `path` within a body."""
    found = _PATH.fullmatch(path)
    if found is None:
        return f".mediaCollection{path}" if path else ""
    part, key = found["part"], found["quoted"] or found["key"]
    if part == METADATA:
        return f".mediaCollection.{METADATA}"
    if key is None:
        return ".mediaCollection" + (".qoeDataDetails" if part == "qoeData" else "")
    place = place_of(key)
    if key == STATE_NAME or place is None:
        return ".mediaCollection"
    rest = (found["rest"] or "").replace(f"['{STATE_NAME}']", ".name")
    return json_path((name for name in place if name), ".mediaCollection") + rest


_PATH: Final = re.compile(
    r"\.(?P<part>params|qoeData|customMetadata)(?:(?:\['(?P<quoted>[^']+)'\]|\.(?P<key>\w+))(?P<rest>.*))?", re.S
)


def _read_object(name: str, value: Mapping[str, Any], into: dict[str, Any]) -> None:
    known = _PARAMS[name]
    for field, inner in value.items():
        into[known.get(field) or f"{name}.{field}"] = inner


def _state(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    return {(STATE_NAME if key == "name" else key): value for key, value in item.items()}


def _edge_state(item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    return {("name" if key == STATE_NAME else key): value for key, value in item.items()}


def _metadata(items: Iterable[Any]) -> dict[str, Any]:
    """Return names and values; the last one where a name stands twice."""
    named = (item for item in items if isinstance(item, dict) and isinstance(item.get("name"), str))
    return {item["name"]: item.get("value") for item in named}
