"""The schemas of the API's events, and what is wrong with one that does not fit.

The files of schemas/media_edge/ are the specification's form of an event's `xdm`, which may hold anything beside what they
name. What shipping clients send beside it is a row of `_TOLERATED`, which turns a breach into a milder rule; what a mode does
about that one is in `mcmock.core.findings`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from mcmock.core.json_decoding import json_path
from mcmock.protocols import json_schema
from mcmock.protocols.json_schema import COMMON, Breach, Compiled, Json, sent_phrase
from mcmock.protocols.media_edge import fields, problems
from mcmock.protocols.media_edge.routes import DOWNLOADED, EVENT_TYPES, FOLDER, START

KNOWN: Final = (*EVENT_TYPES, DOWNLOADED)


class Violation(NamedTuple):
    """What is wrong with a field: the rule it breaks, its JSON path, the reason by the API, and a sentence for the developer."""

    rule: str
    path: str
    reason: str
    message: str


@cache
def bundle(event_type: str) -> Json:
    """Return the schema of an event's `xdm`, which refers to nothing outside itself. KeyError for an unknown type."""
    if event_type not in KNOWN:
        raise KeyError(event_type)
    own, common = json_schema.read(FOLDER, f"{event_type}.json"), json_schema.read(FOLDER, COMMON)["definitions"]
    shared = {name: common[name] for name in dict.fromkeys(json_schema.mentioned(own, common))}
    definitions = {**shared, event_type: own["definitions"][event_type]}
    whole = {"$schema": own["$schema"], "definitions": definitions, "type": "object", "$ref": own["$ref"]}
    return dict(json.loads(json.dumps(whole).replace(COMMON, "")))


@cache
def _compiled(event_type: str) -> Compiled:
    return json_schema.compile_schema(bundle(event_type))


def prepare() -> None:
    """Compile every schema now, so that no request has to wait for it."""
    json_schema.prepare()
    for event_type in KNOWN:
        _compiled(event_type)


def violations(event_type: str, xdm: Any, at: str) -> Iterator[Violation]:
    """Yield what in an event's `xdm` its schema does not allow; `at` is its place ("$.events[0].xdm")."""
    schema = _compiled(event_type)
    if not schema.fits(xdm):
        for breach in schema.breaches(xdm):
            yield _named(breach, event_type, at)


@cache
def params_of(event_type: str) -> Mapping[str, bool]:
    """Return the params that an event type may have, by their Media Collection names, and whether it must have each."""
    if event_type not in EVENT_TYPES:
        return {}
    schema = bundle(event_type)["definitions"]
    collection = schema[event_type]["properties"]["mediaCollection"]
    found: dict[str, bool] = {}
    for name in collection["properties"]:
        known = {field: param for param, field in fields.OBJECTS.get(name, {}).items()}
        if name in fields.QUALITY or not known:
            continue
        wanted = name in collection["required"]
        for field in schema[name]["properties"]:
            found[known.get(field, f"{name}.{field}")] = wanted and field in schema[name]["required"]
    return found


# -- what is wrong ---------------------------------------------------------------------------------------------------------


class _Said(NamedTuple):
    rule: str
    reason: str
    sentence: str


def _named(breach: Breach, event_type: str, at: str) -> Violation:
    said = _SAYERS[breach.keyword](breach)
    rule, hint = said.rule, ""
    for applies, milder, words in _TOLERATED:
        if applies(breach, event_type):
            rule, hint = milder, words
            break
    path = json_path(breach.keys, at)
    return Violation(rule, path, said.reason, f"{path[2:]} {said.sentence}{hint}")


def _is_at(*keys: str) -> Callable[[Breach, str], bool]:
    return lambda breach, _: breach.keys == keys


_TIME: Final = ("timestamp",)
_PLAYHEAD: Final = ("mediaCollection", "playhead")


def _last(breach: Breach) -> str:
    return str(breach.keys[-1]) if breach.keys else ""


def _type(breach: Breach) -> _Said:
    if breach.keys == _TIME or _last(breach) == "mediaEventTimestamp":
        return _pattern(breach)
    article = "an" if breach.wanted[0] in "aio" else "a"
    reason = f"Field should be of type {breach.wanted.capitalize()}"
    return _Said("wrong-type", reason, f"must be {article} {breach.wanted}, but {sent_phrase(breach.sent)} was sent")


def _pattern(breach: Breach) -> _Said:
    if breach.keys == _TIME or _last(breach) == "mediaEventTimestamp":
        sentence = f"must be a date and time with an offset from UTC, but {sent_phrase(breach.sent)} was sent"
        return _Said("wrong-value", problems.NO_TIME, sentence)
    pattern = breach.wanted.replace("\\Z", "$")
    return _Said(
        "wrong-value", f"Field should match {pattern}", f"must match {pattern}, but {sent_phrase(breach.sent)} was sent"
    )


def _enum(breach: Breach) -> _Said:
    allowed = ", ".join(breach.wanted)
    return _Said(
        "wrong-value",
        f"Field should be one of {allowed}",
        f"must be one of {allowed}, but {sent_phrase(breach.sent)} was sent",
    )


