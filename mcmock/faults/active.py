"""The rules in force: an immutable tuple that is swapped, what was counted for each, and what each still holds.

Not locked: the Emulator, which owns it, holds its lock around every call. It knows no clock; time is an argument.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from mcmock.core import turns
from mcmock.core.paging import page_by_name
from mcmock.faults.rule import FaultRule
from mcmock.faults.selection import ActiveRule, FaultCounters, FaultQuery, Fired, decide, is_active

MAX_RULES = 5_000
"""Rules in force at a time: each is looked at for every request."""


class Hold(StrEnum):
    """How it stands with an answer that a rule delays, drips or keeps back."""

    HELD = "held"
    FREED = "freed"  # the rule was removed: go on at once
    DROPPED = "dropped"  # everything was reset: never answer


class FaultState(NamedTuple):
    """A rule in force, how many requests matched it, how many it hit, and whether it may still fire."""

    rule: FaultRule
    hits: int
    matched: int
    active: bool


class FaultPage(NamedTuple):
    """Some of the rules in force, and how many there are. `next` is the name behind which the next page begins."""

    states: Sequence[FaultState]
    total: int
    next: str | None


class RulesSnapshot(NamedTuple):
    """Everything about the rules in force but what was counted: what another process needs to go by the same ones.

    What has the serial `dropped`, or a lower one, was in force before the last reset. `initial` are the rules that a reset
    goes back to.
    """

    armed: tuple[ActiveRule, ...] = ()
    serial: int = 0
    dropped: int = 0
    initial: tuple[FaultRule, ...] = ()


class ActiveRules:
    """The rules in force: a snapshot that every change replaces, and what was counted for them."""

    def __init__(self, snapshot: RulesSnapshot | None = None, counters: FaultCounters | None = None) -> None:
        self.snapshot = RulesSnapshot() if snapshot is None else snapshot
        self.counters = FaultCounters() if counters is None else counters

    @property
    def armed(self) -> tuple[ActiveRule, ...]:
        return self.snapshot.armed

    @property
    def initial(self) -> tuple[FaultRule, ...]:
        """The rules that a reset goes back to."""
        return self.snapshot.initial

    def decide(self, asked: FaultQuery, seed: int) -> Fired | None:
        return decide(self.snapshot.armed, self.counters, asked, seed)

    def has(self, side: str) -> bool:
        """Return whether any rule is for that side: what is not asked costs nothing."""
        return any(one.rule.side == side for one in self.snapshot.armed)

    def foresee(self) -> bool:
        """Return whether any rule asks what a request comes to."""
        return any(one.rule.foresees for one in self.snapshot.armed)

    def hold(self, serial: int) -> Hold:
        """Return how it stands with an answer that the rule of that serial holds back."""
        if any(one.serial == serial for one in self.snapshot.armed):
            return Hold.HELD
        return Hold.DROPPED if serial <= self.snapshot.dropped else Hold.FREED

    # -- changing them ------------------------------------------------------------------------------------------------

    def extend(self, rules: Iterable[FaultRule], now: float) -> tuple[FaultRule, ...]:
        """Put rules behind the others, all or none. Returns them with their names. Raises ValueError for a name taken."""
        return self._arm(self.snapshot.armed, rules, now)

    def put(self, rules: Iterable[FaultRule], now: float) -> tuple[FaultRule, ...]:
        """Add the rules, each in exchange for the one of its name, if there is one."""
        rules = tuple(rules)
        names = {rule.name for rule in rules}
        kept, gone = self._without(names)
        named = self._arm(kept, rules, now)
        self.counters.forget(gone)
        return named

    def replace(self, rules: Iterable[FaultRule], now: float) -> tuple[FaultRule, ...]:
        """These rules instead of all others, counted afresh. Raises ValueError, and changes nothing, if two share a name."""
        gone = {one.serial for one in self.snapshot.armed}
        named = self._arm((), rules, now)
        self.counters.forget(gone)
        return named

    def remove(self, name: str) -> bool:
        """Lift the rule of that name. Returns False if there is none."""
        kept, gone = self._without({name})
        self.snapshot = self.snapshot._replace(armed=kept)
        self.counters.forget(gone)
        return bool(gone)

    def begin_with(self, rules: Iterable[FaultRule], now: float) -> tuple[FaultRule, ...]:
        """Put these in the place of all, now and at each reset."""
        initial = tuple(rules)
        named = self.replace(initial, now)
        self.snapshot = self.snapshot._replace(initial=initial)
        return named

    def reset(self, now: float) -> None:
        """Back to the rules it began with; what any rule held is dropped."""
        self.snapshot = self.snapshot._replace(dropped=self.snapshot.serial)
        self.replace(self.snapshot.initial, now)

    def _without(self, names: Collection[str]) -> tuple[tuple[ActiveRule, ...], set[int]]:
        """Return the rules of other names, and the serials of those that have one of these."""
        armed = self.snapshot.armed
        kept = tuple(one for one in armed if one.rule.name not in names)
        return kept, {one.serial for one in armed if one.rule.name in names}

    def _arm(self, others: tuple[ActiveRule, ...], rules: Iterable[FaultRule], now: float) -> tuple[FaultRule, ...]:
        """Let the rules be in force behind those others, and nothing else; returns them with their names."""
        named, serial = _with_names([one.rule.name for one in others], tuple(rules)), self.snapshot.serial
        if len(others) + len(named) > MAX_RULES:
            raise ValueError(f"at most {MAX_RULES:,} faults may be in force: each is looked at for every request")
        armed = (ActiveRule(rule, serial + number, now) for number, rule in enumerate(named, 1))
        self.snapshot = self.snapshot._replace(armed=(*others, *armed), serial=serial + len(named))
        return named

    # -- looking at them ----------------------------------------------------------------------------------------------

    def states(self, now: float) -> list[FaultState]:
        """Return the rules in force, in the order they are tried, with their hits."""
        return [self._state(one, now) for one in self.snapshot.armed]

    def page(self, now: float, since: str | None, limit: int | None) -> FaultPage:
        """Return at most `limit` of them, those behind the rule `since`. Raises ValueError where there is no such rule."""
        armed = self.snapshot.armed
        shown, further = page_by_name(armed, lambda one: one.rule.name, since, limit)
        return FaultPage([self._state(one, now) for one in turns.paused(shown)], len(armed), further)

    def state(self, name: str, now: float) -> FaultState | None:
        """Return the rule of that name with its hits, None if there is none in force."""
        named = next((one for one in self.snapshot.armed if one.rule.name == name), None)
        return self._state(named, now) if named is not None else None

    def _state(self, one: ActiveRule, now: float) -> FaultState:
        hits, matched = self.counters.count(one.serial, "hits"), self.counters.count(one.serial, "matched")
        return FaultState(one.rule, hits, matched, is_active(one, self.counters, now))


def _with_names(others: Iterable[str], rules: tuple[FaultRule, ...]) -> tuple[FaultRule, ...]:
    """Return the rules, each with a name of its own. Raises ValueError where one has a name that is taken."""
    taken = set(others)
    for rule in rules:
        if rule.name in taken:
            raise ValueError(f'there is already a fault "{rule.name}": remove that one first, or choose another name')
        if rule.name:
            taken.add(rule.name)
    tried: Counter[str] = Counter()
    return tuple(rule if rule.name else rule.named(_free_name(rule, taken, tried)) for rule in rules)


def _free_name(rule: FaultRule, taken: set[str], tried: Counter[str]) -> str:
    """That of its effect, with the lowest number that makes it one of its own; now taken, too."""
    wanted = rule.effect.replace("_", "-")
    while True:
        tried[wanted] += 1
        name = wanted if tried[wanted] == 1 else f"{wanted}-{tried[wanted]}"
        if name not in taken:
            taken.add(name)
            return name
