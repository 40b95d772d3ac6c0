"""What is remembered of the shape of a body says of every body what jsonschema says."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from mcmock.core import json_decoding
from mcmock.core.events import EVENT_TYPES
from mcmock.core.json_decoding import BadJson
from mcmock.core.model import Kind, Mode
from mcmock.protocols import json_schema, registry
from mcmock.protocols.media_collection import schemas
from mcmock.protocols.media_collection.body import judge
from mcmock.protocols.media_edge import schemas as edge
from tests.protocols.test_body import FIXTURES, recorded

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, 3, -1, 1.0, 2.5, 1e300, 2**70, "", "a", "a\n", "a b", "mute", [], {}, [{}], {"a": 1}, [None],
    "sessionStart", {"id": "x", "authState": True}, {"id": "x", "authState": 1.0}, {"u": {"id": 1}},
    [{"media.state.name": "a b"}],
)  # fmt: skip
NAMES = (
    "params", "qoeData", "customMetadata", "playerTime", "ts", "no such", "media.id", "media.state.name", "statesStart", "a b",
)  # fmt: skip


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


def check(event: dict[str, Any]) -> bool:
    """Compare what is said of an event the first time, the second time, and by jsonschema alone; return whether it is wrong."""
    event_type = event["eventType"]
    validator = jsonschema.Draft4Validator(json_schema.enforced(schemas.bundle(event_type)))
    is_wrong = not validator.is_valid(event)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schemas, "_shapes", {})
        alone = sorted(map(repr, schemas.violations(event_type, event)))
        again = sorted(map(repr, schemas.violations(event_type, event)))
    before = sorted(map(repr, schemas.violations(event_type, event)))
    assert alone == again == before, event
    assert bool(alone) is is_wrong is not schemas.fits(event_type, event), event
    return is_wrong


def test_every_body_of_the_project_is_judged_the_same_when_its_shape_is_known() -> None:
    found = [check(event) for event in bodies()]
    assert len(found) > 500
    assert len(set(found)) == 2


def test_bodies_that_are_bent_are_judged_the_same_when_their_shape_is_known() -> None:
    chance = random.Random(1)
    events = list({json.dumps(event): event for event in bodies()}.values())
    found = [check(bent(chance, chance.choice(events))) for _ in range(1500)]
    assert 300 < sum(found) < len(found)


def test_media_edge_events_that_are_bent_are_judged_as_jsonschema_does() -> None:
    chance, found = random.Random(1), []
    for event in edge_events():
        event_type = event["eventType"].removeprefix("media.")
        validator = jsonschema.Draft4Validator(json_schema.enforced(edge.bundle(event_type)))
        for value in (event, *(bent(chance, event) for _ in range(3))):
            found.append(validator.is_valid(value))
            assert edge._compiled(event_type).fits(value) is found[-1], value
            assert (not list(edge.violations(event_type, value, "$"))) is found[-1], value
    assert len(found) > 300
    assert 0 < sum(found) < len(found)


def test_what_was_sent_is_said_of_each_body_though_its_shape_is_known() -> None:
    for playhead in (25.0, 26.0):
        event = {"eventType": "play", "playerTime": {"playhead": 1, "ts": playhead}}
        (found,) = schemas.violations("play", event)
        assert str(playhead) in found.message


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


def test_what_was_prepared_waits_for_no_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.prepare()

    def must_not(_: Any) -> Any:
        raise AssertionError("a schema was compiled after all were prepared")

    monkeypatch.setattr(json_schema, "compile_schema", must_not)
    for event_type in EVENT_TYPES:
        list(schemas.violations(event_type, {"eventType": event_type}))
    for event_type in edge.KNOWN:
        list(edge.violations(event_type, {}, "$"))
