"""One vocabulary to say which exchanges are meant: queries, waiting, verification and faults all speak it.

A Match is a mapping of fields to wanted values. A value is exact, a list (any of these), or an operator:
`{"min": 1, "max": 5}` (either end may be left out), `{"matches": "regex"}` (searched anywhere in the text),
`{"exists": true}`. `params`, `qoe` and `metadata` map their own keys to such values. All fields must hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Annotated, Any, NamedTuple, TypedDict, get_type_hints

from mcmock.core.events import EVENT_TYPES
from mcmock.core.findings import RULES
from mcmock.core.json_decoding import plain
from mcmock.core.model import Kind, Outcome, Verdict
from mcmock.core.regex import searcher
from mcmock.core.wording import did_you_mean, named, nearest, shown


class Field(NamedTuple):
    """One field of the vocabulary: the attribute of an exchange that has it, and what it is.

    `words` are the values it may have, where they are a closed list. `early` is the attribute of the log's entry, where the
    log keeps it in a column. `known` says when: on "arrival", when "decided", or only "later", when another event of the same
    session may still change it.
    """

    attribute: str
    about: str
    type: type = str
    words: tuple[str, ...] = ()
    early: str = ""
    known: str = "arrival"


class MatchFields(TypedDict, total=False):
    """Every field of a Match, in one row each: its name, and how it is read."""

    kind: Annotated[Any, Field("kind", "the kind of endpoint it was sent to", words=tuple(Kind), early="kind")]
    event: Annotated[Any, Field("event_type", "the event type", early="event_type")]
    session: Annotated[Any, Field("session_id", "the session id", early="session_id")]
    scope: Annotated[Any, Field("scope", "the scope's name")]
    outcome: Annotated[Any, Field("outcome", "counted, or not", words=tuple(Outcome), known="later")]
    verdict: Annotated[
        Any, Field("verdict", "what was decided on arrival", words=tuple(Verdict), early="verdict", known="decided")
    ]
    status: Annotated[Any, Field("status", "the HTTP status", int, early="status", known="decided")]
    path: Annotated[Any, Field("path", "the path as sent", early="target")]
    playhead: Annotated[Any, Field("playhead", "seconds of content", float)]
    params: Annotated[Any, Field("params", "the event's params", dict)]
    qoe: Annotated[Any, Field("qoe", "the event's qoeData", dict)]
    metadata: Annotated[Any, Field("metadata", "the event's customMetadata", dict)]
    rule: Annotated[Any, Field("findings", "has a finding of this rule", tuple, tuple(RULES), known="later")]


EVERY_FIELD: dict[str, Field] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(MatchFields, include_extras=True).items()
}
FIELDS = {name: row for name, row in EVERY_FIELD.items() if row.type not in (dict, tuple)}
PARTS = {name: row for name, row in EVERY_FIELD.items() if row.type is dict}
RULE = "rule"
NAMES = tuple(EVERY_FIELD)
DERIVED = tuple(name for name, row in EVERY_FIELD.items() if row.known == "later")
KNOWN_AFTER = tuple(name for name, row in EVERY_FIELD.items() if row.known != "arrival")
"""The fields that nobody knows before a request is processed."""
OPERATORS = ("min", "max", "matches", "exists")
MOST = 100
"""Conditions of one Match: each may cost a look at every request."""
MAX_CHOICES = 1000
"""Values in a list that is gone through one by one."""


class Difference(NamedTuple):
    """A field in which an exchange is not what was asked for."""

    field: str
    wanted: Any
    got: Any


class _Condition(NamedTuple):
    field: str
    wanted: Any
    read: Callable[[Any], Any]
    holds: Callable[[Any], bool]
    early: Callable[[Any], Any] | None = None


class Match:
    """A compiled match. `wanted` is the mapping it was made from, in the form that JSON knows."""

    def __init__(self, wanted: Mapping[str, Any] | None = None) -> None:
        """Raises ValueError, naming the field and what is allowed there, for anything the vocabulary does not know."""
        self.wanted = _wanted(wanted)
        self._conditions = [
            condition for field, value in self.wanted.items() for condition in _conditions(field, value)
        ]
        if len(self._conditions) > MOST:
            raise ValueError(f"match has {len(self._conditions):,} conditions; at most {MOST} are taken")
        self._early = [(at.early, at.holds) for at in self._conditions if at.early is not None]
        allows = [at.holds for at in self._conditions if at.field == "outcome"]
        self._outcomes = {outcome for outcome in Outcome if all(holds(outcome) for holds in allows)}

    def holds(self, one: object) -> bool:
        """Return whether `one` is meant: an Exchange, or a request that is still being judged."""
        return all(condition.holds(condition.read(one)) for condition in self._conditions)

    def prefilter(self, entry: object) -> bool:
        """Return False where the exchange that `entry`, an Entry of the log, stands for cannot hold."""
        return all(holds(read(entry)) for read, holds in self._early)

    def allows_outcome(self, outcomes: Iterable[Outcome]) -> bool:
        """Return whether it leaves room for an exchange with one of those outcomes."""
        return not self._outcomes.isdisjoint(outcomes)

    @property
    def derived(self) -> bool:
        """Whether it asks for something that a later event of the same session may change."""
        return any(field in self.wanted for field in DERIVED)

    @property
    def size(self) -> int:
        """How many conditions it has; each key of params, qoe and metadata is one."""
        return len(self._conditions)

    def allows_session(self, session_id: str) -> bool:
        """Return whether it leaves room for exchanges of that session."""
        return self.allows("session", session_id)

    def allows(self, field: str, value: Any) -> bool:
        """Return whether it leaves room for exchanges that have that value there."""
        return all(at.holds(value) for at in self._conditions if at.field == field)

    def differences(self, one: object) -> list[Difference]:
        """Return the fields that do not hold, with what was wanted and what was there."""
        got = [(condition, condition.read(one)) for condition in self._conditions]
        return [Difference(at.field, at.wanted, value) for at, value in got if not at.holds(value)]

    def exact(self, field: str) -> Any:
        """Return the one value that `field` must have, or None where it may have several."""
        value = self.wanted.get(field)
        return None if isinstance(value, dict | list) else value

    def __str__(self) -> str:
        """`event=ping playhead=10..20`, for messages."""
        return " ".join(f"{at.field}={phrase(at.wanted)}" for at in self._conditions) or "anything"

    def __repr__(self) -> str:
        return f"Match({self.wanted!r})"


def phrase(wanted: Any) -> str:
    """Return a wanted value as a reader would write it: `ping`, `play|ping`, `10..20`, `/^ad/`, `present`."""
    if isinstance(wanted, list):
        return "|".join(dict.fromkeys(map(str, wanted)))  # a query's 7 is the number or the text
    if not isinstance(wanted, dict):
        return str(wanted)
    parts = []
    if "min" in wanted or "max" in wanted:
        parts.append(f"{wanted.get('min', '')}..{wanted.get('max', '')}")
    if "matches" in wanted:
        parts.append(f"/{wanted['matches']}/")
    if "exists" in wanted:
        parts.append("present" if wanted["exists"] else "absent")
    return " ".join(parts)


def refuse_misspelled(match: Match) -> None:
    """Raises ValueError where an event is asked for that is nearly a known one: nothing would ever match, and who says
    "never", or waits for a fault, would take that slip for a result."""
    wanted = match.wanted.get("event")
    for event in wanted[:MOST] if isinstance(wanted, list) else [wanted]:
        if isinstance(event, str) and event not in EVENT_TYPES and (close := nearest(event, EVENT_TYPES)):
            raise ValueError(
                f"match.event {shown(event)} is not an event type (did you mean {close}?), so that it never comes; "
                f'if that is meant, ask for {{"matches": "^{event}$"}}'
            )


# -- compiling ------------------------------------------------------------------------------------------------------------


def _wanted(wanted: Any) -> dict[str, Any]:
    """Return what is wanted of which field, as JSON has it. None stands for a field that is left out."""
    if wanted is not None and not isinstance(wanted, Mapping):
        raise ValueError(f'match must be an object such as {{"event": "ping"}}, not {shown(wanted)}')
    plainly = {}
    for field, value in (wanted or {}).items():
        try:
            plainly[str(field)] = plain(value)
        except ValueError as error:
            raise ValueError(f"match.{named(field)} holds {error}") from None
    return {field: value for field, value in plainly.items() if value is not None}


def _conditions(field: str, value: Any) -> Iterable[_Condition]:
    if field in FIELDS:
        row = FIELDS[field]
        early = attrgetter(row.early) if row.early else None
        return [_Condition(field, value, attrgetter(row.attribute), _test(field, value, row), early)]
    if field in PARTS:
        return _part_conditions(field, value)
    if field == RULE:
        return [_Condition(field, value, _rules, _rule_test(value))]
    raise ValueError(
        f"match.{named(field)} is not known{did_you_mean(field, NAMES)}; the fields are {', '.join(NAMES)}"
    )


def _part_conditions(field: str, value: Any) -> list[_Condition]:
    if not isinstance(value, dict):
        raise ValueError(
            f'match.{field} must map names to wanted values, such as {{"media.id": "film"}}, not {shown(value)}'
        )
    anything = PARTS[field]._replace(type=object)
    return [
        _Condition(
            f"{field}.{key}", wanted, _part_reader(PARTS[field], key), _test(f"{field}.{named(key)}", wanted, anything)
        )
        for key, wanted in value.items()
    ]


def _part_reader(part: Field, key: str) -> Callable[[Any], Any]:
    read = attrgetter(part.attribute)
    return lambda one: read(one).get(key)


def _rules(one: Any) -> list[str]:
    return [finding.rule for finding in one.findings]


def _rule_test(value: Any) -> Callable[[Any], bool]:
    single = _test(RULE, value, Field("rule", ""))
    for rule in [] if isinstance(value, dict) else value if isinstance(value, list) else [value]:
        if rule not in RULES:
            raise ValueError(
                f"match.rule is {shown(rule)}{did_you_mean(rule, RULES)}, which no finding has; docs/findings.md lists the rules"
            )
    if isinstance(value, dict) and "exists" in value:
        return lambda found: bool(found) is value["exists"]
    return lambda found: any(single(rule) for rule in found)


def _test(field: str, value: Any, row: Field) -> Callable[[Any], bool]:
    if isinstance(value, dict):
        return _operator(field, value)
    choices = value if isinstance(value, list) else [value]
    if not choices:
        raise ValueError(
            f"match.{field} is an empty list, which nothing can match; leave the field out to allow anything"
        )
    for choice in choices:
        _check_choice(field, choice, row)
    if row.early:
        return frozenset(choices).__contains__  # asked of every entry of the log: no Python in it
    if len(choices) > MAX_CHOICES:
        raise ValueError(f"match.{field} has {len(choices):,} values; at most {MAX_CHOICES:,} are taken")
    if len(choices) == 1:
        return lambda got: _equal(got, choices[0])
    return lambda got: any(_equal(got, choice) for choice in choices)


def _equal(got: Any, wanted: Any) -> bool:
    """JSON's equality: true is not 1."""
    return bool(got == wanted) and isinstance(got, bool) is isinstance(wanted, bool)


