"""The rules in force: an immutable tuple that is swapped, what was counted for each, and what each still holds.

Not locked: the Emulator, which owns it, holds its lock around every call. It knows no clock; time is an argument.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from mcmock.faults.rule import FaultRule
from mcmock.faults.selection import Armed, Asked, Fired, Tally, decide, is_active

MOST_RULES = 5000
"""Rules in force at once."""


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


class Standing(NamedTuple):
    """Everything about the rules in force but what was counted: what another process needs to go by the same ones."""

    armed: tuple[Armed, ...]
    serial: int
    dropped: int
    initial: tuple[FaultRule, ...]


class InForce:
    """`initial` are the rules that it begins with, and goes back to at a reset."""

    def __init__(self, initial: Iterable[FaultRule] = (), now: float = 0.0) -> None:
        self.armed: tuple[Armed, ...] = ()
        self._part = 1.0
        self._serial = 0
        self._dropped = 0  # what has this serial, or a lower one, was in force before the last reset
        self._initial = tuple(initial)
        self.replace(self._initial, now)

    @property
    def standing(self) -> Standing:
        return Standing(self.armed, self._serial, self._dropped, self._initial)

    @property
    def tally(self) -> Tally:
        return self._tally

    def stand(self, standing: Standing, tally: Tally) -> None:
        """Go on from there, with what was counted so far."""
        self.armed, self._serial, self._dropped, self._initial = standing
        self._keep(tally)

    @property
    def part(self) -> float:
        """How much of what may be counted per session is kept here."""
        return self._part

    @part.setter
    def part(self, part: float) -> None:
        self._part = self._tally.part = part

    def _keep(self, tally: Tally) -> None:
        self._tally = tally
        tally.part = self._part

    @property
    def initial(self) -> tuple[FaultRule, ...]:
        """The rules that a reset goes back to."""
        return self._initial

    def decide(self, asked: Asked, seed: int) -> Fired | None:
        return decide(self.armed, self._tally, asked, seed)

    def has(self, side: str) -> bool:
        """Whether any rule is for that side: what is not asked costs nothing."""
        return any(one.rule.side == side for one in self.armed)

    def hold(self, serial: int) -> Hold:
        if any(one.serial == serial for one in self.armed):
            return Hold.HELD
        return Hold.DROPPED if serial <= self._dropped else Hold.FREED

    # -- changing them ------------------------------------------------------------------------------------------------

    def add(self, rule: FaultRule, now: float) -> FaultRule:
        """Put the rule behind the others; returns it with its name. Raises ValueError for a name that is taken."""
        return self.extend([rule], now)[0]

    def extend(self, rules: Iterable[FaultRule], now: float) -> tuple[FaultRule, ...]:
        """`add` for several: all of them, or none."""
        return self._arm(self.armed, rules, now)

    def put(self, rules: Iterable[FaultRule], now: float) -> tuple[FaultRule, ...]:
        """Add the rules, each in exchange for the one of its name, if there is one: all of them, or none."""
        rules = tuple(rules)
        names = {rule.name for rule in rules}
        gone = [one for one in self.armed if one.rule.name in names]
        named = self._arm(tuple(one for one in self.armed if one.rule.name not in names), rules, now)
        for one in gone:
            self._tally.forget(one.serial)
        return named

    def replace(self, rules: Iterable[FaultRule], now: float) -> tuple[FaultRule, ...]:
        """These rules instead of all others, counted afresh. Raises ValueError, and changes nothing, if two share a name."""
        named = self._arm((), rules, now)
        self._keep(Tally())
        return named

    def _arm(self, others: tuple[Armed, ...], rules: Iterable[FaultRule], now: float) -> tuple[FaultRule, ...]:
        """Let the rules be in force behind those others, and nothing else; returns them with their names."""
        named = _with_names([one.rule.name for one in others], tuple(rules))
        if len(others) + len(named) > MOST_RULES:
            raise ValueError(f"at most {MOST_RULES:,} faults may be in force: each is looked at for every request")
        armed = tuple(Armed(rule, self._serial + number, now) for number, rule in enumerate(named, 1))
        self._serial += len(named)
        self.armed = (*others, *armed)
        return named

    def remove(self, name: str) -> bool:
        gone = [one for one in self.armed if one.rule.name == name]
        for one in gone:
            self._tally.forget(one.serial)
        self.armed = tuple(one for one in self.armed if one.rule.name != name)
        return bool(gone)

    def begin_with(self, rules: Iterable[FaultRule], now: float) -> tuple[FaultRule, ...]:
        """Put these in the place of all, now and at each reset."""
        initial = tuple(rules)
        named = self.replace(initial, now)
        self._initial = initial
        return named

    def reset(self, now: float) -> None:
        """Back to the rules it began with; what any rule held is dropped."""
        self._dropped = self._serial
        self.replace(self._initial, now)

    # -- looking at them ----------------------------------------------------------------------------------------------

    def states(self, now: float) -> list[FaultState]:
        return [self._state(one, now) for one in self.armed]

    def _state(self, one: Armed, now: float) -> FaultState:
        hits, matched = self._tally.count(one.serial, "hits"), self._tally.count(one.serial, "matched")
        return FaultState(one.rule, hits, matched, is_active(one, self._tally, now))


def _with_names(others: Iterable[str], rules: tuple[FaultRule, ...]) -> tuple[FaultRule, ...]:
    """The rules, each with a name of its own. Raises ValueError where one has a name that is taken."""
    taken = set(others)
    for rule in rules:
        if rule.name in taken:
            raise ValueError(f'there is already a fault "{rule.name}": remove that one first, or choose another name')
        if rule.name:
            taken.add(rule.name)
    tried: Counter[str] = Counter()
    return tuple(rule if rule.name else rule.named(_free_name(rule, taken, tried)) for rule in rules)


def _free_name(rule: FaultRule, taken: set[str], tried: Counter[str]) -> str:
    """A name by the rule's effect, from now on taken; `tried` is up to which number all names of that effect are."""
    name = wanted = rule.effect.replace("_", "-")
    while name in taken or not tried[wanted]:
        tried[wanted] += 1
        name = wanted if tried[wanted] == 1 else f"{wanted}-{tried[wanted]}"
    taken.add(name)
    return name
