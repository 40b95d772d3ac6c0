"""The HTTP shell: turns requests into `Request`s, performs `Answer`s on the socket, and serves the control API.

    http_io.py, connection.py             the emulated API: reading a request, writing the exact bytes
    fast_path.py, pieces.py               plain events answered where they arrive; one head or one body at a time for aiohttp
    aiohttp_adapter.py                    every name of aiohttp's inside
    fault_steps.py                        what a fault made of an answer
    admin/                                the control API under /__admin, one table of routes
    endpoint.py, addresses.py             under which names the server is reached, and by which certificates
    app.py                                both behind one handler; create_app for aiohttp's own test client
    listener.py, accepting.py             listens; a thread of its own for the fixture

It decides nothing that the core could decide.
"""

from mcmock.server.app import create_app
from mcmock.server.listener import Service, ServiceThread

__all__ = ["Service", "ServiceThread", "create_app"]
