"""The rules in force: an immutable tuple that is swapped, what was counted for each, and what each still holds.

Not locked: the Emulator, which owns it, holds its lock around every call. It knows no clock; time is an argument.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import NamedTuple

from mcmock.faults.rule import FaultRule
from mcmock.faults.selection import Armed, Asked, FaultCounters, Fired, decide, is_active


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


class RulesSnapshot(NamedTuple):
    """Everything about the rules in force but what was counted: what another process needs to go by the same ones.

    What has the serial `dropped`, or a lower one, was in force before the last reset. `initial` are the rules that a reset
    goes back to.
    """

    armed: tuple[Armed, ...] = ()
    serial: int = 0
    dropped: int = 0
    initial: tuple[FaultRule, ...] = ()


class ActiveRules:
    """The rules in force: a snapshot that every change replaces, and what was counted for them."""

    def __init__(self, snapshot: RulesSnapshot | None = None, counters: FaultCounters | None = None) -> None:
        self.snapshot = RulesSnapshot() if snapshot is None else snapshot
        self.counters = FaultCounters() if counters is None else counters

    @property
    def armed(self) -> tuple[Armed, ...]:
        return self.snapshot.armed

    @property
    def initial(self) -> tuple[FaultRule, ...]:
        """The rules that a reset goes back to."""
        return self.snapshot.initial

    def decide(self, asked: Asked, seed: int) -> Fired | None:
        return decide(self.snapshot.armed, self.counters, asked, seed)

    def has(self, side: str) -> bool:
        """Return whether any rule is for that side: what is not asked costs nothing."""
        return any(one.rule.side == side for one in self.snapshot.armed)

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

    def _without(self, names: Collection[str]) -> tuple[tuple[Armed, ...], set[int]]:
        """The rules of other names, and the serials of those that have one of these."""
        armed = self.snapshot.armed
        kept = tuple(one for one in armed if one.rule.name not in names)
        return kept, {one.serial for one in armed if one.rule.name in names}

    def _arm(self, before: tuple[Armed, ...], rules: Iterable[FaultRule], now: float) -> tuple[FaultRule, ...]:
        names, serial, added = _Names(one.rule.name for one in before), self.snapshot.serial, []
        for rule in rules:
            serial += 1
            added.append(Armed(names.take(rule), serial, now))
        self.snapshot = self.snapshot._replace(armed=(*before, *added), serial=serial)
        return tuple(one.rule for one in added)

    # -- looking at them ----------------------------------------------------------------------------------------------

    def states(self, now: float) -> list[FaultState]:
        """Return the rules in force, in the order they are tried, with their hits."""
        return [self._state(one, now) for one in self.snapshot.armed]

    def _state(self, one: Armed, now: float) -> FaultState:
        hits, matched = self.counters.count(one.serial, "hits"), self.counters.count(one.serial, "matched")
        return FaultState(one.rule, hits, matched, is_active(one, self.counters, now))


class _Names:
    """The names that are taken. A rule without one gets that of its effect, with a number where that is taken."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}

    def take(self, rule: FaultRule) -> FaultRule:
        """Return the rule with its name. Raises ValueError for a name that is taken."""
        if rule.name in self._taken:
            raise ValueError(f'there is already a fault "{rule.name}": remove that one first, or choose another name')
        named = rule if rule.name else rule.named(self._free(rule.effect.replace("_", "-")))
        self._taken.add(named.name)
        return named

    def _free(self, wanted: str) -> str:
        number = self._numbers.get(wanted, 1)
        while (name := wanted if number == 1 else f"{wanted}-{number}") in self._taken:
            number += 1
        self._numbers[wanted] = number
        return name
