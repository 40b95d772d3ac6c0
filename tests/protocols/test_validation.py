"""Our validator says of every body what jsonschema says, in the same order."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from mcmock.core import json_decoding
from mcmock.core.events import EVENT_TYPES
from mcmock.core.json_decoding import BadJson
from mcmock.core.model import Kind, Mode
from mcmock.protocols import json_schema
from mcmock.protocols.media_collection import schemas
from mcmock.protocols.media_collection.body import judge
from mcmock.protocols.media_edge import schemas as edge
from mcmock.protocols.validation import Breach, Compiled, UnknownKeyword, compiled
from tests.protocols.test_body import FIXTURES, recorded

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, 3, -1, 1.0, 2.5, 1e300, 2**70, "", "a", "a\n", "a b", "mute", [], {}, [{}], {"a": 1}, [None],
    "sessionStart", {"id": "x", "authState": True}, {"id": "x", "authState": 1.0}, {"u": {"id": 1}},
    [{"media.state.name": "a b"}],
)  # fmt: skip
NAMES = (
    "params", "qoeData", "customMetadata", "playerTime", "ts", "no such", "media.id", "media.state.name", "statesStart", "a b",
)  # fmt: skip
IN_A_SET = "visitor.customerIDs"
"""The one object whose names jsonschema takes in the order of a set, another one in each process; ours keep the body's."""


def told(schema_sent: Any, value: Any) -> list[Breach]:
    """What jsonschema says: it reports all unknown keys of an object in one error, and each missing one in its own without
    saying which it is, except in English."""
    found: list[Breach] = []
    listed = set()
    for error in jsonschema.Draft4Validator(json_schema.enforced(schema_sent)).iter_errors(value):
        keys, sent = tuple(error.absolute_path), error.instance
        schema: Any = error.schema
        if error.validator == "additionalProperties":
            known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
            extras = [key for key in sent if key not in known and not any(re.search(one, key) for one in patterns)]
            found += [Breach("additionalProperties", (*keys, key), False, sent[key], schema) for key in extras]
        elif error.validator == "required":
            if (at := (keys, tuple(error.absolute_schema_path))) not in listed:
                listed.add(at)
                missing = [key for key in schema["required"] if key not in sent]
                found += [Breach("required", (*keys, key), True, None, schema) for key in missing]
        else:
            found.append(Breach(str(error.validator), keys, error.validator_value, sent, schema))
    return found


def bodies() -> Iterator[dict[str, Any]]:
    """Every event of the project that has a type."""
    for _, text in recorded():
        try:
            value = json_decoding.decode(text)
        except BadJson:
            continue
        for event in value if isinstance(value, list) else [value]:
            if (
                isinstance(event, dict)
                and isinstance(event.get("eventType"), str)
                and event["eventType"] in EVENT_TYPES
            ):
                yield event


def bent(chance: random.Random, event: dict[str, Any]) -> dict[str, Any]:
    """The event with up to three things changed, added or taken away, at any of its levels."""
    made = copy.deepcopy(event)
    for _ in range(chance.randint(1, 3)):
        part: Any = made
        while (inner := [one for one in part.values() if isinstance(one, dict)]) and chance.random() < 0.7:
            part = chance.choice(inner)
        name = chance.choice([*part, *NAMES]) if part else chance.choice(NAMES)
        if part is made and name == "eventType":
            continue
        if chance.random() < 0.25:
            part.pop(name, None)
        else:
            part[name] = copy.deepcopy(chance.choice(VALUES))
    return made


def compare(schema: Any, made: Compiled, value: Any) -> bool:
    """Compare both; return whether there was a breach."""
    wanted, found = told(schema, value), list(made.breaches(value, ()))
    assert sorted(map(repr, found)) == sorted(map(repr, wanted)), value
    assert list(map(repr, found)) == list(map(repr, wanted)) or any(IN_A_SET in one.keys for one in found), value
    assert made.fits(value) is not bool(wanted), value
    return bool(wanted)


def check(event: dict[str, Any]) -> bool:
    event_type = event["eventType"]
    is_wrong = compare(schemas.bundle(event_type), schemas._compiled(event_type), event)
    for _ in range(2):  # the second time its shape is known
        assert schemas.fits(event_type, event) is not is_wrong, event
    return is_wrong


