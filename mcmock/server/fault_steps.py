"""Performs the steps of a faulty answer on a connection: sends, drips, waits, closes, resets. It decides nothing.

Waiting is in seconds of the emulator's clock, and counts from the moment of the decision: a clock that is advanced releases
an answer at once, a frozen one holds it. Nothing is polled: the emulator calls when its time is moved or its faults change,
and a timer stands for time that simply passes. What became of the answer is what `perform` returns.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from mcmock.core.model import Answer, Close, Delivery, Drip, Reset, Send, Step, Wait
from mcmock.engine import Emulator
from mcmock.faults.active import Hold
from mcmock.server.accepting import end_with_reset

SHORTEST_PAUSE = 0.02
"""Seconds between two pieces of a dripped answer, at least: faster ones go in larger pieces, not more often."""


def reset_socket(transport: asyncio.Transport) -> None:
    """Let the end of a connection be a RST. Set on a duplicate of the socket, because not every loop lends its own."""
    own = transport.get_extra_info("socket")
    if own is not None:
        with suppress(OSError), socket.socket(fileno=os.dup(own.fileno())) as twin:
            end_with_reset(twin)


async def perform(emulator: Emulator, answer: Answer, transport: asyncio.Transport) -> Delivery:
    """Carry out `answer.steps`; returns when the last one is done, or the client is gone, or the answer was dropped."""
    with _StepRunner(emulator, answer, transport) as stage:
        for step in answer.steps:
            settled = await _PERFORMERS[type(step)](stage, step)
            if settled is not None:
                return settled
        return Delivery.SENT


class _StepRunner:
    """One answer on one connection. While it lasts, the stage hears when the connection ends or time is moved."""

    def __init__(self, emulator: Emulator, answer: Answer, transport: asyncio.Transport) -> None:
        self.emulator, self.answer, self.transport = emulator, answer, transport
        self.at = answer.at
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> _StepRunner:
        self._stop = self.emulator.on_release(self._ring)
        self._protocol = self.transport.get_protocol()
        self.transport.set_protocol(_DisconnectWatcher(self._protocol, self._news))
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()
        if not self.gone:  # what the lookout hears of a connection that ends, it passes on
            self.transport.set_protocol(self._protocol)

    def _ring(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._news.set)

    @property
    def gone(self) -> bool:
        return self.transport.is_closing()

    @property
    def ending(self) -> Delivery:
        """What became of an answer whose connection has ended: the client left, or the server did."""
        return Delivery.ABORTED if getattr(self._protocol, "stopping", False) else Delivery.CLIENT_GONE

    async def wait(self, seconds: float | None) -> Delivery | None:
        """Until the emulator's clock has passed so many more seconds, or the fault frees what it holds."""
        due = None if seconds is None else self.at + seconds
        while True:
            self._news.clear()
            if self.gone:
                return self.ending
            if due is None and self._has_ended():
                self.close()
                return Delivery.CLIENT_GONE
            hold = self.emulator.hold(self.answer)
            if hold is Hold.DROPPED:
                return self.close()
            left = self._left(due)
            if hold is Hold.FREED or (left is not None and left <= 0):
                self.at = self.at if due is None else due
                return None
            await self._next_news(left)

    def _has_ended(self) -> bool:
        """Return whether the client ended its side before this stage began: it may still read, but not for ever."""
        return bool(getattr(self._protocol, "ended", False))

    def _left(self, due: float | None) -> float | None:
        return None if due is None else due - self.emulator.now

    async def _next_news(self, left: float | None) -> None:
        """What is left passes by itself only while the clock runs; then 1 ms more, so that the timer is never early."""
        timeout = None if left is None or self.emulator.frozen else left + 0.001
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._news.wait()

    def close(self) -> Delivery:
        """Once only: asyncio's TLS transport that is closed twice answers no question any more."""
        if not self.gone:
            self.transport.close()
        return Delivery.ABORTED

    def reset(self) -> Delivery:
        reset_socket(self.transport)
        self.transport.abort()
        return Delivery.ABORTED


class _DisconnectWatcher(asyncio.Protocol):
    """Stands before a connection's protocol while an answer is held back, and hears when the client goes."""

    def __init__(self, protocol: Any, news: asyncio.Event) -> None:
        self._protocol = protocol
        self._news = news

    def data_received(self, data: bytes) -> None:
        self._protocol.data_received(data)

    def eof_received(self) -> None:
        """Who has nothing more to say while we keep silent has given up: the transport closes."""

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._protocol.connection_lost(error)
        self._news.set()


# -- one performer for each step: None goes on with the next, a Delivery is the end --------------------------------------


async def _send(stage: _StepRunner, step: Send) -> Delivery | None:
    if stage.gone:
        return stage.ending
    stage.transport.write(step.raw)
    return None


async def _drip(stage: _StepRunner, step: Drip) -> Delivery | None:
    size = max(1, int(step.bytes_per_second * SHORTEST_PAUSE))
    for start in range(0, len(step.raw), size):
        piece = step.raw[start : start + size]
        settled = await stage.wait(len(piece) / step.bytes_per_second)
        if settled is not None:
            return settled
        stage.transport.write(piece)
    return None


async def _wait(stage: _StepRunner, step: Wait) -> Delivery | None:
    return await stage.wait(step.seconds)


async def _close(stage: _StepRunner, step: Close) -> Delivery | None:
    return stage.ending if stage.gone else stage.close()


async def _reset(stage: _StepRunner, step: Reset) -> Delivery | None:
    return stage.ending if stage.gone else stage.reset()


_PERFORMERS: dict[type[Step], Callable[[_StepRunner, Any], Awaitable[Delivery | None]]] = {
    Send: _send,
    Drip: _drip,
    Wait: _wait,
    Close: _close,
    Reset: _reset,
}
