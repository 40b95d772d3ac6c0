"""What a replay sends, what it expects, and where an answer differs: from a timeline, a log export, a HAR or a recording.

A Plan is a list of requests with a place for the ids of the sessions that the server is going to give out; a Run is one
play of it, told each answer and asked for the next request. Neither sends anything, and neither knows what time it is.

Rules of this file:

1. A body is sent as it was recorded, byte for byte. Only a timeline's has its `ts` filled in.
2. Nothing is expected where nothing is known: of a request that met a fault, or whose answer nobody wrote down.
3. An answer is compared by what clients look at: the status, and the Location of a new session. The findings and the
   report can be compared only where the server is mcmock itself; then they are compared, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from math import isclose
from typing import Any, Final, NamedTuple

from mcmock.analytics import RECORD_FIELDS, camel
from mcmock.core.model import Headers, Kind, Request
from mcmock.protocols.base import SID, ApiProtocol
from mcmock.recordings import formats, timeline
from mcmock.recordings.records import STARTS, Located, Recorded
from mcmock.recordings.sessions import assign
from mcmock.recordings.timeline import API

_SENT: Final = frozenset({Kind.SESSION, Kind.EVENT, Kind.DOWNLOADED, Kind.INTERACT, Kind.SCHEMA, Kind.PREFLIGHT})

# The sender's own business: it makes these anew, and a secret was redacted when the log was exported.
_NOT_SENT: Final = frozenset({
    "host", "connection", "content-length", "transfer-encoding", "keep-alive", "expect", "upgrade", "accept-encoding",
    "authorization", "proxy-authorization", "cookie",
})  # fmt: skip


class PlannedRequest(NamedTuple):
    """One request. `at` is in seconds since the first; `target` and `body` hold `SID` where the id of `session` goes.

    `words` are for a person: "ping at 10".
    """

    at: float
    kind: Kind
    method: str
    target: str
    headers: Headers
    body: bytes
    session: str
    words: str
    status: int | None
    findings: tuple[str, ...] | None = None
    protocol: ApiProtocol = API


class Plan(NamedTuple):
    """`left_out` counts recorded requests that cannot be sent again: of sessions whose start was not recorded."""

    name: str
    steps: tuple[PlannedRequest, ...]
    left_out: int = 0
    timeline: timeline.Timeline | None = None


class ReplayAnswer(NamedTuple):
    """An answer, or in `error` why there was none."""

    status: int | None
    headers: Headers = ()
    body: bytes = b""
    error: str | None = None


# -- reading --------------------------------------------------------------------------------------------------------------


def plan(recording: formats.Recording, name: str, start_ms: int) -> Plan:
    """Return what to send of a recording, which `name` stands for.

    `start_ms` is when a timeline's player starts, in ms since the epoch. Raises ValueError with one line that says what
    is wrong where.
    """
    if recording.document is None:
        return of_recording(recording.records, name)
    begins = timeline.parse(recording.document, 0).steps[0].at
    return of_timeline(timeline.parse(recording.document, start_ms - round(begins * 1000)))


def of_timeline(read_in: timeline.Timeline) -> Plan:
    """Return a timeline's steps; they are sent as a browser would send them."""
    begins = read_in.steps[0].at
    headers = (("Content-Type", "application/json"),)
    steps = (
        PlannedRequest(
            step.at - begins, _kind_of(step, body), "POST", step.path, headers, body, step.session,
            _words(step.protocol, body), step.status, step.findings, step.protocol,
        )
        for step, body in ((step, json.dumps(step.body).encode()) for step in read_in.steps)
    )  # fmt: skip
    return Plan(read_in.name, tuple(steps), timeline=read_in)


def _kind_of(step: timeline.Step, body: bytes) -> Kind:
    """By its path: an array opens a session where it is sent, whatever it holds."""
    return step.protocol.locate(Request("POST", step.path, (), body)).kind


