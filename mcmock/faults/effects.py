"""The effects of faults, as one table: what each is told, when it fires, and what the client gets to see.

An effect is a pure function from the true answer (if there is one) to what goes over the wire: a changed Response, or
Steps for the shell to perform. It knows no socket and no clock; the numbers it needs are drawn for it. `expire_session`
and `forget_session` change nothing here: the Emulator acts on the session, and the request then meets the true answer.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from email.utils import formatdate
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

from mcmock.core import http
from mcmock.core.json_decoding import plain
from mcmock.core.model import Close, Drip, Headers, Reset, Response, Send, Step, Wait, header_text
from mcmock.core.wording import is_whole, shown
from mcmock.protocols.registry import FAULT_FORMS

Attributes = Mapping[str, Any]
Dice = Callable[[str], float]
"""Gives the number in [0, 1) drawn for a purpose, the same one again for the same request of the same traffic."""

BEFORE, AFTER = "before", "after"
NO_ANSWER = Response(0, "", b"", b"")
"""What the log holds for an answer that never went out: status 0, no header, no body."""

GARBAGE = b"\x15\x03\x03\x00\x02\x02\x46 these bytes are no HTTP\r\n\r\n"


class EffectContext(NamedTuple):
    """All that an effect may look at. `truth` is the true answer; before processing there is none."""

    truth: Response | None
    session_id: str | None
    session_open: bool
    host: str
    head: bool  # a HEAD request: the answer has no body on the wire
    error: Callable[[int, str], Response]  # the API's own error answer
    alter: Callable[[str, Response], Response | None] = lambda *_: None  # the answer in one of the API's forms
    now: float = 0.0  # by the emulator's clock


class Change(NamedTuple):
    """What the log says was answered, and what is to be done; without steps, the response is sent as it is."""

    response: Response
    steps: tuple[Step, ...] = ()


# -- attributes: how each is checked, and the JSON Schema that says the same ---------------------------------------------

REQUIRED = object()

MOST = 10**12
"""No number of seconds, bytes or requests is beyond this: 30,000 years are enough, and sums stay finite."""

MAX_SIGMA = 10

LAST_MOMENT = 253_402_300_799
"""The last second of the year 9999: no HTTP date is later."""

MAX_BODY = 1024 * 1024
"""Bytes of a body that a fault answers with."""

MAX_HEADERS, MAX_NAME, MAX_VALUE = 64, 128, 4096
"""Headers that a fault adds, and characters of a name and a value: a client's parser takes as much."""


class Attribute(NamedTuple):
    """`check` raises ValueError with what the value must be; the caller puts the field's name in front."""

    check: Callable[[Any], Any]
    schema: dict[str, Any]
    about: str
    default: Any = REQUIRED


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -MOST <= value <= MOST


def whole(least: int, most: int = MOST) -> tuple[Callable[[Any], Any], dict[str, Any]]:
    span = f"of {least} or more" if most == MOST else f"from {least} to {most}"

    def check(value: Any) -> Any:
        if not is_whole(value) or not least <= value <= most:
            raise ValueError(f"must be a whole number {_span(span, value)}, not {shown(value)}")
        return value

    return check, {"type": "integer", "minimum": least, "maximum": most}


def number(least: float, most: float = MOST, *, above: bool = False) -> tuple[Callable[[Any], Any], dict[str, Any]]:
    span = f"above {least}" if above else f"of {least} or more" if most == MOST else f"from {least} to {most}"

    def check(value: Any) -> Any:
        if not is_number(value) or not least <= value <= most or (above and value == least):
            raise ValueError(f"must be a number {_span(span, value)}, not {shown(value)}")
        return value

    return check, {"type": "number", "exclusiveMinimum" if above else "minimum": least, "maximum": most}


def _span(span: str, value: object) -> str:
    """Return what a number may be, with the limit of all numbers where that is what `value` is beyond."""
    return f"{span}, at most {MOST:,}" if isinstance(value, int | float) and value > MOST else span


def _body(value: Any) -> Any:
    try:
        value = plain(value)
        json.dumps(value, ensure_ascii=False).encode()  # half a character stays hidden in \ud800
        size = len(body_bytes(value))
    except UnicodeEncodeError:
        raise ValueError("must be text that UTF-8 can hold, but it has half of a surrogate pair") from None
    except ValueError as error:
        raise ValueError(f"must be text, or what JSON knows, but it holds {error}") from None
    if size > MAX_BODY:
        raise ValueError(f"must be at most {MAX_BODY:,} bytes, not {size:,}")
    return value