def test_it_says_what_jsonschema_says_of_every_body_of_the_project() -> None:
    found = [check(event) for event in bodies()]
    assert len(found) > 500
    assert len(set(found)) == 2


def test_it_says_what_jsonschema_says_of_bodies_that_are_bent() -> None:
    chance = random.Random(1)
    events = list({json.dumps(event): event for event in bodies()}.values())
    found = [check(bent(chance, chance.choice(events))) for _ in range(1500)]
    assert 300 < sum(found) < len(found)


def test_it_says_what_jsonschema_says_of_media_edge_events_that_are_bent() -> None:
    chance, found = random.Random(1), []
    for event in edge_events():
        event_type = event["eventType"].removeprefix("media.")
        values = (event, *(bent(chance, event) for _ in range(3)))
        found += [compare(edge.bundle(event_type), edge._compiled(event_type), value) for value in values]
    assert len(found) > 300
    assert 0 < sum(found) < len(found)


def edge_events() -> Iterator[dict[str, Any]]:
    """Every event of the recordings of Media Edge clients."""
    for path in sorted((FIXTURES / "edge").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            body = json.loads(json.loads(line)["body_raw"] or "{}")
            for event in [*body.get("events", ()), *([body["event"]] if "event" in body else [])]:
                if event["xdm"].get("eventType", "").removeprefix("media.") in edge.KNOWN:
                    yield event["xdm"]


def test_a_shape_is_no_promise_where_the_value_decides() -> None:
    def state(name: str) -> dict[str, Any]:
        time = {"playhead": 1, "ts": 1}
        return {"eventType": "stateStart", "playerTime": time, "params": {"media.state.name": name}}

    assert schemas.fits("stateStart", state("mute"))
    assert not schemas.fits("stateStart", state("m u t e"))


def test_shapes_are_forgotten_rather_than_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "_shapes", {})
    event: dict[str, Any] = {"eventType": "play", "playerTime": {"playhead": 1, "ts": 1}}
    for number in range(schemas.MAX_SHAPES + 10):
        assert schemas.fits("play", {**event, "customMetadata": {f"a{number}": "x"}})
    assert len(schemas._shapes) <= schemas.MAX_SHAPES
    before = len(schemas._shapes)
    assert schemas.fits("play", {**event, "customMetadata": {"a" * (schemas.LONGEST_NAME + 1): "x"}})
    assert schemas.fits("play", {**event, "customMetadata": {f"b{one}": "x" for one in range(2 * schemas.MAX_NAMES)}})
    assert len(schemas._shapes) == before


def test_a_keyword_that_is_not_written_here_is_refused() -> None:
    schemas_of_others: tuple[Any, ...] = ({"multipleOf": 1}, {"properties": {"a": {"format": "uri"}}}, {"enum": [None]})
    for schema in schemas_of_others:
        with pytest.raises(UnknownKeyword):
            compiled(schema)


def _event_text(metadata: str) -> bytes:
    head = '{"eventType":"sessionStart","playerTime":{"playhead":0,"ts":1},"customMetadata":'
    return f"{head}{metadata}}}".encode()


@pytest.mark.parametrize(
    ("metadata", "is_doubled"),
    [
        ('{"a":"A: title"}', False), ('{"a":"A : title"}', False), ('{"a":":"}', False), ('{"a":"\\": b"}', False),
        ('{"a":"1","a":"x: y"}', True), ('{"a" :":","a" :"2"}', True), ('{"a"\t:":","a"\n:"::"}', True),
        ('{"a":"\\":","a":"2"}', True), ('{"a":{"b":"c: d","b":1}}', True), ('{"\\u0061":":","a":"2"}', True),
    ],
)  # fmt: skip
def test_a_colon_within_a_text_hides_no_key_that_was_sent_twice(metadata: str, is_doubled: bool) -> None:
    judged = judge(Kind.SESSION, _event_text(metadata), Mode.LOOSE)
    assert ("duplicate-key" in [one.rule for one in judged.findings]) is is_doubled
