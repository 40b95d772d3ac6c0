"""The schema files: valid draft-04, whole when served, and enforced as they are served."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mcmock.core.events import EVENT_TYPES
from mcmock.core.json_decoding import json_path
from mcmock.protocols import json_schema
from mcmock.protocols.media_collection import schemas
from mcmock.protocols.media_collection.schemas import bundle, served, violations
from tests.conftest import START_PARAMS, body

FIXTURES = Path(__file__).parents[2] / "fixtures"


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for inner in part.values() for found in references(inner)]
    return [found for inner in part for found in references(inner)] if isinstance(part, list) else []


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_served_schema_is_valid_and_refers_to_nothing_outside_itself(event_type: str) -> None:
    document = json.loads(served(event_type, "http", "collect.example"))
    jsonschema.Draft4Validator.check_schema(json_schema.valid(document))
    assert document["id"] == f"http://collect.example/api/v1/schemas/{event_type}"
    for reference in references(document):
        assert reference.startswith("#/definitions/")
        assert reference.removeprefix("#/definitions/") in document["definitions"]


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_schema_holds_no_definition_that_nobody_uses_but_the_documented_four(event_type: str) -> None:
    document = bundle(event_type)
    used = {reference.rpartition("/")[2] for reference in references(document)}
    assert set(document["definitions"]) == used | {"playerTime", "eventType", "qoeData", "customMetadata"}


def test_there_is_a_schema_for_each_event_type_and_no_other() -> None:
    files = {path.stem for path in (Path(__file__).parents[2] / "schemas").glob("*.json")}
    assert files == {*EVENT_TYPES, "common"}
    common = json.loads((Path(__file__).parents[2] / "schemas" / "common.json").read_text())
    assert sorted(common["definitions"]["eventType"]["enum"]) == sorted(EVENT_TYPES)
    with pytest.raises(KeyError, match="seekStart"):
        bundle("seekStart")


def test_a_schema_says_yes_to_what_clients_send_if_it_is_validated_by_somebody_else() -> None:
    """Our documents, jsonschema as it comes, the recordings: what our server accepts, its schema does."""
    judged = 0
    for path in sorted((FIXTURES / "clients").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            sent = json.loads(line)
            if sent["kind"] == "preflight":
                continue
            value = json.loads(sent["body_raw"])
            document = json.loads(served(value["eventType"], "http", "localhost"))
            errors = list(jsonschema.Draft4Validator(document).iter_errors(value))
            assert not errors, (path.name, errors)
            judged += 1
    assert judged > 100


OPTIONAL_2018 = {
    "appInstallationId", "analytics.enableSSL", "analytics.visitorId", "visitor.marketingCloudUserId",
    "visitor.aamLocationHint",
    *(f"media.{name}" for name in ("name", "resume", "sdkVersion", "streamFormat", "show", "season", "episode", "assetId",
      "genre", "firstAirDate", "firstDigitalDate", "rating", "originator", "network", "showType", "adLoad", "pass.mvpd",
      "pass.auth", "dayPart", "feed")),
}  # fmt: skip


def of_2018() -> dict[str, Any]:
    """Our document with the event types and keys that there were in January 2018, in our order."""
    document = json.loads(served("sessionStart", "http", "alpha.hb-api.omtrdc.net"))
    definitions = document["definitions"]
    definitions["eventType"]["enum"] = [one for one in definitions["eventType"]["enum"] if one not in LATER_EVENTS]
    quality, params = definitions["qoeData"]["properties"], definitions["sessionStart"]["properties"]["params"]
    del quality["media.qoe.errorID"], quality["media.qoe.errorSource"], definitions["customerIDs"]
    known = {*OPTIONAL_2018, *params["required"]}
    params["properties"] = {key: part for key, part in params["properties"].items() if key in known}
    return dict(document)


LATER_EVENTS = {"chapterStart", "chapterComplete", "chapterSkip", "stateStart", "stateEnd", "statesUpdate"}


def test_the_schema_of_january_2018_is_as_long_as_the_published_answer_was() -> None:
    """2,716 bytes, by the Content-Length that the page prints."""
    assert len(of_2018()["definitions"]["sessionStart"]["properties"]["params"]["properties"]) == 33
    assert len(json.dumps(of_2018(), separators=(",", ":")).encode()) == 2716


def test_the_served_schema_has_the_structure_and_the_order_of_the_published_one() -> None:
    """What the page prints, up to where it leaves out the rest of the params."""
    text = json.dumps(of_2018(), separators=(",", ":"))
    assert list(json.loads(text)) == ["$schema", "id", "definitions", "type", "$ref"]
    for part in (
        '"definitions":{"playerTime":{"type":"object","properties":{"playhead":{"type":"number"},"ts":{"type":"integer"}},'
        '"required":["playhead","ts"],"additionalProperties":false},"eventType":{"type":"string","enum":["sessionStart",'
        '"play","ping","bufferStart","pauseStart","sessionComplete","bitrateChange","error","adBreakStart",'
        '"adBreakComplete","adStart","adComplete","adSkip","sessionEnd"]},"qoeData":{"type":"object","properties":{'
        '"media.qoe.bitrate":{"type":"integer"},"media.qoe.droppedFrames":{"type":"integer"},"media.qoe.framesPerSecond":'
        '{"type":"integer"},"media.qoe.timeToStart":{"type":"integer"}},"required":[],"additionalProperties":false},'
        r'"customMetadata":{"type":"object","patternProperties":{"^[a-zA-Z0-9_\\.]+$":{"type":"string"}},'
        '"additionalProperties":false},"sessionStart":{"properties":{"eventType":{"type":"string","enum":["sessionStart"]},'
        '"playerTime":{"$ref":"#/definitions/playerTime"},"params":{"type":"object","properties":{"appInstallationId":'
        '{"type":"string"},"analytics.trackingServer":{"type":"string"},"analytics.reportSuite":{"type":"string"},',
        '"visitor.marketingCloudOrgId"],"additionalProperties":false},"customMetadata":{"$ref":'
        '"#/definitions/customMetadata"},"qoeData":{"$ref":"#/definitions/qoeData"}},"required":["eventType",'
        '"playerTime","params"],"additionalProperties":false}},"type":"object","$ref":"#/definitions/sessionStart"}',
    ):
        assert part in text


# -- messages -------------------------------------------------------------------------------------------------------------

MESSAGES: list[tuple[dict[str, Any], str, str]] = [
    (body("ping") | {"playerTime": {"playhead": 0, "ts": "soon"}}, "$.playerTime.ts",
     'playerTime.ts must be an integer, but the string "soon" was sent'),
    (body("ping") | {"playerTime": {"playhead": 0, "ts": None}}, "$.playerTime.ts",
     "playerTime.ts must be an integer, but null was sent"),
    (body("ping") | {"playerTime": []}, "$.playerTime", "playerTime must be an object, but an array without entries was sent"),
    (body("ping") | {"playerTime": {"ts": 1}}, "$.playerTime.playhead", "playerTime.playhead is required, but was not sent"),
    (body("ping") | {"x": {"y": 1}}, "$.x", "x is not known here, but an object was sent"),
    (body("play", params={"media.id": "a" * 100}), "$.params['media.id']",
     f'params.media.id is not known here, but the string "{"a" * 56}... was sent; it belongs to sessionStart'),
    (body("ping", qoeData={"bitrate": 5}), "$.qoeData.bitrate",
     "qoeData.bitrate is not known here, but the integer 5 was sent; did you mean the same name with the prefix media.qoe.?"),
    (body("ping", qoeData={"param1": 5}), "$.qoeData.param1",
     "qoeData.param1 is not known here, but the integer 5 was sent; names in qoeData begin with media.qoe., and are "
     "media.qoe.bitrate, media.qoe.droppedFrames, media.qoe.errorID, media.qoe.errorSource, media.qoe.framesPerSecond, "
     "media.qoe.timeToStart"),
    (body("ping", customMetadata={"a b": "c"}), "$.customMetadata['a b']",
     r"customMetadata.a b is not allowed as a name here: names must match ^[a-zA-Z0-9_\.]+$"),
    (body("stateStart", params={"media.state.name": "a b"}), "$.params['media.state.name']",
     r'params.media.state.name must match ^[a-zA-Z0-9_\.]{1,64}$, but the string "a b" was sent'),
    (body("stateStart", params={"media.state.name": "mute\n"}), "$.params['media.state.name']",
     r'params.media.state.name must match ^[a-zA-Z0-9_\.]{1,64}$, but the string "mute\n" was sent'),
    (body("statesUpdate", params={}), "$.params",
     "params must hold at least one entry in statesStart or statesEnd, but an object without entries was sent"),
    (body("sessionStart", params=START_PARAMS | {"visitor.customerIDs": {"a": {"id": "b", "authState": 7}}}),
     "$.params['visitor.customerIDs'].a.authState",
     "params.visitor.customerIDs.a.authState must be one of 0, 1, 2, but the integer 7 was sent"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "path", "message"), MESSAGES, ids=lambda one: one if isinstance(one, str) else "")
def test_a_message_says_what_is_wanted_where_and_what_was_sent(value: dict[str, Any], path: str, message: str) -> None:
    (found,) = violations(value["eventType"], value)
    assert (found.path, found.message) == (path, message)


def test_all_violations_are_told_each_by_itself() -> None:
    value = body("adStart", params={"media.ad.length": "15", "a": 1, "b": 2})
    rules = [found.rule for found in violations("adStart", value)]
    assert sorted(rules) == ["missing-key"] * 3 + ["unknown-key"] * 2 + ["wrong-type"]


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ((), "$"),
        (("a",), "$.a"),
        (("a.b",), "$['a.b']"),
        (("a", 3, "b"), "$.a[3].b"),
        (("ä",), "$.ä"),
        (("",), "$['']"),
    ],
)
def test_json_paths(keys: tuple[str | int, ...], path: str) -> None:
    assert json_path(keys) == path


def test_a_body_of_a_known_shape_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def must_not(_: str) -> Any:
        raise AssertionError("looked at a body whose shape is known")

    def ping(bitrate: int) -> dict[str, Any]:
        return body("ping", 12.5, qoeData={"media.qoe.bitrate": bitrate})

    assert list(violations("ping", ping(3200))) == []
    monkeypatch.setattr(schemas, "_compiled", must_not)
    assert list(violations("ping", ping(3201))) == []


def test_the_documentation_of_a_pattern_is_what_python_and_rust_both_read() -> None:
    """`$` would let a newline pass in Python; the document keeps it, the enforced copy does not."""
    text = json.dumps([bundle(event_type) for event_type in EVENT_TYPES])
    patterns = set(re.findall(r'"(\^[^"]*\$)"', text))
    assert patterns == {r"^[a-zA-Z0-9_\\.]+$", r"^[a-zA-Z0-9_\\.]{1,64}$"}
