"""From the bytes of a body to a judgement of it: what event it is, what is wrong with it, whether it is refused.

It knows the three shapes a body can have (a session's start, an event, an array of downloaded content) and asks
`schemas` and `advice` about each event. It does not know sessions: validation comes before the session is looked up, as
in the real service (validating requests page).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from mcmock.core import json_decoding
from mcmock.core.findings import findings_of_all, refuses
from mcmock.core.model import Finding, Kind, Mode
from mcmock.protocols.json_schema import sent_phrase
from mcmock.protocols.media_collection import lint, schemas
from mcmock.protocols.media_collection.schemas import Violation

MAX_NAMED = 10
"""How many violations an error message names before it says how many more there are."""

MAX_FOUND = 1000
"""How many violations of a body are looked for that is refused anyway: a megabyte has room for 300,000, which take seconds."""


FEW_MISSING = 2
"""So many required params at once are not forgotten: the body looks like a sample of a page about something else."""

EXCERPT = (
    "; if this is a sample from the documentation, it is an excerpt: pages about one param leave out the required ones"
)


class Judged(NamedTuple):
    """`events` are the bodies in their order. `refusal`, if any, is the message of the 400."""

    event_type: str | None
    events: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...] = ()
    refusal: str | None = None
    whole: bool = False  # an array: a session that arrives whole


def judge(kind: Kind, text: bytes, mode: Mode) -> Judged:
    """Judge the body of a POST of `kind`: session, event or downloaded."""
    try:
        value = json_decoding.decode(text)
    except json_decoding.BadJson as error:
        return _conclude(None, (), [Violation("not-json", "$", str(error))], mode)
    doubled = _doubled(text, value)
    if isinstance(value, list) and kind is not Kind.EVENT:
        found = _enough(chain(doubled, _array(value, kind)), mode)
        events = tuple(item for item in value if isinstance(item, dict))
        return _conclude(_event_type(value[0]) if value else None, events, found, mode)._replace(whole=True)
    event_type = _event_type(value)
    if not isinstance(value, dict) or kind is Kind.DOWNLOADED:
        return _conclude(event_type, (), [_wrong_shape(value, kind is Kind.DOWNLOADED)], mode)
    found = _enough(chain(doubled, _single(event_type, value, kind is Kind.SESSION)), mode)
    return _conclude(event_type, (value,), found, mode) if found else Judged(event_type, (value,))


def judge_fitting(text: bytes, mode: Mode) -> Judged | None:
    """Return `judge` of an event that fits its schema and is not refused; None means: ask `judge`.

    It is what nearly every body is: so it is looked at once, and told what there is to say about it.
    """
    try:
        value = json_decoding.decode(text)
    except json_decoding.BadJson:
        return None
    if type(value) is not dict:
        return None
    event_type = value.get("eventType")
    if type(event_type) is not str or event_type not in _EVENT_TYPES or not schemas.fits(event_type, value):
        return None
    if text.count(b":") != _shallow_keys(value) and _doubled(text, value):
        return None
    if lint.is_silent(event_type, value):
        return Judged(event_type, (value,))
    judged = _conclude(event_type, (value,), lint.advise(event_type, value), mode)
    return judged if judged.refusal is None else None


_EVENT_TYPES = schemas.KNOWN - {"sessionStart"}


def _enough(found: Iterable[Violation], mode: Mode) -> list[Violation]:
    """Return all violations; the first so many where one of them refuses the body."""
    kept: list[Violation] = []
    refused = False
    for violation in found:
        kept.append(violation)
        refused = refused or refuses(violation.rule, mode)
        if refused and len(kept) >= MAX_FOUND:
            break
    return kept


def _conclude(event_type: str | None, events: tuple[dict[str, Any], ...], found: list[Violation], mode: Mode) -> Judged:
    refused = [violation.message for violation in found if refuses(violation.rule, mode)]
    refusal = _listed(refused, len(found) >= MAX_FOUND) + _excerpt(found) if refused else None
    return Judged(event_type, events, findings_of_all(found, mode), refusal)


def _excerpt(found: list[Violation]) -> str:
    """Return what helps whoever copied a sample: pages about one param show that param alone."""
    missing = sum(violation.rule == "missing-key" and violation.path.startswith("$.params[") for violation in found)
    return EXCERPT if missing >= FEW_MISSING else ""


def _listed(messages: list[str], at_least: bool) -> str:
    more = len(messages) - MAX_NAMED
    count = f"at least {more}" if at_least else more
    return "; ".join(messages[:MAX_NAMED]) + (f"; and {count} more" if more > 0 else "")


def _event_type(value: Any) -> str | None:
    name = value.get("eventType") if isinstance(value, dict) else None
    return name if isinstance(name, str) else None


# -- one event ------------------------------------------------------------------------------------------------------------


def _single(event_type: str | None, value: dict[str, Any], starts: bool) -> Iterator[Violation]:
    if misplaced := _endpoint(event_type, value, starts):
        yield misplaced
        return
    yield from _event(value)
    if starts and _downloaded_flag(value) is True:
        yield Violation("downloaded-flag-live", _FLAG_PATH, f"{_FLAG} must not be true on a live session")


def _endpoint(event_type: str | None, value: dict[str, Any], starts: bool, at: str = "$") -> Violation | None:
    """Return what is wrong with the event's name, or with sending it here; no schema applies until that is right."""
    field, path = f"{at[1:]}.eventType".lstrip("."), f"{at}.eventType"
    if event_type not in schemas.KNOWN:
        sent = f"{sent_phrase(value['eventType'])} was sent" if "eventType" in value else "it was not sent"
        return Violation("wrong-event", path, f"{field} must be one of the API's event types, but {sent}")
    if (event_type == "sessionStart") is starts:
        return None
    where = "/sessions takes sessionStart only" if starts else "sessionStart goes to /sessions only"
    return Violation("wrong-endpoint", path, f"{field} must not be {event_type} here: {where}")


