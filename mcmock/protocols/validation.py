"""JSON schemas as functions: the keywords of draft-04 that the emulated APIs' schemas use, and no other.

`compiled` makes two of a schema: one that only says yes or no, fast, and one that tells every breach, in the order in which
jsonschema tells them; tests/protocols/test_validation.py compares them with jsonschema itself. Values are what a JSON parser
makes: their types are exact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Json = dict[str, Any]
Keys = tuple[str | int, ...]


class Breach(NamedTuple):
    """One place of a value that a keyword of its schema does not allow: one a field, also where many are unknown or missing."""

    keyword: str
    keys: Keys  # the way to the field
    wanted: Any  # what the keyword asks for
    sent: Any
    schema: Json


Fits = Callable[[Any], bool]
Breaches = Callable[[Any, Keys], Iterator[Breach]]

_TYPES: Mapping[str, frozenset[type]] = {
    "string": frozenset({str}), "integer": frozenset({int}), "number": frozenset({int, float}), "boolean": frozenset({bool}),
    "object": frozenset({dict}), "array": frozenset({list}), "null": frozenset({type(None)}),
}  # fmt: skip
_NOTES = frozenset({"$schema", "id", "definitions", "description", "title"})


class UnknownKeyword(ValueError):
    """A schema asks for what is not written here."""


class Compiled(NamedTuple):
    """`fits` says whether a value is as the schema wants it, `breaches` yields what is not, each under the keys given."""

    fits: Fits
    breaches: Breaches


def compiled(schema: Json, whole: Json | None = None) -> Compiled:
    """Return the functions of a schema; `whole` is the document that its references point into. Raises UnknownKeyword."""
    whole = schema if whole is None else whole
    if "$ref" in schema:  # nothing beside it counts
        return compiled(_referred(schema["$ref"], whole), whole)
    parts = [_KEYWORDS[keyword](schema, whole) for keyword in schema if _is_known(keyword)]
    return Compiled(parts[0].fits if len(parts) == 1 else _all(parts), _in_turn(parts))


def _is_known(keyword: str) -> bool:
    if keyword not in _KEYWORDS and keyword not in _NOTES:
        raise UnknownKeyword(keyword)
    return keyword in _KEYWORDS


def _referred(reference: str, whole: Json) -> Json:
    part: Json = whole
    for name in reference.removeprefix("#/").split("/"):
        part = part[name]
    return part


def _all(parts: list[Compiled]) -> Fits:
    each = tuple(part.fits for part in parts)

    def fits(value: Any) -> bool:
        for fit in each:  # noqa: SIM110 -- `all` takes twice as long
            if not fit(value):
                return False
        return True

    return fits


def _in_turn(parts: list[Compiled]) -> Breaches:
    def breaches(value: Any, keys: Keys) -> Iterator[Breach]:
        for part in parts:
            yield from part.breaches(value, keys)

    return breaches


def _plain(keyword: str, schema: Json, fits: Fits) -> Compiled:
    """A keyword that looks at one value as a whole."""
    wanted = schema[keyword]

    def breaches(value: Any, keys: Keys) -> Iterator[Breach]:
        if not fits(value):
            yield Breach(keyword, keys, wanted, value, schema)

    return Compiled(fits, breaches)


def _type(schema: Json, _: Json) -> Compiled:
    types = _TYPES[schema["type"]]
    return _plain("type", schema, lambda value: type(value) in types)


def _enum(schema: Json, _: Json) -> Compiled:
    texts = frozenset(one for one in schema["enum"] if isinstance(one, str))
    numbers = frozenset(one for one in schema["enum"] if type(one) is int)
    if len(texts) + len(numbers) < len(schema["enum"]):
        raise UnknownKeyword("enum of anything but texts and integers")

    def fits(value: Any) -> bool:
        return value in texts if type(value) is str else type(value) in _TYPES["number"] and value in numbers

    return _plain("enum", schema, fits)


def _pattern(schema: Json, _: Json) -> Compiled:
    search = re.compile(schema["pattern"]).search
    return _plain("pattern", schema, lambda value: type(value) is not str or search(value) is not None)


def _min_length(schema: Json, _: Json) -> Compiled:
    least = schema["minLength"]
    return _plain("minLength", schema, lambda value: type(value) is not str or len(value) >= least)


def _max_length(schema: Json, _: Json) -> Compiled:
    most = schema["maxLength"]
    return _plain("maxLength", schema, lambda value: type(value) is not str or len(value) <= most)


def _minimum(schema: Json, _: Json) -> Compiled:
    least = schema["minimum"]
    return _plain("minimum", schema, lambda value: type(value) not in _TYPES["number"] or value >= least)


def _maximum(schema: Json, _: Json) -> Compiled:
    most = schema["maximum"]
    return _plain("maximum", schema, lambda value: type(value) not in _TYPES["number"] or value <= most)


def _min_items(schema: Json, _: Json) -> Compiled:
    least = schema["minItems"]
    return _plain("minItems", schema, lambda value: type(value) is not list or len(value) >= least)


def _any_of(schema: Json, whole: Json) -> Compiled:
    choices = [compiled(choice, whole).fits for choice in schema["anyOf"]]
    return _plain("anyOf", schema, lambda value: any(fit(value) for fit in choices))


def _required(schema: Json, _: Json) -> Compiled:
    names = tuple(schema["required"])
    needed = frozenset(names)

    def breaches(value: Any, keys: Keys) -> Iterator[Breach]:
        for name in names if type(value) is dict else ():
            if name not in value:
                yield Breach("required", (*keys, name), True, None, schema)

    return Compiled(lambda value: type(value) is not dict or needed <= value.keys(), breaches)


def _properties(schema: Json, whole: Json) -> Compiled:
    inner = {name: compiled(part, whole) for name, part in schema["properties"].items()}
    leaves = {name: _TYPES[part["type"]] for name, part in schema["properties"].items() if set(part) == {"type"}}
    others = [(name, part.fits) for name, part in inner.items() if name not in leaves]

    def fits(value: Any) -> bool:
        if type(value) is not dict:
            return True
        for name, sent in value.items():
            if name in leaves and type(sent) not in leaves[name]:
                return False
        for name, fit in others:  # noqa: SIM110 -- `all` takes twice as long
            if name in value and not fit(value[name]):
                return False
        return True

    def breaches(value: Any, keys: Keys) -> Iterator[Breach]:
        for name, part in inner.items() if type(value) is dict else ():
            if name in value and not part.fits(value[name]):
                yield from part.breaches(value[name], (*keys, name))

    return Compiled(fits, breaches)


def _pattern_properties(schema: Json, whole: Json) -> Compiled:
    inner = [
        (re.compile(pattern).search, compiled(part, whole)) for pattern, part in schema["patternProperties"].items()
    ]

    def fits(value: Any) -> bool:
        if type(value) is not dict:
            return True
        return all(part.fits(sent) for search, part in inner for name, sent in value.items() if search(name))

    def breaches(value: Any, keys: Keys) -> Iterator[Breach]:
        for search, part in inner if type(value) is dict else ():
            for name, sent in value.items():
                if search(name):
                    yield from part.breaches(sent, (*keys, name))

    return Compiled(fits, breaches)


def _additional(schema: Json, whole: Json) -> Compiled:
    known = frozenset(schema.get("properties", {}))
    patterns = [re.compile(pattern).search for pattern in schema.get("patternProperties", {})]
    wanted = schema["additionalProperties"]
    part = compiled(wanted, whole) if isinstance(wanted, dict) else None

    def extras(value: Any) -> Iterator[str]:
        for name in value if type(value) is dict else ():
            if name not in known and not any(search(name) for search in patterns):
                yield name

    def fits(value: Any) -> bool:
        if part is not None:
            return all(part.fits(value[name]) for name in extras(value))
        if not patterns:
            return type(value) is not dict or value.keys() <= known
        return next(extras(value), None) is None

    def breaches(value: Any, keys: Keys) -> Iterator[Breach]:
        for name in extras(value):
            if part is None:
                yield Breach("additionalProperties", (*keys, name), False, value[name], schema)
            else:
                yield from part.breaches(value[name], (*keys, name))

    return Compiled(fits, breaches)


def _items(schema: Json, whole: Json) -> Compiled:
    part = compiled(schema["items"], whole)

    def breaches(value: Any, keys: Keys) -> Iterator[Breach]:
        for place, item in enumerate(value if type(value) is list else ()):
            yield from part.breaches(item, (*keys, place))

    return Compiled(lambda value: type(value) is not list or all(part.fits(item) for item in value), breaches)


_KEYWORDS: Mapping[str, Callable[[Json, Json], Compiled]] = {
    "type": _type,
    "enum": _enum,
    "pattern": _pattern,
    "minLength": _min_length,
    "maxLength": _max_length,
    "minimum": _minimum,
    "maximum": _maximum,
    "minItems": _min_items,
    "anyOf": _any_of,
    "required": _required,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "items": _items,
}
