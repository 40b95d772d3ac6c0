"""Turns: how a question that takes long lets others be answered in between.

A question is an ordinary function. In a test it runs to its end. A server runs it on a thread of its own, which goes on
only while the event loop lends it a slice of time and waits, so that of the two only one is ever at work. The loops that may
be long call `pause`: when the slice is used up it lets go of the emulator's lock, and returns in the question's next turn.

Rules of this file:

1. What was read before a `pause` may be different after it: the log goes on. Only a loop that looks anew may call it.
2. A question asks one emulator. The lock of another one would stay taken.
3. Where no turns are taken `pause` does nothing: what a test sees, and what judges a request, is of one moment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from typing import Any, Final, Generic, TypeVar

from mcmock.core import clock

T = TypeVar("T")

TIME_SLICE: Final = 0.002
"""Seconds that a question goes on before others get their turn."""

LET_GO_AT_ONCE: Final = 16
SORTED_AT_ONCE: Final = 2048

_here: Final = threading.local()


def pause() -> None:
    """Let others have their turn, if this question takes turns and its slice is used up."""
    turn: Turn[Any] | None = getattr(_here, "turn", None)
    if turn is not None and clock.monotonic() >= turn.until:
        turn.wait()


def paused(values: Iterable[T]) -> Iterator[T]:
    """Yield the values, with a `pause` behind each: for what is held by the question alone."""
    for value in values:
        yield value
        pause()


def sorted_in_turns(values: Sequence[T], key: Callable[[T], Any]) -> list[T]:
    """Return the values in the order of their keys, as `sorted` does, with a `pause` now and then where there are many."""
    parts = [sorted(values[at : at + SORTED_AT_ONCE], key=key) for at in paused(range(0, len(values), SORTED_AT_ONCE))]
    return parts[0] if len(parts) == 1 else [*paused(merge(*parts, key=key))]


def let_go_in_turns(values: list[Any], *, first: bool = False) -> None:
    """Keep these values until the question is answered, and let go of them bit by bit: a hundred thousand at once take long.

    What holds others goes `first`: what they alone would hold is let go of with them, in one piece.
    """
    turn: Turn[Any] | None = getattr(_here, "turn", None)
    if turn is not None:
        turn.kept.insert(0 if first else len(turn.kept), values)


def let_go(values: list[Any]) -> None:
    """Let go of these values bit by bit, with a `pause` now and then."""
    while values:
        del values[-LET_GO_AT_ONCE:]
        pause()


class BrokenOff(BaseException):
    """Ends a question that nobody waits for any more."""


class Turn(Generic[T]):
    """One question about what `lock` guards. `go_on` and `end` are for who lends it time, `until` and `wait` for `pause`."""

    def __init__(self, lock: threading.RLock, question: Callable[[], T]) -> None:
        self.until = 0.0
        self.kept: list[list[Any]] = []
        self._question = question
        self._lent = threading.Condition(lock)
        self._is_lent = self._is_broken_off = self._is_answered = False
        self._slice_over = threading.Semaphore(0)
        self._answer: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="mcmock-question", daemon=True)
        self._thread.start()

    def go_on(self) -> bool:
        """Lend it a slice, and wait for its end. Returns whether the question is answered."""
        with self._lent:
            self._is_lent = True
            self._lent.notify()
        self._slice_over.acquire()
        return self._is_answered

    def answer(self) -> T:
        """Return the answer, or raise what the question raised."""
        if self._error is not None:
            raise self._error
        return self._answer[0]

    def end(self) -> None:
        """Break the question off if it is not answered."""
        with self._lent:
            self._is_broken_off = True
            self._lent.notify()

    def wait(self) -> None:
        """Give back what is left of the slice, and wait for the next one without the lock."""
        self._slice_over.release()
        self._await_turn()

    def _await_turn(self) -> None:
        with self._lent:  # however often this thread has taken the lock: Condition.wait lets go of it altogether
            while not (self._is_lent or self._is_broken_off):
                self._lent.wait()
            self._is_lent = False
        if self._is_broken_off:
            raise BrokenOff
        self.until = clock.monotonic() + TIME_SLICE

    def _let_go(self) -> None:
        for values in self.kept:
            let_go(values)

    def _run(self) -> None:
        _here.turn = self
        try:
            self._await_turn()
            self._answer.append(self._question())
            self._let_go()
        except BaseException as error:
            self._error = error
        self._is_answered = True
        self._slice_over.release()
