"""The HTTP shell: turns requests into `Request`s, performs `Answer`s on the socket, and serves the control API.

    emulated.py   the emulated API: reading a request, writing the exact bytes
    admin.py      the control API under /__admin, one table of routes
    app.py        both behind one handler; create_app for aiohttp's own test client
    service.py    listens: connections, addresses, a thread of its own for the fixture
"""

from mcmock.server.app import create_app
from mcmock.server.service import Service, ServiceThread

__all__ = ["Service", "ServiceThread", "create_app"]
