"""How an operation becomes true: who runs it, over which Transaction, and what has to happen before it counts.

A Committer is handed operations and runs them one after the other under the engine's lock. This one is for state that
lives in memory: what an operation writes is there at once, and nobody else has to be asked. `mcmock.storage` has one for
state that a file keeps, and one for state that several servers share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from mcmock.core.model import Answer, Delivery, RawHeaders, Request, Response
from mcmock.engine.engine import Engine
from mcmock.engine.state import Transaction
from mcmock.protocols.base import KnownLine

Result = TypeVar("Result")


class Committer(Protocol):
    """Runs operations."""

    has_store: bool
    """Whether a store keeps the state."""

    knows_scopes: bool
    """Whether a store may know of named scopes that this process has not made."""

    blocks: bool
    """Whether an operation may wait for something outside this process, so that an event loop must not call it."""

    def handle(self, request: Request) -> Answer:
        """Judge one request, log it, and say what to answer. Never raises."""
        ...

    def take(self, request: Request) -> Response | Answer:
        """`handle` for a caller that writes at once: a Response has only to be written, and is in the log as sent."""
        ...

    def take_known(self, line: KnownLine, target: str, headers: RawHeaders, body: bytes) -> Response | None:
        """`take` for what is known by its form: see `Engine.take_known`. None, with nothing done: `take` it."""
        ...

    def submit(self, request: Request, done: Callable[[Answer], None]) -> None:
        """`handle` for a caller that must not wait: `done` gets the answer, here and now or later on another thread."""
        ...

    def run(self, operation: Callable[[Transaction], Result], notice: str = "") -> Result:
        """Run an operation of the control API and return its result; those who listen are told `notice`."""
        ...

    def settle(self, seq: int, delivery: Delivery) -> None:
        """Note what became of the answer to request `seq`."""
        ...

    def clear_log(self) -> None:
        """Forget every request; sessions live on."""
        ...

    def reset(self) -> None:
        """Empty the log, forget every session, let the clock run with the wall clock again."""
        ...

    def catch_up(self) -> None:
        """Take in what other processes have done."""
        ...

    def follow(self) -> None:
        """Take in what other processes do as it happens: somebody here listens."""
        ...

    def scope_of(self, mark: str) -> str | None:
        """Return the named scope whose session ids end in `mark`, if others know one that this process does not."""
        ...

    def retire(self) -> None:
        """Free whoever waits here: the scope is forgotten."""
        ...

    def close(self) -> None:
        """Let go of what is outside this process, once everything is in it."""
        ...


class DirectCommitter:
    """State in memory: an operation is true as soon as it has run."""

    has_store = knows_scopes = blocks = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.take_known = engine.take_known

    def handle(self, request: Request) -> Answer:
        engine = self._engine
        with engine.lock:
            return engine.record(*engine.judge(engine.state, request))

    def take(self, request: Request) -> Response | Answer:
        with self._engine.lock:
            return self._engine.take(request)

    def submit(self, request: Request, done: Callable[[Answer], None]) -> None:
        done(self.handle(request))

    def run(self, operation: Callable[[Transaction], Result], notice: str = "") -> Result:
        with self._engine.lock:
            result = operation(self._engine.state)
            if notice:
                self._engine.release(notice)
            return result

    def settle(self, seq: int, delivery: Delivery) -> None:
        with self._engine.lock:
            self._engine.log.settle(seq, delivery)

    def clear_log(self) -> None:
        with self._engine.lock:
            self._engine.clear_log()

    def reset(self) -> None:
        with self._engine.lock:
            self._engine.reset()

    def catch_up(self) -> None:
        """There is no other process."""

    def follow(self) -> None:
        """There is no other process."""

    def scope_of(self, mark: str) -> str | None:  # noqa: ARG002
        return None

    def retire(self) -> None:
        self.reset()

    def close(self) -> None:
        """There is nothing outside this process."""
