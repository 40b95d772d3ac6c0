"""What the API says of a request that it refuses: problem documents (RFC 7807), and the texts that are known.

Known texts are those of the API's specification and of its pages on troubleshooting; docs/fidelity.md says which are assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from mcmock.core import http

TYPES: Final = "https://ns.adobe.com/aep/errors/"
MISSING: Final = "Missing required field"
NO_TIME: Final = (
    "Field should respect ISO 8601 standard for presenting date and time with offset to UTC (e.g. 2022-05-19T19:31:02Z, "
    "2022-05-19T21:31:02+02:00, 2022-05-19T21:31:02.234+02:00)"
)
PLAYHEAD_RANGE: Final = "Playhead must be in range [0, 86400] seconds"
SESSION_ID_LENGTH: Final = "Unexpected error. Hint: InvalidApiSidLength={length}"
NO_STATES: Final = " ".join((
    "Unexpected error. Hint: Empty statesUpdate event.",
    "At least one of statesStart or statesEnd list should be non-empty",
))  # fmt: skip
OTHER_EVENT: Final = "The payload eventType {sent} was different from the path eventType {path}"
CHECK_INPUT: Final = "Invalid request. Please check your input and try again."
NOT_FOUND: Final = "The requested resource could not be found but may be available again in the future."
NO_SESSION: Final = (
    "Error processing request. If the session is longer than 24h, please start a new one. Returning Not Found"
)


class Detail(NamedTuple):
    """One thing that is wrong with a body: the JSON path of the field, and why."""

    name: str
    reason: str

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "reason": self.reason}


class Problem(NamedTuple):
    """A problem document. `code` is the end of its type's address, "" for a problem that has none."""

    code: str
    status: int
    title: str
    detail: str = ""
    report: Mapping[str, Any] | None = None

    def to_json(self, request_id: str) -> dict[str, Any]:
        made: dict[str, Any] = {
            "type": TYPES + self.code if self.code else "about:blank", "status": self.status, "title": self.title,
        }  # fmt: skip
        if self.detail:
            made["detail"] = self.detail
        return {**made, "report": {**(self.report or {}), "requestId": request_id}}


def invalid(details: Iterable[Detail] | str) -> Problem:
    """Return the refusal of an event: everything that is wrong with it at once."""
    listed = details if isinstance(details, str) else [detail.to_json() for detail in details]
    return Problem("va-edge-0400-400", 400, "Bad Request", CHECK_INPUT, {"details": listed})


def invalid_start(details: Iterable[Detail], event_index: int) -> dict[str, Any]:
    """Return the error that is embedded in the answer to a sessionStart: its paths begin at the event's own `xdm`."""
    listed = [{**detail.to_json(), "name": _within(detail.name, event_index)} for detail in details]
    report = {"eventIndex": event_index, "details": listed}
    return {"type": TYPES + "va-edge-0400-400", "status": 400, "title": "Invalid request", "report": report}


def _within(name: str, event_index: int) -> str:
    return name.replace(f"$.events[{event_index}]", "$", 1)


def unknown_session() -> Problem:
    return Problem("va-edge-0404-404", 404, "Not Found", NOT_FOUND, {"details": NO_SESSION})


def gone(reason: str) -> Problem:
    """Return the refusal of an event to a session that takes no more; its text is mcmock's own."""
    return of_status(410, f"The session takes no more events: {reason}. Start a new one.")


def of_status(status: int, message: str) -> Problem:
    """Return a problem for any status, with the code that such a one has here, or would have."""
    title = http.REASONS.get(status, "A fault answered")
    if status == 404:
        return unknown_session()
    if status == 503:
        return Problem("EXEG-0000-503", 503, "Service unavailable", message)
    if status == 500:
        return Problem("EXEG-0001-500", 500, "Unexpected error", message)
    return Problem(f"va-edge-0{status}-{status}", status, title, message)


def no_datastream(parameter: str) -> Problem:
    detail = (
        f"The required datastream parameter '{parameter}' is missing from your request. "
        f"Provide a valid '{parameter}' value and try again."
    )
    return Problem("EXEG-0002-400", 400, "Missing datastream parameter", detail)


def unknown_datastream(named: str) -> Problem:
    detail = (
        f"The datastream ID '{named}' referenced in your request does not exist. Update the request with a valid datastream ID "
        "and try again."
    )
    return Problem("EXEG-0003-400", 400, "Invalid datastream ID", detail)


def no_json(why: str) -> Problem:
    """Return the refusal of a body that is no JSON; `why` says in what way."""
    return Problem(
        "EXEG-0101-400", 400, "Invalid JSON request", "The JSON request is invalid. Fix the request and try again.",
        {"details": why},
    )  # fmt: skip


def empty() -> Problem:
    detail = "The request body is empty. Update your request and try again."
    return Problem("EXEG-0109-408", 408, "Empty request", detail)


def too_large(most: str) -> Problem:
    detail = (
        f"The request payload is too large. The maximum accepted size for request payloads is {most}. "
        "Update your request and try again."
    )
    return Problem("EXEG-0112-413", 413, "Invalid request", detail)


def unsupported() -> Problem:
    detail = (
        "The request content type is not supported. Supported types are 'application/json', 'application/x-jackson-smile', "
        "'text/plain' and 'text/javascript'. Update your request and try again."
    )
    return Problem("EXEG-0111-415", 415, "Invalid request", detail)


def of_http(status: int, message: str) -> Problem:
    """Return the refusal of a request that HTTP itself could not take, or that came in a form the Edge Network does not read."""
    known = {408: empty, 413: lambda: too_large("64 KB"), 415: unsupported}.get(status)
    problem = known() if known is not None else Problem("", status, http.REASONS.get(status, "Bad Request"))
    return problem._replace(report={"details": message})


def no_route(status: int, message: str) -> Problem:
    return Problem("", status, http.REASONS[status], message)