def of_recording(records: Iterable[Recorded], name: str) -> Plan:
    """Return the requests to this API among `records`, in their order. Of those that met a fault no answer is expected.

    Raises ValueError if there are none.
    """
    steps: list[PlannedRequest] = []
    opened: set[str] = set()
    left_out, began = 0, None
    chosen = [one for one in map(Located, records) if one.kind in _SENT]
    sessions = assign(chosen).sessions
    for number, one in enumerate(chosen):
        record = one.record
        began = record.at if began is None else began
        addressed = None if record.body_missing else _addressed(one, sessions.get(number), opened)
        if addressed is None:
            left_out += 1
            continue
        session, target, body = addressed
        steps.append(
            PlannedRequest(
                max(0.0, record.at - began), one.kind, one.request.method, target, _headers(one.request.headers), body, session,
                _words(one.protocol, one.request.body, str(one.kind)), None if record.faulted else record.status,
                protocol=one.protocol,
            )
        )  # fmt: skip
    if not steps:
        raise ValueError("it holds no request to this API")
    return Plan(name, tuple(steps), left_out)


def _addressed(one: Located, session: str | None, opened: set[str]) -> tuple[str, str, bytes] | None:
    """Return the session of a request, and its target and body with a place for the id; None if that session never opened."""
    target, body, status = one.request.target, one.request.body, one.record.status
    if one.is_start:
        if session is not None:
            opened.add(session)
        return session or f"unanswered at {one.record.at}", target, body
    if one.named is None:
        return "", target, body
    session = session or one.named
    if session not in opened:
        return None if status in (200, 201, 204) or one.record.unaddressed else (session, target, body)
    return session, *one.protocol.readdressed(target, body, one.named, SID)


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    decoded = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
    return tuple((name, value) for name, value in decoded if name.lower() not in _NOT_SENT)


def _words(protocol: ApiProtocol, body: bytes, otherwise: str = "request") -> str:
    events = protocol.events(body, 0, 0.0)
    if len(events) != 1:
        return f"{len(events)} events at once" if events else otherwise
    playhead = events[0].sent_playhead
    return events[0].event_type + (f" at {playhead:g}" if playhead is not None else "")


# -- one play of a plan ---------------------------------------------------------------------------------------------------


class Run:
    """One play of a plan: knows the ids that the server gave out. `began` names the sessions in order of their start."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ids: dict[str, str] = {}

    def request(self, step: PlannedRequest) -> tuple[str, bytes] | None:
        """Return the target and the body of a step; None if its session was never opened."""
        if SID not in step.target and SID.encode() not in step.body:
            return step.target, step.body
        known = self.ids.get(step.session)
        return None if known is None else step.protocol.readdressed(step.target, step.body, SID, known)

    def take(self, step: PlannedRequest, got: ReplayAnswer) -> str | None:
        """Note an answer; what differs from what was expected, in one line, or None."""
        opens = step.kind in STARTS and got.status is not None and 200 <= got.status < 300
        if opens and (new := step.protocol.session_issued(got.headers, got.body)):
            self.ids[step.session] = new
        return difference(step, got)


def difference(step: PlannedRequest, got: ReplayAnswer) -> str | None:
    """Return where an answer is not the expected one; None if it is, or if nothing was expected."""
    if got.error is not None:
        return f"expected {step.status or 'an answer'}, got {got.error}"
    if step.status is not None and got.status != step.status:
        said = step.protocol.error_message(got.body)
        return f"expected {step.status}, got {got.status}" + (f": {said}" if said else "")
    is_good = step.kind is Kind.SESSION and got.status == step.protocol.good_status(step.kind, step.target)
    wrong = step.protocol.unreadable(got.headers, got.body) if is_good and step.status == got.status else None
    return f"answered {wrong}" if wrong else None


# -- what only mcmock can be asked ----------------------------------------------------------------------------------------


def different_findings(steps: Iterable[PlannedRequest], found: Iterable[Iterable[str]]) -> Iterator[str]:
    """Differences between the findings that a timeline expects and those in a session's log, in order of sending."""
    for step, rules in zip(steps, found, strict=False):
        got = tuple(sorted(rules))
        if step.findings is not None and got != step.findings:
            yield f"{step.words}: expected the findings {_listed(step.findings)}, got {_listed(got)}"