def _check_choice(field: str, choice: Any, row: Field) -> None:
    if row.words and choice not in row.words:
        raise ValueError(
            f"match.{field} is {shown(choice)}{did_you_mean(choice, row.words)}; it is one of {', '.join(row.words)}"
        )
    wanted = (int, float) if row.type is float else row.type
    if not isinstance(choice, wanted) or (row.type is not object and isinstance(choice, bool)):
        name = {str: "text", int: "a whole number", float: "a number"}[row.type]
        raise ValueError(f"match.{field} must be {name}, not {shown(choice)}")


def _operator(field: str, value: dict[str, Any]) -> Callable[[Any], bool]:
    tests = [_OPERATOR_TESTS[_known_operator(field, name)](field, wanted) for name, wanted in value.items()]
    if not tests:
        raise ValueError(f"match.{field} is an empty object; an operator is one of {', '.join(OPERATORS)}")
    return lambda got: all(test(got) for test in tests)


def _known_operator(field: str, name: str) -> str:
    if name not in OPERATORS:
        raise ValueError(
            f"match.{field}.{named(name)} is not an operator{did_you_mean(name, OPERATORS)}; use {', '.join(OPERATORS)}"
        )
    return name


def _bound(field: str, wanted: Any, holds: Callable[[Any, Any], bool]) -> Callable[[Any], bool]:
    if isinstance(wanted, bool) or not isinstance(wanted, int | float):
        raise ValueError(f"match.{field} must be bounded by a number, not {shown(wanted)}")
    return lambda got: isinstance(got, int | float) and not isinstance(got, bool) and holds(got, wanted)


