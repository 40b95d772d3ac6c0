"""The OpenAPI document says what the code does: by its tables, by every shape the code makes, and by generated requests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.request import urlopen

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as conformance

from mcmock.checks import verification
from mcmock.core.events import EVENT_TYPES
from mcmock.core.model import FaultHit, Kind
from mcmock.engine import Emulator
from mcmock.protocols.media_collection import operations as described
from mcmock.protocols.registry import default_protocols
from mcmock.serialization import json_schemas, json_shapes, ndjson
from mcmock.server.admin import openapi
from mcmock.server.admin.routes import ROUTES
from mcmock.server.endpoint import PREFIX
from mcmock.testing.server import McmockServer
from tests.conftest import START_PARAMS, body, post, start
from tests.serialization.test_exports import a_log

DOCUMENT = openapi.document(ROUTES, PREFIX, default_protocols())


# -- the document ---------------------------------------------------------------------------------------------------------


def test_the_document_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_server_serves_it(mcmock_server: McmockServer) -> None:
    with urlopen(f"{mcmock_server.admin_url}/openapi.json") as answer:
        assert json.load(answer) == json.loads(json.dumps(DOCUMENT))


def test_every_path_and_method_of_both_apis_is_in_it() -> None:
    paths = [path for protocol in default_protocols() for path in protocol.paths]
    emulated = {(path.template, method) for path in paths for method in path.methods}
    control = {(PREFIX + row.template, row.method) for row in ROUTES}
    found = {
        (path, method.upper()) for path, item in DOCUMENT["paths"].items() for method in item if method != "parameters"
    }
    assert found == emulated | control


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert sorted(names) == sorted(set(names))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method, operation


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.template}")
def test_every_route_says_what_it_gives_and_takes(row: Any) -> None:
    assert row.gives in json_schemas.SHAPES or "/" in row.gives or 307 in row.also
    assert not row.takes or row.takes in json_schemas.SHAPES
    assert row.takes or row.method != "PUT"
    assert set(row.query) <= set(openapi.QUERY)


def test_every_event_type_is_described_by_the_schema_it_is_judged_by() -> None:
    described = DOCUMENT["components"]["schemas"]
    assert set(EVENT_TYPES) <= set(described)
    for event_type in EVENT_TYPES:
        check = validator(event_type)
        assert check.is_valid(body(event_type)) is not needs_params(event_type)
        assert not check.is_valid(body("play" if event_type == "sessionStart" else "sessionStart"))


def needs_params(event_type: str) -> bool:
    """Whether it wants params that `body` does not give."""
    required = DOCUMENT["components"]["schemas"][event_type]["required"]
    return "params" in required and event_type != "sessionStart"


def test_the_four_doors_are_described_with_every_status_they_answer() -> None:
    assert set(described.OPERATIONS) == set(Kind) - {Kind.OTHER, Kind.INTERACT}


# -- shapes ---------------------------------------------------------------------------------------------------------------


def validator(name: str, components: Mapping[str, Any] = DOCUMENT["components"]["schemas"]) -> Any:
    whole = {**json_schemas.ref(name), "components": {"schemas": dict(components)}}
    return jsonschema.Draft202012Validator(whole)


def closed(schema: Any) -> Any:
    """The same schema, refusing what it does not name: a key that the code adds must be described, too."""
    if isinstance(schema, list):
        return [closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(inner) for key, inner in schema.items()}
    if isinstance(made.get("properties"), dict) and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


CLOSED = {name: closed(schema) for name, schema in DOCUMENT["components"]["schemas"].items()}


def check(name: str, value: Any) -> None:
    """Check `value`, as it goes over the wire, against the shape of that name, closed."""
    found = [error.message for error in validator(name, CLOSED).iter_errors(json.loads(json.dumps(value)))]
    assert found == []


def full_log() -> Emulator:
    emulator = Emulator(seed=1)
    a_log(emulator)
    whole = [
        body("sessionStart", params={**START_PARAMS, "media.downloaded": True}),
        body("play"),
        body("sessionEnd", 9),
    ]
    emulator.handle(post("/api/v1/downloaded", whole))
    return emulator


def test_exchanges_have_the_shape_that_is_published() -> None:
    for exchange in full_log().requests():
        check("Exchange", json_shapes.exchange_to_json(exchange))
        check("BriefExchange", json_shapes.brief_to_json(exchange))


def test_lines_of_an_export_have_the_shape_of_an_exchange() -> None:
    for line in list(ndjson.write(full_log().queries.iterate()))[1:]:
        check("Exchange", json.loads(line))


def test_a_fault_hit_has_the_shape_that_is_published() -> None:
    check("FaultHit", json_shapes.fault_hit_to_json(FaultHit("flaky", "status", "before", 0.25)))


def test_sessions_and_reports_have_the_shape_that_is_published() -> None:
    emulator = full_log()
    for view in emulator.sessions():
        check("Session", json_shapes.view_to_json(view))
        check("Report", view.report.to_json())
        check("Report", view.report.to_json(why=False))
    for outline in emulator.queries.outlines():
        check("BriefSession", json_shapes.outline_to_json(outline))


def test_verifications_have_the_shape_that_is_published() -> None:
    emulator = full_log()
    for asked in ({"match": {"event": "play"}}, {"match": {"event": "play", "playhead": 9}}, {"sequence": ["play"]}):
        check("Check", asked)
        check("Verification", json_shapes.verification_to_json(emulator.verify(verification.check_from_json(asked))))


def test_what_may_be_asked_is_what_is_published() -> None:
    """Each example is taken, or refused, by the code and by the schema alike."""
    for asked, fine in (
        ({"event": "ping", "playhead": {"min": 1}}, True),
        ({"kind": ["event", "session"], "rule": {"exists": True}}, True),
        ({"params": {"media.id": "film"}, "qoe": {"media.qoe.bitrate": {"max": 10}}}, True),
        ({"evnt": "ping"}, False),
        ({"kind": "evnt"}, False),
        ({"rule": "not-jason"}, False),
        ({"status": "204"}, False),
        ({"playhead": {"minimum": 1}}, False),
    ):
        assert validator("Match").is_valid(asked) is fine, asked
        answer = verdict_on({"match": asked})
        assert (answer is None) is fine, answer


def verdict_on(asked: dict[str, Any]) -> str | None:
    try:
        verification.check_from_json(asked)
    except ValueError as error:
        return str(error)
    return None


def test_every_shape_is_used() -> None:
    text = json.dumps(DOCUMENT)
    for name in DOCUMENT["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text, f"nothing refers to {name}"


# -- generated requests ---------------------------------------------------------------------------------------------------


def _ok(result: Any) -> Any:
    return result.ok()


SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {
    f"{one.method.upper()} {one.path}": one for one in (_ok(result) for result in SCHEMA.get_all_operations())
}
ENDLESS = {f"GET {PREFIX}/stream"}  # tests/server/admin/test_stream.py reads it
CHECKS = [
    not_a_server_error,
    conformance.status_code_conformance,
    conformance.content_type_conformance,
    conformance.response_headers_conformance,
    conformance.response_schema_conformance,
]
SLOW = {"timeout", "within"}
"""Fields of a body that say how long to wait: made short, so that the test is."""


def ask(server: McmockServer, operation: Any, examples: int) -> None:
    """Send generated requests, valid ones and broken ones, some of them to a session that exists."""
    sid = start(server.emulator)
    sent = 0

    @settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate], derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def one(choose: st.DataObject) -> None:
        mode = choose.draw(st.sampled_from(GenerationMode), label="mode")
        try:
            case = choose.draw(operation.as_strategy(mode))
        except Exception as error:  # nothing to break here: no parameter, no body
            if "Unsatisfiable" not in type(error).__name__ and "negat" not in str(error).lower():
                raise
            return
        if "sid" in (case.path_parameters or {}) and choose.draw(st.booleans(), label="a session that exists"):
            case.path_parameters["sid"] = sid
        if isinstance(case.body, dict):
            case.body |= {name: 0.001 for name in SLOW & set(case.body) if isinstance(case.body[name], int | float)}
            if operation.path.endswith("/wait"):
                case.body.setdefault("timeout", 0.001)
        response = case.call(base_url=server.url)
        nonlocal sent
        sent += 1
        case.validate_response(response, checks=CHECKS)
        if operation.path.endswith("/refusal"):
            server.start()  # nobody would be there for the next one

    one()
    assert sent == examples or operation.method == "options"  # a preflight's path leaves nothing to choose


def planned(name: str) -> int:
    return 120 if name.startswith("POST /api") else 8 if " /ee/" in name else 40


ASKED = [name for name in OPERATIONS if name not in ENDLESS]


def test_two_thousand_requests_are_planned() -> None:
    assert sum(planned(name) for name in ASKED if not name.startswith("OPTIONS")) >= 2_000


@pytest.mark.long
@pytest.mark.parametrize("name", ASKED)
def test_generated_requests_get_documented_answers(name: str, mcmock_server: McmockServer) -> None:
    ask(mcmock_server, OPERATIONS[name], planned(name))
