"""A server that is not there for a while: for how long, what ends it, and who else on the same ports is told.

Sockets live in real time, and the end of a refusal is told by the emulator's clock, as everything that a fault lasts: a clock
that is advanced ends it at once. A frozen clock holds it, but not where it also keeps away whoever could let the clock run:
then it lasts no longer than so many real seconds.

This closes no socket and opens none; it says when. Used on the loop of its service only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, NamedTuple

from mcmock.core import clock
from mcmock.engine import Emulator

_logger = logging.getLogger("mcmock")

RETRY_DELAY = 1.0
"""Real seconds after which it is tried again to listen, where that failed."""


class Refused(NamedTuple):
    """Connections are refused until the emulator's clock says `until`, and for no more than `at_most` real seconds."""

    until: float
    at_most: float | None = None


class Presence:
    """Whether players find the server. `leave` closes its ports, sparing these connections; `come_back` opens them again."""

    def __init__(
        self,
        emulator: Emulator,
        leave: Callable[[Collection[Any]], Awaitable[None]],
        come_back: Callable[[], Awaitable[None]],
    ) -> None:
        self._emulator, self._leave, self._come_back = emulator, leave, come_back
        self.order: Callable[[Refused | None], Awaitable[None]] = self.obey
        """Says to all who listen on these ports that they refuse, or (None) listen again; returns when they do."""
        self.refused: Refused | None = None
        """The refusal that is under way."""
        self._timer: asyncio.Task[None] | None = None
        self._asking: list[Any] = []
        self._changing = asyncio.Lock()
        self._there = asyncio.Event()
        self._there.set()

    async def refuse(self, seconds: float, *, at_most: float | None = None, asking: Any = None) -> Refused:
        """Refuse from now on, for so many seconds; a refusal that is under way ends. Return it.

        `asking` is the connection that asked, which gets its answer; all others are reset.
        """
        refused = Refused(self._emulator.now + seconds, at_most)
        self._asking.append(asking)
        try:
            await self.order(refused)
        finally:
            self._asking.remove(asking)
        return refused

    async def end(self) -> None:
        """Listen again, if it is a refusal that keeps the server from that."""
        if self.refused is not None:
            await self.order(None)

    async def obey(self, refused: Refused | None) -> None:
        """Refuse here, or (None) listen again if it is a refusal that keeps this process from that. Raises OSError."""
        async with self._changing:
            if refused is None and self.refused is None:
                return
            await self.forget()
            if refused is not None:
                await self._leave(tuple(self._asking))
                self._wait_for_end_of(refused)
                return
            try:
                await self._come_back()
            except OSError:
                self._wait_for_end_of(Refused(self._emulator.now))  # it is tried again
                raise

    async def forget(self) -> None:
        """Leave it to others whether the server is there: nothing comes back by itself."""
        timer, self._timer, self.refused = self._timer, None, None
        self._there.set()
        if timer is not None and timer is not asyncio.current_task():
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)

    async def back(self) -> None:
        """Return when nothing is refused (any more)."""
        await self._there.wait()

    def _wait_for_end_of(self, refused: Refused) -> None:
        self.refused = refused
        self._there.clear()
        self._timer = asyncio.get_running_loop().create_task(self._wait(refused))

    async def _wait(self, refused: Refused) -> None:
        """Come back when the time is up."""
        await self._until(refused)
        is_said = False
        while True:
            try:
                async with self._changing:
                    await self._come_back()
                    self._timer = self.refused = None
                    self._there.set()
                    return
            except OSError as error:
                if not is_said:
                    _logger.warning(f"cannot listen again: {error}; trying again")
                is_said = True
            await asyncio.sleep(RETRY_DELAY)

    async def _until(self, refused: Refused) -> None:
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        latest = None if refused.at_most is None else clock.monotonic() + refused.at_most

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(news.set)

        stop = self._emulator.on_release(wake)
        try:
            while (left := self._left(refused.until, latest)) is None or left > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if left is None else left + 0.001):
                        await news.wait()
                news.clear()
        finally:
            stop()

    def _left(self, until: float, latest: float | None) -> float | None:
        """Return how many real seconds it takes at most, as things stand; None where that is for ever."""
        left = until - self._emulator.now
        real = None if latest is None else latest - clock.monotonic()
        if self._emulator.frozen and left > 0:
            return real
        return left if real is None else min(left, real)
