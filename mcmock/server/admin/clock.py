"""The control API's routes for time and for starting over; each calls one method of the Emulator."""

from __future__ import annotations

from mcmock.server.admin.faults import end_refusal
from mcmock.server.admin.listings import emptied
from mcmock.server.admin.request import AdminRequest, Reply


async def handle_clock(asked: AdminRequest) -> Reply:
    return {"now": asked.emulator.now, "frozen": asked.emulator.frozen}


async def handle_advance(asked: AdminRequest) -> Reply:
    seconds = asked.body.get("seconds") if isinstance(asked.body, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ValueError('advance needs {"seconds": …}, a number')
    asked.emulator.advance(seconds)
    return await handle_clock(asked)


async def handle_freeze(asked: AdminRequest) -> Reply:
    asked.emulator.freeze()
    return await handle_clock(asked)


async def handle_resume(asked: AdminRequest) -> Reply:
    asked.emulator.resume()
    return await handle_clock(asked)


async def handle_reset(asked: AdminRequest) -> Reply:
    await emptied(asked, asked.emulator, asked.emulator.reset)
    await end_refusal(asked)
    return {}
