"""What is worth saying about an event that has its form: what is said of the first API's events, and what only this one has.

The first API's advisors look at the same event by Media Collection names; what they say is told with this API's paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mcmock.protocols.media_collection import lint as first
from mcmock.protocols.media_collection.schemas import Violation as FirstViolation
from mcmock.protocols.media_edge import fields, problems, times
from mcmock.protocols.media_edge.events import part_of
from mcmock.protocols.media_edge.schemas import Violation

_FIELD: Final = re.compile(r"(?:params|qoeData)\.(?P<key>[\w.]+)(?=[ :])")
_OF_THE_FIRST: Final = frozenset({"states-update", "visitor-id-missing"})
"""The rules that are about the first API itself."""

STANDARD_STATES: Final = ("fullscreen", "mute", "closedCaptioning", "pictureInPicture", "inFocus")
_STATES: Final = {name.lower(): name for name in STANDARD_STATES}


def advise(event_type: str, xdm: Mapping[str, Any], at: str) -> Iterator[Violation]:
    """Yield what is to be said of an event whose form is right; `at` is the place of its `xdm`."""
    collection = part_of(xdm, "mediaCollection")
    yield from _time(xdm.get("timestamp"), f"{at}.timestamp")
    yield from _states(collection, f"{at}.mediaCollection")
    body = _as_first(event_type, collection)
    for one in first.advise(event_type, body):
        if one.rule not in _OF_THE_FIRST and one.rule != "state-name-spelling":
            yield _moved(one, at)


def _as_first(event_type: str, collection: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event as the first API has it. Metadata that is no text says nothing there."""
    found = fields.read(collection)
    texts = {name: value for name, value in found.metadata.items() if isinstance(value, str)}
    parts = {"params": found.params, "qoeData": found.qoe, "customMetadata": texts}
    named = {"eventType": event_type, "playerTime": {"playhead": collection.get("playhead"), "ts": 0}}
    return {**named, **{name: part for name, part in parts.items() if part}}


def _moved(one: FirstViolation, at: str) -> Violation:
    """Return what the first API's advisor said, told of the field of mediaCollection that it is about."""
    path, message = at + fields.moved(one.path.removeprefix("$")), one.message
    found = _FIELD.match(message)
    if found is not None and (place := fields.place_of(found["key"])) is not None:
        named = ".".join(name for name in place if name)
        message = f"{at[2:]}.mediaCollection.{named}{message[found.end() :]}"
    return Violation(one.rule, path, message, message)


def _time(sent: Any, at: str) -> Iterator[Violation]:
    if not isinstance(sent, str):
        return
    if times.ms_of(sent) is None:
        yield Violation("wrong-value", at, problems.NO_TIME, f"{at[2:]} is no moment there is: {sent[:60]}")
    elif not times.is_padded(sent):
        message = (
            f"{at[2:]} is {sent}: .5 is half a second, but for Adobe's Roku SDK, which means 5 ms; send three digits"
        )
        yield Violation("timestamp-not-padded", at, message, message)


def _states(collection: Mapping[str, Any], at: str) -> Iterator[Violation]:
    for key in fields.STATES:
        for place, state in enumerate(collection.get(key) or ()):
            name = state.get("name") if isinstance(state, dict) else None
            known = _STATES.get(name.lower()) if isinstance(name, str) else None
            if known is not None and name != known:
                path = f"{at}.{key}[{place}].name"
                message = f"{path[2:]} is {name}; the standard state is spelled {known}"
                yield Violation("state-name-spelling", path, message, message)
