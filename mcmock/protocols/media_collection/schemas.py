"""The API's JSON schemas: found on disk, bundled for those who ask, compiled for those who send.

What of a body fits is decided by its names and types alone where its schema looks at nothing else, and that is remembered;
the validators of `json_schema` look at what is left. A violation is a rule's name, a JSON path and a sentence.

The schema files are the documented form of the API. What shipping clients send beside it is not in them: it is a row of
`_TOLERATED`, which turns a violation into a milder rule, and `mcmock.core.findings` says what a mode does about that one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from mcmock.core.events import EVENT_TYPES
from mcmock.core.json_decoding import json_path
from mcmock.protocols import json_schema
from mcmock.protocols.json_schema import COMMON, Breach, Compiled, Json, mentioned, sent_phrase

ENDPOINT = "/api/v1/schemas/"
QOE_PREFIX = "media.qoe."

MAX_SHAPES: Final = 2048
"""Shapes of bodies that are remembered; past that, remembering starts over."""

MAX_NAMES: Final = 64
"""Names in a shape that is remembered, each of up to LONGEST_NAME characters: 15 MB in all if somebody tries, and no more."""

LONGEST_NAME: Final = 64


class Violation(NamedTuple):
    rule: str  # a key of mcmock.core.findings.RULES
    path: str  # "$.playerTime.ts"
    message: str  # "playerTime.ts must be an integer, but the string \"soon\" was sent"


# -- on disk, and as served -----------------------------------------------------------------------------------------------


_SERVED_FIRST = ("playerTime", "eventType", "qoeData", "customMetadata")  # in the published order


@cache
def bundle(event_type: str) -> Json:
    """Return the schema of one event type as one document that refers to nothing outside itself. KeyError for an unknown type."""
    if event_type not in EVENT_TYPES:
        raise KeyError(event_type)
    own, common = json_schema.read(f"{event_type}.json"), json_schema.read(COMMON)["definitions"]
    definitions: Json = {name: common[name] for name in _SERVED_FIRST}
    for name in mentioned(own, common):
        definitions.setdefault(name, common[name])
    definitions[event_type] = own["definitions"][event_type]
    whole = {"$schema": own["$schema"], "id": "", "definitions": definitions, "type": "object", "$ref": own["$ref"]}
    return dict(json.loads(json.dumps(whole).replace(COMMON, "")))


@cache
def params_of(event_type: str) -> Mapping[str, bool]:
    """Return the params that an event type may have, and whether its schema requires them."""
    params = json_schema.read(f"{event_type}.json")["definitions"][event_type]["properties"].get("params", {})
    return {name: name in params.get("required", ()) for name in params.get("properties", ())}


def served(event_type: str, scheme: str, host: str) -> bytes:
    """Return the document that GET /api/v1/schemas/{eventType} answers, its `id` on the host that the request named."""
    whole = {**bundle(event_type), "id": f"{scheme}://{host}{ENDPOINT}{event_type}"}
    return json.dumps(whole, separators=(",", ":")).encode()


# -- as enforced ----------------------------------------------------------------------------------------------------------


@cache
def _compiled(event_type: str) -> Compiled:
    return json_schema.compile_schema(bundle(event_type))


def prepare() -> None:
    """Compile every schema now, so that no request has to wait for it."""
    json_schema.prepare()
    for event_type in EVENT_TYPES:
        _compiled(event_type)
        _by_value(event_type)


KNOWN: Final = frozenset(EVENT_TYPES)
"""The event types that there is a schema for."""


@cache
def _by_value(event_type: str) -> frozenset[str]:
    """Return the names in the two levels of a body that its schema wants more of than a type."""
    whole = bundle(event_type)
    own = whole["definitions"][event_type]["properties"]
    found = set()
    for name, written in own.items():
        part = whole["definitions"][written["$ref"].rpartition("/")[2]] if "$ref" in written else written
        inner = {**part.get("properties", {}), **part.get("patternProperties", {})}
        found |= {key for key, leaf in inner.items() if set(leaf) != {"type"} or leaf["type"] in ("object", "array")}
        if name != "eventType" and ("anyOf" in part or isinstance(part.get("additionalProperties", True), dict)):
            found.add(name)
    return frozenset(found)


def is_free(event_type: str, part: str, key: str) -> bool:
    """Return whether the schema of an event type asks of what stands at `key` in `part` for no more than a type."""
    return _by_value(event_type).isdisjoint((part, key))


_shapes: dict[tuple[Any, ...], tuple[Breach, ...]] = {}
"""What does not fit of the bodies of a shape, without what was sent."""


def _shape_of(event_type: str, body: Json) -> tuple[Any, ...] | None:
    """Return what decides what of a body fits: the names and types of its two levels, and texts whose form matters.

    None where it takes more. Each part's length comes before its names, so that different shapes are never the same tuple.
    """
    by_value = _by_value(event_type)
    shape: list[Any] = [event_type]
    for name, part in body.items():
        if type(part) is dict:
            shape += (name, len(part), *part, *map(type, part.values()))
            for key in () if by_value.isdisjoint(part) else by_value.intersection(part):
                if type(part[key]) is not str:
                    return None
                shape += (key, part[key])
        elif type(part) is list:
            return None
        elif name != "eventType":
            shape += (name, type(part))
    return tuple(shape) if len(shape) <= 2 * MAX_NAMES and by_value.isdisjoint(body) else None


def fits(event_type: str, body: Any) -> bool:
    """Return whether a body is as the schema of its event type, one of KNOWN, wants it."""
    known = _shapes.get(_shape_of(event_type, body) or ()) if type(body) is dict else None
    if known is not None:
        return not known
    return not next(iter(_breaches(event_type, body)), None)


def violations(event_type: str, body: Any, at: str = "$") -> Iterator[Violation]:
    """Yield what in `body` its schema does not allow, as it is found; `at` is where it stands in a larger one ("$[3]")."""
    for breach in _breaches(event_type, body):
        yield _name(breach, event_type, at)


def _breaches(event_type: str, body: Any) -> Iterable[Breach]:
    shape = _shape_of(event_type, body) if type(body) is dict else None
    if shape is None:
        schema = _compiled(event_type)
        return () if schema.fits(body) else schema.breaches(body)
    known = _shapes.get(shape)
    if known is None:
        known = _look(event_type, shape, body)
    return known and [breach._replace(sent=_sent(breach, body)) for breach in known]


def _look(event_type: str, shape: tuple[Any, ...], body: Json) -> tuple[Breach, ...]:
    """Return what does not fit, without what was sent, and remember it for the shape."""
    schema = _compiled(event_type)
    found = () if schema.fits(body) else tuple(breach._replace(sent=None) for breach in schema.breaches(body))
    if all(len(one) <= LONGEST_NAME for one in shape if type(one) is str):
        if len(_shapes) >= MAX_SHAPES:
            _shapes.clear()
        _shapes[shape] = found
    return found


def _sent(breach: Breach, body: Json) -> Any:
    if breach.keyword == "required":
        return None
    part: Any = body
    for key in breach.keys:
        part = part[key]
    return part


# -- messages -------------------------------------------------------------------------------------------------------------


def _name(breach: Breach, event_type: str, at: str) -> Violation:
    field = ".".join(str(key) for key in breach.keys) or "the body"
    if at != "$":
        field = f"{at[1:]}.{field}"
    rule, sentence = _PHRASES[breach.keyword](breach)
    for applies, milder in _TOLERATED:
        if applies(breach, event_type):
            rule = milder
            break
    hint = _HINTS.get(rule) or (_QUALITY_NAMES if _is_unknown_quality(breach) else "")
    if breach.keyword == "additionalProperties":
        hint = _belongs(str(breach.keys[-1]), breach.keys[0] == "params", event_type) or hint
    return Violation(rule, json_path(breach.keys, at), f"{field} {sentence}{hint}")


@cache
def _takers() -> Mapping[str, tuple[str, ...]]:
    """Return which event types take each param, in the order of the specification."""
    found: dict[str, tuple[str, ...]] = {}
    for event_type in EVENT_TYPES:
        for key in params_of(event_type):
            found[key] = (*found.get(key, ()), event_type)
    return found


def _belongs(key: str, is_param: bool, event_type: str) -> str:
    """Return the hint that names where a key is known that is not known here; empty where it is known nowhere."""
    if key in ("playhead", "ts"):
        return "; it belongs in playerTime"
    takers = _takers().get(key, ())
    if not takers or (is_param and event_type in takers):
        return ""
    if event_type in takers:
        return "; it belongs in params"
    named = takers[0] if len(takers) == 1 else f"{', '.join(takers[:-1])} and {takers[-1]}"
    return f"; it belongs {'to' if is_param else 'in the params of'} {named}"


def _type_phrase(breach: Breach) -> tuple[str, str]:
    article = "an" if breach.wanted[0] in "aio" else "a"
    wanted = f"{article} {breach.wanted}"
    if breach.wanted == "integer" and isinstance(breach.sent, float) and abs(breach.sent) >= 2**63:
        wanted += " that 64 bits can hold"  # what they cannot hold was read as a float
    return "wrong-type", f"must be {wanted}, but {sent_phrase(breach.sent)} was sent"


def _enum_phrase(breach: Breach) -> tuple[str, str]:
    allowed = ", ".join(json.dumps(value) for value in breach.wanted)
    one_of = "one of " if len(breach.wanted) > 1 else ""
    return "wrong-value", f"must be {one_of}{allowed}, but {sent_phrase(breach.sent)} was sent"


def _pattern_phrase(breach: Breach) -> tuple[str, str]:
    pattern = breach.wanted.replace("\\Z", "$")
    return "wrong-value", f"must match {pattern}, but {sent_phrase(breach.sent)} was sent"


def _required_phrase(breach: Breach) -> tuple[str, str]:
    return "missing-key", "is required, but was not sent"


def _extra_phrase(breach: Breach) -> tuple[str, str]:
    for pattern in breach.schema.get("patternProperties", {}):
        return "wrong-value", f"is not allowed as a name here: names must match {pattern.replace(chr(92) + 'Z', '$')}"
    return "unknown-key", f"is not known here, but {sent_phrase(breach.sent)} was sent"


def _choice_phrase(breach: Breach) -> tuple[str, str]:
    wanted = " or ".join(key for choice in breach.wanted for key in choice.get("required", ()))
    return "wrong-value", f"must hold at least one entry in {wanted}, but {sent_phrase(breach.sent)} was sent"


_PHRASES: dict[str, Callable[[Breach], tuple[str, str]]] = {
    "type": _type_phrase,
    "enum": _enum_phrase,
    "pattern": _pattern_phrase,
    "required": _required_phrase,
    "additionalProperties": _extra_phrase,
    "anyOf": _choice_phrase,
}


def _is_integral_float(breach: Breach, _: str) -> bool:
    wants_integer = breach.keyword == "type" and breach.wanted == "integer"
    return wants_integer and isinstance(breach.sent, float) and breach.sent.is_integer() and abs(breach.sent) < 2**53


def _is_fractional_quality(breach: Breach, _: str) -> bool:
    wants_integer = breach.keyword == "type" and breach.wanted == "integer"
    return wants_integer and isinstance(breach.sent, float) and breach.keys[0] == "qoeData"


def _is_null(*keys: str) -> Callable[[Breach, str], bool]:
    return lambda breach, _: breach.keyword == "type" and breach.sent is None and breach.keys == keys


def _is_bare_quality(breach: Breach, _: str) -> bool:
    key = str(breach.keys[-1]) if breach.keys else ""
    return breach.keyword == "additionalProperties" and breach.keys[0] == "qoeData" and QOE_PREFIX + key in _QUALITY


def _is_unknown_quality(breach: Breach) -> bool:
    return breach.keyword == "additionalProperties" and breach.keys[0] == "qoeData"


def _is_quality_in_params(breach: Breach, _: str) -> bool:
    key = str(breach.keys[-1]) if breach.keys else ""
    return breach.keyword == "additionalProperties" and breach.keys[0] == "params" and key.startswith(QOE_PREFIX)


def _is_ping_param(breach: Breach, event_type: str) -> bool:
    return event_type == "ping" and breach.keyword == "additionalProperties" and breach.keys[0] == "params"


_QUALITY = frozenset(json_schema.read(COMMON)["definitions"]["qoeData"]["properties"])

_QUALITY_NAMES = f"; names in qoeData begin with {QOE_PREFIX}, and are {', '.join(sorted(_QUALITY))}"

# The first row that applies names the rule instead of the keyword's own.
_TOLERATED: tuple[tuple[Callable[[Breach, str], bool], str], ...] = (
    (_is_integral_float, "integral-float"),  # C-45
    (_is_fractional_quality, "fractional-quality"),  # theo: what its player measured
    (_is_null("params", "media.length"), "length-null"),  # js3: a live video's infinite duration
    (_is_null("params", "visitor.aamLocationHint"), "location-hint-null"),  # C-44
    (_is_bare_quality, "qoe-without-prefix"),  # C-03
    (_is_quality_in_params, "qoe-in-params"),  # C-04
    (_is_ping_param, "params-on-ping"),  # C-10
)

_HINTS = {
    "qoe-without-prefix": f"; did you mean the same name with the prefix {QOE_PREFIX}?",
    "qoe-in-params": "; quality values belong in qoeData",
    "params-on-ping": "; a ping carries no params",
}
