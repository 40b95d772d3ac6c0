"""What a handler of the control API is given, and how it may end: the words that the route table and its handlers share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from aiohttp import web

from mcmock.engine import Emulator
from mcmock.engine.scopes import Scopes
from mcmock.server.admin.line import Line
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


T = TypeVar("T")


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

    line: Line

    @property
    def is_about_all(self) -> bool:
        """Whether it is asked without a scope, as what is about the whole server has to be."""
        return self.emulator is self.scopes.default

    async def answer(self, question: Callable[[], T], emulator: Emulator | None = None) -> T:
        """Return what a question to the emulator, or to another one of the server, returns. Others have their turns meanwhile."""
        return await self.line.ask(emulator or self.emulator, question)


Reply = web.StreamResponse | dict[str, Any]
Handler = Callable[[AdminRequest], Awaitable[Reply]]
