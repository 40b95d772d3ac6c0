"""A tracking plan as TOML and as JSON: read, refused in one line with the nearest right key, and its schema for editors.

Both forms have the same keys; docs/plan.md tells them. The text decides: only `load_file` opens anything.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path as FilePath
from typing import Any, Final

from mcmock.analytics.plan import (
    ALL,
    FORBIDDEN,
    OPTIONAL,
    PARTS,
    PRESENCES,
    REQUIRED,
    TYPES,
    Cadence,
    Occurrence,
    Plan,
    Row,
)
from mcmock.core.events import EVENT_TYPES
from mcmock.core.json_decoding import duplicate_keys, plain
from mcmock.core.match import PARTS as MATCH_PARTS
from mcmock.core.match import Match
from mcmock.core.regex import searcher
from mcmock.core.toml_lines import Path, line_of
from mcmock.core.wording import did_you_mean, named, shown
from mcmock.protocols.registry import FIRST_PROTOCOL, protocol_named

EVENTS: Final = {"sessionStart": PARTS, "adBreakStart": PARTS[:1], "adStart": PARTS, "chapterStart": PARTS}
"""The events whose params, and whose metadata where any counts, a plan may have rows about."""

CADENCES: Final = ("pingSeconds", "adPingSeconds")
API: Final = protocol_named(FIRST_PROTOCOL)
"""The API whose params a plan names."""

OTHERS: Final = {"params": "otherParams", "metadata": "otherMetadata"}
MAX_ITEMS: Final = 10_000
"""Rows of a plan: each is looked at for each event that it is about."""

MAX_OCCURRENCES: Final = 200
"""Events that a plan may ask for: each is looked at for every event of a session."""

MAX_SECONDS: Final = 86400

MAX_TIMES: Final = 1000
"""How often an event may be asked for."""

_TOP = ("name", ALL, "content")
_SECTION = ("events", *CADENCES, *EVENTS)
_ROW = ("presence", "values", "matches", "type", "example", "about")
_MATCH = ("event", "playhead", *MATCH_PARTS)
_OCCURRENCE = (*_MATCH, "when", "before", "atLeast", "atMost", "name", "about")


class _Wrong(ValueError):
    """Why a plan is none: where, and words that follow the last key of that path."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path

    def __str__(self) -> str:
        return f"{_dotted(self.path)} {self.args[0]}" if self.path else f"a plan {self.args[0]}"