def body_bytes(value: Any) -> bytes:
    """Return the bytes of a body: text as it is, everything else as JSON."""
    return (value if isinstance(value, str) else json.dumps(value)).encode()


_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


_UNFIT = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


def _header_name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"must be the name of a header, such as Location, not {shown(value)}")
    return _no_longer_than(MAX_NAME, value)


def _header_value(value: Any) -> str:
    if not isinstance(value, str) or _UNFIT.search(value):
        raise ValueError(f"must be text on one line, in Latin-1 as headers are, not {shown(value)}")
    return _no_longer_than(MAX_VALUE, value)


def _no_longer_than(most: int, text: str) -> str:
    if len(text) > most:
        raise ValueError(f"must be at most {most:,} characters, not {len(text):,}")
    return text


def _headers(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f'must map names to values, such as {{"Retry-After": "30"}}, not {shown(value)}')
    if len(value) > MAX_HEADERS:
        raise ValueError(f"must be at most {MAX_HEADERS} headers, not {len(value):,}")
    return {_header_name(name): _header_value(text) for name, text in value.items()}


def _uniform(value: Any) -> list[float]:
    pair = list(value) if isinstance(value, list | tuple) else []
    if len(pair) != 2 or not all(map(is_number, pair)) or not 0 <= pair[0] <= pair[1]:
        raise ValueError(f"must be two numbers of seconds, [least, most], not {shown(value)}")
    return pair


def _lognormal(value: Any) -> dict[str, float]:
    given = dict(value) if isinstance(value, Mapping) else {}
    median, sigma = given.pop("median", None), given.pop("sigma", None)
    if given or not is_number(median) or not is_number(sigma) or median <= 0 or not 0 <= sigma <= MAX_SIGMA:
        raise ValueError(f'must be {{"median": seconds above 0, "sigma": 0 to {MAX_SIGMA}}}, not {shown(value)}')
    return {"median": median, "sigma": sigma}


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {shown(value)}")
    return value


def _one_word(*words: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}, not {shown(value)}")
        return str(value)

    return check


def _or_null(checked: tuple[Callable[[Any], Any], dict[str, Any]]) -> tuple[Callable[[Any], Any], dict[str, Any]]:
    check, schema = checked
    return (lambda value: None if value is None else check(value)), {"anyOf": [schema, {"type": "null"}]}


_SECONDS = number(0)
_RATE = number(0, above=True)
_COUNT = whole(0)
_CODE = whole(200, 599)
_NAME_SCHEMA = {"type": "string", "pattern": f"^{_NAME.pattern}$", "maxLength": MAX_NAME}
_VALUE_SCHEMA = {"type": "string", "pattern": "^[\\t\\u0020-\\u007e\\u0080-\\u00ff]*$", "maxLength": MAX_VALUE}
_EVERY = {
    "every": Attribute(_flag, {"type": "boolean"}, "all open sessions at once, not only that of the request", False),
}


# -- what each effect does ------------------------------------------------------------------------------------------------