# A body with nothing worse than these still has the shape that `advice` takes for granted.
_HARMLESS = frozenset({"integral-float", "fractional-quality", "length-null", "location-hint-null"})


def _event(value: dict[str, Any], at: str = "$") -> Iterator[Violation]:
    event_type = value["eventType"]
    shaped = True
    for violation in schemas.violations(event_type, value, at):
        shaped = shaped and violation.rule in _HARMLESS
        yield violation
    if shaped:
        yield from (_moved(violation, at) for violation in lint.advise(event_type, value))


def _moved(violation: Violation, at: str) -> Violation:
    """Return a violation of one element of an array, told from the array's point of view."""
    if at == "$":
        return violation
    return Violation(violation.rule, at + violation.path[1:], f"{at[1:]}.{violation.message}")


# -- downloaded content (use case: tracking downloaded content) -----------------------------------------------------------

_FLAG = "params.media.downloaded"
_FLAG_PATH = json_decoding.json_path(("params", "media.downloaded"))


def _downloaded_flag(value: dict[str, Any]) -> object:
    params = value.get("params")
    return params.get("media.downloaded") if isinstance(params, dict) else None


def _wrong_shape(value: Any, array: bool) -> Violation:
    wanted = "an array of events" if array else "an object"
    return Violation("not-an-object", "$", f"the body must be {wanted}, but {sent_phrase(value)} was sent")


def _array(value: list[Any], kind: Kind) -> Iterator[Violation]:
    if not value:
        yield Violation("downloaded-order", "$", "the body is an array without events: it must begin with sessionStart")
        return
    for index, item in enumerate(value):
        yield from _element(item, index)
    if isinstance(value[0], dict):
        yield from _flags(value[0], kind)


def _element(item: Any, index: int) -> Iterator[Violation]:
    at = f"$[{index}]"
    if not isinstance(item, dict):
        yield Violation("not-an-object", at, f"[{index}] must be an object, but {sent_phrase(item)} was sent")
        return
    event_type = _event_type(item)
    if (event_type == "sessionStart") is not (index == 0) and event_type in schemas.KNOWN:
        rule = "must be sessionStart" if index == 0 else "must not be sessionStart: one array holds one session"
        yield Violation("downloaded-order", f"{at}.eventType", f"[{index}].eventType {rule}")
    elif misplaced := _endpoint(event_type, item, index == 0, at):
        yield misplaced
    else:
        yield from _event(item, at)


def _flags(start: dict[str, Any], kind: Kind) -> Iterator[Violation]:
    flag, path = _downloaded_flag(start), "$[0]" + _FLAG_PATH[1:]
    if kind is Kind.DOWNLOADED:
        if flag is False:
            yield Violation("downloaded-flag-false", path, f"[0].{_FLAG} is false although the session was downloaded")
    elif flag is not True:
        yield Violation("downloaded-flag-missing", path, f"[0].{_FLAG} must be true for an array on /sessions")
    else:
        yield Violation("array-on-sessions", "$", "an array on /sessions is deprecated: send it to /api/v1/downloaded")


# -- the same key twice ---------------------------------------------------------------------------------------------------


def _doubled(text: bytes, value: Any) -> list[Violation]:
    """Keys sent twice. A parser does not tell, so look closer only if there are more colons than keys."""
    colons = text.count(b":")
    if colons == _shallow_keys(value) or colons == json_decoding.count_keys(value):
        return []
    names = dict.fromkeys(json_decoding.duplicate_keys(text))
    return [
        Violation("duplicate-key", "$", f"the key {sent_phrase(name)} was sent twice in one object") for name in names
    ]


_HIDE_A_KEY = (b'\\"', b" :", b"\t:", b"\r:", b"\n:")
"""Without these, each key's own quote and colon stand together, and no other quote is within a text: so there are no fewer
of such pairs than keys that were sent, and as many as keys that were read only where none was sent twice."""


def _shallow_keys(value: Any) -> int:
    """Return the keys of an event's two levels: what nearly every body has, counted at a third of the price."""
    if type(value) is not dict:
        return -1  # an array: never equal to a number of colons
    count = len(value)
    for part in value.values():
        if type(part) is dict:
            count += len(part)
    return count