def _listed(rules: Iterable[str]) -> str:
    return ", ".join(rules) or "none"


def different_session(
    read_in: timeline.Timeline, report: Mapping[str, Any], found: Iterable[str], closed_after: float | None
) -> Iterator[str]:
    """Differences between what a timeline expects of a session as a whole and what is true of it.

    `report` is its report's JSON, `found` the rules of its own findings. `closed_after` is in seconds since it was
    opened, None while it is open.
    """
    got = tuple(sorted(found))
    if read_in.findings is not None and got != read_in.findings:
        yield f"session: expected the findings {_listed(read_in.findings)}, got {_listed(got)}"
    if read_in.close is not None:
        yield from _different_close(read_in, read_in.close, str(report.get("closeReason")), closed_after)
    yield from different_report(read_in, report)


def _different_close(
    read_in: timeline.Timeline, close: timeline.Closed, reason: str, after: float | None
) -> Iterator[str]:
    if close.reason != reason:
        yield f"close: expected the session to be {close.reason}, it is {reason}"
    wanted = close.at - read_in.steps[0].at
    if close.reason == reason and after is not None and abs(after - wanted) > _CLOSE_ENOUGH:
        yield f"close: expected it after {wanted:g} s, it came after {after:g} s"


_CLOSE_ENOUGH: Final = 0.0005  # s; a clock is a float of seconds since 1970


def unopened(read_in: timeline.Timeline) -> Iterator[str]:
    """Yield what is to be said where no session was opened although the timeline expects something of one."""
    if read_in.report or read_in.media_reporting or read_in.findings or read_in.close is not None:
        yield "no session was opened: what the timeline expects of one is not met"


def different_report(read_in: timeline.Timeline, report: Mapping[str, Any]) -> Iterator[str]:
    """Differences between the numbers that a timeline expects and a report's JSON."""
    exact = report.get("exact", {})
    for name, wanted in read_in.report.items():
        if name in RECORD_FIELDS:
            got = [one.get("exact", {}) for one in report.get(camel(name), ())]
            spelled = [{camel(key): value for key, value in record.items()} for record in wanted]
            yield from _different_parts(spelled, got, f"report.{name}")
        elif not _same(exact.get(camel(name)), wanted):
            yield f"report: expected {name} {wanted!r}, got {exact.get(camel(name))!r}"
    yield from _different_parts(read_in.media_reporting, report, "mediaReporting")


_ABSENT: Final = object()


def _different_parts(wanted: Any, got: Any, where: str) -> Iterator[str]:
    """`got` may have more than `wanted`, but what both have must be the same. False and 0 may be absent."""
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        for key, value in wanted.items():
            yield from _different_parts(value, got.get(key, _ABSENT), f"{where}.{key}")
    elif isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            yield f"{where}: expected {len(wanted)} entries, got {len(got)}"
        for place, (one, other) in enumerate(zip(wanted, got, strict=False)):
            yield from _different_parts(one, other, f"{where}[{place}]")
    elif got is _ABSENT:
        if wanted not in (0, False, None, []):
            yield f"{where}: expected {wanted!r}, got nothing"
    elif not _same(got, wanted):
        yield f"{where}: expected {wanted!r}, got {got!r}"


def _same(got: object, wanted: object) -> bool:
    """Return whether a value is the expected one. True is 1; numbers of a report are rounded before they are told."""
    numbers = isinstance(got, int | float) and isinstance(wanted, int | float)
    return isclose(got, wanted, rel_tol=1e-12, abs_tol=1e-7) if numbers else got == wanted  # type: ignore[arg-type]