def _status(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    code = effect["code"]
    return Change(answer(scene, code, effect["body"], effect["headers"]))


def _rate_limit(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    after = effect["retryAfter"]
    as_date = effect["retryAfterAs"] == "date"
    headers = {} if after is None else {"Retry-After": _date(scene.now + after) if as_date else str(after)}
    message = f"Too many requests: {effect['perSecond']:g} a second are taken."
    return Change(answer(scene, effect["code"], None, headers, message))


def _date(at: float) -> str:
    """Return an HTTP date. It has no parts of a second: rounded up, so that nobody comes too early."""
    return formatdate(math.ceil(min(at, LAST_MOMENT)), usegmt=True)


def _alter(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    truth = _true(scene)
    return Change(scene.alter(effect["form"], truth) or truth)


def _delay(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    truth = _true(scene)
    return Change(truth, (Wait(seconds(effect, dice)), Send(truth.raw)))


def seconds(effect: Attributes, dice: Dice) -> float:
    """Return how long a delay lasts, by whichever of its three attributes it has."""
    if effect["seconds"] is not None:
        return float(effect["seconds"])
    drawn = dice("seconds")
    if effect["uniform"] is not None:
        least, most = effect["uniform"]
        return float(least + (most - least) * drawn)
    from statistics import NormalDist  # here: it brings fractions and decimals, and hardly a server delays like this

    median, sigma = effect["lognormal"]["median"], effect["lognormal"]["sigma"]
    # 0 has no place on a normal curve; half a step of the draw's 53 bits stands for it
    return min(float(median * math.exp(sigma * NormalDist().inv_cdf(max(drawn, 2.0**-54)))), MOST)


def _reset(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    return Change(NO_ANSWER, (Reset(),))


def _close(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    return Change(NO_ANSWER, (Close(),))


def _malformed(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    return Change(NO_ANSWER, (Send(GARBAGE), Close()))


def _hang(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    return Change(NO_ANSWER, (Wait(effect["seconds"]), Close()))


def _drip(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    truth = _true(scene)
    return Change(truth, (Drip(truth.raw, effect["bytesPerSecond"]),))


def _truncate(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    """Promise more than is sent. A 204 promises no body, so there the head itself stops before its end."""
    truth = _true(scene)
    if truth.status in _BODILESS or scene.head:
        return Change(truth, (Send(truth.raw[:-2]), Close()))
    sent = truth.body[: effect["bytes"]]
    promised = max(len(truth.body), len(sent) + 1)
    response = with_header(truth, "Content-Length", str(promised))
    whole_answer = http.render(response.status, response.headers, sent)
    return Change(response._replace(body=sent, raw=whole_answer.raw), (Send(whole_answer.raw), Close()))


def _drop_header(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    return Change(with_header(_true(scene), effect["name"], None, head=scene.head))


def _set_header(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    truth = _true(scene)
    name, value = effect["name"], effect["value"]
    # The client names the session and the host: neither may end the line that it is put into.
    session, host = quote(scene.session_id or "", "", errors="surrogateescape"), _UNFIT.sub("?", scene.host)
    places = {"{value}": header(truth, name) or "", "{session}": session, "{host}": host}
    value = re.sub(r"\{(?:value|session|host)\}", lambda place: places[place[0]], value)
    return Change(with_header(truth, name, value, head=scene.head))


def _untouched(effect: Attributes, scene: EffectContext, dice: Dice) -> Change:
    return Change(_true(scene))


def _true(scene: EffectContext) -> Response:
    assert scene.truth is not None, "this effect changes a true answer, so its only side is after"
    return scene.truth


# -- answers --------------------------------------------------------------------------------------------------------------

_BODILESS = (204, 304)
_OF_BODY = ("content-type", "content-length")


def answer(scene: EffectContext, code: int, body: Any, headers: Mapping[str, str], message: str = "") -> Response:
    """Return the API's error answer with that code, and a `message`; `body` and `headers`, where given, replace its own."""
    response = scene.error(code, message or http.REASONS.get(code, "A fault answered"))
    if body is not None:
        kind = "text/plain; charset=utf-8" if isinstance(body, str) else http.JSON
        response = _with_body(response, body_bytes(body), kind)
    if code in _BODILESS:
        kept = tuple(one for one in response.headers if one[0].lower() not in _OF_BODY)
        response = Response(code, header_text(kept), b"", b"")
    for name, value in headers.items():
        response = with_header(response, name, value)
    return http.render(code, response.headers, response.body, head=scene.head)


def _with_body(response: Response, body: bytes, content_type: str) -> Response:
    lengths = dict(zip(_OF_BODY, (content_type, str(len(body))), strict=True))
    headers = tuple((name, lengths.get(name.lower(), old)) for name, old in response.headers)
    return Response(response.status, header_text(headers), body, b"")


def with_header(response: Response, name: str, value: str | None, *, head: bool = False) -> Response:
    """Return the response with that header changed in its place, added at the end, or (None) left out."""
    kept: list[tuple[str, str]] = []
    for old_name, old in response.headers:
        if old_name.lower() != name.lower():
            kept.append((old_name, old))
        elif value is not None:
            kept.append((old_name, value))
    headers: Headers = tuple(kept)
    if value is not None and not any(old_name.lower() == name.lower() for old_name, _ in headers):
        headers += ((name, value),)
    return http.render(response.status, headers, response.body, head=head)


def header(response: Response, name: str) -> str | None:
    return next((value for key, value in response.headers if key.lower() == name.lower()), None)


# -- where an effect has something to do ----------------------------------------------------------------------------------


def _anywhere(effect: Attributes, scene: EffectContext) -> bool:
    return True


def _where_open(effect: Attributes, scene: EffectContext) -> bool:
    return scene.session_open


def _where_present(effect: Attributes, scene: EffectContext) -> bool:
    return scene.truth is not None and header(scene.truth, effect["name"]) is not None


def _where_altered(effect: Attributes, scene: EffectContext) -> bool:
    return scene.truth is not None and scene.alter(effect["form"], scene.truth) is not None


def _one_of_three(effect: Attributes) -> None:
    if sum(effect[name] is not None for name in ("seconds", "uniform", "lognormal")) != 1:
        raise ValueError("effect delay needs exactly one of seconds, uniform and lognormal")


def _no_body_on_204(effect: Attributes) -> None:
    if effect["code"] in _BODILESS and effect["body"] is not None:
        raise ValueError(f"effect.body must be left out: an answer with status {effect['code']} has no body")


class Effect(NamedTuple):
    """A row of the table. `sides[0]` is the default; `times` is the default of how often the rule fires.

    A rule whose effect has nothing to do at a request (`applies`) passes it over and keeps its budget.
    """

    about: str
    act: Callable[[Attributes, EffectContext, Dice], Change]
    sides: tuple[str, ...]
    attributes: Mapping[str, Attribute] = MappingProxyType({})
    times: int | None = None
    applies: Callable[[Attributes, EffectContext], bool] = _anywhere
    check: Callable[[Attributes], None] | None = None


_EITHER, _ONLY_AFTER = (BEFORE, AFTER), (AFTER,)

EFFECTS: dict[str, Effect] = {
    "status": Effect("that answer instead", _status, _EITHER, {
        "code": Attribute(*_CODE, "a status"),
        "body": Attribute(_body, {}, 'text, or JSON; left out: {"message": …} as the API has it', None),
        "headers": Attribute(_headers, {
            "type": "object", "additionalProperties": _VALUE_SCHEMA, "propertyNames": _NAME_SCHEMA, "maxProperties": MAX_HEADERS,
        }, "added or replaced", {}),
    }, check=_no_body_on_204),
    "delay": Effect("the true answer, later", _delay, _ONLY_AFTER, {
        "seconds": Attribute(*_SECONDS, "always that long", None),
        "uniform": Attribute(_uniform, {"type": "array", "items": _SECONDS[1], "minItems": 2, "maxItems": 2},
                             "anything from the first number of seconds to the second", None),
        "lognormal": Attribute(_lognormal, {
            "type": "object", "properties": {"median": _RATE[1], "sigma": number(0, MAX_SIGMA)[1]},
            "required": ["median", "sigma"], "additionalProperties": False,
        }, "mostly near the median of seconds, now and then far above it", None),
    }, check=_one_of_three),
    "reset": Effect("the connection reset (TCP RST)", _reset, _EITHER),
    "close": Effect("the connection closed, no answer", _close, _EITHER),
    "truncate": Effect("fewer bytes than promised, then the connection closed", _truncate, _ONLY_AFTER, {
        "bytes": Attribute(*_COUNT, "bytes of the body that are sent", 0),
    }),
    "malformed": Effect("bytes that are no HTTP, then the connection closed", _malformed, (AFTER, BEFORE)),
    "drip": Effect("the true answer, slowly", _drip, _ONLY_AFTER, {
        "bytesPerSecond": Attribute(*_RATE, "a speed"),
    }),
    "hang": Effect("silence until the client gives up", _hang, _EITHER, {
        "seconds": Attribute(*_SECONDS, "after that long the connection is closed", None),
    }),
    "expire_session": Effect("410, from now on", _untouched, _EITHER, _EVERY, 1, _where_open),
    "forget_session": Effect("404, from now on", _untouched, _EITHER, _EVERY, 1, _where_open),
    "drop_header": Effect("the true answer without that header", _drop_header, _ONLY_AFTER, {
        "name": Attribute(_header_name, _NAME_SCHEMA, "the header"),
    }, applies=_where_present),
    "set_header": Effect("the true answer with that header changed or added", _set_header, _ONLY_AFTER, {
        "name": Attribute(_header_name, _NAME_SCHEMA, "the header"),
        "value": Attribute(_header_value, _VALUE_SCHEMA,
                           "its value; {value}, {session} and {host} stand for the true value, the session id and the host"),
    }),
    "rate_limit": Effect("that status beyond the rate", _rate_limit, _EITHER, {
        "perSecond": Attribute(*_RATE, "how many requests a second are let through"),
        "code": Attribute(*_CODE, "the status of the others", 429),
        "retryAfter": Attribute(*_or_null(_COUNT), "seconds, sent as Retry-After; null: not sent", 1),
        "retryAfterAs": Attribute(_one_word("seconds", "date"), {"enum": ["seconds", "date"]}, "how it is sent", "seconds"),
    }),
    "alter": Effect("the true answer in a form of its API that breaks clients", _alter, _ONLY_AFTER, {
        "form": Attribute(_one_word(*FAULT_FORMS), {"enum": [*FAULT_FORMS]}, "the form"),
    }, applies=_where_altered),
}  # fmt: skip
