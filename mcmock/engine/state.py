"""What the Emulator holds: sessions, log, clock, faults and the lock over them; how they begin and how they are forgotten."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from mcmock.analytics import View
from mcmock.core import clock, sessions
from mcmock.core.model import FaultHit, Mode
from mcmock.core.sessions import Phase, Session
from mcmock.engine import weights
from mcmock.engine.log import Journal, Listener
from mcmock.engine.session_analysis import Fed
from mcmock.engine.types import (
    DEFAULT_BODY_BYTES,
    DEFAULT_LOG_BYTES,
    DEFAULT_SCOPE,
    MARK_LENGTH,
    MOST_AT_ALL,
    MOST_CONTENTS,
    AfterEnd,
    Anything,
    mark,
    turn,
)
from mcmock.faults.active import InForce
from mcmock.faults.rule import FaultRule
from mcmock.protocols.media_collection import wire


class State:
    """The state and the few ways to change it. Whoever calls an underscored method holds the lock."""

    has_store = False
    """Whether a store keeps it, which may know of scopes that this process has not made."""
    blocks = False
    """Whether `handle` may wait for something outside this process, so that an event loop must not call it."""

    def __init__(
        self,
        *,
        seed: int | None = None,
        strict: bool = False,
        loose: bool = False,
        max_log_bytes: int = DEFAULT_LOG_BYTES,
        max_body_bytes: int = DEFAULT_BODY_BYTES,
        after_end: AfterEnd = "gone",
        cors_headers: str = wire.ALLOW_HEADERS,
        cors_max_age: int | None = None,
        time: clock.Clock | None = None,
        scope: str = DEFAULT_SCOPE,
        faults: Iterable[FaultRule] = (),
    ) -> None:
        self.scope = scope
        self.max_body_bytes = max_body_bytes
        self._clock = time or clock.Clock()
        self._bounds: dict[str, Any] = {
            "max_log_bytes": max_log_bytes, "max_body_bytes": max_body_bytes,
            "cors_headers": cors_headers, "cors_max_age": cors_max_age,
        }  # fmt: skip
        self._answers = wire.Answers(cors_headers, cors_max_age)
        self._journal = Journal(max_log_bytes, self._is_session)
        self._lock = threading.RLock()
        self._faults = InForce(faults, self._clock.now())
        self._wakes: list[Callable[[], None]] = []
        self._part = 1.0
        self.configure(seed=seed, strict=strict, loose=loose, after_end=after_end)
        self._forget_all()

    def configure(
        self, *, seed: int | None = None, strict: bool = False, loose: bool = False, after_end: AfterEnd = "gone"
    ) -> None:
        """Judge by these options from the next request on; what was judged before stays as it was. Raises ValueError."""
        if strict and loose:
            raise ValueError("strict and loose exclude each other: choose one")
        if after_end not in ("gone", "drop"):
            raise ValueError(f"after_end must be 'gone' or 'drop', not {after_end!r}")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise ValueError(f"seed must be a whole number, not {seed!r}")
        with self._lock:
            self.seed = secrets.randbits(32) if seed is None else seed
            self.mode = Mode.STRICT if strict else Mode.LOOSE if loose else Mode.DEFAULT
            self._after_end: AfterEnd = after_end

    def share(self, part: float) -> None:
        """Keep no more than this part of what one emulator may: there are others in this process."""
        with self._lock:
            self._part = self._faults.part = part
            self._journal.bound(int(self._bounds["max_log_bytes"] * part))

    def _most(self, number: int) -> int:
        """How many of something may be kept here, of which one emulator alone may keep `number`."""
        return int(number * self._part)

    def _forget_all(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._issued: dict[str, int] = {}
        self._doomed: dict[str, FaultHit] = {}  # sessions that a fault has closed
        self._forget_judges()
        self._views: dict[View, list[str]] = {}  # sessions of the same viewer and content, oldest first
        self._view_of: dict[str, tuple[View | None, int]] = {}  # which of them a session is
        self._broken = self._forgotten = 0
        self._aging: deque[str] = deque()  # sessions to look at before others are forgotten

    def on_release(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake`, under the lock, whenever held answers may go on: time or faults changed. Returns how to stop."""
        with self._lock:
            self._wakes.append(wake)

        def stop() -> None:
            with self._lock:
                self._wakes.remove(wake)

        return stop

    def _released(self, result: Anything, notice: str = "faults") -> Anything:
        """Wake those who hold answers back, and tell listeners why."""
        for wake in self._wakes:
            wake()
        self._journal.tell(notice, 0)
        return result

    def _issue(self, content: str) -> str:
        """A new session id: 64 lower-case hex, the same ones again for the same seed.

        It depends on what is watched and on how often that was before, not on the order in which players arrive: so that
        parallel load gets the same ids, and with them the same faults, each time.
        """
        number = (self._issued.get(content) or self._issued.get("", 0)) + 1
        self._issued[content] = number
        if forgotten := weights.drop_oldest(self._issued, self._most(MOST_CONTENTS), lambda content: not content):
            self._issued[""] = max(self._issued.get("", 0), *forgotten)
        drawn = hashlib.sha256(
            f"{self.seed}/{self.scope}/{content}/{number}".encode(errors="surrogatepass")
        ).hexdigest()
        return drawn if self.scope == DEFAULT_SCOPE else drawn[:-MARK_LENGTH] + mark(self.scope)

    def _session(self, session_id: str, now: float) -> Session | None:
        session = self._sessions.get(session_id)
        if session is None:
            return None
        current = sessions.at(session, now)
        if current is not session:
            self._sessions[session_id] = current
        return current

    def _is_session(self, session_id: str) -> bool:
        """Whether it was opened and is remembered. No decision: a kept emulator notes what those look at."""
        return dict.__contains__(self._sessions, session_id)

    def _forget_old(self, now: float) -> None:
        """Look at two of the oldest sessions for each new one, so that no request pays for all of them."""
        looked_at = []
        for session_id in turn(self._aging, self._sessions):
            session = self._session(session_id, now)
            if session is None:
                continue
            looked_at.append(session)
            if session.phase is not Phase.OPEN and not self._journal.knows(session_id):
                self._drop_session(session_id)
        if len(self._sessions) > self._most(MOST_AT_ALL) and looked_at:
            silent = min(looked_at, key=lambda session: session.touched_at)
            if silent.id in self._sessions:
                self._drop_session(silent.id)

    def _drop_session(self, session_id: str) -> None:
        del self._sessions[session_id]
        self._doomed.pop(session_id, None)
        self._drop_judge(session_id)
        self._journal.forget(session_id)
        self._forgotten += 1
        view, place = self._view_of.pop(session_id, (None, 0))
        if view is None:
            return
        alike = self._views[view]
        alike[place] = ""  # the others keep their places
        while alike and not alike[-1]:
            alike.pop()
        if not alike:
            del self._views[view]

    def _forget_judges(self) -> None:
        self._judges: dict[str, Fed] = {}
        self._judged = 0  # bytes that they take together

    def _drop_judge(self, session_id: str) -> None:
        fed = self._judges.pop(session_id, None)
        if fed is not None:
            self._judged -= fed.weight

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of every exchange, delivery and reset, under the lock: it may only hand over, never wait."""
        with self._lock:
            return self._journal.subscribe(listener)

    def _close(self, session_id: str, phase: Phase) -> bool:
        with self._lock:
            now = self._clock.now()
            session = self._session(session_id, now)
            if session is None:
                return False
            self._sessions[session_id] = sessions.close(session, phase, now)
            return True
