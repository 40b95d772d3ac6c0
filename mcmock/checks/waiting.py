"""A check that is asked again as requests arrive: what has been found so far, and whether more could change the answer.

A Watch is told of arrivals by the emulator and looks only at what is new, so that waiting costs the same beside a log of a
million requests. It never sleeps: whoever made it is called back (`wake`, under the emulator's lock: it may only hand
over) and then calls `look` from a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from mcmock.checks.verification import Check, ReadableLog, Verification, verify
from mcmock.core.match import Match
from mcmock.core.model import Exchange
from mcmock.core.notices import Listener, Notice

_PASSED_OVER = ("delivery", "evicted")
"""Notices that change no answer: what was evicted did arrive."""


class Watched(ReadableLog, Protocol):
    """What a Watch looks at; the Emulator is one."""

    @property
    def last_seq(self) -> int: ...

    def sessions_since(self, seq: int) -> set[str]: ...

    def subscribe(self, listener: Listener) -> Callable[[], None]: ...


class Watch:
    """One check over one log, from `with` to the end of the block."""

    def __init__(self, log: Watched, asked: Check, wake: Callable[[], None]) -> None:
        self._log = log
        self._asked = asked
        self._wake = wake
        self._afresh()

    def __enter__(self) -> Self:
        self._stop = self._log.subscribe(self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _afresh(self) -> None:
        self._stale = False  # first: what is emptied from here on is heard again
        self._seen = 0
        self._found: dict[int, Exchange] = {}

    def _hear(self, notice: Notice) -> None:
        if notice.what in _PASSED_OVER:
            return
        if notice.what != "exchange":  # the log was emptied, or time was moved: what was found may not hold any more
            self._stale = True
        self._wake()

    def look(self) -> Verification | None:
        """Return the answer, if nothing that may still arrive can change it."""
        asked = self._asked
        if asked.pattern is not None:
            answer = verify(self._log, asked)
            return answer if answer.passed else None
        self._gather()
        if asked.most is None:
            return self.answer() if len(self._found) >= asked.least else None
        return self.answer() if len(self._found) > asked.most else None

    def answer(self) -> Verification:
        """Return the answer as things stand now."""
        return verify(self._log, self._asked, None if self._asked.pattern else self._exchanges())

    def _exchanges(self) -> list[Exchange]:
        return [self._found[seq] for seq in sorted(self._found)]

    def _gather(self) -> None:
        """Take in what has arrived since the last look."""
        if self._stale:
            self._afresh()
        since, self._seen = self._seen, self._log.last_seq
        if since and self._asked.match.derived:
            self._look_again_at(self._log.sessions_since(since))
        self._add(self._asked.match, since)

    def _look_again_at(self, session_ids: set[str]) -> None:
        """An event may change what becomes of the earlier ones of its session."""
        self._found = {seq: one for seq, one in self._found.items() if one.session_id not in session_ids}
        for session_id in session_ids:
            if self._asked.match.allows_session(session_id):
                self._add(Match({**self._asked.match.wanted, "session": session_id}), 0)

    def _add(self, match: Match, since: int) -> None:
        self._found.update((one.seq, one) for one in self._log.requests(match, since=since))
