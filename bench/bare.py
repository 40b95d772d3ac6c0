"""The yardstick: the smallest aiohttp application that answers 204 and does nothing else.

python bench/bare.py PORT [--uvloop] [--tls CERTIFICATE]
"""

from __future__ import annotations

import argparse
import asyncio
import ssl

from aiohttp import web


async def answer(request: web.Request) -> web.Response:
    return web.Response(status=204)


async def serve(port: int, certificate: str | None) -> None:
    app = web.Application()
    for path in ("/api/v1/sessions", "/api/v1/sessions/{sid}/events"):
        app.router.add_post(path, answer)
        app.router.add_options(path, answer)
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--tls", metavar="CERTIFICATE", help="a file with the certificate and its key")
    chosen = parser.parse_args()
    if chosen.uvloop:
        import uvloop

        uvloop.run(serve(chosen.port, chosen.tls))
    else:
        asyncio.run(serve(chosen.port, chosen.tls))


if __name__ == "__main__":
    main()
