"""What a test holds in its hand: a running emulator with an address, and the questions a test asks it."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from mcmock.emulator import Emulator, Summary
from mcmock.match import Match
from mcmock.model import Exchange
from mcmock.server import Service, ServiceThread
from mcmock.views import SessionView


class McmockServer:
    """A server on a thread of its own; a context manager. `options` are those of Emulator, and `host` and `port`."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, **options: Any) -> None:
        self.emulator = Emulator(**options)
        self.clock = TestClock(self.emulator)
        self._thread = ServiceThread(Service(self.emulator, host=host, port=port))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.stop()

    @property
    def url(self) -> str:
        return self._thread.service.url

    @property
    def admin_url(self) -> str:
        return self._thread.service.admin_url

    def requests(self, **match: Any) -> list[Exchange]:
        """The exchanges that match, oldest first."""
        return self.emulator.requests(Match(match))

    def request(self, **match: Any) -> Exchange:
        """The one exchange that matches. Raises AssertionError if there is none, or more than one."""
        found = self.requests(**match)
        if len(found) != 1:
            raise AssertionError(f"expected exactly one request with {Match(match)}, but there are {len(found)}")
        return found[0]

    def sessions(self) -> list[SessionView]:
        return self.emulator.sessions()

    def session(self) -> SessionView:
        """The one session. Raises AssertionError if there is none, or more than one."""
        found = self.sessions()
        if len(found) != 1:
            raise AssertionError(f"expected exactly one session, but there are {len(found)}")
        return found[0]

    def wait_for(self, *, count: int = 1, timeout: float = 5.0, **match: Any) -> list[Exchange]:
        """Those exchanges, as soon as there are `count`. Raises AssertionError after `timeout` seconds without them."""
        found = self.emulator.wait_for(Match(match), count, timeout)
        if len(found) < count:
            raise AssertionError(f"waited {timeout} s for {count} × {Match(match)}, but got {len(found)}")
        return found

    def summary(self) -> Summary:
        return self.emulator.summary()

    def reset(self) -> None:
        self.emulator.reset()


class TestClock:
    """The emulator's clock, from a test's side; times in seconds since the epoch."""

    __test__ = False  # pytest: this is no test case

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def now(self) -> float:
        return self._emulator.now

    def advance(self, seconds: float) -> float:
        return self._emulator.advance(seconds)

    def freeze(self) -> float:
        return self._emulator.freeze()

    def resume(self) -> float:
        return self._emulator.resume()
