"""A timeline: a session written down as JSON, with what it is expected to come to. Parsed here, sent and judged elsewhere.

The form is that of fixtures/timelines: `{"name", "source", "steps": [{"at", "send", "expect": {"status", "findings"}}],
"report": {…}}`. Optional are, in a step, `to` (the path), `tsAt` (when the player's clock says it happened, where that is
not `at`; a list for an array) and `session` (which of several sessions), and in the timeline `close` (how the session
ended, where no event says so) and `mediaReporting` (expected parts of the report's JSON). It opens no file and reads no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from math import isfinite
from typing import Any, Final, NamedTuple

from mcmock.analytics import METRICS, RECORD_FIELDS, REPORTED_FIELDS
from mcmock.core.findings import RULES
from mcmock.core.model import Kind
from mcmock.core.wording import did_you_mean, is_whole, nearest
from mcmock.protocols.base import ApiProtocol
from mcmock.protocols.registry import FIRST_PROTOCOL, known_protocols, protocol_named

API: Final = protocol_named(FIRST_PROTOCOL)
"""The emulated API that a step is for whose body is of none."""

CLOSE_REASONS: Final = ("open", "ended", "idle", "stalled", "expired")

_TIMELINE_KEYS: Final = {"name", "source", "steps", "report", "close", "mediaReporting", "findings"}
_STEP_KEYS: Final = {"at", "send", "expect", "to", "tsAt", "session"}
_EXPECT_KEYS: Final = {"status", "findings"}


class Step(NamedTuple):
    """One request of a timeline. `at` is its arrival in seconds since the start; `body` has every `ts` filled in.

    `path` holds `{sid}` where the id of the session goes that `session` names. `status` and `findings` (rule ids, sorted)
    are what is expected, None where the timeline does not say.
    """

    at: float
    kind: Kind
    path: str
    body: Any
    session: str
    status: int | None
    findings: tuple[str, ...] | None
    protocol: ApiProtocol = API


class Closed(NamedTuple):
    """How the session ended, `at` in seconds since the start."""

    reason: str
    at: float


class Timeline(NamedTuple):
    """A parsed timeline. `report` maps names of `mcmock.analytics.METRICS`, and records, to expected values."""

    name: str
    source: str
    steps: tuple[Step, ...]
    close: Closed | None
    findings: tuple[str, ...] | None  # about the session as a whole
    report: Mapping[str, Any]
    media_reporting: Mapping[str, Any]


def parse(document: object, start_ms: int) -> Timeline:
    """Return the timeline in `document`, with `ts` filled in for a player that starts at `start_ms` (ms since the epoch).

    Raises ValueError with one line that says where `document` is no timeline.
    """
    whole = _mapping(document, "a timeline")
    _known(whole, _TIMELINE_KEYS, "a timeline")
    steps = _list(whole.get("steps"), "steps")
    if not steps:
        raise ValueError("steps must hold at least one step")
    return Timeline(
        name=_text(whole.get("name"), "name"),
        source=_text(whole.get("source", ""), "source"),
        steps=_steps(steps, start_ms),
        close=_close(whole.get("close")),
        findings=_rules(whole.get("findings"), "findings"),
        report=_report(whole.get("report", {})),
        media_reporting=_media_reporting(whole.get("mediaReporting", {})),
    )


def is_timeline(document: object) -> bool:
    """Return whether a JSON value looks like a timeline, and not like another kind of recording."""
    return isinstance(document, dict) and isinstance(document.get("steps"), list)


def _steps(sent: Sequence[object], start_ms: int) -> tuple[Step, ...]:
    steps = tuple(_step(one, f"steps[{place}]", start_ms) for place, one in enumerate(sent))
    for place, (before, after) in enumerate(pairwise(steps), 1):
        if after.at < before.at:
            raise ValueError(
                f"steps[{place}].at is {after.at:g}, earlier than the step before it: steps stand in order of arrival"
            )
    return steps


def _step(sent: object, where: str, start_ms: int) -> Step:
    step = _mapping(sent, where)
    _known(step, _STEP_KEYS, where)
    if "send" not in step:
        raise ValueError(f"{where}.send is missing: it is the body to send")
    at = _seconds(step.get("at"), f"{where}.at")
    body = step["send"]
    protocol = next((one for one in known_protocols() if one.is_body(body)), API)
    kind, path = _destination(protocol, body, step.get("to"), where)
    expect = _mapping(step.get("expect", {}), f"{where}.expect")
    _known(expect, _EXPECT_KEYS, f"{where}.expect")
    return Step(
        at=at,
        kind=kind,
        path=path,
        body=_timed(protocol, body, step.get("tsAt"), at, start_ms, f"{where}.tsAt"),
        session=_text(step.get("session", ""), f"{where}.session"),
        status=_status(expect.get("status"), f"{where}.expect.status"),
        findings=_rules(expect.get("findings"), f"{where}.expect.findings"),
        protocol=protocol,
    )


def _destination(protocol: ApiProtocol, body: object, to: object, where: str) -> tuple[Kind, str]:
    if to is not None and not (isinstance(to, str) and to.startswith("/")):
        raise ValueError(f"{where}.to must be a path such as {API.destination([])[1]}, not {to!r}")
    kind, path = protocol.destination(body)
    return kind, to or path


def _timed(protocol: ApiProtocol, body: object, ts_at: object, at: float, start_ms: int, where: str) -> Any:
    """`body` with `ts` where it has none."""
    if not isinstance(body, list):
        seconds = at if ts_at is None else _seconds(ts_at, where, before_start=True)
        return protocol.timed(body, start_ms + round(seconds * 1000))
    times = [at] * len(body) if ts_at is None else _list(ts_at, where)
    if len(times) != len(body):
        raise ValueError(f"{where} has {len(times)} times for {len(body)} events")
    seconds_each = [_seconds(one, f"{where}[{place}]", before_start=True) for place, one in enumerate(times)]
    timed = zip(body, seconds_each, strict=True)
    return [protocol.timed(element, start_ms + round(seconds * 1000)) for element, seconds in timed]


def _close(sent: object) -> Closed | None:
    if sent is None:
        return None
    close = _mapping(sent, "close")
    _known(close, {"reason", "at"}, "close")
    reason = _text(close.get("reason"), "close.reason")
    if reason not in CLOSE_REASONS:
        raise ValueError(f"close.reason is {_short(reason)}, which is none of {', '.join(CLOSE_REASONS)}")
    return Closed(reason, _seconds(close.get("at"), "close.at"))


def _status(sent: object, where: str) -> int | None:
    if sent is not None and not is_whole(sent):
        raise ValueError(f"{where} must be an HTTP status, not {sent!r}")
    return sent


def _rules(sent: object, where: str) -> tuple[str, ...] | None:
    if sent is None:
        return None
    return tuple(sorted(_rule(rule, f"{where}[{place}]") for place, rule in enumerate(_list(sent, where))))


def _rule(sent: object, where: str) -> str:
    rule = _text(sent, where)
    if rule not in RULES:
        near = nearest(rule, RULES)
        raise ValueError(f"{where} is {_short(rule)}, which is no rule" + (f": {near} is" if near else ""))
    return rule


def _report(sent: object) -> Mapping[str, Any]:
    """Numbers by name, and lists of records; a name that no report has would be compared with nothing."""
    report = _mapping(sent, "report")
    _known(report, {*METRICS, *RECORD_FIELDS}, "report")
    for kind, names in RECORD_FIELDS.items():
        for place, record in enumerate(_list(report.get(kind, []), f"report.{kind}")):
            where = f"report.{kind}[{place}]"
            _known(_mapping(record, where), set(names), where)
    return report


def _media_reporting(sent: object) -> Mapping[str, Any]:
    expected = _mapping(sent, "mediaReporting")
    _known_parts(expected, REPORTED_FIELDS, "mediaReporting")
    return expected


def _known_parts(sent: object, names: Mapping[str, Any], where: str) -> None:
    if isinstance(sent, list):
        for place, one in enumerate(sent):
            _known_parts(one, names, f"{where}[{place}]")
        return
    _known(_mapping(sent, where), set(names), where)
    for key, value in _mapping(sent, where).items():
        if names[key] is not None:
            _known_parts(value, names[key], f"{where}.{key}")


def _mapping(sent: object, where: str) -> Mapping[str, Any]:
    if not isinstance(sent, dict):
        raise ValueError(f"{where} must be a JSON object, not {_short(sent)}")
    return sent


def _list(sent: object, where: str) -> Sequence[object]:
    if not isinstance(sent, list):
        raise ValueError(f"{where} must be a JSON array, not {_short(sent)}")
    return sent


def _text(sent: object, where: str) -> str:
    if not isinstance(sent, str):
        raise ValueError(f"{where} must be a text, not {_short(sent)}")
    return sent


def _seconds(sent: object, where: str, before_start: bool = False) -> float:
    usable = isinstance(sent, int | float) and not isinstance(sent, bool) and isfinite(sent)
    if not usable or (sent < 0 and not before_start):  # type: ignore[operator]
        raise ValueError(f"{where} must be seconds since the start, not {_short(sent)}")
    return float(sent)  # type: ignore[arg-type]


def _known(sent: Mapping[str, Any], keys: Collection[str], where: str) -> None:
    for key in sent:
        if key not in keys:
            hint = did_you_mean(key, keys)
            raise ValueError(f"{where} has the key {key!r}, which is none of {', '.join(sorted(keys))}{hint}")


def _short(sent: object) -> str:
    if sent is None:
        return "nothing"
    text = repr(sent)
    return text if len(text) <= 40 else text[:37] + "…"
