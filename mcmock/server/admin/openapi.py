"""The OpenAPI 3.1 document of both APIs, made from the tables that the code runs on, so that it cannot say otherwise.

The emulated half comes from `routes.PATHS` and the schemas that every body is judged by, the control half from the rows of
the control API's route table (handed in) and from `mcmock.serialization.json_schemas`. Pure; it serves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import mcmock
from mcmock.core.events import EVENT_TYPES
from mcmock.core.match import NAMES
from mcmock.core.model import Kind
from mcmock.protocols import base
from mcmock.protocols.media_collection import routes, schemas
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


def document(rows: Iterable[Row], prefix: str) -> dict[str, Any]:
    """The whole document; `prefix` is where the control API stands."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mcmock",
            "version": mcmock.__version__,
            "summary": "Adobe's Media Collection API, emulated, and the API that controls the emulator",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "emulated", "description": "Adobe's Media Collection API; faults may change any answer"},
            {"name": "control", "description": "asks and controls the emulator; never logged, never faulted"},
        ],
        "paths": {**_emulated(), **_control(rows, prefix)},
        "components": {
            "schemas": {**SHAPES, **_events()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "where one is set"}},
        },
    }


# -- the emulated API -----------------------------------------------------------------------------------------------------


class Operation(NamedTuple):
    """What a door of the emulated API takes and answers; `answers` maps a status to its meaning."""

    name: str
    about: str
    takes: Schema | None
    answers: Mapping[int, str]


_REFUSALS = {413: "the body is too large", 415: "the body is encoded"}
OPERATIONS: dict[Kind, Operation] = {
    Kind.SESSION: Operation(
        "startSession",
        "Opens a session; the documentation also takes a downloaded session whole, as an array.",
        {"anyOf": [ref("sessionStart"), ref("Downloaded")]},
        {201: "the session is open; Location is its path", 400: "the body is not what its schema asks for", **_REFUSALS},
    ),
    Kind.EVENT: Operation(
        "sendEvent",
        "Sends one event of a session.",
        ref("Event"),
        {
            204: "accepted", 400: "the body is not what its schema asks for", 404: "the session was never opened",
            410: "the session has ended or timed out", **_REFUSALS,
        },
    ),
    Kind.DOWNLOADED: Operation(
        "sendDownloaded",
        "Sends a session that was watched without a connection, whole.",
        ref("Downloaded"),
        {201: "the session was counted; Location is its path", 400: "an event is not what its schema asks for", **_REFUSALS},
    ),
    Kind.SCHEMA: Operation(
        "schema", "The JSON schema of an event type.", None, {200: "a draft-04 schema", 404: "no such event type"}
    ),
    Kind.PREFLIGHT: Operation("preflight", "What a browser asks first.", None, {204: "allowed"}),
}  # fmt: skip

_CORS_LINES = (
    "Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
    "Access-Control-Expose-Headers",
)  # fmt: skip


def _emulated() -> dict[str, Any]:
    return {path.template: _path_item(path) for path in routes.PATHS}


def _path_item(path: base.Path) -> dict[str, Any]:
    methods = {
        method.lower(): _emulated_operation(method, path.template, kind) for method, kind in path.methods.items()
    }
    parameters = [_path_parameter(name) for name in _names(path.template)]
    return {**({"parameters": parameters} if parameters else {}), **methods}


def _names(template: str) -> list[str]:
    """What stands for something in a path."""
    return re.findall(r"{(\w+)}", template)


def _emulated_operation(method: str, template: str, kind: Kind) -> dict[str, Any]:
    row = OPERATIONS[kind]
    words = re.findall(r"/(\w+)", template.removeprefix("/api/v1"))
    made: dict[str, Any] = {
        "operationId": row.name if method in ("POST", "GET") else "_".join([method.lower(), *words]),
        "summary": row.about,
        "tags": ["emulated"],
        "responses": {str(status): _answer(kind, status, about) for status, about in row.answers.items()},
    }
    return {**made, "requestBody": _body(row.takes)} if row.takes is not None else made


def _answer(kind: Kind, status: int, about: str) -> dict[str, Any]:
    made: dict[str, Any] = {"description": about}
    lines = {} if status == 200 else {name: {"schema": TEXT} for name in _CORS_LINES}
    if status == 201:
        lines["Location"] = {"schema": TEXT, "required": True}  # type: ignore[dict-item]
    if lines:
        made["headers"] = lines
    if status >= 400:
        made["content"] = {JSON: {"schema": ref("ApiError")}}
    if kind is Kind.SCHEMA and status == 200:
        made["content"] = {JSON: {"schema": {"type": "object"}}}
    return made


def _body(schema: Schema) -> dict[str, Any]:
    return {"required": True, "content": {JSON: {"schema": schema}}}


def _events() -> dict[str, Schema]:
    """The schemas of the event types, and what they share, as the code enforces them, with references that hold here."""
    bundles = [schemas.bundle(name)["definitions"] for name in EVENT_TYPES]
    moved = {name: _moved(schema) for bundle in bundles for name, schema in bundle.items()}
    started = [name for name in EVENT_TYPES if name != "sessionStart"]
    mapping = {name: ref(name)["$ref"] for name in started}
    event = {
        "description": "one event of a session",
        "oneOf": [ref(name) for name in started],
        "discriminator": {"propertyName": "eventType", "mapping": mapping},
    }
    downloaded = {
        "description": "a whole session: sessionStart, then its events",
        "type": "array",
        "minItems": 1,
        "prefixItems": [ref("sessionStart")],
        "items": ref("Event"),
    }
    return {**moved, "Event": event, "Downloaded": downloaded}


def _moved(part: Any) -> Any:
    """A part of a draft-04 schema with its references pointing into this document; no word it uses has changed since."""
    if isinstance(part, list):
        return [_moved(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    target = part.get("$ref")
    if isinstance(target, str):
        return ref(target.rpartition("/")[2])
    return {key: _moved(inner) for key, inner in part.items()}


# -- the control API ------------------------------------------------------------------------------------------------------

_MATCH_NAMES = ", ".join(NAMES)

QUERY: dict[str, Schema] = {
    "since": {**COUNT, "description": "only what comes after this seq"},
    "limit": {**COUNT, "description": "at most so many"},
    "order": {"type": "string", "enum": ["asc", "desc"], "description": "oldest or newest first"},
    "brief": {
        "type": "string",
        "enum": ["0", "1"],
        "description": "1: without headers, bodies, lists, and counts of scopes",
    },
    "scope": {"type": "string", "description": "the scope that is meant; without it, the default one"},
    "strict": {"type": "string", "enum": ["0", "1"], "description": "1: status 409 unless it passes"},
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
    "eventType": ref("eventType"),
}
"""What a name in a path stands for; one that is missing here is any text."""

_EVERYWHERE = {
    400: "the request is not what the route takes",
    401: "a token is set and was not sent",
    403: "a page of another site asked",
    408: "the body did not come in time",
    413: "the body is too large",
    415: "the body is encoded, or a change is asked for in another type than application/json",
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
            **{str(status): _given(row) for status in (*([] if 307 in row.also else [200]), *row.also)},
            **{str(status): _refused(about) for status, about in _EVERYWHERE.items()},
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


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": PATH.get(name, TEXT)}


def _query_parameter(name: str) -> dict[str, Any]:
    made = {"name": name, "in": "query", "required": False, "schema": QUERY[name]}
    return {**made, "style": "form", "explode": True} if name == "match" else made
