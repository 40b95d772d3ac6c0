"""From the bytes of a body to a judgement of it: which media events it holds, what is wrong with them, whether it is refused.

It knows no session: what is judged here is judged before any is looked up. A refusal names everything that is wrong at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from mcmock.core import json_decoding
from mcmock.core.findings import findings_of, findings_of_all, refuses
from mcmock.core.model import Finding, Kind, Mode
from mcmock.protocols.json_schema import sent_phrase
from mcmock.protocols.media_edge import lint, problems, schemas
from mcmock.protocols.media_edge.events import PREFIX, Item, downloaded_in, items_in
from mcmock.protocols.media_edge.problems import MISSING, Detail, Problem
from mcmock.protocols.media_edge.recorded import kind_of
from mcmock.protocols.media_edge.routes import DOWNLOADED, EVENT_TYPES, START, Route
from mcmock.protocols.media_edge.schemas import Violation

MAX_BODY: Final = 64 * 1024
SID_LENGTH: Final = 64


class Judged(NamedTuple):
    """`kind` is that of the request as its body tells. `items` are its media events, `value` is all of it.

    `problem` refuses the whole request; `details` refuse its media events. One of them may be there, and says why.
    """

    kind: Kind
    value: dict[str, Any]
    items: list[Item]
    findings: tuple[Finding, ...] = ()
    problem: Problem | None = None
    details: tuple[Detail, ...] | str = ()

    @property
    def is_refused(self) -> bool:
        return self.problem is not None or bool(self.details)


def judge(route: Route, text: bytes, mode: Mode) -> Judged:
    """Judge the body of a POST."""
    value: Any = None
    problem, why = None, ""
    if not text:
        problem, why = problems.empty(), "the body is empty"
    elif len(text) > MAX_BODY:
        problem, why = problems.too_large("64 KB"), f"the body has {len(text):,} bytes; at most {MAX_BODY:,} are taken"
    else:
        try:
            value = json_decoding.decode(text)
        except json_decoding.BadJson as error:
            problem, why = problems.no_json(str(error)), str(error)
    if problem is None and not isinstance(value, dict):
        problem, why = problems.no_json("the body must be an object"), "the body must be an object"
    if problem is not None:
        found = findings_of("body-too-large" if problem.status == 413 else "not-json", mode, "$", why)
        return Judged(route.kind, {}, [], found, problem)
    items = items_in(value)
    kind = route.kind if route.is_media else kind_of({item.event_type for item in items})
    found_in = [*_doubled(text, value), *_violations(route, value, items, kind)]
    refused = [one for one in found_in if refuses(one.rule, mode)]
    return Judged(kind, value, items, findings_of_all(found_in, mode), None, _details(refused))


def _details(refused: Iterable[Violation]) -> tuple[Detail, ...] | str:
    """Return what the client is told; a single sentence where the event is another than the path's."""
    listed = list(refused)
    other = next((one for one in listed if one.rule == "wrong-endpoint" and one.reason.startswith("The payload")), None)
    return other.reason if other is not None else tuple(Detail(one.path, one.reason) for one in listed)


def _violations(route: Route, value: dict[str, Any], items: list[Item], kind: Kind) -> Iterator[Violation]:
    if route.is_media:
        yield from _envelope(route, value)
    for item in items:
        yield from _event(route, item)
    if len(items) > 1:
        yield from _one_session(items, kind)


def _envelope(route: Route, value: dict[str, Any]) -> Iterator[Violation]:
    """Where every event must be a media event."""
    events = value.get("events")
    if not isinstance(events, list) or not events:
        yield _missing("$.events")
        return
    for index, event in enumerate(events):
        at = f"$.events[{index}].xdm"
        xdm = event.get("xdm") if isinstance(event, dict) else None
        if not isinstance(xdm, dict):
            yield _missing(at)
        elif "eventType" not in xdm:
            yield _missing(f"{at}.eventType")
        elif not isinstance(xdm["eventType"], str) or not xdm["eventType"].startswith(PREFIX):
            sent = str(xdm["eventType"])
            reason = problems.OTHER_EVENT.format(sent=sent[:100], path=route.word)
            yield Violation("wrong-endpoint", f"{at}.eventType", reason, reason)


