"""Answers that last: streams, downloads and waits. It knows which are under way, so that a server that stops can end them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiohttp import web

T = TypeVar("T")


class LongResponses:
    """The long answers of one server. Used on its loop only."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ended = False

    async def perform(self, work: Coroutine[Any, Any, T], request: web.BaseRequest) -> T | None:
        """Return the result of `work`, which answers `request`, or None if the server stopped first.

        If `work` fails in the middle of its answer the connection is cut: a clean end would look like a whole answer.
        """
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        try:
            if self._ended:
                task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and task.exception() is not None and request.transport is not None:
                request.transport.abort()
        finally:
            task.cancel()  # does nothing to one that is done; the rest is a client that went away
            self._tasks.discard(task)
        return None if task.cancelled() else task.result()

    def begin(self) -> None:
        """Let answers last again, after `end`."""
        self._ended = False

    def end(self) -> None:
        """Break off what is under way, and whatever begins from now on."""
        self._ended = True
        for task in self._tasks:
            task.cancel()
