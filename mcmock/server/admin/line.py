"""The line in which questions wait for their turn: in one pass of the event loop, one of them goes on for one slice.

Between two slices the loop answers whoever else has sent something, so that the longest that anybody waits for a question is
one slice, however many are asked at once. How a question pauses is `mcmock.core.turns`'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from mcmock.core.collector import collector
from mcmock.core.turns import Turn
from mcmock.engine import Emulator

T = TypeVar("T")

LONG: Final = 25
"""Slices after which a question has made so much that the garbage collector had better pass over it: a look through a hundred
thousand judged events takes it a third of a second."""

MAX_FROZEN: Final = 500
"""Long questions after which the collector looks at everything once: cycles that were alive when they were asked are let go."""

MAX_QUESTIONS: Final = 16
"""Questions that take turns at once. Each has a thread; those beyond wait."""


class Line:
    """The line of one server. Used on its loop only."""

    def __init__(self) -> None:
        self._frozen = 0  # long questions since everything was looked at
        self.begin()

    def begin(self) -> None:
        """Begin anew, on whatever loop asks next."""
        self._next, self._places = asyncio.Lock(), asyncio.Semaphore(MAX_QUESTIONS)

    async def ask(self, emulator: Emulator, question: Callable[[], T]) -> T:
        """Return what the question returns. One that nobody waits for any more is broken off."""
        async with self._places:
            turn, slices = Turn(emulator.engine.lock, question), 1
            try:
                while not await self._go_on(turn, is_long=slices >= LONG):
                    slices += 1
            finally:
                turn.end()
                self._count(is_long=slices >= LONG)
            return turn.answer()

    def thaw(self) -> None:
        """Let the collector look at everything again: what was judged has been forgotten."""
        collector.take_back()
        self._frozen = 0

    def _count(self, *, is_long: bool) -> None:
        self._frozen += is_long
        if self._frozen > MAX_FROZEN:
            self.thaw()

    async def _go_on(self, turn: Turn[T], *, is_long: bool) -> bool:
        async with self._next:
            is_answered = turn.go_on()
        if is_long:
            collector.pass_over()
        await asyncio.sleep(0)  # for whoever else has sent something
        return is_answered
