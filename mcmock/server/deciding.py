"""From a request to its answer on an event loop, where a shared store may take its time."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from mcmock.core.model import Answer, Request
from mcmock.engine import Emulator
from mcmock.engine.scopes import Scopes


async def decide(scopes: Scopes, request: Request) -> tuple[Emulator, Answer]:
    """The emulator whose scope the request is of, and its answer, where that may wait for a store."""
    at_hand = scopes.is_at_hand(request)
    emulator, asked = scopes.place(request) if at_hand else await asyncio.to_thread(scopes.place, request)
    return emulator, await _submitted(emulator, asked)


async def _submitted(emulator: Emulator, request: Request) -> Answer:
    loop = asyncio.get_running_loop()
    decided: asyncio.Future[Answer] = loop.create_future()

    def settle(answer: Answer) -> None:
        if not decided.done():
            decided.set_result(answer)

    def tell(answer: Answer) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, answer)

    emulator.submit(request, tell)
    return await decided
