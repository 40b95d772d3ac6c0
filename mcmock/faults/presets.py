"""Presets: named sets of faults, each an imitation of something that happens to real services and networks.

docs/faults.md says of each what it imitates, what a good client does, and what real SDKs do. A preset is its rules, and
whoever applies one adds those. Here are the presets that know no header and no body; an API has those of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mcmock.core.model import COUNTED_KINDS
from mcmock.core.wording import shown
from mcmock.faults import builders
from mcmock.faults.rule import FaultRule, rule_from_json
from mcmock.protocols.registry import FAULT_PRESETS

COUNTED = [str(kind) for kind in COUNTED_KINDS]
"""The requests that carry something to count; without preflights and schemas."""


class Preset(NamedTuple):
    """`apis` are those whose requests it can meet."""

    name: str
    about: str  # what it imitates
    rules: tuple[FaultRule, ...]
    apis: tuple[str, ...]


def _preset(name: str, about: str, *rules: FaultRule) -> Preset:
    """Return a preset that knows nothing of any API, and so is for all of them."""
    return Preset(name, about, tuple(rule if rule.name else rule.named(name) for rule in rules), tuple(FAULT_PRESETS))


_GENERAL = (
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
    _preset("throttled", "a quota: one request a second for each session, 429 with Retry-After beyond",
            builders.rate_limit(1, kind=["session", "event"], per="session")),
    _preset("throttled-date", "the same, with a date as Retry-After",
            builders.rate_limit(1, retry_after=2, retry_after_as="date", kind=["session", "event"], per="session")),
    _preset("deploy", "a release without a store that outlives it: all sessions are forgotten at once, at the next event",
            builders.forget_session(every=True, kind="event")),
)  # fmt: skip


def _of_apis() -> Iterator[Preset]:
    """Yield the presets of each API, one that several have once, with the rules of all."""
    owned = [(api, one) for api, presets in FAULT_PRESETS.items() for one in presets]
    for name in dict.fromkeys(one.name for _, one in owned):
        sharing = [(api, one) for api, one in owned if one.name == name]
        rules = [rule_from_json({"name": name, **rule}) for _, one in sharing for rule in one.rules]
        yield Preset(name, sharing[0][1].about, tuple(dict.fromkeys(rules)), tuple(api for api, _ in sharing))


PRESETS: dict[str, Preset] = {preset.name: preset for preset in (*_GENERAL, *_of_apis())}


def preset(name: str) -> tuple[FaultRule, ...]:
    """Return the rules of the preset of that name. Raises ValueError naming those there are."""
    if not isinstance(name, str) or name not in PRESETS:
        raise ValueError(f"there is no preset {shown(name)}; the presets are {', '.join(PRESETS)}")
    return PRESETS[name].rules
