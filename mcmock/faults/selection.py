"""Which fault meets which request: a pure decision over the rules in force, what was counted so far, and one seed.

Rules of this file:

1. Rules are tried in the order they were added; the first one that fires wins, and later ones do not see the request.
2. A rule fires at a request that matches, after `skip` of them, with its `probability`, `times` at most, and while
   `for_seconds` last. A rate limit fires at what is beyond its rate.
3. The number drawn for a request depends on the seed, the rule's name, the session and the how-manieth matching request
   of that session it is, and on nothing else: other sessions, and how many connections they use, cannot change it.

4. What is counted per session is bounded: those of MAX_COUNTED that have had no request for longest are forgotten.

It knows no clock (time is an argument) and no random generator (numbers are hashes of what is written in rule 3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from functools import cached_property
from typing import NamedTuple

from mcmock.core.events import Event, EventFields
from mcmock.core.model import FaultHit, Finding, Kind, Outcome, Verdict
from mcmock.core.tables import DirectTable, Table, drop_oldest
from mcmock.faults.effects import Dice, EffectContext
from mcmock.faults.rule import SESSION, FaultRule

MAX_COUNTED = 100_000
"""Counts, and buckets of rates, that are kept per session, made-up ones and requests without one included: 25 and 35 MB."""


class ActiveRule(NamedTuple):
    """A rule in force. `serial` is never used again, so that what a removed rule held can be told from a new one's."""

    rule: FaultRule
    serial: int
    since: float


class Fired(NamedTuple):
    """A rule that fired: what the log keeps of it, and the dice for what its effect draws."""

    armed: ActiveRule
    hit: FaultHit
    dice: Dice


class FaultCounters:
    """What was counted for the rules in force: matching requests and hits, over all and per session, and rates.

    `part` is how much of what may be kept is kept here.
    """

    def __init__(
        self,
        counts: Table[tuple[int, str, str], int] | None = None,
        buckets: Table[tuple[int, str], tuple[float, float]] | None = None,
        part: float = 1.0,
    ) -> None:
        self.part = part
        self.counts = DirectTable[tuple[int, str, str], int]() if counts is None else counts
        self.buckets = DirectTable[tuple[int, str], tuple[float, float]]() if buckets is None else buckets

    def up(self, serial: int, what: str, key: str = "") -> int:
        """Count one more and return how many that makes."""
        place, count = (serial, what, key), self.count(serial, what, key) + 1
        if not key:
            self.counts.put(place, count)
            return count
        self.counts.move_to_end(place, count)  # the first ones are those that had no request for longest
        drop_oldest(self.counts, int(MAX_COUNTED * self.part), _is_total)
        return count

    def count(self, serial: int, what: str, key: str = "") -> int:
        return self.counts.get((serial, what, key)) or 0

    def takes(self, serial: int, key: str, per_second: float, now: float) -> bool:
        """Return whether one more request is within the rate: a bucket holds a second's worth, and at least one."""
        size = max(1.0, per_second)
        tokens, at = self.buckets.get((serial, key)) or (size, now)
        latest = max(at, now)  # a step back neither fills the bucket now nor when the time comes by again
        tokens = min(size, tokens + (latest - at) * per_second)
        within = tokens >= 1.0 - 1e-9
        self.buckets.move_to_end((serial, key), (tokens - 1.0 if within else tokens, latest))
        drop_oldest(self.buckets, int(MAX_COUNTED * self.part), _is_total)
        return within

    def forget(self, serials: Collection[int]) -> None:
        """Forget what was counted for the rules of these serials."""
        for place in self.counts.scan():
            if place[0] in serials:
                self.counts.remove(place)
        for key in self.buckets.scan():
            if key[0] in serials:
                self.buckets.remove(key)


def _is_total(place: tuple[int, str, str] | tuple[int, str]) -> bool:
    """Return whether it is counted over all sessions."""
    return not place[-1]


