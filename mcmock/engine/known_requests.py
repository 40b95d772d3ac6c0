"""Decides about requests that are known by their form, in fewer steps and with the same result as `decisions`.

It is asked where no fault is in force, and none has been. What it cannot decide it leaves as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from mcmock.core import sessions
from mcmock.core.model import Finding, Kind, RawHeaders, Response, Verdict
from mcmock.core.tables import short_key
from mcmock.engine.decisions import DecisionContext
from mcmock.engine.state import State
from mcmock.protocols.base import KnownForms

MAX_PREFLIGHTS: Final = 256
"""Header lines of preflights that were decided about; past that, remembering starts over."""

Decided = tuple[Verdict, str | None, str | None, tuple[Finding, ...], Response]
"""What is decided about a request, with its session, its event's type and what is found in it."""


Decider = Callable[[str | None, RawHeaders, bytes, float], Decided | None]
"""Returns what is decided about a request that names this session, and writes what that changes; None, with nothing changed, if
it takes more than its form. It gets the header lines, the body, and the time."""


class _Preflight(NamedTuple):
    """Preflights with these header lines: what is found in each, and how it is answered."""

    headers: RawHeaders
    findings: tuple[Finding, ...]
    answer: Callable[[float], Response]


class KnownRequests:
    """Those of an API, decided over `state` by the decider of their kind.

    `look_at` returns what the ordinary way finds in preflights with these lines.
    """

    def __init__(
        self,
        forms: KnownForms,
        state: State,
        scene: DecisionContext,
        look_at: Callable[[RawHeaders], tuple[Finding, ...]],
    ) -> None:
        self._accepted, self._sessions = forms.accepted, state.sessions
        self._forms, self._state, self._scene, self._look_at = forms, state, scene, look_at
        self._recall_event = forms.recalls(Kind.EVENT, scene.policy.mode)
        self._recall_start = forms.recalls(Kind.SESSION, scene.policy.mode)
        self._preflights: dict[int, _Preflight] = {}  # by the id of their header lines
        self.deciders: dict[Kind, Decider] = {
            Kind.EVENT: self._event, Kind.SESSION: self._start, Kind.PREFLIGHT: self._preflight,
        }  # fmt: skip

    def _event(self, session_id: str | None, __: RawHeaders, body: bytes, now: float) -> Decided | None:
        recalled, session = self._recall_event(body), self._sessions.get(session_id or "")
        if recalled is None or session is None or not sessions.is_open_at(session, now):
            return None
        event_type, playhead, ts, findings, _ = recalled
        session_id, response = session.id, self._accepted(now)
        self._sessions.put_logged(session_id, sessions.take(session, event_type, playhead, now, ts))
        return Verdict.ACCEPTED, session_id, event_type, findings, response

    def _start(self, _: str | None, __: RawHeaders, body: bytes, now: float) -> Decided | None:
        recalled = self._recall_start(body)
        if recalled is None:
            return None
        session_id = self._scene.issue(self._state, self._scene.scope, short_key(recalled.content))
        response = self._forms.created(now, session_id)
        self._state.sessions.put(session_id, sessions.open_session(session_id, recalled.playhead, now))
        return Verdict.CREATED, session_id, recalled.event_type, recalled.findings, response

    def _preflight(self, session_id: str | None, headers: RawHeaders, _: bytes, now: float) -> Decided:
        kept = self._preflights.get(id(headers))
        if kept is None or kept.headers is not headers:
            kept = self._read_preflight(headers)
        return Verdict.ACCEPTED, session_id, None, kept.findings, kept.answer(now)

    def _read_preflight(self, headers: RawHeaders) -> _Preflight:
        """Decide about a preflight with these lines, which is decided the same way each time."""
        findings = self._look_at(headers)
        if len(self._preflights) >= MAX_PREFLIGHTS:
            self._preflights.clear()
        kept = self._preflights[id(headers)] = _Preflight(headers, findings, self._forms.preflighted(headers))
        return kept
