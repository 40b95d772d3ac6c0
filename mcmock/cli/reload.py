"""`--watch`: applies what has changed in the config, the faults and the plan, and says what takes a new start.

When a file is bad, everything stays as it was, and one line says why. It looks at files by `WatchedFile`, and knows the
options by their table.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcmock.cli import config
from mcmock.cli.file_watch import WatchedFile
from mcmock.cli.options import LIVE, OPTIONS, Settings
from mcmock.cli.service import faults_of, load_plan, plan_of
from mcmock.engine import policy

if TYPE_CHECKING:
    from mcmock.analytics.plan import Plan
    from mcmock.faults import FaultRule
    from mcmock.server import Service


class Reload:
    """The settings of a running server, and the files they came from."""

    def __init__(self, service: Service, settings: Settings, say: Callable[[str], None]) -> None:
        self._service, self._settings, self._say = service, settings, say

    def files(self) -> list[WatchedFile]:
        """The files to look at, each with what to do when it has changed."""
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
        """The rules that the config now comes to; the options that can change have changed. Raises ValueError."""
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
