"""What goes wrong with this API between a service and its players: answers in forms that break clients, and presets of them.

Each form was met by real clients: docs/faults.md says what became of them. A form is made from a true answer, and leaves
alone what it has nothing to do with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from mcmock.core.http import render
from mcmock.core.model import Headers, Response
from mcmock.protocols.base import FaultPreset, no_cors
from mcmock.protocols.media_edge import problems
from mcmock.protocols.media_edge.responses import BODY, RECORD, REGIONS, compact

Document = dict[str, Any]

NEW_SESSION: Final = "media-analytics:new-session"
HINTS: Final = "locationHint:result"
COOKIES: Final = "state:store"


def next_hint(hint: str) -> str:
    """Return the region after this one."""
    regions = [*REGIONS]
    return regions[(regions.index(hint) + 1) % len(regions)] if hint in REGIONS else regions[0]


def altered(form: str, response: Response, moved: Callable[[], list[Document]]) -> Response | None:
    """Return the answer in that form; None where it has nothing to change. `moved` makes the handles of the next region."""
    return _MAKERS[form](response, moved) if response.status < 300 else None


def _without_session(response: Response, moved: object) -> Response | None:
    document = _document(response)
    kept = [one for one in document.get("handle", ()) if one["type"] != NEW_SESSION]
    if len(kept) == len(document.get("handle", ())):
        return None
    return _with_document(response, {**document, "handle": kept})


def _empty_session(response: Response, moved: object) -> Response | None:
    document = _document(response)
    if not any(one["type"] == NEW_SESSION for one in document.get("handle", ())):
        return None
    emptied = [
        {**one, "payload": [{"sessionId": ""}]} if one["type"] == NEW_SESSION else one for one in document["handle"]
    ]
    return _with_document(response, {**document, "handle": emptied})


def _plain(response: Response, moved: object) -> Response | None:
    return _with_body(response, response.body[1:-1]) if _is_streamed(response) else None


def _other_separator(response: Response, moved: object) -> Response | None:
    return _with_body(response, RECORD[1] + response.body[1:]) if _is_streamed(response) else None


def _braces(response: Response, moved: object) -> Response | None:
    return _with_body(response._replace(status=200), b"{}") if response.status == 204 else None


def _next_hint(response: Response, moved: Callable[[], list[Document]]) -> Response | None:
    """A start's answer with other handles; an event's with handles, where it had none."""
    return _with_handles(response, [one for one in moved() if one["type"] in (HINTS, COOKIES)])


def _differing_hints(response: Response, moved: Callable[[], list[Document]]) -> Response | None:
    """The Web SDK goes by the cookie, the mobile SDKs by the hint."""
    if not any(one["type"] == HINTS for one in _document(response).get("handle", ())):
        return None
    return _with_handles(response, [one for one in moved() if one["type"] == COOKIES])


_MAKERS: Final[Mapping[str, Callable[[Response, Callable[[], list[Document]]], Response | None]]] = {
    "no-session-id": _without_session,
    "empty-session-id": _empty_session,
    "not-streamed": _plain,
    "newline-separator": _other_separator,
    "next-hint": _next_hint,
    "hints-differ": _differing_hints,
    "no-handle": _braces,
}

FORMS: Final[Mapping[str, str]] = {
    "no-session-id": "a start's answer without the handle that has the session's id",
    "empty-session-id": "a start's answer with an empty id",
    "not-streamed": "plain JSON for those who asked for records",
    "newline-separator": "records that begin with a line feed instead of NUL",
    "next-hint": "another location hint than before, in the handle and in the cookie; an event gets both, too",
    "hints-differ": "one location hint in the handle, another in the cookie",
    "no-handle": "an event answered 200 with an empty object",
}


# -- answers --------------------------------------------------------------------------------------------------------------


def _is_streamed(response: Response) -> bool:
    return response.body.startswith(RECORD[0])


def _document(response: Response) -> Document:
    text = response.body.strip(b"".join(RECORD))
    document = json.loads(text) if text else {}
    return document if isinstance(document, dict) else {}


def _with_handles(response: Response, handles: list[Document]) -> Response:
    """Return the answer with these handles, each in the place of its type's, or behind the others."""
    document = _document(response)
    given = {one["type"]: one for one in handles}
    old = document.get("handle", ())
    merged = [_merged(one, given.pop(one["type"])) if one["type"] in given else one for one in old]
    return _with_document(response, {**document, "handle": [*merged, *given.values()]})


