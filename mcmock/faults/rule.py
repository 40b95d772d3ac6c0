"""A FaultRule: one effect, which requests it is for, and how often. Made from JSON or from Python, checked once.

It knows no request and counts nothing; that is `selection`'s. Whatever is wrong with a rule is a ValueError of one line that
names the field and what may stand there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcmock.core.match import KNOWN_AFTER, NAMES, RULE, Match, refuse_misspelled
from mcmock.core.wording import named, shown
from mcmock.faults.effects import AFTER, BEFORE, EFFECTS, REQUIRED, Attribute, Attributes, Effect, number, whole

ALL, SESSION = "all", "session"

FORESEEN = ("outcome", RULE)
"""The fields of a match of which a request's session has to be judged."""

READ_ONLY = ("hits", "matched", "active")
"""What the control API adds to a rule when it lists it; accepted and passed over when the list is sent back."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, eq=False)
class FaultRule:
    """What to do to which requests.

    `name` is unique among the rules in force; "" lets the Emulator choose one. `effect` is a key of EFFECTS, `attributes`
    what it is told. The first `skip` requests that match pass, then each fires with `probability`, `times` at most (None:
    until it is removed) and for `for_seconds` of the emulator's clock; `per` "session" counts each session by itself.
    """

    name: str
    effect: str
    attributes: Attributes
    match: Match
    side: str
    skip: int = 0
    times: int | None = None
    probability: float = 1.0
    per: str = ALL
    for_seconds: float | None = None

    @property
    def row(self) -> Effect:
        return EFFECTS[self.effect]

    @property
    def foresees(self) -> bool:
        """Whether it asks what a request comes to, which takes a look at the whole session."""
        return any(self.match.wanted.get(field) is not None for field in FORESEEN)

    def named(self, name: str) -> FaultRule:
        return replace(self, name=name)

    def to_json(self) -> dict[str, Any]:
        return rule_to_json(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FaultRule) and rule_to_json(self) == rule_to_json(other)

    def __hash__(self) -> int:
        return hash((self.name, self.effect))


def rule_to_json(rule: FaultRule) -> dict[str, Any]:
    """Return the rule as the control API and the files have it, with every default filled in."""
    row = EFFECTS[rule.effect]
    given = {
        name: value
        for name, value in rule.attributes.items()
        if value is not None or row.attributes[name].default is not None
    }
    return {
        "name": rule.name,
        "effect": {"type": rule.effect, **given},
        "match": dict(rule.match.wanted),
        "side": rule.side,
        "skip": rule.skip,
        "times": rule.times,
        "probability": rule.probability,
        "per": rule.per,
        "forSeconds": rule.for_seconds,
    }


def rule_from_json(value: Any) -> FaultRule:
    """Return the rule that `value` describes. Raises ValueError naming the field and the values allowed."""
    if not isinstance(value, Mapping):
        raise ValueError(f'a fault must be an object such as {{"effect": {{"type": "reset"}}}}, not {shown(value)}')
    name = _name(value.get("name"))
    try:
        return _rule(name, value)
    except ValueError as error:
        line = " ".join(str(error).split())  # a key that was sent may hold anything
        raise ValueError(f'fault "{name}": {line}' if name else f"fault: {line}") from None


def _rule(name: str, value: Mapping[str, Any]) -> FaultRule:
    for key in value:
        if key not in ENVELOPE and key not in READ_ONLY:
            raise ValueError(f"{named(key)} is not known; a fault has {', '.join(ENVELOPE)}")
    effect, attributes = _effect(value.get("effect"))
    row = EFFECTS[effect]
    side = _side(value.get("side"), effect)
    checked = {key: _checked(key, value[key], check) for key, check in _CHECKS.items() if value.get(key) is not None}
    times = checked.get("times") if "times" in value else row.times
    return FaultRule(
        name, effect, attributes, _match(value.get("match"), side), side,
        checked.get("skip", 0), times, checked.get("probability", 1.0), checked.get("per", ALL), checked.get("forSeconds"),
    )  # fmt: skip


def _name(value: Any) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(
            f"fault: name must be letters, digits, dots, dashes and underscores, at most 64, not {shown(value)}"
        )
    return value


def _effect(value: Any) -> tuple[str, Attributes]:
    given = {"type": value} if isinstance(value, str) else value
    kind = given.get("type") if isinstance(given, Mapping) else given
    if not isinstance(kind, str) or kind not in EFFECTS:
        raise ValueError(f"effect.type must be one of {', '.join(EFFECTS)}, not {shown(kind)}")
    row = EFFECTS[kind]
    for key in given:
        if key != "type" and key not in row.attributes:
            known = ", ".join(row.attributes) or "none"
            raise ValueError(f"effect.{named(key)} is not known for {kind}; its attributes are: {known}")
    attributes = {key: _attribute(row, kind, key, given) for key in row.attributes}
    if row.check is not None:
        row.check(attributes)
    return kind, attributes


def _attribute(row: Effect, kind: str, key: str, given: Mapping[str, Any]) -> Any:
    attribute = row.attributes[key]
    if key not in given or (given[key] is None and attribute.default is None):
        if attribute.default is REQUIRED:
            raise ValueError(f"effect.{key} is missing: {kind} needs {attribute.about}")
        return attribute.default
    return _checked(f"effect.{key}", given[key], attribute.check)


def _checked(field: str, value: Any, check: Callable[[Any], Any]) -> Any:
    try:
        return check(value)
    except ValueError as error:
        raise ValueError(f"{field} {error}") from None


def _side(value: Any, effect: str) -> str:
    sides = EFFECTS[effect].sides
    if value is None:
        return sides[0]
    if value not in (BEFORE, AFTER):
        raise ValueError(f"side must be before or after, not {shown(value)}")
    if value not in sides:
        raise ValueError(f"side must be after: {effect} changes a true answer, and before processing there is none")
    return str(value)


def _match(value: Any, side: str) -> Match:
    if isinstance(value, Match):
        value = value.wanted
    if value is not None and not isinstance(value, Mapping):
        raise ValueError(f'match must be an object such as {{"event": "ping"}}, not {shown(value)}')
    early = [field for field in KNOWN_AFTER if value and value.get(field) is not None]
    if side == BEFORE and early:
        raise ValueError(f"match.{early[0]} is not known before the request is processed; it needs side after")
    match = Match(value)
    refuse_misspelled(match)
    return match


def _word(*words: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be {' or '.join(words)}, not {shown(value)}")
        return str(value)

    return check


_SKIP, _TIMES, _SHARE, _SPAN = whole(0), whole(1), number(0, 1), number(0, above=True)
_CHECKS: dict[str, Callable[[Any], Any]] = {
    "skip": _SKIP[0],
    "times": _TIMES[0],
    "probability": _SHARE[0],
    "per": _word(ALL, SESSION),
    "forSeconds": _SPAN[0],
}
ENVELOPE = ("name", "effect", "match", "side", "skip", "times", "probability", "per", "forSeconds")


def rule_schema(match: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """FaultRule as JSON Schema (2020-12): a form can be built from it. Made from EFFECTS, so that it cannot drift.

    `match` is a schema for that part, where somebody knows one that says more.
    """
    simple = [name for name, row in EFFECTS.items() if row.check is None and not _required(row)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "FaultRule",
        "type": "object",
        "required": ["effect"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "pattern": f"^({_NAME.pattern})?$", "description": "unique; left out: chosen"},
            "effect": {"oneOf": [*(_effect_schema(name, row) for name, row in EFFECTS.items()), {"enum": simple}]},
            "match": match
            or {"type": "object", "properties": {field: {} for field in NAMES}, "additionalProperties": False},
            "side": {
                "enum": [BEFORE, AFTER],
                "description": "before: never processed; after: counted, the answer changed",
            },
            "skip": {**_SKIP[1], "default": 0, "description": "matching requests that pass first"},
            "times": {"anyOf": [_TIMES[1], {"type": "null"}], "description": "how often it fires; null: until removed"},
            "probability": {**_SHARE[1], "default": 1, "description": "the share of matching requests it fires at"},
            "per": {
                "enum": [ALL, SESSION],
                "default": ALL,
                "description": "what skip, times and rates are counted over",
            },
            "forSeconds": {
                "anyOf": [_SPAN[1], {"type": "null"}],
                "description": "of the emulator's clock, then it rests",
            },
            "hits": {"type": "integer", "readOnly": True},
            "matched": {"type": "integer", "readOnly": True},
            "active": {"type": "boolean", "readOnly": True},
        },
    }


def _effect_schema(name: str, row: Effect) -> dict[str, Any]:
    return {
        "title": name,
        "description": row.about,
        "type": "object",
        "required": ["type", *_required(row)],
        "additionalProperties": False,
        "properties": {"type": {"const": name}, **{key: _attribute_schema(one) for key, one in row.attributes.items()}},
    }


def _required(row: Effect) -> list[str]:
    return [key for key, attribute in row.attributes.items() if attribute.default is REQUIRED]


def _attribute_schema(attribute: Attribute) -> dict[str, Any]:
    schema = {**attribute.schema, "description": attribute.about}
    if attribute.default not in (REQUIRED, None):
        schema["default"] = attribute.default
    return schema