def load_file(path: str | PathLike[str]) -> Plan:
    """Return the plan in a `.toml` or `.json` file. Raises OSError as opening it does, and ValueError that names the file."""
    path = FilePath(path)
    try:
        text = path.read_text("utf-8-sig")
        return from_json_text(text) if path.suffix.lower() == ".json" else from_toml(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def as_plan(plan: object) -> Plan | None:
    """Return a plan that somebody handed over: one that is made already, a file's, or what a mapping says; None for None.

    Raises ValueError in one line that says what is wrong, for a file that cannot be read, too.
    """
    if plan is None or isinstance(plan, Plan):
        return plan
    if not isinstance(plan, str | PathLike):
        return from_json(plan)
    try:
        return load_file(plan)
    except OSError as error:
        raise ValueError(f"plan: {plan}: {error.strerror or error}") from None


def from_toml(text: str) -> Plan:
    """Return the plan in a TOML text. Raises ValueError with one line that says in which line what is wrong."""
    try:
        value = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not TOML: {error}") from None
    try:
        return from_json(value)
    except _Wrong as error:
        raise ValueError(f"line {line_of(text, error.path)}: {error}") from None


def from_json_text(text: str) -> Plan:
    """Return the plan in a JSON text. Raises ValueError with one line that says what is wrong."""
    try:
        value, doubles = json.loads(text), duplicate_keys(text.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if doubles:
        raise ValueError(f"{named(doubles[0])} stands twice in one object: which one is meant?")
    return from_json(value)


def from_json(value: Any) -> Plan:
    """Return the plan that a JSON value is. Raises ValueError with one line that says where it is none."""
    whole = _object(value, (), _TOP)
    if "name" in whole:
        _text(whole["name"], ("name",))
    contents = _object(whole.get("content", {}), ("content",))
    if not contents and ALL not in whole:
        raise _Wrong((), "has [all], or [content.TYPE] for a content type such as vod, or both; this has neither")
    sections: list[tuple[str | None, Path, Any]] = [(None, (ALL,), whole[ALL])] if ALL in whole else []
    sections += [(content, ("content", content), section) for content, section in contents.items()]
    reader = _Reader()
    for content, path, section in sections:
        reader.read(content, path, _object(section, path, _SECTION))
    try:
        source = plain(value)
    except ValueError as error:
        raise _Wrong((), f"is no JSON: it holds {error}") from None
    return Plan(
        tuple(reader.rows), tuple(reader.occurrences), tuple(reader.cadences), tuple(contents), ALL in whole, reader.closed,
        {event: frozenset(key for key, required in API.params_of(event).items() if required) for event in EVENTS}, source,
    )  # fmt: skip


class _Reader:
    """Gathers the items of a plan, section by section."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.occurrences: list[Occurrence] = []
        self.cadences: list[Cadence] = []
        self.closed: dict[tuple[str | None, str, str], bool] = {}

    def read(self, content: str | None, path: Path, section: Mapping[str, Any]) -> None:
        for key in CADENCES:
            if key in section:
                self.cadences.append(Cadence(content, key, _seconds(section[key], (*path, key))))
        for event, parts in EVENTS.items():
            if event in section:
                self._read_event(content, event, parts, (*path, event), section[event])
        for place, value in enumerate(_list(section.get("events", []), (*path, "events"))):
            self.occurrences.append(_occurrence(content, len(self.occurrences), value, (*path, "events", place)))
        if len(self.rows) > MAX_ITEMS or len(self.occurrences) > MAX_OCCURRENCES:
            raise _Wrong(path, f"goes beyond the {MAX_ITEMS:,} rows and {MAX_OCCURRENCES} events that a plan may have")

    def _read_event(self, content: str | None, event: str, parts: tuple[str, ...], path: Path, value: Any) -> None:
        keys = [*parts, *(OTHERS[part] for part in parts)]
        table = _object(value, path, keys)
        for part in parts:
            if (other := OTHERS[part]) in table:
                known = (OPTIONAL, FORBIDDEN)
                self.closed[content, event, part] = _word(table[other], (*path, other), known) != OPTIONAL
            for key, row in _object(table.get(part, {}), (*path, part)).items():
                self.rows.append(_row(content, event, part, key, row, (*path, part, key)))


def _row(content: str | None, event: str, part: str, key: str, value: Any, path: Path) -> Row:
    if part == "params" and key not in API.params_of(event):
        raise _Wrong(path, f"is no parameter of {event}{did_you_mean(key, API.params_of(event))}")
    if isinstance(value, str):
        return Row(content, event, part, key, _word(value, path, PRESENCES))
    if isinstance(value, list):
        return Row(content, event, part, key, REQUIRED, _values(value, path))
    table = _object(value, path, _ROW, "a presence, a list of values or a table")
    kind = _word(table["type"], (*path, "type"), TYPES) if "type" in table else None
    row = Row(
        content, event, part, key,
        presence=_word(table.get("presence", REQUIRED), (*path, "presence"), PRESENCES),
        values=_values(table["values"], (*path, "values")) if "values" in table else (),
        matches=_pattern(table["matches"], (*path, "matches")) if "matches" in table else None,
        type=kind, example=_example(table.get("example"), (*path, "example")),
        about=_text(table.get("about", ""), (*path, "about")),
    )  # fmt: skip
    _check_row(row, path)
    return row


def _check_row(row: Row, path: Path) -> None:
    """Raise _Wrong for a row that contradicts itself."""
    if row.presence == FORBIDDEN and (extra := next((key for key in _ROW[1:4] if getattr(row, key)), None)):
        raise _Wrong((*path, extra), "says what a value must be that is forbidden")
    alone = Plan((row,), (), (), (), True, {}, {}, {})
    for key, values in (("values", row.values), ("example", () if row.example is None else (row.example,))):
        for value in values:
            rest = row._replace(values=()) if key == "values" else row
            if wrong := alone.wrong(rest._replace(presence=OPTIONAL), value):
                raise _Wrong((*path, key), f"has {wrong}: the row contradicts itself")


def _occurrence(content: str | None, number: int, value: Any, path: Path) -> Occurrence:
    if isinstance(value, str | list):
        return Occurrence(content, number, _match({"event": value}, path))
    table = _object(value, path, _OCCURRENCE, "an event type or a table")
    if "event" not in table:
        raise _Wrong(path, "has no event")
    least = _times(table.get("atLeast", 1), (*path, "atLeast"), 0)
    most = _times(table["atMost"], (*path, "atMost"), 0) if "atMost" in table else None
    if most is not None and most < least:
        if "atLeast" in table:
            raise _Wrong((*path, "atMost"), f"is {most}, but atLeast is {least}")
        least = most
    return Occurrence(
        content, number, _match({key: table[key] for key in _MATCH if key in table}, path),
        when=_events(table.get("when", []), (*path, "when")), before=_events(table.get("before", []), (*path, "before")),
        at_least=least, at_most=most, name=_text(table.get("name", ""), (*path, "name")),
    )  # fmt: skip


def _match(wanted: dict[str, Any], path: Path) -> Match:
    _events(wanted["event"], (*path, "event"))
    try:
        return Match(wanted)
    except ValueError as error:
        raise _Wrong(path, f"is wrong: {error}") from None


# -- values ---------------------------------------------------------------------------------------------------------------


def _object(value: Any, path: Path, keys: Iterable[str] = (), words: str = "a table") -> Mapping[str, Any]:
    """Return a table. Raises _Wrong for anything else, and for a key that is none of `keys`, if there are any."""
    if not isinstance(value, Mapping):
        raise _Wrong(path, f"must be {words}, not {shown(value)}")
    known = list(keys)
    for key in value:
        if known and key not in known:
            raise _Wrong((*path, key), f"is not known here{did_you_mean(key, known)}; the keys are {', '.join(known)}")
    return value


def _list(value: Any, path: Path) -> list[Any]:
    if not isinstance(value, list):
        raise _Wrong(path, f"must be a list, not {shown(value)}")
    return value


def _text(value: Any, path: Path) -> str:
    if not isinstance(value, str):
        raise _Wrong(path, f"must be text, not {shown(value)}")
    return value


def _word(value: Any, path: Path, known: Iterable[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise _Wrong(path, f"is {shown(value)}{did_you_mean(value, known)}; it is one of {', '.join(known)}")
    return value


def _events(value: Any, path: Path) -> tuple[str, ...]:
    events = value if isinstance(value, list) else [value]
    return tuple(_word(one, path, EVENT_TYPES) for one in events)


def _values(value: Any, path: Path) -> tuple[Any, ...]:
    values = _list(value, path)
    wrong = [one for one in values if not isinstance(one, str | int | float)]
    if not values or wrong:
        raise _Wrong(
            path, f"must list the values that are allowed, texts, numbers or flags, not {shown(wrong or values)}"
        )
    return tuple(values)


def _example(value: Any, path: Path) -> Any:
    if value is not None and not isinstance(value, str | int | float | Mapping):
        raise _Wrong(path, f"must be a text, a number, a flag or a table, not {shown(value)}")
    return value


def _pattern(value: Any, path: Path) -> str:
    try:
        searcher(value)
    except ValueError as error:
        raise _Wrong(path, f"is {error}") from None
    return str(value)


def _seconds(value: Any, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_SECONDS:
        raise _Wrong(path, f"must be a number of seconds above 0, not {shown(value)}")
    return value


def _times(value: Any, path: Path, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MAX_TIMES:
        raise _Wrong(path, f"must be a whole number from {least} to {MAX_TIMES}, not {shown(value)}")
    return value


def _dotted(path: Path) -> str:
    """Return the path as TOML writes it: `content.vod.sessionStart.params."media.show"`."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += ("." if text else "") + (key if _is_bare(key) else named(json.dumps(key, ensure_ascii=False)))
    return text


def _is_bare(key: str) -> bool:
    return key.isascii() and key.replace("_", "").replace("-", "").isalnum()


# -- for editors ------------------------------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    """Return the JSON schema of a plan (draft 2020-12), for editors that complete and check TOML or JSON."""
    shapes = shapes_of_plan(lambda name: {"$ref": f"#/$defs/{name}"})
    plan = shapes.pop("Plan")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "mcmock tracking plan", **plan, "$defs": shapes,
    }  # fmt: skip


def shapes_of_plan(ref: Callable[[str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the schemas of a plan and of its parts by name; `ref` says how one refers to another."""
    events = {"type": "array", "items": ref("PlanOccurrence")}
    cadences = {key: {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_SECONDS} for key in CADENCES}
    tables = {event: _event_schema(event, parts, ref("PlanRow")) for event, parts in EVENTS.items()}
    sections = {"type": "object", "additionalProperties": ref("PlanSection")}
    return {
        "Plan": {
            **_closed_object({"name": _TEXT, ALL: ref("PlanSection"), "content": sections}),
            "description": "what each content type must send",
            "minProperties": 1,
        },
        "PlanSection": _closed_object({"events": events, **cadences, **tables}),
        "PlanRow": {"anyOf": [_words(PRESENCES), _VALUES, _closed_object(_row_schema())]},
        "PlanEvent": {"anyOf": [_words(EVENT_TYPES), {"type": "array", "items": _words(EVENT_TYPES), "minItems": 1}]},
        "PlanOccurrence": {
            "anyOf": [
                ref("PlanEvent"),
                {**_closed_object(_occurrence_schema(ref("PlanEvent"))), "required": ["event"]},
            ]
        },
    }  # fmt: skip


_TEXT: Final = {"type": "string"}
_VALUES: Final = {"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}}


def _words(words: Iterable[str]) -> dict[str, Any]:
    return {"enum": list(words)}


def _closed_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties)}


def _event_schema(event: str, parts: Iterable[str], row: Mapping[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for part in parts:
        keys = dict.fromkeys(API.params_of(event), row)
        properties[part] = _closed_object(keys) if part == "params" else {"type": "object", "additionalProperties": row}
        properties[OTHERS[part]] = _words((OPTIONAL, FORBIDDEN))
    return _closed_object(properties)


def _row_schema() -> dict[str, Any]:
    return {
        "presence": {**_words(PRESENCES), "default": REQUIRED}, "values": _VALUES, "matches": _TEXT, "type": _words(TYPES),
        "example": {}, "about": _TEXT,
    }  # fmt: skip


def _occurrence_schema(event: Mapping[str, Any]) -> dict[str, Any]:
    times = {"type": "integer", "minimum": 0, "maximum": MAX_TIMES}
    return {
        "event": event, "playhead": {}, **{part: {"type": "object"} for part in MATCH_PARTS}, "when": event, "before": event,
        "atLeast": times, "atMost": times, "name": _TEXT, "about": _TEXT,
    }  # fmt: skip
