"""One constructor per effect: `faults.status(503, event="ping", times=2)`.

Every one takes, beside what its effect is told, the fields of a Match (`event`, `session`, `params`, …) and what all rules
share (`name`, `side`, `skip`, `times`, `probability`, `per`, `for_seconds`). All raise ValueError naming the field that is
wrong and what may stand there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Unpack

from mcmock.core.match import NAMES, Match, MatchFields
from mcmock.core.wording import shown
from mcmock.faults.effects import number
from mcmock.faults.rule import FaultRule, rule_from_json

_SHARED = {"name": "name", "side": "side", "skip": "skip", "times": "times", "probability": "probability", "per": "per",
           "for_seconds": "forSeconds"}  # fmt: skip


class Envelope(MatchFields, total=False):
    """What every constructor takes."""

    name: str
    side: str
    skip: int
    times: int | None
    probability: float
    per: str
    for_seconds: float | None
    match: Any


def status(
    code: int, body: Any = None, headers: Mapping[str, str] | None = None, **envelope: Unpack[Envelope]
) -> FaultRule:
    """That answer instead of the true one. `body` is text or JSON; without it the API's own `{"message": …}`."""
    return _make("status", envelope, code=code, body=body, headers={} if headers is None else headers)


def delay(
    seconds: float | None = None,
    *,
    uniform: tuple[float, float] | None = None,
    lognormal: Mapping[str, float] | None = None,
    **envelope: Unpack[Envelope],
) -> FaultRule:
    """The true answer, later: `seconds`, or drawn from `uniform` (least, most) or `lognormal` {"median", "sigma"}."""
    return _make("delay", envelope, seconds=seconds, uniform=uniform, lognormal=lognormal)


def reset(**envelope: Unpack[Envelope]) -> FaultRule:
    """The connection reset (TCP RST)."""
    return _make("reset", envelope)


class Refusal(NamedTuple):
    """A fault of the whole server, which no request meets: for so many seconds nobody listens."""

    for_seconds: float


def refuse(*, for_seconds: float) -> Refusal:
    """Connections refused for so many seconds of the emulator's clock, at most 3,600; those that are open are closed.

    For `mcmock_server.faults.add`; the control API has `POST /__admin/refusal`. Raises ValueError for another number.
    """
    return _refusal("for_seconds", for_seconds)


def refusal_from_json(value: Any) -> Refusal:
    """Return the refusal that `{"forSeconds": 30}` describes. Raises ValueError for anything else."""
    if not isinstance(value, Mapping) or list(value) != ["forSeconds"]:
        raise ValueError(f'a refusal is {{"forSeconds": 30}}, say, not {shown(value)}')
    return _refusal("forSeconds", value["forSeconds"])


_REFUSED_FOR = number(0, 3600, above=True)
REFUSAL_SCHEMA = {"forSeconds": _REFUSED_FOR[1]}
"""The one key of a refusal, as JSON Schema."""


def _refusal(field: str, seconds: Any) -> Refusal:
    try:
        return Refusal(_REFUSED_FOR[0](seconds))
    except ValueError as error:
        raise ValueError(f"fault: {field} {error}") from None


def close(**envelope: Unpack[Envelope]) -> FaultRule:
    """The connection closed without an answer."""
    return _make("close", envelope)


def truncate(bytes: int = 0, **envelope: Unpack[Envelope]) -> FaultRule:
    """So many `bytes` of the body, fewer than the answer promises, then the connection closed."""
    return _make("truncate", envelope, bytes=bytes)


def malformed(**envelope: Unpack[Envelope]) -> FaultRule:
    """Bytes that are no HTTP, then the connection closed."""
    return _make("malformed", envelope)


def drip(bytes_per_second: float, **envelope: Unpack[Envelope]) -> FaultRule:
    """The true answer, slowly."""
    return _make("drip", envelope, bytesPerSecond=bytes_per_second)


def hang(seconds: float | None = None, **envelope: Unpack[Envelope]) -> FaultRule:
    """Silence until the client gives up, or until `seconds` have passed and the connection is closed."""
    return _make("hang", envelope, seconds=seconds)


def expire_session(*, every: bool = False, **envelope: Unpack[Envelope]) -> FaultRule:
    """The session is gone: 410 from now on. `every` expires all open sessions at once. Fires once unless told otherwise."""
    return _make("expire_session", envelope, every=every)


def forget_session(*, every: bool = False, **envelope: Unpack[Envelope]) -> FaultRule:
    """The session was never there: 404 from now on. `every` forgets all of them. Fires once unless told otherwise."""
    return _make("forget_session", envelope, every=every)


def drop_header(header: str, /, **envelope: Unpack[Envelope]) -> FaultRule:
    """The true answer without that header."""
    return _make("drop_header", envelope, name=header)


def set_header(header: str, value: str, /, **envelope: Unpack[Envelope]) -> FaultRule:
    """The true answer with that header changed or added; `{value}`, `{session}` and `{host}` stand for the true ones."""
    return _make("set_header", envelope, name=header, value=value)


def rate_limit(
    per_second: float,
    *,
    code: int = 429,
    retry_after: int | None = 1,
    retry_after_as: str = "seconds",
    **envelope: Unpack[Envelope],
) -> FaultRule:
    """`code` for the requests beyond `per_second`, with `retry_after` seconds as Retry-After (None: without).

    `retry_after_as` "date" sends the moment instead, as an HTTP date.
    """
    limits = {"perSecond": per_second, "code": code, "retryAfter": retry_after, "retryAfterAs": retry_after_as}
    return _make("rate_limit", envelope, **limits)


def alter(form: str, /, **envelope: Unpack[Envelope]) -> FaultRule:
    """The true answer in a form of its API that breaks clients, such as "not-streamed"; what has no such form passes."""
    return _make("alter", envelope, form=form)


def _make(effect: str, envelope: Mapping[str, Any], **attributes: Any) -> FaultRule:
    value: dict[str, Any] = {"effect": {"type": effect, **attributes}}
    match = _given(envelope.get("match"))
    for key, given in envelope.items():
        if key in _SHARED:
            value[_SHARED[key]] = given
        elif key in NAMES:
            match[key] = given
        elif key != "match":
            raise ValueError(f"faults.{effect} knows no {key}; it takes {', '.join((*_SHARED, 'match', *NAMES))}")
    return rule_from_json({**value, "match": match})


def _given(match: Any) -> dict[str, Any]:
    """What is asked by a Match, or by a mapping that could be one."""
    wanted = match.wanted if isinstance(match, Match) else match
    if wanted is not None and not isinstance(wanted, Mapping):
        raise ValueError(f'fault: match must be a mapping such as {{"event": "ping"}}, not {shown(match)}')
    return dict(wanted or {})
