"""Which fault meets which request: a pure decision over the rules in force, what was counted so far, and one seed.

Rules of this file:

1. Rules are tried in the order they were added; the first one that fires wins, and later ones do not see the request.
2. A rule fires at a request that matches, after `skip` of them, with its `probability`, `times` at most, and while
   `for_seconds` last. A rate limit fires at what is beyond its rate.
3. The number drawn for a request depends on the seed, the rule's name, the session and the how-manieth matching request
   of that session it is, and on nothing else: other sessions, and how many connections they use, cannot change it.

4. What is counted per session is bounded: those of MOST_TALLIED that have had no request for longest are forgotten.

It knows no clock (time is an argument) and no random generator (numbers are hashes of what is written in rule 3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

from mcmock.core.model import BodyParts, FaultHit, Finding, Kind, Outcome, Verdict
from mcmock.engine import weights
from mcmock.faults.effects import Dice, Scene
from mcmock.faults.rule import SESSION, FaultRule

MOST_TALLIED = 100_000
"""Counts, and buckets of rates, that are kept per session, made-up ones and requests without one included: 25 and 35 MB."""


class Armed(NamedTuple):
    """A rule in force. `serial` is never used again, so that what a removed rule held can be told from a new one's."""

    rule: FaultRule
    serial: int
    since: float


class Fired(NamedTuple):
    """A rule that fired: what the log keeps of it, and the dice for what its effect draws."""

    armed: Armed
    hit: FaultHit
    dice: Dice


class Tally:
    """What was counted for the rules in force: matching requests and hits, over all and per session, and rates.

    `part` is how much of what may be kept is kept here.
    """

    part = 1.0

    def __init__(self) -> None:
        self.counts: dict[tuple[int, str, str], int] = {}
        self.buckets: dict[tuple[int, str], tuple[float, float]] = {}

    def up(self, serial: int, what: str, key: str = "") -> int:
        """One more; returns how many that makes."""
        place = serial, what, key
        if not key:
            count = self.counts[place] = self.counts.get(place, 0) + 1
            return count
        count = self.counts.pop(place, 0) + 1
        self.counts[place] = count  # behind all others: the first ones are those that had no request for longest
        weights.drop_oldest(self.counts, int(MOST_TALLIED * self.part), _is_total)
        return count

    def count(self, serial: int, what: str, key: str = "") -> int:
        return self.counts.get((serial, what, key), 0)

    def takes(self, serial: int, key: str, per_second: float, now: float) -> bool:
        """Whether one more request is within the rate: a bucket that holds a second's worth, and at least one."""
        size = max(1.0, per_second)
        tokens, at = self.buckets.pop((serial, key), (size, now))
        latest = max(at, now)  # a step back neither fills the bucket now nor when the time comes by again
        tokens = min(size, tokens + (latest - at) * per_second)
        within = tokens >= 1.0 - 1e-9
        self.buckets[serial, key] = (tokens - 1.0 if within else tokens, latest)
        weights.drop_oldest(self.buckets, int(MOST_TALLIED * self.part), _is_total)
        return within

    def forget(self, serial: int) -> None:
        for place in [place for place in self.counts if place[0] == serial]:
            del self.counts[place]
        for key in [key for key in self.buckets if key[0] == serial]:
            del self.buckets[key]


def _is_total(place: tuple[int, str, str] | tuple[int, str]) -> bool:
    """Whether it is counted over all sessions."""
    return not place[-1]


class Seen(BodyParts):
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
        read_body: Callable[[], Any],
        verdict: Verdict = Verdict.FAULTED,
        status: int = 0,
        foresee: Callable[[], tuple[Outcome, tuple[Finding, ...]]] | None = None,
    ) -> None:
        self.kind, self.event_type, self.session_id = kind, event_type, session_id
        self.scope, self.path, self.verdict, self.status = scope, path, verdict, status
        self._read_body = read_body
        self._foresee = foresee

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
    def body(self) -> Any:
        return self._read_body()


class Asked(NamedTuple):
    """A request that a fault may meet. `key` is its session, or what stands for one that is not open yet."""

    side: str
    seen: Seen
    scene: Scene
    key: str
    now: float


def decide(armed: tuple[Armed, ...], tally: Tally, asked: Asked, seed: int) -> Fired | None:
    """The rule that fires at this request on this side, if any; counts what it looked at in `tally`."""
    for one in armed:
        rule = one.rule
        if rule.side == asked.side and _rests(one, asked.now) is False and rule.match.holds(asked.seen):
            fired = _fire(one, tally, asked, seed) if rule.row.applies(rule.attributes, asked.scene) else None
            if fired is not None:
                return fired
    return None


def _rests(armed: Armed, now: float) -> bool:
    """Whether the rule's time is up."""
    return armed.rule.for_seconds is not None and now >= armed.since + armed.rule.for_seconds


def is_active(armed: Armed, tally: Tally, now: float) -> bool:
    """Whether the rule may still fire: its time is not up, and its `times` are not used up."""
    rule, hits = armed.rule, tally.count(armed.serial, "hits")
    return not _rests(armed, now) and (rule.times is None or rule.per == SESSION or hits < rule.times)


def _fire(armed: Armed, tally: Tally, asked: Asked, seed: int) -> Fired | None:
    """The request matches: does the rule fire?"""
    rule, serial, key = armed.rule, armed.serial, asked.key
    per = key if rule.per == SESSION else ""
    matched = tally.up(serial, "matched")
    ordinal = tally.up(serial, "of session", key) if rule.probability < 1 or per or _draws(rule) else matched
    if (ordinal if per else matched) <= rule.skip:
        return None
    dice = _dice(seed, rule.name, key, ordinal)
    drawn = dice("hit") if rule.probability < 1 else None
    if drawn is not None and drawn >= rule.probability:
        return None
    if "perSecond" in rule.attributes and tally.takes(serial, per, rule.attributes["perSecond"], asked.now):
        return None
    if rule.times is not None and tally.up(serial, "taken", per) > rule.times:
        return None
    tally.up(serial, "hits")
    told = dice("seconds") if drawn is None and _draws(rule) else drawn
    return Fired(armed, FaultHit(rule.name, rule.effect, rule.side, told), dice)


def _draws(rule: FaultRule) -> bool:
    """Whether the effect itself draws a number."""
    return rule.attributes.get("uniform") is not None or rule.attributes.get("lognormal") is not None


def _dice(seed: int, name: str, key: str, ordinal: int) -> Dice:
    def drawn(purpose: str) -> float:
        words = f"{seed}/{name}/{key}/{ordinal}/{purpose}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(words, digest_size=8).digest()) / 2**64

    return drawn
