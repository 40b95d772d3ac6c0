"""The OpenAPI 3.1 document of all APIs, made from the tables that the code runs on, so that it cannot say otherwise.

The emulated half comes from the protocols (handed in), the control half from the rows of the control API's route table (handed
in, too) and from `mcmock.serialization.json_schemas`. Pure; it serves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import mcmock
from mcmock.checks.verification import LONGEST
from mcmock.core.findings import FailOn
from mcmock.core.match import NAMES
from mcmock.protocols.base import ApiProtocol, Operation
from mcmock.serialization.json_schemas import COUNT, SEQ, SHAPES, TEXT, Schema, ref
from mcmock.server.admin.feed import EVENTS

JSON = "application/json"


class Row(Protocol):
    """What this module needs to know of a route of the control API.

    `takes` is the shape of the body, `gives` that of a 200 or else a media type; `query` names rows of `QUERY`; `also`
    are other statuses than 200 that come with the same shape. An open route wants no token.
    """

    @property
    def method(self) -> str: ...
    @property
    def template(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def takes(self) -> str: ...
    @property
    def gives(self) -> str: ...
    @property
    def query(self) -> Sequence[str]: ...
    @property
    def also(self) -> Sequence[int]: ...
    @property
    def is_open(self) -> bool: ...


def document(rows: Iterable[Row], prefix: str, protocols: Iterable[ApiProtocol]) -> dict[str, Any]:
    """Return the whole document; `prefix` is where the control API stands."""
    schemas: dict[str, Schema] = {}
    paths: dict[str, Any] = {}
    for protocol in protocols:
        schemas.update(protocol.schemas())
        paths.update(_emulated(protocol, schemas))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mcmock",
            "version": mcmock.__version__,
            "summary": "Adobe's Media Collection API and Media Edge API, emulated, and the API that controls the emulator",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {
                "name": "emulated",
                "description": "Adobe's Media Collection API and Media Edge API; faults may change any answer",
            },
            {"name": "control", "description": "asks and controls the emulator; never logged, never faulted"},
        ],
        "paths": {**paths, **_control(rows, prefix)},
        "components": {
            "schemas": {**SHAPES, **schemas},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "where one is set"}},
        },
    }


# -- the emulated APIs ----------------------------------------------------------------------------------------------------


def _emulated(protocol: ApiProtocol, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for operation in protocol.operations():
        names = _names(operation.path)
        parameters = {"parameters": [_path_parameter(name, schemas) for name in names]} if names else {}
        item = paths.setdefault(operation.path, parameters)
        item[operation.method.lower()] = _emulated_operation(operation)
    return paths


def _names(template: str) -> list[str]:
    """Return what stands for something in a path."""
    return re.findall(r"{(\w+)}", template)


def _emulated_operation(operation: Operation) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.about,
        "tags": ["emulated"],
        "responses": operation.answers,
    }
    if operation.query:
        made["parameters"] = [
            {"name": name, "in": "query", "required": required, "schema": {"type": "string"}}
            for name, required in operation.query.items()
        ]
    return {**made, "requestBody": _body(operation.takes)} if operation.takes is not None else made


def _body(schema: Schema) -> dict[str, Any]:
    return {"required": True, "content": {JSON: {"schema": schema}}}


# -- the control API ------------------------------------------------------------------------------------------------------

_MATCH_NAMES = ", ".join(NAMES)

QUERY: dict[str, Schema] = {
    "since": {
        "type": ["integer", "string"],
        "minimum": 0,
        "description": "only what comes after this seq, place or name: next of the page before",
    },
    "limit": {**COUNT, "description": "at most so many"},
    "before": {
        "type": ["integer", "string"],
        "minimum": 1,
        "description": "only requests before this seq, only sessions opened before this one: next of a page of the latest first",
    },
    "order": {"type": "string", "enum": ["asc", "desc"], "description": "oldest or newest first"},
    "brief": {
        "type": "string",
        "enum": ["0", "1"],
        "description": "1: without headers, bodies, lists, and counts of scopes",
    },
    "scope": {"type": "string", "description": "the scope that is meant; without it, the default one"},
    "strict": {"type": "string", "enum": ["0", "1"], "description": "1: status 409 unless it passes"},
    "failOn": {
        "type": "string",
        "enum": [str(level) for level in FailOn],
        "description": "what fails it; lost unless said",
    },
    "old": {"type": "string", "minLength": 1, "description": "the id of a session"},
    "new": {"type": "string", "minLength": 1, "description": "the id of the session that it is compared with"},
    "within": {
        "type": "number",
        "minimum": 0,
        "maximum": LONGEST,
        "description": "seconds that times, durations and playheads may be apart; 1 unless said",
    },
    "countKnown": {
        "type": "string",
        "enum": ["0", "1"],
        "description": "1: count what SDKs are known to do differently, too",
    },
    "allow": {"type": "string", "description": "rules that are expected, with commas between them"},
    "match": {
        "type": "object",
        "additionalProperties": {"type": "array", "items": TEXT},
        "description": f"fields of a Match ({_MATCH_NAMES}): event=play&event=ping is any of these; operators and keys "
        "follow a dot, as in playhead.min=10 or params.media.id=film",
    },
}
"""What a query may say. `match` stands for as many parameters as there are fields."""

PATH: dict[str, Schema] = {
    "seq": SEQ,
    "sid": {"type": "string", "minLength": 1, "description": "a session id"},
}
"""What a name in a path stands for; one that is missing here is what its API says, or any text."""

_EVERYWHERE = {
    400: "the request is not what the route takes",
    401: "a token is set and was not sent",
    403: "a page of another site asked",
    408: "the body did not come in time",
    409: "it cannot be as things stand: a name is taken, say",
    413: "the body is too large",
    415: "the body is encoded, or a change is asked for in another type than application/json",
    503: "the store is away, or not every process could do it",
}


def _control(rows: Iterable[Row], prefix: str) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for row in rows:
        item = paths.setdefault(prefix + row.template, {})
        item[row.method.lower()] = _control_operation(row)
    return paths


def _control_operation(row: Row) -> dict[str, Any]:
    names = _names(row.template)
    parameters = [_path_parameter(name) for name in names] + [_query_parameter(name) for name in (*row.query, "scope")]
    made: dict[str, Any] = {
        "operationId": _operation_id(row),
        "summary": row.about,
        "tags": ["control"],
        "security": [{}] if row.is_open else [{}, {"token": []}],
        "parameters": parameters,
        "responses": {
            **{str(status): _refused(about) for status, about in _EVERYWHERE.items()},
            **{str(status): _given(row) for status in (*([] if 307 in row.also else [200]), *row.also)},
            "404": _refused("there is no such thing, or no such scope"),
        },
    }
    return {**made, "requestBody": _body(ref(row.takes))} if row.takes else made


def _operation_id(row: Row) -> str:
    words = re.findall(r"\w+", row.template) or (["page"] if row.template else ["to", "page"])
    return "_".join([row.method.lower(), *words])


def _given(row: Row) -> dict[str, Any]:
    about = SHAPES[row.gives].get("description", row.gives) if row.gives in SHAPES else row.about
    if row.gives == "text/event-stream":
        about = "; ".join(f"{name}: {what}" for name, what in EVENTS.items())
    if not row.gives:
        return {"description": about}
    if "/" in row.gives:
        schema = {"type": "object"} if row.gives.endswith("+json") else TEXT
        return {"description": about, "content": {row.gives: {"schema": schema}}}
    return {"description": about, "content": {JSON: {"schema": ref(row.gives)}}}


def _refused(about: str) -> dict[str, Any]:
    return {"description": about, "content": {JSON: {"schema": ref("Error")}}}


def _path_parameter(name: str, schemas: Mapping[str, Schema] = PATH) -> dict[str, Any]:
    schema = PATH.get(name) or (ref(name) if name in schemas else TEXT)
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameter(name: str) -> dict[str, Any]:
    made = {"name": name, "in": "query", "required": False, "schema": QUERY[name]}
    return {**made, "style": "form", "explode": True} if name == "match" else made
