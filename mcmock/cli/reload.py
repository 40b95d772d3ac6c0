"""`--watch`: applies what has changed in the config, the faults and the plan, and says what takes a new start.

When a file is bad, everything stays as it was, and one line says why. A file is looked at by its size and time of change, and
begins what is in force: a reset goes back to it, and what the control API has changed since then is replaced with it. The
options are known by their table.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcmock import faults
from mcmock.cli import config
from mcmock.cli.options import LIVE, OPTIONS, Settings
from mcmock.cli.service import faults_of, load_plan, plan_of
from mcmock.engine import policy

if TYPE_CHECKING:
    from mcmock.analytics.plan import Plan
    from mcmock.faults import FaultRule
    from mcmock.server import Service

EVERY = 0.25
"""Seconds between two looks."""

Load = Callable[[Path], Any]
Begin = Callable[[Any], Any]
Say = Callable[[str], None]
Told = Callable[[Any], str]


def _count_faults(rules: tuple[FaultRule, ...]) -> str:
    return f"{len(rules)} {'fault' if len(rules) == 1 else 'faults'}"


def _rules_in(path: Path) -> tuple[FaultRule, ...]:
    return faults.load_file(path)


class WatchedFile:
    """A file, as it was when last looked at.

    `begin` takes the rules (`Emulator.begin_with_faults`), `say` one line for the terminal. `load` reads the file; another
    than the default for one whose faults stand among other things, such as mcmock.toml, or for one of another kind. `what` is
    in it, and `told` words what was read.
    """

    def __init__(
        self,
        path: Path,
        begin: Begin,
        say: Say,
        load: Load = _rules_in,
        what: str = "faults",
        told: Told = _count_faults,
    ) -> None:
        self._path, self._begin, self._say, self._load, self._what, self._told = path, begin, say, load, what, told
        self._known = self._signature()

    def look(self) -> bool:
        """Read the file if it has changed since the last look; whether its rules are now in force."""
        signature = self._signature()
        if signature == self._known:
            return False
        self._known = signature
        try:
            rules = self._load(self._path)
            self._begin(rules)
        except Exception as error:  # whatever it is: nothing ends the watch unnoticed
            why = str(error) if isinstance(error, ValueError) else f"{self._path}: {_why(error)}"
            self._say(f"mcmock: {why}; the {self._what} stay as they were")
            return False
        self._say(f"mcmock: {self._path} was read again: {self._told(rules)}")
        return True

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"mcmock failed: {error!r}"


async def watch(file: WatchedFile, every: float = EVERY) -> None:
    """Look at the file until cancelled."""
    while True:
        await asyncio.sleep(every)
        file.look()


class Reload:
    """The settings of a running server, and the files they came from."""

    def __init__(self, service: Service, settings: Settings, say: Callable[[str], None]) -> None:
        self._service, self._settings, self._say = service, settings, say

    def files(self) -> list[WatchedFile]:
        """Return the files to look at, each with what to do when it has changed."""
        files = []
        if self._settings.file is not None:
            files.append(WatchedFile(self._settings.file, self._begin, self._say, self._read_config))
        if (faults := self._settings.values["faults"]) is not None:
            files.append(WatchedFile(faults, self._begin, self._say, self._read_faults))
        if (plan := self._settings.values["plan"]) is not None:
            files.append(WatchedFile(plan, self._begin_plan, self._say, load_plan, "rows of the plan", _count))
        return files

    def _read_faults(self, _: Path) -> tuple[FaultRule, ...]:
        return faults_of(self._settings)

    def _read_config(self, _: Path) -> tuple[FaultRule, ...]:
        """Return the rules that the config now comes to; the options that can change have changed. Raises ValueError."""
        try:
            new = config.reread(self._settings)
        except click.UsageError as error:
            raise ValueError(error.message) from None
        rules, plan = faults_of(new), plan_of(new)
        self._configure(new.values)
        self._begin_plan(plan)
        old = self._settings.values
        for name in [name for name in OPTIONS if name not in LIVE and new.values[name] != old[name]]:
            self._say(f"mcmock: {OPTIONS[name].key} has changed: restart mcmock to apply it")
        self._settings = new
        return rules

    def _configure(self, values: dict[str, Any]) -> None:
        for emulator in self._service.scopes.each():
            emulator.configure(seed=emulator.seed, **{name: values[name] for name in policy.LIVE})

    def _begin(self, rules: Any) -> None:
        for emulator in self._service.scopes.each():
            emulator.begin_with_faults(rules)

    def _begin_plan(self, plan: Plan | None) -> None:
        for emulator in self._service.scopes.each():
            emulator.begin_with_plan(plan)


def _count(plan: Plan) -> str:
    return f"{len(plan.items)} {'row' if len(plan.items) == 1 else 'rows'}"