class FaultCandidate(EventFields):
    """A request that is being judged, as a Match looks at it; each costly part is worked out when a rule asks for it.

    `foresee` tells what the request will come to, after it was processed; before, no rule may ask (see `rule`).
    """

    def __init__(
        self,
        kind: Kind,
        event_type: str | None,
        session_id: str | None,
        scope: str,
        path: str,
        read_event: Callable[[], Event | None],
        verdict: Verdict = Verdict.FAULTED,
        status: int = 0,
        foresee: Callable[[], tuple[Outcome, tuple[Finding, ...]]] | None = None,
    ) -> None:
        self.kind, self.event_type, self.session_id = kind, event_type, session_id
        self.scope, self.path, self.verdict, self.status = scope, path, verdict, status
        self._read_event = read_event
        self._foresee = foresee

    def look_ahead(self) -> None:
        """Work out what the request comes to, whether a rule will ask or not."""
        assert self._foreseen

    @cached_property
    def _foreseen(self) -> tuple[Outcome, tuple[Finding, ...]]:
        return self._foresee() if self._foresee is not None else (Outcome.FAULTED, ())

    @property
    def outcome(self) -> Outcome:
        return self._foreseen[0]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self._foreseen[1]

    @cached_property
    def event(self) -> Event | None:  # type: ignore[override]
        return self._read_event()


class FaultQuery(NamedTuple):
    """A request that a fault may meet. `key` is its session, or what stands for one that is not open yet."""

    side: str
    seen: FaultCandidate
    scene: EffectContext
    key: str
    now: float


def decide(armed: tuple[ActiveRule, ...], counters: FaultCounters, asked: FaultQuery, seed: int) -> Fired | None:
    """Return the rule that fires at this request on this side, if any; counts what it looked at in `counters`."""
    for one in armed:
        rule = one.rule
        if rule.side == asked.side and _rests(one, asked.now) is False and rule.match.holds(asked.seen):
            fired = _fire(one, counters, asked, seed) if rule.row.applies(rule.attributes, asked.scene) else None
            if fired is not None:
                return fired
    return None


def _rests(armed: ActiveRule, now: float) -> bool:
    """Return whether the rule's time is up."""
    return armed.rule.for_seconds is not None and now >= armed.since + armed.rule.for_seconds


def is_active(armed: ActiveRule, counters: FaultCounters, now: float) -> bool:
    """Return whether the rule may still fire: its time is not up, and its `times` are not used up."""
    rule, hits = armed.rule, counters.count(armed.serial, "hits")
    return not _rests(armed, now) and (rule.times is None or rule.per == SESSION or hits < rule.times)


def _fire(armed: ActiveRule, counters: FaultCounters, asked: FaultQuery, seed: int) -> Fired | None:
    """The request matches: does the rule fire?"""
    rule, serial, key = armed.rule, armed.serial, asked.key
    per = key if rule.per == SESSION else ""
    matched = counters.up(serial, "matched")
    ordinal = counters.up(serial, "of session", key) if rule.probability < 1 or per or _draws(rule) else matched
    if (ordinal if per else matched) <= rule.skip:
        return None
    dice = _dice(seed, rule.name, key, ordinal)
    drawn = dice("hit") if rule.probability < 1 else None
    if drawn is not None and drawn >= rule.probability:
        return None
    if "perSecond" in rule.attributes and counters.takes(serial, per, rule.attributes["perSecond"], asked.now):
        return None
    if rule.times is not None and counters.up(serial, "taken", per) > rule.times:
        return None
    counters.up(serial, "hits")
    told = dice("seconds") if drawn is None and _draws(rule) else drawn
    return Fired(armed, FaultHit(rule.name, rule.effect, rule.side, told), dice)


def _draws(rule: FaultRule) -> bool:
    """Return whether the effect itself draws a number."""
    return rule.attributes.get("uniform") is not None or rule.attributes.get("lognormal") is not None


def _dice(seed: int, name: str, key: str, ordinal: int) -> Dice:
    def drawn(purpose: str) -> float:
        words = f"{seed}/{name}/{key}/{ordinal}/{purpose}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(words, digest_size=8).digest()) / 2**64

    return drawn