def _merged(old: Document, new: Document) -> Document:
    """Return the new handle, but for the cookie that says who the client is: that is as the true answer has it."""
    if new["type"] != COOKIES:
        return new
    clusters = {one["key"]: one for one in new["payload"] if one["key"].endswith("_cluster")}
    return {**old, "payload": [clusters.get(one["key"], one) for one in old["payload"]]}


def _with_document(response: Response, document: Document) -> Response:
    body = compact(document)
    return _with_body(response, RECORD[0] + body + RECORD[1] if _is_streamed(response) else body)


def _with_body(response: Response, body: bytes) -> Response:
    status = 200 if response.status == 204 else response.status
    kept = tuple(one for one in response.headers if one[0] not in ("content-type", "content-length"))
    headers: Headers = (*kept, ("content-type", BODY), ("content-length", str(len(body))))
    return render(status, headers, body)


# -- presets --------------------------------------------------------------------------------------------------------------

_HERE: Final = {"path": {"matches": r"/va/v1/|/v1/(interact|collect)\b"}}
"""What only requests to this API meet."""


def _rule(effect: Mapping[str, Any], match: Mapping[str, Any], **envelope: Any) -> Mapping[str, Any]:
    return {"effect": effect, "match": {**_HERE, **match}, **envelope}


def _altered(form: str, match: Mapping[str, Any], **envelope: Any) -> Mapping[str, Any]:
    return _rule({"type": "alter", "form": form}, match, **envelope)


_START: Final = {"kind": ["session", "downloaded"]}
_EVENT: Final = {"kind": "event"}
_ALL: Final[Mapping[str, Any]] = {}
_TRY_LATER: Final = {"type": "status", "code": 429, "headers": {"Retry-After": "2"}}

PRESETS: Final = (
    FaultPreset(
        "edge-refused-start", "a start that is refused inside a 207, as one with a wrong field is; nothing is counted",
        (_rule({"type": "status", "code": 207}, _START),),
    ),
    FaultPreset(
        "edge-no-session-id", "a start that is answered 200 without a session, as by a datastream without Media Analytics",
        (_altered("no-session-id", _START),),
    ),
    FaultPreset(
        "edge-unknown-datastream", "a configId that the Edge Network does not know: every request is answered 400",
        (_rule({"type": "status", "code": 400, "body": problems.unknown_datastream("unknown").to_json("unknown")}, _ALL),),
    ),
    FaultPreset("edge-empty-session-id", "a start whose session has an empty id", (_altered("empty-session-id", _START),)),
    FaultPreset(
        "edge-not-streamed", "a proxy that undoes the records which the mobile SDKs ask for", (_altered("not-streamed", _ALL),)
    ),
    FaultPreset(
        "edge-no-handle", "events that are answered 200 with an empty object", (_altered("no-handle", _EVENT),)
    ),
    FaultPreset(
        "edge-lost-session", "404 for one event of each session, which lives on",
        (_rule({"type": "status", "code": 404}, _EVENT, times=1, skip=1, per="session"),),
    ),
    FaultPreset(
        "edge-retry-after", "a quota that is used up: one event of each session is told to come again after two seconds",
        (_rule(_TRY_LATER, _EVENT, times=1, per="session"),),
    ),
    FaultPreset(
        "edge-retry-after-hidden", "the same, with a Retry-After that no page may read",
        (_rule({**_TRY_LATER, "headers": {"Retry-After": "2", "Access-Control-Expose-Headers": "X-Adobe-Edge"}},
               _EVENT, times=1, per="session"),),
    ),
    FaultPreset(
        "edge-hint-changes", "another region from the second event of each session on",
        (_altered("next-hint", _EVENT, times=1, skip=1, per="session"),),
    ),
    FaultPreset(
        "edge-hints-differ", "a start whose two hints lead to different regions", (_altered("hints-differ", _START),)
    ),
    FaultPreset(
        "edge-cors-wildcard", "a gateway that answers with Access-Control-Allow-Origin: *, which pages cannot read",
        (_rule({"type": "set_header", "name": "Access-Control-Allow-Origin", "value": "*"}, _ALL),),
    ),
    no_cors(),
)  # fmt: skip
