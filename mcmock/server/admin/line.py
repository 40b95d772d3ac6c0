"""The line in which questions wait for their turn: in one pass of the event loop, one of them goes on for one slice.

Between two slices the loop answers whoever else has sent something, so that the longest that anybody waits for a question is
one slice, however many are asked at once. How a question pauses is `mcmock.core.turns`'.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Final, TypeVar

from mcmock.core.turns import Turn
from mcmock.engine import Emulator

T = TypeVar("T")

MAX_QUESTIONS: Final = 16
"""Questions that take turns at once. Each has a thread; those beyond wait."""


class Line:
    """The line of one server. Used on its loop only."""

    def __init__(self) -> None:
        self.owns_process = False
        """Whether the process is the server's alone. The garbage collector then passes over what questions have made:
        a look through a hundred thousand judged events takes it a third of a second."""
        self.begin()

    def begin(self) -> None:
        """Begin anew, on whatever loop asks next."""
        self._next, self._places = asyncio.Lock(), asyncio.Semaphore(MAX_QUESTIONS)

    async def ask(self, emulator: Emulator, question: Callable[[], T]) -> T:
        """Return what the question returns. One that nobody waits for any more is broken off."""
        async with self._places:
            turn = Turn(emulator.engine.lock, question)
            try:
                while not await self._go_on(turn):
                    pass
            finally:
                turn.end()
            return turn.answer()

    def thaw(self) -> None:
        """Let the collector look at everything again: what was judged has been forgotten."""
        if self.owns_process:
            gc.unfreeze()

    async def _go_on(self, turn: Turn[T]) -> bool:
        async with self._next:
            is_answered = turn.go_on()
        if self.owns_process:
            gc.freeze()
        await asyncio.sleep(0)  # for whoever else has sent something
        return is_answered
