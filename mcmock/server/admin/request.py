"""What a handler of the control API is given, and how it may end: the words that the route table and its handlers share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from mcmock.engine import Emulator
from mcmock.engine.scopes import Scopes
from mcmock.server.admin.long_responses import LongResponses
from mcmock.server.endpoint import Endpoint
from mcmock.server.presence import Presence
from mcmock.server.request_counts import RequestCounts


class AdminError(Exception):
    """Ends a control request with a status and a code."""

    def __init__(self, status: int, code: str, message: str, *, ends: bool = False) -> None:
        super().__init__(message)
        self.status, self.code = status, code
        self.ends = ends  # the connection, because the body was not read


class AdminRequest(NamedTuple):
    """A control request, as its handler sees it."""

    emulator: Emulator
    request: web.BaseRequest
    arguments: Mapping[str, str]
    body: Any
    lasting: LongResponses
    scopes: Scopes
    meter: RequestCounts
    place: Endpoint
    presence: Presence | None
    """Whether players find the server; None where the sockets are somebody else's."""

    @property
    def is_about_all(self) -> bool:
        """Whether it is asked without a scope, as what is about the whole server has to be."""
        return self.emulator is self.scopes.default


Reply = web.StreamResponse | dict[str, Any]
Handler = Callable[[AdminRequest], Awaitable[Reply]]