def _required(breach: Breach) -> _Said:
    return _Said("missing-key", problems.MISSING, "is required, but was not sent")


def _range(breach: Breach) -> _Said:
    return _Said("wrong-value", problems.PLAYHEAD_RANGE, f"must be from 0 to 86400 seconds, but is {breach.sent}")


def _length(breach: Breach) -> _Said:
    number = len(breach.sent)
    reason = problems.SESSION_ID_LENGTH.format(length=number)
    return _Said("wrong-value", reason, f"must have {breach.wanted} characters, but has {number}")


def _extra(breach: Breach) -> _Said:
    return _Said(
        "unknown-field", f"Unknown field {_last(breach)}", f"is not known here, but {sent_phrase(breach.sent)} was sent"
    )


def _none(breach: Breach) -> _Said:
    if "mediaDownloadedEvents" in breach.keys:
        return _Said("missing-key", problems.MISSING, "must hold at least one event")
    return _Said("wrong-value", problems.NO_STATES, "must hold at least one entry in statesStart or statesEnd")


_SAYERS: Final[Mapping[str, Callable[[Breach], _Said]]] = {
    "type": _type, "pattern": _pattern, "enum": _enum, "required": _required, "minimum": _range, "maximum": _range,
    "minLength": _length, "maxLength": _length, "additionalProperties": _extra, "anyOf": _none, "minItems": _none,
}  # fmt: skip


# -- what shipping clients send, and what belongs elsewhere ------------------------------------------------------------------


def _wants_integer(breach: Breach) -> bool:
    return breach.keyword == "type" and breach.wanted == "integer" and isinstance(breach.sent, float)


def _is_integral_float(breach: Breach, _: str) -> bool:
    return _wants_integer(breach) and breach.sent.is_integer() and abs(breach.sent) < 2**53


def _is_fraction(breach: Breach, _: str) -> bool:
    return _wants_integer(breach) and breach.keys != _PLAYHEAD


def _is_null_quality(breach: Breach, _: str) -> bool:
    return breach.keyword == "type" and breach.sent is None and breach.keys == ("mediaCollection", "qoeDataDetails")


def _is_null_length(breach: Breach, _: str) -> bool:
    return breach.keyword == "type" and breach.sent is None and breach.keys[-2:] == ("sessionDetails", "length")


def _is_resumed(breach: Breach, _: str) -> bool:
    return breach.keys == ("mediaCollection", "media.resumed")


def _is_metadata_value(breach: Breach, _: str) -> bool:
    return breach.keyword in ("type", "required") and "customMetadata" in breach.keys and _last(breach) == "value"


def _is_missing_time(breach: Breach, _: str) -> bool:
    return breach.keyword == "required" and breach.keys == _TIME


def _is_missing_session(breach: Breach, _: str) -> bool:
    return breach.keyword == "required" and breach.keys == ("mediaCollection", "sessionID")


def _is_extra_of_collection(breach: Breach) -> bool:
    return breach.keyword == "additionalProperties" and len(breach.keys) == 2


def _is_session_of_start(breach: Breach, event_type: str) -> bool:
    return event_type == START and _is_extra_of_collection(breach) and _last(breach) == "sessionID"


def _is_details(breach: Breach, _: str) -> bool:
    return _is_extra_of_collection(breach) and (_last(breach) in fields.OBJECTS or _last(breach) in fields.STATES)


def _is_metadata(breach: Breach, _: str) -> bool:
    return _is_extra_of_collection(breach) and _last(breach) == fields.METADATA


# The first row that applies names the rule instead of the keyword's own, and adds a hint.
_TOLERATED: Final[tuple[tuple[Callable[[Breach, str], bool], str, str], ...]] = (
    (_is_integral_float, "integral-float", ""),
    (_is_fraction, "fraction", ""),
    (_is_null_quality, "quality-null", ""),
    (_is_null_length, "length-null", "; live content of unknown length is 86400"),
    (_is_resumed, "resume-misplaced", "; it is mediaCollection.sessionDetails.hasResume"),
    (_is_metadata_value, "metadata-not-text", ""),
    (_is_missing_time, "timestamp-missing", "; the time of the arrival is taken"),
    (_is_missing_session, "session-id-missing", ": was the answer to sessionStart read, and was it no 207?"),
    (_is_session_of_start, "unknown-field", "; a start has no session yet"),
    (_is_details, "details-not-allowed", ""),
    (_is_metadata, "metadata-on-wrong-event", "; it belongs to sessionStart, adStart and chapterStart"),
)

HARMLESS: Final = frozenset({
    "integral-float", "fraction", "quality-null", "length-null", "resume-misplaced", "metadata-not-text", "timestamp-missing",
    "unknown-field", "details-not-allowed", "metadata-on-wrong-event",
})  # fmt: skip
"""The rules of a body that has, all the same, the form that is taken for granted where its values are looked at."""