def _pattern(field: str, wanted: Any) -> Callable[[Any], bool]:
    try:
        found = searcher(wanted)
    except ValueError as error:
        raise ValueError(f"match.{field}.matches is {error}") from None
    return lambda got: isinstance(got, str) and found(got)


def _presence(field: str, wanted: Any) -> Callable[[Any], bool]:
    if not isinstance(wanted, bool):
        raise ValueError(f"match.{field}.exists must be true or false, not {shown(wanted)}")
    return lambda got: (got is not None) is wanted


_OPERATOR_TESTS: dict[str, Callable[[str, Any], Callable[[Any], bool]]] = {
    "min": lambda field, wanted: _bound(field, wanted, lambda got, least: got >= least),
    "max": lambda field, wanted: _bound(field, wanted, lambda got, most: got <= most),
    "matches": _pattern,
    "exists": _presence,
}


# -- from a query string --------------------------------------------------------------------------------------------------


def from_query(pairs: Iterable[tuple[str, str]]) -> Match:
    """Return a Match from `event=play&event=ping&playhead.min=10&params.media.id=film`: a repeated name means any of these.

    Raises ValueError as Match does.
    """
    wanted: dict[str, Any] = {}
    for name, text in pairs:
        place, key = _place(wanted, name)
        value = _value(name, text)
        if isinstance(place.get(key), dict):
            raise ValueError(f"{named(name)} is asked for both as a value and by its parts: choose one")
        place[key] = [*_several(place[key]), *_several(value)] if key in place else value
    return Match(wanted)


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _place(wanted: dict[str, Any], name: str) -> tuple[dict[str, Any], str]:
    """Return where in `wanted` a dotted name points: operators and the keys of params, qoe and metadata are nested."""
    whole_name = name
    field, _, rest = name.partition(".")
    if field in PARTS and rest:
        wanted, name = _inner(wanted, field, field), rest
    stem, _, operator = name.rpartition(".")
    if operator in OPERATORS and stem:
        return _inner(wanted, stem, whole_name.removesuffix(f".{operator}")), operator
    return wanted, name


def _inner(wanted: dict[str, Any], name: str, whole_name: str) -> dict[str, Any]:
    """Return what the keys or operators of `name` are gathered in; `whole_name` is what it is called in the query."""
    if not isinstance(wanted.setdefault(name, {}), dict):
        raise ValueError(f"{named(whole_name)} is asked for both as a value and by its parts: choose one")
    return wanted[name]  # type: ignore[no-any-return]


_WORDS = {"true": True, "false": False}


def _value(name: str, text: str) -> Any:
    """Return what a query string's text stands for. In params and the like it may be the text or the number: either will do."""
    field, _, rest = name.partition(".")
    if rest.endswith("exists"):
        return _WORDS.get(text, text)
    if (field in FIELDS and FIELDS[field].type is not str) or rest.rpartition(".")[2] in ("min", "max"):
        return _number(name, text)
    if field in PARTS and text in _WORDS:
        return [_WORDS[text], text]
    if field in PARTS and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return [_number(name, text), text]
    return text


def _number(name: str, text: str) -> int | float:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        raise ValueError(f"{named(name)} must be a number, not {shown(text)}") from None
