"""The yardstick: the smallest aiohttp application that answers 204 and does nothing else.

python bench/bare.py PORT [--uvloop]
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web


async def answer(request: web.Request) -> web.Response:
    return web.Response(status=204)


async def serve(port: int) -> None:
    app = web.Application()
    app.router.add_post("/api/v1/sessions/{sid}/events", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


def main() -> None:
    if "--uvloop" in sys.argv:
        import uvloop

        uvloop.run(serve(int(sys.argv[1])))
    else:
        asyncio.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
