"""The API as an OpenAPI document describes it, made from the tables that the code runs on, so that it cannot say otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from mcmock.core.http import JSON
from mcmock.core.model import Kind
from mcmock.protocols.base import Operation, Schema
from mcmock.protocols.json_schema import as_component, component
from mcmock.protocols.media_edge import routes, schemas
from mcmock.protocols.media_edge.responses import CORS_LINES, PROBLEM

PREFIX: Final = "MediaEdge."
ANSWER: Final = f"{PREFIX}Answer"
REFUSAL: Final = f"{PREFIX}Problem"
QUERY: Final[Mapping[str, bool]] = {"configId": False, "requestId": False}
"""The parameters of every URL. A start needs the datastream; one without is answered all the same, with a refusal."""

_TEXT: Final[Schema] = {"type": "string"}


class _Row(NamedTuple):
    about: str
    answers: Mapping[int, str]


_REFUSALS: Final = {
    400: "not what the schema asks for, or no such datastream", 408: "the body is empty", 413: "the body is too large",
    415: "the body is encoded",
}  # fmt: skip
_SESSIONS: Final = {404: "the session was never opened", 410: "the session takes no more events"}
_START: Final = {
    200: "the session is open; its id is in media-analytics:new-session", 207: "refused: errors says all that is wrong",
    **_REFUSALS,
}  # fmt: skip
OPERATIONS: Final[Mapping[Kind, _Row]] = {
    Kind.SESSION: _Row("Opens a session.", _START),
    Kind.DOWNLOADED: _Row("Sends a session that was watched without a connection, whole.", _START),
    Kind.EVENT: _Row("Sends an event of a session.", {204: "accepted", **_REFUSALS, **_SESSIONS}),
    Kind.INTERACT: _Row(
        "Takes any event of the Web SDK; what is no media event is answered with an empty list of handles.",
        {200: "accepted", 207: "a start was refused", **_REFUSALS, **_SESSIONS},
    ),
    Kind.PREFLIGHT: _Row("What a browser asks first.", {204: "allowed"}),
}


def operations() -> Iterator[Operation]:
    """Return each method of each path, with the base that clients use unless told otherwise, and without a location hint."""
    for path in routes.PATHS:
        word = path.template.rpartition("/")[2]
        for method, kind in path.methods.items():
            row = OPERATIONS[kind]
            takes = _takes(word) if method == "POST" else None
            answers = {str(status): _answer(status, about) for status, about in row.answers.items()}
            name = f"mediaEdge_{word}" if method == "POST" else f"mediaEdge_{method.lower()}_{word}"
            yield Operation(path.template, method, name, row.about, takes, answers, QUERY if method == "POST" else {})


def _takes(word: str) -> Schema:
    events: Schema = {"type": "array", "items": {"type": "object"}}
    if word in schemas.KNOWN:
        one = {"type": "object", "properties": {"xdm": component(PREFIX + word)}, "required": ["xdm"]}
        events = {"type": "array", "minItems": 1, "items": one}
    return {
        "type": "object",
        "properties": {"events": events},
        **({"required": ["events"]} if word in schemas.KNOWN else {}),
    }


def _answer(status: int, about: str) -> Schema:
    lines: Schema = {"x-request-id": {"schema": _TEXT, "required": True}}
    made: Schema = {"description": about, "headers": {**lines, **{name: {"schema": _TEXT} for name in CORS_LINES}}}
    if status in (200, 207):
        made["content"] = {JSON: {"schema": component(ANSWER)}}
    elif status >= 400:
        made["content"] = {kind: {"schema": component(REFUSAL)} for kind in (JSON, PROBLEM)}
    return made


def component_schemas() -> dict[str, Schema]:
    """Return the schemas of the events' XDM, and what they share, as the code enforces them."""
    bundles = [schemas.bundle(name)["definitions"] for name in schemas.KNOWN]
    moved = {PREFIX + name: as_component(schema, PREFIX) for bundle in bundles for name, schema in bundle.items()}
    handle = {
        "type": "object",
        "properties": {"type": _TEXT, "payload": {"type": "array"}, "eventIndex": {"type": "integer"}},
        "required": ["type", "payload"],
    }
    answer = {
        "type": "object",
        "properties": {"requestId": _TEXT, "handle": {"type": "array", "items": handle}, "errors": {"type": "array"}},
        "required": ["requestId", "handle"],
    }
    problem = {
        "description": "a problem document (RFC 7807)",
        "type": "object",
        "properties": {
            "type": _TEXT, "status": {"type": "integer"}, "title": _TEXT, "detail": _TEXT, "report": {"type": "object"},
        },
        "required": ["type", "status", "title", "report"],
    }  # fmt: skip
    return {**moved, ANSWER: answer, REFUSAL: problem}
