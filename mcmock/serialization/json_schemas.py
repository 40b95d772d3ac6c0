"""What every JSON shape looks like, as JSON Schema (2020-12): the published side of `mcmock.serialization.json_shapes`.

One table, from which the OpenAPI document is made and by which the tests check every shape that the code produces. The
words of closed lists come from the enums that the code runs on. It knows no routes and builds no values.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from mcmock.analytics import METRICS, camel
from mcmock.analytics.plan import PRESENCES
from mcmock.analytics.plan_format import shapes_of_plan
from mcmock.checks.comparison import KNOWN, Change, Part
from mcmock.checks.verification import LONGEST, Result
from mcmock.core.events import EVENT_TYPES
from mcmock.core.findings import FailOn
from mcmock.core.match import EVERY_FIELD, PARTS
from mcmock.core.model import Delivery, Kind, Outcome, Severity, Verdict
from mcmock.core.regex import MAX_PATTERN
from mcmock.core.sessions import Phase
from mcmock.faults import REFUSAL_SCHEMA, rule_schema
from mcmock.faults.losses import Fate

Schema = dict[str, Any]

AT = "components/schemas"
"""Where the schemas stand in the document that holds them."""


def ref(name: str) -> Schema:
    return {"$ref": f"#/{AT}/{name}"}


def _object(about: str, fields: dict[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """Return an object whose `fields` are all there but the `optional` ones; more may be added one day."""
    required = [name for name in fields if name not in set(optional)]
    return {"type": "object", "description": about, "properties": fields, "required": required}


def _asked(about: str, fields: dict[str, Schema], required: Iterable[str] = ()) -> Schema:
    """Return what a caller sends: nothing else is taken, and only `required` must be there."""
    return {
        "type": "object", "description": about, "properties": fields, "required": list(required),
        "additionalProperties": False,
    }  # fmt: skip


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _one_of(words: type[StrEnum] | Iterable[str], about: str = "") -> Schema:
    return {"type": "string", "enum": [str(word) for word in words], **({"description": about} if about else {})}


def _or_null(schema: Schema) -> Schema:
    if "type" in schema:
        return {
            **schema,
            "type": [schema["type"], "null"],
            **({"enum": [*schema["enum"], None]} if "enum" in schema else {}),
        }
    return {"anyOf": [schema, {"type": "null"}]}


TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
SEQ: Schema = {"type": "integer", "minimum": 1, "description": "counts from 1 and never repeats"}
FLAG: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "number", "description": "seconds since the epoch by the emulator's clock"}
HEADERS: Schema = _list({"type": "array", "prefixItems": [TEXT, TEXT], "minItems": 2, "maxItems": 2})
ANYTHING: Schema = {}
_SECONDS: Schema = {"type": "number", "minimum": 0, "maximum": LONGEST}
STATUS: Schema = {"type": "integer", "minimum": 100, "maximum": 599}

_OPERATOR: Schema = _asked(
    "bounds, a regular expression to be found in the text, or whether there must be a value",
    {
        "min": NUMBER,
        "max": NUMBER,
        "matches": {"type": "string", "format": "regex", "maxLength": MAX_PATTERN},
        "exists": FLAG,
    },
) | {"minProperties": 1}
_TYPES: dict[type, Schema] = {str: TEXT, int: {"type": "integer"}, float: NUMBER}


def _wanted(value: Schema) -> Schema:
    return {"anyOf": [value, _list(value), _OPERATOR]}


def _match_fields() -> dict[str, Schema]:
    return {
        name: {
            **(
                _map(_wanted(ANYTHING))
                if name in PARTS
                else _wanted(_one_of(field.words) if field.words else _TYPES[field.type])
            ),
            "description": field.about,
        }
        for name, field in EVERY_FIELD.items()
    }


_EVENT_PART = _object("one event", {"eventType": ANYTHING, "playhead": ANYTHING, "ts": ANYTHING})
_EXCHANGE: dict[str, Schema] = {
    "seq": SEQ,
    "at": MOMENT,
    "scope": TEXT,
    "kind": _one_of(Kind),
    "method": TEXT,
    "path": {"type": "string", "description": "the request target as sent"},
    "requestHeaders": HEADERS,
    "body": {"description": "the parsed JSON; null where it is not JSON"},
    "bodyText": {"type": "string", "description": "what came: where body does not tell, and of a single exchange"},
    "bodyBase64": {"type": "string", "contentEncoding": "base64", "description": "the same where it is not text"},
    "eventType": {"type": ["string", "null"]},
    "playhead": {"type": ["number", "null"], "description": "seconds, as the event told"},
    "ts": {"type": ["integer", "null"], "description": "milliseconds since the epoch, as the event told"},
    "parts": {**_list(_EVENT_PART), "description": "the events of a request that has several"},
    "sessionId": {"type": ["string", "null"]},
    "verdict": _one_of(Verdict, "decided on arrival; fixes the status"),
    "outcome": _one_of(Outcome, "was it counted? a later event of the session may change it"),
    "status": STATUS,
    "responseHeaders": HEADERS,
    "responseBody": TEXT,
    "findings": _list(ref("Finding")),
    "fault": _or_null(ref("FaultHit")),
    "delivery": _one_of(Delivery, "what became of the answer"),
    "protocol": {"type": "string", "description": "the API that it was sent to"},
}
_BRIEF_FINDING = _object("a finding in brief", {"rule": TEXT, "severity": _one_of(Severity)})
_BRIEF = (
    *("seq", "at", "kind", "method", "path", "eventType", "playhead", "ts", "parts"),
    *("sessionId", "verdict", "outcome", "status", "protocol"),
)
_SESSION: dict[str, Schema] = {
    "id": TEXT,
    "state": {"type": "string", "description": "what it is doing, or how it closed"},
    "phase": _one_of(Phase),
    "openedAt": MOMENT,
    "lastEventAt": MOMENT,
    "closedAt": {"type": ["number", "null"]},
    "downloaded": FLAG,
    "playhead": NUMBER,
    "counts": _object("its requests by outcome", {str(outcome): COUNT for outcome in Outcome}),
    "media": {**_map(ANYTHING), "description": "the params that identify it to a person"},
}
_NEXT: Schema = {"type": ["integer", "null"], "description": "where to go on with `since`; null where that was all"}
_NEXT_OF_LISTS: Schema = {**_NEXT, "description": "where to go on with `since` in each list; null where all are told"}
_NEXT_NAME: Schema = {**_NEXT, "type": ["string", "null"]}
_LISTED = {
    "matched": COUNT,
    "evicted": {**COUNT, "description": "entries that left the full log"},
    "next": _NEXT,
}
_METRIC: Schema = {"type": ["number", "string", "boolean", "array", "null"], "items": TEXT}
_RECORD: Schema = {"type": "object"}

SHAPES: dict[str, Schema] = {
    # -- the log
    "Finding": _object(
        "one thing worth knowing about a request or a session",
        {"rule": TEXT, "severity": _one_of(Severity), "path": TEXT, "message": TEXT, "source": TEXT},
    ),
    "FaultHit": _object(
        "which fault met a request",
        {"rule": TEXT, "effect": TEXT, "side": _one_of(("before", "after")), "draw": {"type": ["number", "null"]}},
    ),
    "Exchange": _object(
        "one request, and everything that was decided about it", _EXCHANGE, ("bodyText", "bodyBase64", "parts")
    ),
    "BriefExchange": _object(
        "an exchange without its headers and bodies",
        {
            **{name: _EXCHANGE[name] for name in _BRIEF},
            "findings": _list(_BRIEF_FINDING),
            "fault": _EXCHANGE["fault"],
            "delivery": _EXCHANGE["delivery"],
        },
        ("parts",),
    ),
    "Exchanges": _object(
        "a page of the log", {"requests": _list({"anyOf": [ref("Exchange"), ref("BriefExchange")]}), **_LISTED}
    ),
    "Summary": _object(
        "counts by outcome; the outcomes add up to the total",
        {
            "total": COUNT,
            **{str(outcome): COUNT for outcome in Outcome},
            "evicted": COUNT,
            "sessions": COUNT,
            "broken": COUNT,
            "forgotten": COUNT,
        },
    ),
    "Scopes": _object(
        "the default scope, then the named ones",
        {
            "scopes": _list(
                _object(
                    "a scope",
                    {"name": TEXT, "idle": {**NUMBER, "description": "real seconds"}, "summary": ref("Summary")},
                    optional=("summary",),
                )
            ),
            "total": COUNT,
            "next": _NEXT_NAME,
        },
    ),
    # -- asking
    "Match": _asked("which exchanges are meant; all fields must hold", _match_fields()),
    "Wait": _asked(
        "answered as soon as so many have come, or after so many seconds",
        {
            "match": _or_null(ref("Match")),
            "count": {"type": "integer", "minimum": 1, "default": 1},
            "timeout": _SECONDS,
        },
    ),
    "Check": _asked(
        "what must be so: how many exchanges match (at least one unless told otherwise), or in which order events stand",
        {
            "match": _or_null(ref("Match")),
            "count": {**_or_null(COUNT), "description": "exactly so many"},
            "atLeast": _or_null(COUNT),
            "atMost": _or_null(COUNT),
            "within": {**_or_null(_SECONDS), "description": "real seconds for it to come true, or to stay true"},
            "sequence": {**_or_null(_list({"anyOf": [TEXT, ref("Match")]})), "description": "events of each session"},
            "gaps": {"type": "boolean", "description": "whether other events may stand between those of the sequence"},
            "allowNoSessions": {"type": "boolean", "description": "pass even if there is no session at all"},
            "noFindings": {
                **_or_null(_one_of(Severity)),
                "description": "instead: nothing of that severity or worse was found",
            },
            "noLosses": {"type": "boolean", "description": "instead: nothing was lost, by itself or by a fault"},
        },
    ),
    "Verification": _object(
        "whether it was so",
        {
            "result": _one_of(Result, "inconclusive: evicted entries could change the answer"),
            "expected": {"type": "object"},
            "matched": COUNT,
            "requests": _list(ref("Exchange")),
            "nearest": _list(ref("Miss")),
            "message": {"type": "string", "description": "for a terminal: what was asked, and what there was"},
        },
    ),
    "Verdict": _object(
        "whether anything was lost",
        {
            "result": _one_of((Result.PASS, Result.FAIL)),
            "failOn": _one_of(FailOn, "each level includes those before it"),
            "lost": {
                **COUNT,
                "description": "requests and viewings that were lost, without those that have a warning only",
            },
            "counts": _map(COUNT),
            "rules": {**_list(TEXT), "description": "what it fails for, in the words of allow"},
            "requests": _list(ref("Exchange")),
            "findings": {**_list(ANYTHING), "description": "those of sessions as a whole: a Finding and its sessionId"},
            "next": _NEXT_OF_LISTS,
            "message": {"type": "string", "description": "for a terminal: what was lost and why, with timelines"},
        },
    ),
    "Miss": _object(
        "a request that nearly matched",
        {
            "request": ref("Exchange"),
            "differences": _list(_object("a field", {"field": TEXT, "wanted": ANYTHING, "got": ANYTHING})),
        },
    ),
    # -- sessions
    "Session": _object(
        "a session as it stands", {**_SESSION, "events": _list(TEXT), "findings": _list(ref("Finding"))}
    ),
    "BriefSession": _object(
        "a session without its lists",
        {
            **_SESSION,
            "findings": _list(ref("Finding")),
            "findingCounts": _object(
                "all findings, its requests' too", {str(severity): COUNT for severity in Severity}
            ),
        },
    ),
    "SessionInfo": {"anyOf": [ref("Session"), ref("BriefSession")]},
    "Sessions": _object(
        "the latest sessions, oldest first, or those before one of them",
        {
            "sessions": _list(ref("SessionInfo")),
            "total": {**COUNT, "description": "sessions there are"},
            "next": {**_or_null(TEXT), "description": "the session before which the next page ends; null for no more"},
        },
    ),
    "Report": _object(
        "what Analytics would count, in the names of `mediaReporting`",
        {
            "sessionId": TEXT,
            "closeReason": _one_of(Phase),
            "sessionDetails": _RECORD,
            "qoeDataDetails": _RECORD,
            "states": _list(_RECORD),
            "ads": _list(_RECORD),
            "adBreaks": _list(_RECORD),
            "chapters": _list(_RECORD),
            "customMetadata": _RECORD,
            "exact": _object("every metric, unrounded", {camel(name): _METRIC for name in METRICS}),
            "doubts": {
                **_map(_list(TEXT)),
                "description": "per metric that cannot be trusted, the rules that were met",
            },
            "why": {**_map(_list(_RECORD)), "description": "per metric, what it was counted from"},
        },
        ("why",),
    ),
    # -- two sessions
    "Comparison": _object(
        "two sessions side by side",
        {
            "result": _one_of((Result.PASS, Result.FAIL), "whether they are the same"),
            "old": ref("ComparedSession"),
            "new": ref("ComparedSession"),
            "within": {**NUMBER, "description": "seconds that times, durations and playheads may be apart"},
            "differences": {**_list(ref("Difference")), "description": "those that count"},
            "known": {
                **_list(
                    _object(
                        "what SDKs are known to do differently",
                        {
                            "name": _one_of(KNOWN),
                            "about": TEXT,
                            "source": TEXT,
                            "differences": _list(ref("Difference")),
                        },
                    )
                ),
                "description": "differences that were set apart, by name",
            },
            "pairs": {**_list(ref("EventPair")), "description": "the events of both, in their order"},
            "next": _NEXT_OF_LISTS,
            "leftOut": {**COUNT, "description": "events that were too many to be compared"},
            "message": {"type": "string", "description": "for a terminal: what differs"},
        },
    ),
    "ComparedSession": _object(
        "a session that is compared",
        {"sessionId": TEXT, "protocol": TEXT, "recording": TEXT, "media": {"type": "object"}},
    ),
    "Difference": _object(
        "one difference between two sessions",
        {
            "part": _one_of(Part),
            "change": _one_of(Change, "lost: the old session alone has it; new: the new one alone"),
            "name": {
                "type": "string",
                "description": "a number, a param or a key; event, time, playhead, outcome or pings",
            },
            "about": {"type": "string", "description": "the event or the record, in words"},
            "old": ANYTHING,
            "new": ANYTHING,
            "oldSeq": _or_null(SEQ),
            "newSeq": _or_null(SEQ),
            "known": {**_or_null(TEXT), "description": "what it is set apart as"},
        },
    ),
    "EventPair": _object(
        "an event that both sessions have, or one of them alone",
        {
            "eventType": TEXT,
            "oldSeq": _or_null(SEQ),
            "newSeq": _or_null(SEQ),
            "change": {**_or_null(_one_of(Change)), "description": "null where it is the same, or differs as is known"},
            "known": _or_null(TEXT),
        },
    ),
    # -- faults
    "FaultRule": {**{key: part for key, part in rule_schema(ref("Match")).items() if key != "$schema"}},
    "Faults": _asked(
        "the rules in force, in the order they are tried",
        {
            "faults": _list(ref("FaultRule")),
            "total": {**COUNT, "description": "rules there are; passed over where they are sent"},
            "next": {**_NEXT_NAME, "description": f"{_NEXT['description']}, as it must be where they are sent"},
        },
        ("faults",),
    ),
    "Preset": _object(
        "a named set of faults",
        {
            "name": TEXT,
            "about": TEXT,
            "apis": {**_list(TEXT), "description": "the APIs whose requests it can meet"},
            "faults": _list(ref("FaultRule")),
        },
    ),
    "Presets": _object("every preset", {"presets": _list(ref("Preset")), "total": COUNT, "next": _NEXT_NAME}),
    "Refuse": _asked("a server that is not there, for a time", REFUSAL_SCHEMA, REFUSAL_SCHEMA),
    "Presence": _object(
        "whether players' connections are refused",
        {
            "refusing": FLAG,
            "until": {**_or_null(MOMENT), "description": "by the emulator's clock; null while nothing is refused"},
            "adminUrl": {"type": "string", "description": "where the control API is"},
        },
    ),
    "JsonSchema": {"type": "object", "description": "a JSON Schema"},
    "Losses": _object(
        "what became of each request that a fault met",
        {
            "faulted": COUNT,
            **{str(fate): COUNT for fate in Fate},
            "evicted": COUNT,
            "requests": _list(ref("Loss")),
            "next": _NEXT,
        },
    ),
    "Loss": _object(
        "a request that a fault met",
        {
            "seq": SEQ,
            "fault": ref("FaultHit"),
            "sessionId": {"type": ["string", "null"]},
            "eventType": {"type": ["string", "null"]},
            "ts": {"type": ["integer", "null"]},
            "fate": _one_of(Fate),
            "other": {"type": ["integer", "null"], "description": "the seq of the request that decided it"},
        },
    ),
    # -- the tracking plan
    **shapes_of_plan(ref),
    "PlanInForce": _object("the tracking plan that sessions are judged by", {"plan": _or_null(ref("Plan"))}),
    "PlanCoverage": _object(
        "each item of the plan, and how much the sessions exercised it",
        {"items": _list(ref("PlanItem")), "exercised": COUNT, "total": COUNT, "next": _NEXT},
    ),
    "PlanItem": _object(
        "a row of the plan, an event that must occur, or a cadence of pings",
        {
            "kind": _one_of(("row", "event", "cadence")),
            "content": {"type": ["string", "null"], "description": "the content type; null for all"},
            "event": {"type": ["string", "null"], "description": "the event that a row is about"},
            "key": TEXT,
            "presence": _or_null(_one_of(PRESENCES)),
            "judged": {
                **COUNT,
                "description": "how often: a row once for each event, the others once for each session",
            },
            "failed": COUNT,
            "unseen": {"type": "array", "description": "the values that no session sent"},
        },
    ),
    # -- time and rest
    "Clock": _object("the emulator's time", {"now": MOMENT, "frozen": FLAG}),
    "Advance": _asked(
        "how far to move the clock", {"seconds": {"type": "number", "minimum": 0, "maximum": 10**9}}, ("seconds",)
    ),
    "Health": _object("the server answers", {"status": {"const": "ok"}, "version": TEXT}),
    "Empty": {"type": "object", "description": "done", "maxProperties": 0},
    "Error": _object("why not", {"error": _object("in words", {"code": TEXT, "message": TEXT})}),
    "Vocabulary": _object(
        "what the words of the other shapes mean",
        {
            "rules": _map(_object("a rule", {"about": TEXT, "source": TEXT, "ignores": FLAG})),
            "metrics": {
                **_map(_object("a metric", {"about": TEXT, "unit": TEXT, "source": TEXT, "group": TEXT})),
                "description": "in the order of display; those of one group stand together",
            },
            "match": _map(_object("a field", {"about": TEXT, "words": _list(TEXT)})),
            "events": _list(_one_of(EVENT_TYPES)),
        },
    ),
    "OpenApi": {"type": "object", "description": "an OpenAPI 3.1 document: this one"},
}
