"""Presets: named sets of faults, each an imitation of something that happens to real services and networks.

docs/faults.md says of each what it imitates, what a good client does, and what real SDKs do. The table is all there is:
a preset is its rules, and whoever applies one adds those.
"""

from __future__ import annotations

from typing import NamedTuple

from mcmock.core.model import COUNTED_KINDS
from mcmock.core.wording import shown
from mcmock.faults import builders
from mcmock.faults.rule import FaultRule

COUNTED = [str(kind) for kind in COUNTED_KINDS]
"""The requests that carry something to count; without preflights and schemas."""


class Preset(NamedTuple):
    name: str
    about: str  # what it imitates
    rules: tuple[FaultRule, ...]


# The forms of Location that break Adobe's own SDKs: a list made by trying them (docs/faults.md has it as a table).
_LOCATIONS = {
    "absolute": "http://{host}{value}",
    "prefixed": "/prefix{value}",
    "slash": "{value}/",
    "query": "{value}?x=1",
    "bare": "{session}",
}


def _bad_location(form: str, times: int | None) -> FaultRule:
    name = f"bad-location-{form}"
    if form == "missing":
        return builders.drop_header("Location", name=name, kind="session", times=times)
    return builders.set_header("Location", _LOCATIONS[form], name=name, kind="session", status=201, times=times)


def _preset(name: str, about: str, *rules: FaultRule) -> Preset:
    return Preset(name, about, tuple(rule if rule.name else rule.named(name) for rule in rules))


_FORMS = (*_LOCATIONS, "missing")

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (
    _preset("expired-session", "a session that the service has closed in the midst of a viewing: a ping meets 410, once",
            builders.expire_session(event="ping")),
    _preset("unknown-session", "a service that has lost a session, by a failover say: a ping meets 404, once",
            builders.forget_session(event="ping")),
    _preset("outage", "a service that is down for a minute: 503 to everything, counted nowhere",
            builders.status(503, None, {"Retry-After": "60"}, for_seconds=60)),
    _preset("flaky", "a service in trouble: one request in ten is reset, one in ten answered 500, none of them counted",
            builders.reset(name="flaky-reset", kind=COUNTED, probability=0.1),
            # of the nine in ten that the first rule leaves, a ninth
            builders.status(500, name="flaky-500", kind=COUNTED, probability=1 / 9)),
    _preset("slow-network", "a bad mobile connection: answers take 0.8 s, some of them several seconds",
            builders.delay(lognormal={"median": 0.8, "sigma": 0.8})),
    _preset("lost-answers", "a connection that breaks after the request got through: a third is counted, but never answered",
            builders.close(side="after", kind=COUNTED, probability=1 / 3)),
    _preset("slow-start", "a service that takes 7 s to open a session; the SDKs give up after 5",
            builders.delay(7, kind="session")),
    _preset("bad-location", "proxies and gateways that rewrite Location: one form for each new session, in turn",
            *(_bad_location(form, 1) for form in _FORMS)),
    *(_preset(f"bad-location-{form}", f"the same, always in the form {form}", _bad_location(form, None)) for form in _FORMS),
    _preset("no-cors", "a gateway that drops the header a browser needs to read any answer",
            builders.drop_header("Access-Control-Allow-Origin")),
    _preset("throttled", "a quota: one request a second for each session, 429 with Retry-After beyond",
            builders.rate_limit(1, kind=["session", "event"], per="session")),
    _preset("deploy", "a release without a store that outlives it: all sessions are forgotten at once, at the next event",
            builders.forget_session(every=True, kind="event")),
)}  # fmt: skip


def preset(name: str) -> tuple[FaultRule, ...]:
    """Return the rules of the preset of that name. Raises ValueError naming those there are."""
    if not isinstance(name, str) or name not in PRESETS:
        raise ValueError(f"there is no preset {shown(name)}; the presets are {', '.join(PRESETS)}")
    return PRESETS[name].rules
