"""The API as an OpenAPI document describes it, made from the tables that the code runs on, so that it cannot say otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from mcmock.core.events import EVENT_TYPES
from mcmock.core.http import JSON
from mcmock.core.model import Kind
from mcmock.protocols.base import Operation, Schema
from mcmock.protocols.json_schema import as_component, component
from mcmock.protocols.media_collection import routes, schemas
from mcmock.protocols.media_collection.responses import CORS_LINES


class _Row(NamedTuple):
    """What a kind of request takes and answers; `answers` maps a status to its meaning."""

    name: str
    about: str
    takes: Schema | None
    answers: Mapping[int, str]


_REFUSALS: Final = {413: "the body is too large", 415: "the body is encoded"}
OPERATIONS: Final[Mapping[Kind, _Row]] = {
    Kind.SESSION: _Row(
        "startSession",
        "Opens a session; the documentation also takes a downloaded session whole, as an array.",
        {"anyOf": [component("sessionStart"), component("Downloaded")]},
        {201: "the session is open; Location is its path", 400: "the body is not what its schema asks for", **_REFUSALS},
    ),
    Kind.EVENT: _Row(
        "sendEvent",
        "Sends one event of a session.",
        component("Event"),
        {
            204: "accepted", 400: "the body is not what its schema asks for", 404: "the session was never opened",
            410: "the session has ended or timed out", **_REFUSALS,
        },
    ),
    Kind.DOWNLOADED: _Row(
        "sendDownloaded",
        "Sends a session that was watched without a connection, whole.",
        component("Downloaded"),
        {201: "the session was counted; Location is its path", 400: "an event is not what its schema asks for", **_REFUSALS},
    ),
    Kind.SCHEMA: _Row(
        "schema", "The JSON schema of an event type.", None, {200: "a draft-04 schema", 404: "no such event type"}
    ),
    Kind.PREFLIGHT: _Row("preflight", "What a browser asks first.", None, {204: "allowed"}),
}  # fmt: skip


def operations() -> Iterator[Operation]:
    """Return each method of each path."""
    for path in routes.PATHS:
        for method, kind in path.methods.items():
            row = OPERATIONS[kind]
            answers = {str(status): _answer(kind, status, about) for status, about in row.answers.items()}
            yield Operation(path.template, method, _name(row, method, path.template), row.about, row.takes, answers)


def _name(row: _Row, method: str, template: str) -> str:
    words = re.findall(r"/(\w+)", "/" + template.removeprefix(routes.BASE))
    return row.name if method in ("POST", "GET") else "_".join([method.lower(), *words])


def _answer(kind: Kind, status: int, about: str) -> Schema:
    text: Schema = {"schema": {"type": "string"}}
    lines: Schema = {} if status == 200 else dict.fromkeys(CORS_LINES, text)
    if status == 201:
        lines["Location"] = {**text, "required": True}
    made: Schema = {"description": about}
    if lines:
        made["headers"] = lines
    if status >= 400:
        made["content"] = {JSON: {"schema": component("ApiError")}}
    if kind is Kind.SCHEMA and status == 200:
        made["content"] = {JSON: {"schema": {"type": "object"}}}
    return made


def component_schemas() -> dict[str, Schema]:
    """Return the schemas of the event types, and what they share, as the code enforces them."""
    bundles = [schemas.bundle(name)["definitions"] for name in EVENT_TYPES]
    moved = {name: as_component(schema) for bundle in bundles for name, schema in bundle.items()}
    sent = [name for name in EVENT_TYPES if name != "sessionStart"]
    event = {
        "description": "one event of a session",
        "oneOf": [component(name) for name in sent],
        "discriminator": {"propertyName": "eventType", "mapping": {name: component(name)["$ref"] for name in sent}},
    }
    downloaded = {
        "description": "a whole session: sessionStart, then its events",
        "type": "array",
        "minItems": 1,
        "prefixItems": [component("sessionStart")],
        "items": component("Event"),
    }
    error = {
        "description": "the API's one error body",
        "type": "object",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
    }
    return {**moved, "Event": event, "Downloaded": downloaded, "ApiError": error}
