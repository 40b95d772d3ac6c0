"""`--watch`: reads a file again when it has changed, and leaves everything as it was when the new one is bad.

It looks at the file's size and time of change; what stands in it is decided elsewhere. A file begins what is in force: a reset
goes back to it, and what the control API has changed since then is replaced with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mcmock.faults import FaultRule, load_file

EVERY = 0.25
"""Seconds between two looks."""

Load = Callable[[Path], Any]
Begin = Callable[[Any], Any]
Say = Callable[[str], None]
Told = Callable[[Any], str]


def _count(rules: tuple[FaultRule, ...]) -> str:
    return f"{len(rules)} {'fault' if len(rules) == 1 else 'faults'}"


class WatchedFile:
    """A file, as it was when last looked at.

    `begin` takes the rules (`Emulator.begin_with_faults`), `say` one line for the terminal. `load` reads the file; another
    than `load_file` for one whose faults stand among other things, such as mcmock.toml, or for one of another kind. `what` is
    in it, and `told` words what was read.
    """

    def __init__(
        self, path: Path, begin: Begin, say: Say, load: Load = load_file, what: str = "faults", told: Told = _count
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
