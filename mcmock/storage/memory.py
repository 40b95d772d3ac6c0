"""State that lives as long as the process: an Emulator keeps what it has, and nobody else has to be asked or told."""

from __future__ import annotations

from typing import Any

from mcmock.engine import Emulator


class MemoryStore:
    """The memory of this process. It has nothing to lose time with: the Emulator is the plain one."""

    name = "memory"

    def emulator(self, *, lazy: bool = False, **options: Any) -> Emulator:  # noqa: ARG002
        return Emulator(**options)

    def close(self) -> None:
        """There is nothing to let go of."""