def _event(route: Route, item: Item) -> Iterator[Violation]:
    at = f"$.events[{item.place}].xdm"
    if route.is_media and item.event_type != route.word:
        reason = problems.OTHER_EVENT.format(sent=item.event_type[:100], path=route.word)
        yield Violation("wrong-endpoint", f"{at}.eventType", reason, reason)
        return
    if item.event_type not in EVENT_TYPES and item.event_type != DOWNLOADED:
        message = f"{at[2:]}.eventType must be one of the API's event types, but media.{item.event_type[:100]} was sent"
        yield Violation("wrong-event", f"{at}.eventType", f"Unknown event type media.{item.event_type[:100]}", message)
        return
    if item.event_type == DOWNLOADED:
        yield from _downloaded(item, at)
    else:
        yield from _formed(item.event_type, item.xdm, at)


def _formed(event_type: str, xdm: Mapping[str, Any], at: str) -> Iterator[Violation]:
    """What its schema says, and what is to be said of its values where they have their form."""
    shaped = True
    for violation in schemas.violations(event_type, xdm, at):
        shaped = shaped and violation.rule in schemas.HARMLESS
        yield violation
    if shaped:
        yield from lint.advise(event_type, xdm, at)


def _downloaded(item: Item, at: str) -> Iterator[Violation]:
    """What is wrong with a session that comes whole; each of its events has no session id, and its time elsewhere."""
    yield from schemas.violations(DOWNLOADED, item.xdm, at)
    for place, one in enumerate(downloaded_in(item.xdm)):
        path = f"{at}.mediaDownloadedEvents[{place}]"
        named = one.get("mediaEventType")
        event_type = named.removeprefix(PREFIX) if isinstance(named, str) else ""
        if event_type not in EVENT_TYPES or not isinstance(named, str) or not named.startswith(PREFIX):
            message = f"{path[2:]}.mediaEventType must be one of the API's event types"
            yield Violation("wrong-event", f"{path}.mediaEventType", "Unknown event type", message)
        elif (event_type == START) is not (place == 0):
            rule = "must be media.sessionStart" if place == 0 else "must not be media.sessionStart"
            message = f"{path[2:]}.mediaEventType {rule}"
            yield Violation("downloaded-order", f"{path}.mediaEventType", message, message)
        elif isinstance(one.get("mediaCollection"), dict):
            yield from _part(event_type, one, path)


def _part(event_type: str, one: Mapping[str, Any], at: str) -> Iterator[Violation]:
    """What is wrong with an event of a downloaded session, judged as if it were live."""
    collection = dict(one["mediaCollection"])
    if event_type != START:
        collection.setdefault("sessionID", "0" * SID_LENGTH)
    live = {
        "eventType": PREFIX + event_type,
        "timestamp": one.get("mediaEventTimestamp"),
        "mediaCollection": collection,
    }
    for violation in _formed(event_type, live, at):
        path = violation.path.replace(f"{at}.timestamp", f"{at}.mediaEventTimestamp", 1)
        yield violation._replace(path=path)


def _doubled(text: bytes, value: Any) -> list[Violation]:
    """Keys sent twice. A parser does not tell, so look closer only if more keys may have been written than there are."""
    if text.count(b'":') == json_decoding.count_keys(value):
        return []
    names = dict.fromkeys(json_decoding.duplicate_keys(text))
    messages = (f"the key {sent_phrase(name)} was sent twice in one object" for name in names)
    return [Violation("duplicate-key", "$", message, message) for message in messages]


def _one_session(items: list[Item], kind: Kind) -> Iterator[Violation]:
    """Events of several sessions in one request: one is taken at a time."""
    first = items[0].session_id
    for item in items[1:]:
        if kind is not Kind.EVENT or item.session_id != first:
            at = f"$.events[{item.place}]"
            message = f"{at[2:]} is of another session than the event before it; a request is of one session"
            yield Violation("several-sessions", at, "Only one session per request is supported", message)


def _missing(at: str) -> Violation:
    return Violation("missing-key", at, MISSING, f"{at[2:]} is required, but was not sent")
