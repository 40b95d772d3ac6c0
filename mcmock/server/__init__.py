"""The HTTP shell: turns requests into `Request`s, performs `Answer`s on the socket, and serves the control API.

    emulated.py, connection.py            the emulated API: reading a request, writing the exact bytes
    lane.py, pieces.py                    plain events answered where they arrive; one head or one body at a time for aiohttp
    perform.py, deciding.py               what a fault made of an answer; deciding beside the loop where a store is waited for
    admin.py and its handlers             the control API under /__admin, one table of routes
    guard.py, place.py, addresses.py      who may ask the control API, and under which names the server is reached
    app.py                                both behind one handler; create_app for aiohttp's own test client
    service.py                            listens; a thread of its own for the fixture

It decides nothing that the core could decide.
"""

from mcmock.server.app import create_app
from mcmock.server.listener import Service, ServiceThread

__all__ = ["Service", "ServiceThread", "create_app"]
