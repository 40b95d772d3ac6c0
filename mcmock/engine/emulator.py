"""The Emulator itself: the one door for requests, time, and what is done by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcmock.core.model import Answer, Delivery, Kind, Mode, Request
from mcmock.core.sessions import Phase
from mcmock.engine.decisions import DECIDERS
from mcmock.engine.queries import Asking
from mcmock.engine.types import Call
from mcmock.protocols.media_collection import wire


class Emulator(Asking):
    """Adobe's Media Collection API, in memory.

    `seed` makes session ids and fault decisions repeatable; left out, one is drawn and can be read from `.seed`.
    `strict` and `loose` choose another column of docs/fidelity.md. `max_log_bytes` bounds the log, `max_body_bytes` a
    request's body. `after_end` is what events after sessionEnd are answered: "gone" (410) or "drop" (a silent 204).
    `cors_headers` and `cors_max_age` widen the preflight for browsers that ask for more than Content-Type.
    `faults` are in force from the start, and again after every reset.
    Raises ValueError for options that contradict each other.
    """

    def sibling(self, scope: str) -> Emulator:
        """Another emulator with these options, for a scope of its own: empty, its clock running with the wall clock."""
        return Emulator(scope=scope, **self._options())

    def catch_up(self) -> None:
        """Take in what other processes have done: there is none that shares this one's memory."""

    def find_scope(self, mark: str) -> str | None:  # noqa: ARG002
        """The named scope whose session ids end in `mark`, if others know one that this process does not."""
        return None

    def close(self) -> None:
        """Let go of what is outside this process: there is nothing."""

    def retire(self) -> None:
        """Free whoever waits here: its scope is forgotten."""
        self.reset()

    def _options(self) -> dict[str, Any]:
        """What an emulator like this one is made with."""
        return {
            "seed": self.seed, "strict": self.mode is Mode.STRICT, "loose": self.mode is Mode.LOOSE,
            "after_end": self._after_end, "faults": self._faults.initial, "time": self._clock.another(), **self._bounds,
        }  # fmt: skip

    def handle(self, request: Request) -> Answer:
        """Judge one request, log it, and say what to answer. Never raises: see rule 3."""
        with self._lock:
            now = self._clock.now()
            try:
                call = self._look(request, now)
                decision = self._meet_faults(call) if self._faults.armed else DECIDERS[call.route.kind](self, call)
            except Exception as error:  # rule 3: whatever it is, the client gets an answer and the log an entry
                self._broken += 1
                call = Call(request, now, wire.Route(Kind.OTHER), None)
                decision = self._break(call, error)
            return self._record(call, decision)

    def submit(self, request: Request, done: Callable[[Answer], None]) -> None:
        """`handle` for a caller that must not wait: `done` gets the answer, here and now or later on another thread."""
        done(self.handle(request))

    def settle(self, seq: int, delivery: Delivery) -> None:
        """Note what became of the answer to request `seq`."""
        with self._lock:
            self._journal.settle(seq, delivery)

    def clear_log(self) -> None:
        """Forget every request; sessions live on."""
        with self._lock:
            self._journal.clear()
            self._forget_judges()
            self._broken = 0

    def expire(self, session_id: str) -> bool:
        """From now on the session answers 410. False if there is no such session."""
        return self._close(session_id, Phase.EXPIRED)

    def forget(self, session_id: str) -> bool:
        """From now on the session answers 404, as if it had never been issued. False if there is no such session."""
        return self._close(session_id, Phase.FORGOTTEN)

    @property
    def now(self) -> float:
        with self._lock:
            return self._clock.now()

    @property
    def frozen(self) -> bool:
        with self._lock:
            return self._clock.frozen

    def advance(self, seconds: float) -> float:
        """Move the emulator's clock forward and return its time. Raises ValueError for a negative step."""
        with self._lock:
            return self._released(self._clock.advance(seconds), "clock")

    def freeze(self) -> float:
        with self._lock:
            return self._released(self._clock.freeze(), "clock")

    def resume(self) -> float:
        with self._lock:
            return self._released(self._clock.resume(), "clock")

    def reset(self) -> None:
        """Empty the log, forget every session, let the clock run with the wall clock again."""
        with self._lock:
            self._forget_all()
            self._clock.reset()
            self._faults.reset(self._clock.now())
            self._journal.clear()
            self._released(None, "reset")
