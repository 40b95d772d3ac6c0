"""The one JSON shape of each noun: the same in the control API, in exports, in files and in Python.

`*_to_json` gives plain dicts for `json.dumps`; `*_from_json` reads them back and raises ValueError with one sentence that
names the field. Keys are camelCase, the API's own style; times are seconds, `ts` stays milliseconds.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from mcmock.analytics import GROUPS, METRICS, Report, camel
from mcmock.analytics.plan import Covered, Occurrence, Row
from mcmock.analytics.views import SessionOutline, SessionView
from mcmock.checks import comparison_text
from mcmock.checks.comparison import KNOWN, Comparison, Difference, Pair, api_of
from mcmock.checks.verdict import Lost
from mcmock.checks.verification import Miss, Result, Verification
from mcmock.core import turns
from mcmock.core.events import EVENT_TYPES, Event
from mcmock.core.findings import RULES
from mcmock.core.match import EVERY_FIELD, RULE, Match
from mcmock.core.model import Delivery, Exchange, FaultHit, Finding, Headers, Kind, Outcome, Severity, Verdict
from mcmock.core.paging import EVERYTHING, Window
from mcmock.core.sessions import Session
from mcmock.faults import FaultState, Preset, rule_to_json
from mcmock.faults.active import FaultPage
from mcmock.faults.losses import Fate, Loss, LossPage
from mcmock.protocols.registry import FIRST_PROTOCOL, protocol_named

Json = dict[str, Any]

MEDIA_KEYS = (
    "media.id", "media.name", "media.length", "media.contentType", "media.playerName", "media.channel",
    "media.libraryVersion", "visitor.marketingCloudUserId",
)  # fmt: skip
"""The params of sessionStart that tell a person which session it is."""


def finding_to_json(finding: Finding) -> Json:
    return dict(finding._asdict())


def finding_from_json(value: Json) -> Finding:
    return Finding(
        value["rule"],
        Severity(value["severity"]),
        value.get("path", ""),
        value.get("message", ""),
        value.get("source", ""),
    )


def exchange_to_json(exchange: Exchange) -> Json:
    return {
        "seq": exchange.seq,
        "at": exchange.at,
        "scope": exchange.scope,
        "kind": exchange.kind,
        "method": exchange.method,
        "path": exchange.path,
        "requestHeaders": exchange.request_headers,
        **_body_to_json(exchange),
        "eventType": exchange.event_type,
        **_told(exchange),
        "sessionId": exchange.session_id,
        "verdict": exchange.verdict,
        "outcome": exchange.outcome,
        "status": exchange.status,
        "responseHeaders": exchange.response_headers,
        "responseBody": exchange.response_body.decode("utf-8", "replace"),
        "findings": [finding_to_json(finding) for finding in exchange.findings],
        "fault": fault_hit_to_json(exchange.fault) if exchange.fault else None,
        "delivery": exchange.delivery,
        "protocol": exchange.protocol.name,
    }


def whole_to_json(exchange: Exchange) -> Json:
    """Return an exchange with its body as it was sent, too: a value has no spaces, no order, and no key twice."""
    shape = exchange_to_json(exchange)
    with suppress(UnicodeDecodeError):
        if exchange.body_bytes:
            shape["bodyText"] = exchange.body_bytes.decode()
    return shape


def brief_to_json(exchange: Exchange) -> Json:
    """Return an exchange without its headers and bodies: what `?brief=1` gives."""
    return {
        "seq": exchange.seq,
        "at": exchange.at,
        "kind": exchange.kind,
        "method": exchange.method,
        "path": exchange.path,
        "eventType": exchange.event_type,
        "sessionId": exchange.session_id,
        "verdict": exchange.verdict,
        "outcome": exchange.outcome,
        "status": exchange.status,
        **_told(exchange),
        "findings": [{"rule": found.rule, "severity": found.severity} for found in exchange.findings],
        "fault": fault_hit_to_json(exchange.fault) if exchange.fault else None,
        "delivery": exchange.delivery,
        "protocol": exchange.protocol.name,
    }


def _told(exchange: Exchange) -> Json:
    """Return the playhead and the time of its event as the client told them, in whichever API; `parts` are its events
    where it may have several."""
    told = {"playhead": exchange.playhead, "ts": exchange.ts}
    if len(exchange.events) > 1 or isinstance(exchange.body, list):
        return {**told, "parts": [_part(event) for event in exchange.events]}
    return told


def _part(event: Event) -> Json:
    return {"eventType": event.event_type, "playhead": event.sent_playhead, "ts": event.sent_ts}


def _body_to_json(exchange: Exchange) -> Json:
    """`body` where it is JSON; otherwise what came, as text if it is text."""
    body = exchange.body
    if body is not None or not exchange.body_bytes or exchange.body_bytes == b"null":
        return {"body": body}
    try:
        return {"body": None, "bodyText": exchange.body_bytes.decode()}
    except UnicodeDecodeError:
        return {"body": None, "bodyBase64": base64.b64encode(exchange.body_bytes).decode()}


def fault_hit_to_json(hit: FaultHit) -> Json:
    return dict(hit._asdict())


def exchange_from_json(value: Json) -> Exchange:
    """Return the exchange of one line of a log export. Raises ValueError naming what is missing or wrong."""
    try:
        return Exchange(
            seq=int(value["seq"]),
            at=float(value["at"]),
            scope=value.get("scope", "default"),
            kind=Kind(value["kind"]),
            method=value["method"],
            path=value["path"],
            request_headers=_headers(value.get("requestHeaders", ())),
            body_bytes=_body_bytes(value),
            event_type=value.get("eventType"),
            session_id=value.get("sessionId"),
            verdict=Verdict(value["verdict"]),
            outcome=Outcome(value["outcome"]),
            status=int(value["status"]),
            response_headers=_headers(value.get("responseHeaders", ())),
            response_body=str(value.get("responseBody") or "").encode(),
            findings=tuple(finding_from_json(finding) for finding in value.get("findings", ())),
            fault=FaultHit(**value["fault"]) if value.get("fault") else None,
            delivery=Delivery(value.get("delivery", Delivery.SENT)),
            protocol=protocol_named(value.get("protocol", FIRST_PROTOCOL)),
        )
    except KeyError as error:
        raise ValueError(f"an exchange needs the key {error.args[0]!r}") from None
    except TypeError as error:
        raise ValueError(f"an exchange is not in the form of a log export: {error}") from None


def _headers(pairs: Any) -> Headers:
    return tuple((str(name), str(value)) for name, value in pairs)


def _body_bytes(value: Json) -> bytes:
    import json

    if "bodyBase64" in value:
        return base64.b64decode(value["bodyBase64"])
    if "bodyText" in value:
        return str(value["bodyText"]).encode()
    return b"" if value.get("body") is None else json.dumps(value["body"], separators=(",", ":")).encode()


def session_to_json(view: SessionView | SessionOutline, events: Sequence[str], counts: Mapping[Outcome, int]) -> Json:
    """Return a session with the types of its events; `counts` are of its requests that are in the log."""
    return {
        **_standing(view.session, view.state),
        "events": events,
        "counts": dict(counts),
        "findings": [finding_to_json(finding) for finding in view.judgement.session_findings],
        "media": _media(view.report),
    }


def view_to_json(view: SessionView) -> Json:
    """Return the same of a session whose requests are at hand."""
    counts = {outcome: sum(one.outcome == outcome for one in view.exchanges) for outcome in Outcome}
    return session_to_json(view, view.events, counts)


def outline_to_json(outline: SessionOutline) -> Json:
    """Return a session without its lists: what `?brief=1` gives."""
    return {
        **_standing(outline.session, outline.state),
        "counts": dict(outline.counts),
        "findingCounts": dict(outline.severities),
        "findings": [finding_to_json(finding) for finding in outline.judgement.session_findings],
        "media": _media(outline.report),
    }


def _standing(session: Session, state: str) -> Json:
    """Return where a session stands: what its whole form and its brief one begin with."""
    return {
        "id": session.id,
        "state": state,
        "phase": session.phase,
        "openedAt": session.opened_at,
        "lastEventAt": session.touched_at,
        "closedAt": session.closed_at,
        "downloaded": session.downloaded,
        "playhead": session.playhead,
    }


def _media(report: Report) -> Json:
    """Return what identifies the session to a person: content, player, visitor."""
    return {key: report.params[key] for key in MEDIA_KEYS if key in report.params}


def vocabulary_to_json() -> Json:
    """Return what the words of the other shapes mean: rules of findings, metrics of a report, fields of a Match."""
    return {
        "rules": {
            name: {"about": rule.about, "source": rule.source, "ignores": rule.ignores} for name, rule in RULES.items()
        },
        "metrics": {
            camel(name): {
                "about": METRICS[name].about,
                "unit": METRICS[name].unit,
                "source": METRICS[name].source,
                "group": group,
            }
            for group, names in GROUPS.items()
            for name in names
        },
        "match": {
            name: {"about": field.about, "words": list(field.words)}
            for name, field in EVERY_FIELD.items()
            if name != RULE
        },
        "events": list(EVENT_TYPES),
    }


def match_to_json(match: Match) -> Json:
    return dict(match.wanted)


MAX_LISTED = 1000
"""Requests that a verification lists; `matched` counts them all."""


def verification_to_json(answer: Verification) -> Json:
    return {
        "result": answer.result,
        "expected": dict(answer.expected),
        "matched": answer.matched,
        "requests": [exchange_to_json(one) for one in turns.paused(answer.requests[:MAX_LISTED])],
        "nearest": [_miss_to_json(miss) for miss in answer.nearest],
        "message": answer.message,
    }


def verdict_to_json(verdict: Lost, message: str, window: Window) -> Json:
    """Return a verdict with a page of its requests and findings. `findings` are those of sessions; a request has its own."""
    return {
        "result": Result.PASS if verdict.passed else Result.FAIL,
        "failOn": verdict.fail_on,
        "lost": verdict.lost,
        "counts": dict(verdict.counts),
        "rules": list(verdict.rules),
        "requests": [exchange_to_json(one) for one in turns.paused(window.of(verdict.requests))],
        "findings": [
            {"sessionId": one.session_id, **finding_to_json(one.finding)} for one in window.of(verdict.sessions)
        ],
        "next": window.next(max(len(verdict.requests), len(verdict.sessions))),
        "message": message,
    }


def _miss_to_json(miss: Miss) -> Json:
    """Return a near miss: the request, and the fields in which it is not what was asked for."""
    differences = [{"field": at.field, "wanted": at.wanted, "got": at.got} for at in miss.differences]
    return {"request": exchange_to_json(miss.exchange), "differences": differences}


# -- two sessions ---------------------------------------------------------------------------------------------------------


def comparison_to_json(
    done: Comparison, names: tuple[str, str] = ("", ""), *, window: Window = EVERYTHING, count_known: bool = False
) -> Json:
    """Return a comparison with a page of each of its lists.

    `names` are those of the recordings, `count_known` counts known differences among the others.
    """
    counted = done.counted(count_known=count_known)
    known = {} if count_known else done.set_apart
    return {
        "result": Result.FAIL if counted else Result.PASS,
        "old": _side_to_json(done.old, names[0]),
        "new": _side_to_json(done.new, names[1]),
        "within": done.within,
        "differences": [_difference_to_json(one) for one in turns.paused(window.of(counted))],
        "known": [
            {
                "name": name,
                "about": KNOWN[name].about,
                "source": KNOWN[name].source,
                "differences": [_difference_to_json(one) for one in turns.paused(window.of(found))],
            }
            for name, found in known.items()
        ],
        "pairs": [_pair_to_json(pair) for pair in turns.paused(window.of(done.pairs))],
        "next": window.next(max(map(len, (counted, done.pairs, *known.values())))),
        "leftOut": done.left_out,
        "message": comparison_text.text(done, *names, count_known=count_known),
    }  # fmt: skip


def _side_to_json(view: SessionView, name: str) -> Json:
    return {"sessionId": view.id, "protocol": api_of(view), "recording": name, "media": _media(view.report)}


def _difference_to_json(one: Difference) -> Json:
    return {
        "part": one.part,
        "change": one.change,
        "name": one.name,
        "about": one.about,
        "old": one.old,
        "new": one.new,
        "oldSeq": one.old_seq,
        "newSeq": one.new_seq,
        "known": one.known,
    }


def _pair_to_json(pair: Pair) -> Json:
    return {
        "eventType": pair.event.event_type,
        "oldSeq": pair.old.seq if pair.old else None,
        "newSeq": pair.new.seq if pair.new else None,
        "change": pair.change,
        "known": pair.known,
    }


# -- faults ---------------------------------------------------------------------------------------------------------------


def fault_to_json(state: FaultState) -> Json:
    """Return a rule in force and how often it fired. Sent back, it is a rule again: `rule_from_json` passes over the counts."""
    counts = {"hits": state.hits, "matched": state.matched, "active": state.active}
    return {**rule_to_json(state.rule), **counts}


def faults_to_json(page: FaultPage) -> Json:
    """Return a page of the rules in force. What has no further one is taken back: `PUT /faults` passes over the rest."""
    return {
        "faults": [fault_to_json(state) for state in turns.paused(page.states)],
        "total": page.total,
        "next": page.next,
    }


def preset_to_json(preset: Preset) -> Json:
    rules = [rule_to_json(rule) for rule in preset.rules]
    return {"name": preset.name, "about": preset.about, "apis": list(preset.apis), "faults": rules}


def losses_to_json(page: LossPage) -> Json:
    """Return a page of the loss ledger; the numbers are of all that is in it."""
    return {
        "faulted": sum(page.counts.values()),
        **{str(fate): page.counts[fate] for fate in Fate},
        "evicted": page.evicted,
        "requests": [_loss_to_json(one) for one in turns.paused(page.requests)],
        "next": page.next,
    }


def _loss_to_json(loss: Loss) -> Json:
    return {
        "seq": loss.seq,
        "fault": fault_hit_to_json(loss.fault),
        "sessionId": loss.session_id,
        "eventType": loss.event_type,
        "ts": loss.ts,
        "fate": loss.fate,
        "other": loss.other,
    }


def coverage_to_json(covered: Sequence[Covered], window: Window = EVERYTHING) -> Json:
    """Return a page of the items of a plan; the numbers are of all."""
    return {
        "items": [_covered_to_json(one) for one in turns.paused(window.of(covered))],
        "exercised": sum(one.judged > 0 for one in covered),
        "total": len(covered),
        "next": window.next(len(covered)),
    }


def _covered_to_json(covered: Covered) -> Json:
    item = covered.item
    row = item if isinstance(item, Row) else None
    return {
        "kind": "row" if row is not None else "event" if isinstance(item, Occurrence) else "cadence",
        "content": item.content,
        "event": row.event if row is not None else None,
        "key": item.words,
        "presence": row.presence if row is not None else None,
        "judged": covered.judged,
        "failed": covered.failed,
        "unseen": list(covered.unseen),
    }
